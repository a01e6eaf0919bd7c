//! Attacks on the files of a ledger, one row each: what both verifiers say to who has pinned the keys, and whether a gateway starts with it.

use super::super::chain::leaf;
use super::super::epochkey;
use super::super::files;
use super::super::line::{self, LINE_MAX};
use super::super::note::{Checkpoint, Pin};
use super::super::place::{Terms, open as open_store};
use super::super::redact::{Redact, redact};
use super::super::store::Store;
use super::super::verify::{Trust, verify};
use super::*;
use ed25519_dalek::SigningKey;
use std::path::PathBuf;

/// A ledger in two segments and two epochs: entries 0 to 6, and 7 to 12, of which 8 rolls the key, at rest; what it was two entries earlier; and another one of the same name.
pub(super) struct Scene {
    pub(super) dir: tempfile::TempDir,
    pub(super) pin: Pin,
    pub(super) early: tempfile::TempDir,
    pub(super) other: tempfile::TempDir,
}

fn fill(dir: &Path, entries: std::ops::Range<usize>) -> Pin {
    let terms = Terms::unwatched(ORIGIN, "abababababababab", Durability::Power);
    let mut store = Store { segment_max: 1800, ..open_store(dir, terms).unwrap().0 };
    let pin = store.pin();
    for n in entries {
        let pending = Pending { sealed: Some(allow(&format!("c-{n}")).seal("x", [0; 32])), require: Vec::new() };
        let _ = store.append(&[pending], Micros::now).unwrap();
        store.epoch_age = if n == 5 { 0 } else { u64::MAX };
    }
    let ledger = Ledger::start(store, "abababababababab".into(), Durability::Power, false).unwrap();
    ledger.shutdown().unwrap();
    pin
}

fn copy(from: &Path, to: &Path) {
    assert!(std::process::Command::new("cp").args(["-a", "-T"]).arg(from).arg(to).status().unwrap().success());
}

impl Scene {
    pub(super) fn new() -> Self {
        let [dir, early, other] = [(); 3].map(|()| tempfile::tempdir().unwrap());
        fill(dir.path(), 0..8);
        copy(dir.path(), early.path());
        let pin = fill(dir.path(), 8..10);
        fill(other.path(), 0..10);
        Self { dir, pin, early, other }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn segment(&self, n: usize) -> PathBuf {
        super::super::segments(self.dir.path()).unwrap()[n].path.clone()
    }

    pub(super) fn last(&self) -> PathBuf {
        super::super::segments(self.dir.path()).unwrap().pop().unwrap().path
    }

    /// Changes the text of a file.
    pub(super) fn change(&self, path: &Path, change: impl Fn(String) -> String) {
        let text = fs::read_to_string(path).unwrap();
        let changed = change(text.clone());
        assert_ne!(text, changed, "the attack does something");
        fs::write(path, changed).unwrap();
    }

    pub(super) fn append(&self, bytes: &[u8]) {
        let mut file = fs::File::options().append(true).open(self.last()).unwrap();
        std::io::Write::write_all(&mut file, bytes).unwrap();
    }

    fn take(&self, other: &tempfile::TempDir, name: &str) {
        fs::copy(other.path().join(name), self.path(name)).unwrap();
    }

    /// The last line written anew, with everything before it as it was: chain and number fit.
    fn rewrite_last(&self, change: impl Fn(&line::Line<'_>) -> (String, String)) {
        self.change(&self.last(), |text| {
            let at = text[..text.len() - 1].rfind('\n').map_or(0, |at| at + 1);
            let (ts, body) = change(&line::parse(&text.as_bytes()[at..text.len() - 1]).unwrap());
            let parts = line::parse(&text.as_bytes()[at..text.len() - 1]).unwrap();
            let line = line::build_at(parts.seq, &parts.prev, &ts, body.as_bytes());
            format!("{}{}\n", &text[..at], String::from_utf8(line).unwrap())
        });
    }

    fn pipe(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(self.path(name)).status().unwrap().success());
    }
}

/// What a verifier says, and what a start.
#[derive(Debug, PartialEq, Clone, Copy)]
pub(super) enum Start {
    Opens,
    Refuses,
}
use Start::{Opens, Refuses};

/// Name, attack, exit code of `verify-log`, first bad entry, start.
pub(super) type Attack = (&'static str, fn(&Scene), i32, Option<u64>, Start);

pub(super) const GENESIS: &str = "seg-00000000000000000000.jsonl";

fn on_lines() -> Vec<Attack> {
    vec![
        ("a byte of an entry", |s| s.change(&s.segment(1), |t| t.replacen("allow", "allov", 1)), 1, Some(8), Refuses),
        (
            "line 0 names another policy",
            |s| s.change(&s.path(GENESIS), |t| t.replacen("abababab", "babababa", 1)),
            1,
            Some(1),
            Refuses,
        ),
        (
            "line 0 names another gateway",
            |s| s.change(&s.path(GENESIS), |t| t.replacen("weather", "wether", 1)),
            1,
            Some(0),
            Refuses,
        ),
        ("line 0 names another log key", |s| s.change(&s.path(GENESIS), |t| swap_key(&t, "pk")), 1, Some(0), Refuses),
        ("line 0 names another epoch key", |s| s.change(&s.path(GENESIS), |t| swap_key(&t, "epk")), 1, Some(0), Refuses),
        (
            "line 0 is another version",
            |s| s.change(&s.path(GENESIS), |t| t.replacen("\"v\":1", "\"v\":2", 1)),
            1,
            Some(0),
            Refuses,
        ),
        (
            "line 0 is nested deeply",
            |s| {
                s.change(&s.path(GENESIS), |t| {
                    t.replacen("\"v\":1", &format!("\"v\":1,\"x\":{}{}", "[".repeat(4000), "]".repeat(4000)), 1)
                })
            },
            1,
            Some(1),
            Refuses,
        ),
        (
            "a number is left out",
            |s| s.change(&s.segment(1), |t| t.replacen("\"seq\":9,", "\"seq\":10,", 1)),
            1,
            Some(9),
            Refuses,
        ),
        (
            "a number of twenty digits",
            |s| s.change(&s.segment(1), |t| t.replacen("\"seq\":9,", "\"seq\":99999999999999999999,", 1)),
            1,
            Some(9),
            Refuses,
        ),
        (
            "a number with a zero before it",
            |s| s.change(&s.segment(1), |t| t.replacen("\"seq\":9,", "\"seq\":09,", 1)),
            1,
            Some(9),
            Refuses,
        ),
        ("a line twice", |s| s.change(&s.segment(1), |t| t.lines().next().unwrap().to_owned() + "\n" + &t), 1, Some(8), Refuses),
        ("a line taken out", |s| s.change(&s.segment(1), |t| t[t.find('\n').unwrap() + 1..].to_owned()), 1, Some(7), Refuses),
        ("two lines in the other order", |s| s.change(&s.segment(0), swap_lines), 1, Some(1), Refuses),
        ("line ends of another system", |s| s.change(&s.segment(1), |t| t.replace('\n', "\r\n")), 1, Some(7), Refuses),
        ("a mark of the byte order", |s| s.change(&s.path(GENESIS), |t| format!("\u{feff}{t}")), 1, Some(0), Refuses),
        ("a byte of zeros", |s| s.change(&s.segment(1), |t| t.replacen("allow", "al\0ow", 1)), 1, Some(7), Refuses),
        ("a letter beyond ASCII", |s| s.change(&s.segment(1), |t| t.replacen("allow", "\u{e0}llow", 1)), 1, Some(7), Refuses),
        ("an escape sequence", |s| s.change(&s.segment(1), |t| t.replacen("allow", "\u{1b}[2J", 1)), 1, Some(7), Refuses),
    ]
}

fn on_ends() -> Vec<Attack> {
    vec![
        ("an empty line", |s| s.change(&s.segment(1), |t| t.replacen('\n', "\n\n", 1)), 1, Some(8), Refuses),
        (
            "white space in the beginning",
            |s| s.change(&s.segment(1), |t| t.replacen("{\"seq\"", "{ \"seq\"", 1)),
            1,
            Some(7),
            Refuses,
        ),
        ("the time goes back", |s| s.rewrite_last(|l| ("2001-01-01T00:00:00.000000Z".into(), text_of(l))), 1, Some(12), Refuses),
        (
            "a day that does not exist",
            |s| s.rewrite_last(|l| ("9999-02-30T00:00:00.000000Z".into(), text_of(l))),
            1,
            Some(12),
            Refuses,
        ),
        (
            "the last entry changed and chained",
            |s| s.rewrite_last(|l| (l.ts.into(), text_of(l).replacen("allow", "deny", 1))),
            1,
            Some(12),
            Refuses,
        ),
        ("a line one byte too long", |s| s.rewrite_last(|l| (l.ts.into(), too_long(l))), 1, Some(12), Refuses),
        (
            "the end of a segment names another entry",
            |s| s.change(&s.segment(0), |t| t.replacen("\"next\":7", "\"next\":8", 1)),
            1,
            Some(6),
            Refuses,
        ),
        ("a roll of the key taken out", |s| s.change(&s.segment(1), drop_roll), 1, Some(8), Refuses),
        ("an entry behind the end, of another ledger", |s| s.append(&fs::read(last_of(&s.other)).unwrap()), 3, None, Opens),
        ("garbage behind the end", |s| s.append(b"\xff\0no entry"), 3, None, Opens),
        (
            "the last entry cut off",
            |s| s.change(&s.last(), |t| t[..t[..t.len() - 1].rfind('\n').unwrap() + 1].to_owned()),
            4,
            Some(12),
            Refuses,
        ),
        ("cut off and continued without a key", cut_and_continue, 1, Some(12), Refuses),
    ]
}

fn on_files() -> Vec<Attack> {
    vec![
        ("nothing", |_| (), 0, None, Opens),
        ("two segments in each other's place", |s| swap_files(&s.segment(0), &s.segment(1)), 1, Some(0), Refuses),
        (
            "a segment of another name",
            |s| fs::rename(s.segment(1), s.path("seg-00000000000000000006.jsonl")).unwrap(),
            1,
            Some(7),
            Refuses,
        ),
        ("a segment gone", |s| fs::remove_file(s.segment(1)).unwrap(), 4, Some(7), Refuses),
        ("a segment more", |s| fs::write(s.path("seg-00000000000000000099.jsonl"), "").unwrap(), 1, Some(13), Refuses),
        (
            "an empty segment where the next would be",
            |s| fs::write(s.path("seg-00000000000000000013.jsonl"), "").unwrap(),
            1,
            Some(13),
            Refuses,
        ),
        ("a segment of another ledger", |s| s.take(&s.other, name(&s.segment(1)).as_str()), 1, Some(7), Refuses),
        ("a whole other ledger", |s| copy(s.other.path(), s.dir.path()), 1, Some(0), Opens),
        ("the head of earlier", |s| s.take(&s.early, "head"), 0, None, Opens),
        ("the head of another ledger", |s| s.take(&s.other, "head"), 1, Some(12), Refuses),
        ("both slots of the head spoilt", |s| fs::write(s.path("head"), [0xff; 8192]).unwrap(), 0, None, Refuses),
        ("one slot of the head spoilt", spoil_newer_slot, 0, None, Opens),
        ("no head", |s| fs::remove_file(s.path("head")).unwrap(), 0, None, Refuses),
        (
            "a head of what is not there yet",
            |s| {
                copy(s.dir.path(), s.early.path());
                fill(s.early.path(), 10..11);
                s.take(&s.early, "head")
            },
            4,
            Some(13),
            Refuses,
        ),
        ("all files of earlier, but the checkpoint", |s| roll_back(s, "checkpoint"), 4, Some(11), Refuses),
        ("all files of earlier, but the head", |s| roll_back(s, "head"), 4, Some(11), Refuses),
        ("the log key of another ledger", |s| s.take(&s.other, "keys/log.key"), 0, None, Refuses),
        ("the epoch key of another ledger", |s| s.take(&s.other, "keys/epoch.key"), 0, None, Refuses),
        ("the epoch key of earlier", |s| s.take(&s.early, "keys/epoch.key"), 0, None, Opens),
        ("evidence of an entry that does not exist", |s| evidence(s, b"{\"seq\":999,\"salt\":\"00\"}\n"), 0, None, Opens),
        ("evidence that is none", |s| evidence(s, b"\xff\xff{[\n\0"), 0, None, Opens),
        ("evidence erased twice", |s| (0..2).for_each(|_| erase(s)), 0, None, Opens),
        ("a hard link to a segment", |s| fs::hard_link(s.segment(1), s.path("linked")).unwrap(), 0, None, Opens),
        ("a link in place of the newest segment", |s| link(&s.last()), 2, None, Refuses),
        ("a link in place of the head", |s| link(&s.path("head")), 2, None, Refuses),
        ("a link in place of the epoch keys", |s| link(&s.path("keys/epoch.key")), 0, None, Refuses),
        ("a directory that all may write to", |s| chmod(s.dir.path(), 0o777), 0, None, Refuses),
        ("a log key that all may read", |s| chmod(&s.path("keys/log.key"), 0o644), 0, None, Refuses),
    ]
}

fn on_notes() -> Vec<Attack> {
    vec![
        ("the checkpoint of another ledger", |s| s.take(&s.other, "checkpoint"), 1, None, Opens),
        ("the checkpoint of earlier", |s| s.take(&s.early, "checkpoint"), 3, None, Opens),
        ("no checkpoint", |s| fs::remove_file(s.path("checkpoint")).unwrap(), 3, None, Opens),
        ("an empty checkpoint", |s| fs::write(s.path("checkpoint"), "").unwrap(), 1, None, Opens),
        (
            "the line of the epoch key taken out",
            |s| note(s, |t| t[..t.find("\u{2014} weather/epoch").unwrap()].to_owned()),
            1,
            None,
            Opens,
        ),
        (
            "the line of the log key taken out",
            |s| note(s, |t| t.lines().filter(|l| !l.starts_with("\u{2014} weather ")).map(|l| format!("{l}\n")).collect()),
            1,
            None,
            Opens,
        ),
        ("the line of the epoch key twice", |s| note(s, |t| format!("{t}{}\n", t.lines().last().unwrap())), 0, None, Opens),
        ("a cosignature of nobody", |s| note(s, |t| t + "\u{2014} somebody.example AAAAAAAA\n"), 0, None, Opens),
        ("a signature line that is none", |s| note(s, |t| t + "\u{2014} somebody.example not+base64!\n"), 0, None, Opens),
        (
            "an empty line between signatures",
            |s| note(s, |t| t.replacen("\u{2014} weather/", "\n\u{2014} weather/", 1)),
            1,
            None,
            Opens,
        ),
        ("returns of the carriage", |s| note(s, |t| t.replace('\n', "\r\n")), 1, None, Opens),
        ("no line feed at the end", |s| note(s, |t| t.trim_end().to_owned()), 1, None, Opens),
        ("another number of entries", |s| note(s, |t| t.replacen("\n13\n", "\n12\n", 1)), 1, None, Opens),
        ("a zero before the number", |s| note(s, |t| t.replacen("\n13\n", "\n013\n", 1)), 1, None, Opens),
        ("a line of extension", |s| note(s, |t| t.replacen("\n\n", "\nmore\n\n", 1)), 1, None, Opens),
        (
            "a cosigned checkpoint that nobody signed",
            |s| fs::write(s.path("witnessed"), "weather\n1\nAAAA\n\nx\n").unwrap(),
            1,
            None,
            Opens,
        ),
    ]
}

fn swap_key(text: &str, member: &str) -> String {
    let value: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    text.replacen(
        value[member].as_str().unwrap(),
        &super::super::note::plain_key(&SigningKey::from_bytes(&[1; 32]).verifying_key()),
        1,
    )
}

fn text_of(line: &line::Line<'_>) -> String {
    String::from_utf8(line.body.to_vec()).unwrap()
}

fn too_long(line: &line::Line<'_>) -> String {
    let body = text_of(line);
    let length = line::build_at(line.seq, &line.prev, line.ts, body.as_bytes()).len();
    body.replacen("\"allow\"", &format!("\"allow{}\"", "w".repeat(LINE_MAX + 1 - length)), 1)
}

fn swap_lines(text: String) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.swap(1, 2);
    lines.join("\n") + "\n"
}

fn drop_roll(text: String) -> String {
    text.lines().filter(|line| !line.contains("\"keyroll\"")).map(|line| format!("{line}\n")).collect()
}

fn last_of(dir: &tempfile::TempDir) -> PathBuf {
    super::super::segments(dir.path()).unwrap().pop().unwrap().path
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

fn swap_files(one: &Path, two: &Path) {
    let (a, b) = (fs::read(one).unwrap(), fs::read(two).unwrap());
    fs::write(one, b).unwrap();
    fs::write(two, a).unwrap();
}

/// Everything is that of earlier, but one file.
fn roll_back(scene: &Scene, but: &str) {
    let kept = fs::read(scene.path(but)).unwrap();
    for segment in super::super::segments(scene.dir.path()).unwrap() {
        fs::remove_file(segment.path).unwrap();
    }
    copy(scene.early.path(), scene.dir.path());
    fs::write(scene.path(but), kept).unwrap();
}

fn cut_and_continue(scene: &Scene) {
    scene.change(&scene.last(), |text| {
        let at = text[..text.len() - 1].rfind('\n').unwrap() + 1;
        let old = line::parse(&text.as_bytes()[at..text.len() - 1]).unwrap();
        let mut out = text[..at].to_owned();
        let mut prev = old.prev;
        for seq in old.seq..old.seq + 3 {
            let line = line::build_at(seq, &prev, old.ts, b"\"t\":\"decision\",\"d\":\"deny\",\"forged\":1}");
            prev = leaf(&line);
            out += &format!("{}\n", String::from_utf8(line).unwrap());
        }
        out
    });
}

fn spoil_newer_slot(scene: &Scene) {
    let mut bytes = fs::read(scene.path("head")).unwrap();
    let generation = |at: usize| u64::from_be_bytes(bytes[at + 8..at + 16].try_into().unwrap());
    let newer = if generation(0) > generation(4096) { 0 } else { 4096 };
    bytes[newer + 30] ^= 1;
    fs::write(scene.path("head"), bytes).unwrap();
}

fn evidence(scene: &Scene, bytes: &[u8]) {
    let path = scene.dir.path().join(files::EVIDENCE).join(name(&scene.last()));
    let mut file = fs::File::options().append(true).open(path).unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
}

fn erase(scene: &Scene) {
    redact(scene.dir.path(), &Redact { from: 1, to: 2, why: "asked", by: "operator" }).unwrap();
}

pub(super) fn link(path: &Path) {
    let elsewhere = path.with_extension("elsewhere");
    fs::rename(path, &elsewhere).unwrap();
    std::os::unix::fs::symlink(elsewhere, path).unwrap();
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(super) fn note(scene: &Scene, change: impl Fn(String) -> String) {
    scene.change(&scene.path("checkpoint"), change);
}

/// Whatever lies there, every reader gives an answer or a reason, and what is printed is printable.
fn read_all(dir: &Path) {
    use super::super::{evidence, proof, read};
    if let Ok(tail) = read::tail(dir, 100) {
        assert!(tail.entries.iter().all(|entry| entry.get().bytes().all(|byte| matches!(byte, b' '..=b'~'))));
    }
    let _ = (read::stats(dir), read::exposure(dir, 24), evidence::read::look(dir, 5), evidence::read::look(dir, u64::MAX));
    let _ = read::Follower::at_end(dir).and_then(|mut follower| follower.more());
    if let Ok(note) = files::read_note(&dir.join(files::CHECKPOINT))
        && let Ok(tree) = proof::Tree::read(dir, &note)
    {
        let _ = (tree.inclusion(5), tree.inclusion(u64::MAX), tree.consistency(3), tree.consistency(u64::MAX));
    }
}

/// Each row, in a scene of its own. All that differs is told at once.
pub(super) fn run(attacks: Vec<Attack>) {
    let mut differs = Vec::new();
    for (what, attack, code, seq, start) in attacks {
        let scene = Scene::new();
        attack(&scene);
        let trust = Trust { key: Some(scene.pin.key), epoch_key: scene.pin.epoch, ..Trust::default() };
        let (verdict, findings) = match verify(scene.dir.path(), &trust) {
            Ok(report) => (report.verdict as i32, report.findings),
            // There is no answer.
            Err(_) => (2, Vec::new()),
        };
        let found = findings.iter().find_map(|finding| finding.seq);
        let (second, said) = vectors::python(scene.dir.path(), &["--key", &scene.pin.to_string()]);
        read_all(scene.dir.path());
        let opened = open(scene.dir.path());
        let started = if opened.is_ok() { Opens } else { Refuses };
        if (verdict, found, started) != (code, seq, start) {
            differs.push(format!("{what}: {verdict} {found:?} {started:?} {findings:?}"));
        }
        if second != code {
            differs.push(format!("{what}: the second verifier says {second}, {said}"));
        }
        if let Ok(ledger) = opened {
            let _ = ledger.record(&allow("after"), Sync::Durable).wait().unwrap();
            ledger.shutdown().unwrap();
            let _ = redact(scene.dir.path(), &Redact { from: 0, to: u64::MAX, why: "all", by: "operator" });
            // What a start takes up is whole, and goes on as one chain.
            checked_lines(scene.dir.path());
        }
    }
    assert!(differs.is_empty(), "{}", differs.join("\n"));
}

#[test]
fn attacks_on_lines() {
    run(on_lines());
}

#[test]
fn attacks_on_ends() {
    run(on_ends());
}

#[test]
fn attacks_on_files() {
    run(on_files());
}

#[test]
fn attacks_on_notes() {
    run(on_notes());
}

/// There is no answer then, and nobody waits for one.
#[test]
fn a_pipe_or_directory_in_place_of_a_file_keeps_nobody_waiting() {
    for file in [GENESIS, "head", "checkpoint", "witnessed"] {
        let scene = Scene::new();
        fs::write(scene.path("witnessed"), fs::read(scene.path("checkpoint")).unwrap()).unwrap();
        let trust = Trust { key: Some(scene.pin.key), ..Trust::default() };
        let refused = |what: &str| {
            let error = verify(scene.dir.path(), &trust).unwrap_err();
            assert!(error.to_string().contains("is not a regular file"), "{what} for {file}: {error}");
            let (code, said) = vectors::python(scene.dir.path(), &["--key", &scene.pin.to_string()]);
            assert_eq!(code, 2, "{what} for {file}: {said}");
            if file == GENESIS || file == "head" {
                assert!(open(scene.dir.path()).is_err(), "{what} for {file}");
            }
        };
        link(&scene.path(file));
        refused("a link");
        scene.pipe(file);
        refused("a pipe");
        fs::remove_file(scene.path(file)).unwrap();
        fs::create_dir(scene.path(file)).unwrap();
        assert!(verify(scene.dir.path(), &trust).is_err(), "{file}");
        fs::remove_dir(scene.path(file)).unwrap();
        std::os::unix::fs::symlink("/nonexistent/file", scene.path(file)).unwrap();
        refused("a link to nothing");
    }
    let scene = Scene::new();
    fs::write(scene.path("checkpoint"), vec![b'a'; 1 << 20]).unwrap();
    assert_eq!(verify(scene.dir.path(), &Trust::default()).unwrap().verdict as i32, 1, "a note of a megabyte is none");
    assert!(Checkpoint::claim(&vec![b'a'; 1 << 20]).is_none() && epochkey::FILE.ends_with(".key"));
}

/// The same for files that a gateway alone opens, and those that it writes anew. Each in a thread that would otherwise wait for ever.
#[test]
fn a_pipe_or_link_in_place_of_what_a_gateway_writes_stops_it() {
    let evidence = format!("evidence/{}", "seg-00000000000000000007.jsonl");
    for file in ["keys/log.key", "keys/epoch.key", "reserve", &evidence, "checkpoint.draft"] {
        for attack in [|scene: &Scene, file: &str| scene.pipe(file), |scene: &Scene, file: &str| link(&scene.path(file))] {
            let scene = Scene::new();
            if file == "checkpoint.draft" {
                fs::write(scene.path(file), "of a start that died").unwrap();
            }
            attack(&scene, file);
            let (dir, (sender, answer)) = (scene.dir.path().to_owned(), std::sync::mpsc::channel());
            std::thread::spawn(move || {
                let worked = open(&dir).and_then(|ledger| {
                    let _ = ledger.record(&allow("after"), Sync::Durable).wait()?;
                    ledger.shutdown()
                });
                sender.send(worked)
            });
            let worked =
                answer.recv_timeout(std::time::Duration::from_secs(60)).unwrap_or_else(|_| panic!("{file} keeps it waiting"));
            let said = worked.unwrap_err().to_string();
            assert!(said.contains("is not a regular file"), "{file}: {said}");
        }
    }
}
