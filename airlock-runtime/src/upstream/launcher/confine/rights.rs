//! Landlock: which files an upstream may read, write and run. Nothing of the network, no signal and no abstract socket leaves it.
//!
//! Paths are followed here, link by link, before anything is confined. Where a link could be one that the upstream itself has put there, in a
//! directory that it may write to, the upstream is not started: else it would choose what is opened for its next run.

use super::program;
use crate::policy::upstream::{Confine, PROXY_PORT, Upstream};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus, NetPort, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope,
};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

/// What is demanded of the kernel: the first version that keeps signals and abstract sockets in (Linux 6.12).
const WANTED: ABI = ABI::V6;
/// What nearly every program of a system reads: libraries, shared data, time zones, certificates, facts about the machine. What is absent is
/// left out. Neither users nor names of hosts, nor anything of `/proc/<pid>`.
const SYSTEM: [&str; 23] = [
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
    "/etc/gitconfig",
    "/etc/ld.so.cache",
    "/etc/locale.alias",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/pki/tls/certs",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
    "/lib",
    "/lib64",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system/cpu",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/usr/local/share",
    "/usr/share",
];
/// What is written to in order to write nothing.
const NOTHING: &str = "/dev/null";
/// Links that are followed in one path, as the kernel does.
const LINKS_MAX: usize = 40;

/// What may be done with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    Read,
    Write,
    Run,
}

impl Right {
    fn bits(self) -> BitFlags<AccessFs> {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        match self {
            Self::Read => read,
            Self::Run => read | AccessFs::Execute,
            // Neither devices nor sockets, and no ioctl of a device: those are doors to others.
            Self::Write => {
                read | AccessFs::WriteFile
                    | AccessFs::Truncate
                    | AccessFs::RemoveDir
                    | AccessFs::RemoveFile
                    | AccessFs::MakeDir
                    | AccessFs::MakeReg
                    | AccessFs::MakeSym
                    | AccessFs::MakeFifo
                    | AccessFs::Refer
            }
        }
    }
}

/// The rules of an upstream, with every path open.
///
/// # Errors
/// The kernel has no Landlock that is new enough; a path cannot be opened, or could be one that the upstream has put there.
pub(super) fn ruleset(upstream: &Upstream, confine: &Confine) -> Result<RulesetCreated, String> {
    let mut rules = begin().map_err(|fault| format!("this kernel has no {}: {fault}", needed()))?;
    let writable = writable(confine)?;
    for path in &writable {
        rules = allow(rules, path, Right::Write)?;
    }
    for path in confine.read {
        rules = allow(rules, &followed(Path::new(path), &writable)?, Right::Read)?;
    }
    let program = upstream.command.first().copied().unwrap_or_default();
    for path in confine.exec.iter().copied().chain([program]) {
        let path = followed(Path::new(path), &writable)?;
        if let Some(inner) = writable.iter().find(|inner| inner.starts_with(&path)) {
            return Err(format!("it may run what is in {}, and write to {}", path.display(), inner.display()));
        }
        for behind in program::behind(&path) {
            rules = allow(rules, &followed(&behind, &writable)?, Right::Run)?;
        }
        rules = allow(rules, &path, Right::Run)?;
    }
    let system = SYSTEM.iter().filter(|path| confine.system && Path::new(path).exists());
    for path in system {
        rules = allow(rules, &followed(Path::new(path), &writable)?, Right::Read)?;
    }
    if confine.proxied().is_some() {
        let door = NetPort::new(PROXY_PORT, AccessNet::ConnectTcp);
        rules = rules.add_rule(door).map_err(|fault| format!("port {PROXY_PORT}: {fault}"))?;
    }
    let nothing = PathFd::new(NOTHING).map_err(|fault| format!("{NOTHING}: {fault}"))?;
    rules
        .add_rule(PathBeneath::new(nothing, AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate))
        .map_err(|fault| format!("{NOTHING}: {fault}"))
}

fn begin() -> Result<RulesetCreated, landlock::RulesetError> {
    Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(WANTED))?
        .handle_access(AccessNet::from_all(WANTED))?
        .scope(Scope::from_all(WANTED))?
        .create()
}

/// Holds this process to its rules. What of Landlock there is, in words.
///
/// # Errors
/// The kernel does not do all of it.
pub(super) fn restrict(rules: RulesetCreated) -> Result<String, String> {
    let status = rules.restrict_self().map_err(|fault| format!("Landlock: {fault}"))?;
    match (status.ruleset, status.landlock) {
        (RulesetStatus::FullyEnforced, LandlockStatus::Available { effective_abi, kernel_abi }) => {
            Ok(format!("Landlock {}", kernel_abi.unwrap_or(effective_abi as i32)))
        }
        (RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced | RulesetStatus::NotEnforced, _) => {
            Err(format!("this kernel does not hold to all of {}", needed()))
        }
    }
}

fn needed() -> String {
    format!("Landlock in version {} or newer (landlock)", WANTED as i32)
}

/// Adds a path with what it may be used for.
fn allow(rules: RulesetCreated, path: &Path, right: Right) -> Result<RulesetCreated, String> {
    let failed = |fault: &dyn std::fmt::Display| format!("{} cannot be opened: {fault}", path.display());
    let is_dir = std::fs::metadata(path).map_err(|fault| failed(&fault))?.is_dir();
    let opened = PathFd::new(path).map_err(|fault| failed(&fault))?;
    // Rights of directories on what is none are an error.
    let bits = if is_dir { right.bits() } else { right.bits() & AccessFs::from_file(WANTED) };
    rules.add_rule(PathBeneath::new(opened, bits)).map_err(|fault| failed(&fault))
}

/// The writable paths without links. None may lie within another one.
fn writable(confine: &Confine) -> Result<Vec<PathBuf>, String> {
    let all: Vec<PathBuf> = confine.write.iter().map(|path| followed(Path::new(path), &[])).collect::<Result<_, _>>()?;
    for (path, real) in confine.write.iter().zip(&all) {
        let others: Vec<PathBuf> = all.iter().filter(|other| *other != real).cloned().collect();
        followed(Path::new(path), &others)?;
    }
    Ok(all)
}

/// Where a path leads. No step of the way may be one that the upstream can change.
fn followed(path: &Path, writable: &[PathBuf]) -> Result<PathBuf, String> {
    let steps = |path: &Path| {
        let mut steps: Vec<OsString> = path
            .components()
            .filter_map(|step| match step {
                Component::Normal(name) => Some(name.to_owned()),
                Component::ParentDir => Some("..".into()),
                Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
            })
            .collect();
        steps.reverse();
        steps
    };
    let (mut at, mut left, mut links) = (PathBuf::from("/"), steps(path), 0);
    while let Some(step) = left.pop() {
        if step == ".." {
            at.pop();
            continue;
        }
        let next = at.join(step);
        if let Some(dir) = writable.iter().find(|dir| next.starts_with(dir)) {
            return Err(format!("{} leads into {}, which it may write to itself", path.display(), dir.display()));
        }
        match std::fs::read_link(&next) {
            Ok(target) => {
                links += 1;
                if links > LINKS_MAX {
                    return Err(format!("{} has too many links", path.display()));
                }
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                left.extend(steps(&target));
            }
            Err(_) => at = next,
        }
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_to_their_end() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        symlink("../a/b", root.join("a/up")).unwrap();
        symlink(root.join("a/up"), root.join("far")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        assert_eq!(followed(&root.join("far"), &[]), Ok(root.join("a/b")));
        assert_eq!(followed(&root.join("a/new"), &[]), Ok(root.join("a/new")), "what is not there is told by who opens it");
        assert!(followed(&root.join("loop"), &[]).unwrap_err().contains("too many links"));
    }

    #[test]
    fn nothing_is_opened_by_way_of_what_the_upstream_can_change() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("work")).unwrap();
        std::fs::create_dir_all(root.join("opt")).unwrap();
        // Whoever may write to `work` has put this there.
        symlink("/etc", root.join("work/lib")).unwrap();
        symlink(root.join("work"), root.join("opt/code")).unwrap();
        let writable = [root.join("work")];
        for path in ["work/lib", "work", "opt/code/lib", "opt/code"] {
            let told = followed(&root.join(path), &writable).unwrap_err();
            assert!(told.contains("which it may write to itself"), "{path}: {told}");
        }
        assert_eq!(followed(&root.join("opt/other"), &writable), Ok(root.join("opt/other")));
    }
}
