//! `airlock verify-log`.

use super::ledger::read_seed;
use super::tail::{json, plain};
use super::witness::witness;
use crate::args::Format;
use crate::render::{Failure, Outcome, note, say};
use airlock_runtime::ledger::note::{Pin, plain_key, verifier_key};
use airlock_runtime::ledger::verify::{Report, Trust, Verdict, stated, verify};
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
    /// Log key that you kept elsewhere: base64, a verifier key (name+id+base64), or a file with either; with a comma and the first epoch
    /// key behind it, as --print-key prints them, entries of past epochs are proven too.
    #[arg(long, value_name = "KEYS|FILE")]
    key: Option<String>,
    /// Checkpoint that you kept elsewhere.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Verifier key of a witness (name+id+base64), or a file with it: the ledger's cosigned checkpoint, or that of --checkpoint, must be
    /// cosigned by it.
    #[arg(long, value_name = "VKEY|FILE")]
    witness: Option<String>,
    /// File with the seed that `airlock ledger init` printed.
    #[arg(long, value_name = "FILE")]
    seed_file: Option<PathBuf>,
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
        let saved = self
            .checkpoint
            .map(|path| std::fs::read(&path).map_err(|e| Failure::new(format!("cannot read {}: {e}", path.display()))));
        let seed = self.seed_file.as_deref().map(read_seed).transpose()?;
        let pin = self.key.as_deref().map(pinned).transpose()?;
        let trust = Trust {
            key: pin.map(|pin| pin.key),
            epoch_key: pin.and_then(|pin| pin.epoch),
            saved: saved.transpose()?,
            seed,
            witness: self.witness.as_deref().map(witness).transpose()?,
        };
        let report = verify(&self.dir, &trust).map_err(|e| {
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

/// Keys given by themselves or by the name of a file.
pub(crate) fn pinned(text: &str) -> Result<Pin, Failure> {
    let of_file = || std::fs::read_to_string(text).ok().as_deref().and_then(Pin::parse);
    Pin::parse(text).or_else(of_file).ok_or_else(|| {
        Failure::new("--key is neither a public log key in base64, with or without an epoch key behind a comma, nor a file that holds that")
            .help("`airlock verify-log --print-key DIR` prints the keys of a ledger you trust now; keep them elsewhere")
    })
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

    #[test]
    fn a_key_is_read_from_text_or_file() {
        let dir = tempfile::tempdir().unwrap();
        let (file, key) = (dir.path().join("log.pub"), trust().key.unwrap());
        std::fs::write(&file, format!("{}\n", plain_key(&key))).unwrap();
        assert_eq!(pinned(file.to_str().unwrap()).unwrap().key, key);
        assert_eq!(pinned(&verifier_key("weather", &key)).unwrap().key, key);
        assert!(pinned("no such file").is_err());
    }
}
