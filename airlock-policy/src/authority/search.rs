//! A shortest text that some machines accept and another one does not.

use super::parts::{DEAD, Part};
use crate::automaton::Dfa;
use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::OnceLock;

/// Joint states of one search. Rules that people write make some hundreds; beyond this the answer is [`Found::Unknown`].
const STATES_MAX: usize = 20_000;
/// Places (state and length) of one search, for the same reason; a fraction of a second.
const PLACES_MAX: usize = 1_000_000;
/// Texts that the machines accept and the evaluator does not, after which a search gives up. The machines are exact but for
/// spellings of hosts, so that even a second text is rare.
const TRIES_MAX: usize = 200;

/// What a search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found<T> {
    /// One.
    This(T),
    /// There is none.
    Nothing,
    /// The search was too large, or its machines accept texts that the evaluator refuses: take it that there is one.
    Unknown,
}

impl<T> Found<T> {
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Found<U> {
        match self {
            Self::This(found) => Found::This(change(found)),
            Self::Nothing => Found::Nothing,
            Self::Unknown => Found::Unknown,
        }
    }

    /// This one, or what else is found when there is none for certain.
    pub(super) fn or_else(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::This(found) => Self::This(found),
            Self::Nothing => other(),
            Self::Unknown => match other() {
                Self::This(found) => Self::This(found),
                Self::Nothing | Self::Unknown => Self::Unknown,
            },
        }
    }
}

impl<T> From<Option<T>> for Found<T> {
    fn from(found: Option<T>) -> Self {
        found.map_or(Self::Nothing, Self::This)
    }
}

/// What to search for.
#[derive(Debug)]
pub(super) struct Wanted {
    /// All of these accept it.
    pub(super) all: Vec<Part>,
    /// This one does not.
    pub(super) none: Option<Part>,
    /// Least and most characters.
    pub(super) least: usize,
    pub(super) most: usize,
}

/// Bytes in the order in which a text should use them.
fn by_beauty() -> impl Iterator<Item = u8> {
    let rank = |byte: &u8| match byte {
        b'a'..=b'z' => 0,
        b'0'..=b'9' => 1,
        b'A'..=b'Z' => 2,
        b'!'..=b'~' => 3,
        b' ' => 4,
        _ => 5,
    };
    let mut bytes: Vec<u8> = (0..=u8::MAX).collect();
    bytes.sort_by_key(rank);
    bytes.into_iter()
}

/// Where a search stands: a joint state, and the characters so far as far as they matter.
type Place = (u32, u32);

struct Search<'w> {
    parts: Vec<&'w Part>,
    /// The last part must not accept.
    avoid: bool,
    letters: Vec<u8>,
    numbers: HashMap<Vec<u32>, u32>,
    states: Vec<Vec<u32>>,
    next: Vec<Option<Vec<u32>>>,
}

impl Search<'_> {
    fn number(&mut self, state: Vec<u32>) -> u32 {
        let new = u32::try_from(self.states.len()).unwrap_or(DEAD);
        *self.numbers.entry(state).or_insert_with_key(|state| {
            self.states.push(state.clone());
            self.next.push(None);
            new
        })
    }

    /// The states after each letter.
    fn row(&mut self, number: u32) -> Vec<u32> {
        if let Some(Some(row)) = self.next.get(number as usize) {
            return row.clone();
        }
        let state = self.states[number as usize].clone();
        let must = self.parts.len() - usize::from(self.avoid);
        let mut row = Vec::with_capacity(self.letters.len());
        for at in 0..self.letters.len() {
            let letter = self.letters[at];
            let next: Vec<u32> = self.parts.iter().zip(&state).map(|(part, state)| part.step(*state, letter)).collect();
            row.push(if next[..must].contains(&DEAD) { DEAD } else { self.number(next) });
        }
        self.next[number as usize] = Some(row.clone());
        row
    }

    fn accepts(&self, number: u32) -> bool {
        let last = self.parts.len() - 1;
        let states = &self.states[number as usize];
        self.parts.iter().zip(states).enumerate().all(|(at, (part, state))| part.accepts(*state) != (self.avoid && at == last))
    }
}

/// Searches the shortest text that is wanted and that `accept` takes.
pub(super) fn shortest(wanted: &Wanted, accept: &dyn Fn(&str) -> bool) -> Found<String> {
    // Every table of a pattern accepts only UTF-8; this one keeps the others to it.
    static UTF8: OnceLock<Option<Dfa>> = OnceLock::new();
    if wanted.least > wanted.most {
        return Found::Nothing;
    }
    let Some(utf8) = UTF8.get_or_init(|| Dfa::of_pattern("(?s).*").ok()) else { return Found::Unknown };
    let utf8 = Part::Table(Rc::new(utf8.clone()));
    let parts: Vec<&Part> = [&utf8].into_iter().chain(&wanted.all).chain(&wanted.none).collect();
    let classes: Vec<[u16; 256]> = parts.iter().map(|part| part.classes()).collect();
    let mut seen = HashSet::new();
    let alike = |byte: &u8| seen.insert(classes.iter().map(|classes| classes[usize::from(*byte)]).collect::<Vec<_>>());
    let letters = by_beauty().filter(alike).collect();
    let begin = vec![0; parts.len()];
    let avoid = wanted.none.is_some();
    let mut search = Search { parts, avoid, letters, numbers: HashMap::new(), states: Vec::new(), next: Vec::new() };
    let first = search.number(begin);
    walk(&mut search, first, wanted, accept)
}

/// Breadth first by characters: the first bytes of a character cost one, the others nothing.
fn walk(search: &mut Search<'_>, first: u32, wanted: &Wanted, accept: &dyn Fn(&str) -> bool) -> Found<String> {
    let least = u32::try_from(wanted.least).unwrap_or(u32::MAX);
    let mut came: HashMap<Place, (Place, u8)> = HashMap::new();
    let mut done: HashSet<Place> = HashSet::new();
    let mut queue: VecDeque<(Place, usize)> = VecDeque::from([((first, 0), 0)]);
    let mut tries = 0;
    while let Some((place, length)) = queue.pop_front() {
        if !done.insert(place) {
            continue;
        }
        if place.1 == least && search.accepts(place.0) {
            let text = spell(&came, place);
            if accept(&text) {
                return Found::This(text);
            }
            tries += 1;
        }
        if done.len() > PLACES_MAX || search.states.len() > STATES_MAX || tries > TRIES_MAX {
            return Found::Unknown;
        }
        for (at, number) in search.row(place.0).into_iter().enumerate() {
            let byte = search.letters[at];
            let counts = usize::from(byte & 0xc0 != 0x80);
            let next = (number, if counts == 1 { place.1.saturating_add(1).min(least) } else { place.1 });
            if number == DEAD || length + counts > wanted.most || done.contains(&next) {
                continue;
            }
            match counts {
                0 => {
                    came.insert(next, (place, byte));
                    queue.push_front((next, length));
                }
                _ => {
                    came.entry(next).or_insert((place, byte));
                    queue.push_back((next, length + 1));
                }
            }
        }
    }
    if tries == 0 { Found::Nothing } else { Found::Unknown }
}

/// The text that led to a place.
fn spell(came: &HashMap<Place, (Place, u8)>, mut place: Place) -> String {
    let mut bytes = Vec::new();
    while let Some((before, byte)) = came.get(&place) {
        bytes.push(*byte);
        place = *before;
    }
    bytes.reverse();
    String::from_utf8(bytes).unwrap_or_default()
}
