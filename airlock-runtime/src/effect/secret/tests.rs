//! Credentials: where they come from, what is refused, and that no answer gives them away.

use super::*;
use crate::credential::SECRET_MAX;
use crate::policy::evidence::Evidence;
use crate::policy::{Durability, LeaseRules, LedgerRules, Method, Response, Select, Tool, ToolIndex, sample};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

const fn rest(scheme: AuthScheme) -> Rest {
    Rest {
        title: "",
        description: "",
        input: &[],
        schema: "{}",
        method: Method::Get,
        host: "a.example.com",
        port: 443,
        path: &[],
        query: &[],
        headers: &[],
        body: &[],
        auth: Some(Auth { scheme, env: "TOKEN" }),
        response: Response { select: Select::Whole, max_bytes: 1024 },
    }
}

static BEARER: Rest = rest(AuthScheme::Bearer);

static POLICY: Policy =
    Policy { tools: &[Tool { name: "ticket", kind: ToolKind::Rest(&BEARER), ..sample::TOOL }], ..POLICY_WITHOUT };

const POLICY_WITHOUT: Policy = Policy {
    gateway: "gw",
    instructions: "",
    mode: crate::policy::Mode::Enforce,
    digest: [0; 32],
    compiled_by: "test",
    keys: &[],
    lease: LeaseRules { default_ttl: 300, max_ttl: 600, carrier_meta: true, carrier_arguments: true, carrier_ambient: false },
    ledger: LedgerRules { dir_env: None, dir_default: "ledger", durability: Durability::Process, evidence: Evidence::HASHES },
    limits: sample::LIMITS,
    approvers: &[],
    tools: &[],
    tool_index: ToolIndex(&|_| None),
    upstreams: &[],
    flows: &[],
    sandbox: sample::SANDBOX,
    grants: &[],
};

/// What a start with these variables says, or nothing.
fn fault(variables: &[(&str, &str)]) -> Option<String> {
    let read = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
    Secrets::read(&POLICY, read).err()
}

fn secret(text: &str, scheme: AuthScheme) -> Secret {
    Secret::new(Zeroizing::new(text.to_owned()), scheme).unwrap()
}

#[test]
fn variables_hold_one_visible_word() {
    assert_eq!(fault(&[("TOKEN", "hunter2")]), None);
    for (variables, said) in [
        (&[][..], "TOKEN is not set, and neither is TOKEN_FILE"),
        (&[("TOKEN", "")], "TOKEN is empty"),
        (&[("TOKEN", "hunter2"), ("TOKEN_FILE", "/x")], "TOKEN and TOKEN_FILE are both set"),
        (&[("TOKEN", "hunter2\n")], "TOKEN is not visible ASCII"),
        (&[("TOKEN", "hunter 2")], "TOKEN is not visible ASCII"),
        (&[("TOKEN", "hünter2")], "TOKEN is not visible ASCII"),
        (&[("TOKEN", "x".repeat(SECRET_MAX + 1).leak())], "TOKEN is longer than 8 KiB"),
        (&[("TOKEN_FILE", "/nowhere/at/all")], "the file of TOKEN_FILE cannot be opened"),
        (&[("TOKEN_FILE", "/")], "the file of TOKEN_FILE"),
        (&[("TOKEN_FILE", "/dev/null")], "the file of TOKEN_FILE is no regular file"),
    ] {
        let fault = fault(variables).expect("refused");
        assert!(fault.starts_with("the credential of ticket: ") && fault.contains(said), "{fault}");
        assert!(!fault.contains("nter2"), "{fault}");
    }
    assert!(Secret::new(Zeroizing::new("no-colon".to_owned()), AuthScheme::Basic).is_err());
}

#[test]
fn files_are_private_and_end_in_one_line_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    let with = |bytes: &[u8], mode| {
        std::fs::write(&path, bytes).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        fault(&[("TOKEN_FILE", path.to_str().unwrap())])
    };
    for good in [&b"hunter2"[..], b"hunter2\n", b"hunter2\r\n", &[b'x'; SECRET_MAX]] {
        assert_eq!(with(good, 0o600), None);
    }
    assert_eq!(with(b"hunter2\n", 0o400), None);
    for mode in [0o640, 0o604, 0o660, 0o602] {
        assert!(with(b"hunter2", mode).unwrap().contains("may be read by others"), "{mode:o}");
    }
    for bad in [&b""[..], b"\n", b"hunter2\n\n", b"\nhunter2", b"hunter2 \n", b"\xff", &[b'x'; SECRET_MAX + 1]] {
        let fault = with(bad, 0o600).expect("refused");
        assert!(!fault.contains("hunter2"), "{fault}");
    }
}

#[test]
fn each_scheme_has_its_header() {
    for (scheme, text, name, value) in [
        (AuthScheme::Bearer, "hunter2", "authorization", "Bearer hunter2"),
        (AuthScheme::Basic, "me:hunter2", "authorization", "Basic bWU6aHVudGVyMg=="),
        (AuthScheme::Header("x-api-key"), "hunter2", "x-api-key", "hunter2"),
    ] {
        let (found, sent) = secret(text, scheme).header(scheme).unwrap();
        assert_eq!((found.as_str(), sent.to_str().unwrap(), sent.is_sensitive()), (name, value, true));
    }
}

#[test]
fn it_is_found_in_every_form_and_shown_in_none() {
    let word = secret("hun+ter/2=", AuthScheme::Bearer);
    assert_eq!(format!("{word:?} {:?}", Secrets::default()), "Secret Secrets({})");
    let percent =
        ["hun%2Bter%2F2%3D", "hun%2bter%2f2%3d", "hun%2bter%2F2%3d", "hun+ter%2f2=", "%68un%2Bter/2%3D", "100% hun%2bter%2f2%3d"];
    let base64 = ["aHVuK3Rlci8yPQ==", "aHVuK3Rlci8yPQ", "aHVuK3Rlci8yPQ%3D%3D", "{aHVuK3Rlci8yPQ}"];
    for leak in ["hun+ter/2=", "Bearer hun+ter/2=,"].into_iter().chain(percent).chain(base64) {
        assert!(word.stands_in(leak.as_bytes()), "{leak}");
        assert!(word.stands_in_document(&json!({"headers": [{"a": leak}]})), "{leak}");
        assert!(word.stands_in_document(&json!({ leak: 1 })), "{leak}");
    }
    assert!(word.stands_in(b"\xff\xfehun+ter/2=\xff"));
    for fine in ["hun+ter/2", "HUN+TER/2=", "hun ter"] {
        assert!(!word.stands_in(fine.as_bytes()), "{fine}");
    }
    let url = secret("??>>", AuthScheme::Bearer);
    assert!(url.stands_in(b"Pz8+Pg==") && url.stands_in(b"Pz8-Pg") && url.stands_in(b"Pz8-Pg=="), "both alphabets of base64");
    let literal = secret("a%41b%zz", AuthScheme::Bearer);
    assert!(literal.stands_in(b"x a%41b%zz y") && literal.stands_in(b"a%2541b%25zz"), "a credential may look escaped itself");
    let escaped: serde_json::Value = serde_json::from_str(r#"{"a":"\u0068un+ter\/2="}"#).unwrap();
    assert!(word.stands_in_document(&escaped) && !word.stands_in(br#"{"a":"\u0068un+ter\/2="}"#));
    let basic = secret("someone:correct-horse", AuthScheme::Basic);
    assert!(basic.stands_in(b"the password correct-horse is wrong") && basic.stands_in(b"c29tZW9uZTpjb3JyZWN0LWhvcnNl"));
    assert!(!secret("someone:short", AuthScheme::Basic).stands_in(b"a short text"));
    let digits = secret("1234567890123", AuthScheme::Bearer);
    assert!(digits.stands_in_document(&json!([1_234_567_890_123_u64])), "a number is text too");
}

/// `basic_env` and `bearer_env` may name one variable. Whichever tool comes last, no form of either is forgotten.
#[test]
fn two_ways_to_send_one_credential_keep_the_forms_of_both() {
    static BASIC: Rest = rest(AuthScheme::Basic);
    const fn ticket(rest: &'static Rest) -> Tool {
        Tool { name: "ticket", kind: ToolKind::Rest(rest), ..sample::TOOL }
    }
    static BEARER_LAST: Policy = Policy { tools: &[ticket(&BASIC), ticket(&BEARER)], ..POLICY_WITHOUT };
    static BASIC_LAST: Policy = Policy { tools: &[ticket(&BEARER), ticket(&BASIC)], ..POLICY_WITHOUT };
    for policy in [&BEARER_LAST, &BASIC_LAST] {
        let secrets = Secrets::read(policy, |name| (name == "TOKEN").then(|| "me:correct-horse".into())).unwrap();
        for rest in [&BASIC, &BEARER] {
            let secret = secrets.of(rest).ok().flatten().unwrap();
            assert!(secret.stands_in(b"the password correct-horse is wrong") && secret.stands_in(b"me%3Acorrect-horse"));
        }
    }
}
