//! The scan against known texts and against a slower reader built on `serde_json`.

use super::*;
use proptest::prelude::*;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

fn flaw(line: impl AsRef<[u8]>) -> Option<(Flaw, usize)> {
    scan(line.as_ref()).err().map(|fault| (fault.flaw, fault.at))
}

#[test]
fn strict_grammar() {
    for text in [
        "0",
        "-0",
        "1.5e-3",
        " [ ] ",
        "{}",
        "\t{\"a\" : [true,false,null]}\r",
        r#""\"\\\/\b\f\n\r\t\u00e9""#,
        "1e308",
        "\"\u{7f}\u{2028}\"",
    ] {
        assert_eq!(flaw(text), None, "{text}");
    }
    for (text, at) in [
        ("", 0),
        (" ", 1),
        ("NaN", 0),
        ("[NaN]", 1),
        ("-Infinity", 1),
        ("01", 2),
        ("-", 1),
        ("1.", 2),
        (".5", 0),
        ("1e", 2),
        ("+1", 0),
        ("{} x", 3),
        ("[1,]", 3),
        ("{\"a\":1,}", 7),
        ("{a:1}", 1),
        ("{\"a\" 1}", 5),
        ("[1 2]", 3),
        ("[}", 1),
        ("{]", 1),
        ("'a'", 0),
        ("\"\\x\"", 1),
        ("\"\\u12g4\"", 1),
        ("\"\\u12", 1),
        ("\"a", 2),
        ("\"\n\"", 1),
        ("tru", 0),
        ("nulll", 4),
        ("// c\n1", 0),
        ("\u{feff}{}", 0),
        ("[1]]", 3),
        ("{\"a\":}", 5),
    ] {
        assert_eq!(flaw(text), Some((Flaw::Grammar, at)), "{text}");
    }
    assert_eq!(flaw(b"\"\xff\""), Some((Flaw::Utf8, 1)));
    assert_eq!(flaw(b"\"\xed\xa0\x80\""), Some((Flaw::Utf8, 1)), "a surrogate in UTF-8 form");
    assert_eq!(flaw(b"\"\xc0\xaf\""), Some((Flaw::Utf8, 1)), "an overlong form");
}

#[test]
fn depth_is_counted_over_arrays_and_objects() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(flaw(nested(JSON_DEPTH_MAX)), None);
    assert_eq!(flaw(nested(JSON_DEPTH_MAX + 1)), Some((Flaw::Depth, JSON_DEPTH_MAX)));
    assert_eq!(flaw("[".repeat(200_000)), Some((Flaw::Depth, JSON_DEPTH_MAX)));
    assert_eq!(flaw("{\"a\":".repeat(200_000)).map(|(flaw, _)| flaw), Some(Flaw::Depth));
    assert_eq!(flaw(format!("[{}]", vec!["[]"; 1000].join(","))), None, "siblings do not add up");
}

#[test]
fn keys_repeat_in_any_spelling_and_at_any_depth() {
    assert_eq!(flaw(r#"{"a":1,"a":1}"#), Some((Flaw::RepeatedKey, 7)));
    assert_eq!(flaw(r#"{"a":1,"\u0061":1}"#), Some((Flaw::RepeatedKey, 7)));
    assert_eq!(flaw(r#"{"\u0061":1,"\u0061":1}"#), Some((Flaw::RepeatedKey, 12)));
    assert_eq!(flaw(r#"{"/":1,"\/":1}"#), Some((Flaw::RepeatedKey, 7)));
    assert_eq!(flaw("{\"😀\":1,\"\\ud83d\\ude00\":1}"), Some((Flaw::RepeatedKey, 10)));
    assert_eq!(flaw(r#"{"x":[{"y":{"a":1,"b":2,"a":3}}]}"#), Some((Flaw::RepeatedKey, 24)));
    assert_eq!(flaw(r#"{"":1,"":1}"#), Some((Flaw::RepeatedKey, 6)));
    assert_eq!(flaw(r#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}],"c":"a"}"#), None, "each object has its own keys");
    assert_eq!(flaw(r#"{"\u0061":{"\u0061":1,"b":1},"\u0062":1,"c":{"a":1}}"#), None);
}

#[test]
fn keys_of_large_objects_repeat_too() {
    let members = |extra: &str| format!("{{{}{extra}}}", (0..5000).map(|n| format!("\"k{n}\":0")).collect::<Vec<_>>().join(","));
    assert_eq!(flaw(members("")), None);
    let second = members("").len();
    assert_eq!(flaw(members(",\"k77\":0")), Some((Flaw::RepeatedKey, second)));
    assert_eq!(flaw(members(",\"k\\u00377\":0")), Some((Flaw::RepeatedKey, second)));
}

#[test]
fn half_a_surrogate_pair_is_refused_and_a_whole_one_is_not() {
    assert_eq!(flaw(r#""\ud83d\ude00""#), None);
    for text in [r#""\ud800""#, r#""\udc00""#, r#""\ud800\ud800""#, r#""\ud800x""#, r#""\ud800\n""#, r#""\uDFFF\uD800""#] {
        assert_eq!(flaw(text), Some((Flaw::Surrogate, 1)), "{text}");
    }
    assert_eq!(flaw(r#"{"\ud800":1}"#), Some((Flaw::Surrogate, 2)), "in a key");
}

#[test]
fn numbers_beyond_a_double_are_refused() {
    assert_eq!(flaw("[1e400]"), Some((Flaw::NumberRange, 1)));
    assert_eq!(flaw("-1e400"), Some((Flaw::NumberRange, 0)));
    assert_eq!(flaw("9".repeat(400)), Some((Flaw::NumberRange, 0)));
    assert_eq!(flaw("1e-400"), None);
    assert_eq!(flaw("9".repeat(300)), None);
}

#[test]
fn values_are_counted_and_bounded() {
    assert_eq!(scan(br#" {"a":[1,"x",null,{}],"b":{"c":[]}} "#).map(Scanned::values), Ok(8));
    let list = |values: usize| format!("[{}0]", "0,".repeat(values - 2));
    assert_eq!(flaw(list(JSON_VALUES_MAX)), None);
    assert_eq!(flaw(list(JSON_VALUES_MAX + 1)), Some((Flaw::Values, 2 * JSON_VALUES_MAX - 1)));
}

/// The second line says why: the reader of arguments takes such an object for the JSON inside its string.
#[test]
fn keys_that_mean_something_to_the_reader_itself_are_refused() {
    let smuggled = r#"{"a":{"$serde_json::private::RawValue":"{\"b\":1,\"b\":2}"}}"#;
    assert_eq!(serde_json::from_str::<serde_json::Value>(smuggled).unwrap(), serde_json::json!({"a": {"b": 2}}));
    assert_eq!(flaw(smuggled), Some((Flaw::PrivateKey, 6)));
    assert_eq!(flaw(smuggled.replacen('$', "\\u0024", 1)), Some((Flaw::PrivateKey, 6)));
    assert_eq!(flaw(r#"{"$serde_json":1,"private::RawValue":"$serde_json::private::RawValue"}"#), None);
}

/// What the scan promises, on top of `serde_json`'s own grammar: builds nothing, but keeps a set of decoded keys per object.
struct Reference {
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Reference {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reference {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let depth = deeper(self.depth)?;
        while seq.next_element_seed(Reference { depth })?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let depth = deeper(self.depth)?;
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if !keys.insert(key) {
                return Err(A::Error::custom("repeated key"));
            }
            map.next_value_seed(Reference { depth })?;
        }
        Ok(())
    }
}

fn deeper<E: Error>(depth: usize) -> Result<usize, E> {
    if depth == JSON_DEPTH_MAX { Err(E::custom("depth")) } else { Ok(depth + 1) }
}

fn reference_accepts(line: &[u8]) -> bool {
    let mut reader = serde_json::Deserializer::from_slice(line);
    std::str::from_utf8(line).is_ok() && Reference { depth: 0 }.deserialize(&mut reader).and_then(|()| reader.end()).is_ok()
}

/// JSON text in odd spellings, with keys that collide often.
fn json_text() -> impl Strategy<Value = String> {
    let string = prop_oneof![
        Just(r#""a""#),
        Just(r#""b""#),
        Just(r#""\u0061""#),
        Just(r#""\u0062""#),
        Just(r#""c\/""#),
        Just(r#""c/""#),
        Just(r#""\ud83d\ude00""#),
        Just("\"😀\""),
        Just("\"\""),
        Just(r#""long enough to be more than one word""#),
        Just(r#""\ud83d""#)
    ];
    let scalar = prop_oneof![
        8 => string.clone().prop_map(str::to_owned),
        4 => prop_oneof![Just("null"), Just("true"), Just("-0.5E+7"), Just("1e309"), Just("12345678901234567890123")].prop_map(str::to_owned),
        4 => any::<i32>().prop_map(|number| number.to_string()),
    ];
    let space = prop_oneof![6 => Just(""), 1 => Just(" "), 1 => Just("\t\r\n")];
    scalar.prop_recursive(6, 60, 12, move |inner| {
        let member =
            (string.clone(), space.clone(), inner.clone()).prop_map(|(key, space, value)| format!("{key}{space}:{space}{value}"));
        prop_oneof![
            proptest::collection::vec(inner, 0..6).prop_map(|values| format!("[{}]", values.join(" ,"))),
            proptest::collection::vec(member, 0..12).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn agrees_with_the_reference_on_generated_text(text in json_text()) {
        prop_assert_eq!(scan(text.as_bytes()).is_ok(), reference_accepts(text.as_bytes()), "{}", text);
    }

    #[test]
    fn agrees_with_the_reference_on_damaged_text(text in json_text(), edits in proptest::collection::vec((any::<prop::sample::Index>(), prop_oneof![
        Just(b'"'), Just(b'\\'), Just(b'{'), Just(b'}'), Just(b'['), Just(b']'), Just(b','), Just(b':'), Just(b'0'), Just(b'e'), any::<u8>()]), 1..4)) {
        let mut bytes = text.into_bytes();
        for (index, byte) in edits {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        prop_assert_eq!(scan(&bytes).is_ok(), reference_accepts(&bytes), "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn agrees_with_the_reference_on_noise(bytes in proptest::collection::vec(prop_oneof![
        Just(b'"'), Just(b'\\'), Just(b'u'), Just(b'd'), Just(b'{'), Just(b'}'), Just(b'['), Just(b']'), Just(b','), Just(b':'), Just(b'1'), Just(b'.'), Just(b'e'), Just(b'-'),
        Just(b' '), any::<u8>()], 0..24)) {
        prop_assert_eq!(scan(&bytes).is_ok(), reference_accepts(&bytes), "{}", String::from_utf8_lossy(&bytes));
    }
}
