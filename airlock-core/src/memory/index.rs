//! What was seen, as keyed hashes: whether a value stood somewhere can be asked, which values did cannot.

use super::date;
use super::read::{Reading, accounts, addresses, links, quoted, tokens};
use super::value::{NAME_WORDS_MAX, normal, words};
use crate::policy::origin::{Source, Sources, ValueKind};
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

/// The key of all hashes of a process: SipHash with 128 random bits from the system. Sixty-four bits of hash are enough: with as many
/// values as may be remembered, a made-up one meets a hash with odds of one in 2^44, and each try is a refused call in the ledger.
#[derive(Debug, Clone, Default)]
pub(super) struct Keyed(RandomState);

impl Keyed {
    pub(super) fn value(&self, kind: ValueKind, normal: &str) -> u64 {
        if kind == ValueKind::Name {
            return normal.split(' ').fold(self.start(), |state, word| self.word(state, word));
        }
        let mut hasher = self.0.build_hasher();
        hasher.write_u8(kind as u8);
        hasher.write(normal.as_bytes());
        hasher.finish()
    }

    /// Names are hashed word by word, so that every run of words of a text is one step from the run before.
    fn start(&self) -> u64 {
        self.0.hash_one(ValueKind::Name as u8)
    }

    fn word(&self, state: u64, word: &str) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write_u64(state);
        hasher.write(word.as_bytes());
        hasher.finish()
    }
}

/// The keys of the map are hashes already.
#[derive(Debug, Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Only `write_u64` is used by the map.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Where one value was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Note {
    pub(super) sources: Sources,
    /// Number of the call in whose result it stood first, for the strongest of the sources.
    pub(super) call: u32,
}

/// The kinds that somebody may ask for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kinds {
    /// Looked for in structured results and in the intent.
    pub(super) whole: u16,
    /// Looked for in the text of results as well.
    pub(super) text: u16,
}

impl Kinds {
    pub(super) const fn bit(kind: ValueKind) -> u16 {
        1 << kind as u16
    }
}

/// Values with where they were seen.
#[derive(Debug, Default)]
pub(super) struct Index {
    seen: HashMap<u64, Note, BuildHasherDefault<AsIs>>,
}

impl Index {
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }

    pub(super) fn get(&self, hash: u64) -> Option<Note> {
        self.seen.get(&hash).copied()
    }
}

/// Takes values into an index, as far as there is room.
#[derive(Debug)]
pub(super) struct Learner<'a> {
    pub(super) index: &'a mut Index,
    pub(super) keys: &'a Keyed,
    pub(super) call: u32,
    /// Most values that the index may have.
    pub(super) most: usize,
    /// Something had no room.
    pub(super) full: bool,
}

impl Learner<'_> {
    fn note(&mut self, hash: u64, sources: Sources) {
        let call = self.call;
        let room = self.index.len() < self.most;
        match self.index.seen.get_mut(&hash) {
            Some(note) => {
                if sources.strongest() < note.sources.strongest() {
                    note.call = call;
                }
                note.sources = note.sources.and(sources);
            }
            None if room => {
                self.index.seen.insert(hash, Note { sources, call });
            }
            None => self.full = true,
        }
    }

    fn value(&mut self, kind: ValueKind, text: &str, sources: Sources) {
        let Some(normal) = normal(kind, text) else { return };
        if kind == ValueKind::Url {
            self.url(text, &normal, sources);
        } else if proves(kind, &normal, sources) {
            let hash = self.keys.value(kind, &normal);
            self.note(hash, sources);
        }
    }

    /// A link without a scheme stands for the web with and without TLS, and one to the plain web for the other as well; what was seen
    /// with TLS never for the plain web.
    fn url(&mut self, text: &str, normal: &str, sources: Sources) {
        self.note(self.keys.value(ValueKind::Url, normal), sources);
        if let Some(rest) = normal.strip_prefix("http://") {
            self.note(self.keys.value(ValueKind::Url, &format!("https://{rest}")), sources);
        } else if let Some(rest) = normal.strip_prefix("https://").filter(|_| !text.contains("://")) {
            self.note(self.keys.value(ValueKind::Url, &format!("http://{rest}")), sources);
        }
    }

    /// A whole member of a structured result, in every reading that is asked for. `is_id`: its name is that of an identifier.
    pub(super) fn leaf(&mut self, text: &str, is_id: bool, kinds: u16, sources: Sources) {
        for kind in ValueKind::ALL.into_iter().filter(|kind| kinds & Kinds::bit(*kind) != 0) {
            if kind == ValueKind::Id && is_id {
                if let Some(normal) = normal(kind, text) {
                    self.note(self.keys.value(kind, &normal), sources);
                }
            } else {
                self.value(kind, text, sources);
            }
        }
    }

    /// Every value that stands in a text.
    pub(super) fn text(&mut self, text: &str, kinds: u16, sources: Sources) {
        let wants = |kind: ValueKind| kinds & Kinds::bit(kind) != 0;
        if wants(ValueKind::Email) {
            addresses(text, &mut |it| self.value(ValueKind::Email, it, sources));
        }
        if wants(ValueKind::Iban) {
            accounts(text, Reading::Every, &mut |it| self.value(ValueKind::Iban, it, sources));
            tokens(text, &mut |it| self.value(ValueKind::Iban, it, sources));
        }
        for kind in [ValueKind::Url, ValueKind::Host].into_iter().filter(|kind| wants(*kind)) {
            links(text, Reading::Every, &mut |it| self.value(kind, it, sources));
        }
        for kind in [ValueKind::Path, ValueKind::Id].into_iter().filter(|kind| wants(*kind)) {
            tokens(text, &mut |it| self.value(kind, it, sources));
            quoted(text, &mut |it| self.value(kind, it, sources));
        }
        if wants(ValueKind::Name) {
            self.names(text, sources);
        }
        if wants(ValueKind::Amount) {
            for word in text.split_whitespace() {
                let bare = word.trim_matches(|c: char| ".,;:!?()[]\"'".contains(c));
                self.value(ValueKind::Amount, bare, sources);
            }
        }
        if wants(ValueKind::Date) {
            self.days(text, sources);
        }
    }

    /// Every run of words.
    fn names(&mut self, text: &str, sources: Sources) {
        let words: Vec<String> = words(text).map(|(_, word)| word).collect();
        for at in 0..words.len() {
            let mut state = self.keys.start();
            let mut letters = 0;
            for word in words.iter().skip(at).take(NAME_WORDS_MAX) {
                // The possessive of a name is the name.
                let owner = word.strip_suffix("'s").or_else(|| word.strip_suffix("’s")).unwrap_or(word);
                letters += word.chars().filter(|c| c.is_alphanumeric()).count();
                let is_enough = letters >= least(ValueKind::Name, sources);
                if owner.len() < word.len() && is_enough {
                    let hash = self.keys.word(state, owner);
                    self.note(hash, sources);
                }
                state = self.keys.word(state, word);
                if is_enough {
                    self.note(state, sources);
                }
            }
        }
    }

    /// The longest day that begins at each word.
    fn days(&mut self, text: &str, sources: Sources) {
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let longest = date::WORDS_MAX.min(words.len() - at);
            let found = (1..=longest).rev().filter(|_| date::may_begin(word)).find_map(|count| {
                let run = words[at..at + count].join(" ");
                let run = run.trim_matches(|c: char| ".,;:!?()[]\"'".contains(c));
                date::day(run).map(|day| (count, day))
            });
            if let Some((count, day)) = found {
                let hash = self.keys.value(ValueKind::Date, &day);
                self.note(hash, sources);
                at += count;
            } else {
                at += 1;
            }
        }
    }
}

/// Fewest letters and digits of a value for which having been seen proves something. A shorter one stands in any text: for free text
/// of others that is one of two characters, for the intent and whole members one of a single letter. Addresses, links and account
/// numbers have a form that says enough.
const fn least(kind: ValueKind, sources: Sources) -> usize {
    match kind {
        ValueKind::Email | ValueKind::Iban | ValueKind::Url | ValueKind::Host | ValueKind::Date => 1,
        ValueKind::Path | ValueKind::Id | ValueKind::Name | ValueKind::Amount => {
            if sources.has(Source::Intent) || sources.has(Source::Structured) || sources.has(Source::Trusted) { 2 } else { 3 }
        }
    }
}

fn proves(kind: ValueKind, normal: &str, sources: Sources) -> bool {
    let signs = normal.chars().filter(|c| c.is_alphanumeric()).count();
    // A single digit that the user wrote is a number that the user meant.
    let is_own_number = sources.has(Source::Intent) && kind != ValueKind::Name && normal.bytes().all(|b| b.is_ascii_digit());
    signs >= least(kind, sources) || is_own_number
}
