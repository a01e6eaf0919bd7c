//! Picks named members out of a JSON object without building anything for the others.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The members that were asked for, in the order of the names, each as the bytes that stood there.
pub(crate) struct Picked<'a, const N: usize> {
    /// A value for each name; `null` is a value.
    pub(crate) values: [Option<&'a RawValue>; N],
    /// The name was read, even if its value was cut off.
    pub(crate) named: [bool; N],
    /// The object has other members too.
    pub(crate) has_others: bool,
    /// A picked name stood twice. Impossible in scanned text.
    pub(crate) has_repeats: bool,
    /// The object was read to its end.
    pub(crate) is_whole: bool,
}

/// Reads `text`, which should be one JSON object. What was found before a fault is kept, `is_whole` tells.
pub(crate) fn pick<'a, const N: usize>(text: &'a str, names: [&str; N]) -> Picked<'a, N> {
    let mut picked = Picked { values: [None; N], named: [false; N], has_others: false, has_repeats: false, is_whole: false };
    let mut reader = serde_json::Deserializer::from_str(text);
    let outcome = reader.deserialize_map(Members { names, picked: &mut picked }).and_then(|()| reader.end());
    picked.is_whole = outcome.is_ok();
    picked
}

/// All members of an object in their order, each as the bytes that stand there; `None` if `text` is not one object.
pub(crate) fn members(text: &str) -> Option<Vec<(String, &RawValue)>> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = reader.deserialize_map(All).ok()?;
    reader.end().ok().map(|()| members)
}

struct All;

impl<'a> Visitor<'a> for All {
    type Value = Vec<(String, &'a RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(member) = map.next_entry()? {
            all.push(member);
        }
        Ok(all)
    }
}

/// The decoded text of a JSON string; `None` for any other kind of value.
pub(crate) fn string(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

/// Whether a value is an object.
pub(crate) fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

struct Members<'n, 'p, 'a, const N: usize> {
    names: [&'n str; N],
    picked: &'p mut Picked<'a, N>,
}

impl<'a, const N: usize> Visitor<'a> for Members<'_, '_, 'a, N> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(index) = map.next_key_seed(Name(&self.names))? {
            let Some(index) = index else {
                self.picked.has_others = true;
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            self.picked.has_repeats |= std::mem::replace(&mut self.picked.named[index], true);
            self.picked.values[index] = Some(map.next_value()?);
        }
        Ok(())
    }
}

/// A key, as its index in the list of names.
struct Name<'n>(&'n [&'n str]);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|name| *name == key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn picks_by_decoded_name_and_tells_null_from_absent() {
        let picked = pick(r#" {"\u0061": null, "z": {"a": 1}, "b": [1, 2] } "#, ["a", "b", "c"]);
        assert_eq!(picked.values.map(|value| value.map(RawValue::get)), [Some("null"), Some("[1, 2]"), None]);
        assert!(picked.has_others && !picked.has_repeats && picked.is_whole);
    }

    #[test]
    fn keeps_what_stood_before_a_fault() {
        let picked = pick(r#"{"id":7,"params":{"n":NaN}}"#, ["id", "params"]);
        assert_eq!(picked.values.map(|value| value.map(RawValue::get)), [Some("7"), None]);
        assert!(!picked.is_whole && picked.named == [true, true]);
        assert!(!pick("[1]", ["id"]).is_whole);
        assert!(!pick("{} {}", ["id"]).is_whole);
        assert!(pick(r#"{"id":1,"id":2}"#, ["id"]).has_repeats);
    }
}
