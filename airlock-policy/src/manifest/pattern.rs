//! The tables of a manifest's patterns, each made once; and what can be said of all texts that one accepts: how they may begin and
//! end, and how long they are.

use crate::automaton::{Dfa, PatternFault};
use crate::limits::{PATTERN_STATES_MAX, PATTERNS_LARGE_MAX, PATTERNS_MAX};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Tables by their pattern. A manifest that asks for more work than any policy needs gets [`PatternFault::TooLarge`] for the rest.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    known: RefCell<BTreeMap<String, Result<Rc<Dfa>, PatternFault>>>,
    states: Cell<usize>,
    large: Cell<usize>,
}

impl Patterns {
    /// The table of a pattern.
    pub(super) fn table(&self, pattern: &str) -> Result<Rc<Dfa>, PatternFault> {
        if let Some(known) = self.known.borrow().get(pattern) {
            return known.clone();
        }
        let room = self.known.borrow().len() < PATTERNS_MAX
            && self.states.get() < PATTERN_STATES_MAX
            && self.large.get() < PATTERNS_LARGE_MAX;
        if !room {
            return Err(PatternFault::TooLarge);
        }
        let made = Dfa::of_pattern(pattern).map(Rc::new);
        match &made {
            Ok(table) => self.states.set(self.states.get() + table.accepting().len()),
            Err(PatternFault::TooLarge) => self.large.set(self.large.get() + 1),
            Err(PatternFault::Syntax(..) | PatternFault::Look | PatternFault::Empty) => {}
        }
        self.known.borrow_mut().insert(pattern.to_owned(), made.clone());
        made
    }
}

/// Could a matching text begin with this?
pub(super) fn begins(table: &Dfa, prefix: &str) -> bool {
    let state = prefix.bytes().fold(table.start(), |state, byte| table.step(state, byte));
    Lengths::of(table).useful[usize::from(state)]
}

/// Could a matching text end with this?
pub(super) fn ends(table: &Dfa, suffix: &str) -> bool {
    // Every state is reachable by construction.
    states(table).any(|state| {
        let end = suffix.bytes().fold(state, |state, byte| table.step(state, byte));
        table.accepting()[usize::from(end)]
    })
}

/// Characters of the shortest and of the longest matching text; no longest where texts may grow without end.
pub(super) fn lengths(table: &Dfa) -> (u64, Option<u64>) {
    let lengths = Lengths::of(table);
    (lengths.shortest(table), lengths.longest(table))
}

fn states(table: &Dfa) -> impl Iterator<Item = u16> {
    0..u16::try_from(table.accepting().len()).unwrap_or(u16::MAX)
}

/// The edges of a table that lie on a way to an accepting state, each with the characters that it adds: one for the first byte of
/// a character, none for the others.
struct Lengths {
    edges: Vec<Vec<(u16, u64)>>,
    useful: Vec<bool>,
}

impl Lengths {
    fn of(table: &Dfa) -> Self {
        // Of the bytes that are of one class and add the same, one stands for all.
        let kinds: BTreeMap<(u8, u64), u8> =
            (0..=u8::MAX).zip(table.classes()).map(|(byte, class)| ((*class, u64::from(byte & 0xc0 != 0x80)), byte)).collect();
        let mut edges: Vec<Vec<(u16, u64)>> = states(table)
            .map(|state| {
                let mut out: Vec<(u16, u64)> =
                    kinds.iter().map(|((_, added), byte)| (table.step(state, *byte), *added)).collect();
                out.sort_unstable();
                out.dedup();
                out
            })
            .collect();
        let mut into: Vec<Vec<u16>> = vec![Vec::new(); edges.len()];
        for (from, out) in states(table).zip(&edges) {
            out.iter().for_each(|(to, _)| into[usize::from(*to)].push(from));
        }
        let mut useful = table.accepting().to_vec();
        let mut open: Vec<u16> = states(table).filter(|state| useful[usize::from(*state)]).collect();
        while let Some(state) = open.pop() {
            for from in &into[usize::from(state)] {
                if !std::mem::replace(&mut useful[usize::from(*from)], true) {
                    open.push(*from);
                }
            }
        }
        edges.iter_mut().for_each(|out| out.retain(|(to, _)| useful[usize::from(*to)]));
        Self { edges, useful }
    }

    /// Breadth first, where an edge that adds nothing goes before one that adds a character.
    fn shortest(&self, table: &Dfa) -> u64 {
        let mut seen = vec![false; self.edges.len()];
        let mut open = std::collections::VecDeque::from([(table.start(), 0)]);
        while let Some((state, length)) = open.pop_front() {
            if std::mem::replace(&mut seen[usize::from(state)], true) {
                continue;
            }
            if table.accepting()[usize::from(state)] {
                return length;
            }
            for (next, added) in &self.edges[usize::from(state)] {
                match added {
                    0 => open.push_front((*next, length)),
                    added => open.push_back((*next, length + added)),
                }
            }
        }
        0
    }

    /// Longest way in a graph without circles; a circle always adds a character, so with one there is no longest text.
    fn longest(&self, table: &Dfa) -> Option<u64> {
        // Takes states off in an order where all that lead to one come before it; what stays lies on a circle.
        let mut waiting = vec![0usize; self.edges.len()];
        let reached = self.reached(table.start());
        let inner = || states(table).filter(|state| reached[usize::from(*state)]);
        for state in inner() {
            self.edges[usize::from(state)].iter().for_each(|(to, _)| waiting[usize::from(*to)] += 1);
        }
        let mut best = vec![0u64; self.edges.len()];
        let mut open: Vec<u16> = inner().filter(|state| waiting[usize::from(*state)] == 0).collect();
        let mut taken = 0;
        while let Some(state) = open.pop() {
            taken += 1;
            for (next, added) in &self.edges[usize::from(state)] {
                let to = usize::from(*next);
                best[to] = best[to].max(best[usize::from(state)] + added);
                waiting[to] -= 1;
                if waiting[to] == 0 {
                    open.push(*next);
                }
            }
        }
        let longest = inner().filter(|state| table.accepting()[usize::from(*state)]).map(|state| best[usize::from(state)]).max();
        longest.filter(|_| taken == inner().count())
    }

    fn reached(&self, start: u16) -> Vec<bool> {
        let mut reached = vec![false; self.edges.len()];
        let mut open = vec![start];
        while let Some(state) = open.pop() {
            if !std::mem::replace(&mut reached[usize::from(state)], true) {
                open.extend(self.edges[usize::from(state)].iter().map(|(to, _)| *to));
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(pattern: &str) -> Dfa {
        Dfa::of_pattern(pattern).unwrap()
    }

    #[test]
    fn lengths_are_those_of_texts() {
        for (pattern, least, most) in [
            ("[a-z]{2,8}", 2, Some(8)),
            ("a*", 0, None),
            ("ab|cde", 2, Some(3)),
            ("ü{3}", 3, Some(3)),
            (r"\p{L}{1,2}日", 2, Some(3)),
            ("", 0, Some(0)),
            ("(ab)+c", 3, None),
            ("a(b|c{4})?", 1, Some(5)),
        ] {
            assert_eq!(lengths(&table(pattern)), (least, most), "{pattern}");
        }
    }

    #[test]
    fn beginnings_and_ends_are_those_of_texts() {
        let ticket = table("[A-Z]{2,4}-[0-9]+");
        assert!(begins(&ticket, "") && begins(&ticket, "AB-1") && !begins(&ticket, "ABCDE") && !begins(&ticket, "a"));
        assert!(ends(&ticket, "") && ends(&ticket, "-12") && ends(&ticket, "9") && !ends(&ticket, "-") && !ends(&ticket, "x1"));
    }
}
