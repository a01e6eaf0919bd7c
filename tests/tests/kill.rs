//! A gateway that dies without warning: no decision that it told is lost, nothing is done that was not recorded, and the ledger says
//! how far it can be trusted.
//!
//! Where the kills fall is random. A failure prints the seed; `AIRLOCK_SEED` repeats its choices, not the scheduling of processes.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use airlock_tests::DEADLINE;
use airlock_tests::built::abuse;
use airlock_tests::message::{call, call_with, get, meta};
use airlock_tests::place::{INTENT, Place};
use airlock_tests::process::Gateway;
use airlock_tests::proof::{assert_contiguous, assert_recorded, log_key, told, verify};
use airlock_tests::web::web;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Instant, SystemTime};

/// Gateways killed while they work.
const ROUNDS: u64 = 20;
/// Calls under way at once in a round.
const CALLS: u64 = 40;
/// Kinds of calls in a round; see [`Scene::line`].
const KINDS: u64 = 7;

/// Numbers that look random and follow from a seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let now = || SystemTime::UNIX_EPOCH.elapsed().unwrap().subsec_nanos().into();
        let seed = std::env::var("AIRLOCK_SEED").map_or_else(|_| now(), |seed| seed.parse().unwrap());
        eprintln!("AIRLOCK_SEED={seed}");
        Self(seed)
    }

    /// A number from 0 up to but not including `bound`.
    fn roll(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// What sets off a kill.
#[derive(Debug, Clone, Copy)]
enum Trigger {
    /// So many replies were read.
    Replies(u64),
    /// So many requests reached the web.
    Effects(u64),
    /// The ledger grew by so many bytes.
    Growth(u64),
}

impl Trigger {
    fn any(dice: &mut Dice) -> Self {
        match dice.roll(3) {
            0 => Self::Replies(dice.roll(CALLS + 1)),
            1 => Self::Effects(dice.roll(4)),
            _ => Self::Growth(dice.roll(CALLS * SHORTEST_DECISION)),
        }
    }
}

/// No line of a decision has fewer bytes, so this growth is always reached.
const SHORTEST_DECISION: u64 = 300;

/// A ledger over several lives of its gateway.
struct Scene {
    place: Place,
    planner: String,
    auditor: String,
    /// The log key, once there is a ledger to take it from.
    key: Option<String>,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new("abuse");
        let mut claims = place.claims(&["airlock_usage_stats"]);
        (claims.sub, claims.risk, claims.dom) = ("operator:auditor".into(), 500, Vec::new());
        Self { planner: place.lease(&["http_get_json"]), auditor: place.mint(&claims), place, key: None }
    }

    /// A call of a kind, whose tool and path are told from its id: half of the kinds are allowed.
    fn line(&self, kind: u64, n: u64, path: &str) -> String {
        let id = format!("{}:{n}", tool_of(kind));
        match kind {
            0 => get(id, path, &self.planner),
            1 => call(id, tool_of(kind), &json!({}), &self.auditor),
            2 => {
                let arguments = json!({"session_id": format!("own-{n}"), "subject": "agent:planner", "tools": ["http_get_json"],
                    "intent": INTENT});
                call_with(id, tool_of(kind), &arguments, &meta())
            }
            3 => call_with(id, tool_of(kind), &json!({"url": format!("https://api.open-meteo.com{path}")}), &meta()),
            4 => get(id, path, &self.planner.replace("alk1.k1.e", "alk1.k1.f")),
            5 => call(id, tool_of(kind), &json!({"url": "https://example.org/"}), &self.planner),
            _ => call(id, tool_of(kind), &json!({}), &self.planner),
        }
    }

    /// Sends calls, kills, and gives every reply that had left the gateway by then.
    fn interrupted(&self, mut gateway: Gateway, dice: &mut Dice, path: &str) -> (Trigger, Vec<Value>) {
        let before = self.bytes();
        let gets = 4; // of the kind that reaches the web, so that `Effects` is always reached
        for n in 0..CALLS {
            let kind = if n < gets { 0 } else { dice.roll(KINDS) };
            gateway.send(&self.line(kind, n, path));
        }
        let trigger = Trigger::any(dice);
        let mut lines = Vec::new();
        match trigger {
            Trigger::Replies(count) => (0..count).for_each(|_| lines.extend(gateway.line())),
            Trigger::Effects(count) => web().wait_for(path, usize::try_from(count).unwrap()),
            Trigger::Growth(bytes) => spin(&mut || self.bytes() >= before + bytes),
        }
        gateway.kill();
        gateway.end();
        lines.extend(std::iter::from_fn(|| gateway.line()));
        // A reply that was cut short told nothing; only the last can be.
        let cut = lines.pop_if(|last| serde_json::from_str::<Value>(last).is_err());
        assert!(cut.is_none_or(|cut| cut.starts_with('{')));
        (trigger, lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    /// Length of the segment; 0 while there is none.
    fn bytes(&self) -> u64 {
        length(&self.place.ledger().join(SEGMENT))
    }

    /// The gateway starts again where it died, answers, ends well, and then everything is proven.
    fn recovers(&self) {
        let mut gateway = self.place.start(&abuse());
        let reply = gateway.ask(&self.line(0, 0, "/recovered"));
        assert_eq!(reply["result"]["isError"], false, "{reply}");
        gateway.finish();
        let entries = self.place.entries();
        assert_recorded(&[reply], &entries, tool_of_id);
        assert_contiguous(&entries);
        let key = self.key.clone().unwrap_or_else(|| log_key(&self.place));
        let proof = verify(&self.place, Some(&key));
        assert!(proof.is_complete(), "{proof:?}");
    }
}

const SEGMENT: &str = "seg-00000000000000000000.jsonl";

fn tool_of(kind: u64) -> &'static str {
    [
        "http_get_json",
        "airlock_usage_stats",
        "airlock_issue_capability",
        "http_get_json",
        "http_get_json",
        "http_get_json",
        "nope",
    ][usize::try_from(kind).unwrap()]
}

fn tool_of_id(id: &str) -> String {
    id.split(':').next().unwrap().to_owned()
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

/// Watches for a state that lasts only microseconds, which no notification would catch.
fn spin(reached: &mut dyn FnMut() -> bool) {
    let begun = Instant::now();
    while !reached() {
        assert!(begun.elapsed() < DEADLINE, "the gateway does not come that far");
    }
}

#[test]
fn a_kill_at_any_moment_loses_no_decision_that_was_told() {
    let program = abuse();
    let mut dice = Dice::new();
    let (mut scene, mut effects, mut codes) = (Scene::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        if dice.roll(3) == 0 {
            scene = Scene::new();
        }
        let gateway = scene.place.start(&program);
        spin(&mut || scene.bytes() > 0);
        scene.key.get_or_insert_with(|| log_key(&scene.place));
        let (path, first) = (format!("/kill/{round}"), scene.place.entries().len());
        let (trigger, replies) = scene.interrupted(gateway, &mut dice, &path);

        let proof = verify(&scene.place, scene.key.as_deref());
        assert!(proof.is_complete() || proof.names_its_end(), "{trigger:?}: {proof:?}");
        let entries = scene.place.entries();
        assert_contiguous(&entries);
        assert_recorded(&replies, &entries, tool_of_id);
        // A lease that left is on record, for it can be used at once.
        for reply in &replies {
            if let Some(rid) = reply["result"]["structuredContent"].get("lease_id") {
                assert!(entries.iter().any(|entry| entry["t"] == "issue" && entry["rid"] == *rid), "{trigger:?}: {reply}");
            }
        }
        effects.push((
            path,
            entries[first..].iter().filter(|entry| entry["d"] == "allow" && entry["tool"] == "http_get_json").count(),
        ));
        codes.push((trigger, replies.len(), proof.code));
        scene.recovers();
    }
    eprintln!("{codes:?}");
    for (path, allowed) in effects {
        assert!(web().come(&path) <= allowed, "{path}: {} requests, {allowed} of them recorded before", web().come(&path));
    }
}

#[test]
fn a_kill_during_the_very_first_start_stands_in_nobodys_way() {
    let program = abuse();
    let begun = |place: &Place, file: &str| place.ledger().join(file).exists();
    let stages: [&dyn Fn(&Place) -> bool; 9] = [
        &|_| true,
        &|place| place.ledger().is_dir(),
        &|place| begun(place, "head"),
        &|place| begun(place, "keys/log.draft"),
        &|place| begun(place, "keys/log.key"),
        &|place| begun(place, "keys/epoch.key"),
        &|place| begun(place, SEGMENT),
        &|place| length(&place.ledger().join(SEGMENT)) > 0,
        &|place| length(&place.ledger().join("head")) > 0,
    ];
    for (number, stage) in stages.iter().enumerate() {
        let scene = Scene::new();
        // Twice, because the second start finds what the first one left.
        for _ in 0..2 {
            let mut gateway = scene.place.start(&program);
            // A draft may come and go unseen; what follows it is then the same moment.
            spin(&mut || stage(&scene.place) || scene.bytes() > 0);
            gateway.kill();
            gateway.end();
            let proof = verify(&scene.place, None);
            let expected = if begun(&scene.place, SEGMENT) { 3 } else { 2 };
            assert_eq!(proof.code, expected, "stage {number}: {proof:?}");
        }
        scene.recovers();
    }
}

#[test]
fn a_death_between_the_first_line_and_the_head_is_taken_up() {
    let scene = Scene::new();
    // The room of the head's slots lies across the limit, line 0 before it.
    let (status, stderr) = scene.place.start_limited(&abuse(), 2).end();
    assert_eq!(status.code(), None, "a signal was expected: {stderr}");
    assert_eq!((scene.place.entries().len(), length(&scene.place.ledger().join("head"))), (1, 1024));
    assert_eq!(verify(&scene.place, None).code, 3);
    scene.recovers();
}

#[test]
fn a_death_within_the_first_line_is_not_taken_for_tampering() {
    let scene = Scene::new();
    scene.place.start(&abuse()).finish();
    let ledger = scene.place.ledger();
    let line = std::fs::read(ledger.join(SEGMENT)).unwrap();
    let key = log_key(&scene.place);
    std::fs::remove_file(ledger.join("checkpoint")).unwrap();
    std::fs::write(ledger.join("head"), "").unwrap();
    for kept in [0, 1, line.len() - 1] {
        std::fs::write(ledger.join(SEGMENT), &line[..kept]).unwrap();
        let proof = verify(&scene.place, None);
        assert_eq!((proof.code, &proof.report["torn"]["bytes"]), (3, &json!(kept)), "{proof:?}");
        // Whoever has the key has seen a first line: for them it was removed.
        assert_eq!(verify(&scene.place, Some(&key)).code, 1);
    }
    scene.recovers();
}

#[test]
fn half_a_line_is_named_then_set_aside_and_nothing_is_done_meanwhile() {
    const LIMIT_BLOCKS: u32 = 17;
    let mut scene = Scene::new();
    let mut gateway = scene.place.start_limited(&abuse(), LIMIT_BLOCKS);
    let replies: Vec<Value> = (0..CALLS).map(|n| gateway.ask(&scene.line(3, n, "/half"))).collect();
    scene.key = Some(log_key(&scene.place));
    let (recorded, refused): (Vec<Value>, Vec<Value>) = replies.into_iter().partition(|reply| told(reply).is_some());
    assert!(!recorded.is_empty() && !refused.is_empty());
    assert_recorded(&recorded, &scene.place.entries(), tool_of_id);
    // Allowed otherwise; here nothing can be recorded, so nothing is done.
    let after = gateway.ask(&scene.line(0, 0, "/half"));
    for reply in refused.iter().chain([&after]) {
        assert_eq!(reply["result"]["structuredContent"]["reason"], "ledger_unavailable", "{reply}");
    }
    assert_eq!(web().come("/half"), 0);
    gateway.close();
    assert_eq!(gateway.end().0.code(), Some(1));

    let proof = verify(&scene.place, scene.key.as_deref());
    assert!(proof.names_its_end() && proof.report["torn"]["bytes"].as_u64() > Some(0), "{proof:?}");
    scene.recovers();
    let recover = scene.place.entries_of("recover");
    assert_eq!((recover.len(), &recover[0]["bytes"]), (1, &proof.report["torn"]["bytes"]));
    let torn = scene.place.ledger().join("torn").join(recover[0]["torn"].as_str().unwrap());
    assert_eq!(length(&torn), recover[0]["bytes"].as_u64().unwrap());
}
