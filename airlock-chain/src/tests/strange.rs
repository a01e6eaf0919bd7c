//! More attacks on the files of a ledger: forms that a reader in another language, another system or another version might take for the same thing.

use super::super::cursor::Cursor;
use super::super::epoch;
use super::super::place::load_key;
use super::super::verify::{Trust, Verdict, verify};
use super::super::{evidence, proof, read};
use super::attacks::Start::{Opens, Refuses};
use super::attacks::{Attack, GENESIS, Scene, link, note, run};
use super::*;
use ed25519_dalek::{Signer, SigningKey};

/// One more line behind the end, chained as somebody with write access and no key can.
fn chained(scene: &Scene, body: impl Fn(&Cursor) -> Vec<u8>) {
    let mut cursor = Cursor::start(first_prev(ORIGIN, load_key(scene.dir.path()).unwrap().unwrap().verifying_key().as_bytes()));
    let mut newest = Micros(0);
    for segment in super::super::segments(scene.dir.path()).unwrap() {
        cursor.open_segment();
        for text in fs::read_to_string(segment.path).unwrap().lines() {
            newest = cursor.accept(text.as_bytes()).unwrap().micros().unwrap();
        }
    }
    let body = body(&cursor);
    scene.append(&[cursor.extend(newest, &body), b"\n".to_vec()].concat());
}

fn genesis(scene: &Scene, from: &'static str, to: &str) {
    let to = to.to_owned();
    scene.change(&scene.path(GENESIS), move |text| text.replacen(from, &to, 1));
}

fn head(scene: &Scene, change: impl Fn(Vec<u8>) -> Vec<u8>) {
    let bytes = fs::read(scene.path("head")).unwrap();
    fs::write(scene.path("head"), change(bytes)).unwrap();
}

/// A roll to epoch `number`, signed by a key of his own.
fn roll(scene: &Scene, number: u64) {
    chained(scene, |cursor| {
        let own = SigningKey::from_bytes(&[3; 32]);
        let message = epoch::message(cursor.range.len(), &cursor.range.root(), number, &own.verifying_key());
        epoch::body(number, &own.verifying_key(), &own.sign(&message))
    });
}

fn on_line_0() -> Vec<Attack> {
    vec![
        ("line 0 names two keys", |s| genesis(s, "\"pk\":", "\"pk\":\"AA==\",\"pk\":"), 1, Some(0), Refuses),
        ("line 0 names two gateways", |s| genesis(s, "\"origin\":", "\"origin\":\"x\",\"origin\":"), 1, Some(0), Refuses),
        ("line 0 has a number again", |s| genesis(s, "\"v\":1,", "\"v\":1,\"seq\":7,"), 1, Some(1), Refuses),
        ("its version is a fraction", |s| genesis(s, "\"v\":1,", "\"v\":1.0,"), 1, Some(0), Refuses),
        ("its version has an exponent", |s| genesis(s, "\"v\":1,", "\"v\":1e0,"), 1, Some(0), Refuses),
        ("its version is a text", |s| genesis(s, "\"v\":1,", "\"v\":\"1\","), 1, Some(0), Refuses),
        ("its version is a truth", |s| genesis(s, "\"v\":1,", "\"v\":true,"), 1, Some(0), Refuses),
        ("its version is huge", |s| genesis(s, "\"v\":1,", "\"v\":1e999,"), 1, Some(0), Refuses),
        ("its policy is a number", |s| genesis(s, "\"pol\":\"abababababababab\"", "\"pol\":7"), 1, Some(0), Refuses),
        ("its durability is missing", |s| genesis(s, ",\"durability\":\"power\"", ""), 1, Some(0), Refuses),
        ("its epoch key is nothing", |s| scene_without_epk(s), 1, Some(0), Refuses),
        (
            "it is of another type first",
            |s| genesis(s, "\"t\":\"genesis\"", "\"t\":\"x\",\"t\":\"genesis\""),
            1,
            Some(0),
            Refuses,
        ),
    ]
}

fn scene_without_epk(scene: &Scene) {
    scene.change(&scene.path(GENESIS), |text| {
        let at = text.find("\"epk\":\"").unwrap() + 6;
        format!("{}null{}", &text[..at], &text[at + 46..])
    });
}

fn on_tails() -> Vec<Attack> {
    vec![
        ("a hole of a megabyte behind the end", |s| grow(s, 1 << 20), 3, None, Opens),
        ("a hole of a hundred bytes behind the end", |s| grow(s, 100), 3, None, Opens),
        ("the last sector is zeros", |s| zeros(s, 512), 4, Some(11), Refuses),
        ("an empty line behind the end", |s| s.append(b"\n"), 3, None, Opens),
        ("a line of a return behind the end", |s| s.append(b"\r\n"), 3, None, Opens),
        (
            "the last line feed taken away",
            |s| s.change(&s.last(), |t| t.strip_suffix('\n').unwrap().to_owned()),
            4,
            Some(12),
            Refuses,
        ),
        ("a roll back to an epoch before, behind the end", |s| roll(s, 1), 3, None, Opens),
        ("a roll to the next epoch by another key, behind the end", |s| roll(s, 2), 3, None, Opens),
        ("a roll of no form, behind the end", |s| chained(s, |_| b"\"t\":\"keyroll\",\"epoch\":2}".to_vec()), 3, None, Opens),
        (
            "an end of the segment that names another, behind the end",
            |s| chained(s, |_| b"\"t\":\"rotate\",\"next\":99}".to_vec()),
            3,
            None,
            Opens,
        ),
        ("a revocation that is none, behind the end", |s| chained(s, |_| b"\"t\":\"kill\",\"on\":7}".to_vec()), 3, None, Opens),
        (
            "a mark of revocations that is none, behind the end",
            |s| chained(s, |_| format!("\"t\":\"x\",\"rv\":\"0:{}\"}}", "a".repeat(64)).into_bytes()),
            3,
            None,
            Opens,
        ),
        (
            "members twice, behind the end",
            |s| chained(s, |_| b"\"t\":\"outcome\",\"call\":\"a\",\"call\":\"b\"}".to_vec()),
            3,
            None,
            Opens,
        ),
        (
            "an allow of everything, behind the end",
            |s| chained(s, |_| b"\"t\":\"decision\",\"d\":\"allow\",\"rid\":[\"00ff\"],\"exp\":18446744073709551615}".to_vec()),
            3,
            None,
            Opens,
        ),
    ]
}

fn grow(scene: &Scene, by: u64) {
    let file = fs::File::options().write(true).open(scene.last()).unwrap();
    file.set_len(file.metadata().unwrap().len() + by).unwrap();
}

fn zeros(scene: &Scene, count: usize) {
    let mut bytes = fs::read(scene.last()).unwrap();
    let from = bytes.len() - count;
    bytes[from..].fill(0);
    fs::write(scene.last(), bytes).unwrap();
}

fn on_names() -> Vec<Attack> {
    vec![
        ("a segment of a number beyond all", |s| put(s, "seg-99999999999999999999.jsonl"), 0, None, Opens),
        ("a segment of too few digits", |s| put(s, "seg-0000000000000000013.jsonl"), 0, None, Opens),
        ("a segment with something behind its name", |s| put(s, "seg-00000000000000000013.jsonl.1"), 0, None, Opens),
        (
            "files of other tools",
            |s| ["000.alog.1", "checkpoint~", ".head.swp", "core"].iter().for_each(|n| put(s, n)),
            0,
            None,
            Opens,
        ),
        (
            "a directory named as the next segment",
            |s| fs::create_dir(s.path("seg-00000000000000000013.jsonl")).unwrap(),
            2,
            None,
            Refuses,
        ),
        ("the first segment gone", |s| fs::remove_file(s.path(GENESIS)).unwrap(), 1, Some(0), Refuses),
        ("evidence is a link to a directory", |s| link(&s.path("evidence")), 0, None, Refuses),
        ("a file in place of the directory of torn tails", |s| in_place_of(s, "torn"), 0, None, Refuses),
        ("a segment that is a copy under a second name", |s| hard_linked(s), 0, None, Opens),
        ("a head that is empty", |s| head(s, |_| Vec::new()), 0, None, Refuses),
        ("a head of one slot", |s| head(s, |bytes| bytes[..4096].to_vec()), 0, None, Opens),
        ("a head of a megabyte", |s| head(s, |bytes| [bytes, vec![0xff; 1 << 20]].concat()), 0, None, Opens),
        (
            "the slots of the head in each other's place",
            |s| head(s, |bytes| [&bytes[4096..8192], &bytes[..4096]].concat()),
            0,
            None,
            Opens,
        ),
    ]
}

fn put(scene: &Scene, name: &str) {
    fs::write(scene.path(name), "{\"seq\":13,\"t\":\"x\"}\n").unwrap();
}

fn in_place_of(scene: &Scene, directory: &str) {
    fs::remove_dir_all(scene.path(directory)).unwrap();
    fs::write(scene.path(directory), "").unwrap();
}

/// The same file by two names, of which one lies elsewhere: what is written to it is seen there.
fn hard_linked(scene: &Scene) {
    fs::hard_link(scene.last(), scene.early.path().join("elsewhere")).unwrap();
}

fn on_more_notes() -> Vec<Attack> {
    vec![
        ("a mark of the byte order before the checkpoint", |s| note(s, |t| format!("\u{feff}{t}")), 1, None, Opens),
        ("a byte of zeros in the checkpoint", |s| note(s, |t| t.replacen("weather", "weath\0er", 1)), 1, None, Opens),
        (
            "a checkpoint of more entries than a number has",
            |s| note(s, |t| t.replacen("\n13\n", "\n18446744073709551616\n", 1)),
            1,
            None,
            Opens,
        ),
        ("a number with an exponent", |s| note(s, |t| t.replacen("\n13\n", "\n1.3e1\n", 1)), 1, None, Opens),
        ("the checkpoint twice", |s| note(s, |t| format!("{t}{t}")), 1, None, Opens),
        ("a line of text behind the signatures", |s| note(s, |t| format!("{t}and more\n")), 1, None, Opens),
        ("a signature of three parts", |s| note(s, |t| format!("{t}\u{2014} a b c\n")), 1, None, Opens),
        (
            "a cosigned checkpoint of earlier",
            |s| fs::copy(s.early.path().join("checkpoint"), s.path("witnessed")).map(drop).unwrap(),
            0,
            None,
            Opens,
        ),
        (
            "a cosigned checkpoint of another ledger",
            |s| fs::copy(s.other.path().join("checkpoint"), s.path("witnessed")).map(drop).unwrap(),
            1,
            None,
            Opens,
        ),
        (
            "a cosigned checkpoint without its epoch",
            |s| {
                let text = fs::read_to_string(s.path("checkpoint")).unwrap();
                fs::write(s.path("witnessed"), &text[..text.find("\u{2014} weather/epoch").unwrap()]).unwrap();
            },
            1,
            None,
            Opens,
        ),
    ]
}

#[test]
fn attacks_on_line_0() {
    run(on_line_0());
}

#[test]
fn attacks_on_tails() {
    run(on_tails());
}

#[test]
fn attacks_on_names() {
    run(on_names());
}

#[test]
fn attacks_on_more_notes() {
    run(on_more_notes());
}

/// Lines that are no JSON, or that no program could hold, are entries as far as the chain goes: no reader stumbles over them.
#[test]
fn what_no_parser_takes_stops_no_reader() {
    let bodies: [&[u8]; 6] = [
        b"\"t\":\"decision\",\"d\":\"allow\",\"risk\":1e999}",
        b"\"t\":\"decision\",not json at all}",
        b"\"t\":\"outcome\",\"us\":99999999999999999999999999}",
        b"\"t\":\"denials\",\"why\":{\"x\":18446744073709551615,\"x\":18446744073709551615}}",
        b"\"t\":\"issue\",\"tools\":\"no list\"}",
        b"\"t\":\"approve\",\"v\":{}}",
    ];
    for body in bodies.into_iter().map(<[u8]>::to_vec).chain([deep()]) {
        let scene = Scene::new();
        chained(&scene, |_| body.clone());
        let trust = Trust { key: Some(scene.pin.key), epoch_key: scene.pin.epoch, ..Trust::default() };
        let what = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        assert_eq!(verify(scene.dir.path(), &trust).unwrap().verdict, Verdict::Weaker, "{what}");
        assert_eq!(vectors::python(scene.dir.path(), &["--key", &scene.pin.to_string()]).0, 3, "{what}");
        assert_eq!(read::stats(scene.dir.path()).unwrap().entries, 14, "{what}");
        let tail = read::tail(scene.dir.path(), 100).unwrap();
        assert_eq!(tail.entries.len() as u64 + tail.damaged, 14, "{what}");
        let _ = (read::exposure(scene.dir.path(), 24).unwrap(), evidence::read::look(scene.dir.path(), 13));
        let ledger = open(scene.dir.path()).unwrap();
        let _ = ledger.record(&allow("after"), Sync::Durable).wait().unwrap();
        ledger.shutdown().unwrap();
        assert_eq!(verify(scene.dir.path(), &trust).unwrap().verdict, Verdict::Proven, "{what}");
        let note = fs::read(scene.path("checkpoint")).unwrap();
        assert!(proof::Tree::read(scene.dir.path(), &note).unwrap().inclusion(13).is_some(), "{what}");
    }
}

fn deep() -> Vec<u8> {
    format!("\"t\":\"decision\",\"d\":\"allow\",\"x\":{}{}}}", "[".repeat(7000), "]".repeat(7000)).into_bytes()
}

/// Whoever reads while others write sees a ledger that ends earlier, and never one that is wrong.
#[test]
fn a_ledger_is_verified_while_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let terms = super::super::place::Terms::unwatched(ORIGIN, "abababababababab", Durability::Effect);
    let store = Store { segment_max: 20_000, epoch_age: 50_000, ..super::super::place::open(dir.path(), terms).unwrap().0 };
    let pin = store.pin();
    let ledger = Ledger::start(store, terms.pol.into(), Durability::Effect, false).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    let trust = Trust { key: Some(pin.key), epoch_key: pin.epoch, ..Trust::default() };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..600 {
                let _ = ledger.record(&allow("c"), if n % 7 == 0 { Sync::Durable } else { Sync::Written }).wait().unwrap();
            }
            done.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        let mut rounds = 0;
        while !done.load(std::sync::atomic::Ordering::SeqCst) {
            let report = verify(dir.path(), &trust).unwrap();
            assert!(matches!(report.verdict, Verdict::Proven | Verdict::Weaker), "{report:?}");
            if rounds % 20 == 0 {
                let (code, said) = vectors::python(dir.path(), &["--key", &pin.to_string()]);
                assert!(matches!(code, 0 | 3), "{said}");
            }
            rounds += 1;
        }
    });
    ledger.shutdown().unwrap();
    assert_eq!(verify(dir.path(), &trust).unwrap().verdict, Verdict::Proven);
    assert!(super::super::segments(dir.path()).unwrap().len() > 5, "over segments and epochs");
}

/// The path to a ledger may be a link, as its operator likes it.
#[test]
fn the_path_to_a_ledger_may_be_a_link() {
    let scene = Scene::new();
    let path = scene.early.path().join("by-a-link");
    std::os::unix::fs::symlink(scene.dir.path(), &path).unwrap();
    let trust = Trust { key: Some(scene.pin.key), ..Trust::default() };
    assert_eq!(verify(&path, &trust).unwrap().verdict, Verdict::Proven);
    assert_eq!(vectors::python(&path, &["--key", &scene.pin.to_string()]).0, 0);
    drop(open(&path).unwrap());
}
