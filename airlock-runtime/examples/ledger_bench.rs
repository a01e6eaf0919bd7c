//! Measures the ledger on this machine: `cargo run --release -p airlock-runtime --example ledger_bench -- DIR`.
//!
//! DIR must lie on a disk (not tmpfs) and is left behind, so that `openssl dgst -sha256` and `sha256sum` can be timed over the
//! same file. Figures are of this run alone; nothing is asserted.

use airlock_runtime::ledger::verify::{Trust, verify};
use airlock_runtime::ledger::{Decision, Entry, Ledger, LedgerError, Sync};
use airlock_runtime::policy::Durability;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Entries of the large ledger.
const LARGE: usize = 1_000_000;

fn entry(call: &str) -> Entry<'_> {
    Entry::Decision(Decision {
        allow: true,
        sid: "5f0c1c1e-2f0e-4d1b-9f57-0a2f4c8f2d11",
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

fn say(text: std::fmt::Arguments<'_>) {
    // A closed pipe ends the report, not the measurement.
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn rate(name: &str, count: usize, took: Duration) {
    let (count, seconds) = (u32::try_from(count).unwrap_or(u32::MAX), took.as_secs_f64());
    say(format_args!("{name}: {:.0} per second, {:.1} us each", f64::from(count) / seconds, seconds * 1e6 / f64::from(count)));
}

/// `callers` threads that each wait for their entry before the next.
fn waiting(ledger: &Ledger, callers: usize, each: usize) -> Result<Duration, LedgerError> {
    let begin = Instant::now();
    std::thread::scope(|scope| {
        let one = || (0..each).try_for_each(|_| ledger.record(&entry("c"), Sync::Durable).wait().map(drop));
        let threads: Vec<_> = (0..callers).map(|_| scope.spawn(one)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or(Err(LedgerError::Stopped)))
    })?;
    Ok(begin.elapsed())
}

/// Plain appends of the same size, each synced: what the disk can do.
fn plain(dir: &Path, count: usize) -> std::io::Result<Duration> {
    let mut file = std::fs::File::options().append(true).create(true).open(dir.join("plain"))?;
    let begin = Instant::now();
    for _ in 0..count {
        file.write_all(&[b'x'; 420])?;
        file.sync_data()?;
    }
    Ok(begin.elapsed())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args_os().nth(1).ok_or("name a directory on a disk")?;
    let dir = Path::new(&dir);
    let ledger = Ledger::open(&dir.join("waiting"), "bench", &[0; 32], Durability::Power)?;
    rate("plain append and fdatasync", 500, plain(dir, 500)?);
    rate("one caller, durable", 500, waiting(&ledger, 1, 500)?);
    rate("64 callers, durable", 64 * 100, waiting(&ledger, 64, 100)?);
    ledger.shutdown()?;

    let large = dir.join("large");
    let ledger = Ledger::open(&large, "bench", &[0; 32], Durability::Process)?;
    let begin = Instant::now();
    let mut tickets = std::collections::VecDeque::new();
    for n in 0..LARGE {
        tickets.push_back(ledger.record(&entry(&format!("{n:032x}")), Sync::Written));
        if tickets.len() >= 512 {
            tickets.pop_front().map_or(Ok(()), |ticket| ticket.wait().map(drop))?;
        }
    }
    tickets.into_iter().try_for_each(|ticket| ticket.wait().map(drop))?;
    rate("append without waiting for the disk", LARGE, begin.elapsed());
    let key = *ledger.key();
    ledger.shutdown()?;
    let begin = Instant::now();
    let report = verify(&large, &Trust { key: Some(key), saved: None })?;
    say(format_args!("verify of {} entries: {:.3} s, {:?}", report.entries, begin.elapsed().as_secs_f64(), report.verdict));
    let begin = Instant::now();
    drop(Ledger::open(&large, "bench", &[0; 32], Durability::Process)?);
    say(format_args!("open and shut down with all of it within the last day: {:.1} ms", begin.elapsed().as_secs_f64() * 1e3));
    let small = dir.join("small");
    drop(Ledger::open(&small, "bench", &[0; 32], Durability::Power)?);
    let begin = Instant::now();
    let ledger = Ledger::open(&small, "bench", &[0; 32], Durability::Power)?;
    say(format_args!("open of a small ledger: {:.2} ms", begin.elapsed().as_secs_f64() * 1e3));
    ledger.shutdown()?;
    Ok(())
}
