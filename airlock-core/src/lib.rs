//! What a decision of an MCP Airlock gateway is made of: the [`policy`] as constants, the [`lease`], the arguments of a [`call`], their
//! [`risk`], where their values come from ([`memory`]), and where a call may go (`egress`).
//!
//! It is a crate of its own because it needs no event loop, no network and no other process: it has what is at work in every call and is
//! compiled for speed, while `airlock-chain`, the ledger, and `airlock-runtime`, which serves, are compiled for size at the same time.

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
