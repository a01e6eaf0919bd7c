//! Hostile text: never a panic, never a policy from a mistake, and no more work than the size of the text warrants.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use airlock_policy::limits::{DIAGNOSTICS_MAX, MANIFEST_MAX};
use airlock_policy::{Code, Severity, compile};
use proptest::prelude::*;

const EVERY_KEY: &str = include_str!("../../tests/manifests/good/every-key.toml");
const EVERYTHING: &str = include_str!("../../tests/manifests/good/everything.toml");
const WEATHER: &str = include_str!("../../examples/weather/airlock.toml");

/// Compiles and renders in every way, and gives whether a policy came out.
fn exercise(text: &str) -> bool {
    let checked = compile(text, "airlock.toml");
    let errors = checked.diagnostics().iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    assert_eq!(checked.compiled().is_none(), errors, "{}", checked.render(false));
    let page = checked.render(true);
    assert!(checked.diagnostics().len() <= DIAGNOSTICS_MAX && page.len() <= 16_384 * (DIAGNOSTICS_MAX + 1));
    assert_eq!(checked.to_json().as_array().unwrap().len(), checked.diagnostics().len());
    for diagnostic in checked.diagnostics() {
        assert!(diagnostic.message.len() < 1000, "{}", diagnostic.message);
    }
    !errors
}

/// Manifests made to be slow or deep, each of the largest size that is read.
fn floods() -> Vec<(&'static str, String)> {
    let fill = |piece: &dyn Fn(usize) -> String| {
        let mut text = "airlock = 1\n".to_owned();
        for n in 0.. {
            let piece = piece(n);
            if text.len() + piece.len() > MANIFEST_MAX {
                break;
            }
            text.push_str(&piece);
        }
        text
    };
    vec![
        ("unknown keys", fill(&|n| format!("k{n} = 1\n"))),
        ("unknown tables", fill(&|n| format!("[t{n}]\n"))),
        ("tools", fill(&|n| format!("[tools.t{n}]\n"))),
        ("egress", fill(&|n| format!("[[egress]]\nhost = \"h{n}.example.com\"\nwhy = \"x\"\n"))),
        ("grants", fill(&|_| "[[grant]]\n".to_owned())),
        ("double keys", fill(&|_| "a = 1\n".to_owned())),
        ("broken lines", fill(&|_| "= = [\n".to_owned())),
        ("open brackets", fill(&|_| "[".to_owned())),
        ("open arrays", format!("a = {}", "[".repeat(MANIFEST_MAX - 10))),
        ("open tables", format!("a = {}", "{a=".repeat(MANIFEST_MAX / 3 - 10))),
        ("dotted keys", format!("{}a = 1", "a.".repeat(MANIFEST_MAX / 2 - 10))),
        ("deep headers", fill(&|n| format!("[{}k{n}]\n", "a.".repeat(70)))),
        ("one long line", format!("airlock = 1 # {}", "x".repeat(MANIFEST_MAX - 20))),
        ("one long text", format!("airlock = 1\n[gateway]\nname = \"{}\"", "x".repeat(MANIFEST_MAX - 100))),
        ("one long key", format!("airlock = 1\n{} = 1", "x".repeat(MANIFEST_MAX - 100))),
        ("hidden characters", fill(&|_| "# \u{202e}\n".to_owned())),
        ("a long list", format!("airlock = 1\n[keys]\naccept = [{}]", "\"k\",".repeat(MANIFEST_MAX / 4 - 20))),
        ("a huge number", format!("airlock = {}", "9".repeat(MANIFEST_MAX - 20))),
        ("a huge fraction", format!("airlock = 1\n[risk]\nthreshold = 0.{}", "9".repeat(MANIFEST_MAX - 60))),
        ("upstreams", fill(&|n| format!("[upstreams.u{n}]\ncommand = []\n"))),
        ("tools of one upstream", fill(&|n| format!("[upstreams.u.tools.t{n}]\n"))),
        ("REST tools", fill(&|n| format!("[tools.t{n}]\nhttp = {{}}\ninput.a = {{}}\n"))),
        ("host groups", fill(&|n| format!("[hosts.g{n}]\nhosts = [\"@g{n}\"]\n"))),
        ("rule sets", fill(&|n| format!("[args.a{n}]\nmin = 1\n"))),
        ("flows", fill(&|_| "[[flow]]\n".to_owned())),
        ("requirements", fill(&|_| "[[require]]\n".to_owned())),
        (
            "a long URL",
            format!("airlock = 1\n[tools.t]\nhttp.url = \"https://a.example.com/{}\"", "{a}".repeat(MANIFEST_MAX / 3 - 40)),
        ),
        ("tokens", fill(&|n| format!("k{n} = \"ghp_{}\"\n", "a1B2c3D4e5".repeat(4)))),
        ("parts of tokens", format!("airlock = 1\n# {}", "ghp_".repeat(MANIFEST_MAX / 4 - 10))),
        ("parts of JSON web tokens", format!("airlock = 1\n# {}", "eyJ-".repeat(MANIFEST_MAX / 4 - 10))),
        ("beginnings of keys", format!("airlock = 1\n# {}", "-----BEGIN PRIVATE KEY-----".repeat(MANIFEST_MAX / 27 - 10))),
        ("users in URLs", format!("airlock = 1\n# {}", "://a:b@".repeat(MANIFEST_MAX / 7 - 10))),
        ("too large", " ".repeat(MANIFEST_MAX + 1)),
    ]
}

#[test]
fn floods_are_refused_with_a_bounded_answer() {
    for (name, text) in floods() {
        assert!(!exercise(&text), "{name}");
    }
}

#[test]
fn what_is_left_out_is_counted() {
    let text = format!("airlock = 1\n{}", (0..1000).map(|n| format!("k{n} = 1\n")).collect::<String>());
    let checked = compile(&text, "airlock.toml");
    assert_eq!(checked.diagnostics().len(), DIAGNOSTICS_MAX);
    assert_eq!(checked.diagnostics().len() + checked.omitted(), 1000 + 4, "1000 keys and four missing sections");
    assert!(checked.render(false).ends_with(&format!("and {} more", checked.omitted())));
}

#[test]
fn an_error_past_the_kept_diagnostics_still_stops_the_policy() {
    // 256 warnings come first; the one error is among what is left out.
    let hosts: String = (0..250).map(|n| format!("[[egress]]\nhost = \"ü{n}.example.com\"\nwhy = \"x\"\n")).collect();
    let text = format!(
        "airlock = 1\n[gateway]\nname = \"g\"\n[keys]\naccept = [\"k1\"]\n{hosts}[tools.airlock_audit_tail]\nwhy = \"x\"\n[[grant]]\nsubject = \"a\"\ntools = [\"airlock_audit_tail\"]\nissue = \"self\"\nwhy = \"x\"\n"
    );
    let checked = compile(&text, "airlock.toml");
    assert!(checked.compiled().is_none());
    assert!(
        checked.diagnostics().iter().any(|diagnostic| diagnostic.code == Code::IssueToolMissing),
        "errors are kept before warnings"
    );
}

/// Patterns that cost the most for their length: too large, nearly so, and small only after all the work.
#[test]
fn a_manifest_of_costly_patterns_is_refused_after_bounded_work() {
    let set = |n: usize, pattern: &str| format!("[args.a{n}]\nmatches = '{pattern}{n}'\n");
    for pattern in ["(a|b)*a(a|b){20}x", "(\\w{100}){100}x", "(.{1000}){1000}x"] {
        let text = format!("airlock = 1\n{}", (0..128).map(|n| set(n, pattern)).collect::<String>());
        assert!(!exercise(&text));
        let checked = compile(&text, "airlock.toml");
        let large = checked.diagnostics().iter().filter(|one| one.code == Code::LargePattern).count();
        assert_eq!(large, 128, "also those that are not tried any more");
    }
}

/// A secret stands in no rendering of any diagnostic, wherever it is and whatever else is wrong there.
#[test]
fn no_diagnostic_repeats_a_secret() {
    let token = format!("ghp_{}", "a1B2c3D4e5F6".repeat(3));
    for base in [EVERY_KEY, WEATHER, EVERYTHING] {
        let values: Vec<usize> = base.match_indices('"').map(|(at, _)| at + 1).collect();
        for at in values {
            let text = format!("{}{token}{}", &base[..at], &base[at..]);
            let checked = compile(&text, "airlock.toml");
            assert!(checked.compiled().is_none());
            assert!(checked.diagnostics().iter().any(|one| one.code == Code::Secret), "{text}");
            let told = format!("{}{}{:?}", checked.render(false), checked.to_json(), checked.diagnostics());
            assert!(!told.contains(&token) && !told.contains("a1B2c3D4"), "{told}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_answered(text in "(?s).{0,400}") {
        prop_assert!(!exercise(&text));
    }

    #[test]
    fn toml_like_text_is_answered(parts in prop::collection::vec(
        prop::sample::select(vec!["airlock", "=", "1", "\n", "[", "]", "[[", "]]", "tools", ".", "weather_hourly", "\"", "'", "{", "}", ",",
            "grant", "egress", "why", "args", "url", "http", "input", "flow", "require", "limits", "hosts", "matches", "{a}", "https://", "max", "0.5", "nan", "\"\\u202e\"", "\u{feff}", "ü", "\r", "#", "\"\"\"", "true"]), 0..60)) {
        exercise(&parts.concat());
    }

    #[test]
    fn a_changed_manifest_is_answered(which in 0usize..3, at in any::<prop::sample::Index>(), length in 0usize..40, put in "(?s).{0,8}") {
        let base = [EVERY_KEY, WEATHER, EVERYTHING][which];
        let start = base.floor_char_boundary(at.index(base.len()));
        let end = base.ceil_char_boundary((start + length).min(base.len()));
        exercise(&format!("{}{put}{}", &base[..start], &base[end..]));
    }
}
