//! Every manifest in `tests/manifests/`: broken ones with their diagnostics, good ones with the policy they compile to.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use airlock_policy::{Checked, Code, Severity, beside, compile, compile_with};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Compiles a manifest of `tests/manifests`, whose definitions lie beside it.
fn at<'t>(folder: &str, text: &'t str, name: &'t str) -> Checked<'t> {
    compile_with(text, name, &beside(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder)))
}

const BROKEN: &str = "tests/manifests";
const GOOD: &str = "tests/manifests/good";

fn manifests(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    let read = |file: PathBuf| (file.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(&file).unwrap());
    files.into_iter().map(read).collect()
}

fn broken() -> Vec<(String, String)> {
    manifests(BROKEN)
}

fn good() -> Vec<(String, String)> {
    let mut all = manifests(GOOD);
    all.extend(manifests("examples/weather").into_iter().map(|(_, text)| ("weather.toml".to_owned(), text)));
    all
}

#[test]
fn broken_manifests_give_their_diagnostics_and_no_policy() {
    let all = broken();
    assert!(all.len() >= 45, "{}", all.len());
    for (name, text) in &all {
        let checked = at(BROKEN, text, name);
        assert!(checked.compiled().is_none(), "{name} compiled");
        assert!(checked.diagnostics().iter().any(|diagnostic| diagnostic.severity == Severity::Error), "{name}");
        insta::assert_snapshot!(format!("broken__{name}"), checked.render(false));
    }
}

#[test]
fn good_manifests_compile() {
    for (name, text) in &good() {
        let checked = at(GOOD, text, name);
        let compiled = checked.compiled().unwrap_or_else(|| panic!("{}", checked.render(false)));
        insta::assert_json_snapshot!(format!("good__{name}"), compiled.policy());
        if !checked.diagnostics().is_empty() {
            insta::assert_snapshot!(format!("good__{name}__warnings"), checked.render(false));
        }
    }
}

#[test]
fn the_examples_have_nothing_to_remark() {
    for folder in ["examples/weather", "examples/files_upstream"] {
        let all = manifests(folder);
        let (name, text) = all.iter().find(|(name, _)| name == "airlock.toml").unwrap();
        let checked = at(folder, text, name);
        assert_eq!(checked.render(false), "");
        assert!(checked.compiled().is_some());
    }
}

#[test]
fn every_code_is_unique_documented_and_shown_by_a_manifest() {
    let texts: BTreeSet<&str> = Code::ALL.iter().map(|code| code.text()).collect();
    assert_eq!(texts.len(), Code::ALL.len());
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/diagnostics.md")).unwrap();
    let headings: BTreeSet<&str> =
        page.lines().filter_map(|line| line.strip_prefix("### ")?.split_once(": ")).map(|(code, _)| code).collect();
    assert_eq!(headings, texts, "headings of docs/diagnostics.md");
    let reported = |folder: &'static str| {
        move |(name, text): &(String, String)| {
            at(folder, text, name).diagnostics().iter().map(|diagnostic| diagnostic.code).collect::<Vec<_>>()
        }
    };
    let mut shown: BTreeSet<Code> =
        broken().iter().flat_map(reported(BROKEN)).chain(good().iter().flat_map(reported(GOOD))).collect();
    // The one code whose manifest would be a megabyte of file.
    let large = " ".repeat(airlock_policy::limits::MANIFEST_MAX + 1);
    shown.extend(compile(&large, "large.toml").diagnostics().iter().map(|diagnostic| diagnostic.code));
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !shown.contains(code)).collect();
    assert!(missing.is_empty(), "no manifest shows {missing:?}");
}

#[test]
fn a_script_gets_every_place() {
    let text = "airlock = 1\n[gateway]\nname = \"ü\"\nnmae = 1\n[keys]\naccept = [\"k1\"]\n[tools.airlock_audit_tail]\nwhy = \"x\"\n[[grant]]\nsubject = \"a\"\ntools = [\"airlock_audit_tail\"]\nissue = \"operator\"\nwhy = \"x\"\n";
    insta::assert_json_snapshot!(compile(text, "airlock.toml").to_json());
}

#[test]
fn complete_manifests_in_the_documentation_compile() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/manifest.md")).unwrap();
    let blocks = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let (complete, parts): (Vec<&str>, Vec<&str>) = blocks.partition(|block| block.starts_with("airlock = 1"));
    assert!(!complete.is_empty() && !parts.is_empty());
    for text in &complete {
        let checked = compile(text, "docs/manifest.md");
        assert!(checked.compiled().is_some() && checked.diagnostics().is_empty(), "{}", checked.render(false));
    }
    // A part is not a whole manifest, but must have nothing worse than missing sections and names that it does not declare itself.
    for text in parts {
        let checked = compile(text, "docs/manifest.md");
        let incomplete = [Code::MissingKey, Code::UndeclaredHost, Code::GrantTool, Code::IssueToolMissing];
        assert!(
            checked.diagnostics().iter().all(|diagnostic| incomplete.contains(&diagnostic.code)),
            "{}",
            checked.render(false)
        );
    }
}

#[test]
fn every_warning_is_a_lint_and_no_error_is() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/manifest.md")).unwrap();
    let mut seen = BTreeSet::new();
    for code in Code::ALL {
        assert_eq!(code.lint().is_some(), code.severity() == Severity::Warning, "{code:?}");
        if let Some(lint) = code.lint() {
            assert!(seen.insert(lint), "{lint} twice");
            assert!(page.lines().any(|line| line.starts_with(&format!("| `{lint}` |")) && line.contains(code.text())), "{lint}");
        }
    }
}

#[test]
fn lints_change_what_is_said_and_nothing_that_is_compiled() {
    let (_, text) = good().into_iter().find(|(name, _)| name == "warnings.toml").unwrap();
    let plain = at(GOOD, &text, "a.toml");
    let with = |lints: &str| text.replacen("[keys]", &format!("[lints]\n{lints}\n[keys]"), 1);
    let lints: Vec<&str> = Code::ALL.iter().filter_map(|code| code.lint()).collect();
    assert_eq!(plain.diagnostics().len(), lints.len(), "the manifest shows every warning once");
    for allowed in &lints {
        let text = with(&format!("warnings = \"deny\"\n{allowed} = {{ level = \"allow\", why = \"x\" }}"));
        let checked = at(GOOD, &text, "a.toml");
        assert!(checked.compiled().is_none());
        let left: BTreeSet<_> = checked.diagnostics().iter().map(|d| (d.severity, d.code.lint())).collect();
        let others = lints.iter().filter(|lint| *lint != allowed).map(|lint| (Severity::Error, Some(*lint)));
        assert_eq!(left, others.collect(), "{allowed}");
    }
    let all: String = lints.iter().map(|lint| format!("{lint} = {{ level = \"allow\", why = \"x\" }}\n")).collect();
    let allowed = with(&all);
    let checked = at(GOOD, &allowed, "a.toml");
    assert_eq!(checked.render(false), "");
    assert_eq!(checked.compiled(), plain.compiled(), "same policy, same digest");
}

/// The compiler knows the factors of risk by name and by the most that each can add; both stand in the page that a test of the
/// runtime holds to its code.
#[test]
fn factors_are_those_of_the_page_on_risk() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/risk.md")).unwrap();
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split('|');
        let name = cells.next()?.trim().trim_end_matches('`').to_owned();
        let most = cells.next()?.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse::<u16>().ok()).max()?;
        Some((name, most))
    };
    let listed: Vec<(String, u16)> = page.lines().filter_map(row).collect();
    let known: Vec<(String, u16)> = airlock_policy::factor::ALL.iter().map(|one| (one.name.to_owned(), one.most)).collect();
    assert_eq!(listed, known);
}
