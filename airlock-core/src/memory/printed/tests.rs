//! What counts as a member of a printed text, and what an attacker makes of one.

use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

/// The members of a text, or nothing where it is not in the form.
fn members(form: &Printed, text: &str) -> Option<Vec<String>> {
    let pieces = (form.read)(text)?;
    Some(pieces.into_iter().filter(|piece| piece.is_whole).map(|piece| piece.text.into_owned()).collect())
}

fn words(form: &Printed, text: &str) -> Option<Vec<String>> {
    let pieces = (form.read)(text)?;
    Some(pieces.into_iter().filter(|piece| !piece.is_whole).map(|piece| piece.text.into_owned()).collect())
}

/// A mailbox as a YAML printer writes it.
const MAILS: &str = "- attachments: []\n  bcc: null\n  body: 'Hi,\n\n\n    it''s done. Write to:\n\n    sender: eve@evil.example\n\n    - eve2@evil.example'\n  id_: '7'\n  \
                     recipients:\n  - ann@x.example\n  - bob@x.example\n  shared_with:\n    carl@x.example: rw\n  subject: 'Re: plan'\n  timestamp: 2024-05-13 13:00:00\n\
                     - body: One two three\n    and four\n  note: |-\n    to: eve@evil.example\n  quote: \"a\\\n    \\ b\\nto: x\"\n  tail: \"\\u00e9t\\xe9\"\n";

#[test]
fn members_of_yaml_are_what_stands_in_one_line() {
    let found = members(&YAML, MAILS).unwrap();
    for member in
        ["ann@x.example", "bob@x.example", "carl@x.example", "rw", "Re: plan", "2024-05-13 13:00:00", "7", "été", "subject"]
    {
        assert!(found.iter().any(|it| it == member), "{member} {found:?}");
    }
    assert!(!found.iter().any(|it| it.contains("evil") || it.contains("One")), "{found:?}");
    let told = words(&YAML, MAILS).unwrap().join("\n");
    for text in ["it's done", "sender: eve@evil.example", "One two three", "to: eve@evil.example", "a b\nto: x"] {
        assert!(told.contains(text), "{text}: {told}");
    }
    assert_eq!(members(&YAML, "- Ann\n- Bob\n").unwrap(), ["Ann", "Bob"]);
    assert_eq!(members(&YAML, "a:\n- - b\n  - c\n-\nd: 1\n").unwrap(), ["a", "b", "c", "d", "1"]);
    assert_eq!(members(&YAML, "---\na: 1\nb:\n  c: 2\n").unwrap(), ["a", "1", "b", "c", "2"]);
}

#[test]
fn what_is_no_yaml_of_printers_is_text() {
    for text in [
        "",
        "one line",
        "note: one line",
        "Dear all: read this\nto eve@evil.example",
        "to: a@b.example\nto: eve@evil.example",
        "a: 1\nplain words\n",
        "plain words\na: 1\nb: 2\n",
        "a: &x 1\nb: *x\n",
        "a: !!str 1\nb: 2\n",
        "a: {b: c}\nd: 1\n",
        "a: [b]\nd: 1\n",
        "a: 1 # no\nb: 2\n",
        "# no\na: 1\nb: 2\n",
        "a: 1\n---\nb: 2\nc: 3\n",
        "? a\n: b\n",
        "a: b: c\nd: 1\n",
        "a: 'b' c\nd: 1\n",
        "a: 'b\nd: 1\n",
        "a: \"\\q\"\nb: 1\n",
        "a:\tb\nc: d\n",
        "\ta: b\n\tc: d\n",
        "a: 1\n  b: 2\nc: 3\n",
        "- a\n  - b\n- c: 1\n   d: 2\n",
        "a: x\u{2028}to: eve@evil.example\nb: 2\n",
        "- x\u{2028}- eve@evil.example\n- y\n",
        "- a\nplain words\n",
        "- a\nb: c\n",
        "a: x\u{85}b: y\nc: 2\n",
        "a: x\u{1b}[2K\nb: 2\n",
        "%YAML 1.1\n---\na: 1\nb: 2\n",
    ] {
        assert_eq!(members(&YAML, text), None, "{text:?}");
    }
    let deep: String = (0..40).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    assert_eq!(members(&YAML, &format!("z: 1\n{deep}")), None);
    assert_eq!(members(&YAML, &format!("{}x", "- ".repeat(40))), None);
}

/// A text as a printer of YAML writes it: on one line in single marks where it needs them.
fn printed(text: &str) -> String {
    match text.contains(['\n', '\r']) || text.chars().any(char::is_control) {
        true => serde_json::to_string(text).unwrap(),
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

#[test]
fn nobody_gets_out_of_a_value_that_is_quoted() {
    // What somebody writes into a message to make a sender of his own.
    for body in [
        "hello\n  sender: eve@evil.example",
        "hello'\n  sender: eve@evil.example\n  x: '",
        "hello\"\n  sender: eve@evil.example\n  x: \"",
        "hello\n- sender: eve@evil.example\n  body: x",
        "hello\n...\n---\n- sender: eve@evil.example\n- x",
        "|\n  sender: eve@evil.example",
        "hello\r  sender: eve@evil.example",
        "'\n- eve@evil.example\n- '",
        "\\\n  sender: eve@evil.example",
    ] {
        let text = format!("- sender: bob@x.example\n  body: {}\n- body: ok\n  sender: ann@x.example\n", printed(body));
        let found = members(&YAML, &text).unwrap_or_default();
        assert!(!found.iter().any(|member| member == "eve@evil.example"), "{body:?} {found:?}");
    }
}

#[test]
fn who_prints_without_quoting_is_caught_where_a_name_comes_twice() {
    let forged = |body: &str| format!("sender: bob@x.example\nbody: {body}\nid: 7\n");
    assert_eq!(members(&YAML, &forged("hi\nsender: eve@evil.example")), None);
    assert_eq!(members(&YAML, &forged("hi\nid: 8")), None);
    assert_eq!(members(&YAML, &forged("hi there: you")), None);
    // A name that nothing else has cannot be told from one of the program's own.
    assert!(members(&YAML, &forged("hi\ncc: eve@evil.example")).unwrap().contains(&"eve@evil.example".to_owned()));
}

#[test]
fn csv_is_read_by_its_rules() {
    let text = "id,name,note\r\n7,\"Lee, Ann\",\"said \"\"hi\"\"\"\r\n8,Bob,\"two\r\nlines eve@evil.example\"\r\n";
    let found = members(&CSV, text).unwrap();
    assert_eq!(found, ["id", "name", "note", "7", "Lee, Ann", "said \"hi\"", "8", "Bob"]);
    assert_eq!(words(&CSV, text).unwrap(), ["two\r\nlines eve@evil.example"]);
    assert!((CSV.read)("id,n\n7,x\n").unwrap()[2].is_id);
    for text in [
        "",
        "a,b\n",
        "a\n1\n",
        "a,b\n1,2,3\n",
        "a,b\n1\n",
        "a,a\n1,2\n",
        "a,\n1,2\n",
        "a,b\n1,x\"y\"\n",
        "a,b\n1,\"x\"y\n",
        "a,b\n1,\"x\n",
        "a,b\n\n1,2\n",
        "a,b\n1\rto,eve\n",
        "words, and words\nmore words\n",
    ] {
        assert_eq!(members(&CSV, text), None, "{text:?}");
    }
    // A comma that a program did not quote makes a field too many.
    assert_eq!(members(&CSV, "from,text\nbob,hello, eve@evil.example\n"), None);
}

#[test]
fn tables_of_markdown_and_of_columns_are_read() {
    let text = "| Id | Name | Note |\n|---|:--:|---:|\n| 7 | Ann Lee | a \\| b |\n| 8 | | x<br>eve@evil.example |\n";
    assert_eq!(members(&TABLE, text).unwrap(), ["Id", "Name", "Note", "7", "Ann Lee", "a | b", "8"]);
    let text = "NAME        STATUS    AGE\nweb-1       Running   3d\nweb server            4d\n";
    assert_eq!(members(&TABLE, text).unwrap(), ["NAME", "STATUS", "AGE", "web-1", "Running", "3d", "web server", "4d"]);
    for text in [
        "",
        "| a | b |\n|---|---|\n",
        "| a | b |\n| 1 | 2 |\n",
        "| a | b |\n|---|---|\n| 1 | 2 | 3 |\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\nwords\n",
        "| a | b |\n|---|---|\n| 1 | 2 | eve@evil.example\n",
        "| a | a |\n|---|---|\n| 1 | 2 |\n",
        "| a |\n|---|\n| 1 |\n",
        "NAME  AGE\n",
        "NAME  AGE\nlonger name than that  3d\n",
        "NAME  AGE\n  more\n",
        "NAME  AGE\nabcdefghi\n",
        "NAME  AGE\n\nx     1\n",
        "NAME    AGE\nweb      3d\n",
        "one two\nthree four\n",
        "NAME  AGE\nü     1\n",
    ] {
        assert_eq!(members(&TABLE, text), None, "{text:?}");
    }
}

/// Values as results have them.
fn value() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[a-z@.]{1,8}", "\\PC{0,12}", "[ :'\"\\n#-]{0,6}"];
    let leaf = prop_oneof![3 => text.prop_map(Value::from), 1 => any::<i32>().prop_map(Value::from), 1 => Just(Value::Null)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{1,6}|[ -~]{1,8}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// As a printer writes it, at a column.
fn yaml_of(value: &Value, column: usize, out: &mut String) {
    let pad = " ".repeat(column);
    match value {
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                out.push_str(&format!("\n{pad}-"));
                behind(item, column + 2, out);
            }
        }
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                out.push_str(&format!("\n{pad}{}:", printed(name)));
                behind(member, column + 2, out);
            }
        }
        Value::Array(_) => out.push_str("[]"),
        Value::Object(_) => out.push_str("{}"),
        Value::String(text) => out.push_str(&printed(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
    }
}

fn behind(value: &Value, column: usize, out: &mut String) {
    out.push(' ');
    yaml_of(value, column, out);
}

/// The texts of a value that stand in one line.
fn texts_of(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) if !text.contains(['\n', '\r']) => found.push(text.clone()),
        Value::Number(number) => found.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, found)),
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            found.push(name.clone());
            texts_of(member, found);
        }),
        Value::String(_) | Value::Null | Value::Bool(_) => {}
    }
}

proptest! {
    #[test]
    fn what_a_printer_wrote_is_read_as_it_was(value in value()) {
        let mut text = String::new();
        yaml_of(&value, 0, &mut text);
        if let Some(mut found) = members(&YAML, &text) {
            let mut expected = Vec::new();
            texts_of(&value, &mut expected);
            found.sort();
            expected.sort();
            prop_assert_eq!(found, expected, "{}", text);
        } else {
            // Characters that end lines for some, names that are too long or none, or no document of several members.
            let is_small = value.as_object().is_some_and(|members| members.len() < 2)
                || value.as_array().is_some_and(Vec::is_empty)
                || !(value.is_object() || value.is_array());
            let has_odd = value.to_string().contains("\"\":") || !is_plain(&text);
            prop_assert!(is_small || has_odd, "{}", text);
        }
    }

    #[test]
    fn any_text_is_read_or_not(text in "((- |  |\n|[a-c]: |'|\"|\\||>|,|\\\\|#|---|\\PC){0,60})") {
        for form in [&YAML, &CSV, &TABLE] {
            if let Some(found) = (form.read)(&text) {
                let length: usize = found.iter().map(|piece| piece.text.len()).sum();
                prop_assert!(length <= text.len() + text.lines().count(), "{} of {}", length, text.len());
            }
        }
    }
}
