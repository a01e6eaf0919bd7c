//! `matches`: a regular expression becomes a table at build time, so that a gateway needs no expression engine and no input is slow.
//!
//! The whole value must match. Anchors and word boundaries are refused, since they would have no other meaning. The table is a
//! minimal deterministic automaton over the bytes of UTF-8: one look-up for each byte, whatever the pattern.

mod minimal;

use regex_automata::dfa::{Automaton, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};
use regex_syntax::hir::Hir;
use std::collections::BTreeMap;

/// Most states of one table. A pattern of a policy has some dozens; a class of all Unicode letters some hundreds.
pub const STATES_MAX: usize = 4096;
/// States before those that accept the same texts are joined: an ordinary pattern has hardly more than after it.
const WALK_MAX: usize = 2 * STATES_MAX;
/// Bytes that making a table may take: a pattern whose automaton is larger than its states allow stops here, not in memory, and after
/// some tens of milliseconds. The largest table that is accepted has half of it.
const BUILD_MAX: usize = 4 * 1024 * 1024;
/// The state that no text leaves.
const DEAD: u16 = 0;
/// The state before the first byte.
const START: u16 = 1;

/// A deterministic automaton over bytes. State 0 accepts nothing and leads nowhere else; state 1 is the beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dfa {
    classes: Vec<u8>,
    width: usize,
    next: Vec<u16>,
    accept: Vec<bool>,
}

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatternFault {
    /// It is no regular expression: what is wrong, and the bytes of the pattern where.
    Syntax(String, std::ops::Range<usize>),
    /// It has an anchor or a word boundary.
    Look,
    /// No text matches it.
    Empty,
    /// Its automaton has more than [`STATES_MAX`] states.
    TooLarge,
}

impl Dfa {
    /// The automaton of a pattern.
    ///
    /// # Errors
    /// See [`PatternFault`].
    pub fn of_pattern(pattern: &str) -> Result<Self, PatternFault> {
        let hir = parse(pattern)?;
        if !hir.properties().look_set().is_empty() {
            return Err(PatternFault::Look);
        }
        Self::of_dense(&dense(&hir)?)
    }

    /// Class of each byte; 256 entries.
    #[must_use]
    pub fn classes(&self) -> &[u8] {
        &self.classes
    }

    /// How many classes of bytes there are.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// The next state by `state * width + class`.
    #[must_use]
    pub fn table(&self) -> &[u16] {
        &self.next
    }

    /// Which states accept.
    #[must_use]
    pub fn accepting(&self) -> &[bool] {
        &self.accept
    }

    /// The state before the first byte.
    #[must_use]
    pub const fn start(&self) -> u16 {
        START
    }

    /// The state after one more byte.
    #[must_use]
    pub fn step(&self, state: u16, byte: u8) -> u16 {
        self.next[usize::from(state) * self.width + usize::from(self.classes[usize::from(byte)])]
    }

    /// Does the whole text match?
    #[must_use]
    pub fn admits(&self, text: &str) -> bool {
        let end = text.bytes().fold(START, |state, byte| self.step(state, byte));
        self.accept[usize::from(end)]
    }

    /// Walks every state that can be reached, joins those that accept the same texts, and numbers what is left in the order of a second
    /// walk: one language has one table.
    fn of_dense(dense: &dense::DFA<Vec<u32>>) -> Result<Self, PatternFault> {
        let config = start::Config::new().anchored(Anchored::Yes);
        let first = dense.start_state(&config).map_err(|_| PatternFault::TooLarge)?;
        let classes: Vec<u8> = (0..=u8::MAX).map(|byte| dense.byte_classes().get(byte)).collect();
        let width = classes.iter().max().map_or(1, |last| usize::from(*last) + 1);
        let examples: Vec<u8> =
            (0..width).filter_map(|class| classes.iter().position(|of| usize::from(*of) == class)?.try_into().ok()).collect();
        // State 0 is the dead one.
        let mut numbers = BTreeMap::from([(first, 1)]);
        let mut queue = vec![first];
        let mut next = vec![0usize; width];
        let mut at = 0;
        while let Some(state) = queue.get(at).copied() {
            for byte in &examples {
                let target = dense.next_state(state, *byte);
                let fresh = queue.len() + 1;
                let number = if dense.is_dead_state(target) { 0 } else { *numbers.entry(target).or_insert(fresh) };
                if number == fresh {
                    queue.push(target);
                }
                next.push(number);
            }
            at += 1;
            if queue.len() > WALK_MAX {
                return Err(PatternFault::TooLarge);
            }
        }
        let accept = queue.iter().map(|state| dense.is_match_state(dense.next_eoi_state(*state)));
        let accept: Vec<bool> = [false].into_iter().chain(accept).collect();
        Self::numbered(&next, &classes, &accept, &minimal::blocks(&next, width, &accept))
    }

    /// The automaton of the blocks, numbered in the order of a walk by classes, which are in the order of their bytes; the dead block
    /// is state 0.
    fn numbered(next: &[usize], classes: &[u8], accept: &[bool], blocks: &[usize]) -> Result<Self, PatternFault> {
        let width = next.len() / accept.len();
        let (dead, start) = (blocks[0], 1);
        if blocks[start] == dead {
            return Err(PatternFault::Empty);
        }
        let mut numbers = vec![None; accept.len()];
        (numbers[dead], numbers[blocks[start]]) = (Some(DEAD), Some(START));
        // One state of each block.
        let mut queue = vec![0, start];
        let mut rows = vec![DEAD; width];
        let mut at = 1;
        while let Some(state) = queue.get(at).copied() {
            for target in &next[state * width..(state + 1) * width] {
                let fresh = u16::try_from(queue.len()).map_err(|_| PatternFault::TooLarge)?;
                let number = *numbers[blocks[*target]].get_or_insert(fresh);
                if number == fresh {
                    queue.push(*target);
                }
                rows.push(number);
            }
            at += 1;
            if queue.len() > STATES_MAX {
                return Err(PatternFault::TooLarge);
            }
        }
        Ok(Self::pack(&rows, width, classes, queue.iter().map(|state| accept[*state]).collect()))
    }

    /// Classes that every state treats alike become one. `rows` has `width` entries for each state.
    fn pack(rows: &[u16], width: usize, classes: &[u8], accept: Vec<bool>) -> Self {
        let mut columns: BTreeMap<Vec<u16>, u8> = BTreeMap::new();
        let mut order = Vec::new();
        let packed: Vec<u8> = (0..width)
            .map(|class| {
                let column: Vec<u16> = rows.iter().skip(class).step_by(width).copied().collect();
                *columns.entry(column.clone()).or_insert_with(|| {
                    order.push(column);
                    // There are at most 256 classes of bytes, so the last has the number 255.
                    u8::try_from(order.len() - 1).unwrap_or(u8::MAX)
                })
            })
            .collect();
        let classes = classes.iter().map(|class| packed[usize::from(*class)]).collect();
        let next = (0..accept.len()).flat_map(|state| order.iter().map(move |column| column[state])).collect();
        Self { classes, width: order.len(), next, accept }
    }
}

fn parse(pattern: &str) -> Result<Hir, PatternFault> {
    let at = |span: &regex_syntax::ast::Span| span.start.offset..span.end.offset;
    regex_syntax::Parser::new().parse(pattern).map_err(|fault| match fault {
        regex_syntax::Error::Parse(fault) => PatternFault::Syntax(fault.kind().to_string(), at(fault.span())),
        regex_syntax::Error::Translate(fault) => PatternFault::Syntax(fault.kind().to_string(), at(fault.span())),
        other => PatternFault::Syntax(other.to_string(), 0..pattern.len()),
    })
}

fn dense(hir: &Hir) -> Result<dense::DFA<Vec<u32>>, PatternFault> {
    let nfa = thompson::Compiler::new()
        .configure(thompson::Config::new().nfa_size_limit(Some(BUILD_MAX)).which_captures(thompson::WhichCaptures::None))
        .build_from_hir(hir)
        .map_err(|_| PatternFault::TooLarge)?;
    let config = dense::Config::new()
        .start_kind(regex_automata::dfa::StartKind::Anchored)
        .match_kind(MatchKind::All)
        .dfa_size_limit(Some(BUILD_MAX))
        .determinize_size_limit(Some(BUILD_MAX));
    dense::Builder::new().configure(config).build_from_nfa(&nfa).map_err(|_| PatternFault::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(pattern: &str, text: &str) -> bool {
        Dfa::of_pattern(pattern).unwrap().admits(text)
    }

    #[test]
    fn the_whole_text_must_match() {
        assert!(admits("[a-z]{2,4}", "abc"));
        assert!(!admits("[a-z]{2,4}", "abcde") && !admits("[a-z]{2,4}", "a") && !admits("[a-z]{2,4}", "ab1"));
        // The first alternative is no better than the longer one.
        assert!(admits("a|ab", "ab") && admits("(a|ab)(c|bcd)?", "abcd") && admits("a*?", "aaa"));
        assert!(admits("", "") && !admits("", "x"));
        let host = r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63}){1,3}";
        assert!(admits(host, "api.example.com") && !admits(host, "com") && !admits(host, "a..b"));
        assert!(admits(r"\p{L}+", "größe") && !admits(r"\p{L}+", "a b") && admits(".", "日") && !admits(".", "\n"));
    }

    #[test]
    fn patterns_without_a_meaning_of_their_own_are_refused() {
        for pattern in ["^a", "a$", r"\ba", r"(?m)a$|b", r"\Aa\z"] {
            assert_eq!(Dfa::of_pattern(pattern), Err(PatternFault::Look), "{pattern}");
        }
        assert!(matches!(Dfa::of_pattern("a("), Err(PatternFault::Syntax(_, at)) if at == (1..2)));
        assert_eq!(Dfa::of_pattern("[a&&b]"), Err(PatternFault::Empty));
        for pattern in ["(a|b)*a(a|b){20}", "(.{1000}){1000}", r"(\w{100}){100}"] {
            assert_eq!(Dfa::of_pattern(pattern), Err(PatternFault::TooLarge), "{pattern}");
        }
    }

    #[test]
    fn equal_languages_have_equal_tables() {
        for (one, other) in [("ab|ac", "a(b|c)"), ("(a*)*", "a*"), ("a{2}a*", "aaa*"), ("[^a]|a", "(?s).|\n")] {
            assert_eq!(Dfa::of_pattern(one), Dfa::of_pattern(other), "{one} {other}");
        }
    }
}
