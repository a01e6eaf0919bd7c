//! What people read of a ledger: the program itself, as they run it, on a million entries.

use airlock_bench::table::{Bar, begin, row};
use airlock_bench::{Fault, month};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Entries of the ledger.
const ENTRIES: u64 = 1_000_000;

/// All figures of reading.
pub(crate) fn measure(airlock: &Path, dir: &Path) -> Result<(), Fault> {
    begin("Ledger: reports");
    let ledger = dir.join("month");
    let key = month::write(&ledger, ENTRIES)?;
    let page = dir.join("report.html");
    let (ledger, page) = (ledger.to_str().ok_or("a path")?, page.to_str().ok_or("a path")?);
    let commands: [(&str, Vec<&str>); 4] = [
        ("airlock verify-log --key", vec!["verify-log", ledger, "--key", &key]),
        ("airlock stats", vec!["stats", ledger]),
        ("airlock report --key", vec!["report", ledger, "-o", page, "--key", &key]),
        ("airlock tail", vec!["tail", ledger]),
    ];
    for (name, words) in commands {
        let (wall, cpu, peak) = run(airlock, &words)?;
        row(&format!("`{name}`, {ENTRIES} entries: wall clock"), wall, "s", Bar::Most(5.0));
        row("… CPU time", cpu, "s", Bar::None);
        row("… most resident memory", peak, "MB", Bar::Most(200.0));
    }
    Ok(())
}

/// Wall clock and CPU time in seconds, and most resident memory in MB, looked at every few milliseconds.
fn run(program: &Path, words: &[&str]) -> Result<(f64, f64, f64), Fault> {
    let begin = Instant::now();
    let mut child = Command::new(program).args(words).stdout(Stdio::null()).spawn()?;
    let (pid, id) = (Pid::from_child(&child), child.id());
    let mut peak = 0.0_f64;
    while waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG)?.is_none() {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let field = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = peak.max(
            field.and_then(|text| text.trim_matches([' ', '\t', 'k', 'B']).parse::<f64>().ok()).unwrap_or(0.0) * 1024.0 / 1e6,
        );
        std::thread::sleep(Duration::from_millis(3));
    }
    let wall = begin.elapsed().as_secs_f64();
    let text = fs::read_to_string(format!("/proc/{id}/schedstat"))?;
    let cpu = Duration::from_nanos(text.split(' ').next().ok_or("no time")?.parse()?).as_secs_f64();
    if !child.wait()?.success() {
        return Err(format!("{words:?} failed").into());
    }
    Ok((wall, cpu, peak))
}
