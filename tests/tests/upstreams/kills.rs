//! Whatever is killed, no process of an upstream outlives the gateway.

use crate::scene::{Scene, told};
use airlock_tests::DEADLINE;
use airlock_tests::upstreams::{descendants, is_alive, named};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::time::Instant;

/// A scene in which three upstreams run, one of them confined, and each has left a daemon; all processes but the gateway's own.
fn busy() -> (Scene, Vec<u32>) {
    let mut scene = Scene::new();
    let daemons = ["legacy", "modern", "confined"].map(|upstream| scene.act(upstream, "daemon").parse::<u32>().unwrap());
    let all = descendants(scene.gateway.pid());
    // The launcher and the clerk; a keeper, a server and a daemon of each.
    assert_eq!(all.len(), 11, "{all:?}");
    assert!(daemons.iter().all(|daemon| all.contains(daemon)), "{daemons:?} in {all:?}");
    (scene, all)
}

fn kill(pid: u32) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
}

fn assert_gone(processes: &[u32]) {
    let begun = Instant::now();
    while processes.iter().any(|pid| is_alive(*pid)) {
        assert!(begun.elapsed() < DEADLINE, "left: {:?}", processes.iter().filter(|pid| is_alive(**pid)).collect::<Vec<_>>());
        std::thread::yield_now();
    }
}

#[test]
fn the_end_of_the_client_is_the_end_of_all() {
    let (scene, all) = busy();
    scene.gateway.finish();
    assert_gone(&all);
}

#[test]
fn a_server_that_does_not_want_to_end_is_ended() {
    let (mut scene, all) = busy();
    scene.act("legacy", "stubborn");
    scene.gateway.terminate();
    assert_eq!(scene.gateway.end().0.code(), Some(0));
    assert_gone(&all);
}

/// Its calls that wait for an answer have an end that cannot be recorded, and nobody waits for that.
#[test]
fn a_gateway_whose_ledger_is_held_by_another_process_ends() {
    let mut scene = Scene::new();
    let params = scene.params("asks-modern", &json!({"do": "ask"}), &json!({"elicitation": {}}));
    assert_eq!(scene.ask("1", &params)["result"]["resultType"], "input_required");
    let head = std::fs::File::open(scene.place.ledger().join("head")).unwrap();
    rustix::fs::flock(&head, rustix::fs::FlockOperation::LockExclusive).unwrap();
    scene.gateway.terminate();
    let (status, stderr) = scene.gateway.end();
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("another process holds it"), "{stderr}");
}

#[test]
fn a_killed_gateway_leaves_nobody() {
    let (mut scene, all) = busy();
    scene.gateway.kill();
    assert_gone(&all);
}

#[test]
fn a_killed_launcher_leaves_nobody_and_a_gateway_that_says_so() {
    let (mut scene, mut all) = busy();
    kill(all[0]);
    // The clerk is none of its processes.
    let clerk = named(scene.gateway.pid(), "clerk");
    all.retain(|pid| *pid != clerk);
    assert_gone(&all);
    assert_eq!(scene.act("legacy", "pid"), "upstream_unavailable");
    let (place, stderr) = (scene.place, scene.gateway.finish());
    assert_gone(&[clerk]);
    let ended = place.entries_of("ended");
    assert_eq!((ended.len(), &ended[0]["role"]), (1, &json!("launcher")));
    assert!(stderr.contains("the launcher of upstreams has ended"), "{stderr}");
}

#[test]
fn gateway_and_launcher_killed_together_leave_nobody() {
    let (mut scene, all) = busy();
    kill(all[0]);
    scene.gateway.kill();
    assert_gone(&all);
}

#[test]
fn what_one_upstream_leaves_behind_ends_with_it() {
    let (mut scene, _) = busy();
    let other = scene.act("modern", "pid");
    let daemon: u32 = scene.act("legacy", "daemon").parse().unwrap();
    let exit = scene.call("legacy.act", &json!({"do": "exit"}));
    assert_eq!(told(&exit), "upstream_ended");
    assert_gone(&[daemon]);
    assert_eq!(scene.act("modern", "pid"), other);
    // Killing the keeper of one is killing the one.
    let server: u32 = scene.act("legacy", "pid").parse().unwrap();
    let keeper = descendants(scene.gateway.pid()).into_iter().find(|pid| descendants(*pid) == [server]).unwrap();
    let daemon: u32 = scene.act("legacy", "daemon").parse().unwrap();
    kill(keeper);
    assert_gone(&[keeper, server, daemon]);
    assert_eq!(scene.act("modern", "pid"), other);
    scene.gateway.finish();
}
