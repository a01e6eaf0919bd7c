//! What the kernel lets the process of an upstream touch. It holds for whatever that process starts as well.

use crate::policy::Egress;

/// Where a server with a network finds the gateway, on the loopback device of its own network namespace.
pub const PROXY_PORT: u16 = 3128;
/// The same as clients of HTTP want it.
pub const PROXY_URL: &str = "http://127.0.0.1:3128";

/// The sandbox of an upstream. Whatever does not stand here is refused by the kernel.
#[derive(Debug, Clone, Copy)]
pub struct Confine {
    /// It may read the libraries and shared data of the system.
    pub system: bool,
    /// Absolute paths that it may read, with all below.
    pub read: &'static [&'static str],
    /// Absolute paths that it may read and write, with all below.
    pub write: &'static [&'static str],
    /// Absolute paths that it may read and run, with all below, besides its own program.
    pub exec: &'static [&'static str],
    /// What of the network it has.
    pub net: Net,
    /// Bounds on each of its processes.
    pub limits: ProcessLimits,
    /// Features of the kernel without which it is started all the same.
    pub allow_missing: &'static [Feature],
}

/// What of the network an upstream has.
#[derive(Debug, Clone, Copy)]
pub enum Net {
    /// Nothing.
    None,
    /// TLS connections to these hosts, through the process of requests.
    Proxy(&'static [Egress]),
}

/// Bounds on each process of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessLimits {
    /// Private writable memory, bytes.
    pub data: u64,
    /// Largest file that it may write, bytes.
    pub fsize: u64,
    /// Time on a processor, seconds; `None` = no bound.
    pub cpu: Option<u64>,
    /// Open descriptors.
    pub files: u64,
    /// Processes and threads of all of it together.
    pub processes: u64,
}

/// A feature of the kernel that a manifest may do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// User namespaces, and with them network and IPC namespaces of its own.
    Userns,
}

impl Confine {
    /// The hosts that it reaches through the process of requests; `None` = it has no network.
    #[must_use]
    pub const fn proxied(&self) -> Option<&'static [Egress]> {
        match self.net {
            Net::None => None,
            Net::Proxy(hosts) => Some(hosts),
        }
    }
}

impl Feature {
    /// As the manifest names it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Userns => "userns",
        }
    }
}
