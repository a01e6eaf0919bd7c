//! What is kept beside the salts: the arguments and results of calls, or copies of them, each bounded.
//!
//! None of it is in the chain. An entry commits to its arguments by `ac` and to a result by its digest, so what is kept can be compared
//! with the chain, and erased without a change to it.

pub mod copy;
pub mod read;

use super::LedgerError;
use super::chain::push_hex;
use super::entry::Entry;
use super::files::{self, End};
use super::line::push_number;
use super::room;
use super::store::Store;
use airlock_core::policy::evidence::Kept;
use base64ct::{Base64, Encoding};
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

/// Most bytes kept of the arguments of an allowed call or of a question: more than people or models write by hand, so that what is cut is a
/// document that lies elsewhere as well.
pub const ARGUMENTS_KEPT_MAX: usize = 64 * 1024;
/// Most bytes kept of the arguments of a refused call. A refusal costs its caller nothing: at four a second this is some 1 GB a day, and
/// some 6 MiB for those that are recorded at once.
pub const REFUSED_KEPT_MAX: usize = 2 * 1024;
/// Most bytes kept of a result, for the same reason as [`ARGUMENTS_KEPT_MAX`].
pub const RESULT_KEPT_MAX: usize = 64 * 1024;
/// Largest text of which a copy without some values is made: it has to be read as a whole, on the thread that serves.
pub const COPIED_MAX: usize = 256 * 1024;
/// Most bytes of one file of evidence. A segment has at most 64 MiB and a day, so this bounds what callers can add: eight times the ledger,
/// or half a GiB a day. What comes then leaves its salt alone, and says so.
pub const EVIDENCE_MAX: u64 = 512 * 1024 * 1024;
/// Longest line of a file of evidence: the longest text in base64, and its members.
pub(super) const EVIDENCE_LINE_MAX: usize = ARGUMENTS_KEPT_MAX / 3 * 4 + 512;

/// What is kept of one text. Members of a line: `"args":"<base64>"` and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The arguments.
    Arguments,
    /// The result.
    Result,
}

impl What {
    /// The member that has it, as it was and as a copy.
    pub(super) const fn members(self) -> [&'static str; 2] {
        match self {
            Self::Arguments => ["args", "args_redacted"],
            Self::Result => ["result", "result_redacted"],
        }
    }
}

/// Why nothing of a text is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// It holds the lease of its own call.
    Lease,
    /// It is too long to be copied.
    Size,
    /// The file has no room for it.
    Room,
}

impl Left {
    const fn word(self) -> &'static str {
        match self {
            Self::Lease => "lease",
            Self::Size => "size",
            Self::Room => "room",
        }
    }
}

/// Members of the line of an entry, from a comma on; nothing where nothing is kept of it.
pub(super) fn members(entry: &Entry<'_>, kept: &Kept) -> Option<String> {
    if matches!(kept, Kept::Hashes) {
        return None;
    }
    match entry {
        Entry::Decision(decision) if decision.has_lease => Some(left(Left::Lease)),
        Entry::Decision(decision) => {
            let most = if decision.allow || decision.through { ARGUMENTS_KEPT_MAX } else { REFUSED_KEPT_MAX };
            text(What::Arguments, Some(decision.tool), decision.args, most, kept)
        }
        Entry::Approve(approve) => text(What::Arguments, Some(approve.tool), approve.args?, ARGUMENTS_KEPT_MAX, kept),
        Entry::Outcome(outcome) => text(What::Result, None, outcome.text?, RESULT_KEPT_MAX, kept),
        // What a user answers to an upstream is nobody else's.
        Entry::Ask(_) | Entry::Issue(_) | Entry::Revoke(_) | Entry::Redact(_) | Entry::Connections(_) | Entry::Ended(_) => None,
    }
}

fn left(why: Left) -> String {
    format!(",\"left\":\"{}\"", why.word())
}

fn text(what: What, tool: Option<&str>, text: &[u8], most: usize, kept: &Kept) -> Option<String> {
    let [exact, redacted] = what.members();
    match kept {
        Kept::Hashes => None,
        Kept::Redacted(_) if text.len() > COPIED_MAX => Some(left(Left::Size)),
        Kept::Redacted(redaction) => {
            let copy = (redaction.copy)(redaction, tool, text);
            Some(member(redacted, &copy, copy.len(), most))
        }
        // A lease is authority that may still be alive; everything else is kept as it was.
        Kept::Full => Some(match copy::without_leases(text.get(..most).unwrap_or(text)) {
            None => member(exact, text, text.len(), most),
            Some(copy) => member(redacted, &copy, text.len(), most),
        }),
    }
}

/// The text in base64; of a longer one its beginning, and the length of the whole.
fn member(name: &str, text: &[u8], whole: usize, most: usize) -> String {
    let cut = if whole > most { format!(",\"cut\":{whole}") } else { String::new() };
    format!(",\"{name}\":\"{}\"{cut}", Base64::encode_string(text.get(..most).unwrap_or(text)))
}

fn line(seq: u64, members: &str) -> String {
    format!("{{\"seq\":{seq}{members}}}\n")
}

/// Lines of evidence for a batch: salts, which are few bytes, and the rest.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pub(super) salts: Vec<u8>,
    pub(super) texts: Vec<u8>,
    /// Bytes that the file may still have.
    room: u64,
}

impl Lines {
    /// For a file that has so many bytes.
    pub(super) fn behind(size: u64) -> Self {
        Self { room: EVIDENCE_MAX.saturating_sub(size), ..Self::default() }
    }

    /// What opens and shows entry `seq`.
    pub(super) fn add(&mut self, seq: u64, salt: Option<&[u8; 32]>, members: Option<&str>) {
        if let Some(salt) = salt {
            let out = &mut self.salts;
            out.extend_from_slice(b"{\"seq\":");
            push_number(out, seq);
            out.extend_from_slice(b",\"salt\":\"");
            push_hex(out, salt);
            out.extend_from_slice(b"\"}\n");
        }
        let Some(members) = members else { return };
        let text = line(seq, members);
        match self.room.checked_sub(text.len() as u64) {
            Some(room) => {
                self.room = room;
                self.texts.extend_from_slice(text.as_bytes());
            }
            None => self.texts.extend_from_slice(line(seq, &left(Left::Room)).as_bytes()),
        }
    }
}

/// Reads a file of evidence and gives each line with its place. A line that is too long, or has no end, is none of ours: reading goes on with
/// the next one.
pub(super) fn scan(file: &File, mut each: impl FnMut(u64, &[u8])) -> std::io::Result<()> {
    let size = files::size(file)?;
    let mut from = 0;
    while from < size {
        let end = files::scan_lines(file, from, size, EVIDENCE_LINE_MAX, |at, text| {
            each(at, text);
            Ok(())
        })?;
        from = match end {
            End::Clean | End::Partial { .. } => size,
            End::Fault { at, .. } => files::next_line(file, at + EVIDENCE_LINE_MAX as u64, size)?,
        };
    }
    Ok(())
}

/// Length of a file of evidence, after a line that a writer left incomplete was ended: what follows has to stand by itself.
pub(super) fn mend(store: &Store) -> Result<u64, LedgerError> {
    let failed = |doing: &str, error| LedgerError::io(doing, &store.dir.join(files::EVIDENCE), error);
    let size = files::size(&store.evidence).map_err(|e| failed("read", e))?;
    let mut last = [b'\n'];
    if size > 0 {
        store.evidence.read_exact_at(&mut last, size - 1).map_err(|e| failed("read", e))?;
    }
    if last == [b'\n'] {
        return Ok(size);
    }
    let ended = (&*store.evidence).write_all(b"\n");
    ended.map_err(|e| if room::is_full(&e) { room::full(&store.dir, &e) } else { failed("append to", e) })?;
    Ok(size + 1)
}
