//! What Landlock leaves of files, ports, signals and sockets. It is put in force before there are threads: a kernel before 7.0 restricts
//! the one that asks alone, and those that it starts later.

use super::Fault;
use crate::policy::Part;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetStatus, Scope, make_bitflags,
};
use std::path::{Path, PathBuf};

/// What a gateway demands of the kernel: every right over files, TCP ports, and no signal or abstract socket to the outside. Linux 6.12.
const BASE: ABI = ABI::V6;
/// What it takes where there is more: sockets by their path.
const MORE: ABI = ABI::V9;

/// In the ledger's directory: reading, listing, writing and making files, putting one in the place of another, and cutting the end off
/// that a writer left which died. Not: making directories, links, sockets or devices, moving anything in or out, running anything.
pub(super) const LEDGER: BitFlags<AccessFs> =
    make_bitflags!(AccessFs::{ReadFile | ReadDir | WriteFile | MakeReg | RemoveFile | Truncate});
/// Of a file of the resolver.
const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile});

/// What the C library reads to look up names.
pub(super) const RESOLVER: [&str; 6] =
    ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services"];

/// What is left to a role.
#[derive(Debug, Default)]
pub(super) struct Left<'a> {
    /// Directories, and what may be done beneath.
    pub(super) beneath: Vec<(&'a Path, BitFlags<AccessFs>)>,
    /// The files of the resolver.
    pub(super) resolver: bool,
    /// Ports that may be connected to by TCP. None may be listened on.
    pub(super) ports: &'a [u16],
    /// Signals to others are left to the filter. Where they are denied here, the kernel does not kill children at the end of the process
    /// either that asked it to.
    pub(super) signals: bool,
}

/// The rules of a profile before anything is allowed in them. To make them restricts nothing, so it shows whether the kernel has them.
pub(super) fn ruleset(signals: bool) -> Result<RulesetCreated, Fault> {
    let missing = |fault: landlock::RulesetError| Fault::Missing(Part::Landlock, fault.to_string());
    let hard = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let hard = hard.handle_access(AccessFs::from_all(BASE)).and_then(|rules| rules.handle_access(AccessNet::from_all(BASE)));
    let scope = if signals { Scope::AbstractUnixSocket.into() } else { Scope::from_all(BASE) };
    let hard = hard.and_then(|rules| rules.scope(scope)).map_err(missing)?;
    let soft = hard.set_compatibility(CompatLevel::BestEffort).handle_access(AccessFs::from_all(MORE)).map_err(missing)?;
    soft.create().map_err(missing)
}

/// Denies this thread, and all that it starts, whatever is not left.
pub(super) fn restrict(left: &Left<'_>) -> Result<(), Fault> {
    let failed = |fault: &dyn std::fmt::Display| Fault::Failed(format!("Landlock: {fault}"));
    let mut rules = ruleset(left.signals)?.set_compatibility(CompatLevel::HardRequirement);
    for (path, rights) in &left.beneath {
        let place = PathFd::new(path).map_err(|fault| failed(&fault))?;
        rules = rules.add_rule(PathBeneath::new(place, *rights)).map_err(|fault| failed(&fault))?;
    }
    if left.resolver {
        for path in resolver() {
            // One that went away meanwhile is not read either.
            let Ok(place) = PathFd::new(&path) else { continue };
            rules = rules.add_rule(PathBeneath::new(place, READ)).map_err(|fault| failed(&fault))?;
        }
    }
    for port in left.ports {
        rules = rules.add_rule(NetPort::new(*port, AccessNet::ConnectTcp)).map_err(|fault| failed(&fault))?;
    }
    let status = rules.restrict_self().map_err(|fault| failed(&fault))?;
    match status.ruleset {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
        RulesetStatus::NotEnforced => Err(Fault::Failed("Landlock: the rules are not in force".into())),
    }
}

/// The resolver's files as they are there. Where one is a link to somewhere outside `/etc`, its directory: whatever keeps such a file up
/// to date puts another one in its place.
fn resolver() -> Vec<PathBuf> {
    let real = RESOLVER.iter().filter_map(|path| std::fs::canonicalize(path).ok());
    let kept = |path: PathBuf| match path.parent() {
        Some(above) if !above.starts_with("/etc") && above != Path::new("/") => above.to_owned(),
        _ => path,
    };
    real.map(kept).collect()
}

/// The rules as text, for the digest of a profile.
pub(super) fn describe(beneath: BitFlags<AccessFs>, resolver: bool, ports: bool) -> String {
    let files = if resolver { RESOLVER.join(" ") } else { String::new() };
    format!("landlock>=6 beneath={beneath:?} resolver=[{files}] ports={}", if ports { "manifest,53" } else { "none" })
}
