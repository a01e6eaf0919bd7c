//! Labelled texts against the score: attacks and harmless ones, by tier and by source.

use crate::count::Share;
use crate::data;
use airlock_runtime::risk::{Input, Risk, score};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// Points from which a text is flagged, and from which strongly.
pub(crate) const FLAGGED: [u16; 2] = [450, 700];
/// The factor of the learned part.
const LEARNED: &str = "reads_like_an_injection";

/// A labelled text.
#[derive(Debug, Clone, Deserialize)]
struct Row {
    text: String,
    label: u8,
    source: String,
    tier: String,
    group: String,
}

/// The same, told by what matters.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) is_attack: bool,
    /// Without the part of a source it is from.
    pub(crate) source: String,
    pub(crate) tier: String,
    pub(crate) group: String,
}

impl Text {
    /// Whether it is of those by which detectors are compared.
    pub(crate) fn is_headline(&self) -> bool {
        match self.is_attack {
            true => matches!(self.tier.as_str(), "core" | "multilingual" | "obfuscated"),
            false => matches!(self.tier.as_str(), "core" | "hard"),
        }
    }
}

/// Reads the texts; `None` without the file.
///
/// # Errors
/// It has another shape.
pub(crate) fn read(dir: &Path) -> Result<Option<Vec<Text>>, String> {
    let Some(lines) = data::first(dir, &["injection_text.jsonl", "injection_text.open.jsonl"])? else { return Ok(None) };
    let rows: Vec<Row> = data::of(&lines, None)?;
    let text = |row: Row| {
        let source = row.source.split(':').next().unwrap_or_default().to_owned();
        Text { is_attack: row.label == 1, text: row.text, source, tier: row.tier, group: row.group }
    };
    Ok(Some(rows.into_iter().map(text).collect()))
}

/// Shares flagged, by the whole score at each of [`FLAGGED`], by the phrases alone, and by the learned part alone.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(crate) struct Flagged {
    pub(crate) whole: [Share; 2],
    pub(crate) phrases: Share,
    pub(crate) learned: Share,
}

impl Flagged {
    fn note(&mut self, risk: &Risk) {
        for (share, points) in self.whole.iter_mut().zip(FLAGGED) {
            share.note(risk.score >= points);
        }
        let learned = risk.factors.iter().find(|factor| factor.name == LEARNED).map_or(0, |factor| factor.points);
        let rest = risk
            .factors
            .iter()
            .filter(|factor| factor.name != LEARNED)
            .fold(0_u16, |sum, factor| sum.saturating_add(factor.points));
        self.phrases.note(rest >= FLAGGED[0]);
        self.learned.note(learned >= FLAGGED[0]);
    }
}

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    /// Of attacks (`attack …`) and harmless texts (`harmless …`): `headline`, each tier, each source of the headline.
    pub(crate) shares: BTreeMap<String, Flagged>,
    /// By disguise: its points.
    pub(crate) disguises: BTreeMap<String, u16>,
}

/// A text as arguments: a JSON object as itself, anything else as one string. Attacks are scored with every host listed and harmless texts
/// with none: the worse case for each.
pub(crate) fn risk_of(text: &str, is_attack: bool) -> Risk {
    let args = match serde_json::from_str(text) {
        Ok(Value::Object(args)) => args,
        Ok(_) | Err(_) => Map::from_iter([("text".to_owned(), Value::from(text))]),
    };
    let args_bytes = Value::Object(args.clone()).to_string().len();
    score(&Input { base: 0, args: &args, args_bytes, listed: &|_| is_attack })
}

/// Scores every text.
///
/// # Errors
/// A file has another shape.
pub(crate) fn play(dir: &Path, texts: &[Text], tell: bool) -> Result<Figures, String> {
    let mut figures = Figures::default();
    for text in texts {
        let risk = risk_of(&text.text, text.is_attack);
        let kind = if text.is_attack { "attack" } else { "harmless" };
        let headline = text.is_headline();
        let names = [
            Some(format!("{kind}, tier {}", text.tier)),
            headline.then(|| format!("{kind}, headline")),
            headline.then(|| format!("{kind}, source {}", text.source)),
        ];
        names.into_iter().flatten().for_each(|name| figures.shares.entry(name).or_default().note(&risk));
        if tell && headline && text.is_attack != (risk.score >= FLAGGED[0]) {
            let factors: Vec<String> =
                risk.factors.iter().map(|factor| format!("{} {} ({})", factor.name, factor.points, factor.note)).collect();
            let start: String = text.text.chars().take(300).collect();
            crate::table::say(&format!("  {kind} {} {}: {start:?} [{}]", text.source, risk.score, factors.join(", ")));
        }
    }
    for line in data::lines(dir, "obfuscation_examples.jsonl")?.unwrap_or_default() {
        if let (Some(name), Some(text)) = (line["name"].as_str(), line["obfuscated"].as_str()) {
            figures.disguises.insert(name.to_owned(), risk_of(text, true).score);
        }
    }
    Ok(figures)
}
