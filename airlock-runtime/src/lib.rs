//! What runs inside an MCP Airlock gateway.
//!
//! A generated gateway crate holds one `static POLICY` and a `main` that calls [`run`]. Nothing here parses a policy: every
//! table, threshold, host and key id is a constant of the binary. The way of one request is
//! `wire` → [`call`] → [`lease`] → [`decide`] → [`ledger`] → [`effect`], and no path from the wire to an effect avoids the
//! decision or the ledger, because an effect takes the values that only those two can make.
//!
//! The command line program uses the [`lease`] and [`ledger`] modules alone (no features).

#[cfg(feature = "http")]
pub mod builtin;
pub mod call;
pub mod clock;
#[cfg(feature = "http")]
pub mod effect;
pub mod lease;
pub mod ledger;
pub mod limits;
pub mod policy;
pub mod risk;
#[cfg(feature = "gateway")]
pub mod wire;
