//! Erasing what opens a commitment, and what was kept of arguments and results: after that nobody can show, or be made to show, with which
//! arguments an entry was called. The entry says so first, then they go. Chain, tree, seal and every proof stay as they are, since
//! evidence is in none of them.

use super::entry::{body, clip};
use super::files::{self, Segment};
use super::{Entry, Ledger, LedgerError, Sync, evidence, place};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Digits of a salt.
const DIGITS: usize = 64;
/// Stands for each digit of a salt that was erased.
pub(super) const NO_SALT: u8 = b'0';
/// Stands for each character of a text that was erased; no base64 has it.
pub(super) const NO_TEXT: u8 = b'-';

/// What is erased, and why.
#[derive(Debug, Clone)]
pub struct Redact<'a> {
    /// First entry.
    pub from: u64,
    /// Last entry.
    pub to: u64,
    /// Why, in the words of who did it.
    pub why: &'a str,
    /// Who did it.
    pub by: &'a str,
}

#[derive(Serialize)]
struct RedactLine<'a> {
    t: &'static str,
    from: u64,
    to: u64,
    why: String,
    by: String,
    pol: &'a str,
}

/// What a line of evidence may hold.
#[derive(Deserialize)]
pub(super) struct Kept<'a> {
    pub(super) seq: u64,
    pub(super) salt: Option<&'a str>,
    pub(super) args: Option<&'a str>,
    pub(super) args_redacted: Option<&'a str>,
    pub(super) result: Option<&'a str>,
    pub(super) result_redacted: Option<&'a str>,
    /// Length of a text of which only the beginning is kept.
    pub(super) cut: Option<u64>,
    /// Why nothing is kept.
    pub(super) left: Option<&'a str>,
}

impl<'a> Kept<'a> {
    /// What a line of evidence holds; nothing if it is none.
    pub(super) fn read(text: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// Every value that can be erased, with what then stands for each of its characters.
    fn values(&self) -> impl Iterator<Item = (&'a str, u8)> {
        let salt = self.salt.filter(|salt| salt.len() == DIGITS).map(|salt| (salt, NO_SALT));
        let texts = [self.args, self.args_redacted, self.result, self.result_redacted].into_iter().flatten();
        salt.into_iter().chain(texts.map(|text| (text, NO_TEXT)))
    }
}

/// Body of the line that says it.
pub(super) fn redact_body(redact: &Redact<'_>, pol: &str) -> Vec<u8> {
    let Redact { from, to, why, by } = redact;
    body(&RedactLine { t: "redact", from: *from, to: *to, why: clip(why), by: clip(by), pol })
}

/// Values that were erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    /// Salts.
    pub salts: u64,
    /// Arguments and results, whole or copies.
    pub texts: u64,
}

/// Records a redaction and erases the evidence of these entries. Gives the number of the entry that says so, and how much went.
///
/// # Errors
/// The ledger cannot be joined or written; then nothing is erased. Or something could not be erased, after the entry was written: do it again.
pub fn redact(dir: &Path, redact: &Redact<'_>) -> Result<(u64, Erased), LedgerError> {
    let ledger = Ledger::join(dir, None)?;
    let seq = ledger.record(&Entry::Redact(redact.clone()), Sync::Durable).wait()?.seq();
    let last = redact.to.min(seq);
    let segments = files::segments(dir).map_err(|e| LedgerError::io("read", dir, e))?;
    let mut erased = Erased::default();
    for (n, segment) in segments.iter().enumerate() {
        let end = segments.get(n + 1).map_or(u64::MAX, |next| next.first);
        if segment.first <= last && redact.from < end {
            erase(dir, segment, redact.from, last, &mut erased)?;
        }
    }
    ledger.shutdown()?;
    Ok((seq, erased))
}

/// Overwrites the evidence in one segment in its place. The file stays the same one, because a gateway that runs appends to it.
fn erase(dir: &Path, segment: &Segment, from: u64, to: u64, erased: &mut Erased) -> Result<(), LedgerError> {
    let path = dir.join(files::EVIDENCE).join(segment.name());
    let failed = |doing: &str, error| LedgerError::io(doing, &path, error);
    let file: File = match place::private().read().write().open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("open", error)),
    };
    let mut places = Vec::new();
    let scanned = evidence::scan(&file, |at, text| {
        // A line that is none of ours holds nothing of ours.
        let Some(line) = Kept::read(text).filter(|line| (from..=to).contains(&line.seq)) else { return };
        for (value, none) in line.values().filter(|(value, none)| value.bytes().any(|byte| byte != *none)) {
            // The value is a part of the line, so this is where it begins there.
            let begin = value.as_ptr().addr().saturating_sub(text.as_ptr().addr());
            places.push((at + begin as u64, value.len(), none));
        }
    });
    scanned.map_err(|e| failed("read", e))?;
    for (at, length, none) in places {
        file.write_all_at(&vec![none; length], at).map_err(|e| failed("write", e))?;
        *if none == NO_SALT { &mut erased.salts } else { &mut erased.texts } += 1;
    }
    file.sync_all().map_err(|e| failed("sync", e))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{allow, checked_lines, open};
    use super::super::verify::{Trust, Verdict, verify};
    use super::*;

    #[test]
    fn salts_go_the_entry_says_so_and_everything_still_verifies() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path()).unwrap();
        let record = |n: usize| ledger.record(&allow(&format!("c-{n}")), Sync::Durable).wait().unwrap().seq();
        assert_eq!((0..6).map(record).last(), Some(6));
        let why = Redact { from: 2, to: 4, why: "asked to be forgotten", by: "operator" };
        // The gateway goes on meanwhile, with the file that it has open.
        assert_eq!(redact(dir.path(), &why).unwrap(), (7, Erased { salts: 3, texts: 0 }));
        assert_eq!(record(6), 8);
        let key = *ledger.key();
        ledger.shutdown().unwrap();
        let text = std::fs::read_to_string(dir.path().join("evidence/seg-00000000000000000000.jsonl")).unwrap();
        let gone: Vec<u64> = text
            .lines()
            .map(|line| serde_json::from_str::<Kept<'_>>(line).unwrap())
            .filter(|line| line.salt.unwrap().bytes().all(|digit| digit == NO_SALT))
            .map(|line| line.seq)
            .collect();
        assert_eq!((gone, text.lines().count()), (vec![2, 3, 4], 7));
        let line = &checked_lines(dir.path())[7];
        assert_eq!((line["t"].as_str(), line["from"].as_u64(), line["to"].as_u64()), (Some("redact"), Some(2), Some(4)));
        assert_eq!(verify(dir.path(), &Trust { key: Some(key), ..Trust::default() }).unwrap().verdict, Verdict::Proven);
        assert_eq!(redact(dir.path(), &why).unwrap().1, Erased::default(), "a second time there is nothing left");
    }
}
