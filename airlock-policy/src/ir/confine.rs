//! The kernel sandbox of a foreign MCP server, as plain data.

use super::Egress;
use serde::Serialize;

/// `[upstreams.*.confine]`: what the process of an upstream may touch. What does not stand here the kernel refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Confine {
    /// May it read the directories of libraries and shared data that every program of the system has?
    pub system: bool,
    /// Absolute paths that it may read, with all below; sorted.
    pub read: Vec<String>,
    /// Absolute paths that it may read and write, with all below; sorted.
    pub write: Vec<String>,
    /// Absolute paths that it may read and run, with all below, besides its own program; sorted.
    pub exec: Vec<String>,
    /// What of the network it has.
    pub net: Net,
    /// Bounds on its processes.
    pub limits: ProcessLimits,
    /// Features of the kernel without which it is started all the same; sorted.
    pub allow_missing: Vec<Feature>,
}

/// What of the network an upstream has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Net {
    /// Nothing.
    None,
    /// TLS connections to these hosts, through the gateway's process of requests; sorted.
    Proxy(Vec<Egress>),
}

/// Bounds on each process of an upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct ProcessLimits {
    /// Private writable memory, bytes.
    pub data: u64,
    /// Largest file that it may write, bytes.
    pub fsize: u64,
    /// Time on a processor, seconds; nothing = no bound.
    pub cpu: Option<u64>,
    /// Open descriptors.
    pub files: u64,
    /// Processes and threads of all of it together.
    pub processes: u64,
}

/// A feature of the kernel that a manifest may do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum Feature {
    /// User namespaces, and with them network and IPC namespaces of its own.
    Userns,
}
