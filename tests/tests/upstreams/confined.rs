//! What a foreign program can do to its machine, with and without a sandbox, and what it needs to be able to do.

use crate::real::{Ground, servers_gateway};
use crate::scene::{Scene, start, told, work};
use airlock_tests::clients::{SERVERS, program};
use airlock_tests::message::call;
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use airlock_tests::upstreams::{descendants, is_alive};
use serde_json::{Map, Value, json};
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// What no kernel of today keeps from a process: that a path exists, with its size and times.
pub(crate) const OPEN: [&str; 1] = ["metadata of the outside"];

/// Something to attack, and a directory to work in.
struct Target {
    outside: TempDir,
    work: TempDir,
    name: String,
    _held: (TcpListener, Option<TcpListener>, UdpSocket, UnixListener, UnixListener, UnixDatagram),
    place: Value,
}

impl Target {
    fn new(scene: &Scene) -> Self {
        let (outside, work) = (tempfile::tempdir().unwrap(), TempDir::new_in(work()).unwrap());
        for file in ["file", "removed", "taken"] {
            std::fs::write(outside.path().join(file), "text").unwrap();
        }
        let name = format!("airlock-{}", outside.path().file_name().unwrap().to_str().unwrap());
        let at = |name: &str| outside.path().join(name);
        let tcp4 = TcpListener::bind("127.0.0.1:0").unwrap();
        let tcp6 = TcpListener::bind("[::1]:0").ok();
        let held = (
            tcp4,
            tcp6,
            UdpSocket::bind("127.0.0.1:0").unwrap(),
            UnixListener::bind(at("socket")).unwrap(),
            UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap(),
            UnixDatagram::bind(at("datagrams")).unwrap(),
        );
        let ledger = a_file(&scene.place.ledger());
        let place = json!({
            "home": std::env::var_os("HOME").and_then(|home| home.into_string().ok()).unwrap_or_else(|| "/home".into()),
            "ledger": ledger, "key": scene.place.key_file(), "outside": outside.path(), "work": work.path(),
            "tcp4": held.0.local_addr().unwrap().port(), "tcp6": held.1.as_ref().map_or(9, |one| one.local_addr().unwrap().port()),
            "udp": held.2.local_addr().unwrap().port(), "socket": at("socket"), "datagrams": at("datagrams"),
            "abstract": name, "gateway": scene.gateway.pid(),
        });
        Self { outside, work, name, _held: held, place }
    }
}

/// A file in a directory.
fn a_file(dir: &Path) -> PathBuf {
    let all = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    all.into_iter().find(|path| path.is_file()).unwrap()
}

/// What succeeded of the attacks and of the controls that an upstream was told to try.
pub(crate) fn attempts(scene: &mut Scene, upstream: &str) -> [Map<String, Value>; 2] {
    // By then the gateway has its ledger.
    assert_eq!(scene.say(upstream, "echo", "there"), "there");
    let target = Target::new(scene);
    let said = scene.say(upstream, "attempts", &target.place.to_string());
    let mut all: Value = serde_json::from_str(&said).unwrap_or_else(|fault| panic!("{fault}: {said}"));
    let Target { outside, work, name, .. } = target;
    drop((outside, work, name));
    ["attacks", "controls"].map(|kind| serde_json::from_value(all[kind].take()).unwrap())
}

pub(crate) fn names(all: &Map<String, Value>, outcome: bool) -> Vec<&str> {
    all.iter().filter(|(_, succeeded)| **succeeded == outcome).map(|(name, _)| name.as_str()).collect()
}

#[test]
fn nothing_of_what_a_hostile_server_tries_succeeds() {
    let mut scene = Scene::new();
    let [free, needs] = attempts(&mut scene, "free");
    assert!(free.len() >= 52, "{} attacks", free.len());
    assert_eq!(names(&needs, false), [""; 0], "controls without a sandbox");
    // How many depends on who runs the test; a user without privileges can do most of it.
    assert!(names(&free, true).len() >= 45, "attacks that fail without any sandbox: {:?}", names(&free, false));
    for upstream in ["confined", "lenient"] {
        let [attacks, needs] = attempts(&mut scene, upstream);
        let row = |name: &String| format!("{:5} {:5} {name}", free[name].to_string(), attacks[name].to_string());
        let table = attacks.keys().map(row).collect::<Vec<_>>().join("\n");
        println!("free  {upstream}\n{table}\n{} {} of {}", names(&free, true).len(), names(&attacks, true).len(), free.len());
        assert_eq!(names(&attacks, true), OPEN, "{table}");
        assert_eq!(names(&needs, false), [""; 0], "controls of {upstream}");
    }
    let stderr = scene.gateway.finish();
    let told = "airlock: upstream confined: the kernel confines it: Landlock ";
    assert!(stderr.contains(told) && stderr.contains("namespaces for users, network and IPC"), "{stderr}");
}

/// A scene on a kernel that lacks some calls: numbers of `x86_64` and errors.
fn without(calls: &str) -> Scene {
    let place = Place::new("hostile");
    let usual = start(&place);
    let mut command = Command::new(program("python3"));
    command.arg(format!("{SERVERS}/without.py")).arg(calls).arg(usual.get_program()).current_dir(place.dir());
    command.envs(usual.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let gateway = Gateway::start(command);
    Scene::of(place, gateway)
}

#[test]
#[cfg(target_arch = "x86_64")]
fn where_the_kernel_lacks_a_part_the_upstream_is_not_started() {
    // Landlock's three calls, seccomp's one, unshare.
    for (calls, name, lenient) in
        [("444=38,445=38,446=38", "landlock", false), ("317=38", "seccomp", false), ("272=1", "userns", true)]
    {
        let mut scene = without(calls);
        let refused = scene.call("confined.act", &json!({"do": "pid"}));
        assert_eq!(told(&refused), "upstream_unavailable", "{refused}");
        let detail = refused["result"]["structuredContent"]["detail"].as_str().unwrap();
        assert!(detail.contains("it cannot be confined") && detail.contains(name), "{name}: {detail}");
        assert_eq!(scene.say("free", "echo", "others go on"), "others go on");
        if lenient {
            let [attacks, needs] = attempts(&mut scene, "lenient");
            assert_eq!((names(&attacks, true), names(&needs, false)), (OPEN.to_vec(), Vec::new()), "without namespaces");
            let stderr = scene.gateway.finish();
            assert!(stderr.contains("no namespaces, which this host refuses and the manifest allows"), "{stderr}");
        } else {
            assert_eq!(told(&scene.call("lenient.act", &json!({"do": "pid"}))), "upstream_unavailable");
            scene.gateway.finish();
        }
    }
}

#[test]
fn a_server_that_was_told_to_serve_everything_serves_what_it_is_given() {
    let ground = Ground::new();
    let program = servers_gateway(&ground);
    let place = Place::new("servers");
    let mut claims = place.claims(&["liar.read_text_file", "liar.write_file"]);
    claims.dom = Vec::new();
    let lease = place.mint(&claims);
    let mut command = place.command(&program);
    command.env("MEMORY_FILE_PATH", "/nowhere");
    let mut gateway = Gateway::start(command);
    let mut id = 0;
    let mut ask = |tool: &str, arguments: Value| {
        id += 1;
        gateway.send(&call(id, &format!("liar.{tool}"), &arguments, &lease));
        gateway.reply(id)["result"].clone()
    };
    let inside = ask("read_text_file", json!({"path": ground.work.join("a.txt")}));
    assert_eq!(inside["content"][0]["text"], "one\ntwo\n", "{inside}");
    let ledger = a_file(&place.ledger());
    for path in ["/etc/passwd".into(), "/etc/shadow".into(), place.key_file(), ledger, ground.repo.join(".git/HEAD")] {
        let told = ask("read_text_file", json!({"path": path}));
        assert!(told["isError"] == true && told.to_string().contains("EACCES"), "{}: {told}", path.display());
    }
    let (there, new) = (place.dir().join("there"), place.dir().join("new"));
    std::fs::write(&there, "mine").unwrap();
    for path in [&there, &new] {
        let told = ask("write_file", json!({"path": path, "content": "x"}));
        assert!(told["isError"] == true && told.to_string().contains("EACCES"), "{told}");
    }
    assert_eq!((std::fs::read_to_string(&there).unwrap(), new.exists()), ("mine".to_owned(), false));
    // What it held before, for the others that read it.
    let told = ask("write_file", json!({"path": ground.work.join("a.txt"), "content": "one\ntwo\n"}));
    assert_ne!(told["isError"], true, "{told}");
    gateway.finish();
}

/// A server that starts processes until there are no more comes to its bound, does no harm to others, and is ended with all of them. Of root the
/// kernel counts no processes, and the gateway says so.
#[test]
fn a_fork_bomb_comes_to_its_bound_and_ends() {
    let mut scene = Scene::new();
    assert_eq!(scene.say("confined", "echo", "there"), "there");
    if rustix::process::geteuid().is_root() {
        let stderr = scene.gateway.finish();
        assert!(stderr.contains(", any number of processes, since it is run by root"), "{stderr}");
        return;
    }
    // One of them is the server itself.
    assert_eq!(scene.act("confined", "bomb"), "47");
    let all = descendants(scene.gateway.pid());
    assert!(all.len() >= 48, "{}", all.len());
    // Others of the user are not counted, and go on.
    assert_eq!(scene.say("legacy", "echo", "there"), "there");
    let stderr = scene.gateway.finish();
    assert!(stderr.contains(", 48 processes at most"), "{stderr}");
    let begun = std::time::Instant::now();
    while all.iter().any(|pid| is_alive(*pid)) {
        assert!(begun.elapsed() < airlock_tests::DEADLINE, "some are left");
        std::thread::yield_now();
    }
}
