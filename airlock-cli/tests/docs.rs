//! Every `airlock …` that the documents name is held to the program: its own parser takes verb, options, values and number of words.
#![allow(clippy::expect_used, clippy::unwrap_used)] // In a test a panic is the report.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("workspace").to_owned()
}

/// The documents: those at the root, the book, the examples, the templates.
fn documents() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut left = ["docs", "examples", "templates"].map(PathBuf::from).to_vec();
    let mut names: Vec<PathBuf> = ["README.md", "SECURITY.md", "CHANGELOG.md", "CONTRIBUTING.md"].map(PathBuf::from).to_vec();
    while let Some(dir) = left.pop() {
        for entry in std::fs::read_dir(root().join(&dir)).expect("a directory") {
            let entry = entry.expect("an entry");
            let name = dir.join(entry.file_name());
            match entry.file_type().expect("a type").is_dir() {
                true => left.push(name),
                false => names.push(name),
            }
        }
    }
    names.retain(|name| name.extension().is_some_and(|ending| ending == "md"));
    for name in names {
        let text = std::fs::read_to_string(root().join(&name)).expect("a text");
        found.push((name, text));
    }
    found
}

/// A command of a document.
struct Named {
    line: usize,
    words: Vec<String>,
    /// Whether it stands within a sentence, where an option may be named without its value.
    is_mentioned: bool,
}

/// Commands of a document: in code that is indented or fenced, and in backticks.
fn commands(text: &str) -> Vec<Named> {
    let mut found = Vec::new();
    let mut fence: Option<bool> = None;
    let mut joined = String::new();
    for (at, line) in text.lines().enumerate() {
        if let Some(kind) = line.trim_start().strip_prefix("```") {
            // Blocks of other languages hold no commands.
            fence = if fence.is_some() { None } else { Some(matches!(kind.trim(), "" | "sh" | "console" | "bash")) };
            continue;
        }
        let mut add = |code: &str, is_mentioned| {
            found.extend(ours(code).into_iter().map(|words| Named { line: at + 1, words, is_mentioned }));
        };
        if fence.is_none() && !line.starts_with("    ") {
            line.split('`').skip(1).step_by(2).for_each(|span| add(span, true));
        } else if fence != Some(false) {
            joined.push_str(line.strip_suffix('\\').unwrap_or(line));
            if !line.ends_with('\\') {
                add(&std::mem::take(&mut joined), false);
            }
        }
    }
    found
}

/// The `airlock` commands in one line of a shell, as the words that the program gets.
fn ours(line: &str) -> Vec<Vec<String>> {
    // What a command within a command prints is a value to the outer one.
    if let Some((before, (inner, after))) = line.split_once("$(").and_then(|(before, rest)| Some((before, rest.split_once(')')?)))
    {
        return [ours(inner), ours(&format!("{before}VALUE{after}"))].concat();
    }
    let mut found = Vec::new();
    for words in shell(line) {
        // Variables may be set in front of a command, and cargo may run it.
        let start = words.iter().position(|word| !word.contains('=')).unwrap_or(words.len());
        let words = &words[start..];
        let rest = match words.first().map(String::as_str) {
            Some("cargo") if words.iter().any(|word| word == "airlock-cli") => {
                words.iter().position(|word| word == "--").map_or(&[][..], |at| &words[at + 1..])
            }
            Some(program) if program == "airlock" || program.ends_with("/airlock") => &words[1..],
            _ => continue,
        };
        // The first key of a manifest is not a command.
        if rest.first().is_some_and(|word| word != "=") {
            found.push(rest.to_vec());
        }
    }
    found
}

/// Commands of a line and their words: quotes are taken off, redirections and comments are left out, a placeholder is one word.
fn shell(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut chars = line.chars().peekable();
    let mut is_redirected = false;
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => word.get_or_insert_default().extend(chars.by_ref().take_while(|next| *next != c)),
            '<' if chars.peek().is_some_and(|next| next.is_alphabetic()) => {
                let placeholder: String = chars.by_ref().take_while(|next| *next != '>').collect();
                word.get_or_insert_default().push_str(&placeholder);
            }
            '#' if word.is_none() => break,
            ' ' | '|' | ';' | '&' | '(' | ')' | '<' | '>' => {
                let ended = word.take().filter(|_| !std::mem::take(&mut is_redirected));
                // A digit right before it is the number of a descriptor.
                let is_arrow = matches!(c, '<' | '>');
                let last = commands.last_mut().expect("one command");
                last.extend(ended.filter(|word| !(is_arrow && word.len() == 1 && word.as_bytes()[0].is_ascii_digit())));
                is_redirected |= is_arrow;
                if matches!(c, '|' | ';' | '&' | '(' | ')') {
                    is_redirected = false;
                    commands.push(Vec::new());
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    let last = commands.last_mut().expect("one command");
    last.extend(word.filter(|_| !is_redirected));
    commands
}

/// What clap says of a command, if it is not one of the program's. `--help` at its end keeps it from being carried out, and is
/// looked at after all that stands before it; should an option take it as its value, nothing is in this directory to be harmed.
fn fault(words: &[String], empty: &Path) -> Option<String> {
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let mut command = Command::new(env!("CARGO_BIN_EXE_airlock"));
    command.args(&words[..end]).arg("--help").args(&words[end..]).stdin(Stdio::null()).current_dir(empty);
    let output = command.output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("no reason").to_owned();
    (!output.status.success()).then_some(said)
}

#[test]
fn commands_that_documents_name_are_those_of_the_program() {
    let empty = tempfile::tempdir().expect("directory");
    let mut wrong = Vec::new();
    let mut counted = 0;
    for (path, text) in documents() {
        for Named { line, mut words, is_mentioned } in commands(&text) {
            counted += 1;
            // Brackets around what may be left out.
            for word in &mut words {
                *word = word.strip_prefix('[').unwrap_or(word).to_owned();
                if !word.contains('[') {
                    *word = word.trim_end_matches(']').to_owned();
                }
            }
            let mut found = fault(&words, empty.path());
            if found.is_some() && is_mentioned && words.last().is_some_and(|word| word.starts_with("--")) {
                words.push("1".to_owned());
                found = fault(&words, empty.path());
            }
            wrong.extend(found.map(|said| format!("{}:{line}: airlock {}: {said}", path.display(), words.join(" "))));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(counted > 250, "the documents name commands; {counted} were found");
}

#[test]
fn lines_of_a_shell_come_apart() {
    let cases: [(&str, &[&[&str]]); 6] = [
        ("airlock_cases = 1 # airlock x", &[]),
        ("airlock = 1", &[]),
        ("A=1 airlock a 'b c' --d \"e\" > f # airlock g", &[&["a", "b c", "--d", "e"]]),
        ("( x | /opt/airlock a <the key> ) && airlock b 2> c d", &[&["a", "the key"], &["b", "d"]]),
        ("X=$(airlock a | airlock b --c \"d\") y", &[&["a"], &["b", "--c", "d"]]),
        ("cargo run -q -p airlock-cli -- schema --format markdown > docs/manifest.md", &[&["schema", "--format", "markdown"]]),
    ];
    for (line, expected) in cases {
        assert_eq!(ours(line), expected, "{line}");
    }
}

/// What the README shows of the demo, between these two lines, is what `airlock demo` prints: the snapshot is held to it in `demo.rs`.
#[test]
fn the_readme_shows_what_the_demo_prints() {
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README");
    let printed =
        std::fs::read_to_string(root().join("airlock-cli/tests/snapshots/airlock-demo-account.snap")).expect("snapshot");
    let printed = squeezed(&printed);
    let block =
        readme.split("<!-- from `airlock demo` -->\n```\n").nth(1).and_then(|rest| rest.split("\n```").next()).expect("a block");
    let parts: Vec<String> = block.split("\n\n").map(squeezed).collect();
    assert!(parts.len() >= 3, "{parts:#?}");
    for part in parts {
        assert!(printed.contains(&part), "the demo does not print: {part}");
    }
}
