//! Erasing what opens a commitment: after that nobody can show, or be made to show, with which arguments an entry was called. The entry
//! says so first, then the salts go. Chain, tree, seal and every proof stay as they are, since salts are in none of them.

use super::entry::{body, clip};
use super::files::{self, Segment};
use super::{Entry, Ledger, LedgerError, Sync, place};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Digits of a salt.
const DIGITS: usize = 64;

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

#[derive(Deserialize)]
struct Salt<'a> {
    seq: u64,
    salt: &'a str,
}

/// Body of the line that says it.
pub(super) fn redact_body(redact: &Redact<'_>, pol: &str) -> Vec<u8> {
    let Redact { from, to, why, by } = redact;
    body(&RedactLine { t: "redact", from: *from, to: *to, why: clip(why), by: clip(by), pol })
}

/// Records a redaction and erases the salts of these entries. Gives the number of the entry that says so, and how many salts went.
///
/// # Errors
/// The ledger cannot be joined or written; then nothing is erased. Or a salt could not be erased, after the entry was written: do it again.
pub fn redact(dir: &Path, redact: &Redact<'_>) -> Result<(u64, u64), LedgerError> {
    let ledger = Ledger::join(dir, None)?;
    let seq = ledger.record(&Entry::Redact(redact.clone()), Sync::Durable).wait()?.seq();
    let last = redact.to.min(seq);
    let segments = files::segments(dir).map_err(|e| LedgerError::io("read", dir, e))?;
    let mut erased = 0;
    for (n, segment) in segments.iter().enumerate() {
        let end = segments.get(n + 1).map_or(u64::MAX, |next| next.first);
        if segment.first <= last && redact.from < end {
            erased += erase(dir, segment, redact.from, last)?;
        }
    }
    ledger.shutdown()?;
    Ok((seq, erased))
}

/// Overwrites the salts of one segment in their places. The file stays the same one, because a gateway that runs appends to it.
fn erase(dir: &Path, segment: &Segment, from: u64, to: u64) -> Result<u64, LedgerError> {
    let path = dir.join(files::EVIDENCE).join(segment.name());
    let failed = |doing: &str, error| LedgerError::io(doing, &path, error);
    let file: File = match place::private().read(true).write(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(failed("open", error)),
    };
    let size = file.metadata().map_err(|e| failed("read", e))?.len();
    let mut places = Vec::new();
    let scanned = files::scan(&file, 0, size, |at, text| {
        // A line that is none of ours holds no salt of ours.
        if let Ok(line) = serde_json::from_slice::<Salt<'_>>(text)
            && (from..=to).contains(&line.seq)
            && line.salt.len() == DIGITS
            && line.salt.bytes().any(|digit| digit != b'0')
            && let Some(begin) = text.windows(DIGITS).position(|window| window == line.salt.as_bytes())
        {
            places.push(at + begin as u64);
        }
        Ok(())
    });
    scanned.map_err(|e| failed("read", e))?;
    for at in &places {
        file.write_all_at(&[b'0'; DIGITS], *at).map_err(|e| failed("write", e))?;
    }
    file.sync_all().map_err(|e| failed("sync", e))?;
    Ok(places.len() as u64)
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
        assert_eq!(redact(dir.path(), &why).unwrap(), (7, 3));
        assert_eq!(record(6), 8);
        let key = *ledger.key();
        ledger.shutdown().unwrap();
        let text = std::fs::read_to_string(dir.path().join("evidence/seg-00000000000000000000.jsonl")).unwrap();
        let gone: Vec<u64> = text
            .lines()
            .map(|line| serde_json::from_str::<Salt<'_>>(line).unwrap())
            .filter(|line| line.salt.bytes().all(|digit| digit == b'0'))
            .map(|line| line.seq)
            .collect();
        assert_eq!((gone, text.lines().count()), (vec![2, 3, 4], 7));
        let line = &checked_lines(dir.path())[7];
        assert_eq!((line["t"].as_str(), line["from"].as_u64(), line["to"].as_u64()), (Some("redact"), Some(2), Some(4)));
        assert_eq!(verify(dir.path(), &Trust { key: Some(key), ..Trust::default() }).unwrap().verdict, Verdict::Proven);
        assert_eq!(redact(dir.path(), &why).unwrap().1, 0, "a second time there is nothing left");
    }
}
