//! One canonical reading of a text: compatibility forms folded, marks and invisible characters dropped, hidden text recovered.

use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// Longest ANSI control sequence that is skipped; terminals give up earlier.
const ANSI_MAX: usize = 32;
/// Hidden characters allowed without remark: a flag emoji has up to six tag characters and an end mark.
const HIDDEN_ALLOWED: usize = 7;

/// A text after cleaning.
#[derive(Debug, Default)]
pub(super) struct Clean<'a> {
    /// What a reader sees, case kept.
    pub(super) text: Cow<'a, str>,
    /// What tag characters and variation selectors spell.
    pub(super) hidden: String,
    /// Signs of disguise.
    pub(super) traces: Traces,
}

/// Signs of disguise that need no signature.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Traces {
    /// An invisible character between two ASCII letters.
    pub(super) zero_width: bool,
    /// An embedding, override or isolate of writing direction.
    pub(super) bidi: bool,
    /// More tag characters or selectors than an emoji needs.
    pub(super) hidden: bool,
    /// A terminal control sequence.
    pub(super) ansi: bool,
    /// A word that mixes Latin letters with look-alikes of another script.
    pub(super) mixed: bool,
    /// Escapes within escapes.
    pub(super) layered: bool,
}

impl Traces {
    /// Everything seen in either.
    pub(super) fn join(&mut self, other: Self) {
        self.zero_width |= other.zero_width;
        self.bidi |= other.bidi;
        self.hidden |= other.hidden;
        self.ansi |= other.ansi;
        self.mixed |= other.mixed;
        self.layered |= other.layered;
    }
}

/// Cleans a text in one pass. Marks go before normalisation, so no run of them is ever sorted.
pub(super) fn clean<'a>(raw: impl Into<Cow<'a, str>>) -> Clean<'a> {
    let raw = raw.into();
    // Without a stop at the first other byte the compiler tests many bytes at once.
    let other = |b: u8| !(b' '..=b'~').contains(&b) & (b != b'\t') & (b != b'\n') & (b != b'\r');
    if !raw.bytes().fold(false, |any, b| any | other(b)) {
        return Clean { text: raw, ..Clean::default() };
    }
    let mut out = Clean::default();
    let mut kept = String::with_capacity(raw.len());
    let mut hidden = Vec::new();
    let (mut after_letter, mut gap) = (false, false);
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' || c == '\u{9b}' {
            out.traces.ansi = true;
            chars = skip_ansi(chars, c);
            continue;
        }
        if let Some(byte) = hidden_byte(c) {
            hidden.push(byte);
        }
        out.traces.bidi |= matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if is_invisible(c) || is_combining_mark(c) {
            gap |= after_letter && c != '\u{ad}' && !is_combining_mark(c);
            continue;
        }
        out.traces.zero_width |= gap && c.is_ascii_alphabetic();
        (after_letter, gap) = (c.is_ascii_alphabetic(), false);
        let c = enclosed(c, chars.as_str()).unwrap_or(c);
        // Ligatures of whole phrases would make a text up to eighteen times longer.
        kept.push(if matches!(c, '\u{fdfa}' | '\u{fdfb}') { ' ' } else { c });
    }
    out.traces.hidden = hidden.len() > HIDDEN_ALLOWED;
    if out.traces.hidden {
        out.hidden = String::from_utf8_lossy(&hidden).into_owned();
    }
    out.text = folded(&kept).unwrap_or_else(|| kept.nfkd().filter(|c| !is_combining_mark(*c)).nfc().collect()).into();
    out
}

/// What NFKD, dropping the marks and NFC make of a text, letter by letter: without marks nothing is put in order or together, but for the
/// parts of Hangul syllables and of vowels of the Kirat Rai. Where such parts stand alone there is no answer.
fn folded(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut has_parts = false;
    for c in text.chars() {
        match c {
            '\0'..='\u{7f}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{430}'..='\u{438}'
            | '\u{43a}'..='\u{44f}'
            | '\u{4e00}'..='\u{9fff}' => out.push(c),
            c => decompose_compatible(c, |part| {
                has_parts |= matches!(part, '\u{1100}'..='\u{11ff}' | '\u{16d60}'..='\u{16d6f}');
                if !is_combining_mark(part) {
                    out.push(part);
                }
            }),
        }
    }
    (!has_parts).then_some(out)
}

/// The letter in a circle or a square that compatibility forms leave as it is, and that of a regional indicator which is no half of a flag:
/// what stands between such letters keeps them apart.
fn enclosed(c: char, behind: &str) -> Option<char> {
    let code = u32::from(c);
    let nth = match code {
        0x1_F150..=0x1_F169 => code - 0x1_F150,
        0x1_F170..=0x1_F189 => code - 0x1_F170,
        0x1_F1E6..=0x1_F1FF if behind.starts_with(is_invisible) => code - 0x1_F1E6,
        _ => return None,
    };
    char::from_u32(u32::from('A') + nth)
}

/// Passes over the rest of a control sequence, if it is one.
fn skip_ansi(chars: std::str::Chars<'_>, first: char) -> std::str::Chars<'_> {
    let mut rest = chars.clone();
    if first == '\u{1b}' && rest.next() != Some('[') {
        return chars;
    }
    for _ in 0..ANSI_MAX {
        match rest.next() {
            Some('0'..='?' | ' '..='/') => {}
            Some('@'..='~') => return rest,
            Some(_) | None => return chars,
        }
    }
    chars
}

/// The byte that a tag character or a supplementary variation selector spells.
fn hidden_byte(c: char) -> Option<u8> {
    let code = u32::from(c);
    let byte = match code {
        0xE_0020..=0xE_007E => code - 0xE_0000,
        0xE_0100..=0xE_01EF => code - 0xE_0100 + 16,
        _ => return None,
    };
    u8::try_from(byte).ok()
}

/// Characters that show nothing: format, filler and control characters, selectors and tags.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{b}'..='\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The Latin letter that a Cyrillic, Greek, Armenian or Latin-extension letter passes for. Lower case only.
pub(super) fn look_alike(c: char) -> Option<char> {
    Some(match c {
        'а' | 'α' | 'ɑ' | 'ᴀ' => 'a',
        'в' | 'ь' | 'ƅ' | 'ʙ' => 'b',
        'с' | 'ϲ' | 'ᴄ' => 'c',
        'ԁ' | 'ɗ' | 'ᴅ' => 'd',
        'е' | 'ε' | 'є' | 'ҽ' | 'ᴇ' => 'e',
        'ғ' | 'ƒ' | 'ꜰ' => 'f',
        'ɡ' | 'ց' | 'ԍ' | 'ɢ' => 'g',
        'һ' | 'հ' | 'н' | 'ʜ' => 'h',
        'і' | 'ι' | 'ı' | 'ɩ' | 'ɪ' => 'i',
        'ј' | 'ϳ' | 'ᴊ' => 'j',
        'к' | 'κ' | 'ᴋ' => 'k',
        'ӏ' | 'ⅼ' | 'ʟ' => 'l',
        'м' | 'ᴍ' => 'm',
        'ո' | 'п' | 'η' | 'ռ' | 'ɴ' => 'n',
        'о' | 'ο' | 'օ' | 'σ' | 'ᴏ' => 'o',
        'р' | 'ρ' | 'ᴘ' => 'p',
        'ԛ' | 'զ' => 'q',
        'г' | 'ʀ' => 'r',
        'ѕ' | 'ꜱ' => 's',
        'т' | 'τ' | 'ᴛ' => 't',
        'υ' | 'ս' | 'ц' | 'ᴜ' => 'u',
        'ν' | 'ѵ' | 'ᴠ' => 'v',
        'ԝ' | 'ω' | 'ш' | 'ա' | 'ᴡ' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' | 'ү' | 'ʏ' => 'y',
        'ᴢ' | 'ʐ' => 'z',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn disguises_read_as_what_they_show() {
        for (raw, text) in [
            ("Ｉｇｎｏｒｅ", "Ignore"),
            ("𝐈𝐠𝐧𝐨𝐫𝐞", "Ignore"),
            ("I\u{200b}g\u{ad}n\u{2060}ore", "Ignore"),
            ("Íg̲no̲ré", "Ignore"),
            ("a\u{1b}[8mIgnore\u{1b}[0m", "aIgnore"),
            ("🅘🅖🅝ore", "IGNore"),
            ("🅸🅶🅽🅾🆁🅴", "IGNORE"),
            ("\u{1f1ee}\u{200b}\u{1f1ec}\u{200b}\u{1f1f3}\u{200b}", "IGN"),
            ("\u{1f1e9}\u{1f1ea} flag", "\u{1f1e9}\u{1f1ea} flag"),
            ("한국어", "한국어"),
        ] {
            assert_eq!(clean(raw).text, text);
        }
    }

    #[test]
    fn hidden_text_is_recovered_and_a_flag_is_not_suspicious() {
        let tagged: String = "ignore this".chars().filter_map(|c| char::from_u32(0xE_0000 + u32::from(c))).collect();
        assert_eq!(clean(format!("hi{tagged}")).hidden, "ignore this");
        let flag = "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}";
        assert_eq!(clean(flag).traces, Traces::default());
    }

    #[test]
    fn no_text_grows_much() {
        let longer = ('\u{a0}'..=char::MAX).find(|c| clean(c.to_string()).text.len() > 7 * c.len_utf8());
        assert_eq!(longer, None);
    }

    fn by_the_book(text: &str) -> String {
        text.nfkd().filter(|c| !is_combining_mark(*c)).nfc().collect()
    }

    #[test]
    fn every_letter_folds_as_the_standard_says() {
        for c in '\0'..='\u{2ffff}' {
            let text = format!("{c}a{c}\u{301}b\u{ac00}{c}");
            assert!(folded(&text).is_none_or(|folded| folded == by_the_book(&text)), "{c:?}");
        }
    }

    proptest! {
        #[test]
        fn texts_fold_as_the_standard_says(text in "(\\PC|[\u{300}-\u{330}]|[\u{1100}-\u{11ff}]|[\u{ac00}-\u{ac20}]){0,20}") {
            prop_assert!(folded(&text).is_none_or(|folded| folded == by_the_book(&text)));
        }

        #[test]
        fn cleaning_twice_changes_nothing(raw in "\\PC{0,60}") {
            let once = clean(&*raw).text;
            prop_assert_eq!(clean(&*once).text, &*once);
        }
    }
}
