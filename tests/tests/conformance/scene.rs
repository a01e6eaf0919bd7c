//! One run of the suite: bridge, gateway, fixture, and what the suite says of them.

use airlock_runtime::upstream::definition;
use airlock_tests::built;
use airlock_tests::clients::{CONFORMANCE, conformance, program, python, said};
use airlock_tests::place::Place;
use airlock_tests::upstreams::definitions;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Which client meets which server.
pub(crate) struct Leg {
    /// What the suite speaks.
    pub(crate) revision: &'static str,
    /// What the fixture speaks.
    pub(crate) upstream: &'static str,
    /// Is the gateway between them?
    pub(crate) is_behind: bool,
}

/// What the suite found.
pub(crate) struct Told {
    /// Scenarios that the revision demands of a server.
    pub(crate) demanded: Vec<String>,
    /// Those of them that failed, with what failed in each.
    pub(crate) failed: BTreeMap<String, Vec<String>>,
}

/// Resources of the fixture: names in the manifest, URIs.
const RESOURCES: [(&str, &str); 4] = [
    ("static-text", "test://static-text"),
    ("static-binary", "test://static-binary"),
    ("watched-resource", "test://watched-resource"),
    ("template", "test://template/*"),
];

/// Prompts of the fixture, and their arguments.
const PROMPTS: [(&str, &[&str]); 5] = [
    ("test_simple_prompt", &[]),
    ("test_prompt_with_arguments", &["arg1", "arg2"]),
    ("test_prompt_with_embedded_resource", &["resourceUri"]),
    ("test_prompt_with_image", &[]),
    ("test_input_required_result_prompt", &[]),
];

fn is_offer(name: &str) -> bool {
    name == "completed"
        || name == "changes"
        || RESOURCES.iter().any(|(resource, _)| *resource == name)
        || PROMPTS.iter().any(|(prompt, _)| *prompt == name)
}

fn fixture(era: Option<&str>) -> Vec<String> {
    let command = [program("python3"), format!("{CONFORMANCE}/fixture.py")];
    command.into_iter().chain(era.map(str::to_owned)).collect()
}

/// The part of a manifest that is the same for all. Leases travel in `_meta` alone, so that definitions are listed as they are.
pub(crate) fn head(gateway: &str) -> String {
    format!(
        "airlock = 1\n[gateway]\nname = \"{gateway}\"\n[keys]\naccept = [\"k1\"]\n[lease]\ncarriers = [\"meta\"]\n[risk]\nthreshold = 0.9\n\
         [ledger]\ndir = {{ env = \"AIRLOCK_LEDGER_DIR\", default = \"./airlock-ledger\" }}\ndurability = \"process\"\n"
    )
}

/// Tools of an upstream as its manifest pins them, the file of their definitions, and their names.
pub(crate) fn pinned(upstream: &str, tools: &[Map<String, Value>]) -> (String, String, Vec<String>) {
    let (mut text, mut definitions, mut names) = (String::new(), Map::new(), Vec::new());
    for tool in tools {
        let own = tool["name"].as_str().unwrap().to_owned();
        let digest = definition::digest(tool).unwrap().map(|byte| format!("{byte:02x}")).concat();
        write!(text, "[upstreams.{upstream}.tools.{own}]\npin = \"sha256:{digest}\"\neffect = \"read\"\nwhy = \"test\"\n")
            .unwrap();
        definitions.insert(own.clone(), Value::Object(definition::pinned(tool)));
        names.push(own);
    }
    (text, json!({"airlock_definitions": 1, "tools": definitions}).to_string(), names)
}

/// The gateway in front of the fixture, which finds its era in a variable; and the names that a lease is for.
fn gateway() -> &'static (PathBuf, Vec<String>) {
    static BUILT: OnceLock<(PathBuf, Vec<String>)> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut manifest = head("conformance");
        write!(
            manifest,
            "[upstreams.fixture]\ncommand = {}\nenv.ERA = {{ from = \"ERA\" }}\nenv.PYTHONDONTWRITEBYTECODE = \"1\"\nnames = \"bare\"\nmay_ask = [\"elicitation\", \"sampling\", \"roots\"]\nmay_tell = [\"tools\", \"prompts\"]\nlog = \"debug\"\nwhy = \"test\"\n",
            json!(fixture(None))
        )
        .unwrap();
        let (text, file, mut names) = pinned("fixture", &definitions(&fixture(Some("modern"))));
        manifest += &text;
        for (name, uri) in RESOURCES {
            write!(manifest, "[upstreams.fixture.resources.{name}]\nuri = \"{uri}\"\ndescription = \"of the suite\"\neffect = \"read\"\nwhy = \"test\"\n").unwrap();
            names.push(name.to_owned());
        }
        for (name, arguments) in PROMPTS {
            let arguments = json!(arguments);
            write!(manifest, "[upstreams.fixture.prompts.{name}]\nrequired = {arguments}\ndescription = \"of the suite\"\neffect = \"read\"\nwhy = \"test\"\n").unwrap();
            names.push(name.to_owned());
        }
        manifest += "[upstreams.fixture.completions.completed]\nof = \"test_prompt_with_arguments\"\narguments = [\"arg1\", \"arg2\"]\neffect = \"read\"\nwhy = \"test\"\n";
        manifest += "[upstreams.fixture.subscriptions.changes]\nof = \"watched-resource\"\neffect = \"read\"\nwhy = \"test\"\n";
        names.extend(["completed".to_owned(), "changes".to_owned()]);
        let tools = json!(names);
        write!(manifest, "[[grant]]\nsubject = \"agent:planner\"\ntools = {tools}\nissue = \"operator\"\nmax_risk = 0.9\nuses = 10000\nwhy = \"test\"\n").unwrap();
        (built::gateway_with(&manifest, &[("airlock-pins/fixture.json".to_owned(), file)]), names)
    })
}

/// A bridge that runs, and its port.
struct Bridge(Child, u16);

impl Bridge {
    fn start(mut command: Command) -> Self {
        let mut bridge = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(bridge.stdout.as_mut().unwrap()).read_line(&mut port).unwrap();
        let port = port.trim().parse().expect("the bridge says its port");
        Self(bridge, port)
    }
}

/// Ends with its stdin, and its children with it.
impl Drop for Bridge {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// Runs the suite of one leg.
pub(crate) fn run(leg: &Leg) -> Told {
    let (mut suite, package) = conformance();
    let place = Place::new("conformance");
    let mut command = python(&Path::new(CONFORMANCE).join("bridge.py"));
    match leg.is_behind {
        false => command.args(fixture(Some(leg.upstream))),
        true => {
            let (program, names) = gateway();
            // One lease has not so many names.
            let (offers, tools): (Vec<&str>, Vec<&str>) = names.iter().map(String::as_str).partition(|name| is_offer(name));
            let lease = |names: &[&str]| {
                let mut claims = place.claims(names);
                claims.dom = Vec::new();
                place.mint(&claims)
            };
            command.env("AIRLOCK_KEY_FILE", place.key_file()).env("AIRLOCK_LEDGER_DIR", place.ledger());
            command.env("AIRLOCK_LEASE", lease(&tools)).env("AIRLOCK_OFFERS_LEASE", lease(&offers));
            command.env("ERA", leg.upstream).arg(program)
        }
    };
    let bridge = Bridge::start(command);
    let results = place.dir().join("results");
    let url = format!("http://127.0.0.1:{}/mcp", bridge.1);
    suite.args(["server", "--url", &url, "--requirements", leg.revision, "--output-dir"]).arg(&results);
    let output = suite.env("NO_COLOR", "1").output().unwrap();
    let demanded = demanded(&package, leg.revision);
    let mut failed = BTreeMap::new();
    for scenario in &demanded {
        let found = failures_in(&results, &format!("server-{scenario}-"));
        let (found, _) = found.unwrap_or_else(|| panic!("{scenario} was not run: {}", said(&output)));
        if !found.is_empty() {
            failed.insert(scenario.clone(), found);
        }
    }
    Told { demanded, failed }
}

/// The scenarios under `server:` in the suite's own list.
fn demanded(package: &Path, revision: &str) -> Vec<String> {
    let text = std::fs::read_to_string(package.join(format!("requirements/{revision}.yaml"))).unwrap();
    let section = text.lines().skip_while(|line| *line != "server:").skip(1);
    section.map_while(|line| line.strip_prefix("  - ").map(str::to_owned)).collect()
}

/// What failed in the scenario whose directory begins so, and how many checks it has; nothing where it left no result.
pub(crate) fn failures_in(results: &Path, start: &str) -> Option<(Vec<String>, usize)> {
    // Behind the name of the scenario stands the time.
    let is_of = |name: &str| name.strip_prefix(start).is_some_and(|rest| rest.starts_with("20"));
    let mut runs = std::fs::read_dir(results).ok()?.map(|entry| entry.unwrap());
    let found = runs.find(|entry| is_of(&entry.file_name().to_string_lossy()))?;
    let checks: Vec<Value> = serde_json::from_slice(&std::fs::read(found.path().join("checks.json")).ok()?).ok()?;
    let failed = checks.iter().filter(|check| check["status"] == "FAILURE");
    let told = failed.map(|check| format!("{}: {}", check["id"], check["errorMessage"]));
    Some((told.collect(), checks.len()))
}
