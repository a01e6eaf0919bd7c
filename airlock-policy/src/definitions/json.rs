//! JSON as strictly as pins need it: a name stands once in each object, so every reader sees the same document.

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Parses a document. Depth is bounded by `serde_json` (128).
///
/// # Errors
/// What is wrong, with line and column; the words of the text are not repeated.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    serde_json::from_str::<Strict>(text).map(|Strict(value)| value).map_err(|fault| fault.to_string())
}

/// A value whose objects have no name twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Strict;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Strict, E> {
        Ok(Strict(Value::Bool(truth)))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Strict, E> {
        Ok(Strict(Value::Number(number.into())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Strict, E> {
        Ok(Strict(Value::Number(number.into())))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Strict, E> {
        Number::from_f64(number).map(|number| Strict(Value::Number(number))).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Strict, E> {
        Ok(Strict(Value::String(text.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Strict, E> {
        Ok(Strict(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Strict, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Strict(Value::Array(values)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Strict, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let Strict(value) = members.next_value()?;
            if object.insert(name, value).is_some() {
                return Err(de::Error::custom("a name stands twice in one object"));
            }
        }
        Ok(Strict(Value::Object(object)))
    }
}

/// The text of a document without spaces between its tokens: the order of members and the spelling of numbers stay. Characters that a
/// reader does not see are written as escapes, which changes no value. `text` is JSON.
pub(super) fn compact(text: &str) -> String {
    walk(text, None)
}

/// The same on many lines, two spaces for each level, as people review it.
pub(super) fn indented(text: &str) -> String {
    walk(text, Some(0))
}

fn walk(text: &str, mut level: Option<usize>) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut quoted, mut escaped) = (false, false);
    let mut chars = text.chars().filter(|c| *c != '\r').peekable();
    let line = |out: &mut String, level: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", level));
    };
    while let Some(c) = chars.next() {
        if quoted {
            match c {
                c if crate::text::hidden(c) || ('\u{7f}'..='\u{9f}').contains(&c) => {
                    let mut units = [0; 2];
                    c.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
                }
                c => out.push(c),
            }
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            ' ' | '\n' | '\t' => {}
            '"' => {
                quoted = true;
                out.push(c);
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if(|c| matches!(c, ' ' | '\n' | '\t')).is_some() {}
                let is_empty = matches!(chars.peek(), Some('}' | ']'));
                if let (Some(level), false) = (&mut level, is_empty) {
                    *level += 1;
                    line(&mut out, *level);
                } else if is_empty {
                    out.extend(chars.next());
                }
            }
            '}' | ']' => {
                if let Some(level) = &mut level {
                    *level = level.saturating_sub(1);
                    line(&mut out, *level);
                }
                out.push(c);
            }
            ',' => {
                out.push(c);
                level.iter().for_each(|level| line(&mut out, *level));
            }
            ':' => out.push_str(if level.is_some() { ": " } else { ":" }),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_twice_is_refused_at_any_depth() {
        assert!(parse(r#"{"a":1,"b":{"a":1}}"#).is_ok());
        for text in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"a":2}}]"#, r#"{"a":1,"\u0061":1}"#, "[1] 2", "", "nul"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"[".repeat(10_000)).is_err(), "deep documents end with an error");
        assert!(parse("1e400").is_err());
    }

    #[test]
    fn order_and_spelling_stay_and_hidden_characters_show() {
        let text = "{ \"z\" : 1.0 ,\r\n \"a\\\"{\" : [ ] , \"b\": [1e2, {\"c\" :\"x y\u{202e}\u{e0041}\"} ] }";
        assert_eq!(compact(text), "{\"z\":1.0,\"a\\\"{\":[],\"b\":[1e2,{\"c\":\"x y\\u202e\\udb40\\udc41\"}]}");
        insta::assert_snapshot!(indented(text));
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn both_forms_say_the_same(value in value()) {
            let text = value.to_string();
            let short = compact(&text);
            prop_assert_eq!(parse(&short).unwrap(), value.clone());
            prop_assert_eq!(parse(&indented(&text)).unwrap(), value);
            prop_assert_eq!(compact(&indented(&text)), short);
        }
    }
}
