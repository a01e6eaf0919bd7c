//! Many calls and many callers: nothing grows, nothing is left behind, and everybody gets his own answer.

use crate::scene::{Scene, told};
use airlock_tests::DEADLINE;
use airlock_tests::upstreams::descendants;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;

/// Callers at once.
const CALLERS: usize = 64;
/// Calls before the first look, when every pool and cache has its size.
const SETTLED: usize = 2_000;
/// Calls before the second.
const CALLS: usize = 10_000;
/// What memory of all processes may differ by, bytes: pages that an allocator keeps or gives back.
const SLACK: u64 = 8 << 20;

/// What the processes of a gateway and its upstreams hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    processes: usize,
    descriptors: usize,
    zombies: usize,
}

fn processes(scene: &Scene) -> Vec<u32> {
    let pid = scene.gateway.pid();
    [vec![pid], descendants(pid)].concat()
}

fn held(scene: &Scene) -> Held {
    let all = processes(scene);
    let open = |pid: &u32| std::fs::read_dir(format!("/proc/{pid}/fd")).map(Iterator::count).unwrap_or_default();
    let is_zombie = |pid: &&u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
    };
    Held { processes: all.len(), descriptors: all.iter().map(open).sum(), zombies: all.iter().filter(is_zombie).count() }
}

/// Memory of all of them, bytes.
fn memory(scene: &Scene) -> u64 {
    let resident = |pid: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).map(str::trim).unwrap_or_default().to_owned();
        line.split(' ').next().and_then(|kib| kib.parse::<u64>().ok()).unwrap_or_default() * 1024
    };
    processes(scene).iter().map(resident).sum()
}

/// One call of each caller at once, and what each is told, in the order of the callers.
fn round(scene: &mut Scene, upstreams: [&str; 2], arguments: impl Fn(usize) -> Value) -> Vec<String> {
    let ids: Vec<u64> = (0..CALLERS).map(|n| scene.send(&format!("{}.act", upstreams[n % 2]), &arguments(n))).collect();
    let mut replies: BTreeMap<u64, String> = BTreeMap::new();
    while replies.len() < ids.len() {
        let reply = scene.gateway.next_reply();
        let twice = replies.insert(reply["id"].as_u64().unwrap(), told(&reply));
        assert_eq!(twice, None, "a second answer: {reply}");
    }
    ids.iter().map(|id| replies.remove(id).unwrap()).collect()
}

#[test]
fn ten_thousand_calls_leave_memory_descriptors_and_processes_as_they_were() {
    let mut scene = Scene::new();
    let mut before = None;
    let mut made = 0;
    // A lease is good for ten thousand calls, and two begin here.
    let mut claims = scene.place.claims(&["legacy.act", "modern.act"]);
    claims.dom = Vec::new();
    while made < CALLS {
        if made >= SETTLED && before.is_none() {
            before = Some((held(&scene), memory(&scene)));
            scene.lease = scene.place.mint(&claims);
        }
        let said = round(&mut scene, ["legacy", "modern"], |n| json!({"do": "echo", "text": format!("{made} {n}")}));
        assert!(said.iter().enumerate().all(|(n, text)| *text == format!("{made} {n}")), "{said:?}");
        made += CALLERS;
    }
    let (before, settled) = before.unwrap();
    // The ledger's thread opens files of its own now and then.
    let begun = Instant::now();
    while held(&scene) != before {
        assert!(begun.elapsed() < DEADLINE, "{:?}, before {before:?}", held(&scene));
        std::thread::yield_now();
    }
    let after = memory(&scene);
    println!("{settled} bytes after {SETTLED} calls, {after} after {made}; {before:?}");
    assert_eq!(before.zombies, 0);
    assert!(after < settled + SLACK, "{settled} bytes after {SETTLED} calls, {after} after {made}");
    scene.gateway.finish();
}

#[test]
fn each_of_many_callers_gets_his_own_answer_of_a_megabyte() {
    let mut scene = Scene::new();
    // What the limits hold back goes on when there is room; sizes tell the answers apart.
    let size = |n: usize| 900_000 + n;
    let said = round(&mut scene, ["free", "confined"], |n| json!({"do": "large", "n": size(n)}));
    for (n, text) in said.iter().enumerate() {
        assert_eq!(text.len(), size(n), "caller {n}: {}", &text[..40.min(text.len())]);
    }
    scene.gateway.finish();
}
