//! The recipes for build servers: their scripts, run with a program in `airlock`'s place that answers as it is told.
#![allow(clippy::expect_used)] // In a test a panic is the report; clippy sees only functions marked as tests.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

const GITHUB: &str = include_str!("../../templates/ci/github/airlock.yml");
const GITLAB: &str = include_str!("../../templates/ci/gitlab/.gitlab-ci.yml");

/// The block of text after the first line that is `run: |` or `- |` behind `after`.
fn script(recipe: &str, after: &str) -> String {
    let (_, rest) = recipe.split_once(after).expect("the step");
    let mut lines = rest.lines().skip_while(|line| !matches!(line.trim(), "run: |" | "- |")).skip(1).peekable();
    let depth = |line: &str| line.len() - line.trim_start().len();
    let first = depth(lines.peek().expect("a script"));
    lines.take_while(|line| line.trim().is_empty() || depth(line) >= first).map(|line| format!("{line}\n")).collect()
}

/// A repository with a manifest in its only commit, and an `airlock` that ends with `$CODE` and writes its arguments to `said`.
fn repository() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("directory");
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("bin")).expect("made");
    fs::write(at("bin/airlock"), "#!/bin/sh\necho \"$@\" >> \"$SAID\"\nexit \"$CODE\"\n").expect("written");
    fs::set_permissions(at("bin/airlock"), fs::Permissions::from_mode(0o755)).expect("mode");
    fs::write(at("airlock.toml"), "airlock = 1\n").expect("written");
    let commit = "git init -q . && git add airlock.toml && git -c user.name=a -c user.email=a@example.com commit -q -m one";
    assert!(Command::new("sh").args(["-c", commit]).current_dir(dir.path()).status().expect("git").success());
    dir
}

fn run(dir: &Path, script: &str, code: i32, variables: &[(&str, &str)]) -> Output {
    let path = format!("{}:{}", dir.join("bin").display(), std::env::var("PATH").expect("PATH"));
    // Both servers run scripts so that the first failure ends them.
    Command::new("bash")
        .args(["-e", "-o", "pipefail", "-c", script])
        .current_dir(dir)
        .env("PATH", path)
        .env("CODE", code.to_string())
        .env("SAID", dir.join("said"))
        .env("RUNNER_TEMP", dir)
        .env("GITHUB_OUTPUT", dir.join("outputs"))
        .env("GITHUB_STEP_SUMMARY", dir.join("summary"))
        .envs(variables.iter().copied())
        .output()
        .expect("bash")
}

#[test]
fn only_an_answer_of_diff_lets_a_proposal_pass() {
    let of_github = script(GITHUB, "- name: Diff against main");
    let of_gitlab = script(GITLAB, "INSTA_UPDATE");
    for (recipe, script, base) in [("GitHub", of_github, "BASE"), ("GitLab", of_gitlab, "CI_MERGE_REQUEST_DIFF_BASE_SHA")] {
        for (code, passes) in [(0, true), (1, true), (2, false), (3, false), (101, false)] {
            let dir = repository();
            let output = run(dir.path(), &script, code, &[(base, "HEAD")]);
            assert_eq!(output.status.success(), passes, "{recipe}, {code}: {}", String::from_utf8_lossy(&output.stderr));
            let said = fs::read_to_string(dir.path().join("said")).expect("airlock was asked");
            assert!(said.contains("--fail-on widening"), "{said}");
            if recipe == "GitHub" {
                let outputs = fs::read_to_string(dir.path().join("outputs")).unwrap_or_default();
                assert_eq!(outputs, if passes { format!("widens={code}\n") } else { String::new() });
            }
        }
    }
}

#[test]
fn what_is_proposed_is_not_signed() {
    let line = GITLAB.lines().find_map(|line| line.trim().strip_prefix("- sign=\"\";")).expect("the line");
    let dir = repository();
    for (branch, signs) in [("main", true), ("other", false), ("", false)] {
        let variables = [("AIRLOCK_SIGN_KEY", "key.pem"), ("CI_DEFAULT_BRANCH", "main"), ("CI_COMMIT_BRANCH", branch)];
        let output = run(dir.path(), &format!("sign=\"\";{line}; echo \"[$sign]\""), 0, &variables);
        let expected = if signs { "[--sign-key key.pem]\n" } else { "[]\n" };
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{branch:?}");
    }
    // The server evaluates the other recipe's condition; here it can only be read. The secret is named once, behind it.
    let condition =
        "github.event_name == 'push' && github.ref_name == github.event.repository.default_branch && secrets.AIRLOCK_SIGN_KEY";
    assert_eq!(GITHUB.matches("secrets.").count(), GITHUB.matches(condition).count());
    let build = script(GITHUB, "- name: Build");
    for (key, signs) in [("", false), ("a key", true)] {
        let dir = repository();
        run(dir.path(), &build, 0, &[("SIGN_KEY", key)]);
        let said = fs::read_to_string(dir.path().join("said")).expect("airlock was asked");
        assert_eq!(said.contains("--sign-key"), signs, "{said}");
        assert!(!dir.path().join("sign.pem").exists(), "the key stays on the runner");
    }
}

#[test]
fn recipes_demand_cases_and_snapshots() {
    for recipe in [GITHUB, GITLAB] {
        for part in [
            "airlock test airlock.toml --min-coverage 100",
            "airlock sources .airlock",
            "INSTA_UPDATE=no cargo test --manifest-path policy/Cargo.toml",
        ] {
            assert!(recipe.contains(part), "{part}");
        }
    }
}
