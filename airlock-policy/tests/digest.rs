//! The policy digest changes with every value and with nothing else.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use airlock_policy::{compile, digest};
use std::collections::BTreeSet;

const EVERY_KEY: &str = include_str!("../../tests/manifests/good/every-key.toml");

fn digest_of(text: &str) -> String {
    let checked = compile(text, "airlock.toml");
    checked.compiled().unwrap_or_else(|| panic!("{}", checked.render(false))).digest_hex()
}

#[test]
fn every_value_changes_the_digest() {
    let changes = [
        ("name = \"every-key\"", "name = \"every-keys\""),
        ("Ask for", "Ask  for"),
        ("accept = [\"k2\"", "accept = [\"k3\""),
        ("00112233445566ff", "00112233445566fe"),
        (", commitment = \"00112233445566ff\"", ""),
        ("default_ttl = \"90s\"", "default_ttl = \"91s\""),
        ("max_ttl = \"24h\"", "max_ttl = \"23h\""),
        ("carriers = [\"arguments\"]", "carriers = [\"meta\"]"),
        ("carriers = [\"arguments\"]", "carriers = [\"meta\", \"arguments\"]"),
        ("carriers = [\"arguments\"]", "carriers = [\"arguments\", \"ambient\"]"),
        ("threshold = 0.5\n", "threshold = 0.501\n"),
        ("/var/lib/airlock/ledger", "/var/lib/airlock/log"),
        ("dir = \"/var/lib/airlock/ledger\"", "dir = { env = \"L\", default = \"/var/lib/airlock/ledger\" }"),
        ("durability = \"effect\"", "durability = \"power\""),
        ("ports = [8443, 443]", "ports = [8444, 443]"),
        ("why = \"all services of the provider\"", "why = \"all services\""),
        ("ports = [8443]\n", "ports = [8443]\nstand_in = \"127.0.0.1:80\"\n"),
        ("risk_threshold = 0.70", "risk_threshold = 0.71"),
        ("base_risk = 0.125", "base_risk = 0.126"),
        ("min_length = 2", "min_length = 3"),
        ("max_length = 80", "max_length = 81"),
        ("one_of = [\"TX\", \"CA\"]", "one_of = [\"TX\", \"NY\"]"),
        ("min = 0b1", "min = 2"),
        ("max = 0x30", "max = 47"),
        ("suffix = \".json\"", "suffix = \".jsn\""),
        ("8443/v1/", "8443/v2/"),
        ("subject = \"agent:planner\"", "subject = \"agent:planer\""),
        ("tools = [\"weather_hourly\", \"http_get_json\"]\nissue = \"self\"", "tools = [\"http_get_json\"]\nissue = \"self\"\n#"),
        ("issue = \"operator\"\ndomains = []", "issue = \"self\"\ndomains = []"),
        ("domains = []", ""),
        ("max_ttl = \"1h\"", "max_ttl = \"59m\""),
        ("max_risk = 1", "max_risk = 0.999"),
        ("uses = 1_000_000", "uses = 999_999"),
        ("why = \"plan\"", "why = \"plans\""),
    ];
    let mut seen = BTreeSet::from([digest_of(EVERY_KEY)]);
    for (from, to) in changes {
        assert!(EVERY_KEY.contains(from), "{from}");
        let text = EVERY_KEY
            .replacen(from, to, 1)
            .replace("#\ndomains = [\"data.example.com\", \"*.open-meteo.com\"]", "domains = [\"data.example.com\"]");
        assert!(seen.insert(digest_of(&text)), "{from} → {to} does not change the digest");
    }
}

const EVERYTHING: &str = include_str!("../../tests/manifests/good/everything.toml");

/// Every value of the sections that `every-key.toml` has not: each change gives another digest.
/// A value of every section beside those above, and another in its place.
const OTHERS: &[(&str, &str)] = &[
    ("max_arguments = \"64KiB\"", "max_arguments = \"65KiB\""),
    ("in_flight = 32", "in_flight = 31"),
    ("timeout = \"8s\"", "timeout = \"7s\""),
    ("approval_timeout = \"3m\"", "approval_timeout = \"2m\""),
    ("step_ups = 5", "step_ups = 6"),
    ("rate = \"600/1m\"", "rate = \"601/1m\""),
    ("session_rate = \"60/1m\"", "session_rate = \"60/2m\""),
    ("session_calls = 500", "session_calls = 501"),
    ("[a-z][a-z-]*", "[a-z][a-z]*"),
    ("args.hours = { forbid = true }", "args.hours = { max = 48 }"),
    ("labels = [\"ingests:untrusted\"]", "labels = [\"ingests:untrusted\", \"reads:weather\"]"),
    ("rate = \"30/1m\"", "rate = \"31/1m\""),
    ("session_rate = \"10/1m\"", "session_rate = \"11/1m\""),
    ("session_calls = 100", "session_calls = 101"),
    ("timeout = \"5s\"", "timeout = \"4s\""),
    ("factor = \"oversized_arguments\"", "factor = \"deep_nesting\""),
    ("why = \"two short names\"", "why = \"short names\""),
    ("host_in = [\"@weather\"]", "host_in = [\"@weather\", \"tickets.example.com\"]"),
    ("max_items = 2", "max_items = 3"),
    ("title = \"Open a ticket\"", "title = \"Open one\""),
    ("Answers with its id", "Answers with the id"),
    ("effect = \"send\"", "effect = \"write\""),
    ("from = [\"intent\", \"trusted\"]", "from = [\"intent\", \"trusted\", \"text\"]"),
    ("from = [\"intent\", \"trusted\"]", "inside = false, from = [\"intent\", \"trusted\"]"),
    ("otherwise = \"ask\"", "otherwise = \"deny\""),
    ("kind = \"id\"", "kind = \"name\""),
    ("strict = false\ntrusted = true", "strict = false"),
    (", within = \"1h\" }\nlabels = [\"writes:tickets\"]", " }\nlabels = [\"writes:tickets\"]"),
    ("method = \"POST\"", "method = \"PUT\""),
    ("/v1/projects/", "/v2/projects/"),
    ("{project}/issues\"", "{title}/{project}\""),
    ("query = [\"notify\"]", "query = { inform = \"notify\" }"),
    ("\"X-Api-Version\" = \"2\"", "\"X-Api-Version\" = \"3\""),
    ("kind = { const = \"task\" }", "kind = { const = \"bug\" }"),
    ("priority = { const = 2 }", "priority = { const = 1 }"),
    ("draft = { const = false }", "draft = { const = true }"),
    ("title = \"title\", text", "subject = \"title\", text"),
    ("bearer_env = \"TICKETS_TOKEN\"", "basic_env = \"TICKETS_TOKEN\""),
    ("TICKETS_TOKEN", "TICKETS_KEY"),
    ("header = \"X-Api-Key\"", "header = \"X-Key\""),
    ("link = \"/html_url\"", "link = \"/url\""),
    ("link = \"/html_url\"", "page = \"/html_url\""),
    ("max_bytes = \"64KiB\"", "max_bytes = \"63KiB\""),
    ("description = \"One line\"", "description = \"A line\""),
    ("notify = { type = \"boolean\", required = false }", "notify = { type = \"boolean\" }"),
    ("notify = { type = \"boolean\"", "notify = { type = \"integer\""),
    ("search.example.com:8443", "search.example.com"),
    ("format = { const = \"json\" }, score = \"score\"", "score = \"score\", format = { const = \"json\" }"),
    ("select = \"/items\"", "select = \"/items/0\""),
    ("strict = false\n", ""),
    ("deny = [\"ingests:untrusted\", \"reads:private\", ", "deny = [\"ingests:untrusted\", "),
    ("ask = [", "deny = ["),
    ("why = \"no exfiltration after an injection\"", "why = \"no exfiltration\""),
    ("issue = \"human\"\nmax_ttl", "issue = \"operator\"\nmax_ttl"),
    ("exact_hosts = true, ", ""),
    ("approval = \"human\", exact", "exact"),
    ("limits = true, ", ""),
    ("max_risk_threshold = 0.6", "max_risk_threshold = 0.7"),
    ("labels = [\"writes:tickets\"], issue", "issue"),
    ("issue = \"human\", max_ttl = \"10m\"", "issue = \"self\", max_ttl = \"10m\""),
    ("max_ttl = \"10m\"", "max_ttl = \"11m\""),
    ("effect = \"read\", credentials = true, ", "credentials = true, "),
    ("credentials = true, host = \"*.example.com\"", "credentials = true"),
    ("never = { subject = \"agent:planner\", ", "never = { subject = \"agent:intern\", "),
    ("why = \"the planner only reads\"", "why = \"only reads\""),
];

#[test]
fn every_value_of_the_other_sections_changes_the_digest() {
    let mut seen = BTreeSet::from([digest_of(EVERYTHING)]);
    for (from, to) in OTHERS {
        assert!(EVERYTHING.contains(from), "{from}");
        assert!(seen.insert(digest_of(&EVERYTHING.replacen(from, to, 1))), "{from} → {to} does not change the digest");
    }
}

/// The same for who signs.
#[test]
fn every_value_about_signatures_changes_the_digest() {
    let changes = [
        ("human = true, ", ""),
        ("signatures = 2", "signatures = 1"),
        ("within = \"1h\"", "within = \"2h\""),
        ("iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w", "7UkoxijRwsbq6QM4kFmVYSlZJzpcY_k2NsFGFKyHN9E"),
        ("why = \"his deputy\"", "why = \"the deputy\""),
        ("of = [\"bob\", \"alice\"]", "of = [\"bob\", \"alison\"]"),
    ];
    let mut seen = BTreeSet::from([digest_of(EVERYTHING)]);
    for (from, to) in changes {
        assert!(EVERYTHING.contains(from), "{from}");
        let text = EVERYTHING.replacen(from, to, 1);
        let text = if to.contains("alison") { text.replace("[approvers.alice]", "[approvers.alison]") } else { text };
        assert!(seen.insert(digest_of(&text)), "{from} → {to} does not change the digest");
    }
}

/// The same for the sandboxes of upstreams, and for what they may ask and say. Without one a policy has the digest that it had before there were any.
#[test]
fn every_value_of_a_sandbox_changes_the_digest() {
    let text = include_str!("../../tests/manifests/good/upstreams.toml");
    let good = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/manifests/good");
    let compiled = |text: &str| {
        let read = airlock_policy::beside(std::path::Path::new(good));
        let checked = airlock_policy::compile_with(text, "airlock.toml", &read);
        checked.into_compiled().unwrap_or_else(|| panic!("{text}"))
    };
    let changes = [
        ("system = false, ", ""),
        ("read = [\"/opt/mcp/files\"]", "read = [\"/opt/mcp/file\"]"),
        ("write = [\"/srv/work\"]", "write = []"),
        ("exec = [\"/usr/bin/git\"]\n", ""),
        ("exec = [\"/usr/bin/git\"]", "allow_missing = [\"userns\"]"),
        ("data = \"512MiB\"", "data = \"513MiB\""),
        ("fsize = \"1MiB\"", "fsize = \"2MiB\""),
        ("cpu = \"1h\", ", ""),
        ("files = 64", "files = 65"),
        ("may_ask = [\"sampling\", \"elicitation\"]", "may_ask = [\"elicitation\"]"),
        ("ask_hosts = [\"notes.example.com\"]\n", ""),
        ("ask_hosts = [\"notes.example.com\"]", "ask_hosts = [\"note.example.com\"]"),
        ("may_tell = [\"tools\"]\n", ""),
        ("may_tell = [\"tools\"]", "may_tell = [\"prompts\"]"),
        ("of = \"file:///srv/work/{+path}\"", "of = \"file:///srv/work/{path}\""),
        ("args.uri = { suffix = \".rs\" }\nwhy = \"when sources", "args.uri = { suffix = \".md\" }\nwhy = \"when sources"),
        ("may_ask = [\"sampling\", \"elicitation\"]", "may_ask = [\"sampling\", \"elicitation\", \"roots\"]"),
        ("log = \"warning\"\n", ""),
        ("log = \"warning\"", "log = \"notice\""),
        ("arguments = [\"topic\"]", "arguments = [\"topic\", \"style\"]"),
        ("confine = { system = false, read = [\"/opt/mcp/lib\"] }\n", ""),
    ];
    let mut seen = BTreeSet::from([compiled(text).digest_hex()]);
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        assert!(seen.insert(compiled(&text.replacen(from, to, 1)).digest_hex()), "{from} → {to} does not change the digest");
    }
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/files_upstream");
    let text = std::fs::read_to_string(format!("{example}/airlock.toml")).unwrap();
    let bare: String = text.split("[upstreams.files.confine]").next().unwrap().to_owned()
        + "\n[upstreams.files.tools.read_text_file]"
        + text.split("[upstreams.files.tools.read_text_file]").nth(1).unwrap();
    let read = airlock_policy::beside(std::path::Path::new(example));
    let policy = airlock_policy::compile_with(&bare, "airlock.toml", &read).into_compiled().unwrap();
    assert_eq!(policy.digest_hex(), UNCONFINED_DIGEST);
}

#[test]
fn the_mode_changes_the_digest_and_the_default_does_not() {
    let good = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/manifests/good");
    let with = |mode: &str| {
        let text = include_str!("../../tests/manifests/good/upstreams.toml");
        let text = text.replacen("name = \"upstreams\"\n", &format!("name = \"upstreams\"\n{mode}"), 1);
        let read = airlock_policy::beside(std::path::Path::new(good));
        let checked = airlock_policy::compile_with(&text, "airlock.toml", &read);
        checked.into_compiled().unwrap_or_else(|| panic!("{text}")).digest_hex()
    };
    assert_eq!(with("mode = \"enforce\"\n"), with(""), "policies from before keep their digests");
    assert_ne!(with("mode = \"shadow\"\n"), with(""));
}

/// That of the example without its sandbox: a policy that says nothing of what is new keeps its digest.
const UNCONFINED_DIGEST: &str = "6bc353ec79abb31e7058d17c55ca48263fae1dcbf85f5a0974265bdbb046dcb7";

#[test]
fn spelling_and_comments_do_not_change_the_digest() {
    let respelled = [
        ("# Every key", "# All keys"),
        ("airlock = 1\n", "airlock  =  0x1 # one\n\n"),
        ("carriers = [\"arguments\"]", "carriers = [\n  'arguments', # here\n]"),
        ("accept = [\"k2\", { id = \"k1\", commitment", "accept = [{ id = \"k2\" }, { id = \"k1\", commitment"),
        ("default_ttl = \"90s\"\nmax_ttl = \"24h\"", "max_ttl = \"1440m\"\ndefault_ttl = \"90s\""),
        ("threshold = 0.5\n", "threshold = 0.500\n"),
        ("Geocoding-API.open-meteo.com", "geocoding-api.open-meteo.com."),
        ("ports = [8443, 443]", "ports = [443, 8443]"),
        ("risk_threshold = 0.70", "risk_threshold = 0.7"),
        ("args.city = { min_length = 2, max_length = 80 }", "args.city.max_length = 80\nargs.city.min_length = 2"),
        ("one_of = [\"TX\", \"CA\"]", "one_of = [\"CA\", \"TX\"]"),
        ("max = 0x30", "max = 48"),
        ("base_risk = 0\n", ""),
        ("max_risk = 1", "max_risk = 1.0"),
        ("uses = 1_000_000", "uses = 1000000"),
        ("\n\n", "\r\n\r\n"),
    ];
    let original = digest_of(EVERY_KEY);
    for (from, to) in respelled {
        assert!(EVERY_KEY.contains(from), "{from}");
        assert_eq!(digest_of(&EVERY_KEY.replacen(from, to, 1)), original, "{from} → {to}");
    }
}

#[test]
fn the_digest_is_that_of_the_documented_bytes() {
    let minimal = include_str!("../../tests/manifests/good/minimal.toml");
    let checked = compile(minimal, "minimal.toml");
    let compiled = checked.compiled().unwrap();
    assert_eq!(digest::hex(compiled.digest()), MINIMAL_DIGEST);
    assert_eq!(digest::policy_digest(compiled.policy()).unwrap(), *compiled.digest());
}

/// Made without this crate: `printf 'airlock/policy/v1\0%s' "$canonical_json" | sha256sum`.
const MINIMAL_DIGEST: &str = "74e8c92331945b1cc214859ecb379e140fc444cabbf3bcb9509358faff612c7c";

#[test]
fn what_is_kept_changes_the_digest_and_the_default_does_not() {
    let with = |keys: &str| EVERY_KEY.replacen("durability = \"effect\"", &format!("durability = \"effect\"\n{keys}"), 1);
    assert_eq!(digest_of(&with("evidence = \"hashes\"")), digest_of(EVERY_KEY), "policies from before keep their digests");
    let mut seen = BTreeSet::from([digest_of(EVERY_KEY)]);
    for keys in [
        "evidence = \"full\"",
        "evidence = \"redacted\"",
        "evidence = \"redacted\"\nredact = [\"a\"]",
        "evidence = \"redacted\"\nredact = [\"http_get_json.url\"]",
        "keep_evidence = \"30d\"",
        "keep_evidence = \"31d\"",
    ] {
        assert!(seen.insert(digest_of(&with(keys))), "{keys}");
    }
    let both = |redact: &str| digest_of(&with(&format!("evidence = \"redacted\"\nredact = [{redact}]")));
    assert_eq!(both("\"a\", \"b\""), both("\"b\", \"a\""));
}
