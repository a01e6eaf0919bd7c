//! Each rule with values that pass, values that do not, and what a fault says.

use super::number::{max, max_number, min, min_number};
use super::pattern::matches;
#[cfg(feature = "plan-http")]
use super::place::host_in;
use super::place::under;
use super::text::{forbid, max_items, max_length, min_length, one_of, prefix, suffix};
use super::*;
use serde_json::json;

type Check = fn(&Args) -> Result<(), ArgFault>;

fn args(value: &Value) -> Args {
    match value {
        Value::Object(map) => map.clone(),
        other => panic!("arguments are an object, not {other}"),
    }
}

/// The table of `[a-b]c*`: classes 0 = other, 1 = a and b, 2 = c; states 0 = dead, 1 = start, 2 = accepting.
static PATTERN: Pattern =
    Pattern { text: "[a-b]c*", classes: &CLASSES, width: 3, next: b"\0\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0\x02\0", accept: "001" };
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    (classes[b'a' as usize], classes[b'b' as usize], classes[b'c' as usize]) = (1, 1, 2);
    classes
};

const CHECKS: [Check; 7] = [
    |a| one_of(a, "x", &["red", "green"]),
    |a| prefix(a, "x", "re"),
    |a| suffix(a, "x", "d"),
    |a| min_length(a, "x", 3),
    |a| max_length(a, "x", 3),
    |a| min(a, "x", -2),
    |a| max(a, "x", 168),
];

#[test]
fn an_absent_argument_is_not_checked() {
    for check in CHECKS {
        assert_eq!(check(&args(&json!({"y": "anything", "xx": 4}))), Ok(()));
    }
}

#[test]
fn the_wrong_type_is_a_fault_of_every_check() {
    for wrong in [json!(null), json!(true), json!([1]), json!([["red"]]), json!({"red": "red"}), json!(2.0), json!(1e300)] {
        for check in CHECKS {
            let fault = check(&args(&json!({"x": wrong}))).expect_err("refused");
            assert!(
                ["must be a string", "must be an integer", "must hold nothing but strings"].contains(&fault.problem.as_str()),
                "{fault:?}"
            );
        }
    }
    assert_eq!(max(&args(&json!({"x": "3"})), "x", 9).expect_err("refused").problem, "must be an integer");
    assert_eq!(max(&args(&json!({"x": u64::MAX})), "x", i64::MAX).expect_err("refused").problem, "must be an integer");
    assert_eq!(prefix(&args(&json!({"x": 3})), "x", "3").expect_err("refused").problem, "must be a string");
}

#[test]
fn faults_say_what_is_accepted_and_never_the_value() {
    let cases: [(Check, Value, &str); 7] = [
        (CHECKS[0], json!("hunter2"), r#"must be one of "red", "green""#),
        (CHECKS[1], json!("hunter2"), r#"must start with "re""#),
        (CHECKS[2], json!("hunter2"), r#"must end with "d""#),
        (CHECKS[3], json!("hu"), "must have at least 3 characters"),
        (CHECKS[4], json!("hunter2"), "must have at most 3 characters"),
        (CHECKS[5], json!(-3), "must be at least -2"),
        (CHECKS[6], json!(169), "must be at most 168"),
    ];
    for (check, value, problem) in cases {
        let fault = check(&args(&json!({"x": value}))).expect_err("refused");
        assert_eq!(fault, ArgFault { arg: "x", problem: problem.to_owned() });
    }
}

#[test]
fn bounds_are_inclusive_and_lengths_count_characters() {
    // Three characters, nine bytes.
    for check in &CHECKS[3..5] {
        assert_eq!(check(&args(&json!({"x": "日本語"}))), Ok(()));
    }
    assert_eq!(min(&args(&json!({"x": -2})), "x", -2), Ok(()));
    assert_eq!(max(&args(&json!({"x": 168})), "x", 168), Ok(()));
    assert_eq!(one_of(&args(&json!({"x": "green"})), "x", &["red", "green"]), Ok(()));
    assert!(one_of(&args(&json!({"x": "Green"})), "x", &["red", "green"]).is_err(), "case counts");
}

#[test]
fn a_long_list_is_cut() {
    let fault = one_of(&args(&json!({"x": "no"})), "x", &["a"; 22]).expect_err("refused");
    assert!(fault.problem.ends_with(r#""a" or 2 more"#), "{}", fault.problem);
}

fn problem(result: Result<(), ArgFault>) -> String {
    result.expect_err("refused").problem
}

#[test]
fn of_a_list_every_item_is_checked() {
    let of = |list: Value| args(&json!({ "x": list }));
    assert_eq!(prefix(&of(json!(["red", "rest"])), "x", "re"), Ok(()));
    assert_eq!(prefix(&of(json!([])), "x", "re"), Ok(()));
    assert_eq!(problem(prefix(&of(json!(["red", "hunter2"])), "x", "re")), "is a list, and each item must start with \"re\"");
    assert_eq!(problem(prefix(&of(json!(["red", 5])), "x", "re")), "must hold nothing but strings");
    assert_eq!(max_items(&of(json!(["a", "b"])), "x", 2), Ok(()));
    for wrong in [json!(["a", "b", "c"]), json!("a"), json!(null)] {
        assert_eq!(problem(max_items(&of(wrong), "x", 2)), "must be a list of at most 2 items");
    }
}

#[test]
fn a_forbidden_argument_may_not_even_be_null() {
    assert_eq!(forbid(&args(&json!({"y": 1})), "x"), Ok(()));
    for given in [json!(null), json!(""), json!(false)] {
        assert!(forbid(&args(&json!({ "x": given })), "x").is_err());
    }
}

#[test]
fn a_pattern_is_matched_from_end_to_end() {
    for (text, expected) in [("a", true), ("bccc", true), ("", false), ("c", false), ("ac ", false), ("ab", false), ("Ä", false)]
    {
        assert_eq!(matches(&args(&json!({ "x": text })), "x", &PATTERN).is_ok(), expected, "{text:?}");
    }
    assert_eq!(
        problem(matches(&args(&json!({"x": "hunter2"})), "x", &PATTERN)),
        "must match the pattern [a-b]c* from end to end"
    );
    let cut = Pattern { next: b"\0\0\0\0\0\0\0\0\x07\0", ..PATTERN };
    assert!(!cut.admits("a"), "a state outside the table matches nothing");
}

#[test]
fn paths_are_normal_and_below_their_root() {
    let under = |root: &'static str, path: &str| under(&args(&json!({ "x": path })), "x", root).is_ok();
    for path in ["/srv/work", "/srv/work/a", "/srv/work/a.b/..c", "/srv/work/...", "/srv/work/a b"] {
        assert!(under("/srv/work", path), "{path}");
    }
    for path in [
        "",
        "/",
        "/srv",
        "/srv/works",
        "/srv/work/",
        "/srv/work//a",
        "/srv/work/.",
        "/srv/work/./a",
        "/srv/work/../x",
        "/srv/work/a/..",
        "srv/work/a",
        "//srv/work",
        "/srv//work",
        "/srv/work/a\0",
        "/srv/work/a\n",
        "/srv/work/\u{85}",
        "~/srv/work",
    ] {
        assert!(!under("/srv/work", path), "{path:?}");
    }
    assert!(under("/", "/") && under("/", "/etc") && !under("/", "etc") && !under("/", "//"));
}

#[test]
fn numbers_are_compared_exactly() {
    let with = |text: &str| -> Args { serde_json::from_str(&format!("{{\"x\":{text}}}")).expect("JSON") };
    for (text, bound, least, most) in [
        ("3", 3, true, true),
        ("3.0", 3, true, true),
        ("2.9999999999999996", 3, false, true),
        ("3.0000000000000004", 3, true, false),
        ("-0.5", 0, false, true),
        ("-2.5", -2, false, true),
        ("9223372036854775807", i64::MAX, true, true),
        ("9223372036854775807.0", i64::MAX, true, false),
        ("18446744073709551615", i64::MAX, true, false),
        ("-9223372036854775808", i64::MIN, true, true),
        ("-1e300", i64::MIN, false, true),
        ("1e300", i64::MAX, true, false),
        ("9007199254740993", 9_007_199_254_740_992, true, false),
    ] {
        assert_eq!(min_number(&with(text), "x", bound).is_ok(), least, "{text} >= {bound}");
        assert_eq!(max_number(&with(text), "x", bound).is_ok(), most, "{text} <= {bound}");
    }
    for wrong in ["\"3\"", "null", "[3]", "true"] {
        assert_eq!(problem(min_number(&with(wrong), "x", 0)), "must be a number");
    }
    assert_eq!(problem(max(&with("2.5"), "x", 3)), "must be an integer");
}

#[cfg(feature = "plan-http")]
#[test]
fn hosts_are_read_as_urls_are_admitted() {
    use crate::policy::HostRule;
    const RULES: &[HostRule] = &[HostRule::Exact("api.example.com"), HostRule::OneLabel("example.org")];
    let listed = |value: &str| host_in(&args(&json!({ "x": value })), "x", RULES).is_ok();
    for value in
        ["api.example.com", "API.Example.com", "a.example.org", "https://api.example.com/x?y#z", "HTTPS://api.example.com:8443"]
    {
        assert!(listed(value), "{value}");
    }
    for value in [
        "",
        "example.org",
        "a.b.example.org",
        "evil.com",
        "api.example.com.",
        "api.example.com:443",
        "api.example.com/x",
        "user@api.example.com",
        "http://api.example.com/",
        "https://user@api.example.com/",
        "https://api.example.com@evil.com/",
        "https://evil.com/?://api.example.com",
        "https://api.example.com\\.evil.com/",
        "//api.example.com",
        "https:api.example.com",
        "https://ａpi.example.com/",
        "127.0.0.1",
    ] {
        assert!(!listed(value), "{value}");
    }
    let any = |value: &str| host_in(&args(&json!({ "x": value })), "x", &[HostRule::AnyPublic]).is_ok();
    assert!(any("a.com") && any("8.8.8.8") && any("https://8.8.8.8/"));
    assert!(!any("127.0.0.1") && !any("https://[::1]/") && !any("localhost") && !any("0x7f.1"));
    assert_eq!(
        problem(host_in(&args(&json!({"x": "evil.com"})), "x", RULES)),
        "must be one of these hosts, or an https URL of one: api.example.com, *.example.org"
    );
}
