//! Reading what is kept of one call, and comparing it with what its entries say.

use super::What;
use crate::chain::{commitment, unhex};
use crate::files::{self, Segment};
use crate::line;
use crate::redact::{Kept, NO_SALT, NO_TEXT};
use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::Path;

/// What is kept of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Number of the entry.
    pub seq: u64,
    /// The entry as it stands in the ledger.
    pub entry: String,
    /// What is kept of it.
    pub texts: Vec<Text>,
}

/// One text that is kept, or why it is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// `arguments` or `result`.
    pub what: &'static str,
    /// How it stands to the entry.
    pub state: State,
    /// Its bytes, as far as they are kept.
    pub bytes: Vec<u8>,
}

/// How a text stands to its entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is what the entry commits to.
    Opened,
    /// It is not what the entry commits to: one of the two was changed.
    DoesNotOpen,
    /// It is a copy without some values, of which the entry says nothing.
    Redacted,
    /// Only its beginning is kept; the whole had so many bytes.
    Cut(u64),
    /// It was erased.
    Erased,
    /// It was never kept; the salt is there, so whoever has the arguments can show that they are those of the entry.
    Salt,
    /// It was left out, for this reason: `lease`, `size` or `room`.
    Left(String),
    /// Nothing is there: no file of evidence, or no line for the entry.
    Gone,
}

/// The members of an entry that are compared.
#[derive(Debug, Deserialize)]
struct Said {
    t: String,
    ac: Option<String>,
    result: Option<String>,
    call: Option<String>,
}

/// What is kept of entry `seq`; of an allowed call also what is kept of its outcome. Nothing if there is no such entry.
///
/// # Errors
/// The ledger cannot be read, or the entry is none.
pub fn look(dir: &Path, seq: u64) -> io::Result<Vec<Found>> {
    let segments = files::segments(dir)?;
    let Some(at) = segments.iter().rposition(|segment| segment.first <= seq) else { return Ok(Vec::new()) };
    let Some(entry) = line_of(&segments[at], |line| line.seq == seq)? else { return Ok(Vec::new()) };
    let said = said(&entry)?;
    let mut found = vec![of_entry(dir, &segments[at], seq, entry, &said)?];
    let Some(call) = said.call.filter(|_| said.t == "decision") else { return Ok(found) };
    let body = format!("\"t\":\"outcome\",\"call\":\"{call}\",");
    for segment in &segments[at..] {
        if let Some(entry) = line_of(segment, |line| line.seq > seq && line.body.starts_with(body.as_bytes()))? {
            let (seq, said) = (line::parse(entry.as_bytes()).map_err(other)?.seq, self::said(&entry)?);
            found.push(of_entry(dir, segment, seq, entry, &said)?);
            break;
        }
    }
    Ok(found)
}

/// What is kept of the arguments of these decisions, each with the commitment of its entry, in one pass over the evidence. Beyond `most`
/// bytes nothing more is taken, and what is missing is in no entry of the result.
///
/// # Errors
/// A file of evidence cannot be read.
pub fn arguments(dir: &Path, wanted: &BTreeMap<u64, String>, most: usize) -> io::Result<BTreeMap<u64, Text>> {
    let mut stored: BTreeMap<u64, Stored> = BTreeMap::new();
    let mut taken = 0;
    for segment in files::segments(dir)? {
        match files::open(&dir.join(files::EVIDENCE).join(segment.name())) {
            Ok(file) => super::scan(&file, |_, text| {
                if taken < most
                    && let Some(kept) = Kept::read(text).filter(|kept| wanted.contains_key(&kept.seq))
                {
                    taken += text.len();
                    stored.entry(kept.seq).or_default().take(&kept);
                }
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    let best = |(seq, stored): (u64, Stored)| {
        let commits = wanted.get(&seq).and_then(|digits| unhex(digits.as_bytes()));
        let opens = |bytes: &[u8]| stored.salts.iter().any(|salt| commits == Some(commitment(salt, bytes)));
        (seq, stored.best(What::Arguments, &opens))
    };
    Ok(stored.into_iter().map(best).collect())
}

fn other(fault: impl ToString) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, fault.to_string())
}

fn said(entry: &str) -> io::Result<Said> {
    serde_json::from_str(entry).map_err(other)
}

/// The first line of a segment that is the one.
fn line_of(segment: &Segment, is_it: impl Fn(&line::Line<'_>) -> bool) -> io::Result<Option<String>> {
    let file = files::open(&segment.path)?;
    let mut found = None;
    files::scan(&file, 0, file.metadata()?.len(), |_, text| match line::parse(text) {
        Ok(line) if is_it(&line) => {
            found = Some(String::from_utf8_lossy(text).into_owned());
            Err(String::new())
        }
        Ok(_) | Err(_) => Ok(()),
    })?;
    Ok(found)
}

fn of_entry(dir: &Path, segment: &Segment, seq: u64, entry: String, said: &Said) -> io::Result<Found> {
    let commits = said.ac.as_deref().and_then(|digits| unhex(digits.as_bytes()));
    let result = said.result.as_deref().and_then(|digits| unhex(digits.as_bytes()));
    let mut stored = Stored::default();
    match files::open(&dir.join(files::EVIDENCE).join(segment.name())) {
        Ok(file) => super::scan(&file, |_, text| {
            if let Some(kept) = Kept::read(text).filter(|kept| kept.seq == seq) {
                stored.take(&kept);
            }
        })?,
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let opens_arguments = |bytes: &[u8]| stored.salts.iter().any(|salt| commits == Some(commitment(salt, bytes)));
    let opens_result = |bytes: &[u8]| result == Some(Sha256::digest(bytes).into());
    let mut texts = Vec::new();
    if said.ac.is_some() {
        texts.push(stored.best(What::Arguments, &opens_arguments));
    }
    if said.result.is_some() {
        texts.push(stored.best(What::Result, &opens_result));
    }
    Ok(Found { seq, entry, texts })
}

/// All lines for one entry. After a power cut there can be more than one of a kind; the one that opens is the one that counts.
#[derive(Debug, Default)]
struct Stored {
    salts: Vec<[u8; 32]>,
    erased_salts: bool,
    texts: Vec<(What, State, Vec<u8>)>,
    left: Option<String>,
}

impl Stored {
    fn take(&mut self, kept: &Kept<'_>) {
        if let Some(salt) = kept.salt {
            let erased = salt.bytes().all(|digit| digit == NO_SALT);
            self.erased_salts |= erased;
            self.salts.extend(unhex(salt.as_bytes()).filter(|_| !erased));
        }
        let cut = kept.cut.map(State::Cut);
        let exact = || cut.clone().unwrap_or(State::DoesNotOpen);
        for (what, state, text) in [
            (What::Arguments, exact(), kept.args),
            (What::Arguments, State::Redacted, kept.args_redacted),
            (What::Result, exact(), kept.result),
            (What::Result, State::Redacted, kept.result_redacted),
        ] {
            let Some(text) = text else { continue };
            let erased = !text.is_empty() && text.bytes().all(|byte| byte == NO_TEXT);
            let state = if erased { State::Erased } else { state };
            self.texts.push((what, state, Base64::decode_vec(text).unwrap_or_default()));
        }
        self.left = self.left.take().or_else(|| kept.left.map(str::to_owned));
    }

    /// What is known of the arguments, or of the result.
    fn best(&self, what: What, opens: &dyn Fn(&[u8]) -> bool) -> Text {
        let mine: Vec<_> = self.texts.iter().filter(|(of, ..)| *of == what).collect();
        let opened = mine.iter().find(|(_, state, bytes)| *state == State::DoesNotOpen && opens(bytes));
        let (state, bytes) = match (opened, mine.first()) {
            (Some((_, _, bytes)), _) => (State::Opened, bytes.clone()),
            // Without a salt nothing opens, whatever is kept.
            (None, Some((_, State::DoesNotOpen, bytes))) if what == What::Arguments && self.salts.is_empty() => {
                (if self.erased_salts { State::Erased } else { State::DoesNotOpen }, bytes.clone())
            }
            (None, Some((_, state, bytes))) => (state.clone(), bytes.clone()),
            (None, None) => (self.without_text(what), Vec::new()),
        };
        Text { what: if what == What::Arguments { "arguments" } else { "result" }, state, bytes }
    }

    fn without_text(&self, what: What) -> State {
        match &self.left {
            Some(why) => State::Left(why.clone()),
            None if what == What::Result => State::Gone,
            None if !self.salts.is_empty() => State::Salt,
            None if self.erased_salts => State::Erased,
            None => State::Gone,
        }
    }
}

#[cfg(test)]
mod tests;
