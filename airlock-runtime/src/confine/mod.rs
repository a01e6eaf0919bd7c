//! The gateway's own processes, confined by the kernel: code that was taken over through some flaw of ours has the calls, files and ports
//! of its role left, and nothing else (`docs/sandbox.md`).
//!
//! Each role has a value that enters its profile in two steps, because Landlock of most kernels holds for threads that come later, and the
//! filter for those that there are:
//! 1. `files`, while the process has one thread: descriptors of others, capabilities, limits, then Landlock;
//! 2. `calls`, once the event loop and its threads are there: the filter, for all threads.
//!
//! A kernel without one of the two is a [`Fault::Missing`], and then a gateway does not start unless its manifest says that it may.

#[cfg(target_os = "linux")]
pub(crate) mod bpf;
#[cfg(target_os = "linux")]
mod hygiene;
#[cfg(target_os = "linux")]
pub(crate) mod install;
#[cfg(target_os = "linux")]
mod paths;
#[cfg(target_os = "linux")]
mod profile;
#[cfg(feature = "gateway")]
mod start;

#[cfg(all(feature = "gateway", not(target_os = "linux")))]
pub(crate) use elsewhere::close_strays;
#[cfg(all(feature = "gateway", target_os = "linux"))]
pub(crate) use hygiene::close_strays;
#[cfg(all(feature = "upstream", target_os = "linux"))]
pub(crate) use hygiene::disarm;
#[cfg(all(feature = "gateway", target_os = "linux"))]
pub(crate) use start::missing;
#[cfg(feature = "gateway")]
pub(crate) use start::{UNCONFINED, demand, excused};

use crate::ledger::chain::hex;
use crate::policy::upstream::Upstream;
use crate::policy::{Part, Policy};
use std::collections::BTreeMap;
use std::fmt;

/// Why a process is not confined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The kernel has no such thing.
    Missing(Part, String),
    /// It has, and refuses.
    Failed(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(part, why) => write!(f, "this kernel has no {} as it is needed ({why})", part.word()),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

/// How long the list of calls of a profile is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calls {
    /// Calls that may be made.
    pub allowed: usize,
    /// Of these, calls that may be made with certain arguments only.
    pub checked: usize,
}

/// The process that speaks with the client, decides, and keeps the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judge {
    /// Has it a process of requests?
    pub egress: bool,
    /// Has it a launcher of foreign servers?
    pub upstreams: bool,
}

/// The process that opens the ledger's files for the judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clerk;

/// The process that makes requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Egress {
    /// Ports that it connects to.
    pub ports: Vec<u16>,
    /// Does it connect foreign servers, too?
    pub proxy: bool,
}

/// The process that starts foreign servers, and what it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launcher {
    /// Does it start servers with a sandbox?
    pub sandboxes: bool,
}

/// A foreign server without a sandbox: its keeper, beneath the launcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Server;

impl Judge {
    /// The judge of a policy.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let is_proxied = policy.upstreams.iter().any(|upstream| upstream.proxied().is_some());
        Self {
            egress: is_proxied || policy.tools.iter().any(|tool| !tool.egress.is_empty()),
            upstreams: !policy.upstreams.is_empty(),
        }
    }
}

impl Launcher {
    /// The launcher of a policy.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        Self { sandboxes: policy.upstreams.iter().any(|upstream| upstream.confine.is_some()) }
    }
}

impl Egress {
    /// The process of requests of a policy.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        Self { ports: ports(policy), proxy: policy.upstreams.iter().any(|upstream| upstream.proxied().is_some()) }
    }
}

/// SHA-256 of the profile of each process that the gateway of a policy has, in hexadecimal.
#[must_use]
pub fn profiles(policy: &Policy) -> BTreeMap<&'static str, String> {
    let judge = Judge::of(policy);
    let mut all = BTreeMap::from([("judge", judge.digest()), ("clerk", Clerk.digest())]);
    all.extend(judge.egress.then(|| ("egress", Egress::of(policy).digest())));
    all.extend(judge.upstreams.then(|| ("launcher", Launcher::of(policy).digest())));
    all.into_iter().map(|(role, digest)| (role, hex(&digest))).collect()
}

/// Every port that a tool or a foreign server may reach, and that of a stand-in instead of its host; sorted. With any, names are looked up as well.
fn ports(policy: &Policy) -> Vec<u16> {
    let proxied = policy.upstreams.iter().filter_map(Upstream::proxied).flatten();
    let entries = policy.tools.iter().flat_map(|tool| tool.egress).chain(proxied);
    let mut all: Vec<u16> =
        entries.flat_map(|entry| entry.stand_in.map_or_else(|| entry.ports.to_vec(), |port| vec![port])).collect();
    if !all.is_empty() {
        all.push(DNS);
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Names are asked for by TCP where an answer is long.
const DNS: u16 = 53;

#[cfg(target_os = "linux")]
mod linux {
    use super::paths::{LEDGER, Left, describe, restrict};
    use super::{Calls, Clerk, Egress, Fault, Judge, Launcher, Server, bpf::Insn, hygiene, install, profile};
    use landlock::BitFlags;
    use rustix::thread::CapabilitySet;
    use sha2::{Digest, Sha256};
    use std::path::Path;

    impl Judge {
        /// Gives up every file but those beneath the ledger's directory, which must be there. Call it before there are threads.
        ///
        /// # Errors
        /// The kernel has no Landlock, or refuses.
        pub fn files(&self, ledger: &Path) -> Result<(), Fault> {
            hygiene::shed().map_err(Fault::Failed)?;
            restrict(&Left { beneath: vec![(ledger, LEDGER)], signals: true, ..Left::default() })
        }

        /// Gives up these as well, once the ledger is open: what is open stays so, and [`Clerk`] opens the rest. Call it before there are threads.
        ///
        /// # Errors
        /// The kernel has no Landlock, or refuses.
        pub fn no_files(&self) -> Result<(), Fault> {
            restrict(&Left { signals: true, ..Left::default() })
        }

        /// Gives up every call but those of the role, for all threads.
        ///
        /// # Errors
        /// The kernel has no filters, or refuses.
        pub fn calls(&self) -> Result<(), Fault> {
            install::for_all_threads(self.table())
        }

        /// SHA-256 over the filter and the rules of Landlock.
        #[must_use]
        pub fn digest(&self) -> [u8; 32] {
            digest(self.table(), &describe(BitFlags::EMPTY, false, false))
        }

        /// How long its list of calls is.
        #[must_use]
        pub fn counted(&self) -> Calls {
            profile::counted(if self.upstreams { profile::JUDGE_UPSTREAMS_RULES } else { profile::JUDGE_RULES })
        }

        fn table(&self) -> &'static [Insn] {
            if self.upstreams { &profile::JUDGE_UPSTREAMS } else { &profile::JUDGE }
        }
    }

    impl Clerk {
        /// Gives up every file but those beneath this directory. Call it before there are threads.
        ///
        /// # Errors
        /// The kernel has no Landlock, or refuses.
        pub fn files(self, ledger: &Path) -> Result<(), Fault> {
            hygiene::shed().map_err(Fault::Failed)?;
            restrict(&Left { beneath: vec![(ledger, LEDGER)], ..Left::default() })
        }

        /// Gives up every call but those of the role.
        ///
        /// # Errors
        /// The kernel has no filters, or refuses.
        pub fn calls(self) -> Result<(), Fault> {
            install::for_all_threads(&profile::CLERK)
        }

        /// SHA-256 over the filter and the rules of Landlock.
        #[must_use]
        pub fn digest(self) -> [u8; 32] {
            digest(&profile::CLERK, &describe(LEDGER, false, false))
        }

        /// How long its list of calls is.
        #[must_use]
        pub fn counted(self) -> Calls {
            profile::counted(profile::CLERK_RULES)
        }
    }

    impl Egress {
        /// Gives up every file but those of the resolver, and every port but those of the policy. Call it before there are threads.
        ///
        /// # Errors
        /// The kernel has no Landlock, or refuses.
        pub fn files(&self) -> Result<(), Fault> {
            hygiene::shed().map_err(Fault::Failed)?;
            restrict(&Left { resolver: true, ports: &self.ports, ..Left::default() })
        }

        /// Gives up every call but those of the role, for all threads. Threads may be started before and after.
        ///
        /// # Errors
        /// The kernel has no filters, or refuses.
        pub fn calls(&self) -> Result<(), Fault> {
            install::for_all_threads(self.table())
        }

        /// SHA-256 over the filter and the rules of Landlock.
        #[must_use]
        pub fn digest(&self) -> [u8; 32] {
            digest(self.table(), &describe(BitFlags::EMPTY, true, true))
        }

        /// How long its list of calls is.
        #[must_use]
        pub fn counted(&self) -> Calls {
            profile::counted(if self.proxy { profile::EGRESS_PROXY_RULES } else { profile::EGRESS_RULES })
        }

        fn table(&self) -> &'static [Insn] {
            if self.proxy { &profile::EGRESS_PROXY } else { &profile::EGRESS }
        }
    }

    impl Launcher {
        /// Gives up every privilege, and the calls by which a process administers its host or reaches into others. It goes on to start programs, and they inherit
        /// this, so it leaves whatever an ordinary program needs: files, threads, processes, the network.
        ///
        /// # Errors
        /// The kernel has no filters, or refuses.
        pub fn calls(self) -> Result<(), Fault> {
            // Who is root on this host may not be so in namespaces of his own without it. Whatever is started gives it up as well.
            let keep = if self.sandboxes { CapabilitySet::SETFCAP } else { CapabilitySet::empty() };
            hygiene::disarm(keep).map_err(Fault::Failed)?;
            install::for_all_threads(&profile::LAUNCHER)
        }

        /// SHA-256 over the filter.
        #[must_use]
        pub fn digest(self) -> [u8; 32] {
            digest(&profile::LAUNCHER, if self.sandboxes { "setfcap" } else { "" })
        }
    }

    impl Server {
        /// Gives up what the launcher has kept for servers with a sandbox. It is called in the process that starts the server.
        ///
        /// # Errors
        /// The kernel has no filters, or refuses.
        pub fn calls(self) -> Result<(), Fault> {
            hygiene::disarm(CapabilitySet::empty()).map_err(Fault::Failed)?;
            install::for_all_threads(&profile::SERVER)
        }
    }

    fn digest(table: &[Insn], rules: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        for Insn { code, jt, jf, k } in table {
            hash.update(code.to_le_bytes());
            hash.update([*jt, *jf]);
            hash.update(k.to_le_bytes());
        }
        hash.update(rules);
        hash.finalize().into()
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere;

/// Whether this kernel has the rules over files and ports that every profile needs. Restricts nothing.
///
/// # Errors
/// It has not.
pub fn has_landlock() -> Result<(), Fault> {
    #[cfg(target_os = "linux")]
    return paths::ruleset(false).map(drop);
    #[cfg(not(target_os = "linux"))]
    return elsewhere::nothing();
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
