//! The canonical JSON of lease blocks: one object, keys sorted bytewise, strings, integers, lists of strings, one nested object.
//!
//! The reader accepts only what the writer writes, so there is one spelling of every value and no duplicate key. A problem is a
//! fixed sentence: hostile text never comes back in a message.

use super::{BLOCK_MAX, LIST_MAX, STRING_MAX};
use crate::limits::INTEGER_MAX;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::io::Write;

/// A value of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    /// At most [`STRING_MAX`] bytes.
    Text(Cow<'a, str>),
    /// At most [`INTEGER_MAX`].
    Int(u64),
    /// At most [`LIST_MAX`] strings.
    List(Cow<'a, [String]>),
    /// A nested object without objects in it.
    Object(Fields<'a>),
}

/// An object: keys in ascending byte order. It borrows from the block that was read, or from the terms to be written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields<'a>(pub(crate) Vec<(Cow<'a, str>, Field<'a>)>);

/// Length of the shortest member of an object, `"a":1,`: room is made for as many as fit into the block,
const MEMBER_MIN: usize = 6;
/// and at most for those of a root block.
const MEMBERS_MAX: usize = 17;

/// What is wrong.
pub(crate) type Problem = &'static str;

/// Takes the values of an object out, each key once and in ascending order, as they stand there.
pub(crate) struct Taker<'a> {
    rest: std::vec::IntoIter<(Cow<'a, str>, Field<'a>)>,
    /// A key was passed over.
    unknown: bool,
}

impl<'a> Fields<'a> {
    /// Starts to take the values out.
    pub(crate) fn take(self) -> Taker<'a> {
        Taker { rest: self.0.into_iter(), unknown: false }
    }

    /// Removes one value, out of the order.
    pub(crate) fn remove(&mut self, key: &str) -> Option<Field<'a>> {
        // The only such key is the last one of its object.
        let at = self.0.iter().rposition(|(name, _)| name == key)?;
        Some(self.0.remove(at).1)
    }
}

impl<'a> Field<'a> {
    /// The value as an integer.
    pub(crate) fn into_int(self) -> Result<u64, Problem> {
        match self {
            Self::Int(int) => Ok(int),
            Self::Text(_) | Self::List(_) | Self::Object(_) => Err("a value that must be an integer is not one"),
        }
    }
}

impl<'a> Taker<'a> {
    /// The value of a key, which must come after all keys asked for before. What stands before it is unknown.
    fn take(&mut self, key: &str) -> Option<Field<'a>> {
        loop {
            let order = (*self.rest.as_slice().first()?.0).cmp(key);
            match order {
                Ordering::Greater => return None,
                Ordering::Equal => return self.rest.next().map(|(_, field)| field),
                Ordering::Less => {
                    self.unknown = true;
                    self.rest.next();
                }
            }
        }
    }

    /// Takes a string.
    pub(crate) fn text(&mut self, key: &str) -> Result<Option<Cow<'a, str>>, Problem> {
        match self.take(key) {
            None => Ok(None),
            Some(Field::Text(text)) => Ok(Some(text)),
            Some(Field::Int(_) | Field::List(_) | Field::Object(_)) => Err("a value that must be a string is not one"),
        }
    }

    /// Takes an integer.
    pub(crate) fn int(&mut self, key: &str) -> Result<Option<u64>, Problem> {
        self.take(key).map(Field::into_int).transpose()
    }

    /// Takes a list of strings.
    pub(crate) fn list(&mut self, key: &str) -> Result<Option<Vec<String>>, Problem> {
        match self.take(key) {
            None => Ok(None),
            Some(Field::List(list)) => Ok(Some(list.into_owned())),
            Some(Field::Text(_) | Field::Int(_) | Field::Object(_)) => Err("a value that must be a list of strings is not one"),
        }
    }

    /// Takes the nested object.
    pub(crate) fn object(&mut self, key: &str) -> Result<Option<Self>, Problem> {
        match self.take(key) {
            None => Ok(None),
            Some(Field::Object(fields)) => Ok(Some(fields.take())),
            Some(Field::Text(_) | Field::Int(_) | Field::List(_)) => Err("a value that must be an object is not one"),
        }
    }

    /// Fails if a key was not taken.
    pub(crate) fn done(&self) -> Result<(), Problem> {
        if self.rest.as_slice().is_empty() && !self.unknown { Ok(()) } else { Err("it has an unknown key") }
    }
}

/// Writes an object; the keys are already in order.
pub(crate) fn write(fields: &Fields<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(BLOCK_MAX);
    write_object(&mut out, fields);
    out
}

fn write_object(out: &mut Vec<u8>, fields: &Fields<'_>) {
    out.push(b'{');
    for (at, (key, field)) in fields.0.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_string(out, key);
        out.push(b':');
        match field {
            Field::Text(text) => write_string(out, text),
            // Writing to memory cannot fail.
            Field::Int(int) => drop(write!(out, "{int}")),
            Field::List(list) => write_list(out, list),
            Field::Object(nested) => write_object(out, nested),
        }
    }
    out.push(b'}');
}

fn write_list(out: &mut Vec<u8>, list: &[String]) {
    out.push(b'[');
    for (at, text) in list.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_string(out, text);
    }
    out.push(b']');
}

/// RFC 8785 section 3.2.2.2: short escapes where there are any, `\u00xx` for other controls, everything else as it is.
fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(plain) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        out.extend_from_slice(&rest[..plain]);
        match rest[plain] {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x09 => out.extend_from_slice(b"\\t"),
            0x0a => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            0x0d => out.extend_from_slice(b"\\r"),
            byte => drop(write!(out, "\\u{byte:04x}")),
        }
        rest = &rest[plain + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

/// Reads a whole block.
pub(crate) fn read(block: &[u8]) -> Result<Fields<'_>, Problem> {
    let text = std::str::from_utf8(block).map_err(|_| "it is not UTF-8")?;
    let mut reader = Reader { text, at: 0 };
    let fields = reader.object(Depth::Outer)?;
    if reader.at != text.len() {
        return Err("there is something after the object");
    }
    Ok(fields)
}

/// Where an object stands: the outer one may contain another, the inner one may not.
#[derive(Clone, Copy)]
enum Depth {
    Outer,
    Inner,
}

/// What ends a piece of a string that is written as it is.
#[derive(Clone, Copy)]
enum End {
    Quote,
    Escape,
}

/// The bytes that never stand for themselves in a string.
const ENDS_PLAIN: [bool; 256] = {
    let (mut ends, mut byte) = ([false; 256], 0);
    while byte < 0x20 {
        ends[byte] = true;
        byte += 1;
    }
    ends[b'"' as usize] = true;
    ends[b'\\' as usize] = true;
    ends
};

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over `byte` if it is next.
    fn eat(&mut self, byte: u8) -> bool {
        let next = self.peek() == Some(byte);
        self.at += usize::from(next);
        next
    }

    fn object(&mut self, depth: Depth) -> Result<Fields<'a>, Problem> {
        if !self.eat(b'{') {
            return Err("it is not a JSON object");
        }
        let members = (self.text.len() - self.at) / MEMBER_MIN + 1;
        let mut fields: Vec<(Cow<'a, str>, Field<'a>)> = Vec::with_capacity(members.min(MEMBERS_MAX));
        if self.eat(b'}') {
            return Ok(Fields(fields));
        }
        loop {
            let key = self.string()?;
            if fields.last().is_some_and(|(previous, _)| *previous >= key) {
                return Err("its keys are not in ascending order, each once");
            }
            if !self.eat(b':') {
                return Err("it is not canonical JSON");
            }
            let field = self.field(depth)?;
            fields.push((key, field));
            if self.eat(b'}') {
                return Ok(Fields(fields));
            }
            if !self.eat(b',') {
                return Err("it is not canonical JSON");
            }
        }
    }

    fn field(&mut self, depth: Depth) -> Result<Field<'a>, Problem> {
        match (self.peek(), depth) {
            (Some(b'"'), _) => self.string().map(Field::Text),
            (Some(b'0'..=b'9'), _) => self.integer().map(Field::Int),
            (Some(b'['), _) => self.list().map(|list| Field::List(list.into())),
            (Some(b'{'), Depth::Outer) => self.object(Depth::Inner).map(Field::Object),
            (Some(b'{'), Depth::Inner) => Err("it is nested too deep"),
            (_, _) => Err("a value is not a string, a whole number or a list of strings, or it is not canonical JSON"),
        }
    }

    fn list(&mut self) -> Result<Vec<String>, Problem> {
        self.at += 1;
        let mut list = Vec::new();
        if self.eat(b']') {
            return Ok(list);
        }
        loop {
            if list.len() == LIST_MAX {
                return Err("a list has more than 32 entries");
            }
            list.push(self.string()?.into_owned());
            if self.eat(b']') {
                return Ok(list);
            }
            if !self.eat(b',') {
                return Err("it is not canonical JSON");
            }
        }
    }

    fn integer(&mut self) -> Result<u64, Problem> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        let digits = &self.text[start..self.at];
        if digits.len() > 1 && digits.starts_with('0') {
            return Err("a number has a leading zero");
        }
        match digits.parse() {
            Ok(int) if int <= INTEGER_MAX => Ok(int),
            _ => Err("a number is larger than 2^53 - 1"),
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, Problem> {
        if !self.eat(b'"') {
            return Err("a string is expected where there is none");
        }
        let (plain, mut end) = self.plain()?;
        // Borrowed as long as there is no escape.
        let mut out = Cow::Borrowed(plain);
        loop {
            if out.len() > STRING_MAX {
                return Err("a string is longer than 256 bytes");
            }
            match end {
                End::Quote => return Ok(out),
                End::Escape => out.to_mut().push(self.escape()?),
            }
            let plain;
            (plain, end) = self.plain()?;
            out.to_mut().push_str(plain);
        }
    }

    /// Steps over what is written as it is, and over what ends it.
    fn plain(&mut self) -> Result<(&'a str, End), Problem> {
        let start = self.at;
        let rest = &self.text.as_bytes()[start..];
        let length = rest.iter().position(|byte| ENDS_PLAIN[usize::from(*byte)]).ok_or("a string has no end")?;
        self.at += length + 1;
        // A boundary of characters: `"`, `\` and controls are single bytes in UTF-8 and never a part of another character.
        let plain = &self.text[start..start + length];
        match rest[length] {
            b'"' => Ok((plain, End::Quote)),
            b'\\' => Ok((plain, End::Escape)),
            _ => Err("a string has an unescaped control character"),
        }
    }

    /// After a backslash: only the escapes that [`write_string`] writes.
    fn escape(&mut self) -> Result<char, Problem> {
        const PROBLEM: Problem = "a string has an escape that is not canonical";
        let Some(byte) = self.peek() else { return Err(PROBLEM) };
        self.at += 1;
        match byte {
            b'"' => Ok('"'),
            b'\\' => Ok('\\'),
            b'b' => Ok('\u{8}'),
            b't' => Ok('\t'),
            b'n' => Ok('\n'),
            b'f' => Ok('\u{c}'),
            b'r' => Ok('\r'),
            b'u' => {
                let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or(PROBLEM)?;
                let value = match digits {
                    [b'0', b'0', high @ (b'0' | b'1'), low @ (b'0'..=b'9' | b'a'..=b'f')] => (high - b'0') * 16 + hex_value(*low),
                    _ => return Err(PROBLEM),
                };
                self.at += 4;
                match value {
                    0x08 | 0x09 | 0x0a | 0x0c | 0x0d => Err(PROBLEM),
                    _ => Ok(char::from(value)),
                }
            }
            _ => Err(PROBLEM),
        }
    }
}

/// Value of a lower-case hex digit.
const fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => digit - b'a' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn only_one_spelling() {
        assert!(read(br#"{"a":"\u001f\b\"\\/","b":0,"c":[],"d":{"e":1}}"#).is_ok());
        for text in [
            "",
            "{",
            "{}x",
            " {}",
            "{ }",
            "[]",
            "{\"a\":1,}",
            "{\"a\" :1}",
            "{\"a\":01}",
            "{\"a\":-0}",
            "{\"a\":1.0}",
            "{\"a\":1e3}",
            "{\"a\":true}",
            "{\"a\":null}",
            "{\"a\":[1]}",
            "{\"a\":[[]]}",
            "{\"a\":{\"b\":{}}}",
            "{\"a\":1,\"a\":1}",
            "{\"b\":1,\"a\":1}",
            "{\"a\":\"\\u0041\"}",
            "{\"a\":\"\\/\"}",
            "{\"a\":\"\\u001F\"}",
            "{\"a\":\"\\u0008\"}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\u{1}\"}",
            "{\"a\":\"",
            "{\"a\":\"\\",
            "{\"a\":\"\\u00",
            "{\"a\":9007199254740992}",
            "{\"a\":[\"\",]}",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(read(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn sizes() {
        let list = |n: usize| format!("{{\"a\":[{}]}}", vec!["\"x\""; n].join(","));
        assert!(read(list(LIST_MAX).as_bytes()).is_ok());
        assert_eq!(read(list(LIST_MAX + 1).as_bytes()), Err("a list has more than 32 entries"));
        let text = |n: usize| format!("{{\"a\":\"{}\"}}", "é".repeat(n));
        assert!(read(text(STRING_MAX / 2).as_bytes()).is_ok());
        assert_eq!(read(text(STRING_MAX / 2 + 1).as_bytes()), Err("a string is longer than 256 bytes"));
    }

    fn fields(map: BTreeMap<String, Field<'static>>) -> Fields<'static> {
        Fields(map.into_iter().map(|(key, field)| (key.into(), field)).collect())
    }

    fn field() -> impl Strategy<Value = Field<'static>> {
        let leaf = prop_oneof![
            ".{0,20}".prop_map(|text| Field::Text(text.into())),
            (0..=INTEGER_MAX).prop_map(Field::Int),
            prop::collection::vec("[\\x00-\\x7f]{0,6}", 0..4).prop_map(|list| Field::List(list.into())),
        ];
        prop_oneof![4 => leaf.clone(), 1 => prop::collection::btree_map("[a-d]{1,2}", leaf, 0..3)
            .prop_map(|map| Field::Object(fields(map)))]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(map in prop::collection::btree_map("[a-z]{1,3}|.{1,3}", field(), 0..6)) {
            let fields = fields(map);
            let block = write(&fields);
            prop_assert_eq!(read(&block), Ok(fields));
        }

        /// Accepted exactly if writing gives the same bytes, seen on mutations of canonical text.
        #[test]
        fn what_is_read_is_written(
            map in prop::collection::btree_map("[a-c]{1,2}", field(), 0..4),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut block = write(&fields(map));
            let at = at.index(block.len());
            block[at] = byte;
            if let Ok(fields) = read(&block) {
                prop_assert_eq!(write(&fields), block);
            }
        }

        #[test]
        fn no_panic_and_no_second_spelling(text in "[\\{\\}\\[\\]\",:0-9a-c\\\\u]{0,40}") {
            if let Ok(fields) = read(text.as_bytes()) {
                prop_assert_eq!(write(&fields), text.into_bytes());
            }
        }
    }
}
