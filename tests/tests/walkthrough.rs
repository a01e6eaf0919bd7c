//! The pages for newcomers, run: every command of their `console` blocks, in the order of the pages, in one empty home directory.
//!
//! A line that begins with `$ ` is a command; the lines behind it are what it prints on stdout. `…` alone on a line stands for any lines,
//! within a line for anything.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use airlock_tests::built;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The home directory on the pages.
const HOME: &str = "/home/me";

/// A command with what it prints.
#[derive(Debug)]
struct Step {
    command: String,
    prints: Vec<String>,
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        match (inside, line) {
            (false, "```console") => inside = true,
            (true, "```") => inside = false,
            (false, _) => {}
            (true, _) => match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step { command: command.to_owned(), prints: Vec::new() }),
                None => steps.last_mut().unwrap().prints.push(line.to_owned()),
            },
        }
    }
    steps
}

/// Whether a line is as the page has it.
fn is_like(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut is_open = false;
    for part in parts {
        is_open = true;
        if part.is_empty() {
            continue;
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        is_open = false;
    }
    is_open || rest.is_empty()
}

/// Whether lines are as the page has them.
fn are_like(pattern: &[String], lines: &[&str]) -> bool {
    match (pattern.split_first(), lines.split_first()) {
        (None, _) => lines.is_empty(),
        (Some((first, rest)), _) if first == "…" => (0..=lines.len()).any(|at| are_like(rest, &lines[at..])),
        (Some(_), None) => false,
        (Some((first, rest)), Some((line, others))) => is_like(first, line) && are_like(rest, others),
    }
}

#[test]
fn the_pages_for_newcomers_say_what_happens() {
    let home = tempfile::tempdir().unwrap();
    let home_text = home.path().to_str().unwrap();
    let programs = built::cli().parent().unwrap();
    let path =
        std::env::join_paths([programs.to_owned()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())))
            .unwrap();
    // Where a toolchain is found that belongs to the real home.
    let rust = |name: &str, usual: &str| {
        std::env::var_os(name).map_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(usual), PathBuf::from)
    };
    let mut dir = home.path().to_owned();
    let mut count = 0;
    for name in ["quickstart.md", "client-setup.md"] {
        let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)).unwrap();
        for Step { command, prints } in steps(&page) {
            if let Some(to) = command.strip_prefix("cd ") {
                dir = dir.join(to);
                continue;
            }
            let output = Command::new("sh")
                .args(["-c", &command])
                .current_dir(&dir)
                .env_clear()
                .env("HOME", home.path())
                .env("PATH", &path)
                .env("CARGO_HOME", rust("CARGO_HOME", ".cargo"))
                .env("RUSTUP_HOME", rust("RUSTUP_HOME", ".rustup"))
                .env("AIRLOCK_CACHE", built::target().join("tmp/airlock-cache"))
                .output()
                .unwrap();
            let said = String::from_utf8(output.stdout).unwrap().replace(home_text, HOME);
            let lines: Vec<&str> = said.lines().collect();
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {command}: {errors}");
            assert!(are_like(&prints, &lines), "{name}: $ {command}\nprints\n{said}\nand the page has\n{}", prints.join("\n"));
            count += 1;
        }
    }
    assert!(count >= 12, "only {count} commands were found: the pages are read wrongly");
}

#[test]
fn a_page_that_says_something_else_is_found() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let is = |page: &str, said: &str| are_like(&lines(page), &said.lines().collect::<Vec<_>>());
    assert!(is("a\n…\nc", "a\nb\nb\nc") && is("…", "") && is("a … c", "a b c") && is("a…", "a") && is("", ""));
    assert!(
        !is("a\nb", "a") && !is("a", "a\nb") && !is("a … c", "a b d") && !is("a", "ab") && !is("a\n…\nc", "a\nb") && !is("", "a")
    );
    assert_eq!(steps("x\n```console\n$ a b\nc\n$ d\n```\n```\n$ not\n```\n").len(), 2);
}
