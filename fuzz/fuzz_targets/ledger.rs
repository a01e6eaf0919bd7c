//! Hostile ledger bytes: the line parser, the note reader and the whole verifier must answer, never panic or hang.
#![no_main]

use airlock_runtime::ledger::line;
use airlock_runtime::ledger::note::{Checkpoint, parse_key};
use airlock_runtime::ledger::read;
use airlock_runtime::ledger::verify::{Trust, verify};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(parts) = line::parse(data) {
        assert!(parts.body.starts_with(b"\"t\":\"") && data.ends_with(parts.body));
    }
    let _ = Checkpoint::claim(data);
    let _ = std::str::from_utf8(data).ok().and_then(parse_key);
    // The first byte splits the input into a segment and a head, the files a stranger may hand over.
    let Some((split, rest)) = data.split_first() else { return };
    let (segment, head) = rest.split_at(rest.len() * usize::from(*split) / 256);
    let Ok(dir) = tempfile::tempdir() else { return };
    let _ = std::fs::write(dir.path().join("seg-00000000000000000000.jsonl"), segment);
    let _ = std::fs::write(dir.path().join("head"), head);
    let _ = verify(dir.path(), &Trust::default());
    let _ = read::tail(dir.path(), 5);
    let _ = read::stats(dir.path());
    let _ = read::exposure(dir.path(), u64::MAX);
});
