//! The writer as a whole: restart, several writers, crashes, failures of the disk.

mod attacks;
mod crash;
mod damage;
mod epochs;
mod idle;
mod many;
pub(crate) mod revoke;
mod seal;
mod second;
mod strange;
mod tails;
mod vectors;

use super::chain::{commitment, first_prev, leaf, unhex};
use super::store::{Pending, Store};
use super::{Decision, Durability, EffectClass, Entry, Issue, Ledger, LedgerError, Outcome, Recorded, Require, Sync, Unmet};
use airlock_core::clock::Micros;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::MutexGuard;

pub(crate) const ORIGIN: &str = "weather";

pub(crate) fn open(dir: &Path) -> Result<Ledger, LedgerError> {
    Ledger::open(dir, ORIGIN, &[0xab; 32], Durability::Power)
}

pub(crate) fn allow(call: &str) -> Entry<'_> {
    Entry::Decision(Decision {
        allow: true,
        sid: "s-1",
        sub: "agent:planner",
        tool: "http_get_json",
        rid: vec!["00ff".into()],
        kid: "k1",
        args: b"{\"url\":\"https://api.example.com/\"}",
        why: "ok",
        call,
        ..Decision::default()
    })
}

/// Facts at one moment.
pub(crate) struct Known<'a>(MutexGuard<'a, Store>);

impl Known<'_> {
    fn pinned_intent(&self, sid: &str) -> Option<String> {
        self.0.facts.pinned_intent(sid, Micros::now().seconds()).map(str::to_owned)
    }

    pub(crate) fn spent(&self, rid: &str) -> u64 {
        self.0.facts.spent(rid)
    }
}

impl Ledger {
    /// What the writer knows, with what other processes have recorded. Holds the store.
    pub(crate) fn facts(&self) -> Result<Known<'_>, LedgerError> {
        let mut store = self.shared.store()?;
        match store.refresh() {
            Ok(()) => Ok(Known(store)),
            Err(error) => Err(self.shared.fail(error)),
        }
    }
}

/// The lines of all segments, after checking by other code than the writer's that they are one chain from line 0.
pub(crate) fn checked_lines(dir: &Path) -> Vec<Value> {
    let mut all = String::new();
    for segment in super::segments(dir).unwrap() {
        assert_eq!(segment.first, all.lines().count() as u64, "named after its first entry");
        assert!(all.is_empty() || all.lines().last().unwrap().contains("\"t\":\"rotate\","), "the one before ended");
        let text = fs::read_to_string(segment.path).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "a partial line at the end");
        all.push_str(&text);
    }
    let mut prev = None;
    let mut out = Vec::new();
    for (n, text) in all.lines().enumerate() {
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(value["seq"], n);
        let named = unhex(value["prev"].as_str().unwrap().as_bytes()).unwrap();
        if n == 0 {
            let pk = super::note::parse_key(value["pk"].as_str().unwrap()).unwrap();
            assert_eq!(named, first_prev(value["origin"].as_str().unwrap(), pk.as_bytes()));
        } else {
            assert_eq!(Some(named), prev, "line {n}");
        }
        prev = Some(leaf(text.as_bytes()));
        out.push(value);
    }
    out
}

pub(crate) fn segment(dir: &Path) -> std::path::PathBuf {
    dir.join(super::files::segment_name(0))
}

#[test]
fn entries_are_numbered_and_a_restart_continues_the_chain() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    assert!(ledger.is_new());
    assert!(open(dir.path()).unwrap().is_new(), "nothing was recorded yet");
    assert_eq!(ledger.record(&allow("c-1"), Sync::Durable).wait().unwrap().seq(), 1);
    let outcome =
        Outcome { call: "c-1", ok: true, status: "ok", hosts: vec!["api.example.com".into()], micros: 5, ..Outcome::default() };
    assert_eq!(ledger.record(&Entry::Outcome(outcome), Sync::Written).wait().unwrap().seq(), 2);
    ledger.shutdown().unwrap();
    assert_eq!(ledger.record(&allow("late"), Sync::Durable).wait().unwrap_err(), LedgerError::Stopped);
    let ledger = open(dir.path()).unwrap();
    assert!(!ledger.is_new());
    assert_eq!(ledger.record(&allow("c-2"), Sync::Durable).wait().unwrap().seq(), 3);
    drop(ledger);
    let types: Vec<_> = checked_lines(dir.path()).iter().map(|line| line["t"].as_str().unwrap().to_owned()).collect();
    assert_eq!(types, ["genesis", "decision", "outcome", "decision"]);
}

#[test]
fn the_files_are_private_and_the_arguments_are_not_in_them() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("ledger");
    let ledger = open(&dir).unwrap();
    let _: Recorded = ledger.record(&allow("c-1"), Sync::Durable).wait().unwrap();
    drop(ledger);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let evidence = dir.join("evidence/seg-00000000000000000000.jsonl");
    for path in [dir.join("keys/log.key"), segment(&dir), dir.join("head"), dir.join("checkpoint"), evidence.clone()] {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        assert!(!String::from_utf8_lossy(&fs::read(&path).unwrap()).contains("api.example.com"), "{}", path.display());
    }
    let salt: Value = serde_json::from_str(fs::read_to_string(evidence).unwrap().trim_end()).unwrap();
    assert_eq!(salt["seq"], 1);
    let salt = unhex(salt["salt"].as_str().unwrap().as_bytes()).unwrap();
    let opened = super::chain::hex(&commitment(&salt, b"{\"url\":\"https://api.example.com/\"}"));
    assert_eq!(checked_lines(&dir)[1]["ac"], opened);
}

/// Whoever may write to the directory can put a key of his own under the ledger before it begins.
#[test]
fn a_directory_or_key_that_others_reach_is_refused() {
    let refusal = |dir: &Path| open(dir).map(drop).unwrap_err().to_string();
    let chmod = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("new/ledger");
    drop(open(&dir).unwrap());
    for (path, mode) in [(dir.clone(), 0o777), (dir.clone(), 0o720), (dir.join("keys"), 0o702), (dir.join("keys/log.key"), 0o640)]
    {
        let before = fs::metadata(&path).unwrap().permissions().mode();
        chmod(&path, mode);
        let text = refusal(&dir);
        assert!(text.contains(&format!("{} is open to others (mode {mode:04o})", path.display())), "{text}");
        chmod(&path, before);
    }
    chmod(&dir, 0o755);
    drop(open(&dir).unwrap());
    fs::rename(dir.join("keys"), dir.join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(dir.join("elsewhere"), dir.join("keys")).unwrap();
    assert!(refusal(&dir).contains("is a link"));
    fs::remove_file(dir.join("keys")).unwrap();
    fs::rename(dir.join("elsewhere"), dir.join("keys")).unwrap();
    fs::rename(dir.join("keys/log.key"), dir.join("keys/real")).unwrap();
    std::os::unix::fs::symlink(dir.join("keys/real"), dir.join("keys/log.key")).unwrap();
    assert!(refusal(&dir).contains("cannot read"));
}

#[test]
fn another_gateway_or_durability_is_refused_and_another_policy_is_not() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let refusal = |result: Result<Ledger, LedgerError>| result.map(drop).unwrap_err().to_string();
    let other = refusal(Ledger::open(dir.path(), "bank", &[0xab; 32], Durability::Power));
    assert!(other.contains("belongs to gateway \"weather\", not \"bank\""), "{other}");
    let weaker = refusal(Ledger::open(dir.path(), ORIGIN, &[0xab; 32], Durability::Process));
    assert!(weaker.contains("promises durability \"power\""), "{weaker}");
    assert!(refusal(Ledger::open(dir.path(), "two words", &[0; 32], Durability::Power)).contains("cannot name a ledger"));
    let ledger = Ledger::open(dir.path(), ORIGIN, &[0xcd; 32], Durability::Power).unwrap();
    let _ = ledger.record(&allow("c"), Sync::Durable).wait().unwrap();
    drop(ledger);
    let lines = checked_lines(dir.path());
    assert_eq!((lines[0]["pol"].as_str(), lines[1]["pol"].as_str()), (Some("abababababababab"), Some("cdcdcdcdcdcdcdcd")));
}

#[test]
fn several_writers_keep_one_contiguous_chain() {
    const WRITERS: usize = 4;
    const EACH: usize = 60;
    let dir = tempfile::tempdir().unwrap();
    let mut seqs: Vec<u64> = std::thread::scope(|scope| {
        let write = |name: usize| {
            // They open at once too: one of them creates the ledger.
            let ledger = open(dir.path()).unwrap();
            (0..EACH)
                .map(|n| ledger.record(&allow(&format!("{name}-{n}")), Sync::Written).wait().unwrap().seq())
                .collect::<Vec<_>>()
        };
        let threads: Vec<_> = (0..WRITERS).map(|name| scope.spawn(move || write(name))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=(WRITERS * EACH) as u64).collect::<Vec<_>>());
    assert_eq!(checked_lines(dir.path()).len(), 1 + WRITERS * EACH);
}

#[test]
fn facts_cover_what_other_writers_recorded_and_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (open(dir.path()).unwrap(), open(dir.path()).unwrap());
    let issue = |ih| Entry::Issue(Issue { sid: "s-1", ih, exp: Micros::now().seconds() + 600, ..Issue::default() });
    let _ = one.record(&issue("aa"), Sync::Written).wait().unwrap();
    let _ = one.record(&allow("c-1"), Sync::Written).wait().unwrap();
    assert_eq!(two.facts().unwrap().pinned_intent("s-1").as_deref(), Some("aa"));
    let _ = two.record(&allow("c-2"), Sync::Written).wait().unwrap();
    assert_eq!(one.facts().unwrap().spent("00ff"), 2);
    assert!(one.newest_ts().unwrap() <= Micros::now());
    // Conditions are tested by the order of the ledger, whoever wrote last.
    let unspent = |uses| vec![Require::Unspent { rid: "00ff".into(), uses }];
    let spent = one.record_if(&allow("c-3"), Sync::Written, unspent(2)).wait().unwrap_err();
    assert_eq!(spent, LedgerError::Unmet(Unmet::Spent("00ff".into())));
    let pinned = two.record_if(&issue("bb"), Sync::Written, vec![Require::Intent { sid: "s-1".into(), ih: "bb".into() }]);
    assert_eq!(pinned.wait().unwrap_err(), LedgerError::Unmet(Unmet::Intent("s-1".into())));
    let _ = one.record_if(&allow("c-3"), Sync::Durable, unspent(3)).wait().unwrap();
    drop((one, two));
    let again = open(dir.path()).unwrap();
    let facts = again.facts().unwrap();
    assert_eq!((facts.spent("00ff"), facts.pinned_intent("s-1").as_deref()), (3, Some("aa")));
    drop(facts);
    assert_eq!(checked_lines(dir.path()).len(), 5, "an unmet entry is not written");
}

#[test]
fn a_budget_is_exact_over_concurrent_writers() {
    let dir = tempfile::tempdir().unwrap();
    let allowed: usize = std::thread::scope(|scope| {
        let spend = || {
            let ledger = open(dir.path()).unwrap();
            let require = || vec![Require::Unspent { rid: "00ff".into(), uses: 10 }];
            (0..10).filter(|_| ledger.record_if(&allow("c"), Sync::Written, require()).wait().is_ok()).count()
        };
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(spend)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(allowed, 10);
}

#[test]
fn what_an_entry_waits_for_follows_from_durability_and_effect() {
    let cases = [
        (Durability::Power, [Sync::Durable, Sync::Durable, Sync::Durable]),
        (Durability::Effect, [Sync::Written, Sync::Durable, Sync::Durable]),
        (Durability::Process, [Sync::Written, Sync::Written, Sync::Written]),
    ];
    for (durability, expected) in cases {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(dir.path(), ORIGIN, &[0; 32], durability).unwrap();
        assert_eq!([EffectClass::Read, EffectClass::Write, EffectClass::Send].map(|effect| ledger.sync_for(effect)), expected);
    }
}

#[test]
fn a_ticket_is_a_future() {
    use std::future::Future;
    use std::task::{Context, Poll, Waker};
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    let mut ticket = Box::pin(ledger.record(&allow("c"), Sync::Durable));
    // The writer answers in order, so after a later entry the earlier ticket is ready.
    let _ = ledger.record(&allow("d"), Sync::Durable).wait().unwrap();
    match ticket.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => assert_eq!(answer.unwrap().seq(), 1),
        Poll::Pending => panic!("the entry was recorded before its successor"),
    }
}

#[test]
fn a_line_is_what_the_hand_check_of_the_docs_needs() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    for _ in 0..5 {
        let _ = ledger.record(&allow("c"), Sync::Written).wait().unwrap();
    }
    drop(ledger);
    let script = "( printf '\\0'; sed -n 4p \"$1\" | tr -d '\\n' ) | sha256sum | cut -d' ' -f1";
    let run = std::process::Command::new("sh").args(["-c", script, "sh"]).arg(segment(dir.path())).output().unwrap();
    assert_eq!(String::from_utf8(run.stdout).unwrap().trim(), checked_lines(dir.path())[4]["prev"].as_str().unwrap());
}

/// Asks until there is an answer; the ledger is built without an async runtime too.
fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(answer) => return answer,
            std::task::Poll::Pending => std::thread::yield_now(),
        }
    }
}

/// The type is the proof, so what it stands for has to be true whatever the caller handed over.
#[test]
fn what_an_effect_takes_stands_for_a_durable_allow() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    let allowed = wait(ledger.allow(Decision { allow: false, ..Decision::default() }, EffectClass::Read, Vec::new())).unwrap();
    assert_eq!((allowed.seq(), checked_lines(dir.path())[1]["d"].as_str()), (1, Some("allow")));
    let store = ledger.shared.store().unwrap();
    assert!(store.durable >= fs::metadata(segment(dir.path())).unwrap().len(), "durability power waits for the disk");
}

/// The judge reads the newest time it has seen; another process may have written a later one since.
#[test]
fn a_clock_behind_what_another_process_wrote_allows_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    let terms = super::place::Terms::unwatched(ORIGIN, "abababababababab", Durability::Power);
    let (mut ahead, _) = super::place::open(dir.path(), terms).unwrap();
    let pending = Pending { sealed: Some(allow("c-1").seal("abababababababab", [0; 32])), require: Vec::new() };
    let later = Micros(Micros::now().0 + 60_000_000);
    let _ = ahead.append(&[pending], || later).unwrap();
    assert!(ledger.newest_ts().unwrap() < later);
    let refused = wait(ledger.allow(Decision::default(), EffectClass::Read, Vec::new())).unwrap_err();
    assert_eq!(refused, LedgerError::Unmet(Unmet::Clock));
    assert_eq!(ledger.newest_ts().unwrap(), later, "from now on the judge knows");
    assert_eq!(ledger.record(&allow("denied"), Sync::Written).wait().unwrap().seq(), 2, "what allows nothing is recorded");
}

/// Another process may hold the lock for long (stopped, or on a hanging disk); the event loop must go on meanwhile. The timeout
/// is only for a loop that waits.
#[test]
fn the_judge_does_not_wait_for_the_lock() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = std::sync::Arc::new(open(dir.path()).unwrap());
    let other = fs::File::open(dir.path().join("head")).unwrap();
    rustix::fs::flock(&other, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let ticket = ledger.record(&allow("c-1"), Sync::Written);
    while !ledger.shared.is_held() {
        std::thread::yield_now();
    }
    let (answer, answered) = std::sync::mpsc::channel();
    let judge = std::sync::Arc::clone(&ledger);
    let thread = std::thread::spawn(move || answer.send(judge.newest_ts().map(drop)));
    let answered = answered.recv_timeout(std::time::Duration::from_secs(10));
    let ended = ledger.shutdown_within(std::time::Duration::ZERO).unwrap_err().to_string();
    drop(other);
    assert_eq!(answered, Ok(Ok(())));
    assert!(ended.contains("another process holds it"), "{ended}");
    assert_eq!(ticket.wait().unwrap().seq(), 1);
    thread.join().unwrap().unwrap();
}

/// The memory of what waits has a bound, and who comes beyond it is told so.
#[test]
fn what_waits_for_the_writer_has_a_bound() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    let store = ledger.shared.store().unwrap();
    let tickets: Vec<_> = (0..super::QUEUE_MAX).map(|_| ledger.record(&allow("c"), Sync::Written)).collect();
    let answer = ledger.record(&allow("one too many"), Sync::Written).wait_within(std::time::Duration::from_secs(1));
    assert_eq!(answer.map(|answer| answer.map(|recorded| recorded.seq())), Some(Err(LedgerError::Busy)));
    drop(store);
    assert!(tickets.into_iter().all(|ticket| ticket.wait().is_ok()));
    assert!(ledger.record(&allow("later"), Sync::Durable).wait().is_ok());
    assert_eq!(checked_lines(dir.path()).len(), 2 + super::QUEUE_MAX, "nothing else is lost");
}
