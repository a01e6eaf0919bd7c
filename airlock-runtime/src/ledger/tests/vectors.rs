//! `tests/vectors/ledger`: a fixed ledger, byte for byte, which `check.py` there verifies without any of our code.
//!
//! `AIRLOCK_VECTORS=write cargo test …vectors` writes them anew; a difference is a new version of the format.

use super::super::chain::hex;
use super::super::cursor::Cursor;
use super::super::entry::{Genesis, body};
use super::super::note::{Checkpoint, plain_key, verifier_key};
use super::super::verify::{Trust, Verdict, verify};
use super::*;
use ed25519_dalek::SigningKey;
use std::path::PathBuf;

fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/ledger")
}

/// The entries of the ledger: an issue, an allow, its outcome, and a refusal of a call whose names want to mislead a terminal.
fn bodies(genesis: &Genesis<'_>) -> [Vec<u8>; 5] {
    let pol = genesis.pol;
    let hostile = Decision {
        sid: "s\u{1b}[2J\u{202e}",
        sub: "agent:\u{1f600}",
        tool: "http_get_json",
        why: "lease_invalid",
        call: "c-2",
        ..Decision::default()
    };
    let outcome = Outcome {
        call: "c-1",
        ok: true,
        status: "ok",
        hosts: vec!["api.example.com".into()],
        micros: 1234,
        result: Some([7; 32]),
        bytes: 99,
    };
    let issue = Issue {
        sid: "s-1",
        sub: "agent:planner",
        tools: vec!["http_get_json".into()],
        dom: vec!["api.example.com".into()],
        ih: "aa",
        rid: "00ff",
        kid: "k1",
        exp: 1_795_327_500,
        risk: 600,
        uses: 5,
        by: "self",
    };
    [
        body(genesis),
        Entry::Issue(issue).seal(pol, [0; 32]).body,
        allow("c-1").seal(pol, [1; 32]).body,
        Entry::Outcome(outcome).seal(pol, [0; 32]).body,
        Entry::Decision(hostile).seal(pol, [2; 32]).body,
    ]
}

#[test]
fn the_vectors_are_what_this_code_writes() {
    let key = SigningKey::from_bytes(&[0x42; 32]);
    let pk = plain_key(&key.verifying_key());
    let genesis = Genesis { t: "genesis", v: 1, origin: ORIGIN, pk: &pk, pol: "abababababababab", durability: "power" };
    let mut cursor = Cursor::start(first_prev(ORIGIN, key.verifying_key().as_bytes()));
    let mut lines = Vec::new();
    for (entry, second) in bodies(&genesis).iter().zip(0..) {
        lines.extend(cursor.extend(Micros(1_795_326_600_000_000 + second * 1_000_000), entry));
        lines.push(b'\n');
    }
    let expected = serde_json::json!({
        "origin": ORIGIN,
        "key": pk,
        "verifier_key": verifier_key(ORIGIN, &key.verifying_key()),
        "entries": 5,
        "root": hex(&cursor.range.root()),
        "commitment": { "seq": 2, "salt": hex(&[1; 32]), "arguments": "{\"url\":\"https://api.example.com/\"}" },
    });
    let files = [
        ("seg-00000000000000000000.jsonl", lines),
        ("checkpoint", Checkpoint::of(ORIGIN, &cursor.range).sign(&key).into_bytes()),
        ("expected.json", format!("{expected:#}\n").into_bytes()),
    ];
    for (name, bytes) in files {
        let path = vectors().join(name);
        if std::env::var_os("AIRLOCK_VECTORS").is_some_and(|value| value == "write") {
            fs::write(&path, &bytes).unwrap();
        }
        assert_eq!(String::from_utf8(fs::read(&path).unwrap()).unwrap(), String::from_utf8(bytes).unwrap(), "{name}");
    }
    let report = verify(&vectors(), &Trust { key: Some(key.verifying_key()), saved: None }).unwrap();
    assert_eq!((report.verdict, report.entries), (Verdict::Proven, 5), "{report:?}");
}

/// The independent checker agrees, and refuses a changed copy.
#[test]
fn the_independent_checker_agrees() {
    let run = |dir: &Path| {
        let output = std::process::Command::new("python3").arg(vectors().join("check.py")).arg(dir).output();
        output.expect("python3 runs tests/vectors/ledger/check.py")
    };
    let good = run(&vectors());
    assert!(good.status.success(), "{}", String::from_utf8_lossy(&good.stderr));
    let copy = tempfile::tempdir().unwrap();
    for name in ["seg-00000000000000000000.jsonl", "checkpoint", "expected.json"] {
        let text = fs::read_to_string(vectors().join(name)).unwrap();
        fs::write(copy.path().join(name), text.replacen("lease_invalid", "lease_invaliD", 1)).unwrap();
    }
    assert!(!run(copy.path()).status.success());
}
