//! The commands that read a whole ledger, as a user runs them: a million entries of a realistic mix, written by the ledger itself.

use airlock_bench::cpu::median;
use airlock_bench::table::{Bar, begin, row};
use airlock_bench::{Fault, scene};
use airlock_runtime::ledger::{Decision, Entry, Ledger, Outcome, Sync, note, segments};
use airlock_runtime::policy::Durability;
use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Calls of the ledger: each has a decision, and each that is allowed an outcome.
const CALLS: usize = 562_000;
/// Each so many-th call is refused.
const REFUSED: usize = 9;
/// Agents and tools that the calls are spread over.
const AGENTS: usize = 40;
const TOOLS: usize = 25;
/// Entries that wait for an answer.
const OPEN: usize = 512;
/// Times that each command is run.
const ROUNDS: usize = 3;

/// What a run of a command took.
struct Took {
    wall: f64,
    cpu: f64,
    rss: f64,
}

/// `stats`, `report` and `verify-log` over the ledger.
pub(crate) fn measure(airlock: &Path, dir: &Path) -> Result<(), Fault> {
    let ledger = dir.join("read");
    let key = fill(&ledger)?;
    let files: Vec<PathBuf> = segments(&ledger)?.into_iter().map(|segment| segment.path).collect();
    let bytes: u64 = files.iter().map(|path| path.metadata().map_or(0, |data| data.len())).sum();
    let mut entries = 0;
    for path in &files {
        entries += fs::read(path)?.iter().filter(|byte| **byte == b'\n').count();
    }
    begin("Ledger: commands that read all of it");
    row("entries", f64::from(u32::try_from(entries)?), "", Bar::None);
    row("mean length of an entry", bytes as f64 / f64::from(u32::try_from(entries)?), "B", Bar::None);
    let (here, page) = (ledger.display().to_string(), dir.join("report.html").display().to_string());
    timed("airlock stats", Command::new(airlock).args(["stats", &here]), Bar::Most(5.0))?;
    timed("airlock report", Command::new(airlock).args(["report", &here, "-o", &page, "--key", &key]), Bar::Most(5.0))?;
    let verify = timed("airlock verify-log", Command::new(airlock).args(["verify-log", &here, "--key", &key]), Bar::None)?;
    let openssl = timed("openssl dgst -sha256", Command::new("openssl").args(["dgst", "-sha256"]).args(&files), Bar::None)?;
    row("verify-log / openssl, CPU time", verify.cpu / openssl.cpu, "×", Bar::Most(2.0));
    Ok(())
}

/// Fills the ledger; gives its key.
fn fill(dir: &Path) -> Result<String, Fault> {
    let ledger = Ledger::open(dir, "bench", &[0; 32], Durability::Process)?;
    let mut open = VecDeque::with_capacity(OPEN);
    for n in 0..CALLS {
        let (call, tool, sub) = (format!("{n:032x}"), format!("tool_number_{}", n % TOOLS), format!("agent:{}", n % AGENTS));
        let allow = n % REFUSED != 0;
        let decision = Decision {
            allow,
            sid: scene::SESSION,
            sub: &sub,
            tool: &tool,
            rid: vec![format!("{:032x}", n % 997)],
            kid: "k1",
            risk: u16::try_from(n % 400)?,
            args: b"{\"url\":\"https://api.example.com/\"}",
            why: if allow { "ok" } else { "grant_tool" },
            call: &call,
            hosts: if allow { vec!["api.example.com".to_owned()] } else { Vec::new() },
            ..Decision::default()
        };
        open.push_back(ledger.record(&Entry::Decision(decision), Sync::Written));
        if allow {
            let micros = 900 + u64::try_from(n * 7919 % 90_000)?;
            let hosts = vec!["api.example.com".to_owned()];
            let result = Some([u8::try_from(n % 251)?; 32]);
            let outcome =
                Outcome { call: &call, ok: true, status: "ok", hosts, micros, result, bytes: 2048, ..Outcome::default() };
            open.push_back(ledger.record(&Entry::Outcome(outcome), Sync::Written));
        }
        while open.len() >= OPEN
            && let Some(ticket) = open.pop_front()
        {
            settled(ticket.wait())?;
        }
    }
    for ticket in open {
        settled(ticket.wait())?;
    }
    let key = note::plain_key(ledger.key());
    ledger.shutdown()?;
    Ok(key)
}

/// Refusals that come faster than the ledger records them are counted, as in a gateway.
fn settled<T>(recorded: Result<T, airlock_runtime::ledger::LedgerError>) -> Result<(), Fault> {
    match recorded {
        Ok(_) | Err(airlock_runtime::ledger::LedgerError::Folded) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Runs a command some times; gives the medians.
fn timed(name: &str, command: &mut Command, bar: Bar) -> Result<Took, Fault> {
    let program = command.get_program().to_owned();
    let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let (mut walls, mut cpus, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        // `time` reads what the kernel counted for the ended child.
        let output = Command::new("/usr/bin/time")
            .args(["-f", "%e %U %S %M"])
            .arg(&program)
            .args(&arguments)
            .stdout(Stdio::null())
            .output()?;
        let told = String::from_utf8(output.stderr)?;
        let figures: Vec<f64> = told.lines().last().unwrap_or_default().split(' ').filter_map(|word| word.parse().ok()).collect();
        let [wall, user, system, kib] = figures[..] else { return Err(format!("{name} did not run: {told}").into()) };
        walls.push(wall);
        cpus.push(user + system);
        sizes.push(kib * 1024.0 / 1e6);
    }
    let took = Took { wall: median(&mut walls), cpu: median(&mut cpus), rss: median(&mut sizes) };
    row(&format!("`{name}`: wall clock"), took.wall, "s", bar);
    row("… CPU time", took.cpu, "s", Bar::None);
    row("… peak RSS", took.rss, "MB", if name.starts_with("airlock") { Bar::Most(200.0) } else { Bar::None });
    Ok(took)
}
