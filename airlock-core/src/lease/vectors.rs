//! The vectors in `tests/vectors/leases.json`, judged by this implementation and recomputed by an independent one in Python.

use super::*;
use crate::clock::Micros;
use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::Value;
use std::path::PathBuf;

fn vectors() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors"))
}

fn file() -> Value {
    serde_json::from_slice(&std::fs::read(vectors().join("leases.json")).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is not a string"))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("{key} is not a list"))
}

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    Base64UrlUnpadded::decode_vec(text).unwrap().try_into().unwrap()
}

/// The ring has `k9` with the same bytes as `k1`, and a key id that starts like an unknown one.
fn ring(file: &Value) -> KeyRing {
    let key = |kid| AudienceKey::new(kid, text(file, "aud"), bytes(text(file, "audience_key"))).unwrap();
    KeyRing::new(vec![key("k1"), key("k9")]).unwrap()
}

fn verify_in(file: &Value, lease: &str) -> Result<Authority, LeaseFault> {
    verify_with(file, lease, None)
}

/// As it comes with a call, or without one.
fn verify_with(file: &Value, lease: &str, call: Option<&Value>) -> Result<Authority, LeaseFault> {
    let digest = || {
        let args = call?["args"].as_object()?;
        request_digest(text(call?, "srv"), text(call?, "sid"), text(call?, "tool"), args).ok()
    };
    let expect = Expect {
        aud: text(file, "aud"),
        sid: text(file, "sid"),
        intent: intent_hash(text(file, "intent")).unwrap(),
        now: Micros(file["now"].as_u64().unwrap() * 1_000_000),
    };
    verify_call(lease, &ring(file), &expect, digest)
}

#[test]
fn good_leases_have_the_ids_and_terms_of_the_vectors() {
    let file = file();
    for case in list(&file, "leases") {
        let authority = verify_in(&file, text(case, "lease")).unwrap_or_else(|fault| panic!("{}: {fault:?}", case["name"]));
        let rid: Vec<String> = authority.rid.iter().map(Rid::text).collect();
        assert_eq!(serde_json::json!(rid), case["rid"], "{}", case["name"]);
        let uses: Vec<(usize, u64)> =
            authority.uses.iter().map(|(rid, most)| (authority.rid.iter().position(|id| id == rid).unwrap(), *most)).collect();
        for host in hosts(list(case, "blocks")) {
            let mut folded = list(&case["terms"], "dom").iter().filter_map(Value::as_str);
            let is_covered = folded.any(|entry| domain_covers(entry, &host));
            assert_eq!(authority.permits_host(&host), is_covered, "{}: {host}", case["name"]);
        }
        let appr =
            authority.approvals.iter().map(|appr| serde_json::json!({"k": appr.k, "n": appr.n, "r": appr.r, "ttl": appr.ttl}));
        let appr = appr.collect::<Vec<_>>();
        let terms = serde_json::json!({
            "appr": appr,
            "tools": authority.tools(), "risk": authority.risk, "exp": authority.exp, "nbf": authority.nbf,
            "to": authority.to, "uses": uses,
        });
        let mut expected = case["terms"].clone();
        expected.as_object_mut().unwrap().remove("dom");
        assert_eq!(terms, expected, "{}", case["name"]);
        assert_eq!(authority.root.sub, text(&case["blocks"][0], "sub"));
        assert_eq!(authority.root.jti_text(), text(&case["blocks"][0], "jti"));
        assert_eq!(inspect::check_signature(text(case, "lease"), &ring(&file)).unwrap(), rid);
        assert_eq!(Some(&inspect::inspect(text(case, "lease")).unwrap().rid), rid.last());
    }
}

/// A host for each entry of the blocks: the host itself, one of a wildcard, and one that only `*` covers.
fn hosts(blocks: &[Value]) -> Vec<String> {
    let entries = blocks.iter().filter_map(|block| block["dom"].as_array()).flatten().filter_map(Value::as_str);
    let named = entries.map(|entry| entry.replacen("*.", "any.", 1));
    named.chain(["elsewhere.test".to_owned()]).collect()
}

#[test]
fn hostile_leases_are_refused_with_their_code() {
    let file = file();
    let cases = list(&file, "hostile");
    assert!(cases.len() >= 200, "the file has lost cases");
    let presented = list(&file, "hostile_presented").iter().map(|case| (case, Some(&file["call"])));
    for (case, call) in cases.iter().map(|case| (case, None)).chain(presented) {
        let fault = match verify_with(&file, text(case, "lease"), call) {
            Ok(_) => panic!("{} is accepted", case["name"]),
            Err(fault) => fault,
        };
        assert_eq!(fault.code(), text(case, "code"), "{}: {}", case["name"], fault.detail());
        let outward = match fault.code() {
            "lease_length" | "lease_spelling" | "lease_key" | "lease_mac" => "lease_invalid",
            later => later,
        };
        assert_eq!(fault.outward(), outward, "{}", case["name"]);
    }
}

#[test]
fn good_presentations_are_accepted_with_their_call_alone() {
    let file = file();
    for case in list(&file, "presented") {
        let authority = verify_with(&file, text(case, "lease"), Some(&file["call"])).unwrap();
        let how = authority.presentation().unwrap();
        assert_eq!((Some(how.ts), how.nonce_text().as_str()), (case["ts"].as_u64(), text(case, "nonce")), "{}", case["name"]);
        assert_eq!(verify_in(&file, text(case, "lease")).unwrap_err(), LeaseFault::Form, "{}", case["name"]);
    }
}

#[test]
fn digests_and_keys_agree() {
    let file = file();
    assert_eq!(ring(&file).keys()[0].commitment_hex(), text(&file, "commitment"));
    for case in list(&file, "intents") {
        assert_eq!(hex(&intent_hash(text(case, "text")).unwrap()), text(case, "hash"), "{}", case["text"]);
    }
    for case in list(&file, "requests") {
        let request = &case["request"];
        let args = request["args"].as_object().unwrap();
        let digest = request_digest(text(request, "srv"), text(request, "sid"), text(request, "tool"), args).unwrap();
        assert_eq!(hex(&digest), text(case, "digest"), "{request}");
    }
}

/// From the claims and the issuer key alone, the same texts come out.
#[cfg(feature = "mint")]
#[test]
fn minting_and_attenuating_give_the_same_texts() {
    let file = file();
    let key = IssuerKey::new("k1", bytes(text(&file, "issuer_key"))).unwrap().derive(text(&file, "aud")).unwrap();
    assert_eq!(key.bytes(), &bytes(text(&file, "audience_key")));
    let mut minted = 0;
    for case in list(&file, "leases") {
        let mut blocks = list(case, "blocks").iter().map(|block| serde_json_canonicalizer::to_vec(block).unwrap());
        let root = Root::parse(&blocks.next().unwrap()).unwrap();
        let Root { sub, sid, ih, tools, dom, risk, uses, dep, ep, iat, nbf, exp, jti, .. } = root;
        let claims = RootClaims { sub, sid, ih, tools, dom, risk, uses, dep, ep, iat, nbf, exp };
        let mut lease = match mint(&key, &claims, jti) {
            Ok(lease) => lease,
            Err(fault) => {
                // The two that a gateway accepts and that are not written like that.
                let known = [(MintFault::Name("subject"), "escapes"), (MintFault::List("tools"), "a tool twice")];
                assert!(known.contains(&(fault.clone(), text(case, "name"))), "{}: {fault}", case["name"]);
                continue;
            }
        };
        for (index, block) in (1..).zip(blocks) {
            lease = attenuate(&lease, &Caveat::parse(&block, index).unwrap()).unwrap();
        }
        assert_eq!(lease, text(case, "lease"), "{}", case["name"]);
        minted += 1;
    }
    assert_eq!(minted, list(&file, "leases").len() - 2);
}

#[test]
fn the_python_implementation_agrees() {
    let run = std::process::Command::new("python3").arg(vectors().join("lease_check.py")).output();
    let output = run.expect("python3 must be on PATH: the lease vectors are recomputed by a second implementation written in it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("hostile texts"));
}

/// The page for users has the numbers of the vectors, all fault codes and the limits.
#[test]
fn the_worked_example_is_that_of_the_vectors() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/lease.md")).unwrap();
    let file = file();
    let case = list(&file, "leases").iter().find(|case| case["name"] == "one caveat").unwrap();
    let intent = list(&file, "intents").iter().find(|case| case["text"] == file["intent"]).unwrap();
    let seen = inspect::inspect(text(case, "lease")).unwrap();
    let blocks = [seen.root.to_bytes(), seen.caveats[0].to_bytes()];
    let sizes = format!("Root block and caveat, {} and {} bytes", blocks[0].len(), blocks[1].len());
    let refused = list(&file, "hostile").len() + list(&file, "hostile_presented").len();
    let hostile = format!("{refused} texts that must be refused");
    let mut expected: Vec<String> = blocks.into_iter().map(|block| String::from_utf8(block).unwrap()).collect();
    expected.extend([text(case, "lease").to_owned(), text(intent, "hash").to_owned(), sizes, hostile]);
    expected.extend(["issuer_key", "audience_key", "commitment"].map(|key| text(&file, key).to_owned()));
    expected.extend(list(case, "tags").iter().chain(list(case, "rid")).map(|hex| hex.as_str().unwrap().to_owned()));
    let cases = list(&file, "hostile").iter().chain(list(&file, "hostile_presented"));
    expected.extend(cases.map(|case| format!("| `{}` |", text(case, "code"))));
    for part in expected {
        assert!(page.contains(&part), "docs/lease.md lacks {part}");
    }
    assert_eq!((TEXT_MAX, BLOCK_MAX, CAVEATS_MAX, LIST_MAX, STRING_MAX, KID_MAX), (4096, 1536, 8, 32, 256, 16));
    assert!(page.contains("text 4,096 bytes, block 1,536 bytes, 8 caveats, 32 entries\nof a list, 256 bytes of a string"));
}
