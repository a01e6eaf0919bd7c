//! The phrase table made ready: which steps of which patterns a word satisfies.

use super::normalise::clean;
use super::signatures::{CLASSES, PATTERNS};
use super::words::Way;
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

/// Room for the words of the table, so that building it moves nothing.
const WORDS: usize = 2048;
/// Shortest word whose inner letters may be shuffled and still be read.
const SHUFFLED_MIN: usize = 6;

/// A table whose keys are ours. A caller chooses only what is looked up, so a hash without a secret gives them nothing to collide.
type Table<K, V> = HashMap<K, V, BuildHasherDefault<Fnv>>;

/// FNV-1a, 64 bits: for words of a few bytes several times cheaper than the default.
pub(super) struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A step of a pattern that some word satisfies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) slot: usize,
    /// Unknown words allowed since the step before; `None` for a first step.
    pub(super) gap: Option<u32>,
    /// The pattern that this step completes.
    pub(super) ends: Option<usize>,
}

/// The compiled patterns.
#[derive(Debug, Default)]
pub(super) struct Phrases {
    pub(super) exact: Table<Cow<'static, str>, Vec<Step>>,
    pub(super) prefixes: Table<Cow<'static, str>, Vec<Step>>,
    /// The lengths of the words by first and last byte, and of the prefixes by first and second: most words end here, unhashed.
    ends: Lengths,
    beginnings: Lengths,
    /// The lengths of the words by first and second byte.
    starts: Lengths,
    /// The lengths of the words by second and last but one byte, and by their letters in any order.
    inner: Lengths,
    letters: Lengths,
    turned: Turned,
    shuffled: Table<Vec<u8>, Cow<'static, str>>,
    pub(super) longest: usize,
    pub(super) slots: usize,
    /// The widest gap of any pattern.
    pub(super) widest: u32,
}

/// The sets of [`Phrases`] by the bytes of a word that is written rotated, or in reverse.
#[derive(Debug, Default)]
struct Turned {
    ends: Lengths,
    inner: Lengths,
    beginnings: Lengths,
    back: Lengths,
    inner_back: Lengths,
}

/// Built at first use.
pub(super) static PHRASES: LazyLock<Phrases> = LazyLock::new(Phrases::compile);

impl Phrases {
    fn compile() -> Self {
        let mut phrases = Self { exact: Table::with_capacity_and_hasher(WORDS, Default::default()), ..Self::default() };
        let classes: HashMap<&'static str, &'static str> = CLASSES.iter().copied().collect();
        for (index, pattern) in PATTERNS.iter().enumerate() {
            phrases.add(index, pattern.text, &classes);
        }
        for steps in phrases.exact.values_mut().chain(phrases.prefixes.values_mut()) {
            // Later steps first, so that one word never satisfies two steps of a pattern.
            steps.sort_by_key(|step| std::cmp::Reverse(step.slot));
        }
        phrases.ends = Lengths::of(phrases.exact.keys(), |word| (word.first(), word.last()));
        phrases.beginnings = Lengths::of(phrases.prefixes.keys(), |word| (word.first(), word.get(1)));
        phrases.starts = Lengths::of(phrases.exact.keys(), |word| (word.first(), word.get(1)));
        phrases.inner = Lengths::of(phrases.exact.keys(), |word| (word.get(1), word.get(word.len().wrapping_sub(2))));
        phrases.longest = phrases.exact.keys().map(|word| word.len()).max().unwrap_or_default();
        phrases.turned = Turned {
            ends: phrases.ends.turned(|one, other| (ROTATED[one], ROTATED[other])),
            inner: phrases.inner.turned(|one, other| (ROTATED[one], ROTATED[other])),
            beginnings: phrases.beginnings.turned(|one, other| (ROTATED[one], ROTATED[other])),
            back: phrases.ends.turned(|one, other| (other, one)),
            inner_back: phrases.inner.turned(|one, other| (other, one)),
        };
        let long = || phrases.exact.keys().filter(|word| word.is_ascii() && word.len() >= SHUFFLED_MIN);
        phrases.letters = Lengths::of_letters(long());
        phrases.shuffled = long().map(|word| (shuffle_key(word), word.clone())).collect();
        phrases
    }

    /// Adds one pattern: items `CLASS`, `word|word`, `prefix*`, a run of unspaced script, and `~n` = up to n words between.
    fn add(&mut self, index: usize, pattern: &'static str, classes: &HashMap<&'static str, &'static str>) {
        let mut gap = 0;
        let mut items: Vec<(u32, Cow<'static, str>)> = Vec::new();
        for item in pattern.split(' ') {
            if let Some(words) = item.strip_prefix('~') {
                gap = words.parse().unwrap_or_default();
                self.widest = self.widest.max(gap);
                continue;
            }
            let item = if item.is_ascii() { Cow::Borrowed(item) } else { Cow::Owned(clean(item).text.into_owned()) };
            if item.starts_with(is_unspaced) {
                items
                    .extend(item.chars().enumerate().map(|(nth, c)| (if nth == 0 { gap } else { 0 }, Cow::Owned(c.to_string()))));
            } else {
                items.push((gap, item));
            }
            gap = 0;
        }
        let count = items.len();
        for (nth, (gap, item)) in items.into_iter().enumerate() {
            let step = Step { slot: self.slots, gap: (nth > 0).then_some(gap), ends: (nth + 1 == count).then_some(index) };
            self.slots += 1;
            match item {
                Cow::Borrowed(words) => words
                    .split('|')
                    .flat_map(|word| classes.get(word).copied().unwrap_or(word).split(' '))
                    .for_each(|word| self.entry(Cow::Borrowed(word)).push(step)),
                Cow::Owned(words) => words.split('|').for_each(|word| self.entry(Cow::Owned(word.to_owned())).push(step)),
            }
        }
    }

    /// Whether a word of these ends (first, second and last byte) and this length may be in a pattern, shuffled or not.
    pub(super) fn likely(&self, (first, second, last): (u8, u8, u8), length: usize) -> bool {
        self.ends.have(first, last, length) || self.beginnings.get(first, second) & Lengths::up_to(length) != 0
    }

    /// The ways, as bits, in which a word of at least two letters and nothing else may be in a pattern, shuffled or not. Most words are
    /// in none, and end here unhashed.
    pub(super) fn ways(&self, word: &[u8]) -> u8 {
        let (&[first, second, ..], &[.., before, last]) = (word, word) else { return 0 };
        let turned = &self.turned;
        let (outer, inner) = (Lengths::at(first, last), Lengths::at(second, before));
        let (front, back) = (Lengths::at(first, second), Lengths::at(last, before));
        self.way(Way::Straight, word, [self.ends.0[outer], self.inner.0[inner], self.beginnings.0[front]])
            | self.way(Way::Rotated, word, [turned.ends.0[outer], turned.inner.0[inner], turned.beginnings.0[front]])
            | self.way(Way::Reversed, word, [turned.back.0[outer], turned.inner_back.0[inner], self.beginnings.0[back]])
    }

    /// From the lengths of the words that have its ends, those that have its inner letters, and those of the prefixes it may have.
    fn way(&self, way: Way, word: &[u8], [ends, inner, prefixes]: [u64; 3]) -> u8 {
        let length = word.len().min(63);
        // Lower case, for letters.
        let shuffled = || self.has_letters(word.iter().map(|letter| way.turned(letter | 0x20)), length);
        let prefix = prefixes & Lengths::up_to(length) != 0;
        let whole = ends >> length & 1 == 1 && (inner >> length & 1 == 1 || (length >= SHUFFLED_MIN && shuffled()));
        way.bit_if(prefix || whole)
    }

    /// Whether some word has these letters, in any order. It may be wrong when it says so.
    fn has_letters(&self, letters: impl Iterator<Item = u8>, length: usize) -> bool {
        let (one, other) = sums(letters);
        self.letters.have(one, other, length)
    }

    /// The steps that a word satisfies, by itself and by each of its beginnings.
    pub(super) fn steps<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a [Step]> {
        let (first, second, last) = ends(word);
        let whole = self.ends.have(first, last, word.len()).then(|| self.exact.get(word)).flatten();
        let mut lengths = self.beginnings.get(first, second) & Lengths::up_to(word.len());
        let beginnings = std::iter::from_fn(move || {
            let length = usize::try_from(lengths.trailing_zeros()).ok().filter(|length| *length < 64)?;
            lengths &= lengths - 1;
            Some(length)
        });
        let prefixes = beginnings.filter_map(|length| self.prefixes.get(word.get(..length)?));
        whole.into_iter().chain(prefixes).map(Vec::as_slice)
    }

    /// The word that this one is with its inner letters in another order.
    pub(super) fn unshuffled(&self, word: &str) -> Option<&str> {
        let (first, _, last) = ends(word);
        let likely =
            word.len() >= SHUFFLED_MIN && self.ends.have(first, last, word.len()) && self.has_letters(word.bytes(), word.len());
        likely.then(|| self.shuffled.get(&shuffle_key(word)).map(|word| &**word)).flatten()
    }

    /// The longest word of some pattern, of three letters or more, that a row of letters begins with.
    pub(super) fn longest_of<'t>(&self, letters: &'t str) -> Option<&'t str> {
        let (first, second, _) = ends(letters);
        let mut lengths = self.starts.get(first, second) & Lengths::up_to(letters.len()) & !0b111;
        while lengths != 0 {
            let length = lengths.ilog2();
            lengths ^= 1 << length;
            let word = usize::try_from(length).ok().and_then(|length| letters.get(..length));
            if let Some(word) = word.filter(|word| self.exact.contains_key(*word)) {
                return Some(word);
            }
        }
        None
    }

    fn entry(&mut self, word: Cow<'static, str>) -> &mut Vec<Step> {
        let words = if word.ends_with('*') { &mut self.prefixes } else { &mut self.exact };
        let word = match word {
            Cow::Borrowed(word) => Cow::Borrowed(word.trim_end_matches('*')),
            Cow::Owned(word) => Cow::Owned(word.trim_end_matches('*').to_owned()),
        };
        words.entry(word).or_default()
    }
}

/// The first, second and last byte of a word; zero where there is none.
fn ends(word: &str) -> (u8, u8, u8) {
    let byte = |byte: Option<&u8>| byte.copied().unwrap_or_default();
    let word = word.as_bytes();
    (byte(word.first()), byte(word.get(1)), byte(word.last()))
}

/// For each pair of bytes a set of lengths, as bits. Bytes that agree in their low five bits, as no two letters do, share a place:
/// what is not in the set is in no pattern, what is in it may be.
#[derive(Debug)]
struct Lengths(Box<[u64; 32 * 32]>);

impl Default for Lengths {
    fn default() -> Self {
        Self(Box::new([0; 32 * 32]))
    }
}

impl Lengths {
    fn of<'a>(
        words: impl Iterator<Item = &'a Cow<'static, str>>,
        pair: impl Fn(&'a [u8]) -> (Option<&'a u8>, Option<&'a u8>),
    ) -> Self {
        let mut lengths = Self::default();
        for word in words {
            if let (Some(one), Some(other)) = pair(word.as_bytes()) {
                lengths.0[Self::at(*one, *other)] |= 1 << word.len().min(63);
            }
        }
        lengths
    }

    /// By the sums of the letters, which their order does not change.
    fn of_letters<'a>(words: impl Iterator<Item = &'a Cow<'static, str>>) -> Self {
        let mut lengths = Self::default();
        for word in words {
            let (one, other) = sums(word.bytes());
            lengths.0[Self::at(one, other)] |= 1 << word.len().min(63);
        }
        lengths
    }

    /// The same sets by other bytes: each pair gets those of the pair it is read as. Bytes are their low five bits.
    fn turned(&self, read_as: impl Fn(usize, usize) -> (usize, usize)) -> Self {
        let mut lengths = Self::default();
        for (at, place) in lengths.0.iter_mut().enumerate() {
            let (one, other) = read_as(at >> 5, at & 31);
            *place = self.0[one << 5 | other];
        }
        lengths
    }

    fn at(one: u8, other: u8) -> usize {
        usize::from(one & 31) << 5 | usize::from(other & 31)
    }

    fn get(&self, one: u8, other: u8) -> u64 {
        self.0[Self::at(one, other)]
    }

    fn have(&self, one: u8, other: u8, length: usize) -> bool {
        self.get(one, other) >> length.min(63) & 1 == 1
    }

    /// All lengths up to one.
    fn up_to(length: usize) -> u64 {
        u64::MAX >> (63 - length.min(63))
    }
}

/// Scripts written without spaces, where each character is taken as a word.
pub(super) fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1100}'..='\u{11ff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// By the low five bits of a letter, those of the letter rotated by thirteen.
const ROTATED: [usize; 32] = {
    let (mut rotated, mut letter) = ([0; 32], 1);
    while letter <= 26 {
        rotated[letter] = (letter + 12) % 26 + 1;
        letter += 1;
    }
    rotated
};

/// The sum of the letters and of their squares, modulo 256.
fn sums(letters: impl Iterator<Item = u8>) -> (u8, u8) {
    letters.fold((0, 0), |(sum, squares): (u8, u8), letter| {
        // Shifted, since the lowest bits of squares differ little.
        (sum.wrapping_add(letter), squares.wrapping_add((u16::from(letter).pow(2) >> 3).to_le_bytes()[0]))
    })
}

/// First and last letter, then the inner letters in order: the same for every shuffling a reader still understands.
fn shuffle_key(word: &str) -> Vec<u8> {
    let mut key = word.as_bytes().to_vec();
    let inner = 1..key.len().saturating_sub(1);
    if let Some(inner) = key.get_mut(inner) {
        inner.sort_unstable();
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_have_a_second_byte_and_words_a_length_of_their_own() {
        assert!(PHRASES.prefixes.keys().all(|prefix| (2..63).contains(&prefix.len())));
        assert!(PHRASES.exact.keys().all(|word| word.len() < 63));
    }
}
