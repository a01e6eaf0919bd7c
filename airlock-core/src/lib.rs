//! What a decision of an MCP Airlock gateway is made of: the [`policy`] as constants, the [`lease`], the arguments of a [`call`], their
//! [`risk`] and where their values come from ([`memory`]), where a call may go ([`egress`]), and the [`ledger`] that has it before
//! anything happens.
//!
//! It is a crate of its own because it needs no event loop, no network and no process beside its own: it is what must be quick in every call and is
//! compiled for speed, while `airlock-runtime`, which serves, is compiled for size at the same time.

pub mod call;
pub mod clock;
#[cfg(feature = "plan-http")]
pub mod egress;
pub mod lease;
pub mod limits;
pub mod memory;
pub mod policy;
pub mod risk;
pub mod thread;
