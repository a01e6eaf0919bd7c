//! Intent text to intent hash: one spelling for what a person sees as one text, and nothing that hides.

use sha2::{Digest, Sha256};
use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Longest intent text in bytes: several pages; bounds the normalisation.
pub const INTENT_MAX: usize = 8192;

/// Why an intent text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntentFault {
    /// Longer than [`INTENT_MAX`].
    Length,
    /// Nothing but white space.
    Empty,
    /// A control character other than tab and line end.
    Control(char),
    /// A character that hides or reorders text.
    Hidden(char),
    /// A code point without meaning in the Unicode version of this build.
    Unassigned(char),
}

impl IntentFault {
    /// Stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Length => "intent_length",
            Self::Empty => "intent_empty",
            Self::Control(_) => "intent_control",
            Self::Hidden(_) => "intent_hidden",
            Self::Unassigned(_) => "intent_unassigned",
        }
    }
}

impl std::fmt::Display for IntentFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length => write!(f, "the intent text is longer than {INTENT_MAX} bytes"),
            Self::Empty => f.write_str("the intent text is empty"),
            Self::Control(c) => write!(f, "the intent text has the control character U+{:04X}", u32::from(*c)),
            Self::Hidden(c) => write!(f, "the intent text has U+{:04X}, which hides or reorders text", u32::from(*c)),
            Self::Unassigned(c) => write!(f, "the intent text has U+{:04X}, which is not an assigned character", u32::from(*c)),
        }
    }
}

impl std::error::Error for IntentFault {}

/// SHA-256 of the normalised text: line ends become LF, then NFC, then white space is stripped at both ends. No case folding,
/// no NFKC, no inner collapse, so for ordinary text it is what `printf %s "$intent" | sha256sum` prints.
///
/// # Errors
/// [`IntentFault`].
pub fn intent_hash(text: &str) -> Result<[u8; 32], IntentFault> {
    if text.len() > INTENT_MAX {
        return Err(IntentFault::Length);
    }
    let lines = if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")) } else { text.into() };
    lines.chars().try_for_each(check)?;
    // ASCII is its own normal form.
    let normal = if lines.is_ascii() { lines } else { lines.nfc().collect() };
    let trimmed = normal.trim();
    if trimmed.is_empty() {
        return Err(IntentFault::Empty);
    }
    Ok(Sha256::digest(trimmed).into())
}

fn check(c: char) -> Result<(), IntentFault> {
    match c {
        '\t' | '\n' | ' '..='~' => Ok(()),
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Err(IntentFault::Control(c)),
        // Bidirectional embeddings, overrides and isolates; zero-width space, word joiner, byte order mark; tag characters.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}' | '\u{2060}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}' => {
            Err(IntentFault::Hidden(c))
        }
        _ if c.general_category() == GeneralCategory::Unassigned => Err(IntentFault::Unassigned(c)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::hex;
    use proptest::prelude::*;

    #[test]
    fn ordinary_text_is_plain_sha256() {
        // printf %s 'Plan a picnic' | sha256sum
        let expected = "e5dae131f949e1b5af36cd6a6538af5622eb401605c0721450942c78f112d891";
        assert_eq!(hex(&intent_hash("Plan a picnic").unwrap()), expected);
    }

    #[test]
    fn same_text_same_hash() {
        let hash = |text| intent_hash(text).unwrap();
        assert_eq!(hash("a\r\nb\rc"), hash("a\nb\nc"));
        assert_eq!(hash("caf\u{e9}"), hash("cafe\u{301}"));
        assert_eq!(hash(" \t\n\u{a0}\u{3000}x\u{2028}"), hash("x"));
        assert_ne!(hash("A"), hash("a"));
        assert_ne!(hash("a  b"), hash("a b"));
        assert_ne!(hash("\u{fb01}"), hash("fi"));
    }

    #[test]
    fn what_is_refused() {
        for (text, fault) in [
            ("", IntentFault::Empty),
            (" \r\n\u{a0}", IntentFault::Empty),
            ("a\u{0}", IntentFault::Control('\0')),
            ("a\u{b}b", IntentFault::Control('\u{b}')),
            ("a\u{7f}", IntentFault::Control('\u{7f}')),
            ("a\u{85}", IntentFault::Control('\u{85}')),
            ("a\u{202e}b", IntentFault::Hidden('\u{202e}')),
            ("a\u{2069}b", IntentFault::Hidden('\u{2069}')),
            ("a\u{200b}b", IntentFault::Hidden('\u{200b}')),
            ("\u{feff}a", IntentFault::Hidden('\u{feff}')),
            ("a\u{e0041}", IntentFault::Hidden('\u{e0041}')),
            ("a\u{378}", IntentFault::Unassigned('\u{378}')),
            ("a\u{fffe}", IntentFault::Unassigned('\u{fffe}')),
            ("a\u{10ffff}", IntentFault::Unassigned('\u{10ffff}')),
        ] {
            assert_eq!(intent_hash(text), Err(fault), "{text:?}");
        }
        assert!(intent_hash(&"x".repeat(INTENT_MAX)).is_ok());
        assert_eq!(intent_hash(&"x".repeat(INTENT_MAX + 1)), Err(IntentFault::Length));
    }

    /// Both tables must know the same characters, or a new one would pass the check and normalise differently elsewhere.
    #[test]
    fn tables_are_of_one_unicode_version() {
        let (major, minor, patch) = unicode_normalization::UNICODE_VERSION;
        assert_eq!(unicode_properties::UNICODE_VERSION, (major.into(), minor.into(), patch.into()));
    }

    proptest! {
        #[test]
        fn normal_text_hashes_to_itself(text in "\\PC{1,40}") {
            if let Ok(hash) = intent_hash(&text) {
                let normal: String = text.nfc().collect();
                prop_assert_eq!(intent_hash(normal.trim()), Ok(hash));
            }
        }
    }
}
