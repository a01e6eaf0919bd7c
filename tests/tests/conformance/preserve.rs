//! Schemas pass through the gateway as they are: the suite's own mock server is the upstream.

use crate::scene::{failures_in, head, pinned};
use airlock_tests::built;
use airlock_tests::clients::{CONFORMANCE, conformance, program, said};
use airlock_tests::place::Place;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

/// The suite's scenario for clients that must not change a schema.
const SCENARIO: &str = "json-schema-2020-12-preservation";

/// Runs the scenario with a mode of `preserve.py`; what failed, and how many checks there were.
fn run(mode: &str, argument: &Path, place: &Place, prepare: impl FnOnce(&mut Command)) -> (Vec<String>, usize) {
    let (mut suite, _) = conformance();
    let results = place.dir().join(mode);
    let client = format!("{} {CONFORMANCE}/preserve.py {mode} {}", program("python3"), argument.display());
    suite.args(["client", "--command", &client, "--scenario", SCENARIO, "--spec-version", "2026-07-28", "--output-dir"]);
    prepare(suite.arg(&results).env("NO_COLOR", "1"));
    let output = suite.output().unwrap();
    failures_in(&results, &format!("{SCENARIO}-")).unwrap_or_else(|| panic!("{SCENARIO} was not run: {}", said(&output)))
}

/// The gateway in front of the mock, whose address is told when it is started.
fn gateway(tools: &[Map<String, Value>]) -> std::path::PathBuf {
    let command = json!([program("python3"), format!("{CONFORMANCE}/preserve.py"), "serve"]);
    let mut manifest = head("preserve");
    write!(
        manifest,
        "[upstreams.mock]\ncommand = {command}\nera = \"modern\"\nenv.MOCK_URL = {{ from = \"MOCK_URL\" }}\nenv.PYTHONDONTWRITEBYTECODE = \"1\"\nnames = \"bare\"\nwhy = \"test\"\n"
    )
    .unwrap();
    let (text, file, names) = pinned("mock", tools);
    let names = json!(names);
    write!(manifest, "{text}[[grant]]\nsubject = \"agent:planner\"\ntools = {names}\nissue = \"operator\"\nmax_risk = 0.9\nuses = 10000\nwhy = \"test\"\n").unwrap();
    built::gateway_with(&manifest, &[("airlock-pins/mock.json".to_owned(), file)])
}

#[test]
fn schemas_pass_through_unchanged() {
    let place = Place::new("preserve");
    let file = place.dir().join("definitions.json");
    assert_eq!(run("record", &file, &place, |_| {}), (Vec::new(), 9), "the client itself changes nothing");
    let tools: Vec<Map<String, Value>> = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let program = gateway(&tools);
    let mut claims = place.claims(&["json_schema_echo"]);
    claims.dom = Vec::new();
    let told = run("through", &program, &place, |suite| {
        suite.env("AIRLOCK_KEY_FILE", place.key_file()).env("AIRLOCK_LEDGER_DIR", place.ledger());
        suite.env("AIRLOCK_LEASE", place.mint(&claims));
    });
    assert_eq!(told, (Vec::new(), 9));
}
