//! The recipes for build servers, step by step with the real program, in a repository that `airlock new` wrote: what needs no service.
//! The step of the snapshots is run in `tests/tests/project.rs`, which compiles that crate.
#![allow(clippy::expect_used)] // In a test a panic is the report; clippy sees only functions marked as tests.

mod built;

use built::{cache, lock, text};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const GITHUB: &str = include_str!("../../templates/ci/github/airlock.yml");
const GITLAB: &str = include_str!("../../templates/ci/gitlab/.gitlab-ci.yml");
const TEMPLATES: [&str; 4] = ["weather", "rest", "upstream", "locked"];

/// The scripts of a recipe in their order: what stands behind `run:`, or in the list below `script:`.
fn scripts(recipe: &str) -> Vec<String> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut all = Vec::new();
    let mut list = None;
    let mut lines = recipe.lines().peekable();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if list.is_some_and(|list| !trimmed.is_empty() && depth(line) <= list) {
            list = None;
        }
        if trimmed == "script:" {
            list = Some(depth(line));
            continue;
        }
        let given = trimmed.strip_prefix("run: ").or_else(|| list.and_then(|_| trimmed.strip_prefix("- ")));
        match given {
            None => {}
            Some("|") => {
                let first = depth(lines.peek().expect("a script"));
                let mut script = String::new();
                while let Some(line) = lines.next_if(|line| line.trim().is_empty() || depth(line) >= first) {
                    script += line.get(first..).unwrap_or_default();
                    script += "\n";
                }
                all.push(script);
            }
            Some(script) => all.push(script.to_owned()),
        }
    }
    all
}

/// The script that has this in it.
fn script<'s>(all: &'s [String], part: &str) -> &'s str {
    all.iter().find(|script| script.contains(part)).unwrap_or_else(|| panic!("no step has {part:?}"))
}

/// A policy repository of a template, all of it in one commit.
fn repository(scratch: &Path, template: &str) -> PathBuf {
    let dir = scratch.join(template).join("gate");
    fs::create_dir_all(dir.parent().expect("a parent")).expect("made");
    let new = built::airlock(scratch, &["new", dir.to_str().expect("UTF-8"), "--template", template]).output().expect("runs");
    assert!(new.status.success(), "{template}: {}", text(&new.stderr));
    let commit = "git init -q . && git add . && git -c user.name=a -c user.email=a@example.com commit -q -m one";
    assert!(Command::new("sh").args(["-c", commit]).current_dir(&dir).status().expect("git").success());
    let bin = dir.parent().expect("a parent").join("bin");
    fs::create_dir(&bin).expect("made");
    symlink(env!("CARGO_BIN_EXE_airlock"), bin.join("airlock")).expect("linked");
    dir
}

/// A step as both servers run it: the first failure ends it.
fn run(dir: &Path, script: &str, variables: &[(&str, &str)]) -> Output {
    let beside = dir.parent().expect("a parent");
    let path = format!("{}:{}", beside.join("bin").display(), std::env::var("PATH").expect("PATH"));
    Command::new("bash")
        .args(["-e", "-o", "pipefail", "-c", script])
        .current_dir(dir)
        .env("PATH", path)
        .env("AIRLOCK_CACHE", cache())
        .env("CARGO_NET_OFFLINE", "true")
        .env_remove("AIRLOCK_VENDOR")
        .env("RUNNER_TEMP", beside)
        .env("GITHUB_OUTPUT", beside.join("outputs"))
        .env("GITHUB_STEP_SUMMARY", beside.join("summary"))
        .envs(variables.iter().copied())
        .output()
        .expect("bash")
}

fn passes(what: &str, output: &Output) {
    assert!(output.status.success(), "{what}:\n{}\n{}", text(&output.stdout), text(&output.stderr));
}

#[test]
fn every_template_passes_its_checks_its_cases_and_the_comparison() {
    let scratch = tempfile::tempdir().expect("directory");
    for template in TEMPLATES {
        let dir = repository(scratch.path(), template);
        for (recipe, base) in [(GITHUB, "BASE"), (GITLAB, "CI_MERGE_REQUEST_DIFF_BASE_SHA")] {
            let all = scripts(recipe);
            for part in ["airlock check", "airlock test", "airlock diff"] {
                let output = run(&dir, script(&all, part), &[(base, "HEAD")]);
                passes(&format!("{template}, {part}"), &output);
            }
            // A commit that does not have the manifest has nothing to compare.
            let output = run(&dir, script(&all, "airlock diff"), &[(base, "HEAD^{tree}^")]);
            passes(&format!("{template}, nothing to compare"), &output);
        }
        let outputs = fs::read_to_string(dir.parent().expect("a parent").join("outputs")).expect("written");
        assert_eq!(outputs, "widens=0\n", "{template}");
    }
}

#[test]
fn a_wider_proposal_passes_and_says_that_it_widens() {
    let scratch = tempfile::tempdir().expect("directory");
    let dir = repository(scratch.path(), "locked");
    let path = dir.join("airlock.toml");
    let manifest = fs::read_to_string(&path).expect("readable");
    let wider = manifest.replace("max_ttl = \"1s\"", "max_ttl = \"2s\"");
    assert_ne!(wider, manifest);
    fs::write(&path, wider).expect("written");
    passes("diff", &run(&dir, script(&scripts(GITHUB), "airlock diff"), &[("BASE", "HEAD")]));
    let beside = |name: &str| fs::read_to_string(dir.parent().expect("a parent").join(name)).expect("written");
    assert_eq!(beside("outputs"), "widens=1\n");
    assert!(beside("summary").contains("checked by running both"), "{}", beside("summary"));
    let output = run(&dir, script(&scripts(GITLAB), "airlock diff"), &[("CI_MERGE_REQUEST_DIFF_BASE_SHA", "HEAD")]);
    passes("diff", &output);
    assert!(text(&output.stdout).contains("checked by running both"));
    // No manifest, no answer.
    fs::write(&path, "airlock = 1\n").expect("written");
    assert!(!run(&dir, script(&scripts(GITHUB), "airlock diff"), &[("BASE", "HEAD")]).status.success());
}

#[test]
fn what_is_built_is_verified() {
    let _lock = lock();
    let scratch = tempfile::tempdir().expect("directory");
    let dir = repository(scratch.path(), "locked");
    let all = scripts(GITHUB);
    passes("build", &run(&dir, script(&all, "airlock build"), &[("SIGN_KEY", "")]));
    let outputs = fs::read_to_string(dir.parent().expect("a parent").join("outputs")).expect("written");
    let hash = outputs.trim().strip_prefix("sha256=").expect("the hash").to_owned();
    assert_eq!(hash.len(), 64, "{outputs}");
    passes("verify", &run(&dir, script(&all, "airlock verify-build"), &[("SHA256", &hash)]));
    assert!(!run(&dir, script(&all, "airlock verify-build"), &[("SHA256", &"0".repeat(64))]).status.success());
    // GitLab's in one shell, as its runner runs them: a variable of one line is used in the next.
    let of_gitlab = scripts(GITLAB);
    let from = of_gitlab.iter().position(|script| script.starts_with("sign=")).expect("the step");
    let lines: Vec<&str> = of_gitlab[from..].iter().map(String::as_str).collect();
    assert!(lines.last().is_some_and(|line| line.starts_with("airlock verify-build")), "{lines:?}");
    let branch = [("AIRLOCK_SIGN_KEY", ""), ("CI_DEFAULT_BRANCH", "main"), ("CI_COMMIT_BRANCH", "main")];
    passes("build and verify", &run(&dir, &lines.join("\n"), &branch));
}
