//! The vectors in `tests/vectors/approvals.json`, which a second implementation in Python makes and judges as well.

use super::super::request::{REQUEST_TEXT_MAX, Request, SIGNED_ARGS_MAX};
use super::*;
use crate::lease::request_digest;
use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use serde_json::Value;
use std::path::PathBuf;

fn vectors() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors"))
}

fn file() -> Value {
    serde_json::from_slice(&std::fs::read(vectors().join("approvals.json")).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is not a string"))
}

fn seed(approver: &Value) -> SigningKey {
    SigningKey::from_bytes(&Base64UrlUnpadded::decode_vec(text(approver, "seed")).unwrap().try_into().unwrap())
}

fn approvers(file: &Value) -> &'static [Approver] {
    let approver = |given: &Value| Approver {
        name: text(given, "name").to_owned().leak(),
        key: Base64UrlUnpadded::decode_vec(text(given, "key").strip_prefix("ed25519:").unwrap()).unwrap().try_into().unwrap(),
    };
    file["approvers"].as_array().unwrap().iter().map(approver).collect::<Vec<_>>().leak()
}

fn note(file: &Value) -> Note {
    let call = &file["call"];
    let byte = |hex: &str, at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
    let [aud, sub, sid, rid, tool, nonce] = ["aud", "sub", "sid", "rid", "tool", "nonce"].map(|key| text(call, key).to_owned());
    let [pol, log] = ["pol", "log"].map(|key| std::array::from_fn(|at| byte(text(call, key), at)));
    let rq = request_digest(&aud, &sid, &tool, call["args"].as_object().unwrap()).unwrap();
    Note { aud, pol, log, sub, sid, rid, tool, rq, exp: call["exp"].as_u64().unwrap(), nonce }
}

/// As a gateway judges it, but for the ledger.
fn judge(file: &Value, given: &str) -> Result<&'static str, SignedFault> {
    let signed = verify(given, approvers(file))?;
    let any = Note { exp: 0, nonce: String::new(), ..note(file) };
    let (nonce, exp) = signed.is_about(&any)?;
    assert_eq!(nonce.len(), 32);
    if file["now"].as_u64().unwrap() >= exp { Err(SignedFault::Late) } else { Ok(signed.by) }
}

#[test]
fn the_note_and_its_signatures_are_those_of_the_vectors() {
    let file = file();
    let note = note(&file);
    assert_eq!(note.text(), text(&file, "note"));
    assert_eq!(hex(&note.rq), text(&file, "rq"));
    for (approver, case) in file["approvers"].as_array().unwrap().iter().zip(file["signatures"].as_array().unwrap()) {
        let key = seed(approver);
        let signed = join(text(approver, "name"), &note, &key.sign(note.text().as_bytes()).to_bytes());
        assert_eq!(signed, text(case, "text"));
    }
    for case in file["signatures"].as_array().unwrap() {
        assert!(judge(&file, text(case, "text")).is_ok(), "{case}");
    }
}

#[test]
fn hostile_signatures_are_refused_with_their_code() {
    let file = file();
    let cases = file["hostile"].as_array().unwrap();
    assert!(cases.len() >= 75, "the file has lost cases");
    let page = include_str!("../../../../docs/approvals.md");
    assert!(page.contains(&format!("has {} texts that must be refused", cases.len())));
    let mut seen = std::collections::BTreeSet::new();
    for case in cases {
        let fault = judge(&file, text(case, "text")).expect_err(text(case, "name"));
        assert_eq!(fault.code(), text(case, "code"), "{}", case["name"]);
        seen.insert(fault.code());
    }
    // The two that only a ledger, or several signatures, can show.
    let all =
        SignedFault::ALL.iter().map(|fault| fault.code()).filter(|code| !["signature_mixed", "signature_used"].contains(code));
    assert_eq!(seen, all.collect());
}

#[test]
fn the_python_implementation_agrees() {
    let run = std::process::Command::new("python3").arg(vectors().join("approval_check.py")).output();
    let output = run.expect("python3 must be on PATH: the vectors are recomputed by a second implementation written in it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("hostile texts"));
}

#[test]
fn no_flipped_bit_of_a_signature_is_accepted() {
    let file = file();
    let good = text(&file["signatures"][0], "text");
    let approvers = approvers(&file);
    let any = note(&file);
    for at in 0..good.len() {
        for bit in 0..7 {
            let mut bytes = good.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            let Ok(altered) = String::from_utf8(bytes) else { continue };
            let accepted = verify(&altered, approvers).is_ok_and(|signed| signed.is_about(&any).is_ok());
            assert!(!accepted, "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_request_is_read_back_and_shows_what_is_signed() {
    let file = file();
    let (note, args) = (note(&file), file["call"]["args"].as_object().unwrap().clone());
    let request = Request::new(&note, args);
    let text = request.text();
    assert_eq!(Request::read(&text).unwrap(), request);
    assert_eq!(request.note().unwrap(), note);
    insta::assert_snapshot!(request.shown(file["now"].as_u64().unwrap()));
    for bad in ["", "alr1.", "alr1.e30", &text[..text.len() - 1], &format!("{text}="), &text.replace("alr1", "alr2")] {
        assert!(Request::read(bad).is_err(), "{bad}");
    }
    assert!(Request::read(&"a".repeat(REQUEST_TEXT_MAX + 1)).unwrap_err().contains("longer"));
    // Another spelling of the same request would be shown alike and is refused all the same.
    let spaced = String::from_utf8(Base64UrlUnpadded::decode_vec(&text[5..]).unwrap()).unwrap().replace("\":", "\": ");
    let spaced = format!("alr1.{}", Base64UrlUnpadded::encode_string(spaced.as_bytes()));
    assert_eq!(Request::read(&spaced).unwrap_err(), "it is not in canonical form");
    let twice = String::from_utf8(Base64UrlUnpadded::decode_vec(&text[5..]).unwrap())
        .unwrap()
        .replace("\"count\":3", "\"count\":3,\"count\":4");
    assert!(Request::read(&format!("alr1.{}", Base64UrlUnpadded::encode_string(twice.as_bytes()))).is_err());
}

/// What a gateway gives out, it and the command line read: the largest arguments that are asked about fit.
#[test]
fn the_largest_request_fits() {
    let file = file();
    let args = serde_json::json!({"text": "\u{1}".repeat(SIGNED_ARGS_MAX / 6 - 10)});
    assert!(serde_json::to_vec(&args).unwrap().len() <= SIGNED_ARGS_MAX);
    let hostile = Note { sub: "\u{1}".repeat(256), sid: "\u{1}".repeat(256), ..note(&file) };
    let request = Request::new(&hostile, args.as_object().unwrap().clone());
    assert_eq!(Request::read(&request.text()).unwrap(), request);
    assert!(join("a", &hostile, &[0; 64]).len() <= SIGNED_TEXT_MAX);
}

proptest! {
    /// Whatever a lease or a call has for names: the note has its eleven lines, and says exactly that.
    #[test]
    fn no_name_leaves_its_line(sub in any::<String>(), sid in any::<String>(), tool in any::<String>()) {
        let note = Note { sub, sid, tool, ..note(&file()) };
        let text = note.text();
        prop_assert_eq!(text.split('\n').count(), 12, "{:?}", text);
        let line = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)).map(|value| serde_json::from_str::<String>(value).unwrap());
        prop_assert_eq!((line("sub "), line("sid "), line("tool ")), (Some(note.sub), Some(note.sid), Some(note.tool)));
    }

    #[test]
    fn any_text_is_refused(text in ".{0,200}", note in ".{0,200}") {
        let file = file();
        prop_assert!(judge(&file, &text).is_err());
        let key = seed(&file["approvers"][0]);
        let signed = format!("als1.alice.{}.{}", Base64UrlUnpadded::encode_string(note.as_bytes()), Base64UrlUnpadded::encode_string(&key.sign(note.as_bytes()).to_bytes()));
        prop_assert_eq!(judge(&file, &signed).unwrap_err(), SignedFault::Form);
    }
}
