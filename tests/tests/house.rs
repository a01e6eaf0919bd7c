//! Rules of the house that no compiler checks: sizes and words. Each message says what to do. Those of the documents are in `docs.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

use airlock_tests::tree::{files, root};
use std::path::{Path, PathBuf};

/// Longest Rust file in lines, tests included.
const FILE_MAX: usize = 600;

#[test]
fn rust_files_stay_readable_in_one_go() {
    for (path, text) in files(&[".rs"]) {
        let lines = text.lines().count();
        assert!(lines <= FILE_MAX, "{} has {lines} lines: split it by purpose (at most {FILE_MAX})", path.display());
    }
}

#[test]
fn nothing_is_left_open() {
    // Put together here so that this file does not name what it looks for.
    let open = ["TO".to_owned() + "DO", "FIX".to_owned() + "ME", "unimplemented".to_owned() + "!(", "#[ign".to_owned() + "ore"];
    for (path, text) in files(&[".rs", ".py", ".mjs", ".toml", ".sh"]) {
        for (at, line) in text.lines().enumerate() {
            let found = open.iter().find(|word| line.contains(word.as_str()));
            assert!(found.is_none(), "{}:{}: finish it or leave it out: {line}", path.display(), at + 1);
        }
    }
}

#[test]
fn every_crate_forbids_unsafe_code() {
    for (path, text) in files(&["Cargo.toml"]) {
        if text.contains("[package]")
            && path.components().count() == 2
            && !path.starts_with("fuzz")
            && !path.starts_with("benches")
        {
            assert!(text.contains("[lints]\nworkspace = true"), "{}: take the lints of the workspace", path.display());
        }
    }
    let workspace = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(workspace.contains("unsafe_code = \"deny\""));
}

/// The lint lets one module of the product say that it needs `unsafe`, and one of a test; this says which.
#[test]
fn one_module_has_unsafe_code_and_argues_for_it() {
    // Put together here so that this file does not have what it looks for.
    let (word, allow) = ("unsa".to_owned() + "fe", "allow(unsa".to_owned() + "fe_code");
    // Of the second, no product has a line: it makes the calls of an attacker, for which there is no interface.
    let argued = ["airlock-core/src/lease/locked.rs", "tests/attack/raw.rs"].map(Path::new);
    let uses = |line: &str| {
        // A section attribute in generated code and the policy of a page for its styles say the word too, and open nothing.
        let code = line.split("//").next().unwrap().replace(&format!("{word}(link_section"), "");
        let code = code.replace(&format!("'{word}-inline'"), "");
        // Poisoned descriptions call other tools so.
        let code = code.replace(&format!("deprecated {word} insecure"), "");
        code.contains(&allow) || code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word)
    };
    let ours = files(&[".rs"]).into_iter().filter(|(path, _)| !path.starts_with("fuzz") && !path.starts_with("benches"));
    // Names for the linker, of three functions without a body to speak of, in this file and no other.
    let (named, attribute) = (Path::new("templates/gateway/main.rs"), format!("    #[{word}(no_mangle)]"));
    let is_name = |path: &Path, line: &str| path == named && line == attribute;
    let has = |path: &Path, text: &str| text.lines().any(|line| !is_name(path, line) && uses(line));
    let found: Vec<PathBuf> = ours.filter(|(path, text)| has(path, text)).map(|(path, _)| path).collect();
    assert_eq!(found, argued);
    for path in argued {
        let text = std::fs::read_to_string(root().join(path)).unwrap();
        assert!(text.lines().count() <= 130, "it stays small enough to be argued for");
        assert!(text.contains("**Why there is `"), "it argues");
        let blocks =
            text.lines().filter(|line| line.contains(&format!("{word} {{")) || line.starts_with(&format!("{word} impl"))).count();
        let reasons = text.matches("// SAFETY:").count();
        assert!(reasons >= blocks - 1, "{blocks} blocks, {reasons} reasons");
    }
}

/// The compiler must know every factor that a gateway counts, or a manifest could not ignore it and a threshold would be judged wrongly.
#[test]
fn the_compiler_knows_the_factors_of_the_gateway() {
    let known: Vec<&str> = airlock_policy::factor::ALL.iter().map(|factor| factor.name).collect();
    let counted: Vec<&str> = airlock_runtime::risk::FACTORS.into_iter().filter(|name| *name != "base").collect();
    assert_eq!(known, counted);
}

/// The features of the crates that gateways are made of: path of the manifest, and the part of it that names them.
fn features() -> impl Iterator<Item = (PathBuf, String)> {
    let manifests = files(&["Cargo.toml"]).into_iter();
    let manifests = manifests
        .filter(|(path, _)| ["airlock-core", "airlock-chain", "airlock-runtime"].iter().any(|own| path.starts_with(own)));
    manifests.map(|(path, text)| (path, text.split("[dependencies]").next().unwrap().to_owned()))
}

/// Every table of a manifest but that of tests, wherever it stands.
fn shipped(manifest: &str) -> impl Iterator<Item = &str> {
    manifest.split("\n[").filter(|table| !table.starts_with("dev-dependencies]"))
}

/// What makes a lease out of nothing is for `airlock explain`, `airlock test` and the evaluation; no gateway may be built with it.
#[test]
fn no_gateway_is_built_with_trials() {
    let named = "explain\"";
    for (path, text) in files(&["Cargo.toml", "templates/gateway/manifest.toml", "airlock-policy/src/features.rs"]) {
        let own = ["airlock-cli", "airlock-evals", "airlock-core", "airlock-chain", "airlock-runtime"];
        let may = own.iter().any(|known| path.starts_with(known));
        let is_asked = shipped(&text).any(|table| table.contains(named));
        assert!(may || !is_asked, "{}: only the command line and the evaluation have trials", path.display());
    }
    for (path, text) in features() {
        let mut uses = text.lines().filter(|line| line.contains(named) && !line.starts_with("explain = "));
        assert_eq!(uses.next(), None, "{}: no other feature brings trials along", path.display());
    }
    let lib = std::fs::read_to_string(root().join("airlock-runtime/src/lib.rs")).unwrap();
    assert!(lib.contains("#[cfg(feature = \"explain\")]\npub mod trial;"));
}

/// What lets another process than egress make requests is for tests; no gateway may be built with it.
#[test]
fn no_gateway_is_built_with_rehearsals() {
    let named = "rehearsal\"";
    for (path, text) in files(&["Cargo.toml", "templates/gateway/manifest.toml", "airlock-policy/src/features.rs"]) {
        let is_asked = shipped(&text).flat_map(str::lines).any(|line| line.contains(named) && !line.starts_with("rehearsal = "));
        assert!(path.starts_with("tests") || !is_asked, "{}: only tests have rehearsals", path.display());
    }
    let outside = std::fs::read_to_string(root().join("airlock-runtime/src/outside/mod.rs")).unwrap();
    assert!(outside.contains("#[cfg(any(test, feature = \"rehearsal\"))]\n    #[must_use]\n    pub const fn rehearsed"));
    let made =
        files(&[".rs"]).into_iter().filter(|(path, _)| path.starts_with("airlock-runtime/src") && !path.ends_with("tests.rs"));
    let made: usize = made.map(|(_, text)| text.matches("= Outside(())").count()).sum();
    assert_eq!(made, 1, "the egress role alone makes one");
}
