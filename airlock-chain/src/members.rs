//! The members of an entry as JSON in ASCII, written without a serializer: nearly every text of an entry is plain, and is copied as it is.
//!
//! The bytes are those that [`super::line::ascii_json`] gives; the tests compare.

use super::chain::{Hash, push_hex};
use super::line::{ascii_json, push_number};

/// Room for the body of an ordinary entry, so that it is not moved while it grows.
const ROOM: usize = 512;

/// A body under construction: from `"t":` on, without the brace at its end.
#[derive(Debug)]
pub(super) struct Members(Vec<u8>);

impl Members {
    /// Of an entry of this kind.
    pub(super) fn of(kind: &'static str) -> Self {
        let mut out = Vec::with_capacity(ROOM);
        out.extend_from_slice(b"\"t\":");
        push_text(&mut out, kind);
        Self(out)
    }

    /// Begins a member; its value is to be written behind.
    fn name(&mut self, name: &'static str) -> &mut Vec<u8> {
        let Self(out) = self;
        out.extend_from_slice(b",\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        out
    }

    pub(super) fn text(&mut self, name: &'static str, text: &str) {
        push_text(self.name(name), text);
    }

    pub(super) fn number(&mut self, name: &'static str, number: u64) {
        push_number(self.name(name), number);
    }

    pub(super) fn flag(&mut self, name: &'static str, is: bool) {
        self.name(name).extend_from_slice(if is { b"true" } else { b"false" });
    }

    /// A digest in hexadecimal.
    pub(super) fn hash(&mut self, name: &'static str, hash: &Hash) {
        let out = self.name(name);
        out.push(b'"');
        push_hex(out, hash);
        out.push(b'"');
    }

    /// A list, of which `each` writes one item.
    pub(super) fn list<T>(&mut self, name: &'static str, items: impl Iterator<Item = T>, mut each: impl FnMut(&mut Vec<u8>, T)) {
        let out = self.name(name);
        out.push(b'[');
        for (n, item) in items.enumerate() {
            if n > 0 {
                out.push(b',');
            }
            each(out, item);
        }
        out.push(b']');
    }

    /// The body with its end.
    pub(super) fn body(self) -> Vec<u8> {
        let Self(mut out) = self;
        out.push(b'}');
        out
    }
}

/// A text as JSON in printable ASCII.
pub(super) fn push_text(out: &mut Vec<u8>, text: &str) {
    if is_plain(text) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(&ascii_json(&text));
    }
}

/// Does a text stand in JSON as it is?
pub(super) fn is_plain(text: &str) -> bool {
    // Without an early exit the compiler looks at many bytes at once.
    text.bytes().fold(true, |plain, byte| plain & (byte.wrapping_sub(b' ') <= b'~' - b' ') & (byte != b'"') & (byte != b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn members_are_written_in_their_order() {
        let mut out = Members::of("x");
        out.text("a", "b\"\u{7f}\u{e9}");
        out.number("n", 0);
        out.number("m", u64::MAX);
        out.flag("f", true);
        out.flag("g", false);
        out.hash("h", &[0xab; 32]);
        out.list("l", 1..3, push_number);
        out.list("e", 0..0, push_number);
        let hash = "ab".repeat(32);
        let wanted = format!(
            "\"t\":\"x\",\"a\":\"b\\\"\\u007f\\u00e9\",\"n\":0,\"m\":18446744073709551615,\"f\":true,\"g\":false,\"h\":\"{hash}\",\
             \"l\":[1,2],\"e\":[]}}"
        );
        assert_eq!(String::from_utf8(out.body()).unwrap(), wanted);
    }

    #[test]
    fn every_byte_of_ascii_is_plain_or_escaped() {
        for byte in 0..=0x7f_u8 {
            let text = char::from(byte).to_string();
            let mut out = Vec::new();
            push_text(&mut out, &text);
            assert_eq!(out, ascii_json(&text), "{byte}");
            assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), json!(text));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_what_the_serializer_gives(text in any::<String>(), plain in "[ -~]{0,90}") {
            for text in [text, plain] {
                let mut out = Vec::new();
                push_text(&mut out, &text);
                prop_assert_eq!(out, ascii_json(&text));
            }
        }
    }
}
