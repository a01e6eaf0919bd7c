//! Starts that fail, with their exit codes and sentences, and the two modes that do not serve.

use airlock_runtime::lease::{AudienceKey, keyfile};
use airlock_runtime::ledger::segments;
use airlock_tests::built::{abuse, strict};
use airlock_tests::message::call;
use airlock_tests::place::{KEY_BYTES, Place};
use airlock_tests::web::web;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs to the end with closed stdin. Gives exit code, stdout and stderr, with the directory of the place as `<dir>`.
fn run(mut command: Command, place: &Place) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(place.dir().to_str().unwrap(), "<dir>");
    assert!(output.stdout.is_empty(), "stdout is for messages alone: {}", text(&output.stdout));
    format!("exit code {}\n{}", output.status.code().unwrap(), text(&output.stderr))
}

/// A start in a new place of `audience` that something is done to first.
fn start(audience: &str, program: &Path, prepare: impl FnOnce(&Place, &mut Command)) -> String {
    let place = Place::new(audience);
    let mut command = place.command(program);
    prepare(&place, &mut command);
    let told = run(command, &place);
    let traces = told.starts_with("exit code 3") && place.ledger().exists();
    assert!(!traces, "without its key a gateway leaves no trace");
    told
}

fn other_key(place: &Place, audience: &str, bytes: [u8; 32]) {
    fs::remove_file(place.key_file()).unwrap();
    keyfile::write_audience(&place.key_file(), &[&AudienceKey::new("k1", audience, bytes).unwrap()]).unwrap();
}

fn write_key(place: &Place, text: &str) {
    fs::write(place.key_file(), text).unwrap();
}

#[test]
fn a_key_that_is_missing_or_refused() {
    let abuse = abuse();
    let issuer = "airlock-issuer-key-v1 kid=k1 key=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n";
    let link = |place: &Place, _: &mut Command| {
        fs::rename(place.key_file(), place.dir().join("real")).unwrap();
        symlink(place.dir().join("real"), place.key_file()).unwrap();
    };
    let readable =
        |place: &Place, _: &mut Command| fs::set_permissions(place.key_file(), fs::Permissions::from_mode(0o644)).unwrap();
    let unset = |_: &Place, command: &mut Command| {
        command.env_remove("AIRLOCK_KEY_FILE");
    };
    let told = [
        ("the variable is not set", start("abuse", &abuse, unset)),
        (
            "the variable is empty",
            start("abuse", &abuse, |_, command| {
                command.env("AIRLOCK_KEY_FILE", "");
            }),
        ),
        ("no such file", start("abuse", &abuse, |place, _| fs::remove_file(place.key_file()).unwrap())),
        (
            "a directory",
            start("abuse", &abuse, |place, command| {
                command.env("AIRLOCK_KEY_FILE", place.dir());
            }),
        ),
        ("mode 0644", start("abuse", &abuse, readable)),
        ("a symbolic link", start("abuse", &abuse, link)),
        ("an empty file", start("abuse", &abuse, |place, _| write_key(place, ""))),
        ("the issuer key", start("abuse", &abuse, |place, _| write_key(place, issuer))),
        (
            "a damaged key",
            start("abuse", &abuse, |place, _| write_key(place, "airlock-audience-key-v1 kid=k1 aud=abuse key=AA\n")),
        ),
        ("the key of another gateway", start("abuse", &abuse, |place, _| other_key(place, "weather", KEY_BYTES))),
        ("not the pinned key", start("strict", &strict(), |place, _| other_key(place, "strict", [7; 32]))),
    ];
    let mut all = String::new();
    for (what, told) in told {
        assert!(told.starts_with("exit code 3\nairlock: "), "{what}: {told}");
        let _ = writeln!(all, "== {what}\n{told}");
    }
    assert!(!all.contains("AAECAwQFBgcI"), "a key was printed");
    insta::assert_snapshot!(all);
}

/// A place whose ledger has a decision, and the path of its segment.
fn used(audience: &str, program: &Path) -> (Place, PathBuf) {
    let place = Place::new(audience);
    let mut gateway = place.start(program);
    gateway.ask(&call("u", "airlock_usage_stats", &json!({}), "none"));
    gateway.finish();
    let segment = segments(&place.ledger()).unwrap().pop().unwrap().path;
    (place, segment)
}

/// A start with a ledger that something was done to.
fn after(damage: impl FnOnce(&Place, &Path)) -> String {
    let program = abuse();
    let (place, segment) = used("abuse", &program);
    damage(&place, &segment);
    run(place.command(&program), &place)
}

#[test]
fn a_ledger_that_is_not_as_it_was_left() {
    let cut = |segment: &Path, keep: &dyn Fn(usize) -> usize| {
        let bytes = fs::read(segment).unwrap();
        fs::write(segment, &bytes[..keep(bytes.len())]).unwrap();
    };
    let change = |segment: &Path| {
        let text = fs::read_to_string(segment).unwrap();
        assert!(text.contains("\"lease_invalid\"") || text.contains("\"carrier"), "{text}");
        fs::write(segment, text.replace("\"d\":\"deny\"", "\"d\":\"deni\"")).unwrap();
    };
    let file = |place: &Place, name: &str| place.ledger().join(name);
    let told = [
        ("an entry was changed", after(|_, segment| change(segment))),
        ("the last entry is cut short", after(|_, segment| cut(segment, &|length| length - 10))),
        ("nothing is left of the segment", after(|_, segment| cut(segment, &|_| 0))),
        ("the segment is gone", after(|_, segment| fs::remove_file(segment).unwrap())),
        ("the head is gone", after(|place, _| fs::remove_file(file(place, "head")).unwrap())),
        ("the log key is gone", after(|place, _| fs::remove_file(file(place, "keys/log.key")).unwrap())),
        (
            "the log key is another one",
            after(|place, _| {
                fs::write(file(place, "keys/log.key"), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").unwrap();
            }),
        ),
        ("a file is in its place", {
            let place = Place::new("abuse");
            fs::write(place.ledger(), "").unwrap();
            run(place.command(&abuse()), &place)
        }),
        ("the ledger of another gateway", {
            let (other, _) = used("strict", &strict());
            let place = Place::new("abuse");
            fs::rename(other.ledger(), place.ledger()).unwrap();
            run(place.command(&abuse()), &place)
        }),
    ];
    let mut all = String::new();
    for (what, told) in told {
        assert!(told.starts_with("exit code 4\nairlock: the ledger cannot be opened: "), "{what}: {told}");
        // Lengths differ with the digits of the entries; the sentences do not.
        let words =
            told.split(' ').map(|word| if word.len() > 1 && word.bytes().all(|b| b.is_ascii_digit()) { "<n>" } else { word });
        let _ = writeln!(all, "== {what}\n{}", words.collect::<Vec<_>>().join(" "));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn unknown_arguments() {
    let program = strict();
    let mut all = String::new();
    for arguments in [&["--help"][..], &["--policy", "x"], &["serve"], &["--version", "--policy"], &[""]] {
        let told = start("strict", &program, |_, command| {
            command.args(arguments);
        });
        assert!(told.starts_with("exit code 2\n"), "{arguments:?}: {told}");
        let _ = writeln!(all, "== {arguments:?}\n{told}");
    }
    insta::assert_snapshot!(all);
}

/// Runs without environment: what a gateway says of itself is in it.
fn says(program: &Path, argument: &str) -> String {
    let output = Command::new(program).arg(argument).env_clear().stdin(Stdio::null()).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_it_says_of_itself() {
    for program in [abuse(), strict()] {
        let policy: Value = serde_json::from_str(&says(&program, "--policy")).unwrap();
        let digest = policy["policy_digest"].as_str().unwrap();
        assert!(digest.len() == 64 && digest.bytes().all(|b| b.is_ascii_hexdigit()), "{digest}");
        let version = env!("CARGO_PKG_VERSION");
        let name = policy["gateway"].as_str().unwrap();
        let profile = policy["sandbox"]["profiles"]["judge"].as_str().unwrap();
        let expected = format!(
            "{name} (compiled by airlock {version}, runtime {version})\npolicy digest {digest}\njudge profile {profile}\n"
        );
        assert_eq!(says(&program, "--version"), expected);
    }
}

/// Everything that the manifest of `strict` says, and what the language adds where it says nothing.
#[test]
fn the_policy_is_the_manifest() {
    let mut policy: Value = serde_json::from_str(&says(&strict(), "--policy")).unwrap();
    policy["policy_digest"] = Value::Null;
    policy["sandbox"]["profiles"]["judge"] = Value::Null;
    policy["sandbox"]["profiles"]["clerk"] = Value::Null;
    let commitment = Place::new("strict").key().commitment_hex();
    let none = json!({"rate": null, "session_rate": null, "session_calls": null});
    let expected = json!({
        "gateway": "strict", "instructions": "", "mode": "enforce", "policy_digest": null, "compiled_by": env!("CARGO_PKG_VERSION"),
        "keys": [{"kid": "k1", "commitment": commitment}],
        "lease": {"default_ttl_s": 900, "max_ttl_s": 1800, "carriers": {"meta": false, "arguments": true, "ambient": false}},
        "ledger": {"dir_env": "AIRLOCK_LEDGER_DIR", "dir_default": "./airlock-ledger", "durability": "process",
                   "evidence": {"kept": "hashes", "keep_s": null}},
        "limits": {"max_arguments": 8 * 1024 * 1024, "in_flight": 256, "timeout_s": 10, "approval_timeout_s": 120, "step_ups": null, "quota": none},
        "sandbox": {"allow_missing": [], "unconfined": false, "profiles": {"judge": null, "clerk": null, "egress": null, "launcher": null}},
        "approvers": [],
        "tools": [{"name": "airlock_usage_stats", "why": "review", "builtin": "airlock_usage_stats", "effect": "read",
                   "needs_lease": true, "risk_threshold": 550, "base_risk": 0, "ignored_factors": [], "egress": [], "strict": true,
                   "result": "json", "labels": [], "origins": [], "trusted": false, "approval": null, "signatures": null, "quota": none, "timeout_s": 10}],
        "flows": [],
        "grants": [{"subject": "operator:auditor", "tools": ["airlock_usage_stats"], "issue": "operator", "domains": [],
                    "max_ttl_s": 1800, "max_risk": 550, "uses": 1000, "why": "review"}],
    });
    assert_eq!(policy, expected);
    let policy = says(&abuse(), "--policy");
    let parsed = serde_json::from_str::<Value>(&policy).unwrap();
    let profiles = &parsed["sandbox"]["profiles"];
    let [digest, judge, clerk, egress] =
        [&parsed["policy_digest"], &profiles["judge"], &profiles["clerk"], &profiles["egress"]].map(|it| it.as_str().unwrap());
    let port = format!("\"stand_in\": {}", web().port());
    insta::assert_snapshot!(
        policy
            .replace(digest, "<digest>")
            .replace(judge, "<profile>")
            .replace(clerk, "<profile of the clerk>")
            .replace(egress, "<profile of egress>")
            .replace(&port, "\"stand_in\": \"<port>\"")
    );
}
