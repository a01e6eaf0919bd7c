//! Descriptions of tools, poisoned and honest, against what `airlock pin` and `airlock risk --tool-description` look for.

use crate::count::Share;
use crate::data;
use airlock_policy::definitions::screen::screen;
use airlock_runtime::risk::of_text;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Points of the words from which a description is flagged without a grave remark.
const FLAGGED: u16 = 450;
/// Factors that speak of arguments, not of words.
const NOT_OF_WORDS: [&str; 4] = ["oversized_arguments", "deep_nesting", "secret_shape", "unlisted_domain"];

#[derive(Debug, Deserialize)]
struct Row {
    label: u8,
    kind: String,
    server: String,
    name: String,
    description: String,
    input_schema: Value,
    source: String,
    #[serde(default)]
    paradigm: Option<String>,
    text_detectable: bool,
}

/// What is flagged, and by what.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(crate) struct Flagged {
    /// By either.
    pub(crate) either: Share,
    /// By the form: a grave remark.
    pub(crate) form: Share,
    /// By the score of the words.
    pub(crate) words: Share,
}

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) poisoned: Flagged,
    /// Without those that no text gives away: names that collide, parameters out of scope.
    pub(crate) detectable: Flagged,
    pub(crate) by_source: BTreeMap<String, Flagged>,
    /// Honest ones by kind: real servers, tools of benchmarks, and those written to be hard.
    pub(crate) honest: BTreeMap<String, Flagged>,
}

/// Screens every description; `None` without the file. Other tools are those of the same server.
///
/// # Errors
/// A file has another shape.
pub(crate) fn play(dir: &Path, tell: bool) -> Result<Option<Figures>, String> {
    let Some(lines) = data::first(dir, &["tool_poisoning.jsonl", "tool_poisoning.open.jsonl"])? else { return Ok(None) };
    let rows: Vec<Row> = data::of(&lines, None)?;
    let mut servers: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for row in &rows {
        servers.entry(&row.server).or_default().insert(row.name.to_lowercase());
    }
    let mut figures = Figures::default();
    for row in &rows {
        let definition = json!({"name": row.name, "description": row.description, "inputSchema": row.input_schema});
        let siblings = servers.get(row.server.as_str());
        let own = row.name.to_lowercase();
        let is_tool = |word: &str| word != own && siblings.is_some_and(|siblings| siblings.contains(word));
        let remarks = screen(&definition, &|_| false, &is_tool);
        let form = remarks.iter().any(|remark| remark.is_grave);
        let counted = of_text(&definition.to_string()).factors;
        let words = counted.iter().filter(|factor| !NOT_OF_WORDS.contains(&factor.name)).map(|factor| factor.points).sum::<u16>()
            >= FLAGGED;
        let note = |flagged: &mut Flagged| {
            flagged.either.note(form || words);
            flagged.form.note(form);
            flagged.words.note(words);
        };
        if row.label == 1 {
            note(&mut figures.poisoned);
            if row.text_detectable {
                note(&mut figures.detectable);
            }
            let name = format!("{}, {}", row.source, row.paradigm.as_deref().unwrap_or("any"));
            note(figures.by_source.entry(name).or_default());
        } else {
            note(figures.honest.entry(row.kind.clone()).or_default());
        }
        if tell && (row.label == 1) != (form || words) {
            let found: Vec<&str> =
                remarks.iter().map(|remark| remark.what.as_str()).chain(counted.iter().map(|factor| factor.name)).collect();
            let start: String = row.description.chars().take(240).collect();
            crate::table::say(&format!("  {} {} {}: {start:?} {found:?}", row.label, row.server, row.name));
        }
    }
    Ok(Some(figures))
}
