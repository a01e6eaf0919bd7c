//! `airlock evidence`.

use super::tail::{json, unreadable};
use crate::args::Format;
use crate::render::{Failure, Outcome, say};
use crate::shown::plain;
use airlock_runtime::ledger::evidence::read::{Found, State, Text, look};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// Show what is kept of the arguments and the result of a call, and whether it is what the ledger says.
///
/// The arguments stand under the entry of the decision or of the question, the result under that of the outcome, which is shown with the
/// decision. `opened`: these are the bytes that the entry commits to. That the entry itself was not changed is shown by `verify-log`.
/// What others wrote is printed in ASCII, everything else escaped. Exit code 1: something does not open.
#[derive(Debug, clap::Args)]
pub(crate) struct Evidence {
    /// Directory of the gateway's ledger
    dir: PathBuf,
    /// Number of the entry
    #[arg(long, value_name = "N")]
    seq: u64,
    /// How it is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Evidence {
    pub(crate) fn run(self) -> Outcome {
        let found = look(&self.dir, self.seq).map_err(|e| unreadable(&self.dir, &e))?;
        if found.is_empty() {
            return Err(Failure::new(format_args!("there is no entry {} in {}", self.seq, self.dir.display()))
                .help("`airlock tail` shows the newest entries with their numbers"));
        }
        match self.format {
            Format::Json => say(json(&found.iter().map(as_json).collect::<Vec<_>>())),
            Format::Table => found.iter().flat_map(rows).for_each(say),
        }
        let wrong = found.iter().flat_map(|found| &found.texts).any(|text| text.state == State::DoesNotOpen);
        Ok(if wrong { ExitCode::from(1) } else { ExitCode::SUCCESS })
    }
}

fn as_json(found: &Found) -> Value {
    let texts = found
        .texts
        .iter()
        .map(|Text { what, state, bytes }| json!({"what": what, "state": state, "text": String::from_utf8_lossy(bytes)}));
    json!({"seq": found.seq, "entry": serde_json::from_str::<Value>(&found.entry).unwrap_or_default(), "kept": texts.collect::<Vec<_>>()})
}

fn rows(found: &Found) -> Vec<String> {
    let entry: Value = serde_json::from_str(&found.entry).unwrap_or_default();
    let text = |name: &str| entry.get(name).and_then(Value::as_str).map(plain).unwrap_or_default();
    let about = [text("t"), text("d"), text("tool"), text("status")].into_iter().filter(|word| !word.is_empty());
    let mut rows = vec![format!("entry {}: {}", found.seq, about.collect::<Vec<_>>().join(" "))];
    for Text { what, state, bytes } in &found.texts {
        rows.push(format!("  {what}: {}", told(state, what)));
        if !matches!(state, State::Erased) && !bytes.is_empty() {
            rows.push(format!("    {}", plain(&String::from_utf8_lossy(bytes))));
        }
    }
    if found.texts.is_empty() {
        rows.push("  it has neither arguments nor a result".to_owned());
    }
    rows
}

fn told(state: &State, what: &str) -> String {
    match state {
        State::Opened => "opened, these are the bytes that the entry commits to".to_owned(),
        State::DoesNotOpen => "DOES NOT OPEN: this is not what the entry commits to, one of the two was changed".to_owned(),
        State::Redacted => "redacted copy, which opens nothing".to_owned(),
        State::Cut(whole) => format!("the beginning of {whole} bytes, which opens nothing"),
        State::Erased => "erased".to_owned(),
        State::Salt => "not kept; the salt is there, and opens the commitment for whoever has them".to_owned(),
        State::Left(why) => match why.as_str() {
            "lease" => "left out, since the lease of the call stands in them".to_owned(),
            "size" => "left out, too long for a copy".to_owned(),
            "room" => "left out, the file of evidence was full".to_owned(),
            other => format!("left out: {}", plain(other)),
        },
        State::Gone if what == "result" => "not kept".to_owned(),
        State::Gone => "nothing is there, neither salt nor text".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_escaped() {
        let entry = r#"{"seq":7,"t":"decision","d":"deny","tool":"a\u001b[2J"}"#.to_owned();
        let text = Text { what: "arguments", state: State::Opened, bytes: b"{\"a\":\"\xe2\x80\xae\x1b\"}".to_vec() };
        let rows = rows(&Found { seq: 7, entry, texts: vec![text] });
        insta::assert_snapshot!(rows.join("\n"), @r#"
        entry 7: decision deny a\u{1b}[2J
          arguments: opened, these are the bytes that the entry commits to
            {"a":"\u{202e}\u{1b}"}
        "#);
    }
}
