//! Gateways with real upstreams behind them: a server that does what no server should, and the reference servers.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod asks;
mod changes;
mod confined;
mod eras;
mod faces;
mod hostile;
mod inspector;
mod kills;
mod leads;
mod learn;
mod network;
mod offers;
mod real;
mod scene;
mod shadow;
mod soak;
