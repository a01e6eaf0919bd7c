//! Sets of strings as deterministic machines over bytes: what each argument rule becomes so that several can be run side by side.

use super::places::{HOST_MAX, LABEL_MAX};
use crate::automaton::Dfa;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The state that no text leaves; it accepts nothing.
pub(super) const DEAD: u32 = u32::MAX;

/// One machine. It begins in the state 0.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// A table made from a pattern.
    Table(Rc<Dfa>),
    /// A table made by hand.
    Rows(Rc<Rows>),
    /// Some words, or with `open` everything that begins with one of them.
    Words(Rc<Words>),
    /// Everything that ends with this.
    Suffix(Rc<Suffix>),
    /// URLs whose host is none of these.
    Elsewhere(Rc<Elsewhere>),
    /// Hosts and URLs whose host and its labels are not too long; of other texts it says nothing.
    Lengths,
}

impl Part {
    pub(super) fn prefix(text: &str) -> Self {
        Self::Words(Rc::new(Words::new([text], true)))
    }

    pub(super) fn words<'t>(words: impl IntoIterator<Item = &'t str>) -> Self {
        Self::Words(Rc::new(Words::new(words, false)))
    }

    pub(super) fn suffix(text: &str) -> Self {
        Self::Suffix(Rc::new(Suffix::new(text)))
    }

    pub(super) fn step(&self, state: u32, byte: u8) -> u32 {
        if state == DEAD {
            return DEAD;
        }
        match self {
            Self::Table(table) => {
                // The table counts its dead state as 0 and its beginning as 1.
                match table.step(u16::try_from(state + 1).unwrap_or(0), byte) {
                    0 => DEAD,
                    next => u32::from(next) - 1,
                }
            }
            Self::Rows(rows) => rows.after(state, byte),
            Self::Words(words) => words.step(state, byte),
            Self::Suffix(suffix) => suffix.step(state, byte),
            Self::Elsewhere(elsewhere) => elsewhere.step(state, byte),
            Self::Lengths => lengths(state, byte),
        }
    }

    pub(super) fn accepts(&self, state: u32) -> bool {
        let at = state as usize;
        state != DEAD
            && match self {
                Self::Table(table) => table.accepting().get(at + 1).copied().unwrap_or(false),
                Self::Rows(rows) => rows.accept.get(at).copied().unwrap_or(false),
                Self::Words(words) => words.ends.get(at).copied().unwrap_or(false),
                Self::Suffix(suffix) => at == suffix.text.len(),
                Self::Elsewhere(elsewhere) => elsewhere.accepts(state),
                Self::Lengths => true,
            }
    }

    /// A number for each byte; bytes of one number are treated alike in every state.
    pub(super) fn classes(&self) -> [u16; 256] {
        let single = |bytes: &mut dyn Iterator<Item = u8>| {
            let mut classes = [0; 256];
            bytes.for_each(|byte| classes[usize::from(byte)] = u16::from(byte) + 1);
            classes
        };
        match self {
            Self::Table(table) => {
                let classes = table.classes();
                std::array::from_fn(|byte| classes.get(byte).copied().map_or(0, u16::from))
            }
            Self::Rows(rows) => rows.classes(),
            Self::Words(words) => single(&mut words.next.iter().flat_map(|next| next.keys().copied())),
            Self::Suffix(suffix) => single(&mut suffix.text.iter().copied()),
            Self::Elsewhere(elsewhere) => single(&mut elsewhere.bytes()),
            Self::Lengths => single(&mut b"https:/.?#HTTPS".iter().copied()),
        }
    }
}

/// The states of [`Part::Lengths`]: 0 to 7 within `https://`, then bytes of the label and of the host, then the rest.
fn lengths(state: u32, byte: u8) -> u32 {
    const SCHEME: &[u8; HEAD as usize] = b"https://";
    const REST: u32 = HEAD + (HOST_MAX + 1) * (LABEL_MAX + 1);
    let counted = |label: u32, host: u32| match label <= LABEL_MAX && host <= HOST_MAX {
        true => HEAD + host * (LABEL_MAX + 1) + label,
        false => DEAD,
    };
    let (label, host) = match SCHEME.get(state as usize) {
        Some(wanted) if byte.to_ascii_lowercase() == *wanted => {
            return if state + 1 == HEAD { counted(0, 0) } else { state + 1 };
        }
        // A bare host may begin as the scheme does.
        Some(_) if state <= 5 => (state, state),
        Some(_) => return REST,
        None if state == REST => return REST,
        None => ((state - HEAD) % (LABEL_MAX + 1), (state - HEAD) / (LABEL_MAX + 1)),
    };
    match byte {
        b'.' => counted(0, host + 1),
        b':' | b'/' | b'?' | b'#' => REST,
        _ => counted(label + 1, host + 1),
    }
}

/// A tree of words by byte.
#[derive(Debug, Clone)]
pub(super) struct Words {
    next: Vec<BTreeMap<u8, u32>>,
    ends: Vec<bool>,
    open: bool,
}

impl Words {
    fn new<'t>(words: impl IntoIterator<Item = &'t str>, open: bool) -> Self {
        let mut tree = Self { next: vec![BTreeMap::new()], ends: vec![false], open };
        for word in words {
            let mut at = 0;
            for byte in word.bytes() {
                let new = tree.next.len();
                let next = *tree.next[at].entry(byte).or_insert(u32::try_from(new).unwrap_or(DEAD)) as usize;
                if next == new {
                    tree.next.push(BTreeMap::new());
                    tree.ends.push(false);
                }
                at = next;
            }
            tree.ends[at] = true;
        }
        tree
    }

    fn step(&self, state: u32, byte: u8) -> u32 {
        let at = state as usize;
        if self.open && self.ends[at] {
            return state;
        }
        self.next[at].get(&byte).copied().unwrap_or(DEAD)
    }
}

/// How many bytes of an ending the text so far ends with.
#[derive(Debug, Clone)]
pub(super) struct Suffix {
    text: Vec<u8>,
    /// Length of the longest proper start of `text` that the first `n` bytes of it end with, by `n`.
    falls: Vec<usize>,
}

impl Suffix {
    fn new(text: &str) -> Self {
        let text = text.as_bytes().to_vec();
        let mut falls = vec![0; text.len() + 1];
        let mut length = 0;
        for at in 1..text.len() {
            while length > 0 && text[at] != text[length] {
                length = falls[length];
            }
            length += usize::from(text[at] == text[length]);
            falls[at + 1] = length;
        }
        Self { text, falls }
    }

    fn step(&self, state: u32, byte: u8) -> u32 {
        let mut length = state as usize;
        if length == self.text.len() {
            length = self.falls[length];
        }
        while length > 0 && self.text.get(length) != Some(&byte) {
            length = self.falls[length];
        }
        length += usize::from(self.text.get(length) == Some(&byte));
        u32::try_from(length).unwrap_or(DEAD)
    }
}

/// A table that is written row by row.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows {
    next: Vec<[u32; 256]>,
    accept: Vec<bool>,
}

impl Rows {
    /// A new state, from which nothing leads anywhere yet.
    pub(super) fn state(&mut self, accept: bool) -> u32 {
        self.next.push([DEAD; 256]);
        self.accept.push(accept);
        u32::try_from(self.next.len() - 1).unwrap_or(DEAD)
    }

    /// A new state that leads where another one leads.
    pub(super) fn copy(&mut self, of: u32) -> u32 {
        let (next, accept) = (self.next[of as usize], self.accept[of as usize]);
        let state = self.state(accept);
        self.next[state as usize] = next;
        state
    }

    pub(super) fn link(&mut self, from: u32, bytes: impl IntoIterator<Item = u8>, to: u32) {
        for byte in bytes {
            self.next[from as usize][usize::from(byte)] = to;
        }
    }

    /// States for a literal text in any ASCII case, from a state on; the last one.
    pub(super) fn literal(&mut self, from: u32, text: &str) -> u32 {
        text.bytes().fold(from, |at, byte| {
            let next = self.state(false);
            self.link(at, [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()], next);
            next
        })
    }

    pub(super) fn accepting(&mut self, state: u32) {
        self.accept[state as usize] = true;
    }

    /// Where a byte leads.
    pub(super) fn after(&self, state: u32, byte: u8) -> u32 {
        self.next[state as usize][usize::from(byte)]
    }

    fn classes(&self) -> [u16; 256] {
        let mut seen: BTreeMap<Vec<u32>, u16> = BTreeMap::new();
        std::array::from_fn(|byte| {
            let new = u16::try_from(seen.len()).unwrap_or(u16::MAX);
            *seen.entry(self.next.iter().map(|row| row[byte]).collect()).or_insert(new)
        })
    }
}

/// URLs whose host is none of some names, and not one label under one of some bases. Names are in lower case.
#[derive(Debug, Clone)]
pub(super) struct Elsewhere {
    names: Words,
    bases: Words,
    /// How many nodes the tree of names has, and how many places there are in that of bases.
    height: u32,
    width: u32,
}

/// Bytes of `https://`.
const HEAD: u32 = 8;

/// Where a machine stands in the host: in the tree of names, and in that of bases (`First`: within the first label).
#[derive(Debug, Clone, Copy)]
struct InHost {
    name: Option<u32>,
    base: Base,
}

#[derive(Debug, Clone, Copy)]
enum Base {
    First,
    At(u32),
    Off,
}

impl Elsewhere {
    pub(super) fn new<'t>(names: impl IntoIterator<Item = &'t str>, bases: impl IntoIterator<Item = &'t str>) -> Self {
        let (names, bases) = (Words::new(names, false), Words::new(bases, false));
        let size = |words: &Words| u32::try_from(words.next.len()).unwrap_or(u32::MAX / 4);
        Self { height: size(&names), width: size(&bases) + 2, names, bases }
    }

    /// After the host; it was none of those listed.
    const fn past(&self) -> u32 {
        HEAD + (self.height + 1) * self.width
    }

    fn pack(&self, at: InHost) -> u32 {
        let name = at.name.unwrap_or(self.height);
        let base = match at.base {
            Base::First => 0,
            Base::At(node) => node + 1,
            Base::Off => self.width - 1,
        };
        HEAD + name * self.width + base
    }

    fn unpack(&self, state: u32) -> InHost {
        let (name, base) = ((state - HEAD) / self.width, (state - HEAD) % self.width);
        let base = match base {
            0 => Base::First,
            last if last == self.width - 1 => Base::Off,
            node => Base::At(node - 1),
        };
        InHost { name: (name < self.height).then_some(name), base }
    }

    fn listed(&self, at: InHost) -> bool {
        let name = at.name.is_some_and(|node| self.names.ends[node as usize]);
        name || matches!(at.base, Base::At(node) if self.bases.ends[node as usize])
    }

    fn step(&self, state: u32, byte: u8) -> u32 {
        if state < HEAD - 1 {
            return state + 1;
        }
        if state == HEAD - 1 {
            return self.pack(InHost { name: Some(0), base: Base::First });
        }
        if state == self.past() {
            return state;
        }
        let at = self.unpack(state);
        if matches!(byte, b':' | b'/' | b'?' | b'#') {
            return if self.listed(at) { DEAD } else { self.past() };
        }
        let byte = byte.to_ascii_lowercase();
        let known = |node: u32| if node == DEAD { None } else { Some(node) };
        let name = at.name.and_then(|node| known(self.names.step(node, byte)));
        let base = match at.base {
            Base::First if byte == b'.' => Base::At(0),
            Base::First => Base::First,
            Base::At(node) => known(self.bases.step(node, byte)).map_or(Base::Off, Base::At),
            Base::Off => Base::Off,
        };
        self.pack(InHost { name, base })
    }

    fn accepts(&self, state: u32) -> bool {
        state == self.past() || state >= HEAD && !self.listed(self.unpack(state))
    }

    fn bytes(&self) -> impl Iterator<Item = u8> {
        let nodes = self.names.next.iter().chain(&self.bases.next);
        let both = nodes.flat_map(|next| next.keys()).flat_map(|byte| [byte.to_ascii_lowercase(), byte.to_ascii_uppercase()]);
        both.chain([b'.', b':', b'/', b'?', b'#'])
    }
}
