//! Where a gateway takes its keys from, what rotation means for it, and that no other process of the user reads its memory.

use crate::{airlock, reason};
use airlock_runtime::lease::{KeyRing, Term, keyfile};
use airlock_tests::built::abuse;
use airlock_tests::message::{discover, get};
use airlock_tests::place::Place;
use airlock_tests::process::Gateway;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};

/// The line of a key in the place's key file.
fn key_text(place: &Place) -> String {
    fs::read_to_string(place.key_file()).unwrap()
}

fn serves(mut gateway: Gateway, place: &Place) {
    let reply = gateway.ask(&get("c", "/keys", &place.lease(&["http_get_json"])));
    assert_eq!(reason(&reply), "ok", "{reply}");
    gateway.finish();
}

/// Exit code and stderr of a start that must fail.
fn refuses(mut command: Command) -> (i32, String) {
    let output = command.stdin(Stdio::null()).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_key_comes_from_a_pipe_or_from_systemd_as_well() {
    let place = Place::new("abuse");
    let text = key_text(&place);
    // A shell passes a pipe on; after its end there is nothing left to read in it.
    let mut piped = place.command(Path::new("sh"));
    piped.env_remove("AIRLOCK_KEY_FILE").env("AIRLOCK_KEY_FD", "7").env("KEY", text.trim());
    piped.args(["-c", "exec 8<&0; printf '%s\\n' \"$KEY\" | { exec 7<&0 0<&8 8<&-; unset KEY; exec \"$0\"; }"]).arg(abuse());
    serves(Gateway::start(piped), &place);

    let credentials = place.dir().join("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::write(credentials.join("airlock-key"), &text).unwrap();
    fs::set_permissions(credentials.join("airlock-key"), fs::Permissions::from_mode(0o440)).unwrap();
    let mut by_systemd = place.command(&abuse());
    by_systemd.env_remove("AIRLOCK_KEY_FILE").env("CREDENTIALS_DIRECTORY", &credentials);
    serves(Gateway::start(by_systemd), &place);

    let mut both = place.command(&abuse());
    both.env("AIRLOCK_KEY_FD", "7");
    assert_eq!(refuses(both), (3, "airlock: AIRLOCK_KEY_FILE and AIRLOCK_KEY_FD are both set; name the key in one way\n".into()));
    for (number, part) in [("x", "is not the number of a descriptor"), ("0", "stdin"), ("77", "no such descriptor")] {
        let mut wrong = place.command(&abuse());
        wrong.env_remove("AIRLOCK_KEY_FILE").env("AIRLOCK_KEY_FD", number);
        let (code, message) = refuses(wrong);
        assert_eq!((code, message.contains(part)), (3, true), "{message}");
    }
}

#[test]
fn the_dates_of_a_key_hold_in_the_gateway() {
    let place = Place::new("abuse");
    let now = airlock_runtime::clock::Micros::now().seconds();
    let told = |term: Term| {
        fs::remove_file(place.key_file()).unwrap();
        keyfile::write_audience(&place.key_file(), &[&place.key().with_term(term)]).unwrap();
        let mut gateway = place.start(&abuse());
        let reply = gateway.ask(&get("c", "/dates", &place.lease(&["http_get_json"])));
        gateway.finish();
        reason(&reply).to_owned()
    };
    let term = Term { sign_from: now - 500, sign_until: now + 500, verify_until: now + 900 };
    assert_eq!(told(term), "ok");
    assert_eq!(told(Term { sign_from: now + 400, ..term }), "lease_key_dates");
    assert_eq!(told(Term { sign_until: now - 400, ..term }), "lease_key_dates");
    assert_eq!(told(Term { sign_until: now - 400, verify_until: now - 100, ..term }), "lease_key_retired");
}

#[test]
fn a_rotation_reaches_the_gateway_by_its_file() {
    let place = Place::new("abuse");
    let issuer = place.dir().join("issuer.key");
    let path = issuer.to_str().unwrap();
    airlock(&["key", "new", "--out", path]);
    airlock(&["key", "rotate", "--issuer-key", path, "--kid", "k2"]);
    fs::remove_file(place.key_file()).unwrap();
    airlock(&["key", "derive", "--issuer-key", path, "--audience", "abuse", "--out", place.key_file().to_str().unwrap()]);
    let source = keyfile_source(&place);
    let accept = ["k1", "k2"].map(|kid| airlock_runtime::policy::Key { kid, commitment: None });
    let ring: KeyRing = keyfile::read_ring(&source, "abuse", &accept).unwrap();
    let stages: Vec<_> =
        ring.keys().iter().map(|key| key.term().stage(airlock_runtime::clock::Micros::now().seconds())).collect();
    assert_eq!(stages, [airlock_runtime::lease::Stage::Signs, airlock_runtime::lease::Stage::Next]);
    // The gateway accepts k1 alone by its manifest, and goes on with it.
    let mut gateway = place.start(&abuse());
    let constraints = r#"{"domains":["api.open-meteo.com"],"max_risk":0.6,"uses":9}"#;
    let words = ["issue", "--key", path, "--audience", "abuse", "--session-id", "s-1", "--subject", "agent:planner"];
    let terms = ["--tools", "http_get_json", "--intent", airlock_tests::place::INTENT, "--ttl-seconds", "600"];
    let lease = airlock(&[&words[..], &terms, &["--constraints", constraints]].concat());
    assert_eq!(reason(&gateway.ask(&get("c", "/rotated", lease.trim()))), "ok");
    gateway.finish();
}

fn keyfile_source(place: &Place) -> airlock_runtime::lease::KeySource {
    airlock_runtime::lease::KeySource::File(place.key_file())
}

/// What ptrace and `/proc/<pid>/mem` are held to is what `/proc/<pid>/environ` is held to. Root passes every such check, so as root the
/// test takes another user.
#[test]
fn no_process_of_the_same_user_reads_its_memory() {
    const NOBODY: u32 = 65_534;
    let place = Place::new("abuse");
    let program = place.dir().join("gateway");
    fs::copy(abuse(), &program).unwrap();
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let run_as = |mut command: Command| {
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    };
    if is_root {
        for path in [place.dir().to_owned(), place.key_file()] {
            chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    let environ = |pid: u32| run_as(Command::new("cat")).arg(format!("/proc/{pid}/environ")).output().unwrap();
    let mut other = run_as(Command::new("cat")).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    other.stdin.as_mut().unwrap().write_all(b"x").unwrap();
    std::io::Read::read_exact(other.stdout.as_mut().unwrap(), &mut [0]).unwrap();
    assert!(environ(other.id()).status.success(), "an ordinary process of this user can be read");
    other.kill().unwrap();
    other.wait().unwrap();

    let mut gateway = Gateway::start(run_as(place.command(&program)));
    gateway.ask(&discover("up"));
    let read = environ(gateway.pid());
    assert!(!read.status.success(), "the gateway's memory can be read");
    assert!(String::from_utf8_lossy(&read.stderr).contains("Permission denied"), "{}", String::from_utf8_lossy(&read.stderr));
    let limits = fs::read_to_string(format!("/proc/{}/limits", gateway.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
    rustix::process::kill_process(pid(gateway.pid()), rustix::process::Signal::ABORT).unwrap();
    let (status, _) = gateway.end();
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
}

fn pid(number: u32) -> rustix::process::Pid {
    rustix::process::Pid::from_raw(i32::try_from(number).unwrap()).unwrap()
}
