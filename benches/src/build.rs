//! `airlock build` from nothing and after a change, beside what cargo takes for an empty program with the same profile.

use crate::gateway::children;
use crate::policy::large;
use airlock_bench::Fault;
use airlock_bench::cpu::median;
use airlock_bench::table::{Bar, begin, row};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Builds after a change of one value.
const BUILDS: usize = 7;
/// An empty program with the profile of gateways.
const FLOOR: &str = "[package]\nname = \"floor\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[profile.release]\nopt-level = \"s\"\n\
                     lto = false\ncodegen-units = 1\npanic = \"abort\"\nstrip = true\ndebug = 0\nincremental = false\noverflow-checks = true\n";
const TARGET: &str = "x86_64-unknown-linux-gnu";
const MB: f64 = 1e6;

/// Runs a command to its end; gives wall clock and CPU time of it and what it started.
fn timed(command: &mut Command) -> Result<(Duration, Duration), Fault> {
    let (began, cpu) = (Instant::now(), children()?);
    let out = command.output()?;
    let took = (began.elapsed(), children()?.saturating_sub(cpu));
    if out.status.success() { Ok(took) } else { Err(String::from_utf8_lossy(&out.stderr).into_owned().into()) }
}

#[allow(clippy::cast_precision_loss, reason = "sizes of files are far below 2^52")]
fn size(path: &Path) -> Result<f64, Fault> {
    Ok(fs::metadata(path)?.len() as f64 / MB)
}

/// Prints the tables.
pub(crate) fn measure(airlock: &Path, dir: &Path) -> Result<(), Fault> {
    let audit = include_str!("../../tests/gateways/audit.toml").replace("{name}", "gate");
    let weather = include_str!("../../examples/weather/airlock.toml");
    begin("`airlock build` from nothing, and the file");
    floor(dir)?;
    let kinds = [("without HTTP", audit.as_str(), 40.0, 2.5), ("with HTTP", weather, 75.0, 5.0)];
    for (at, (kind, text, seconds, most)) in kinds.into_iter().enumerate() {
        let (manifest, gateway) = (dir.join("cold.toml"), dir.join(format!("cold-{at}")));
        fs::write(&manifest, text)?;
        let mut command = Command::new(airlock);
        command.arg("build").arg(&manifest).arg("-o").arg(&gateway).arg("--offline");
        let (wall, cpu) = timed(command.env("AIRLOCK_CACHE", dir.join(format!("cache-{at}"))))?;
        row(&format!("{kind}: wall clock, every library compiled"), wall.as_secs_f64(), "s", Bar::Most(seconds));
        row("… CPU time of all processes", cpu.as_secs_f64(), "s", Bar::None);
        row("… size, static", size(&gateway)?, "MB", Bar::Most(most));
    }
    begin("`airlock build` after a change of one value");
    let cached = |manifest: &str| {
        let file = dir.join("changed.toml");
        fs::write(&file, manifest)?;
        let mut command = Command::new(airlock);
        command.arg("build").arg(&file).arg("-o").arg(dir.join("changed")).arg("--offline");
        timed(command.env("AIRLOCK_CACHE", dir.join("cache-1")))
    };
    let change = |n: usize| weather.replace("max_length = 2048", &format!("max_length = {}", 100 + n));
    assert_ne!(change(0), weather);
    again("the weather gateway", &cached, &change, Bar::Most(0.6))?;
    let sized = |tools: usize| {
        let text = large::manifest(tools);
        move |n: usize| text.replace("max_length = 100", &format!("max_length = {}", 1000 + n))
    };
    let small = again("5 REST tools", &cached, &sized(5), Bar::None)?;
    let large = again("500 REST tools, each with a pattern", &cached, &sized(500), Bar::None)?;
    row("500 tools / 5 tools, CPU time", large / small, "×", Bar::Most(3.0));
    Ok(())
}

/// Builds a manifest; gives wall time and CPU time.
type Build<'a> = dyn Fn(&str) -> Result<(Duration, Duration), Fault> + 'a;

/// Builds again and again with another value; gives the median CPU time in seconds.
fn again(what: &str, build: &Build<'_>, change: &dyn Fn(usize) -> String, bar: Bar) -> Result<f64, Fault> {
    // Libraries with the features of this manifest.
    build(&change(BUILDS))?;
    let (mut wall, mut cpu) = (Vec::new(), Vec::new());
    for n in 0..BUILDS {
        let (took, used) = build(&change(n))?;
        wall.push(took.as_secs_f64());
        cpu.push(used.as_secs_f64());
    }
    row(&format!("{what}: wall clock, p50 of {BUILDS}"), median(&mut wall), "s", bar);
    let cpu = median(&mut cpu);
    row("… CPU time of all processes, p50", cpu, "s", Bar::None);
    Ok(cpu)
}

/// What nobody can go below on this machine: cargo, rustc, the linker, the standard library and the C library.
fn floor(dir: &Path) -> Result<(), Fault> {
    let floor = dir.join("floor");
    fs::create_dir_all(floor.join("src"))?;
    fs::write(floor.join("Cargo.toml"), FLOOR)?;
    fs::write(floor.join("src/main.rs"), "fn main() {}\n")?;
    let build = || {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["build", "--release", "--quiet", "--offline", "--target", TARGET]).current_dir(&floor);
        command
            .env("CARGO_TARGET_DIR", floor.join("target"))
            .env("RUSTFLAGS", "-Ctarget-feature=+crt-static -Crelocation-model=pic");
        command
    };
    let (wall, cpu) = timed(&mut build())?;
    row("floor: cargo building an empty program, wall clock", wall.as_secs_f64(), "s", Bar::None);
    row("… CPU time of all processes", cpu.as_secs_f64(), "s", Bar::None);
    row("… size, static", size(&floor.join("target").join(TARGET).join("release/floor"))?, "MB", Bar::None);
    let (mut wall, mut cpu) = (Vec::new(), Vec::new());
    for n in 0..BUILDS {
        fs::write(floor.join("src/main.rs"), format!("fn main() {{ std::hint::black_box({n}); }}\n"))?;
        let (took, used) = timed(&mut build())?;
        wall.push(took.as_secs_f64());
        cpu.push(used.as_secs_f64());
    }
    row(&format!("floor: after a change, wall clock, p50 of {BUILDS}"), median(&mut wall), "s", Bar::None);
    row("… CPU time of all processes, p50", median(&mut cpu), "s", Bar::None);
    Ok(())
}
