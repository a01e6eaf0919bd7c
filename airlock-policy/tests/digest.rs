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
