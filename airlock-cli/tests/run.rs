//! `airlock run`: what the agent gets, and what becomes of its lease when `airlock run` gets a signal. No gateway is needed for either.
#![allow(clippy::unwrap_used, reason = "a step that fails must fail the test")]

use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

const MANIFEST: &str = "airlock = 1\n[gateway]\nname = \"around\"\n[keys]\naccept = [\"k1\"]\n[lease]\ncarriers = [\"meta\", \"ambient\"]\n\
    [tools.airlock_usage_stats]\nwhy = \"counts\"\n[[grant]]\nsubject = \"agent:a\"\ntools = [\"airlock_usage_stats\"]\nissue = \"operator\"\n\
    max_ttl = \"10m\"\nwhy = \"the agent looks\"\n";

struct Place(tempfile::TempDir);

impl Place {
    /// A directory with a manifest, an issuer key and the key of the gateway.
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(place.dir().join("airlock.toml"), MANIFEST).unwrap();
        for words in [
            &["key", "new", "--out", "issuer.key"][..],
            &["key", "derive", "--issuer-key", "issuer.key", "--audience", "around", "--out", "around.key"],
        ] {
            assert!(place.airlock(words).output().unwrap().status.success());
        }
        place
    }

    fn dir(&self) -> &Path {
        self.0.path()
    }

    fn airlock(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_airlock"));
        command.args(words).current_dir(self.dir()).stdin(Stdio::null());
        command.env("HOME", self.dir()).env("XDG_RUNTIME_DIR", self.dir()).env_remove("XDG_STATE_HOME");
        command
    }

    fn run(&self, options: &[&str], agent: &[&str]) -> Command {
        let words = ["run", "--intent", "look", "--grant", "agent:a", "--key", "issuer.key", "--ledger", "ledger"];
        self.airlock(&[&words[..], options, &["--"], agent].concat())
    }

    fn counted(&self, kind: &str) -> usize {
        let text = fs::read_to_string(self.dir().join("ledger/seg-00000000000000000000.jsonl")).unwrap_or_default();
        text.matches(&format!("\"t\":\"{kind}\"")).count()
    }
}

#[test]
fn an_agent_gets_what_a_client_needs_and_no_key() {
    let place = Place::new();
    // As a careless shell would have it: a key in variables, and one left open.
    let script = "exec 3<issuer.key 7>left; exec \"$0\" \"$@\"";
    let inner = place.run(&[], &["sh", "-c", "env; echo --; ls -l /proc/self/fd; ls /proc/$PPID/fd 2>&1"]);
    let mut outer = Command::new("sh");
    outer.args(["-c", script]).arg(inner.get_program()).args(inner.get_args()).current_dir(place.dir()).stdin(Stdio::null());
    outer.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?)))).env_remove("XDG_STATE_HOME");
    for (name, value) in [
        ("AIRLOCK_KEY_FILE", "issuer.key"),
        ("AIRLOCK_KEY_FD", "3"),
        ("AIRLOCK_SECRET", "x"),
        ("AIRLOCK_LEASE_FILE", "elsewhere"),
        ("CREDENTIALS_DIRECTORY", "/run/credentials/x"),
        ("LISTEN_FDS", "1"),
        ("EDITOR_OF_MINE", "vi"),
    ] {
        outer.env(name, value);
    }
    let output = outer.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let told = String::from_utf8(output.stdout).unwrap();
    let (variables, open) = told.split_once("--\n").unwrap();
    let variables: BTreeMap<&str, &str> = variables.lines().filter_map(|line| line.split_once('=')).collect();
    let ours: Vec<&str> = variables.keys().copied().filter(|name| name.starts_with("AIRLOCK_")).collect();
    assert_eq!(ours, ["AIRLOCK_LEASE_FILE", "AIRLOCK_LEDGER_DIR"]);
    assert!(variables["AIRLOCK_LEASE_FILE"].ends_with("/airlock/around.lease"), "{variables:?}");
    assert!(!variables.contains_key("CREDENTIALS_DIRECTORY") && !variables.contains_key("LISTEN_FDS"));
    assert_eq!(variables.get("EDITOR_OF_MINE"), Some(&"vi"), "what is the user's own stays");
    assert!(!open.contains("issuer.key") && !open.contains("/left"), "{open}");
    assert!(!told.contains("issuer.key") && !told.contains("around.key"), "{told}");
    assert_eq!((place.counted("issue"), place.counted("revoke")), (1, 1));
}

#[test]
fn a_key_for_the_agent_is_that_of_the_gateway_or_none() {
    let place = Place::new();
    let refused = place.run(&["--gateway-key", "issuer.key"], &["true"]).output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("is an issuer key, which makes the keys of all gateways"), "{said}");
    // A file with the keys of both is one with an issuer key.
    let both = [
        fs::read_to_string(place.dir().join("around.key")).unwrap(),
        fs::read_to_string(place.dir().join("issuer.key")).unwrap(),
    ]
    .concat();
    fs::write(place.dir().join("both.key"), both).unwrap();
    fs::set_permissions(place.dir().join("both.key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(place.run(&["--gateway-key", "both.key"], &["true"]).output().unwrap().status.code(), Some(2));
    assert_eq!(place.counted("issue"), 0, "nothing is issued for what does not start");
    let named = place.run(&["--gateway-key", "around.key"], &["sh", "-c", "echo $AIRLOCK_KEY_FILE"]).output().unwrap();
    let path = String::from_utf8(named.stdout).unwrap();
    assert!(path.trim().ends_with("/around.key") && path.starts_with('/'), "{path}");
}

#[test]
fn whatever_signal_comes_agent_and_lease_end() {
    let place = Place::new();
    let named = [
        Signal::HUP,
        Signal::INT,
        Signal::QUIT,
        Signal::TERM,
        Signal::USR1,
        Signal::USR2,
        Signal::ALARM,
        Signal::VTALARM,
        Signal::PROF,
        Signal::XCPU,
        Signal::IO,
    ];
    for (at, signal) in named.into_iter().enumerate() {
        let mut child =
            place.run(&[], &["sh", "-c", "echo $$; exec sleep 60"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let agent = Pid::from_raw(line.trim().parse().unwrap()).unwrap();
        assert!(place.dir().join("airlock/around.lease").exists());
        kill_process(Pid::from_child(&child), signal).unwrap();
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), None, "{signal:?}: `airlock run` itself is not ended by it");
        assert_eq!(status.code(), Some(128 + signal.as_raw()), "{signal:?}");
        assert!(kill_process(agent, Signal::CONT).is_err(), "{signal:?}: the agent is gone");
        assert!(!place.dir().join("airlock/around.lease").exists());
        assert_eq!((place.counted("issue"), place.counted("revoke")), (at + 1, at + 1), "{signal:?}");
    }
}

#[test]
fn a_signal_without_a_name_ends_them_too() {
    let place = Place::new();
    let mut child =
        place.run(&[], &["sh", "-c", "echo; exec sleep 60"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    assert!(Command::new("sh").args(["-c", &format!("kill -40 {}", child.id())]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(143), "it is passed on as SIGTERM");
    assert_eq!((place.counted("issue"), place.counted("revoke")), (1, 1));
}
