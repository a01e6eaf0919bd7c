//! What a machine has for building gateways and for running them.

use super::Finding;
use crate::cargo::toolchain::{Toolchain, has_static_libc};
use crate::carried::Carried;
use crate::gateway::cache;
use airlock_runtime::confine;
use std::path::{Path, PathBuf};

/// Memory that a gateway locks for its keys, in KiB: see docs/lease.md.
const LOCKED_KIB: u64 = 256;

pub(super) fn findings(cache_dir: Option<PathBuf>) -> Vec<Finding> {
    vec![rust(), linker(), landlock(), filters(), namespaces(), memory(), self::cache(cache_dir)]
}

/// The toolchain that a build would take. Asked for in an empty directory with the same pin; nothing is installed by asking.
fn rust() -> Finding {
    let asked = || -> Result<(Toolchain, String), crate::render::Failure> {
        let release = Carried::new()?.release;
        let failed = |e: std::io::Error| crate::render::Failure::new(e);
        let dir = tempfile::tempdir().map_err(failed)?;
        let pin = format!("[toolchain]\nchannel = \"{release}\"\n");
        std::fs::write(dir.path().join("rust-toolchain.toml"), pin).map_err(failed)?;
        Ok((Toolchain::find(dir.path(), true)?, release))
    };
    match asked() {
        Ok((toolchain, release)) if toolchain.release == release => Finding::fine("rust", toolchain.line()),
        Ok((toolchain, release)) => Finding::stops(
            "rust",
            format!("{}; gateways are built with {release}", toolchain.line()),
            format!("rustup toolchain install {release}"),
        ),
        Err(failure) => {
            let release = Carried::new().map(|carried| carried.release).unwrap_or_default();
            Finding::stops("rust", failure.to_string(), format!("install rustup, then: rustup toolchain install {release}"))
        }
    }
}

fn linker() -> Finding {
    match has_static_libc() {
        Ok(true) => Finding::fine("C compiler", "cc, with a static C library"),
        Ok(false) => Finding::warning(
            "C compiler",
            "cc knows no libc.a: gateways are linked dynamically and need this system's C library",
            "install the static C library, for example `apt install libc6-dev`",
        ),
        Err(failure) => Finding::stops("C compiler", failure.to_string(), "install one, for example `apt install gcc libc6-dev`"),
    }
}

fn landlock() -> Finding {
    match confine::has_landlock() {
        Ok(()) => Finding::fine("Landlock", "the kernel has the rules that a gateway needs (ABI 6, Linux 6.12)"),
        Err(fault) => Finding::stops(
            "Landlock",
            fault.to_string(),
            "a newer kernel, or one that is started with `lsm=landlock,…`; `[sandbox] allow_missing` lets a gateway start without",
        ),
    }
}

fn filters() -> Finding {
    let known = read("/proc/sys/kernel/seccomp/actions_avail");
    match known.split_whitespace().any(|action| action == "kill_process") {
        true => Finding::fine("seccomp", "the kernel has filters of system calls"),
        false => Finding::stops(
            "seccomp",
            "the kernel shows no filters of system calls",
            "a kernel with CONFIG_SECCOMP_FILTER, and /proc; `[sandbox] allow_missing` lets a gateway start without",
        ),
    }
}

/// Only servers with a sandbox need them.
fn namespaces() -> Finding {
    let most: u64 = read("/proc/sys/user/max_user_namespaces").trim().parse().unwrap_or(0);
    let is_restricted = read("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").trim() == "1";
    match (most > 0, is_restricted) {
        (true, false) => Finding::fine("namespaces", "users may make user namespaces, which servers with a sandbox need"),
        (true, true) => Finding::warning(
            "namespaces",
            "AppArmor restricts user namespaces: servers with a sandbox may not start",
            "an AppArmor profile with `userns,` for the gateway, or `sysctl kernel.apparmor_restrict_unprivileged_userns=0`",
        ),
        (false, _) => Finding::warning(
            "namespaces",
            "users may make no user namespaces: servers with a sandbox do not start",
            "sysctl user.max_user_namespaces=10000",
        ),
    }
}

fn memory() -> Finding {
    let limits = read("/proc/self/limits");
    let line = limits.lines().find_map(|line| line.strip_prefix("Max locked memory")).unwrap_or_default();
    let soft = line.split_whitespace().next().unwrap_or_default();
    let is_enough = soft == "unlimited" || soft.parse::<u64>().is_ok_and(|bytes| bytes / 1024 >= LOCKED_KIB);
    match is_enough {
        true => Finding::fine("memory", "enough may be locked for keys"),
        false => Finding::stops(
            "memory",
            format!(
                "a process may lock {} bytes; a gateway locks {LOCKED_KIB} KiB for its keys",
                if soft.is_empty() { "?" } else { soft }
            ),
            format!("ulimit -l {LOCKED_KIB}, or LimitMEMLOCK= in the unit"),
        ),
    }
}

fn cache(named: Option<PathBuf>) -> Finding {
    let Some(dir) = cache::place(named) else {
        return Finding::stops("cache", "there is no place for it: HOME is not set", "name one with AIRLOCK_CACHE");
    };
    if !dir.exists() {
        return Finding::fine("cache", format!("{} is made with the first build", dir.display()));
    }
    match cache::writable(&dir) {
        Ok(None) => Finding::fine("cache", dir.display().to_string()),
        Ok(Some((place, who))) => Finding::stops(
            "cache",
            format!("{who} may write to {}, and what lies there ends up in gateways", place.display()),
            format!("chmod -R go-w {}", dir.display()),
        ),
        Err(e) => Finding::stops("cache", format!("{} cannot be read: {e}", dir.display()), "name another with AIRLOCK_CACHE"),
    }
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
