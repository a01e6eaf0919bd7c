//! What runs inside an MCP Airlock gateway.
//!
//! A generated gateway crate holds one `static POLICY` and a `main` that calls [`run`]. Nothing here parses a policy: every
//! table, threshold, host and key id is a constant of the binary. The way of one request is
//! `wire` → [`call`] → [`lease`] → [`decide`] → [`ledger`] → [`effect`], and no path from the wire to an effect avoids the
//! decision or the ledger, because an effect takes the values that only those two can make.
//!
//! The command line program uses the [`lease`] and [`ledger`] modules alone (no features).

#[cfg(feature = "gateway")]
pub mod approve;
#[cfg(feature = "gateway")]
pub mod builtin;
pub mod call;
#[cfg(feature = "gateway")]
pub mod carrier;
pub mod clock;
#[cfg(feature = "gateway")]
pub mod decide;
#[cfg(feature = "gateway")]
pub mod effect;
#[cfg(feature = "gateway")]
pub mod explain;
pub mod lease;
pub mod ledger;
pub mod limits;
pub mod policy;
#[cfg(feature = "gateway")]
pub mod reason;
#[cfg(feature = "gateway")]
mod reply;
pub mod risk;
#[cfg(feature = "gateway")]
mod serve;
#[cfg(feature = "gateway")]
mod start;
#[cfg(feature = "gateway")]
mod stdio;
#[cfg(feature = "gateway")]
pub mod wire;

#[cfg(feature = "gateway")]
pub use start::run;
