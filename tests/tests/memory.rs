//! Where keys stand in memory: in locked pages that no core file has, and nowhere else. Alone in its program, so that what is found in
//! memory is of this test.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use airlock_runtime::lease::RootClaims;
use airlock_tests::built::{abuse, rest};
use airlock_tests::message::{call_with, get, leased};
use airlock_tests::place::{KEY_BYTES, Place};
use airlock_tests::process::Gateway;
use airlock_tests::upstreams::named;
use serde_json::json;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;

/// A stretch of memory and what the kernel says of it.
struct Mapping {
    from: u64,
    to: u64,
    head: String,
    flags: Vec<String>,
}

impl Mapping {
    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|known| known == flag)
    }
}

fn mappings(pid: u32) -> Vec<Mapping> {
    let mut all: Vec<Mapping> = Vec::new();
    for line in std::fs::read_to_string(format!("/proc/{pid}/smaps")).unwrap().lines() {
        let range = line.split(' ').next().and_then(|range| range.split_once('-'));
        let range = range.and_then(|(from, to)| Some((u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?)));
        if let Some((from, to)) = range {
            all.push(Mapping { from, to, head: line.to_owned(), flags: Vec::new() });
        } else if let (Some(flags), Some(last)) = (line.strip_prefix("VmFlags: "), all.last_mut()) {
            last.flags = flags.split_whitespace().map(str::to_owned).collect();
        }
    }
    all
}

/// The mappings of a process in which some bytes stand, and how often.
fn holding(pid: u32, memory: &File, needle: &[u8]) -> Vec<(Mapping, usize)> {
    let readable = mappings(pid).into_iter().filter(|mapping| mapping.has("rd") && !mapping.head.ends_with("[vvar]"));
    let count = |mapping: &Mapping| {
        let mut bytes = vec![0; usize::try_from(mapping.to - mapping.from).unwrap()];
        // A page that is gone by now holds nothing.
        let read = memory.read_at(&mut bytes, mapping.from).unwrap_or(0);
        bytes[..read].windows(needle.len()).filter(|window| *window == needle).count()
    };
    readable.map(|mapping| (count(&mapping), mapping)).filter(|(count, _)| *count > 0).map(|(n, mapping)| (mapping, n)).collect()
}

/// A core file of a gateway has what its mappings have, without those that are marked `dd`. Whoever may read the memory of a running one
/// (root alone) finds its keys in locked pages that are marked so, and nowhere else: not on the heap, not on a stack, in no form.
#[test]
fn a_core_file_of_a_gateway_has_no_key() {
    let (place, program) = (Place::new("abuse"), abuse());
    let mut gateway = place.start(&program);
    let lease = place.lease(&["http_get_json"]);
    for n in 0..20 {
        gateway.ask(&get(n, "/memory", &lease));
    }
    gateway.ask(&get("forged", "/memory", &lease.replace("alk1.k1.", "alk1.k1.AAAA.")));
    let pid = gateway.pid();
    let memory = match File::open(format!("/proc/{pid}/mem")) {
        Ok(memory) => memory,
        // The process is not dumpable: nobody but root may look, and a core file is never made.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => return drop(gateway.finish()),
        Err(error) => panic!("{error}"),
    };
    let log_key = std::fs::read_to_string(place.ledger().join("keys/log.key")).unwrap();
    let audience_text = std::fs::read_to_string(place.key_file()).unwrap();
    let audience_text = audience_text.trim().rsplit("key=").next().unwrap();
    let log_seed = decode(log_key.trim());
    for (what, key) in [("audience key", &KEY_BYTES[..]), ("log key", &log_seed)] {
        let found = holding(pid, &memory, key);
        assert!(!found.is_empty(), "{what}: the search finds what is there");
        for (mapping, _) in &found {
            assert!(
                mapping.has("dd") && mapping.has("lo") && mapping.has("dc"),
                "{what} in {} {:?}",
                mapping.head,
                mapping.flags
            );
        }
    }
    for (what, text) in [("audience key", audience_text), ("log key", log_key.trim())] {
        let found = holding(pid, &memory, text.as_bytes());
        assert!(found.is_empty(), "the text of the {what} in {}", found[0].0.head);
    }
    gateway.finish();
}

/// Credentials that occur nowhere by chance, and their variables.
const CREDENTIALS: [(&str, &str); 3] =
    [("REST_TOKEN", "tok-in-memory-91c4e0"), ("REST_KEY", "key-in-memory-5d2b77"), ("REST_LOGIN", "robot:login-in-memory-08")];

/// The judge has the keys and no credential of a tool, egress has the credentials and no key. Each was used before memory is searched.
#[test]
fn no_process_of_a_gateway_has_both_keys_and_credentials() {
    let (place, program) = (Place::new("rest"), rest());
    let mut command = place.command(&program);
    command.envs(CREDENTIALS);
    let mut gateway = Gateway::start(command);
    let mut claims = place.claims(&["find", "post", "remove"]);
    (claims.dom, claims.risk) = (vec!["a.files.example.com".into(), "tickets.example.com".into()], 1000);
    // A flow of the manifest keeps `find` apart from the others.
    let other = place.mint(&RootClaims { sid: "s-2".into(), ..claims.clone() });
    let (meta, mut other) = (leased(&place.mint(&claims)), leased(&other));
    other["dev.airlock/session"] = json!("s-2");
    for (tool, arguments) in
        [("find", json!({"text": "x"})), ("post", json!({"project": "p", "title": "t"})), ("remove", json!({"id": 7}))]
    {
        let reply = gateway.ask(&call_with(tool, tool, &arguments, if tool == "find" { &other } else { &meta }));
        assert_eq!(reply["result"]["isError"], false, "{reply}");
    }
    let (judge, egress, clerk) = (gateway.pid(), named(gateway.pid(), "egress"), named(gateway.pid(), "clerk"));
    let memory = |pid: u32| File::open(format!("/proc/{pid}/mem"));
    let (Ok(of_judge), Ok(of_egress), Ok(of_clerk)) = (memory(judge), memory(egress), memory(clerk)) else {
        // Nobody but root may look.
        return drop(gateway.finish());
    };
    let log_key = decode(std::fs::read_to_string(place.ledger().join("keys/log.key")).unwrap().trim());
    for (what, key) in [("audience key", &KEY_BYTES[..]), ("log key", &log_key)] {
        assert!(!holding(judge, &of_judge, key).is_empty(), "{what}: the search finds what is there");
        let found = holding(egress, &of_egress, key);
        assert!(found.is_empty(), "the {what} in {} of egress", found[0].0.head);
        let found = holding(clerk, &of_clerk, key);
        assert!(found.is_empty(), "the {what} in {} of the clerk", found[0].0.head);
    }
    for (name, secret) in CREDENTIALS {
        assert!(!holding(egress, &of_egress, secret.as_bytes()).is_empty(), "{name}: the search finds what is there");
        let found = holding(judge, &of_judge, secret.as_bytes());
        assert!(found.is_empty(), "{name} in {} of the judge", found[0].0.head);
        let found = holding(clerk, &of_clerk, secret.as_bytes());
        assert!(found.is_empty(), "{name} in {} of the clerk", found[0].0.head);
    }
    gateway.finish();
}

/// Standard base64 with padding.
fn decode(text: &str) -> Vec<u8> {
    let letter = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let bits: Vec<u8> =
        text.trim_end_matches('=').bytes().flat_map(|c| (0..6).rev().map(move |bit| letter(c) >> bit & 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |value, bit| value << 1 | bit)).collect()
}
