//! `airlock tail`, and how all ledger commands print text that others wrote.

use crate::args::Format;
use crate::render::{Failure, Outcome, note, say};
use airlock_runtime::ledger::line::ascii_json;
use airlock_runtime::ledger::read::{self, Follower};
use serde::Serialize;
use serde_json::Value;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Time between two looks at a ledger that is followed: no delay to a reader, no load on the disk.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Print the newest ledger entries.
#[derive(Debug, clap::Args)]
pub(crate) struct Tail {
    /// Directory of the ledger.
    dir: PathBuf,
    /// How many entries, at most 10000.
    #[arg(short = 'n', long = "count", default_value_t = 20)]
    count: usize,
    /// Go on printing what comes, until interrupted; with --format json one entry a line.
    #[arg(short = 'f', long)]
    follow: bool,
    /// How the entries are printed; json gives the lines of the ledger as they stand.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Tail {
    pub(crate) fn run(self) -> Outcome {
        if self.follow {
            return self.go_on();
        }
        let tail = read::tail(&self.dir, self.count).map_err(|e| unreadable(&self.dir, &e))?;
        match self.format {
            Format::Json => say(format_args!("[{}]", tail.entries.iter().map(|entry| entry.get()).collect::<Vec<_>>().join(","))),
            Format::Table => {
                for entry in &tail.entries {
                    say(row(&serde_json::from_str(entry.get()).map_err(Failure::new)?));
                }
            }
        }
        warn_damaged(tail.damaged);
        Ok(ExitCode::SUCCESS)
    }

    fn go_on(&self) -> Outcome {
        // The place of the end is taken first: what comes between the two is in both, and printed once.
        let mut follower = Follower::at_end(&self.dir).map_err(|e| unreadable(&self.dir, &e))?;
        let tail = read::tail(&self.dir, self.count).map_err(|e| unreadable(&self.dir, &e))?;
        let (mut next, mut damaged) = (0, tail.damaged);
        let mut entries = tail.entries;
        loop {
            for entry in entries {
                let value: Value = serde_json::from_str(entry.get()).map_err(Failure::new)?;
                let seq = value.get("seq").and_then(Value::as_u64).unwrap_or(next);
                if seq < next {
                    continue;
                }
                next = seq + 1;
                match self.format {
                    Format::Json => say(entry.get()),
                    Format::Table => say(row(&value)),
                }
            }
            warn_damaged(damaged);
            std::thread::sleep(LOOK_EVERY);
            (entries, damaged) = follower.more().map_err(|e| unreadable(&self.dir, &e))?;
        }
    }
}

/// One entry on one line: what happened, then the members that tell more.
fn row(entry: &Value) -> String {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).map(plain).unwrap_or_default();
    let number = |key: &str| entry.get(key).and_then(Value::as_u64).unwrap_or_default();
    let kind = text("t");
    let what = match kind.as_str() {
        "decision" => format!(
            "{:5} {} by {} risk {} {} {}",
            text("d"),
            text("tool"),
            text("sub"),
            number("risk"),
            text("why"),
            text("call")
        ),
        "outcome" => {
            let ok = if entry.get("ok").and_then(Value::as_bool) == Some(true) { "ok" } else { "failed" };
            format!("{ok} {} {} us {}", text("status"), number("us"), text("call"))
        }
        "issue" => format!("to {} for session {} by {}", text("sub"), text("sid"), text("by")),
        "approve" => {
            let signers = entry.get("by").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let names: Vec<String> = signers.iter().filter_map(|signer| Some(plain(signer.get(0)?.as_str()?))).collect();
            let signed = if names.is_empty() { String::new() } else { format!(" signed by {}", names.join(", ")) };
            let asked = format!("{} {} by {} in {}", text("v"), text("tool"), text("sub"), text("client"));
            format!("{asked} question {}{signed}", text("question"))
        }
        "ask" => {
            let kinds = entry.get("kinds").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let kinds: Vec<String> = kinds.iter().filter_map(Value::as_str).map(plain).collect();
            let asked = format!(
                "{} {} of upstream {} by {} in {}",
                text("v"),
                kinds.join("+"),
                text("upstream"),
                text("sub"),
                text("client")
            );
            format!("{asked} question {} {}", text("question"), text("call"))
        }
        "denials" => format!("{} refusals without lines of their own", number("n")),
        "rotate" => format!("the next segment begins with entry {}", number("next")),
        "disk_full" => format!("everything is refused from here on; {} bytes taken back", number("cut")),
        "recover" => format!("{} bytes to torn/{}, {} entries lost", number("bytes"), text("torn"), number("lost")),
        "genesis" => format!("{} durability {} key {}", text("origin"), text("durability"), text("pk")),
        _ => String::new(),
    };
    format!("{:>6} {} {kind:9} {what}", number("seq"), text("ts"))
}

/// Text for a terminal: whatever is not printable ASCII is escaped, so ledger content cannot move the cursor or turn the line.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if matches!(c, ' '..='~') { c.to_string() } else { c.escape_unicode().to_string() }).collect()
}

/// JSON in printable ASCII alone: scripts read it as any JSON, and a terminal that shows it obeys nothing in it.
pub(crate) fn json(value: &impl Serialize) -> String {
    String::from_utf8_lossy(&ascii_json(value)).into_owned()
}

/// A ledger that cannot be read.
pub(crate) fn unreadable(dir: &std::path::Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot read the ledger {}: {error}", dir.display()))
        .help("name the directory that AIRLOCK_LEDGER_DIR or `dir` under [ledger] gave the gateway")
}

/// Says that lines were passed over; reading proves nothing, so it is a warning here.
pub(crate) fn warn_damaged(damaged: u64) {
    if damaged > 0 {
        note(format_args!("warning: {damaged} lines are not entries and were passed over; run `airlock verify-log`"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ledger_content_cannot_reach_the_terminal_as_an_escape() {
        let entry = serde_json::json!({
            "seq": 7, "ts": "2026-11-22T05:50:00.123456Z", "t": "decision", "d": "deny", "sub": "\u{1b}[2J", "tool": "a\u{202e}b\n",
            "why": "tool_unknown", "call": "c", "risk": 5
        });
        insta::assert_snapshot!(row(&entry), @r"     7 2026-11-22T05:50:00.123456Z decision  deny  a\u{202e}b\u{a} by \u{1b}[2J risk 5 tool_unknown c");
    }

    #[test]
    fn each_type_has_a_row() {
        let rows = [
            r#"{"seq":0,"ts":"T","t":"genesis","origin":"weather","durability":"power","pk":"AA=="}"#,
            r#"{"seq":1,"ts":"T","t":"issue","sub":"agent:a","sid":"s","by":"self"}"#,
            r#"{"seq":2,"ts":"T","t":"outcome","ok":false,"status":"timeout","us":12,"call":"c"}"#,
            r#"{"seq":5,"ts":"T","t":"approve","v":"asked","tool":"t","sub":"agent:a","client":"c","question":"00ff"}"#,
            r#"{"seq":9,"ts":"T","t":"ask","v":"asked","kinds":["elicitation","roots"],"upstream":"files","tool":"t","sub":"agent:a","client":"c","question":"00ff","call":"d"}"#,
            r#"{"seq":3,"ts":"T","t":"recover","torn":"x.bin","bytes":9,"lost":1}"#,
            r#"{"seq":6,"ts":"T","t":"denials","n":7,"why":{"lease_missing":7}}"#,
            r#"{"seq":7,"ts":"T","t":"rotate","next":8}"#,
            r#"{"seq":8,"ts":"T","t":"disk_full","cut":12}"#,
            r#"{"seq":4,"ts":"T","t":"later"}"#,
        ];
        let rows: Vec<_> = rows.iter().map(|text| row(&serde_json::from_str(text).unwrap())).collect();
        insta::assert_snapshot!(rows.join("\n"));
    }
}
