//! Which revision an upstream speaks is found out, whatever it does when it is asked.

use crate::scene::{Scene, told};
use serde_json::json;

#[test]
fn every_way_to_begin() {
    let mut scene = Scene::new();
    // Its probe is not answered, which takes ten seconds to find out. The others do not wait for it.
    let slow = scene.send("silent.act", &json!({"do": "echo", "text": "after all"}));
    for (era, expected) in [
        ("legacy", "hello"),
        ("modern", "hello"),
        ("exits", "hello"),
        ("banners", "hello"),
        ("foreign", "upstream_unavailable"),
        ("endless", "upstream_unavailable"),
        ("drifted", "definition_drift"),
        ("pinned-modern", "upstream_unavailable"),
        ("pinned-legacy", "upstream_unavailable"),
    ] {
        assert_eq!(scene.say(era, "echo", "hello"), expected, "{era}");
    }
    assert_eq!(told(&scene.gateway.reply(slow)), "after all");
    // The tool beside the drifted one is as it was reviewed.
    assert_eq!(told(&scene.call("drifted.fixed", &json!({"a": 1}))), "");
    scene.gateway.finish();
}

#[test]
fn a_drift_is_recorded_and_refused_from_then_on() {
    let mut scene = Scene::new();
    assert_eq!(scene.act("legacy", "pid").parse::<u32>().map(|_| ()), Ok(()));
    assert_eq!(scene.act("legacy", "drift"), "changed");
    // The change is found by the next call, which was allowed; the ones after that are refused.
    let first = scene.call("legacy.act", &json!({"do": "pid"}));
    assert_eq!(told(&first), "definition_drift");
    assert_eq!(first["result"]["structuredContent"]["decision"], "allow");
    let second = scene.call("legacy.act", &json!({"do": "pid"}));
    assert_eq!(second["result"]["structuredContent"]["decision"], "deny");
    let detail = second["result"]["structuredContent"]["detail"].as_str().unwrap();
    assert!(detail.contains("legacy.act") && detail.contains("description changed"), "{detail}");
    assert_eq!(told(&scene.call("legacy.fixed", &json!({"a": 1}))), "", "other tools go on");
    let reasons: Vec<String> = scene.place.entries_of("decision").iter().map(|entry| entry["why"].to_string()).collect();
    assert_eq!(reasons.iter().filter(|why| **why == "\"definition_drift\"").count(), 1, "{reasons:?}");
    let outcomes: Vec<String> = scene.place.entries_of("outcome").iter().map(|entry| entry["status"].to_string()).collect();
    assert!(outcomes.contains(&"\"definition_drift\"".to_owned()), "{outcomes:?}");
    let stderr = scene.gateway.finish();
    assert!(stderr.contains("the tool act of the upstream legacy has another definition"), "{stderr}");
}
