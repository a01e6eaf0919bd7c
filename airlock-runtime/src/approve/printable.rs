//! Foreign text as a person may be shown it: exactly what it is, and nothing that hides, reorders or looks like a command.
//!
//! Text is canonical JSON (RFC 8785), which is one line. Whatever is not plainly visible from left to right becomes the `\u` escape that
//! means the same, so the shown text is still JSON of exactly that value.

use serde_json::Value;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Marks in a row that a letter may carry: what scripts need that write vowels and tones as marks.
const MARKS_MAX: usize = 4;

/// A piece of JSON as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The text, cut between two characters if it was too long.
    pub(crate) text: String,
    /// It was cut.
    pub(crate) is_cut: bool,
    /// It has characters beyond ASCII that are shown as they are.
    pub(crate) has_foreign: bool,
}

/// Canonical JSON of a value; `None` for what has none.
pub(crate) fn canonical(value: &Value) -> Option<String> {
    serde_json_canonicalizer::to_string(value).ok()
}

/// Shows at most `max` characters of canonical JSON. Escapes are not cut apart.
pub(crate) fn show(json: &str, max: usize) -> Shown {
    let mut shown = Shown { text: String::new(), is_cut: false, has_foreign: false };
    let (mut length, mut marks, mut after_letter) = (0, 0, false);
    let mut rest = json;
    while let Some(c) = rest.chars().next() {
        let escape = escape_at(rest);
        let token = &rest[..escape.unwrap_or(c.len_utf8())];
        rest = &rest[token.len()..];
        let kind = if escape.is_some() { Kind::Plain } else { kind(c) };
        marks = if kind == Kind::Mark { marks + 1 } else { 0 };
        let is_shown = match kind {
            Kind::Plain | Kind::Letter => true,
            Kind::Mark => after_letter && marks <= MARKS_MAX,
            Kind::Hidden => false,
        };
        let piece = if is_shown { token.to_owned() } else { escaped(c) };
        length += piece.chars().count();
        if length > max {
            shown.is_cut = true;
            break;
        }
        after_letter = is_shown && (kind == Kind::Letter || kind == Kind::Mark);
        shown.has_foreign |= is_shown && !c.is_ascii();
        shown.text.push_str(&piece);
    }
    shown
}

/// Length of the JSON escape at the beginning of `text`, if there is one.
fn escape_at(text: &str) -> Option<usize> {
    let mut bytes = text.bytes();
    if bytes.next() != Some(b'\\') {
        return None;
    }
    let length = if bytes.next() == Some(b'u') { 6 } else { 2 };
    // Canonical JSON never ends within an escape; were it to, the rest is the escape.
    Some(if text.is_char_boundary(length.min(text.len())) { length.min(text.len()) } else { 1 })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Visible, and nothing to which a mark may be added: digits, punctuation, symbols, the ASCII space.
    Plain,
    Letter,
    Mark,
    Hidden,
}

fn kind(c: char) -> Kind {
    use GeneralCategory as G;
    match c {
        ' '..='~' if !c.is_ascii_alphabetic() => return Kind::Plain,
        // Marks that any letter may carry cross out or imitate others; composed letters do not need them.
        '\u{300}'..='\u{36f}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}' => {
            return Kind::Hidden;
        }
        _ if is_blank(c) || is_right_to_left(c) => return Kind::Hidden,
        _ => {}
    }
    match c.general_category() {
        G::UppercaseLetter | G::LowercaseLetter | G::TitlecaseLetter | G::ModifierLetter | G::OtherLetter => Kind::Letter,
        G::NonspacingMark | G::SpacingMark => Kind::Mark,
        G::DecimalNumber
        | G::LetterNumber
        | G::OtherNumber
        | G::ConnectorPunctuation
        | G::DashPunctuation
        | G::OpenPunctuation
        | G::ClosePunctuation
        | G::InitialPunctuation
        | G::FinalPunctuation
        | G::OtherPunctuation
        | G::MathSymbol
        | G::CurrencySymbol
        | G::ModifierSymbol
        | G::OtherSymbol => Kind::Plain,
        G::EnclosingMark
        | G::SpaceSeparator
        | G::LineSeparator
        | G::ParagraphSeparator
        | G::Control
        | G::Format
        | G::Surrogate
        | G::PrivateUse
        | G::Unassigned => Kind::Hidden,
    }
}

/// Does a text hold a character that is drawn as nothing, or that turns others around? A selector of emoji or a joiner behind a character
/// beyond ASCII belongs to that, once; line ends and tabs are plain.
#[cfg(feature = "upstream")]
pub(crate) fn hides(text: &str) -> bool {
    let mut before = ' ';
    text.chars().any(|c| {
        let joins = matches!(c, '\u{fe0f}' | '\u{200c}' | '\u{200d}')
            && !before.is_ascii()
            && !matches!(before, '\u{fe0f}' | '\u{200c}' | '\u{200d}');
        let hidden = match c {
            '\n' | '\t' | ' '..='~' => false,
            _ if joins => false,
            _ if is_blank(c) => true,
            _ => matches!(
                c.general_category(),
                GeneralCategory::Control
                    | GeneralCategory::Format
                    | GeneralCategory::LineSeparator
                    | GeneralCategory::ParagraphSeparator
                    | GeneralCategory::Surrogate
                    | GeneralCategory::PrivateUse
                    | GeneralCategory::Unassigned
            ),
        };
        before = c;
        hidden
    })
}

/// Letters, marks and symbols that are drawn as nothing: fillers, variation selectors, the empty braille cell and the like
/// (`Default_Ignorable_Code_Point` outside of category Cf, and U+2800).
fn is_blank(c: char) -> bool {
    matches!(c,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// Blocks of scripts that are written from right to left. Their letters turn the order of digits and punctuation around them.
fn is_right_to_left(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

/// The JSON escape of a character.
fn escaped(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn shown(text: &str) -> String {
        let shown = show(&canonical(&json!(text)).unwrap(), usize::MAX);
        assert!(!shown.is_cut);
        shown.text
    }

    #[test]
    fn what_people_write_is_shown_as_it_is() {
        for text in ["Zoë Müller, 3 m², 100 €", "Ελλάδα", "日本語、テスト", "हिन्दी", "ภาษาไทยที่นี่", "Tiếng Việt", "한국어", "😀 ✓"]
        {
            assert_eq!(shown(text), format!("\"{text}\""));
        }
    }

    #[test]
    fn what_misleads_is_written_as_an_escape() {
        for (text, expected) in [
            ("a\u{202e}b\u{2066}c", r#""a\u202eb\u2066c""#),
            ("a\u{200b}\u{200d}\u{feff}\u{ad}b", r#""a\u200b\u200d\ufeff\u00adb""#),
            ("\u{1b}[31m\u{7f}\u{9b}", r#""\u001b[31m\u007f\u009b""#),
            ("a\nb\r\t\"\\", r#""a\nb\r\t\"\\""#),
            (r"\u202e", r#""\\u202e""#),
            ("\u{a0}\u{3000}\u{2028}", r#""\u00a0\u3000\u2028""#),
            ("\u{5d0}1\u{627}", r#""\u05d01\u0627""#),
            ("\u{e0041}\u{e000}\u{378}", r#""\udb40\udc41\ue000\u0378""#),
            ("e\u{301}\u{338}", r#""e\u0301\u0338""#),
            ("\u{3164}\u{2800}\u{fe0f}", r#""\u3164\u2800\ufe0f""#),
            ("\u{e31}", r#""\u0e31""#),
            ("\u{e01}\u{e31}\u{e31}\u{e31}\u{e31}\u{e31}", "\"\u{e01}\u{e31}\u{e31}\u{e31}\u{e31}\\u0e31\""),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    #[cfg(feature = "upstream")]
    fn what_hides_is_told_from_what_people_write() {
        let joined = ["\u{645}\u{6cc}\u{200c}\u{62e}", "\u{1f468}\u{200d}\u{1f469}", "\u{26a0}\u{fe0f} Delete it?"];
        for text in ["Zoë, 3 m²\n\tok?", "\u{5d0}\u{5d1}"].into_iter().chain(joined) {
            assert!(!hides(text), "{text:?}");
        }
        for text in [
            "a\u{202e}b",
            "a\u{200b}",
            "x\u{e0041}",
            "\u{1b}[2J",
            "a\u{fe0f}",
            "\u{26a0}\u{fe0f}\u{fe0f}",
            "\u{2028}",
            "\u{e000}",
            "\r",
            "\u{3164}",
        ] {
            assert!(hides(text), "{text:?}");
        }
    }

    #[test]
    fn a_cut_falls_between_characters() {
        let json = canonical(&json!("ab\n\u{202e}c")).unwrap();
        let cut = |max| show(&json, max).text;
        assert_eq!([cut(3), cut(4), cut(5), cut(10), cut(11)], ["\"ab", "\"ab", "\"ab\\n", "\"ab\\n", "\"ab\\n\\u202e"]);
        assert!(show(&json, 12).is_cut && !show(&json, 13).is_cut);
    }

    proptest! {
        /// Whoever copies the shown text has the value, and a terminal draws it from left to right.
        #[test]
        fn shown_text_is_the_same_json(text in any::<String>()) {
            let shown = shown(&text);
            prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
            prop_assert!(!shown.chars().any(|c| c.is_control() || is_right_to_left(c) || is_blank(c) || (c.is_whitespace() && c != ' ')));
        }
    }
}
