//! What an upstream does wrong is its own loss: other calls are answered, and answered rightly.

use crate::scene::{Scene, TOKEN, start, told};
use airlock_tests::DEADLINE;
use airlock_tests::message::cancel;
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use airlock_tests::upstreams::descendants;
use serde_json::{Value, json};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Instant;

#[test]
fn what_answers_nothing_is_passed_over() {
    let mut scene = Scene::new();
    for upstream in ["legacy", "modern"] {
        assert_eq!(scene.act(upstream, "noise"), "right");
        assert_eq!(scene.act(upstream, "twice"), "first");
        assert_eq!(scene.say(upstream, "echo", "after"), "after");
        assert_eq!(scene.act(upstream, "asks"), "ok -32601 -32601 -32601", "nothing can be asked but a ping");
        let late = scene.send(&format!("{upstream}.act"), &json!({"do": "late"}));
        // Calls under way have no order, and the second is about the first.
        while scene.act(upstream, "how many") == "0" {}
        assert_eq!(scene.act(upstream, "owed"), "on time");
        assert_eq!(told(&scene.gateway.reply(late)), "late", "{upstream}");
    }
    scene.gateway.finish();
}

#[test]
fn lines_that_are_too_long_fail_the_call_that_they_answer() {
    let mut scene = Scene::new();
    let other = scene.send("legacy.act", &json!({"do": "late"}));
    while scene.act("legacy", "how many") == "0" {}
    assert_eq!(scene.act("legacy", "long"), "result_unusable");
    assert_eq!(scene.act("legacy", "long, id last"), "result_unusable");
    // Within a line's limit, beyond a result's.
    assert_eq!(told(&scene.call("legacy.act", &json!({"do": "large", "n": 1_100_000}))), "result_too_large");
    let large = scene.call("legacy.act", &json!({"do": "large", "n": 1_000_000}));
    assert_eq!(large["result"]["content"][0]["text"].as_str().map(str::len), Some(1_000_000));
    assert_eq!(scene.act("legacy", "owed"), "on time");
    assert_eq!(told(&scene.gateway.reply(other)), "late", "it is the same process still");
    scene.gateway.finish();
}

#[test]
fn floods_hangs_and_ends_are_those_of_one_upstream() {
    let mut scene = Scene::new();
    assert_eq!(scene.say("modern", "echo", "there"), "there");
    let pid = scene.act("modern", "pid");
    // Its first end leads to a start at once, its second does not.
    let stuck = ["hang", "flood"].map(|what| scene.send("legacy.act", &json!({"do": what})));
    let deaf = scene.send("banners.act", &json!({"do": "deaf"}));
    let long = "x".repeat(500_000);
    let unread: Vec<u64> = (0..4).map(|_| scene.send("banners.act", &json!({"do": "echo", "text": long}))).collect();
    for n in 0..100 {
        assert_eq!(scene.say("modern", "echo", &n.to_string()), n.to_string());
    }
    for id in stuck {
        assert_eq!(told(&scene.gateway.reply(id)), "upstream_ended");
    }
    assert_eq!(told(&scene.gateway.reply(deaf)), "timeout");
    for id in unread {
        let told = told(&scene.gateway.reply(id));
        assert!(["timeout", "upstream_ended"].contains(&told.as_str()), "{told}");
    }
    assert_eq!(scene.act("legacy", "endless line"), "upstream_ended");
    // Each is started anew when it is needed.
    assert_eq!(scene.say("banners", "echo", "again"), "again");
    assert_eq!(scene.act("exits", "exit"), "upstream_ended");
    assert_eq!(scene.say("exits", "echo", "again"), "again");
    assert_eq!(scene.act("exits", "exit"), "upstream_ended");
    let waits = scene.call("exits.act", &json!({"do": "pid"}));
    assert_eq!(told(&waits), "upstream_unavailable", "the second restart is not at once");
    assert!(waits["result"]["structuredContent"]["detail"].as_str().unwrap().contains("it is started again in"), "{waits}");
    assert_eq!(scene.act("modern", "pid"), pid, "the others never ended");
    scene.gateway.finish();
}

#[test]
fn cancelled_calls_are_cancelled_there_and_silent_here() {
    let mut scene = Scene::new();
    for upstream in ["legacy", "modern"] {
        let waits = scene.send_listening(&format!("{upstream}.act"), &json!({"do": "wait"}), "mine");
        let progress = scene.gateway.next_reply();
        assert_eq!(progress["params"], json!({"progressToken": "mine", "progress": 1}), "{progress}");
        scene.gateway.send(&cancel(waits));
        // Its answer and further progress come before that of the next call, and only the latter is passed on.
        let next = scene.send(&format!("{upstream}.act"), &json!({"do": "owed"}));
        let reply = scene.gateway.next_reply();
        assert_eq!(reply["id"], next, "{reply}");
        assert_eq!(told(&reply), "on time notifications/cancelled of it");
    }
    let cancelled = scene.place.entries_of("outcome").iter().filter(|entry| entry["status"] == "cancelled").count();
    assert_eq!(cancelled, 2);
    scene.gateway.finish();
}

/// A look at the tools that its client cancelled is none: the next call looks.
#[test]
fn a_drift_is_found_also_when_whoever_looked_first_has_gone() {
    let mut scene = Scene::new();
    for upstream in ["legacy", "modern"] {
        let late = scene.send_listening(&format!("{upstream}.act"), &json!({"do": "late"}), "looked");
        while scene.act(upstream, "how many") == "0" {}
        assert_eq!(scene.act(upstream, "held"), "changed");
        let looks = scene.send(&format!("{upstream}.act"), &json!({"do": "echo", "text": "x"}));
        // The server was asked for its tools, and does not answer.
        let progress = scene.gateway.next_reply();
        assert_eq!(progress["params"]["progressToken"], "looked", "{progress}");
        scene.gateway.send(&cancel(looks));
        assert_eq!(scene.act(upstream, "owed"), "definition_drift");
        scene.gateway.send(&cancel(late));
    }
    scene.gateway.finish();
}

/// A server that says with each list that this has changed would be asked for ever.
#[test]
fn a_list_that_never_stays_the_same_is_not_waited_for() {
    let mut scene = Scene::new();
    for upstream in ["legacy", "modern"] {
        assert_eq!(scene.act(upstream, "restless"), "changed");
        let refused = scene.call(&format!("{upstream}.act"), &json!({"do": "echo", "text": "x"}));
        assert_eq!(told(&refused), "upstream_unavailable");
        assert!(refused.to_string().contains("changes as often as it is looked at"), "{refused}");
    }
    scene.gateway.finish();
}

/// Of a list no more is kept than the page that is read.
#[test]
fn a_list_of_many_long_pages_takes_the_memory_of_one() {
    let mut scene = Scene::new();
    assert_eq!(scene.act("legacy", "heavy"), "changed");
    let before = scene.gateway.peak_memory();
    assert_eq!(scene.say("legacy", "echo", "after 76 MB"), "after 76 MB");
    let grown = scene.gateway.peak_memory() - before;
    assert!(grown < 24 << 20, "{grown} bytes more");
    scene.gateway.finish();
}

#[test]
fn progress_has_the_token_of_the_client_and_grows() {
    let mut scene = Scene::new();
    let id = scene.send_listening("legacy.act", &json!({"do": "progress"}), "t");
    let told: Vec<Value> = (0..7).map(|_| scene.gateway.next_reply()["params"].clone()).collect();
    let step = |n: Value, message: &str| json!({"progressToken": "t", "progress": n, "total": 3, "message": message});
    // The other messages look like an injection, hold a secret, hide something, and are too long.
    let bare = |n: u64| json!({"progressToken": "t", "progress": n});
    let expected =
        [step(json!(1), "step 1"), step(json!(2), "step 2"), step(json!(2.5), "step 2.5"), bare(3), bare(4), bare(5), bare(6)];
    assert_eq!(told, expected);
    assert_eq!(scene.gateway.next_reply()["id"], id);
    scene.gateway.finish();
}

#[test]
fn a_secret_of_an_upstream_is_told_nobody() {
    let mut scene = Scene::new();
    assert_eq!(scene.act("legacy", "secret"), "secret_in_result");
    assert_eq!(scene.say("legacy", "echo", "the rest"), "the rest");
    assert_eq!(scene.act("legacy", "stderr"), "said");
    let ledger = scene.place.entries().iter().map(Value::to_string).collect::<String>();
    let stderr = scene.gateway.finish();
    assert!(!ledger.contains(TOKEN) && !stderr.contains(TOKEN), "{stderr}");
    assert!(stderr.contains("airlock: upstream legacy: ?[2Jfirst line\n"), "{stderr}");
    assert!(stderr.contains("a line that holds a secret was withheld"), "{stderr}");
}

#[test]
fn an_upstream_has_its_own_surroundings() {
    // The key comes through a pipe, which no upstream may have.
    let place = Place::new("hostile");
    let mut command = Command::new("sh");
    let script = "exec 7<\"$KEY\" 8</dev/null; unset KEY; exec \"$0\"";
    let program = start(&place).get_program().to_owned();
    command.args(["-c", script]).arg(program).current_dir(place.dir()).process_group(0);
    command.env("KEY", place.key_file()).env("AIRLOCK_LEDGER_DIR", place.ledger()).env("UPSTREAM_TOKEN", TOKEN);
    command.env("AIRLOCK_KEY_FILE", place.key_file()).env("OTHER", "x");
    let gateway = Gateway::start(command);
    let mut scene = Scene::of(place, gateway);
    let seen: Value = serde_json::from_str(&scene.act("legacy", "surroundings")).unwrap();
    assert_eq!(seen, json!({"env": ["LANG", "TOKEN"], "dir": "/", "fds": [0, 1, 2], "group": true}));
    scene.gateway.finish();
}

#[test]
fn a_thousand_calls_leave_nothing_behind() {
    let mut scene = Scene::new();
    let pid = scene.gateway.pid();
    let held = |scene: &Scene| {
        let descendants = descendants(scene.gateway.pid());
        let open = |pid: &u32| std::fs::read_dir(format!("/proc/{pid}/fd")).map(Iterator::count).unwrap_or_default();
        (descendants.iter().chain([&pid]).map(open).sum::<usize>(), descendants.len())
    };
    for upstream in ["legacy", "modern"] {
        scene.say(upstream, "echo", "first");
    }
    let before = held(&scene);
    let memory = scene.gateway.peak_memory();
    for n in 0..1_000 {
        let upstream = ["legacy", "modern"][n % 2];
        let reply = scene.call(&format!("{upstream}.act"), &json!({"do": "large", "n": 2_000}));
        assert_eq!(told(&reply).len(), 2_000, "{reply}");
    }
    // The ledger's thread opens files of its own now and then.
    let begun = Instant::now();
    while held(&scene).0 > before.0 || held(&scene).1 != before.1 {
        assert!(begun.elapsed() < DEADLINE, "descriptors and processes: {:?}, before {before:?}", held(&scene));
        std::thread::yield_now();
    }
    let grown = scene.gateway.peak_memory() - memory;
    assert!(grown < 8 << 20, "{grown} bytes more");
    scene.gateway.finish();
}
