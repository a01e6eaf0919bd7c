//! Requests from arguments, above all from arguments that want to leave their place.

use super::*;
use crate::egress::url::{UrlRules, admit};
use crate::policy::{Auth, AuthScheme, Egress, HostRule, Input, InputKind, Response, Select};
use proptest::prelude::*;

const TEXT: InputKind = InputKind::String { most: 300 };

const fn input(name: &'static str, kind: InputKind, required: bool) -> Input {
    Input { name, kind, required }
}

const fn pair(name: &'static str, input: &'static str) -> Pair {
    Pair { name, value: Slot::Input(input) }
}

static TICKET: Rest = Rest {
    title: "",
    description: "test",
    input: &[
        input("count", InputKind::Integer, false),
        input("draft", InputKind::Boolean, false),
        input("id", TEXT, true),
        input("score", InputKind::Number, false),
        input("tags", InputKind::Array { items: 3, most: 5 }, false),
        input("text", TEXT, false),
    ],
    schema: "{}",
    method: Method::Post,
    host: "tickets.example.com",
    port: 8443,
    path: &[Piece::Literal("/v1/"), Piece::Input("id"), Piece::Literal("/x%20y/n-"), Piece::Input("id")],
    query: &[pair("tag", "tags"), pair("t ext", "text"), Pair { name: "f", value: Slot::Text("a b") }, pair("score", "score")],
    headers: &[Pair { name: "x-api", value: Slot::Text("2") }, pair("x-text", "text")],
    body: &[
        pair("count", "count"),
        Pair { name: "deep", value: Slot::Boolean(false) },
        pair("draft", "draft"),
        Pair { name: "kind", value: Slot::Text("ta\"sk") },
        Pair { name: "n", value: Slot::Integer(-7) },
        pair("score", "score"),
        pair("tags", "tags"),
        pair("te\"xt", "text"),
    ],
    auth: Some(Auth { scheme: AuthScheme::Bearer, env: "TOKEN" }),
    response: Response { select: Select::Whole, max_bytes: 1024 },
};

fn args(value: Value) -> Args {
    value.as_object().cloned().unwrap()
}

fn planned(value: Value) -> Result<Plan, (&'static str, String)> {
    plan(&TICKET, true, &args(value)).map_err(|fault| (fault.arg, fault.problem))
}

fn path(id: &str) -> Result<String, String> {
    planned(json!({ "id": id })).map(|plan| plan.path_and_query().to_owned()).map_err(|(arg, problem)| {
        assert_eq!(arg, "id");
        problem
    })
}

#[test]
fn every_input_stands_in_its_place() {
    let all = json!({"id": "A-1", "tags": ["x y", "z"], "text": "hi & more", "count": 9_007_199_254_740_993_i64, "draft": true, "score": 1.50});
    let plan = planned(all).unwrap();
    assert_eq!(
        plan.url(),
        "https://tickets.example.com:8443/v1/A-1/x%20y/n-A-1?tag=x%20y&tag=z&t%20ext=hi%20%26%20more&f=a%20b&score=1.5"
    );
    assert_eq!(plan.headers(), [("x-api", "2".to_owned()), ("x-text", "hi & more".to_owned())]);
    assert_eq!(
        plan.body().unwrap(),
        r#"{"count":9007199254740993,"deep":false,"draft":true,"kind":"ta\"sk","n":-7,"score":1.5,"tags":["x y","z"],"te\"xt":"hi & more"}"#
    );
}

#[test]
fn what_is_not_given_is_left_out() {
    let plan = planned(json!({"id": "7"})).unwrap();
    assert_eq!(plan.path_and_query(), "/v1/7/x%20y/n-7?f=a%20b");
    assert_eq!(plan.headers(), [("x-api", "2".to_owned())]);
    assert_eq!(plan.body().unwrap(), r#"{"deep":false,"kind":"ta\"sk","n":-7}"#);
    assert_eq!(planned(json!({"id": "7", "tags": []})).unwrap().path_and_query(), "/v1/7/x%20y/n-7?f=a%20b");
}

#[test]
fn arguments_have_the_types_of_the_inputs() {
    for (args, arg) in [
        (json!({}), "id"),
        (json!({"id": 7}), "id"),
        (json!({"id": null}), "id"),
        (json!({"id": "x".repeat(301)}), "id"),
        (json!({"id": "7", "text": null}), "text"),
        (json!({"id": "7", "count": 1.0}), "count"),
        (json!({"id": "7", "count": "1"}), "count"),
        (json!({"id": "7", "count": u64::MAX}), "count"),
        (json!({"id": "7", "draft": "true"}), "draft"),
        (json!({"id": "7", "draft": 1}), "draft"),
        (json!({"id": "7", "score": "1"}), "score"),
        (json!({"id": "7", "tags": "x"}), "tags"),
        (json!({"id": "7", "tags": ["x", 1]}), "tags"),
        (json!({"id": "7", "tags": [["x"]]}), "tags"),
        (json!({"id": "7", "tags": ["a", "b", "c", "d"]}), "tags"),
        (json!({"id": "7", "tags": ["abcdef"]}), "tags"),
        (json!({"id": "7", "host": "evil.com"}), "arguments"),
        (json!({"id": "7", "ID": "8"}), "arguments"),
    ] {
        assert_eq!(planned(args.clone()).map(|_| ()).map_err(|(arg, _)| arg), Err(arg), "{args}");
    }
}

#[test]
fn without_strictness_other_arguments_are_never_sent() {
    let more = args(json!({"id": "7", "host": "evil.com", "authorization": "x"}));
    let plan = plan(&TICKET, false, &more).unwrap();
    assert_eq!(planned(json!({"id": "7"})).unwrap().url(), plan.url());
    assert!(!format!("{plan:?}").contains("evil"));
}

#[test]
fn a_value_cannot_leave_its_segment() {
    assert_eq!(path("a/b?c#d").as_deref(), Ok("/v1/a%2Fb%3Fc%23d/x%20y/n-a%2Fb%3Fc%23d?f=a%20b"));
    assert_eq!(
        path("ü@:;&=+$, %").as_deref(),
        Ok("/v1/%C3%BC%40%3A%3B%26%3D%2B%24%2C%20%25/x%20y/n-%C3%BC%40%3A%3B%26%3D%2B%24%2C%20%25?f=a%20b")
    );
    assert!(path("...").is_ok() && path(".a").is_ok() && path("a..b").is_ok());
    for none in ["", ".", ".."] {
        assert!(path(none).unwrap_err().contains("segment"), "{none:?}");
    }
    // Ways up for a server that decodes `%2F` or decodes twice.
    for up in ["../x", "x/..", "a/../b", "..\\x", "a\\..", "./x", "%2e%2e/x", "..%2fx", "x%2F%2E%2E", "..%5Cx", "/..", "../"] {
        assert!(path(up).is_err(), "{up:?}");
    }
    // The same where the value is a segment by itself, behind one escape more, and for a server that cuts at `;`.
    for up in ["%2e%2e", "%2E", ".%2e", "%252e%252e", "%252e%252e%252fx", "%2e%2e%5cx", "%%32e", "..;a", "..;a/x", "%2e%2e%3ba"] {
        assert!(path(up).unwrap_err().contains("segment"), "{up:?}");
    }
    for fine in ["%2e%2ea", "100%", "%", "%2", "%zz", "a%2eb", "a%2Fb", "..a/b", ";", "%2e%2e%2e"] {
        assert!(path(fine).is_ok(), "{fine:?}");
    }
    for control in ["a\0b", "a\nb", "a\r\nHost: evil.com", "a\u{7f}", "a\u{85}b"] {
        assert!(path(control).unwrap_err().contains("control"), "{control:?}");
    }
}

/// A literal may end in what an input completes.
#[test]
fn two_pieces_make_no_way_up_together() {
    static PIECES: Rest = Rest {
        input: &[input("id", TEXT, true)],
        path: &[Piece::Literal("/a/%2E"), Piece::Input("id"), Piece::Literal("/b")],
        ..TICKET_WITHOUT
    };
    static REPOSITORY: Rest = Rest {
        input: &[input("name", TEXT, true), input("owner", TEXT, true)],
        path: &[Piece::Literal("/repos/"), Piece::Input("owner"), Piece::Literal("."), Piece::Input("name")],
        ..TICKET_WITHOUT
    };
    const TICKET_WITHOUT: Rest = Rest {
        title: "",
        description: "",
        input: &[],
        schema: "{}",
        method: Method::Get,
        host: "tickets.example.com",
        port: 443,
        path: &[],
        query: &[],
        headers: &[],
        body: &[],
        auth: None,
        response: Response { select: Select::Whole, max_bytes: 1024 },
    };
    let of = |id: &str| plan(&PIECES, true, &args(json!({ "id": id })));
    assert_eq!(of("x").unwrap().path_and_query(), "/a/%2Ex/b");
    for up in [".", "", "%2e", "/x", "./x", "%2fx", ";x"] {
        assert!(of(up).is_err(), "{up:?}");
    }
    let of = |owner: &str, name: &str| plan(&REPOSITORY, true, &args(json!({ "owner": owner, "name": name })));
    assert_eq!(of("me", "v1").unwrap().path_and_query(), "/repos/me.v1");
    for (owner, name) in
        [(".", "/admin"), ("", "/x"), ("a/", "/x"), ("a/.", ""), ("a\\.", "\\x"), ("%2e", "%2fadmin"), ("a%2f", "%2e")]
    {
        assert_eq!(of(owner, name).map(|_| ()).map_err(|fault| fault.arg), Err("name"), "{owner:?} {name:?}");
    }
}

#[test]
fn a_value_cannot_leave_its_header() {
    let header = |text: &str| planned(json!({"id": "7", "text": text})).map(|_| ()).map_err(|(arg, _)| arg);
    assert_eq!(header("plain text, (visible)"), Ok(()));
    for bad in ["a\r\nx: y", "a\nb", "a\rb", "a\0", "ü", "a\tb", " a", "a ", "\u{7f}"] {
        assert_eq!(header(bad), Err("text"), "{bad:?}");
    }
}

#[test]
fn calls_of_one_digest_make_one_request() {
    let read = |number: &str| -> Args { serde_json::from_str(&format!(r#"{{"id":"7","score":{number}}}"#)).unwrap() };
    for (one, other) in [("1", "1.0"), ("0", "-0"), ("100", "1e2"), ("0.5", "5e-1")] {
        let (one, other) = (read(one), read(other));
        let digest = |args| crate::lease::request_digest("gw", "s", "t", args).unwrap();
        assert_eq!(digest(&one), digest(&other));
        let (one, other) = (plan(&TICKET, true, &one).unwrap(), plan(&TICKET, true, &other).unwrap());
        assert_eq!((one.url(), one.body()), (other.url(), other.body()));
    }
}

#[test]
fn hints_follow_effect_and_method() {
    let hints = |effect| definition(&TICKET, effect).annotations;
    let Annotations { read_only, destructive, idempotent, open_world } = hints(EffectClass::Send);
    assert_eq!((read_only, destructive, idempotent, open_world), (false, true, false, true));
    assert!(hints(EffectClass::Read).read_only && !hints(EffectClass::Read).destructive);
}

proptest! {
    /// Whatever the caller sends: the parser by which the request is made finds the planned host, path and query, segment by segment
    /// and parameter by parameter.
    #[test]
    fn no_value_changes_the_shape_of_a_request(id in any::<String>(), text in any::<String>(), tags in prop::collection::vec(".{0,5}", 0..3)) {
        let given = args(json!({"id": id, "tags": tags}));
        let Ok(plan) = plan(&TICKET, true, &given) else { return Ok(()) };
        let egress = [Egress { host: HostRule::Exact("tickets.example.com"), ports: &[8443], stand_in: None }];
        let Ok(target) = admit(&plan.url(), &UrlRules::https(&egress)) else { return Ok(()) };
        prop_assert_eq!(target.path_and_query(), plan.path_and_query());
        let segments: Vec<&str> = target.url().path_segments().unwrap().collect();
        prop_assert_eq!(segments.len(), 4);
        prop_assert_eq!((segments[0], segments[2]), ("v1", "x%20y"));
        let pairs: Vec<(String, String)> = target.url().query_pairs().map(|(n, v)| (n.into_owned(), v.into_owned())).collect();
        let expected: Vec<(String, String)> = tags.iter().map(|tag| ("tag".into(), tag.clone())).chain([("f".into(), "a b".into())]).collect();
        prop_assert_eq!(pairs, expected);
        let with_text = args(json!({"id": "7", "text": text}));
        if let Ok(plan) = super::plan(&TICKET, true, &with_text) {
            let body: Value = serde_json::from_str(plan.body().unwrap()).unwrap();
            prop_assert_eq!(&body["te\"xt"], &json!(text));
        }
    }
}
