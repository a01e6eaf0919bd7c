//! The ledger beside plain files and `openssl`, on the disk that holds the checkout, 400 bytes an entry.

use airlock_bench::cpu::{self, median};
use airlock_bench::table::{Bar, begin, row};
use airlock_bench::{Fault, scene};
use airlock_runtime::clock::Micros;
use airlock_runtime::ledger::chain::{Range, leaf};
use airlock_runtime::ledger::seal::{Seal, Seed};
use airlock_runtime::ledger::stages::{self, Alone, Remembered};
use airlock_runtime::ledger::verify::{Trust, Verdict, verify};
use airlock_runtime::ledger::{Decision, Entry, Ledger, Sync, line, segments};
use airlock_runtime::policy::Durability;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// Entries of the large ledger, and of the small one that its memory is compared with.
const LARGE: usize = 1_000_000;
const SMALL: usize = 10_000;
/// Rounds in turn with the peer, and synced appends of each round.
const ROUNDS: usize = 9;
const SYNCED: usize = 100;
/// Waiting callers, entries of each.
const CALLERS: usize = 64;
const EACH: usize = 100;
/// Entries that wait for an answer when nobody waits for the disk.
const OPEN: usize = 512;

fn entry(call: &str) -> Entry<'_> {
    Entry::Decision(Decision {
        allow: true,
        sid: scene::SESSION,
        sub: "agent:planner",
        tool: "http_get_json",
        rid: vec!["00112233445566778899aabbccddeeff".into()],
        kid: "k1",
        risk: 120,
        args: b"{\"url\":\"https://api.example.com/\"}",
        why: "ok",
        call,
        ..Decision::default()
    })
}

/// All figures of the ledger.
pub(crate) fn measure(dir: &Path) -> Result<(), Fault> {
    begin("Ledger: append, stage by stage, CPU time of one thread");
    stage_by_stage(dir)?;
    begin("Ledger: append");
    let (large, length) = append(dir)?;
    synced(dir, length)?;
    begin("Ledger: verify");
    verified(dir, &large)
}

/// A ledger and the key that its maker told.
struct Filled {
    dir: PathBuf,
    trust: Trust,
}

/// Fills the large ledger; gives it and the mean length of a line.
fn append(dir: &Path) -> Result<(Filled, usize), Fault> {
    let large = dir.join("large");
    let (used, took, trust) = fill(&large, LARGE)?;
    let bytes: u64 = segments(&large)?.iter().map(|segment| segment.path.metadata().map_or(0, |data| data.len())).sum();
    let line = usize::try_from(bytes)? / LARGE;
    let mut plain = File::create(dir.join("plain"))?;
    let text = vec![b'x'; line];
    let begin = cpu::process();
    for _ in 0..LARGE {
        plain.write_all(&text)?;
    }
    let write = cpu::process().saturating_sub(begin);
    let count = f64::from(u32::try_from(LARGE)?);
    let each = |time: Duration| time.as_secs_f64() * 1e6 / count;
    row(
        &format!("CPU per entry ({line} B), all threads: entry, chain, tree, write, checkpoints; no seal; {OPEN} open"),
        each(used),
        "µs",
        Bar::None,
    );
    row("CPU per plain `write` of the same bytes", each(write), "µs", Bar::None);
    row("entry / plain write", used.as_secs_f64() / write.as_secs_f64(), "×", Bar::Most(2.0));
    row("entries per second, not waiting for the disk", count / took.as_secs_f64(), "/s", Bar::None);
    fs::remove_file(dir.join("plain"))?;
    Ok((Filled { dir: large, trust }, line))
}

/// What an entry costs stage by stage, on one thread, beside a plain `write`: what the bar names, and what it does not.
fn stage_by_stage(dir: &Path) -> Result<(), Fault> {
    let call = format!("{:032x}", 7);
    let (salt, root) = ([7; 32], Seed::fresh()?);
    let body = stages::body(&entry(&call), salt);
    let now = Micros::now();
    let text = line::build(LARGE as u64, &salt, now, &body);
    let parts = line::parse(&text)?;
    let (mut range, mut seal, mut remembered) = (Range::default(), Seal::start(&root), Remembered::default());
    let mut plain = File::options().append(true).create(true).open(dir.join("plain"))?;
    let bytes = vec![b'x'; text.len() + 1];
    let mut failed = None;
    let write = cpu::micros(|| failed = plain.write_all(&bytes).err());
    fs::remove_file(dir.join("plain"))?;
    failed.map_or(Ok(()), Err)?;
    let shaped = cpu::micros(|| stages::body(&entry(&call), salt));
    let built = cpu::micros(|| line::build(LARGE as u64, &salt, now, &body));
    let chain = cpu::micros(|| leaf(&text));
    let tree = cpu::micros(|| range.push(salt));
    let sealed = cpu::micros(|| seal.push(&salt));
    let facts = cpu::micros(|| remembered.absorb(&parts));
    row(&format!("plain `write` of {} B", bytes.len()), write, "µs", Bar::None);
    row("chain: the leaf of a line", chain, "µs", Bar::None);
    row("tree", tree, "µs", Bar::None);
    row("seal", sealed, "µs", Bar::None);
    row("chain, tree and seal / plain `write`", (chain + tree + sealed) / write, "×", Bar::Most(2.0));
    row("… and the `write` itself / plain `write`", (chain + tree + sealed + write) / write, "×", Bar::Most(2.0));
    row("building the entry: JSON, commitment to its arguments", shaped, "µs", Bar::None);
    row("building the line: number, link, time", built, "µs", Bar::None);
    row("what conditions need to know of it: budgets, read from the line", facts, "µs", Bar::None);
    let whole = dir.join("alone");
    let mut alone = Alone::init(&whole, &root)?;
    let mut failed = None;
    let batch = cpu::micros(|| failed = alone.append((0..OPEN).map(|_| entry(&call))).err());
    failed.map_or(Ok(()), Err)?;
    let each = batch / f64::from(u32::try_from(OPEN)?);
    row(
        &format!("all of it, sealed, {OPEN} a batch, with salts and head, without queue, wakes and checkpoints"),
        each,
        "µs",
        Bar::None,
    );
    drop(alone);
    Ok(fs::remove_dir_all(whole)?)
}

/// A ledger of so many entries; gives CPU time and wall clock of the appends, and its key.
fn fill(dir: &Path, count: usize) -> Result<(Duration, Duration, Trust), Fault> {
    let ledger = Ledger::open(dir, "bench", &[0; 32], Durability::Process)?;
    let (cpu, begin) = (cpu::process(), Instant::now());
    let mut open = VecDeque::with_capacity(OPEN);
    for n in 0..count {
        open.push_back(ledger.record(&entry(&format!("{n:032x}")), Sync::Written));
        if open.len() >= OPEN
            && let Some(ticket) = open.pop_front()
        {
            ticket.wait().map(drop)?;
        }
    }
    for ticket in open {
        ticket.wait().map(drop)?;
    }
    let (used, took) = (cpu::process().saturating_sub(cpu), begin.elapsed());
    let trust = Trust { key: Some(*ledger.key()), ..Trust::default() };
    ledger.shutdown()?;
    Ok((used, took, trust))
}

/// Entries that must be on the disk: one caller beside a plain loop, many callers beside a timer.
fn synced(dir: &Path, line: usize) -> Result<(), Fault> {
    let ledger = Ledger::open(&dir.join("synced"), "bench", &[0; 32], Durability::Power)?;
    let mut file = File::options().append(true).create(true).open(dir.join("plain"))?;
    let text = vec![b'x'; line];
    let rate = |count: usize, begin: Instant| f64::from(u32::try_from(count).unwrap_or(0)) / begin.elapsed().as_secs_f64();
    let (mut ours, mut plain, mut many, mut timer) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        for _ in 0..SYNCED {
            file.write_all(&text)?;
            file.sync_data()?;
        }
        plain.push(rate(SYNCED, begin));
        let begin = Instant::now();
        waiting(1, SYNCED, || ledger.record(&entry("c"), Sync::Durable).wait().map(drop))?;
        ours.push(rate(SYNCED, begin));
        let begin = Instant::now();
        waiting(CALLERS, EACH, || ledger.record(&entry("c"), Sync::Durable).wait().map(drop))?;
        many.push(rate(CALLERS * EACH, begin));
        timer.push(with_timer(&file, &text)?);
    }
    ledger.shutdown()?;
    let (ours, plain, many, timer) = (median(&mut ours), median(&mut plain), median(&mut many), median(&mut timer));
    row("plain `write` + `fdatasync`", plain, "/s", Bar::None);
    row("one caller that waits for the disk", ours, "/s", Bar::None);
    row("one caller / plain", ours / plain, "×", Bar::Least(0.85));
    row(&format!("{CALLERS} callers that wait for the disk"), many, "/s", Bar::None);
    row(&format!("{CALLERS} callers, plain file, `fdatasync` by a 10 ms timer"), timer, "/s", Bar::None);
    row("64 callers / timer", many / timer, "×", Bar::Least(10.0));
    Ok(())
}

/// `callers` threads that each wait for their entry before the next.
fn waiting<E>(callers: usize, each: usize, record: impl Fn() -> Result<(), E> + std::marker::Sync) -> Result<(), Fault>
where
    E: std::error::Error + Send + 'static,
{
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..callers).map(|_| scope.spawn(|| (0..each).try_for_each(|_| record()))).collect();
        for thread in threads {
            thread.join().map_err(|_| "a caller panicked")??;
        }
        Ok(())
    })
}

/// The usual alternative to a sync per commit: a thread that syncs every 10 ms, callers that wait for the next one.
fn with_timer(file: &File, text: &[u8]) -> Result<f64, Fault> {
    const TICK: Duration = Duration::from_millis(10);
    /// Syncs that began and ended so far; `true` once nobody waits any more.
    type Ticks = (u64, u64, bool);
    let state: (Mutex<Ticks>, Condvar) = (Mutex::new((0, 0, false)), Condvar::new());
    let locked = || state.0.lock().map_err(|_| std::io::Error::other("a caller panicked"));
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let clock = scope.spawn(|| {
            while !locked()?.2 {
                std::thread::sleep(TICK);
                locked()?.0 += 1;
                file.sync_data()?;
                locked()?.1 += 1;
                state.1.notify_all();
            }
            Ok::<_, std::io::Error>(())
        });
        let done = waiting(CALLERS, EACH, || {
            let mut out = file;
            out.write_all(text)?;
            let guard = locked()?;
            // A sync that has begun may have missed these bytes; the next one has them.
            let mine = guard.0 + 1;
            let _guard =
                state.1.wait_while(guard, |ticks| ticks.1 < mine).map_err(|_| std::io::Error::other("a caller panicked"))?;
            Ok::<_, std::io::Error>(())
        });
        locked()?.2 = true;
        clock.join().map_err(|_| "the timer panicked")??;
        done
    })?;
    Ok(f64::from(u32::try_from(CALLERS * EACH)?) / begin.elapsed().as_secs_f64())
}

/// Verification in this process beside `openssl dgst` over the same files.
fn verified(dir: &Path, large: &Filled) -> Result<(), Fault> {
    let small = dir.join("small");
    let (_, _, trust) = fill(&small, SMALL)?;
    let peak_small = peak(&Filled { dir: small, trust })?;
    let peak_large = peak(large)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let begin = cpu::thread();
        let report = verify(&large.dir, &large.trust)?;
        ours.push(cpu::thread().saturating_sub(begin).as_secs_f64());
        if report.verdict != Verdict::Proven || report.entries <= LARGE as u64 {
            return Err(format!("the ledger does not verify: {report:?}").into());
        }
        theirs.push(openssl(&large.dir)?.as_secs_f64());
    }
    let (ours, theirs) = (median(&mut ours), median(&mut theirs));
    row(&format!("verify of {LARGE} entries, CPU time"), ours, "s", Bar::None);
    row("`openssl dgst -sha256` of the same files, CPU time", theirs, "s", Bar::None);
    row("verify / openssl", ours / theirs, "×", Bar::Most(2.0));
    row(&format!("peak RSS of this program in a verify of {SMALL} entries"), peak_small, "MB", Bar::None);
    row(&format!("peak RSS of this program in a verify of {LARGE} entries"), peak_large, "MB", Bar::Most(peak_small + 1.0));
    Ok(())
}

/// Most resident memory of this process during a verification, MB.
fn peak(ledger: &Filled) -> Result<f64, Fault> {
    let field = |name: &str| -> Result<f64, Fault> {
        let status = fs::read_to_string("/proc/self/status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such field")?;
        Ok(line.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<f64>()? * 1024.0 / 1e6)
    };
    // 5 = forget the peak so far.
    fs::write("/proc/self/clear_refs", "5")?;
    verify(&ledger.dir, &ledger.trust)?;
    field("VmHWM")
}

/// CPU time of `openssl dgst -sha256` over the segments, read from the kernel before the ended process is forgotten.
fn openssl(dir: &Path) -> Result<Duration, Fault> {
    let files = segments(dir)?.into_iter().map(|segment| segment.path);
    let mut child = Command::new("openssl").args(["dgst", "-sha256"]).args(files).stdout(Stdio::null()).spawn()?;
    let pid = Pid::from_child(&child);
    waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    let text = fs::read_to_string(format!("/proc/{}/schedstat", child.id()))?;
    if !child.wait()?.success() {
        return Err("openssl dgst failed".into());
    }
    Ok(Duration::from_nanos(text.split(' ').next().ok_or("no time")?.parse()?))
}
