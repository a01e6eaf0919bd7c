//! One canonical reading of a text: compatibility forms folded, marks and invisible characters dropped, hidden text recovered.

use std::borrow::Cow;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

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
        // Ligatures of whole phrases would make a text up to eighteen times longer.
        kept.push(if matches!(c, '\u{fdfa}' | '\u{fdfb}') { ' ' } else { c });
    }
    out.traces.hidden = hidden.len() > HIDDEN_ALLOWED;
    if out.traces.hidden {
        out.hidden = String::from_utf8_lossy(&hidden).into_owned();
    }
    out.text = kept.nfkd().filter(|c| !is_combining_mark(*c)).nfc().collect::<String>().into();
    out
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
        'а' | 'α' | 'ɑ' => 'a',
        'в' | 'ь' | 'ƅ' => 'b',
        'с' | 'ϲ' | 'ᴄ' => 'c',
        'ԁ' | 'ɗ' => 'd',
        'е' | 'ε' | 'є' | 'ҽ' => 'e',
        'ғ' | 'ƒ' => 'f',
        'ɡ' | 'ց' | 'ԍ' => 'g',
        'һ' | 'հ' | 'н' => 'h',
        'і' | 'ι' | 'ı' | 'ɩ' => 'i',
        'ј' | 'ϳ' => 'j',
        'к' | 'κ' => 'k',
        'ӏ' | 'ⅼ' | 'ʟ' => 'l',
        'м' | 'ᴍ' => 'm',
        'ո' | 'п' | 'η' | 'ռ' => 'n',
        'о' | 'ο' | 'օ' | 'σ' => 'o',
        'р' | 'ρ' => 'p',
        'ԛ' | 'զ' => 'q',
        'г' | 'ʀ' => 'r',
        'ѕ' | 'ꜱ' => 's',
        'т' | 'τ' => 't',
        'υ' | 'ս' | 'ц' => 'u',
        'ν' | 'ѵ' => 'v',
        'ԝ' | 'ω' | 'ш' | 'ա' => 'w',
        'х' | 'χ' => 'x',
        'у' | 'γ' | 'ү' => 'y',
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

    proptest! {
        #[test]
        fn cleaning_twice_changes_nothing(raw in "\\PC{0,60}") {
            let once = clean(&*raw).text;
            prop_assert_eq!(clean(&*once).text, &*once);
        }
    }
}
