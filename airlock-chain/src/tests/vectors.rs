//! `tests/vectors/ledger`, `ledger-sealed` (both without epoch keys) and `ledger-epochs`: fixed ledgers, byte for byte, which `docs/verify.py` verifies without any of our code.
//!
//! `AIRLOCK_VECTORS=write cargo test …vectors` writes them anew; a difference is a new version of the format.

use super::super::chain::hex;
use super::super::cursor::{Cursor, rotate_body};
use super::super::entry::{Genesis, body};
use super::super::epoch;
use super::super::fold::Folded;
use super::super::head::{Head, Slot};
use super::super::note::{Checkpoint, Pin, plain_key, verifier_key};
use super::super::revoked::Revocations;
use super::super::seal::{Seal, Seed};
use super::super::verify::{Trust, Verdict, verify};
use super::super::{Revoke, Target};
use super::*;
use ed25519_dalek::{Signer, SigningKey};
use std::collections::BTreeMap;
use std::path::PathBuf;

fn vectors(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors").join(name)
}

/// The entries of the ledger: an issue, an allow, its outcome, and a refusal of a call whose names want to mislead a terminal.
fn bodies(genesis: &Genesis<'_>) -> [Vec<u8>; 5] {
    let pol = genesis.pol;
    let hostile = Decision {
        sid: "s\u{1b}[2J\u{202e}",
        sub: "agent:\u{1f600}",
        tool: "http_get_json",
        why: "lease_invalid",
        call: "c-2",
        ..Decision::default()
    };
    let outcome = Outcome {
        call: "c-1",
        ok: true,
        status: "ok",
        hosts: vec!["api.example.com".into()],
        micros: 1234,
        result: Some([7; 32]),
        bytes: 99,
        text: None,
    };
    let issue = Issue {
        sid: "s-1",
        sub: "agent:planner",
        tools: vec!["http_get_json".into()],
        dom: vec!["api.example.com".into()],
        ih: "aa",
        rid: "00ff",
        kid: "k1",
        exp: 1_795_327_500,
        risk: 600,
        uses: 5,
        by: "self",
    };
    [
        body(genesis),
        Entry::Issue(issue).seal(pol, [0; 32]).body,
        allow("c-1").seal(pol, [1; 32]).body,
        Entry::Outcome(outcome).seal(pol, [0; 32]).body,
        Entry::Decision(hostile).seal(pol, [2; 32]).body,
    ]
}

#[test]
fn the_vectors_are_what_this_code_writes() {
    let key = SigningKey::from_bytes(&[0x42; 32]);
    let pk = plain_key(&key.verifying_key());
    let genesis = Genesis {
        t: "genesis",
        v: 1,
        origin: ORIGIN,
        pk: &pk,
        pol: "abababababababab",
        durability: "power",
        seal: None,
        epk: None,
        profiles: BTreeMap::new(),
    };
    let mut cursor = Cursor::start(first_prev(ORIGIN, key.verifying_key().as_bytes()));
    let mut lines = Vec::new();
    for (entry, second) in bodies(&genesis).iter().zip(0..) {
        lines.extend(cursor.extend(Micros(1_795_326_600_000_000 + second * 1_000_000), entry));
        lines.push(b'\n');
    }
    let expected = serde_json::json!({
        "origin": ORIGIN,
        "key": pk,
        "verifier_key": verifier_key(ORIGIN, &key.verifying_key()),
        "entries": 5,
        "root": hex(&cursor.range.root()),
        "commitment": { "seq": 2, "salt": hex(&[1; 32]), "arguments": "{\"url\":\"https://api.example.com/\"}" },
    });
    let salts = [(2, 1), (4, 2)].map(|(seq, byte)| format!("{{\"seq\":{seq},\"salt\":\"{}\"}}\n", hex(&[byte; 32])));
    compare(
        "ledger",
        &[
            ("seg-00000000000000000000.jsonl", lines),
            ("evidence/seg-00000000000000000000.jsonl", salts.concat().into_bytes()),
            ("checkpoint", Checkpoint::of(ORIGIN, &cursor.range).sign(&key).into_bytes()),
            ("expected.json", format!("{expected:#}\n").into_bytes()),
        ],
    );
    let report = verify(&vectors("ledger"), &Trust { key: Some(key.verifying_key()), ..Trust::default() }).unwrap();
    assert_eq!((report.verdict, report.entries), (Verdict::Proven, 5), "{report:?}");
}

/// Compares files of a vector with what this code writes, or writes them.
fn compare(name: &str, files: &[(&str, Vec<u8>)]) {
    for (file, bytes) in files {
        let path = vectors(name).join(file);
        if std::env::var_os("AIRLOCK_VECTORS").is_some_and(|value| value == "write") {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
        }
        assert!(fs::read(&path).unwrap() == *bytes, "{name}/{file} is another");
    }
}

/// Two segments, a revocation, counted refusals, and a seal.
#[test]
fn the_sealed_vectors_are_what_this_code_writes() {
    let (key, seed) = (SigningKey::from_bytes(&[0x43; 32]), Seed::of([0x5e; 32]));
    let (pk, pol) = (plain_key(&key.verifying_key()), "abababababababab");
    let mut cursor = Cursor::start(first_prev(ORIGIN, key.verifying_key().as_bytes()));
    cursor.seal = Some(Seal::start(&seed));
    let mut revoked = Revocations::default();
    let genesis = Genesis {
        t: "genesis",
        v: 1,
        origin: ORIGIN,
        pk: &pk,
        pol,
        durability: "power",
        seal: Some(seed.id()),
        epk: None,
        profiles: BTreeMap::new(),
    };
    let revoke = Revoke { target: Target::Session("s-9".into()), why: "lost", by: "operator" };
    let mut folded = Folded::default();
    (0..3).for_each(|_| folded.add("lease_missing", Micros(1_795_326_600_000_000)));
    let first =
        [body(&genesis), allow("c-1").seal(pol, [1; 32]).body, Entry::Revoke(revoke).seal(pol, [0; 32]).body, rotate_body(3)];
    let second = [folded.take().unwrap(), allow("c-2").seal(pol, [2; 32]).body];
    let mut second_of = 0;
    let mut write = |bodies: &[Vec<u8>]| {
        let mut lines = Vec::new();
        for entry in bodies {
            let text = cursor.extend(Micros(1_795_326_600_000_000 + second_of * 1_000_000), &revoked.stamp(entry));
            revoked.absorb(&super::super::line::parse(&text).unwrap());
            lines.extend([text.as_slice(), b"\n"].concat());
            second_of += 1;
        }
        lines
    };
    let first = write(&first);
    let second = write(&second);
    cursor.offset = second.len() as u64;
    let mark = format!("{{\"n\":6,\"mu\":\"{}\"}}\n", hex(cursor.seal.as_ref().unwrap().mu()));
    let slot = Slot {
        generation: 4,
        segment: 4,
        offset: cursor.offset,
        durable: cursor.offset,
        newest: cursor.newest(),
        boot: [3; 16],
        leaf: cursor.prev,
        range: cursor.range.clone(),
        epoch: cursor.epoch.clone(),
        seal: cursor.seal.clone(),
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("head");
    let head = Head::new(fs::File::options().read(true).write(true).create_new(true).open(&path).unwrap(), path.clone());
    head.write(&slot).unwrap();
    head.write(&Slot { generation: 5, ..slot }).unwrap();
    let files = [
        ("seg-00000000000000000000.jsonl", first),
        ("seg-00000000000000000004.jsonl", second),
        ("head", fs::read(&path).unwrap()),
        ("seals", mark.into_bytes()),
        ("checkpoint", Checkpoint::of(ORIGIN, &cursor.range).sign(&key).into_bytes()),
        ("seed", format!("{}\n", seed.text().as_str()).into_bytes()),
    ];
    compare("ledger-sealed", &files);
    let report = verify(&vectors("ledger-sealed"), &Trust { seed: Some(seed), ..Trust::default() }).unwrap();
    assert_eq!((report.verdict, report.sealed), (Verdict::Proven, Some(6)), "{report:?}");
}

/// Three epochs: an allow, a revocation, a roll that states it, an allow, a roll, an allow.
#[test]
fn the_vectors_of_epochs_are_what_this_code_writes() {
    let key = SigningKey::from_bytes(&[0x44; 32]);
    let epochs = [0x50, 0x51, 0x52].map(|byte| SigningKey::from_bytes(&[byte; 32]));
    let (pk, epk, pol) = (plain_key(&key.verifying_key()), plain_key(&epochs[0].verifying_key()), "abababababababab");
    let mut cursor = Cursor::start(first_prev(ORIGIN, key.verifying_key().as_bytes()));
    let genesis = Genesis {
        t: "genesis",
        v: 1,
        origin: ORIGIN,
        pk: &pk,
        pol,
        durability: "power",
        seal: None,
        epk: Some(&epk),
        profiles: BTreeMap::new(),
    };
    let revoke = Revoke { target: Target::Session("s-9".into()), why: "lost", by: "operator" };
    let (mut revoked, mut lines, mut second) = (Revocations::default(), Vec::new(), 0);
    let mut write = |cursor: &mut Cursor, body: &[u8]| {
        let text = cursor.extend(Micros(1_795_326_600_000_000 + second * 1_000_000), &revoked.stamp(body));
        revoked.absorb(&super::super::line::parse(&text).unwrap());
        lines.extend([text.as_slice(), b"\n"].concat());
        second += 1;
    };
    write(&mut cursor, &body(&genesis));
    write(&mut cursor, &allow("c-1").seal(pol, [1; 32]).body);
    write(&mut cursor, &Entry::Revoke(revoke).seal(pol, [0; 32]).body);
    for (number, (old, new)) in (1..).zip(epochs.iter().zip(&epochs[1..])) {
        let message = epoch::message(cursor.range.len(), &cursor.range.root(), number, &new.verifying_key());
        write(&mut cursor, &epoch::body(number, &new.verifying_key(), &old.sign(&message)));
        write(&mut cursor, &allow(&format!("c-{}", number + 1)).seal(pol, [2; 32]).body);
    }
    let (checkpoint, last) = (Checkpoint::of(ORIGIN, &cursor.range), cursor.epoch.clone().unwrap());
    let note = checkpoint.sign(&key) + &checkpoint.epoch_line(&last, &epochs[2].sign(checkpoint.text().as_bytes()));
    let pin = Pin { key: key.verifying_key(), epoch: Some(epochs[0].verifying_key()) };
    let slot = Slot {
        generation: 1,
        segment: 0,
        offset: cursor.offset,
        durable: cursor.offset,
        newest: cursor.newest(),
        boot: [3; 16],
        leaf: cursor.prev,
        range: cursor.range.clone(),
        seal: None,
        epoch: Some(last),
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("head");
    let head = Head::new(fs::File::options().read(true).write(true).create_new(true).open(&path).unwrap(), path.clone());
    head.allocate().unwrap();
    head.write(&slot).unwrap();
    let files = [
        ("seg-00000000000000000000.jsonl", lines),
        ("head", fs::read(&path).unwrap()),
        ("checkpoint", note.into_bytes()),
        ("pin", format!("{pin}\n").into_bytes()),
    ];
    compare("ledger-epochs", &files);
    let trust = Trust { key: Some(pin.key), epoch_key: pin.epoch, ..Trust::default() };
    let report = verify(&vectors("ledger-epochs"), &trust).unwrap();
    assert_eq!((report.verdict, report.epoch, report.past_epochs), (Verdict::Proven, Some(2), 5), "{report:?}");
    assert_eq!(python(&vectors("ledger-epochs"), &["--key", &pin.to_string()]).0, 0);
}

/// What `docs/verify.py` says: exit code and text.
pub(super) fn python(dir: &Path, more: &[&str]) -> (i32, String) {
    script("verify.py", dir, more)
}

/// A script of `docs/`. Nothing keeps it waiting for longer than a minute.
fn script(name: &str, dir: &Path, more: &[&str]) -> (i32, String) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name);
    let mut command = std::process::Command::new("timeout");
    let output = command.args(["60", "python3", "-B"]).arg(path).arg(dir).args(more).output().expect("python3 runs it");
    (output.status.code().unwrap(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// The second verifier agrees, and refuses changed copies.
#[test]
fn the_second_verifier_agrees_on_the_vectors() {
    let dir = vectors("ledger");
    let expected: Value = serde_json::from_str(&fs::read_to_string(dir.join("expected.json")).unwrap()).unwrap();
    let key = expected["key"].as_str().unwrap();
    let (code, said) = python(&dir, &["--key", key]);
    assert_eq!((code, said.trim()), (0, format!("5 entries, tree head {}", expected["root"].as_str().unwrap()).as_str()));
    assert_eq!(python(&dir, &[]).0, 3, "no trust root");
    let copy = tempfile::tempdir().unwrap();
    let arguments = copy.path().join("arguments");
    fs::write(&arguments, expected["commitment"]["arguments"].as_str().unwrap()).unwrap();
    let opened = |seq| script("open.py", &dir, &["--key", key, "--seq", seq, "--file", arguments.to_str().unwrap()]);
    let (code, said) = opened("2");
    assert!(code == 0 && said.contains("entry 2 was called with these arguments"), "{said}");
    assert_eq!([opened("4").0, opened("99").0, opened("-1").0, opened("2.0").0], [1, 2, 2, 2]);
    let sealed = vectors("ledger-sealed");
    let seed = sealed.join("seed");
    let seed = ["--seed-file", seed.to_str().unwrap()];
    assert_eq!(python(&sealed, &seed).0, 0);
    for file in ["seg-00000000000000000000.jsonl", "seg-00000000000000000004.jsonl", "head", "checkpoint"] {
        for item in fs::read_dir(&sealed).unwrap().map(Result::unwrap) {
            fs::copy(item.path(), copy.path().join(item.file_name())).unwrap();
        }
        let path = copy.path().join(file);
        let mut bytes = fs::read(&path).unwrap();
        let last = bytes.iter().rposition(|b| b.is_ascii_alphanumeric() && *b != 0).unwrap();
        // Of the head both slots are spoilt, else the other one counts.
        for at in if file == "head" { vec![120, 4096 + 120] } else { vec![last - 90] } {
            bytes[at] ^= 1;
        }
        fs::write(&path, bytes).unwrap();
        let (code, said) = python(copy.path(), &seed);
        assert_eq!(code, if file == "head" { 3 } else { 1 }, "{file}: {said}");
    }
}

/// So that it is read: what it takes to check a ledger fits on three pages.
#[test]
fn the_second_verifier_stays_short() {
    let text = fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/verify.py")).unwrap();
    assert!(text.lines().count() < 200, "{}", text.lines().count());
    assert!(text.lines().all(|line| line.len() <= 180));
}

/// A root that is only half named is none, and no reason to check less than was asked for.
#[test]
fn the_second_verifier_takes_whole_keys_and_regular_files() {
    let dir = vectors("ledger-epochs");
    let pin = fs::read_to_string(dir.join("pin")).unwrap();
    let (key, epoch) = pin.trim().split_once(',').unwrap();
    for (text, code) in [
        (pin.as_str(), 0),
        (key, 0),
        (&format!("{epoch},{key}"), 1),
        ("", 2),
        (",", 2),
        (&format!("{key},"), 2),
        (&format!(",{epoch}"), 2),
        (&format!(",{key}"), 2),
        (&format!("{pin},{key}"), 2),
        (&format!("{key}{epoch}"), 2),
        (&format!("{key};{epoch}"), 2),
        (&key[..40], 2),
        (&key.replace('=', ""), 2),
        (&format!("{key},AA=="), 2),
    ] {
        let (found, said) = python(&dir, &["--key", text]);
        assert_eq!(found, code, "{text:?}: {said}");
        let ours =
            Pin::parse(text).map(|pin| verify(&dir, &Trust { key: Some(pin.key), epoch_key: pin.epoch, ..Trust::default() }));
        assert_eq!(ours.map_or(2, |report| report.unwrap().verdict as i32), code, "{text:?}: ours");
    }
    let place = tempfile::tempdir().unwrap();
    let pipe = place.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for file in [pipe.to_str().unwrap(), "/dev/zero", place.path().to_str().unwrap(), "", "/nonexistent"] {
        for option in ["--checkpoint", "--seed-file"] {
            let (code, said) = python(&dir, &["--key", key, option, file]);
            assert!(code == 2 && said.starts_with("NO ANSWER"), "{option} {file}: {code} {said}");
        }
    }
}
