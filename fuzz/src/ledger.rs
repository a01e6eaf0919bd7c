//! Hostile ledger bytes: the line parser, the note reader, the verifier and the reports must answer, never panic or hang.

use airlock_runtime::ledger::note::{Checkpoint, parse_key};
use airlock_runtime::ledger::verify::{Trust, verify};
use airlock_runtime::ledger::{line, read};

/// Feeds one input: as a line, as a note, as a key, and as the files that a stranger may hand over.
pub fn run(data: &[u8]) {
    if let Ok(parts) = line::parse(data) {
        assert!(parts.body.starts_with(b"\"t\":\"") && data.ends_with(parts.body));
    }
    let _ = Checkpoint::claim(data);
    let _ = std::str::from_utf8(data).ok().and_then(parse_key);
    // The first byte splits the input into a segment and a head.
    let Some((split, rest)) = data.split_first() else { return };
    let (segment, head) = rest.split_at(rest.len() * usize::from(*split) / 255);
    let dir = tempfile::tempdir().expect("a directory for the ledger");
    std::fs::write(dir.path().join("seg-00000000000000000000.jsonl"), segment).expect("a segment");
    std::fs::write(dir.path().join("head"), head).expect("a head");
    let _ = verify(dir.path(), &Trust::default());
    let _ = read::tail(dir.path(), 5);
    let _ = read::stats(dir.path());
    let _ = read::exposure(dir.path(), u64::MAX);
}
