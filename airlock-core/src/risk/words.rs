//! A text taken apart: its words, and what else the one pass over it sees.

use super::decode::is_digit;
use super::phrases::{Phrases, is_unspaced};
use super::places::is_in_secrets;
use super::signatures::markers_within;

/// Longest word kept, in bytes. Longer ones are in no pattern and count as one unknown word.
pub(super) const WORD_MAX: usize = 48;
/// Bytes of a usual word with the space after it, for the room to be made.
const WORD_USUAL: usize = 6;
/// Bytes of text that room is made for at least, so that a call of many short texts moves nothing.
const ROOM_MIN: usize = 512;

/// A text taken apart into its words, once for every way of reading it. Lower case; kept from text to text for its memory.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// The words, one after another.
    letters: String,
    words: Vec<Word>,
    /// What else the one pass over the text has seen.
    pub(super) seen: Seen,
    /// Length of the text.
    pub(super) bytes: usize,
}

/// What a text has besides its words. It tells which of the searches for other things can find nothing.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Seen {
    /// The ASCII characters that are neither letters nor digits, as bits.
    marks: u128,
    /// A Latin letter without marks.
    pub(super) latin: bool,
    /// `www.` in either case.
    pub(super) www: bool,
    /// Length of the longest run of base64 digits.
    pub(super) digits: usize,
    /// Words with digits that may be the code of a letter, by their length.
    pub(super) codes: usize,
    /// Length of the longest run of characters that secrets are made of.
    pub(super) secret: usize,
}

impl Seen {
    /// Whether the text has one of these, which are neither letters nor digits.
    pub(super) fn any(&self, marks: &[u8]) -> bool {
        marks.iter().any(|mark| self.marks >> mark & 1 == 1)
    }

    /// The markers whose punctuation stands in the text, as bits.
    pub(super) fn markers(&self) -> u64 {
        markers_within(self.marks)
    }
}

/// A word, without its bytes: two bytes, since a text may have millions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    /// Bytes; none are kept of a word that is too long to be known.
    length: u8,
    /// Bits: the ways in which it may be in a pattern, by [`Way::bit`], and whether it is one of two special kinds.
    pub(super) ways: u8,
}

impl Word {
    /// A single letter.
    pub(super) const LETTER: u8 = 1 << 6;
    /// A character of a script without spaces.
    pub(super) const UNSPACED: u8 = 1 << 7;
    /// Letters and digits.
    const DIGITS: u8 = 1 << 5;
    /// Something else too.
    const OTHER: u8 = 1 << 4;

    /// What it is made of.
    fn made(self) -> Made {
        match self.ways & (Self::UNSPACED | Self::OTHER | Self::DIGITS) {
            0 => Made::Letters,
            Self::DIGITS => Made::Digits,
            ways if ways & Self::UNSPACED != 0 => Made::Unspaced,
            _ => Made::Other,
        }
    }
}

/// What a word is made of, for those who read every word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    /// Nothing but a-z; or it is too long to be kept.
    Letters,
    /// a-z and digits.
    Digits,
    /// One character of a script without spaces.
    Unspaced,
    /// Anything else too.
    Other,
}

/// What a word is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Script {
    /// Nothing but a-z.
    Letters,
    /// a-z and digits.
    Digits,
    /// Anything else too.
    Other,
}

/// The class of an ASCII byte.
const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const CLASSES: [u8; 256] = {
    let (mut classes, mut byte) = ([0; 256], 0u8);
    while byte < 128 {
        classes[byte as usize] = match byte {
            b'a'..=b'z' | b'A'..=b'Z' => LETTER,
            b'0'..=b'9' => DIGIT,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// In which direction the words are read, and whether their letters are rotated by thirteen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Straight,
    Rotated,
    Reversed,
}

/// Where the word and the runs that are being read began.
struct Begun {
    word: usize,
    script: Script,
    digits: usize,
    secret: usize,
}

impl Words {
    /// Takes a cleaned text apart.
    pub(super) fn fill(&mut self, text: &str, phrases: &Phrases) {
        self.letters.clear();
        self.letters.reserve(text.len().max(ROOM_MIN));
        self.words.clear();
        self.words.reserve(text.len().max(ROOM_MIN) / WORD_USUAL);
        self.bytes = text.len();
        self.seen = Seen::default();
        let mut begun = Begun { word: 0, script: Script::Letters, digits: 0, secret: 0 };
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(first) = bytes.get(at) {
            let class = CLASSES[usize::from(*first)];
            if class != 0 {
                let start = at;
                let mut seen = class;
                at += 1;
                while let Some(class) = bytes.get(at).map(|byte| CLASSES[usize::from(*byte)]).filter(|class| *class != 0) {
                    seen |= class;
                    at += 1;
                }
                let run = text.get(start..at).unwrap_or_default();
                self.letters.push_str(run);
                self.seen.latin |= seen & LETTER != 0;
                if seen & DIGIT != 0 {
                    begun.script = begun.script.max(Script::Digits);
                }
                self.seen.www |= bytes.get(at) == Some(&b'.') && ends_in_www(run);
            } else if first.is_ascii() {
                self.mark(*first, at, &mut begun, phrases);
                at += 1;
            } else if let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
                self.runs_end(at, at + c.len_utf8(), &mut begun);
                self.other(c, &mut begun, phrases);
                at += c.len_utf8();
            } else {
                break;
            }
        }
        self.end(&mut begun, phrases);
        self.runs_end(at, at, &mut begun);
        self.letters.make_ascii_lowercase();
    }

    /// Takes an ASCII character that is neither a letter nor a digit.
    fn mark(&mut self, byte: u8, at: usize, begun: &mut Begun, phrases: &Phrases) {
        self.seen.marks |= 1 << byte;
        if byte != b'\'' || self.letters.len() == begun.word {
            self.end(begun, phrases);
        }
        if !is_digit(byte) {
            self.seen.digits = self.seen.digits.max(at - begun.digits);
            begun.digits = at + 1;
        }
        if !is_in_secrets(byte) {
            self.seen.secret = self.seen.secret.max(at - begun.secret);
            begun.secret = at + 1;
        }
    }

    /// Takes a character beyond ASCII.
    fn other(&mut self, c: char, begun: &mut Begun, phrases: &Phrases) {
        if is_unspaced(c) {
            // None of them has a case.
            self.end(begun, phrases);
            self.letters.push(c);
            begun.script = Script::Other;
            self.end(begun, phrases);
            if let Some(word) = self.words.last_mut() {
                word.ways |= Word::UNSPACED;
            }
        } else if matches!(c, 'α'..='ω' | 'а'..='я') {
            // Most letters of two scripts, for which the tables need not be asked.
            self.letters.push(c);
            begun.script = Script::Other;
        } else {
            c.to_lowercase().for_each(|c| self.lower(c, begun, phrases));
        }
    }

    /// Takes one that is in lower case.
    fn lower(&mut self, c: char, begun: &mut Begun, phrases: &Phrases) {
        if c.is_alphanumeric() {
            self.seen.latin |= c.is_ascii_alphabetic();
            self.letters.push(c);
            begun.script = Script::Other;
        } else if c != '’' || self.letters.len() == begun.word {
            self.end(begun, phrases);
        }
    }

    /// Ends the runs that began before `at`; others may begin at `next`.
    fn runs_end(&mut self, at: usize, next: usize, begun: &mut Begun) {
        self.seen.digits = self.seen.digits.max(at - begun.digits);
        self.seen.secret = self.seen.secret.max(at - begun.secret);
        (begun.digits, begun.secret) = (next, next);
    }

    /// Ends the word that was begun, if there is one.
    fn end(&mut self, begun: &mut Begun, phrases: &Phrases) {
        let word = self.letters.as_bytes().get(begun.word..).unwrap_or_default();
        let script = std::mem::replace(&mut begun.script, Script::Letters);
        if word.len() >= WORD_MAX {
            self.letters.truncate(begun.word);
            self.words.push(Word { length: 0, ways: 0 });
        } else if let Ok(length @ 1..) = u8::try_from(word.len()) {
            let ways = match (script, word) {
                (_, [letter]) if letter.is_ascii_alphabetic() => Word::LETTER,
                (Script::Letters, word) => phrases.ways(word),
                (Script::Digits, word) => {
                    self.seen.codes += usize::from(matches!(word.len(), 2 | 3 | 8));
                    Way::ALL.iter().fold(Word::DIGITS, |ways, way| ways | way.bit_if(way.may_read(word, phrases)))
                }
                (Script::Other, _) => Way::ALL.iter().fold(Word::OTHER, |ways, way| ways | way.bit_if(true)),
            };
            self.words.push(Word { length, ways });
        }
        begun.word = self.letters.len();
    }

    /// Gives every word as it is written, and what it is made of.
    pub(super) fn all(&self, mut take: impl FnMut(&[u8], Made)) {
        let mut rest = self.letters.as_bytes();
        for word in &self.words {
            let (this, behind) = rest.split_at_checked(usize::from(word.length)).unwrap_or_default();
            take(this, word.made());
            rest = behind;
        }
    }

    /// Gives each word that matters for the way, as it is written, in the order of the way; before each, how many do not. Returns how
    /// many follow the last.
    pub(super) fn each(&self, way: Way, mut take: impl FnMut(u32, &str, Word)) -> u32 {
        let matters = way.bit_if(true) | Word::LETTER | Word::UNSPACED;
        let mut unknown = 0;
        match way {
            Way::Straight | Way::Rotated => {
                let mut start = 0;
                for word in &self.words {
                    let end = start + usize::from(word.length);
                    if word.ways & matters == 0 {
                        unknown += 1;
                    } else {
                        take(std::mem::take(&mut unknown), self.letters.get(start..end).unwrap_or_default(), *word);
                    }
                    start = end;
                }
            }
            Way::Reversed => {
                let mut end = self.letters.len();
                for word in self.words.iter().rev() {
                    let start = end - usize::from(word.length);
                    if word.ways & matters == 0 {
                        unknown += 1;
                    } else {
                        take(std::mem::take(&mut unknown), self.letters.get(start..end).unwrap_or_default(), *word);
                    }
                    end = start;
                }
            }
        }
        unknown
    }
}

/// Whether a run of letters and digits ends in `www`.
fn ends_in_www(run: &str) -> bool {
    matches!(run.as_bytes(), [.., b'w' | b'W', b'w' | b'W', b'w' | b'W'])
}

impl Way {
    const ALL: [Self; 3] = [Self::Straight, Self::Rotated, Self::Reversed];

    /// The bit of this way in a [`Word`], if `so`.
    pub(super) const fn bit_if(self, so: bool) -> u8 {
        (so as u8) << self as u8
    }

    /// A byte of a lower-case word as it reads this way.
    pub(super) const fn turned(self, byte: u8) -> u8 {
        match (self, byte) {
            (Self::Rotated, b'a'..=b'm') => byte + 13,
            (Self::Rotated, b'n'..=b'z') => byte - 13,
            (Self::Straight | Self::Reversed | Self::Rotated, _) => byte,
        }
    }

    /// Whether a word with digits in it may be in a pattern, which its ends and length tell; only then is it looked up.
    fn may_read(self, word: &[u8], phrases: &Phrases) -> bool {
        let at = |index: usize| word.get(index).map_or(0, |byte| self.turned(byte.to_ascii_lowercase()));
        let last = word.len().saturating_sub(1);
        let (first, second, last) = match self {
            Self::Straight | Self::Rotated => (at(0), at(1), at(last)),
            Self::Reversed => (at(last), at(last.saturating_sub(1)), at(0)),
        };
        let read_as = |one| phrases.likely((leet(first, one), leet(second, one), leet(last, one)), word.len());
        phrases.likely((first, second, last), word.len()) || read_as(b'i') || read_as(b'l')
    }

    /// Puts a word as it reads this way into `out`.
    pub(super) fn turn(self, word: &str, out: &mut String) {
        out.clear();
        out.reserve(WORD_MAX);
        match self {
            Self::Straight => out.push_str(word),
            Self::Rotated => out.extend(word.chars().map(|c| u8::try_from(c).map_or(c, |byte| char::from(self.turned(byte))))),
            Self::Reversed => out.extend(word.chars().rev()),
        }
    }
}

/// The letter that a digit stands for; `one` is what a one stands for.
pub(super) const fn leet(byte: u8, one: u8) -> u8 {
    match byte {
        b'0' => b'o',
        b'1' => one,
        b'2' => b'z',
        b'3' => b'e',
        b'4' => b'a',
        b'5' => b's',
        b'6' | b'9' => b'g',
        b'7' => b't',
        b'8' => b'b',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::phrases::PHRASES;
    use super::*;
    use proptest::prelude::*;

    /// The longest run of bytes of a class, found the plain way.
    fn longest(text: &str, class: fn(u8) -> bool) -> usize {
        text.as_bytes().split(|byte| !class(*byte)).map(<[u8]>::len).max().unwrap_or_default()
    }

    fn taken_apart(text: &str) -> Words {
        let mut words = Words::default();
        words.fill(text, &PHRASES);
        words
    }

    #[test]
    fn words_are_lower_case_and_keep_no_apostrophe() {
        let words = taken_apart("Don’t 'DON'T' x 1a é忽略K \u{130}");
        let mut seen = Vec::new();
        words.each(Way::Straight, |unknown, text, word| seen.push((unknown, text.to_owned(), word.ways >> 6)));
        let seen: Vec<_> = seen.iter().map(|(unknown, text, kind)| (*unknown, text.as_str(), *kind)).collect();
        let all = [("don", 0), ("t", 1), ("dont", 0), ("x", 1), ("é", 0), ("忽", 2), ("略", 2), ("k", 1), ("i", 1)];
        assert_eq!(words.letters, "dontdontx1aé忽略ki");
        assert_eq!(seen.last(), Some(&(0, "i", 1)));
        assert!(
            all.iter()
                .filter(|(_, kind)| *kind > 0)
                .filter(|(text, _)| *text != "t")
                .all(|(text, kind)| { seen.iter().any(|(_, other, is)| other == text && is == kind) })
        );
    }

    #[test]
    fn every_word_of_the_table_may_be_in_it_whichever_way_it_is_read() {
        let words = PHRASES.exact.keys().chain(PHRASES.prefixes.keys()).filter(|word| word.len() > 1);
        for word in words.filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase())) {
            let (mut rotated, mut reversed) = (String::new(), String::new());
            Way::Rotated.turn(word, &mut rotated);
            Way::Reversed.turn(word, &mut reversed);
            for (way, written) in [(Way::Straight, &**word), (Way::Rotated, &rotated), (Way::Reversed, &reversed)] {
                assert_ne!(PHRASES.ways(written.to_uppercase().as_bytes()) & way.bit_if(true), 0, "{way:?} {word}");
            }
        }
    }

    #[test]
    fn what_is_written_without_spaces_has_no_case() {
        for c in ('\0'..=char::MAX).filter(|c| is_unspaced(*c) || matches!(c, 'α'..='ω' | 'а'..='я')) {
            assert_eq!(c.to_lowercase().collect::<Vec<_>>(), [c]);
        }
    }

    proptest! {
        /// No word is passed over that one of the look-ups would find.
        #[test]
        fn what_would_be_found_is_looked_up(word in "[a-z]{2,12}|(ignor|instruc|previ|promp)[a-z]{1,8}|i(nstruction){1}s", seed in any::<u64>()) {
            let mut letters: Vec<char> = word.chars().collect();
            let inner = letters.len() - 1;
            for at in 1..inner {
                letters.swap(at, 1 + usize::try_from(seed >> at & 31).unwrap() % (inner - 1).max(1));
            }
            let word: String = letters.into_iter().collect();
            let ways = PHRASES.ways(word.as_bytes());
            for way in Way::ALL {
                let mut read = String::new();
                way.turn(&word, &mut read);
                let found = PHRASES.steps(&read).next().is_some() || PHRASES.unshuffled(&read).is_some();
                prop_assert!(!found || ways & way.bit_if(true) != 0, "{:?} {}", way, word);
            }
        }

        #[test]
        fn runs_and_marks_are_those_of_the_text(text in "([a-zA-Z0-9]{1,30}|[-+/_.:%&'wW]{1,4}|www\\.|\\PC){0,12}") {
            let seen = taken_apart(&text).seen;
            prop_assert_eq!(seen.digits, longest(&text, is_digit));
            prop_assert_eq!(seen.secret, longest(&text, is_in_secrets));
            let www = text.to_ascii_lowercase().contains("www.");
            prop_assert_eq!(seen.www, www);
            for mark in b"-:.%&\\'" {
                prop_assert_eq!(seen.any(&[*mark]), text.as_bytes().contains(mark));
            }
        }
    }
}
