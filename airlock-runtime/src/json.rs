//! JSON values written as they look. As `serde_json::json!`, whose code for each member stands at every use: here it is one call, which
//! is a twentieth of the code of a small gateway.

use serde::Serialize;
use serde_json::{Map, Value};

/// A JSON value: `json!({"a": 1, "b": [x, null], "c": {}})`. What stands for a value is anything that can be serialised, by reference.
macro_rules! json {
    (null) => { ::serde_json::Value::Null };
    ([$($items:tt)*]) => { ::serde_json::Value::Array($crate::json::items!([] $($items)*)) };
    ({$($members:tt)*}) => {{
        #[allow(unused_mut, reason = "an object may be empty")]
        let mut object = ::serde_json::Map::new();
        $crate::json::members!(object $($members)*);
        ::serde_json::Value::Object(object)
    }};
    ($value:expr) => { $crate::json::value(&$value) };
}

/// Members into an object, one after the other.
macro_rules! members {
    ($object:ident) => {};
    ($object:ident $name:tt : null $(, $($rest:tt)*)?) => {
        $crate::json::put(&mut $object, $name.as_ref(), ::serde_json::Value::Null);
        $crate::json::members!($object $($($rest)*)?);
    };
    ($object:ident $name:tt : [$($items:tt)*] $(, $($rest:tt)*)?) => {
        $crate::json::put(&mut $object, $name.as_ref(), $crate::json::json!([$($items)*]));
        $crate::json::members!($object $($($rest)*)?);
    };
    ($object:ident $name:tt : {$($members:tt)*} $(, $($rest:tt)*)?) => {
        $crate::json::put(&mut $object, $name.as_ref(), $crate::json::json!({$($members)*}));
        $crate::json::members!($object $($($rest)*)?);
    };
    ($object:ident $name:tt : $value:expr $(, $($rest:tt)*)?) => {
        $crate::json::put(&mut $object, $name.as_ref(), $crate::json::value(&$value));
        $crate::json::members!($object $($($rest)*)?);
    };
}

/// The items of a list: those that are done, and the rest.
macro_rules! items {
    ([$($done:expr,)*]) => { ::std::vec![$($done),*] };
    ([$($done:expr,)*] null $(, $($rest:tt)*)?) => { $crate::json::items!([$($done,)* ::serde_json::Value::Null,] $($($rest)*)?) };
    ([$($done:expr,)*] [$($items:tt)*] $(, $($rest:tt)*)?) => {
        $crate::json::items!([$($done,)* $crate::json::json!([$($items)*]),] $($($rest)*)?)
    };
    ([$($done:expr,)*] {$($members:tt)*} $(, $($rest:tt)*)?) => {
        $crate::json::items!([$($done,)* $crate::json::json!({$($members)*}),] $($($rest)*)?)
    };
    ([$($done:expr,)*] $value:expr $(, $($rest:tt)*)?) => {
        $crate::json::items!([$($done,)* $crate::json::value(&$value),] $($($rest)*)?)
    };
}

pub(crate) use {items, json, members};

/// One member; of two with one name the last stays.
#[inline(never)]
pub(crate) fn put(object: &mut Map<String, Value>, name: &str, value: Value) {
    object.insert(name.to_owned(), value);
}

/// Anything as JSON. Only a map whose keys are no texts and a `Serialize` that fails by itself cannot be, and no value of ours is either.
#[inline(never)]
pub(crate) fn value<T: Serialize + ?Sized>(of: &T) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_what_serde_json_writes() {
        let (name, list, none) = ("n", [1, 2], None::<u8>);
        let ours = json!({"a": null, "b": [1, null, [true], {"c": {}}, "x".len()], name: list, "list": name.repeat(2), "d": {"e": -1.5,},
                          "f": none, "g": if name.is_empty() { "yes" } else { "no" }, "a": "last",});
        let theirs = serde_json::json!({"a": null, "b": [1, null, [true], {"c": {}}, "x".len()], name: list, "list": name.repeat(2), "d": {"e": -1.5,},
                          "f": none, "g": if name.is_empty() { "yes" } else { "no" }, "a": "last",});
        assert_eq!(ours, theirs);
        assert_eq!(ours.to_string(), theirs.to_string(), "in one order");
        assert_eq!(
            [json!(null), json!([]), json!({}), json!("t"), json!([1,])],
            [
                serde_json::json!(null),
                serde_json::json!([]),
                serde_json::json!({}),
                serde_json::json!("t"),
                serde_json::json!([1,])
            ]
        );
    }
}
