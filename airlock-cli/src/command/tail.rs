//! `airlock tail`, and how all ledger commands print text that others wrote.

use crate::args::Format;
use crate::render::{Failure, Outcome, note, say};
use crate::shown::plain;
use airlock_runtime::clock::Micros;
use airlock_runtime::ledger::line::ascii_json;
use airlock_runtime::ledger::read::{self, Follower};
use serde::Serialize;
use serde_json::Value;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Time between two looks at a ledger that is followed: no delay to a reader, no load on the disk.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// An hour, in microseconds.
const HOUR: u64 = 3600 * 1_000_000;

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
        demand_ledger(&self.dir)?;
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
    let kind = text(entry, "t");
    let what = of_call(entry, &kind).or_else(|| of_ledger(entry, &kind)).unwrap_or_default();
    format!("{:>6} {} {kind:9} {what}", number(entry, "seq"), text(entry, "ts"))
}

fn text(entry: &Value, key: &str) -> String {
    entry.get(key).and_then(Value::as_str).map(plain).unwrap_or_default()
}

fn number(entry: &Value, key: &str) -> u64 {
    entry.get(key).and_then(Value::as_u64).unwrap_or_default()
}

fn list<'e>(entry: &'e Value, key: &str) -> &'e [Value] {
    entry.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The reason that somebody gave, if any.
fn because(entry: &Value) -> String {
    Some(text(entry, "why")).filter(|why| !why.is_empty()).map(|why| format!(": {why}")).unwrap_or_default()
}

/// What an entry about calls and leases says.
fn of_call(entry: &Value, kind: &str) -> Option<String> {
    let (text, number) = (|key| text(entry, key), |key| number(entry, key));
    Some(match kind {
        "decision" => {
            // Without a valid lease nobody knows who it was.
            let sub = Some(text("sub")).filter(|sub| !sub.is_empty()).unwrap_or_else(|| "-".to_owned());
            let risk = number("risk");
            let judged = format!("{:5} {} by {sub} risk {}.{:03}", text("d"), text("tool"), risk / 1000, risk % 1000);
            format!("{judged} {} {}", text("why"), text("call"))
        }
        "outcome" => {
            let ok = if entry.get("ok").and_then(Value::as_bool) == Some(true) { "ok" } else { "failed" };
            format!("{ok} {} {} us {}", text("status"), number("us"), text("call"))
        }
        "issue" => format!("to {} for session {} by {}", text("sub"), text("sid"), text("by")),
        "approve" => {
            let signers = list(entry, "by").iter().filter_map(|signer| Some(plain(signer.get(0)?.as_str()?)));
            let names: Vec<String> = signers.collect();
            let signed = if names.is_empty() { String::new() } else { format!(" signed by {}", names.join(", ")) };
            let asked = format!("{} {} by {} in {}", text("v"), text("tool"), text("sub"), text("client"));
            format!("{asked} question {}{signed}", text("question"))
        }
        "ask" => {
            let kinds: Vec<String> = list(entry, "kinds").iter().filter_map(Value::as_str).map(plain).collect();
            let of = format!("{} {} of upstream {}", text("v"), kinds.join("+"), text("upstream"));
            format!("{of} by {} in {} question {} {}", text("sub"), text("client"), text("question"), text("call"))
        }
        "revoke" => format!("{} {} by {}{}", text("what"), text("id"), text("by"), because(entry)),
        "denials" => format!("{} refusals without lines of their own", number("n")),
        _ => return None,
    })
}

/// What an entry about the gateway and its ledger says.
fn of_ledger(entry: &Value, kind: &str) -> Option<String> {
    let (text, number) = (|key| text(entry, key), |key| number(entry, key));
    Some(match kind {
        "connections" => {
            let one = |of: &Value| {
                let (text, number) = (|key| self::text(of, key), |key| self::number(of, key));
                format!("{} {}:{} {} ({})", text("up"), text("host"), number("port"), text("d"), number("n"))
            };
            list(entry, "of").iter().map(one).collect::<Vec<_>>().join(", ")
        }
        "ended" => format!("the process {} has ended, and nobody ended it", text("role")),
        "kill" => match entry.get("on").and_then(Value::as_bool) {
            Some(true) => "the kill file has come: everything is refused".to_owned(),
            Some(false) => "the kill file has gone".to_owned(),
            None => String::new(),
        },
        "redact" => {
            let of = format!("evidence of entries {} to {}", number("from"), number("to"));
            format!("{of} erased by {}{}", text("by"), because(entry))
        }
        "keyroll" => format!("epoch {} has the key {}", number("epoch"), text("epk")),
        "rotate" => format!("the next segment begins with entry {}", number("next")),
        "disk_full" => format!("everything is refused from here on; {} bytes taken back", number("cut")),
        "recover" => format!("{} bytes to torn/{}, {} entries lost", number("bytes"), text("torn"), number("lost")),
        "genesis" => format!("{} durability {} key {}", text("origin"), text("durability"), text("pk")),
        _ => return None,
    })
}

/// JSON in printable ASCII alone: scripts read it as any JSON, and a terminal that shows it obeys nothing in it.
pub(crate) fn json(value: &impl Serialize) -> String {
    String::from_utf8_lossy(&ascii_json(value)).into_owned()
}

/// The beginning of a look back by so many hours; without a number that of time.
pub(crate) fn since(hours: Option<u64>, now: Micros) -> Micros {
    let back = hours.map(|hours| hours.saturating_mul(HOUR));
    Micros(back.map_or(0, |back| now.0.saturating_sub(back)))
}

/// There is a ledger: of a wrong directory, "nothing happened" would be said as of a quiet one.
pub(crate) fn demand_ledger(dir: &std::path::Path) -> Result<(), Failure> {
    Follower::at_end(dir).map(drop).map_err(|e| unreadable(dir, &e))
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
        insta::assert_snapshot!(row(&entry), @r"     7 2026-11-22T05:50:00.123456Z decision  deny  a\u{202e}b\u{a} by \u{1b}[2J risk 0.005 tool_unknown c");
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
            r#"{"seq":9,"ts":"T","t":"connections","of":[{"up":"u","host":"a.example","port":443,"d":"refused","n":3}]}"#,
            r#"{"seq":10,"ts":"T","t":"ended","role":"clerk"}"#,
            r#"{"seq":11,"ts":"T","t":"decision","d":"deny","tool":"t","sub":"","risk":1000,"why":"lease_missing","call":"c"}"#,
            r#"{"seq":12,"ts":"T","t":"revoke","what":"sid","id":"s","why":"the agent was tricked","by":"operator"}"#,
            r#"{"seq":13,"ts":"T","t":"redact","from":2,"to":4,"why":"asked for by its subject","by":"operator"}"#,
            r#"{"seq":14,"ts":"T","t":"kill","on":true}"#,
            r#"{"seq":15,"ts":"T","t":"kill","on":false}"#,
            r#"{"seq":16,"ts":"T","t":"keyroll","epoch":1,"epk":"AA=="}"#,
            r#"{"seq":4,"ts":"T","t":"later"}"#,
        ];
        let rows: Vec<_> = rows.iter().map(|text| row(&serde_json::from_str(text).unwrap())).collect();
        insta::assert_snapshot!(rows.join("\n"));
    }

    #[test]
    fn each_documented_type_says_something() {
        let page = include_str!("../../../docs/ledger.md");
        let table = page.split("| `t` | members |").nth(1).unwrap().trim_start().lines();
        let types: Vec<&str> = table.skip(1).map_while(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        assert!(types.len() > 12, "{types:?}");
        let silent = |kind: &&&str| {
            let entry = serde_json::json!({"t": kind});
            of_call(&entry, kind).or_else(|| of_ledger(&entry, kind)).is_none()
        };
        assert_eq!(types.iter().filter(silent).collect::<Vec<_>>(), [] as [&&str; 0]);
    }

    #[test]
    fn a_directory_without_a_ledger_is_not_a_quiet_one() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().to_str().unwrap();
        for verb in ["tail", "stats", "exposure"] {
            let cli = <crate::args::Cli as clap::Parser>::try_parse_from(["airlock", verb, dir]).unwrap();
            let failure = crate::command::run(cli.command).unwrap_err();
            assert!(format!("{failure:?}").contains("holds no segment"), "{verb}: {failure:?}");
        }
    }
}
