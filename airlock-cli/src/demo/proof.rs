//! After the gateway ended: what its ledger proves, and that a changed byte shows.

use crate::render::Failure;
use airlock_runtime::ledger::note::Pin;
use airlock_runtime::ledger::read::stats;
use airlock_runtime::ledger::segments;
use airlock_runtime::ledger::verify::{Finding, Report, Trust, Verdict, verify};
use std::path::Path;

/// How many calls were judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Allowed.
    pub(crate) allowed: u64,
    /// Denied.
    pub(crate) denied: u64,
}

/// A byte that was changed in a copy of the ledger, and what verification says to it.
#[derive(Debug)]
pub(crate) struct Tampering {
    /// Entry that was changed.
    pub(crate) seq: u64,
    /// The member that was changed, before.
    pub(crate) before: String,
    /// And after.
    pub(crate) after: String,
    /// The first finding.
    pub(crate) finding: Finding,
}

/// The keys that a gateway prints on stderr when it creates a ledger.
///
/// # Errors
/// There is none.
pub(crate) fn announced_key(stderr: &str) -> Result<Pin, Failure> {
    let after = stderr.split_once("Its public key is ").map(|(_, rest)| rest);
    let word = after.and_then(|rest| rest.split_whitespace().next());
    word.and_then(Pin::parse).ok_or_else(|| Failure::new("the gateway did not print the key of its new ledger"))
}

/// Counts the decisions in the ledger.
///
/// # Errors
/// It cannot be read.
pub(crate) fn tally(dir: &Path) -> Result<Tally, Failure> {
    let stats = stats(dir).map_err(|e| Failure::new(format_args!("cannot read the ledger {}: {e}", dir.display())))?;
    let add = |sum: Tally, tool: &airlock_runtime::ledger::read::Usage| Tally {
        allowed: sum.allowed + tool.allowed,
        denied: sum.denied + tool.denied,
    };
    Ok(stats.tools.iter().fold(Tally::default(), add))
}

/// Verifies the ledger with the key that was kept.
///
/// # Errors
/// It cannot be read, or is not proven to its last entry (exit 1).
pub(crate) fn proven(dir: &Path, pin: Pin) -> Result<Report, Failure> {
    let report = verified(dir, pin)?;
    match report.verdict {
        Verdict::Proven => Ok(report),
        Verdict::Tampered | Verdict::Weaker | Verdict::Truncated => {
            let findings: Vec<_> = report.findings.iter().map(|finding| finding.reason.as_str()).collect();
            Err(Failure::no(format_args!("the ledger is not proven ({:?}): {}", report.verdict, findings.join("; "))))
        }
    }
}

fn verified(dir: &Path, pin: Pin) -> Result<Report, Failure> {
    verify(dir, &Trust { key: Some(pin.key), epoch_key: pin.epoch, ..Trust::default() })
        .map_err(|e| Failure::new(format_args!("cannot verify the ledger {}: {e}", dir.display())))
}

/// Copies the ledger to `copy`, blames its first denial on another agent by changing one letter, and verifies the copy.
///
/// # Errors
/// A file operation failed, there is no such entry, or the change goes unnoticed (exit 1).
pub(crate) fn tamper(dir: &Path, copy: &Path, pin: Pin) -> Result<Tampering, Failure> {
    let cannot = |e: std::io::Error| Failure::new(format_args!("cannot copy the ledger to {}: {e}", copy.display()));
    std::fs::create_dir(copy).map_err(cannot)?;
    for entry in std::fs::read_dir(dir).map_err(cannot)? {
        let entry = entry.map_err(cannot)?;
        if entry.file_type().map_err(cannot)?.is_file() {
            std::fs::copy(entry.path(), copy.join(entry.file_name())).map_err(cannot)?;
        }
    }
    let segment = segments(copy).map_err(cannot)?.into_iter().next().ok_or_else(|| Failure::new("the copy holds no entries"))?;
    let mut bytes = std::fs::read(&segment.path).map_err(cannot)?;
    let change = change_subject(&mut bytes).ok_or_else(|| Failure::new("the ledger has no denial of an agent"))?;
    std::fs::write(&segment.path, &bytes).map_err(cannot)?;
    let report = verified(copy, pin)?;
    match (report.verdict, report.findings.into_iter().next()) {
        (Verdict::Tampered, Some(finding)) => Ok(Tampering { seq: change.0, before: change.1, after: change.2, finding }),
        (verdict, _) => Err(Failure::no(format_args!("a changed byte in the ledger went unnoticed ({verdict:?})"))),
    }
}

/// Changes the last letter of the subject of the first denial that has one; gives the entry's number and the member before and
/// after. The line stays JSON, and the subject a well-formed one.
fn change_subject(bytes: &mut [u8]) -> Option<(u64, String, String)> {
    const DENIAL: &[u8] = b"\"d\":\"deny\"";
    const SUBJECT: &[u8] = b"\"sub\":\"";
    for (seq, line) in (0..).zip(bytes.split_mut(|byte| *byte == b'\n')) {
        let find = |part: &[u8]| line.windows(part.len()).position(|window| window == part);
        let (Some(_), Some(at)) = (find(DENIAL), find(SUBJECT)) else { continue };
        let first = at + SUBJECT.len();
        let length = line.get(first..)?.iter().take_while(|byte| **byte != b'"').count();
        let member = |line: &[u8]| String::from_utf8_lossy(line.get(at..=first + length).unwrap_or_default()).into_owned();
        let before = member(line);
        let Some(letter) = (length > 0).then(|| line.get_mut(first + length - 1)).flatten() else { continue };
        *letter = if *letter == b's' { b't' } else { b's' };
        return Some((seq, before, member(line)));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_of_the_first_denial_changes() {
        let text = *br#"{"d":"allow","sub":"a:b"}
{"d":"deny","sub":""}
{"d":"deny","sub":"a:c","x":0}
{"d":"deny","sub":"a:d"}"#;
        let mut bytes = text;
        let (seq, before, after) = change_subject(&mut bytes).unwrap();
        assert_eq!((seq, before.as_str(), after.as_str()), (2, r#""sub":"a:c""#, r#""sub":"a:s""#));
        assert_eq!(bytes.iter().zip(text).filter(|(a, b)| **a != *b).count(), 1);
        assert_eq!(change_subject(&mut br#"{"d":"allow","sub":"a:b"}"#.to_vec()), None);
    }

    #[test]
    fn the_key_is_found_among_other_words() {
        let key = "2KjngvS+3bA+1ytcJDvL80ixL1YgrNZsVDq8fQPgEKk=";
        assert!(announced_key(&format!("airlock: new ledger in /x. Its public key is {key} - keep it elsewhere;")).is_ok());
        assert!(announced_key("airlock: Its public key is secret").is_err());
        assert!(announced_key("").is_err());
    }
}
