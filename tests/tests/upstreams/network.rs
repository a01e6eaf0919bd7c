//! A confined server that has a network: the gateway is its only way out, to listed hosts.

use crate::confined::{attempts, names};
use crate::scene::{PATIENT, Scene, confine, hostile_command, reviewed, told};
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use airlock_tests::upstreams::{Upstream, gateway};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{LazyLock, OnceLock};

/// What every connection of the service sent first, in order. It stands for `api.example.com`, and says so.
static SERVICE: LazyLock<(u16, std::sync::Mutex<Receiver<Vec<u8>>>)> = LazyLock::new(|| {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut first = vec![0; 4096];
            let length = client.read(&mut first).unwrap_or(0);
            let _ = client.write_all(b"this is the service");
            first.truncate(length);
            if send.send(first).is_err() {
                return;
            }
        }
    });
    (port, std::sync::Mutex::new(receive))
});

fn built() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let act = vec![reviewed().remove(0)];
    BUILT
        .get_or_init(|| {
            let mut upstream = Upstream::new("talks", hostile_command("legacy"), act);
            upstream.lines = format!(
                "env.TOKEN = \"none\"\nstart_timeout = \"15s\"\n{}",
                confine(", net = \"proxy\", hosts = [\"api.example.com\"]")
            );
            upstream.tool_lines = format!(
                "effect = \"read\"\n{PATIENT}[[egress]]\nhost = \"api.example.com\"\nstand_in = \"127.0.0.1:{}\"\nwhy = \"test\"\n",
                SERVICE.0
            );
            gateway("network", &[upstream])
        })
        .clone()
}

fn scene() -> Scene {
    let place = Place::new("network");
    let gateway = Gateway::start(place.command(&built()));
    Scene::with(place, gateway, &["talks.act"])
}

#[test]
fn a_server_reaches_the_hosts_of_its_list_and_no_others() {
    let mut scene = scene();
    let mut connect = |host: &str, port: u16, name: &str| {
        let text = json!({"host": host, "port": port, "name": name}).to_string();
        told(&scene.call("talks.act", &json!({"do": "connect", "text": text})))
    };
    let service = SERVICE.1.lock().unwrap();
    assert_eq!(connect("api.example.com", 443, "api.example.com"), "200 this is the service");
    let first = service.recv().unwrap();
    assert!(
        first.starts_with(&[22, 3]) && first.windows(15).any(|part| part == b"api.example.com"),
        "TLS came there as it was sent"
    );
    for (host, port, words) in [
        ("evil.com", 443, "403 Refused by Airlock: "),
        ("api.example.com", 22, "403 Refused by Airlock: "),
        ("127.0.0.1", SERVICE.0, "403 Refused by Airlock: "),
        ("169.254.169.254", 443, "403 Refused by Airlock: "),
        ("localhost", SERVICE.0, "403 Refused by Airlock: "),
    ] {
        let said = connect(host, port, "api.example.com");
        assert!(said.starts_with(words), "{host}: {said}");
    }
    assert!(service.try_recv().is_err(), "none of them came anywhere");
    assert_eq!(connect("api.example.com", 443, "evil.com"), "200 ", "another name within TLS");
    assert_eq!(service.recv().unwrap(), b"", "was not told to the host");
    drop(service);
    // They are told and written within a second or two.
    let rows = || -> Vec<Value> {
        let lines = scene.place.entries_of("connections");
        lines.iter().flat_map(|line| line["of"].as_array().unwrap().clone()).collect()
    };
    let begun = std::time::Instant::now();
    while !rows().iter().any(|row| row["d"] == "not_tls") {
        assert!(begun.elapsed() < airlock_tests::DEADLINE, "{:?}", rows());
        std::thread::yield_now();
    }
    let told = rows();
    let stderr = scene.gateway.finish();
    for (host, port, verdict) in [
        ("api.example.com", 443, "connected"),
        ("evil.com", 443, "refused"),
        ("api.example.com", 22, "refused"),
        ("127.0.0.1", u64::from(SERVICE.0), "refused"),
        ("169.254.169.254", 443, "refused"),
        ("api.example.com", 443, "not_tls"),
    ] {
        let row = json!({"up": "talks", "host": host, "port": port, "d": verdict, "n": 1});
        assert!(told.contains(&row), "{row} in {told:?}");
    }
    assert!(stderr.contains("airlock: upstream talks: no connection for \"CONNECT evil.com:443 HTTP/1.1\": "), "{stderr}");
    assert!(stderr.contains("namespaces for users, network and IPC, ") && stderr.contains(", TLS through egress"), "{stderr}");
}

/// What came within the last moments before the end is told with it, and not only some times a second.
#[test]
fn connections_of_the_last_moment_are_written() {
    let mut scene = scene();
    for n in 0..6 {
        let text = json!({"host": format!("evil{n}.com"), "port": 443, "name": "evil.com"}).to_string();
        let said = told(&scene.call("talks.act", &json!({"do": "connect", "text": text})));
        assert!(said.starts_with("403 Refused by Airlock: "), "{said}");
    }
    let place = scene.place;
    scene.gateway.finish();
    let lines = place.entries_of("connections");
    let rows = || lines.iter().flat_map(|line| line["of"].as_array().unwrap());
    for n in 0..6 {
        let row = json!({"up": "talks", "host": format!("evil{n}.com"), "port": 443, "d": "refused", "n": 1});
        assert!(rows().any(|other| *other == row), "{row} in {lines:?}");
    }
}

/// What a program needs, and what it must not have, is the same with a network: its own loopback device leads nowhere else.
#[test]
fn nothing_else_is_open_to_a_server_with_a_network() {
    let mut scene = scene();
    let [attacks, needs] = attempts(&mut scene, "talks");
    assert!(attacks.len() >= 52, "{}", attacks.len());
    assert_eq!(names(&attacks, true), crate::confined::OPEN);
    assert_eq!(names(&needs, false), [""; 0]);
    scene.gateway.finish();
}

/// The way out is that of one run: the next one has its own, and goes on.
#[test]
fn a_server_that_is_started_again_has_its_network_again() {
    let mut scene = scene();
    let connect = json!({"do": "connect", "text": json!({"host": "evil.com", "port": 443, "name": "evil.com"}).to_string()});
    for _ in 0..2 {
        assert!(told(&scene.call("talks.act", &connect)).starts_with("403 "));
        let ended: Value = scene.call("talks.act", &json!({"do": "exit"}));
        assert_eq!(told(&ended), "upstream_ended");
    }
    scene.gateway.finish();
}
