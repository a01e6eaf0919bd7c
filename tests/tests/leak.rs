//! Secrets stay where they belong: after a full session neither a lease nor any part of the key is in the ledger's directory, in
//! stderr, in what tools send, or in a reply other than the one that issues the lease.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use airlock_tests::built::abuse_at;
use airlock_tests::message::{call, call_with, get, leased, meta};
use airlock_tests::place::{INTENT, KEY_BYTES, Place, SESSION};
use airlock_tests::recorder::recorder;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Shortest part of a secret that is looked for, in bytes of a key and in characters of a signature.
const WINDOW: usize = 24;

/// Texts that must not occur: the leases, every part of their signatures, and every part of the key in each usual form.
fn needles(leases: &[&str]) -> BTreeSet<Vec<u8>> {
    let mut needles: BTreeSet<Vec<u8>> = leases.iter().map(|lease| lease.as_bytes().to_vec()).collect();
    for lease in leases {
        let signature = lease.rsplit('.').next().unwrap();
        assert_eq!(signature.len(), 43, "a MAC of 32 bytes");
        needles.extend(signature.as_bytes().windows(WINDOW).map(<[u8]>::to_vec));
    }
    for window in KEY_BYTES.windows(WINDOW) {
        let hex = window.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let url = base64url(window);
        let standard = url.replace('-', "+").replace('_', "/");
        needles.extend([window.to_vec(), hex.to_uppercase().into(), hex.into(), standard.into(), url.into()]);
    }
    needles
}

/// Unpadded base64url of bytes that fill whole groups of three.
fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let group = |three: &[u8]| three.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte));
    let letters = |bits: usize| [18, 12, 6, 0].map(|shift| char::from(LETTERS[bits >> shift & 63]));
    bytes.chunks_exact(3).map(group).flat_map(letters).collect()
}

/// The first needle that occurs, for a message.
fn found(text: &[u8], needles: &BTreeSet<Vec<u8>>) -> Option<String> {
    let occurs = |needle: &&Vec<u8>| text.windows(needle.len()).any(|window| window == needle.as_slice());
    needles.iter().find(occurs).map(|needle| String::from_utf8_lossy(needle).into_owned())
}

/// All files below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Arguments that carry a lease themselves.
fn carried(lease: &Value, path: &str) -> Value {
    json!({"url": format!("https://api.open-meteo.com{path}"), "_capability": lease,
           "_context": {"session_id": SESSION, "intent": INTENT}})
}

/// Calls of every kind: both carriers, allowed and denied, leases that are right, wrong, shortened, or where they do not belong.
fn session(own: &str, operator: &str, forged: &str) -> Vec<String> {
    let tool = "http_get_json";
    let url = json!({"url": "https://api.open-meteo.com/leak"});
    let mut other_session = leased(own);
    other_session["dev.airlock/session"] = json!("s-2");
    let mut other_intent = leased(own);
    other_intent["dev.airlock/intent"] = json!("something else");
    let mut no_context = meta();
    no_context["dev.airlock/lease"] = json!(own);
    let mut lines = vec![
        get("meta", "/leak", own),
        call_with("arguments", tool, &carried(&json!(own), "/leak"), &meta()),
        call_with("both", tool, &carried(&json!(own), "/leak"), &leased(own)),
        call_with("conflict", tool, &carried(&json!(own), "/leak"), &leased(operator)),
        call_with("shape", tool, &carried(&json!([own]), "/leak"), &meta()),
        call_with("other session", tool, &url, &other_session),
        call_with("other intent", tool, &url, &other_intent),
        call_with("no context", tool, &url, &no_context),
        call_with("forged in arguments", tool, &carried(&json!(forged), "/leak"), &meta()),
        call("host", tool, &json!({"url": "https://example.org/"}), own),
        call("unknown argument", tool, &json!({"url": "https://api.open-meteo.com/", "lease": own}), own),
        call("wrong type", tool, &json!({"url": {"lease": own}}), own),
        call("in the query", tool, &json!({"url": format!("https://api.open-meteo.com/leak?q={own}")}), own),
        call("unknown tool", "nope", &json!({"lease": own}), own),
        call("no tool in lease", "airlock_usage_stats", &json!({}), own),
    ];
    lines.extend(misplaced(own));
    for wrong in [forged, &own[..own.len() - 1], &format!("{own}."), &own.replacen("k1", "k9", 1), &own.to_uppercase()] {
        lines.push(get(format!("wrong {}", lines.len()), "/leak", wrong));
    }
    for (tool, arguments) in [
        ("airlock_usage_stats", json!({})),
        ("airlock_audit_tail", json!({"limit": 200})),
        ("airlock_exposure_report", json!({})),
        ("airlock_audit_tail", json!({"limit": own})),
    ] {
        lines.push(call(format!("review {}", lines.len()), tool, &arguments, operator));
    }
    lines
}

/// A lease in each place that is for something else, which replies and ledger lines may repeat.
fn misplaced(own: &str) -> Vec<String> {
    let url = json!({"url": "https://api.open-meteo.com/leak"});
    let meta_with = |key: &str| {
        let mut changed = leased(own);
        changed[key] = json!(own);
        changed
    };
    let issue_with = |key: &str, value: Value| {
        let mut request = json!({"session_id": "x", "subject": "agent:planner", "tools": ["http_get_json"], "intent": INTENT});
        request[key] = value;
        call_with(format!("as {key}"), "airlock_issue_capability", &request, &meta())
    };
    vec![
        call("as tool", own, &url, own),
        call_with("as session", "http_get_json", &url, &meta_with("dev.airlock/session")),
        call_with("as intent", "http_get_json", &url, &meta_with("dev.airlock/intent")),
        call("as argument", "http_get_json", &json!({own: 1}), own),
        call("as host", "http_get_json", &json!({"url": format!("https://{own}/")}), own),
        issue_with("session_id", json!(own)),
        issue_with("subject", json!(own)),
        issue_with("tools", json!([own])),
    ]
}

#[test]
fn nothing_secret_is_written_or_said() {
    nothing_secret("");
}

/// With what agents send and tools answer kept whole, and as copies.
#[test]
fn nothing_secret_is_kept_as_evidence() {
    let whole = nothing_secret("evidence = \"full\"\n");
    assert!(whole.contains("/leak") && whole.contains("[removed]"), "the search would find it: {whole}");
    let copies = nothing_secret("evidence = \"redacted\"\nredact = [\"url\"]\n");
    assert!(!copies.contains("https://api.open-meteo.com/leak") && copies.contains("[removed]"), "{copies}");
}

/// Texts that are kept as evidence.
fn kept(ledger: &Path) -> String {
    let mut all = String::new();
    for line in files(&ledger.join("evidence")).iter().flat_map(|path| read_lines(path)) {
        for name in ["args", "args_redacted", "result", "result_redacted"] {
            if let Some(text) = line[name].as_str() {
                all.push_str(&String::from_utf8_lossy(&decoded(text)));
                all.push('\n');
            }
        }
    }
    all
}

/// The bytes of a text in padded base64.
fn decoded(text: &str) -> Vec<u8> {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let values = text.trim_end_matches('=').bytes().map(|byte| letters.iter().position(|letter| *letter == byte).unwrap());
    let (mut out, mut bits, mut count) = (Vec::new(), 0, 0);
    for value in values {
        (bits, count) = ((bits << 6 | value) & 0xffff, count + 6);
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 255).unwrap());
        }
    }
    out
}

fn read_lines(path: &Path) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A session with a gateway that has these keys under `[ledger]`; gives what is kept of it.
fn nothing_secret(keys: &str) -> String {
    let place = Place::new("abuse");
    let mut claims = place.claims(&["airlock_usage_stats", "airlock_audit_tail", "airlock_exposure_report"]);
    (claims.sub, claims.risk, claims.dom) = ("operator:auditor".into(), 500, Vec::new());
    let operator = place.mint(&claims);
    let mut gateway = place.start(&abuse_at(recorder().port(), keys));
    let arguments = json!({"session_id": SESSION, "subject": "agent:planner", "tools": ["http_get_json"], "intent": INTENT});
    let issued = gateway.ask(&call_with("issue", "airlock_issue_capability", &arguments, &meta()));
    let own = issued["result"]["structuredContent"]["lease"].as_str().unwrap().to_owned();
    // The signature of another lease: right in form, wrong for these claims.
    let forged = format!("{}.{}", own.rsplit_once('.').unwrap().0, place.lease(&["http_get_json"]).rsplit_once('.').unwrap().1);

    let needles = needles(&[&own, &operator, &forged]);
    let key_file = std::fs::read(place.key_file()).unwrap();
    assert!(found(issued.to_string().as_bytes(), &needles).is_some() && found(&key_file, &needles).is_some(), "the search finds");

    let (mut allowed, mut denied) = (0, 0);
    for line in session(&own, &operator, &forged) {
        let reply = gateway.ask(&line);
        *if reply["result"]["isError"] == false { &mut allowed } else { &mut denied } += 1;
        assert_eq!(found(reply.to_string().as_bytes(), &needles), None, "{reply}");
    }
    assert!(allowed >= 6 && denied >= 15, "{allowed} allowed, {denied} denied");
    let sent = recorder().of("/leak");
    assert!(sent.len() >= 2, "{sent:?}");
    assert_eq!(found(sent.concat().as_bytes(), &needles), None, "{sent:?}");
    let stderr = gateway.finish();
    assert!(stderr.contains("new ledger"), "{stderr}");
    assert_eq!(found(stderr.as_bytes(), &needles), None, "{stderr}");
    let written = files(&place.ledger());
    assert!(written.len() >= 5, "{written:?}");
    for path in written {
        assert_eq!(found(&std::fs::read(&path).unwrap(), &needles), None, "{}", path.display());
    }
    let kept = kept(&place.ledger());
    assert_eq!(found(kept.as_bytes(), &needles), None, "{kept}");
    kept
}
