//! `airlock learn`.

use super::tail::{json, since, unreadable};
use super::trust::Kept;
use crate::args::Format;
use crate::learn::gather::{Gathered, gather};
use crate::learn::page::Proposal;
use crate::learn::propose::propose;
use crate::learn::replay::{Replay, replay};
use crate::learn::{Apart, Seen, Wishes};
use crate::manifest::{self, Manifest};
use crate::render::{Failure, Outcome, note, say};
use crate::shown::plain;
use airlock_policy::ir::{Mode, Policy};
use airlock_policy::{Checked, Severity, beside, compile_with};
use airlock_runtime::clock::Micros;
use airlock_runtime::ledger::verify::{Verdict, verify};
use std::collections::HashSet;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Rounds in which calls that the proposal refuses are set apart. Each takes some away, and one is the rule.
const ROUNDS_MAX: usize = 8;

/// Propose a manifest that allows what was done in shadow mode, and nothing else.
///
/// The ledger is verified first; one that was changed is refused. Tools that were not used become comments, grants name what their
/// subjects used, and arguments, risk and numbers of calls get bounds with room. Above each stands what it rests on. Calls that look
/// like an attack, that came after results of strangers, or that a rule of the manifest refuses teach nothing and are listed. The
/// proposal is checked, and the calls are judged again under it. Nothing is overwritten: it is printed, or goes to --out.
/// Exit codes: 0 a proposal · 1 there is none (a changed ledger, nothing to learn from) · 2 a file cannot be read.
#[derive(Debug, clap::Args)]
pub(crate) struct Learn {
    /// Directory of the gateway's ledger
    dir: PathBuf,
    /// The manifest that the gateway was built from
    #[arg(long, value_name = "FILE", default_value = "airlock.toml")]
    manifest: PathBuf,
    /// File to write [default: standard output]; it must not be there yet, and belongs beside the manifest
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
    /// Who made the calls without a lease [default: the subject of the grants, if there is one alone]
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// Entries that you have looked at and that are not to be set apart: 12 or 12-15, several with commas
    #[arg(long, value_name = "SEQS", value_delimiter = ',', value_parser = range)]
    accept: Vec<(u64, u64)>,
    /// How many hours to look back for calls to learn from [default: all]; what a session had read before counts all the same
    #[arg(long, value_name = "N")]
    lookback_hours: Option<u64>,
    #[command(flatten)]
    kept: Kept,
    /// How the result is printed; json has the manifest as a text
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// `12` or `12-15`.
fn range(text: &str) -> Result<(u64, u64), String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.trim().parse::<u64>().map_err(|_| format!("{text:?} is no number of an entry"));
    let (first, last) = (number(first)?, number(last)?);
    if first <= last { Ok((first, last)) } else { Err(format!("{first} comes after {last}")) }
}

/// A proposal that holds.
struct Held {
    text: String,
    seen: Vec<Seen>,
    apart: Vec<Apart>,
    replay: Replay,
    is_wide: bool,
}

impl Learn {
    pub(crate) fn run(self) -> Outcome {
        self.prove()?;
        let manifest = Manifest::read(&self.manifest)?;
        let text = manifest.text().to_owned();
        let accepted = manifest.accept()?;
        let policy = accepted.compiled.policy();
        let wishes = Wishes { subject: self.subject(policy)?, accepted: self.accept.clone() };
        let since = since(self.lookback_hours, Micros::now());
        let found = gather(&self.dir, since, policy, &wishes).map_err(|e| unreadable(&self.dir, &e))?;
        if policy.gateway.mode == Mode::Enforce {
            note("The manifest enforces, so its ledger has only what it allowed; shadow mode shows more.");
        }
        let held = self.hold(&text, policy, &found, &wishes)?;
        let Held { text, seen, apart, replay, is_wide } = &held;
        let proposal = Proposal { policy, wishes: &wishes, found: &found, seen, apart, replay, is_wide: *is_wide };
        let text = proposal.text(text);
        proposal.remarks().iter().for_each(note);
        if let Some(out) = &self.out {
            write(out, &text)?;
        }
        match (self.format, &self.out) {
            (Format::Json, _) => say(json(&proposal.json(&text))),
            (Format::Table, None) => say(text.trim_end()),
            (Format::Table, Some(out)) => {
                note(format_args!("Written to {}. `airlock diff` shows what it takes away.", out.display()))
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// A ledger that was changed teaches what whoever changed it wants.
    fn prove(&self) -> Result<(), Failure> {
        let report = verify(&self.dir, &self.kept.read()?).map_err(|e| unreadable(&self.dir, &e))?;
        match report.verdict {
            Verdict::Proven => Ok(()),
            Verdict::Weaker => {
                note("Nothing contradicts the ledger, but less is proven than could be: `airlock verify-log` says what.");
                Ok(())
            }
            Verdict::Tampered | Verdict::Truncated => {
                let what = report.findings.first().map(|finding| plain(&finding.reason)).unwrap_or_default();
                Err(Failure::no(format_args!("the ledger was changed, and nothing is learned from it: {what}"))
                    .help("`airlock verify-log` tells more"))
            }
        }
    }

    fn subject(&self, policy: &Policy) -> Result<String, Failure> {
        if let Some(subject) = &self.subject {
            return Ok(subject.clone());
        }
        let mut subjects: Vec<&str> = policy.grants.iter().map(|grant| grant.subject.as_str()).collect();
        subjects.sort_unstable();
        subjects.dedup();
        match subjects.as_slice() {
            [subject] => Ok((*subject).to_owned()),
            _ => Err(Failure::new("the manifest has grants for several subjects, so it does not say who calls without a lease")
                .help(format_args!("name one with --subject, for example --subject {}", subjects.first().unwrap_or(&"agent:a")))),
        }
    }

    /// Proposes until all calls that it rests on are allowed by it.
    fn hold(&self, text: &str, policy: &Policy, found: &Gathered, wishes: &Wishes) -> Result<Held, Failure> {
        let (mut seen, mut apart) = (found.seen.clone(), found.apart.clone());
        for _ in 0..ROUNDS_MAX {
            if seen.is_empty() {
                let problem = format!(
                    "there is no call to learn from; {} were set apart, and {} held",
                    apart.len(),
                    found.held.values().sum::<u64>()
                );
                apart.iter().take(8).for_each(|apart| note(format_args!("  entry {}: {}", apart.seq, plain(&apart.because))));
                return Err(Failure::no(problem)
                    .help("let agents work with the gateway in shadow mode; --accept takes calls that you have looked at"));
            }
            let narrow = propose(text, &self.name(), policy, &seen, wishes, true)?;
            let is_wide = {
                let checked = self.check(&narrow);
                let errors = checked.diagnostics().iter().filter(|fault| fault.severity == Severity::Error);
                errors.for_each(|fault| note(format_args!("with rules and bounds: {}: {}", fault.code.text(), fault.message)));
                checked.compiled().is_none()
            };
            let proposed = if is_wide { propose(text, &self.name(), policy, &seen, wishes, false)? } else { narrow };
            let checked = self.check(&proposed);
            let Some(compiled) = checked.compiled() else {
                manifest::report(&checked);
                return Err(Failure::no("without what was not used the manifest has errors, so there is no proposal").help(
                    "mend what the diagnostics name (a requirement, a redaction) in the manifest, and run the command again",
                ));
            };
            let replay = replay(compiled, &seen, wishes)?;
            if replay.refused.is_empty() {
                manifest::report(&checked);
                apart.sort_by_key(|apart| apart.seq);
                return Ok(Held { text: proposed, seen, apart, replay, is_wide });
            }
            set_aside(&mut seen, replay.refused.iter().map(|refused| refused.seq), |seen| seen.seq);
            apart.extend(replay.refused);
        }
        Err(Failure::no("the proposal went on to refuse calls that it rests on").help("look back less far with --lookback-hours"))
    }

    fn name(&self) -> String {
        format!("{} (proposed)", self.manifest.display())
    }

    fn check<'t>(&self, text: &'t str) -> Checked<'t> {
        let dir = self.manifest.parent().map(Path::to_owned).unwrap_or_default();
        compile_with(text, "proposed", &beside(dir))
    }
}

/// Takes out what has one of these keys; each item is looked up once.
fn set_aside<T, K: Eq + Hash>(items: &mut Vec<T>, keys: impl Iterator<Item = K>, key: impl Fn(&T) -> K) {
    let out: HashSet<K> = keys.collect();
    items.retain(|item| !out.contains(&key(item)));
}

/// Writes a file that is not there yet.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|e| Failure::new(format_args!("cannot write {}: {e}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counted::{Counted, grows_with_the_keys};

    #[test]
    fn ten_times_the_calls_are_ten_times_the_work() {
        grows_with_the_keys(|calls| {
            let mut all: Vec<u64> = (0..calls).collect();
            set_aside(&mut all, (0..calls).step_by(2).map(Counted), |call| Counted(*call));
            assert_eq!(all.len() as u64, calls / 2);
        });
    }

    #[test]
    fn entries_are_named_one_by_one_or_in_a_row() {
        assert_eq!(range("12"), Ok((12, 12)));
        assert_eq!(range("12-15"), Ok((12, 15)));
        for text in ["", "a", "15-12", "-1", "1-", "1-2-3"] {
            assert!(range(text).is_err(), "{text}");
        }
    }
}
