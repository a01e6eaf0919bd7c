//! What the documents say of this repository: links, files and tests that they name. Commands are held to the program in
//! `airlock-cli/tests/docs.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

use airlock_tests::tree::{files, root};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// Longest README in lines: one that is longer is not read.
const README_MAX: usize = 150;
/// Where the book begins.
const INDEX: &str = "docs/README.md";

/// The lines of a document outside fenced code, with their numbers.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut is_code = false;
    let mut kept = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        if !is_code && !is_fence {
            kept.push((at + 1, line));
        }
    }
    kept
}

/// Targets of the links of a line, without those to other sites.
fn links(line: &str) -> Vec<String> {
    let targets = line.split("](").skip(1).map(|part| part.split(')').next().unwrap_or_default());
    targets.filter(|target| !target.contains("://") && !target.is_empty()).map(str::to_owned).collect()
}

/// The texts in backticks of a line.
fn quoted(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// The anchor that Markdown renderers make of a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_')).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// A path in this repository without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            Component::Normal(name) => parts.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    parts.iter().collect()
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut counted = 0;
    for (path, text) in files(&[".md"]) {
        for (at, link) in prose(&text).into_iter().flat_map(|(at, line)| links(line).into_iter().map(move |link| (at, link))) {
            let place = format!("{}:{at}", path.display());
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { root().join(&path) } else { root().join(&path).parent().unwrap().join(file) };
            assert!(target.exists(), "{place}: the link {link} leads nowhere");
            if !heading.is_empty() {
                let there = std::fs::read_to_string(&target).unwrap();
                let known = prose(&there).iter().any(|(_, line)| line.starts_with('#') && anchor(line) == heading);
                assert!(known, "{place}: {} has no heading #{heading}", target.display());
            }
            counted += 1;
        }
    }
    assert!(counted > 100, "the documents link to each other; {counted} links were found");
}

#[test]
fn every_page_is_reached_from_the_index() {
    let pages: BTreeMap<PathBuf, String> = files(&[".md"]).into_iter().collect();
    let mut left = vec![PathBuf::from(INDEX)];
    let mut reached = BTreeSet::new();
    while let Some(page) = left.pop() {
        let Some(text) = pages.get(&page) else { continue };
        if !reached.insert(page.clone()) {
            continue;
        }
        // What is reached beyond the book is not a way into it.
        if page.starts_with("docs") {
            let here = page.parent().unwrap();
            let links = prose(text).into_iter().flat_map(|(_, line)| links(line));
            left.extend(links.map(|link| normal(&here.join(link.split('#').next().unwrap()))));
        }
    }
    let lost: Vec<&PathBuf> = pages.keys().filter(|page| page.starts_with("docs") && !reached.contains(*page)).collect();
    assert!(lost.is_empty(), "no link leads from {INDEX} to {lost:?}: name them there");
    let outside = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(PathBuf::from);
    for page in outside.iter().filter(|page| *page != Path::new("README.md")) {
        assert!(reached.contains(page), "{INDEX} does not lead to {}", page.display());
    }
}

/// Whether a quoted text is meant as a path of this repository.
fn is_path(text: &str) -> bool {
    let first = text.split('/').next().unwrap_or_default();
    let ours = ["tests", "docs", "examples", "benches", "fuzz", "templates", ".ci"];
    text.contains('/') && text.is_ascii() && !text.contains([' ', '<', '…', '*', '$']) && (ours.contains(&first) || first.starts_with("airlock-"))
        // Places that only a reader's own repository has, or a build.
        && !["airlock-pins", "airlock-ledger"].contains(&first) && !text.contains("/target")
}

#[test]
fn files_that_documents_name_are_there() {
    let mut counted = 0;
    for (path, text) in files(&[".md"]) {
        for (at, line) in prose(&text) {
            for named in quoted(line).into_iter().filter(|text| is_path(text)) {
                // A place within a file may follow it.
                let file = named.split([':', '#']).next().unwrap();
                let beside = root().join(&path).parent().unwrap().join(file);
                assert!(root().join(file).exists() || beside.exists(), "{}:{at}: there is no {file}", path.display());
                counted += 1;
            }
        }
    }
    assert!(counted > 100, "the documents name files; {counted} were found");
}

/// The name of a function, and nothing else.
fn is_function(text: &str) -> bool {
    text.contains('_') && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// One row of a table that has a column of tests.
struct Row<'t> {
    place: String,
    /// All cells by the names of their columns.
    cells: BTreeMap<&'t str, &'t str>,
}

/// Rows of the tables that have a column "test".
fn rows<'t>(path: &str, text: &'t str) -> Vec<Row<'t>> {
    let mut header: Option<Vec<&str>> = None;
    let mut found = Vec::new();
    for (at, line) in prose(text) {
        let Some(inner) = line.strip_prefix('|').and_then(|line| line.trim_end().strip_suffix('|')) else {
            header = None;
            continue;
        };
        let cells: Vec<&str> = inner.split(" | ").map(str::trim).collect();
        match &header {
            None => header = Some(cells),
            Some(_) if inner.starts_with("--") => {}
            Some(names) if names.contains(&"test") => {
                assert_eq!(names.len(), cells.len(), "{path}:{at}: as many cells as the table has columns");
                found.push(Row { place: format!("{path}:{at}"), cells: names.iter().copied().zip(cells).collect() });
            }
            Some(_) => {}
        }
    }
    found
}

/// Pages with tables whose rows name tests, and how many rows they have at least.
const TABLES: [(&str, usize); 3] = [("SECURITY.md", 40), ("docs/standards.md", 80), ("docs/incidents.md", 25)];

#[test]
fn tests_that_documents_name_are_there() {
    let sources: Vec<(PathBuf, String)> =
        files(&[".rs", ".py", ".mjs", ".sh"]).into_iter().filter(|(path, _)| !path.ends_with("docs.rs")).collect();
    for (page, least) in TABLES {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        let rows = rows(page, &text);
        assert!(rows.len() >= least, "{page}: {} rows with tests were found, there were {least}", rows.len());
        for row in rows {
            check_row(&row, &sources);
        }
    }
}

/// Functions that a row names are in the files that it names, or, without files, anywhere.
fn check_row(row: &Row<'_>, sources: &[(PathBuf, String)]) {
    let named = quoted(row.cells["test"]);
    let places: Vec<&str> = named.iter().copied().filter(|text| is_path(text)).collect();
    for function in named.iter().filter(|text| is_function(text)) {
        let definition = format!("fn {function}(");
        let holds = |(path, text): &&(PathBuf, String)| {
            (places.is_empty() || places.iter().any(|place| path.starts_with(place))) && text.contains(&definition)
        };
        assert!(sources.iter().any(|source| holds(&source)), "{}: no test {function} in {places:?}", row.place);
    }
    for text in &named {
        assert!(is_path(text) || is_function(text), "{}: {text} is neither a file nor a test", row.place);
    }
    let is_shown = !named.is_empty();
    match row.cells.get("state").copied() {
        Some("met") => assert!(is_shown, "{}: what is met names a test", row.place),
        Some("partly" | "not" | "other") | None => {}
        Some(other) => panic!("{}: the state is met, partly, not or other, and no {other}", row.place),
    }
    // A threat that something stops is shown by a test; one that nothing stops says so.
    if let Some(stops) = row.cells.get("what stops it") {
        assert_eq!(is_shown, *stops != "nothing", "{}: what stops it, and the test that shows it", row.place);
    }
}

#[test]
fn every_word_of_the_concepts_is_in_the_glossary() {
    let read = |page: &str| std::fs::read_to_string(root().join(page)).unwrap();
    let glossary = read("docs/glossary.md");
    let entries = glossary.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let known: BTreeSet<&str> = entries.flat_map(|words| words.split(", ")).collect();
    let concepts = read("docs/concepts.md");
    let table = concepts.split("## The words").nth(1).unwrap().lines().filter(|line| line.starts_with("| "));
    let words =
        table.skip(1).filter_map(|line| line.trim_end_matches(" |").split(" | ").nth(1)).flat_map(|words| words.split(", "));
    let words: Vec<&str> = words.collect();
    assert!(words.len() > 30, "the table is read wrongly: {words:?}");
    for word in words {
        assert!(known.contains(word), "docs/glossary.md does not have the word {word}");
    }
}

#[test]
fn the_readme_is_short() {
    let lines = std::fs::read_to_string(root().join("README.md")).unwrap().lines().count();
    assert!(lines <= README_MAX, "README.md has {lines} lines, at most {README_MAX}: it is the door, {INDEX} is the house");
}
