//! `airlock verify-log`.

use super::tail::json;
use super::trust::Kept;
use crate::args::Format;
use crate::render::{Failure, Outcome, note, say};
use crate::shown::plain;
use airlock_runtime::ledger::note::{plain_key, verifier_key};
use airlock_runtime::ledger::verify::{Report, Verdict, stated, verify};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Verify a ledger: chain, Merkle tree, genesis, signed checkpoint and, with its seed, the seal.
///
/// Exit codes: 0 all that was asked for is proven · 1 tampered (the first bad entry is named) · 2 wrong usage, or a file cannot be
/// read · 3 nothing contradicts, but less is proven than asked (no pinned key, entries without a checkpoint, a torn tail) · 4 the
/// end is missing. Without --key, --checkpoint, --seed-file or --witness the code is never 0: a key found beside the ledger proves nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct VerifyLog {
    /// Directory of the ledger.
    dir: PathBuf,
    #[command(flatten)]
    kept: Kept,
    /// Print the log key and the first epoch key that the ledger itself names, to be kept elsewhere, and verify nothing.
    #[arg(long, conflicts_with_all = ["key", "checkpoint", "seed_file", "witness"])]
    print_key: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl VerifyLog {
    pub(crate) fn run(self) -> Outcome {
        if self.print_key {
            return print_key(&self.dir, self.format);
        }
        let report = verify(&self.dir, &self.kept.read()?).map_err(|e| {
            Failure::new(format!("cannot verify {}: {}", self.dir.display(), e))
                .help("name the directory that AIRLOCK_LEDGER_DIR or `dir` under [ledger] gave the gateway")
        })?;
        match self.format {
            Format::Table => say(table(&report)),
            Format::Json => say(json(&report)),
        }
        Ok(ExitCode::from(exit_code(report.verdict)))
    }
}

const fn exit_code(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Proven => 0,
        Verdict::Tampered => 1,
        Verdict::Weaker => 3,
        Verdict::Truncated => 4,
    }
}

fn print_key(dir: &Path, format: Format) -> Outcome {
    let (origin, pin) = stated(dir).map_err(|e| Failure::new(format!("cannot read the key: {e}")))?;
    match format {
        Format::Table => {
            say(pin);
            note(format_args!(
                "Keep this key where the gateway cannot write. As a verifier key: {}",
                verifier_key(&origin, &pin.key)
            ));
        }
        Format::Json => {
            let epoch_key = pin.epoch.as_ref().map(plain_key);
            let (key, verifier_key) = (plain_key(&pin.key), verifier_key(&origin, &pin.key));
            say(serde_json::json!({ "origin": origin, "key": key, "epoch_key": epoch_key, "verifier_key": verifier_key }))
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The report for people.
fn table(report: &Report) -> String {
    let title = match report.verdict {
        Verdict::Proven => "PROVEN",
        Verdict::Tampered => "TAMPERED",
        Verdict::Weaker => "INTACT, BUT LESS IS PROVEN THAN ASKED",
        Verdict::Truncated => "TRUNCATED",
    };
    let mut lines = vec![
        title.to_owned(),
        format!("  gateway     {}", plain(&report.origin)),
        format!("  entries     {} (newest {})", report.entries, report.newest),
        format!("  tree head   {}", report.root),
        format!("  checkpoint  covers {}, {} behind it", report.anchored, report.unsealed),
        format!("  durability  {}", plain(&report.durability)),
    ];
    if let Some(seen) = report.witnessed {
        lines.push(format!("  witness     has seen {seen}, {} behind it", report.entries - seen));
    }
    if let Some(sealed) = report.sealed {
        lines.push(format!("  seal        covers {sealed}, {} behind it", report.entries - sealed));
    }
    if let Some(epoch) = report.epoch {
        lines.push(format!("  epoch       {epoch}, {} entries are of past ones whose first key is proven", report.past_epochs));
    }
    for finding in &report.findings {
        let seq = finding.seq.map_or_else(String::new, |seq| format!("entry {seq}, "));
        lines.push(format!("  finding     {seq}{}: {}", plain(&finding.file), plain(&finding.reason)));
    }
    if let Some(torn) = &report.torn {
        lines.push(format!("  torn tail   {}, {} bytes from byte {}", plain(&torn.file), torn.bytes, torn.at));
    }
    for (title, sentences) in [("proven", &report.proven), ("not proven", &report.not_proven)] {
        lines.push(format!("{title}:"));
        lines.extend(sentences.iter().map(|sentence| format!("  - {}", plain(sentence))));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use airlock_runtime::ledger::verify::Trust;

    const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/ledger");

    fn report(dir: &Path, trust: &Trust) -> String {
        let report = verify(dir, trust).unwrap();
        format!("exit {}\n{}", exit_code(report.verdict), table(&report))
    }

    fn trust() -> Trust {
        Trust { key: Some(stated(Path::new(VECTORS)).unwrap().1.key), ..Trust::default() }
    }

    /// A copy of the vectors with other lines in the segment.
    fn changed(change: impl Fn(&str) -> String) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let name = "seg-00000000000000000000.jsonl";
        let text = std::fs::read_to_string(Path::new(VECTORS).join(name)).unwrap();
        std::fs::write(dir.path().join(name), change(&text)).unwrap();
        std::fs::copy(Path::new(VECTORS).join("checkpoint"), dir.path().join("checkpoint")).unwrap();
        dir
    }

    #[test]
    fn each_verdict_reads_like_this() {
        insta::assert_snapshot!("proven", report(Path::new(VECTORS), &trust()));
        insta::assert_snapshot!("weaker", report(Path::new(VECTORS), &Trust::default()));
        let tampered = changed(|text| text.replacen("\"c-1\"", "\"c-9\"", 1));
        insta::assert_snapshot!("tampered", report(tampered.path(), &trust()));
        let truncated = changed(|text| text.split_inclusive('\n').take(3).collect());
        insta::assert_snapshot!("truncated", report(truncated.path(), &trust()));
    }
}
