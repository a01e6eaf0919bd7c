//! Measures Airlock on this machine and prints the tables of `docs/benchmarks.md`:
//! `cargo run --release --manifest-path benches/Cargo.toml [decision] [lease] [provenance] [risk] [policy] [timing] [ledger] [reading] [gateway] [build]`.
//!
//! Nothing is asserted about time. Files go to `benches/target/measure.*` and are removed: the ledger is measured on the disk
//! that holds the checkout.

mod build;
mod gateway;
mod judge;
mod ledger;
mod policy;
mod provenance;
mod reading;
mod risk;
mod timing;

use airlock_bench::Fault;
use airlock_bench::table::say;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() -> Result<(), Fault> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let known = ["decision", "lease", "provenance", "risk", "policy", "timing", "ledger", "reading", "gateway", "build"];
    if let Some(word) = words.iter().find(|word| !known.contains(&word.as_str())) {
        return Err(format!("{word} is none of {known:?}").into());
    }
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| word == name);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize()?;
    let target = root.join("target");
    std::fs::create_dir_all(&target)?;
    let dir = tempfile::Builder::new().prefix("measure.").tempdir_in(target)?;
    say(&machine());
    if wanted("decision") {
        judge::decision();
    }
    if wanted("lease") {
        judge::lease()?;
    }
    if wanted("provenance") {
        provenance::measure();
    }
    if wanted("risk") {
        risk::measure();
    }
    if wanted("policy") {
        policy::check()?;
    }
    if wanted("timing") {
        timing::measure()?;
    }
    if wanted("gateway") || wanted("build") || wanted("reading") {
        let airlock = program(root.parent().ok_or("no checkout")?)?;
        if wanted("reading") {
            reading::measure(&airlock, dir.path())?;
        }
        if wanted("build") {
            build::measure(&airlock, dir.path())?;
        }
        if wanted("gateway") {
            gateway::measure(&gateway::Built::new(&airlock, dir.path())?, dir.path())?;
        }
    }
    if wanted("ledger") {
        ledger::measure(dir.path())?;
    }
    Ok(())
}

/// Compiles the command line program, as a user would have it.
fn program(checkout: &Path) -> Result<PathBuf, Fault> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status =
        Command::new(cargo).args(["build", "--release", "--quiet", "--package", "airlock-cli"]).current_dir(checkout).status()?;
    if !status.success() {
        return Err("airlock-cli does not build".into());
    }
    Ok(std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| checkout.join("target"), PathBuf::from).join("release/airlock"))
}

/// The state of the machine, without which no figure means much.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("unknown CPU", |name| name.trim_start_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = read("/proc/loadavg");
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{model}, {cores} cores, Linux {}, load before the run {}",
        kernel.trim(),
        load.split(' ').take(3).collect::<Vec<_>>().join(" ")
    )
}
