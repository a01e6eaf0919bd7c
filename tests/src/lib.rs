//! Shared parts of the end-to-end tests: real gateways, built by the real `airlock build`, as processes of their own.
//!
//! A test takes a gateway program from [`built`], a directory with key and ledger from [`place`], starts the one in the other
//! with [`process`], and speaks lines made by [`message`]. [`web`] is the HTTP service that the gateway's tools reach, and
//! [`proof`] compares replies with the ledger afterwards.
//!
//! Nothing here waits by sleeping: a test waits for a line, a request or the end of a process, each with a deadline.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

pub mod built;
pub mod clients;
pub mod forge;
pub mod message;
pub mod place;
pub mod process;
pub mod proof;
pub mod recorder;
pub mod tree;
pub mod upstreams;
pub mod web;

use std::time::Duration;

/// How long anything may take that a test waits for. Only a broken gateway comes near it; a loaded machine does not.
pub const DEADLINE: Duration = Duration::from_secs(60);
