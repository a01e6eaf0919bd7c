//! What runs inside an MCP Airlock gateway.
//!
//! A generated gateway crate holds one `static POLICY` and a `main` that calls [`run`]. Nothing here parses a policy: every
//! table, threshold, host and key id is a constant of the binary. The way of one request is
//! `wire` → [`call`] → [`lease`] → [`decide`] → [`ledger`] → [`effect`], and no path from the wire to an effect avoids the
//! decision or the ledger, because an effect takes the values that only those two can make.
//!
//! The command line program uses [`lease`] and [`ledger`], and with feature `judge` the decision itself, without any network code.

#[cfg(all(feature = "roles", not(target_os = "linux")))]
compile_error!(
    "a gateway whose tools reach the network, or that starts other MCP servers, has processes of its own and is for Linux alone"
);

#[cfg(any(feature = "gateway", feature = "explain"))]
mod account;
#[cfg(feature = "judge")]
pub mod approve;
#[cfg(feature = "judge")]
pub mod builtin;
#[cfg(feature = "judge")]
pub mod carrier;
#[cfg(all(feature = "gateway", target_os = "linux"))]
pub mod clerk;
#[cfg(feature = "confine")]
pub mod confine;
#[cfg(any(feature = "http", feature = "upstream"))]
mod credential;
#[cfg(feature = "judge")]
pub mod decide;
#[cfg(feature = "gateway")]
pub mod effect;
#[cfg(feature = "judge")]
pub mod explain;
#[cfg(feature = "judge")]
mod json;
#[cfg(feature = "http")]
pub mod outside;
#[cfg(all(feature = "gateway", any(feature = "roles", target_os = "linux")))]
mod passing;
#[cfg(feature = "judge")]
pub mod reason;
#[cfg(feature = "gateway")]
mod reply;
#[cfg(feature = "plan-http")]
pub mod rest;
#[cfg(all(feature = "gateway", any(feature = "roles", target_os = "linux")))]
mod role;
#[cfg(feature = "gateway")]
mod serve;
#[cfg(feature = "gateway")]
mod start;
#[cfg(feature = "gateway")]
mod stdio;
#[cfg(feature = "explain")]
pub mod trial;
#[cfg(feature = "judge")]
pub mod upstream;
#[cfg(feature = "judge")]
pub mod wire;

pub use airlock_chain as ledger;
#[cfg(feature = "plan-http")]
pub use airlock_core::egress;
#[cfg(feature = "gateway")]
use airlock_core::thread;
pub use airlock_core::{call, clock, lease, limits, memory, policy, risk};
#[cfg(feature = "gateway")]
pub use start::run;
