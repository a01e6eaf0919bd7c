//! Asks a foreign MCP server which tools it has: as a plain child process with a cleared environment, once, within bounds of time and size.
//!
//! What it says is foreign text: nothing of it reaches a terminal or a file but through [`airlock_policy::definitions`].

mod child;
mod env;
mod handshake;
mod list;
mod wire;

pub(crate) use env::environment;

use crate::render::Failure;
use airlock_policy::definitions::Definition;
use airlock_policy::ir::Upstream;
use child::Child;
use std::time::{Duration, Instant};

/// What a server offers.
#[derive(Debug)]
pub(crate) struct Offer {
    /// Revision of MCP that it speaks, one that is known here.
    pub(crate) revision: &'static str,
    /// Its tools, in its order.
    pub(crate) tools: Vec<Offered>,
    /// Lines on its stdout that were no messages.
    pub(crate) stray: usize,
}

/// A tool that a server lists.
#[derive(Debug)]
pub(crate) enum Offered {
    /// With a definition that can be pinned.
    Tool(Box<Definition>),
    /// With one that cannot, and why; its name as far as it has one.
    Unusable(String, String),
}

/// Starts an upstream with this environment, asks for its tools, and ends it. No process of its group is left.
///
/// # Errors
/// It cannot be started, does not answer in time, or says what no server may.
pub(crate) fn ask(upstream: &Upstream, variables: &[(String, std::ffi::OsString)]) -> Result<Offer, Failure> {
    let start = || Child::start(upstream, variables);
    let attempt = || -> Result<Offer, String> {
        let (mut peer, revision) = handshake::shake(upstream, &start)?;
        // The list gets as long again as the handshake.
        let tools = list::tools(&mut peer, Instant::now() + Duration::from_secs(upstream.start_timeout))?;
        Ok(Offer { revision, tools, stray: peer.stray() })
    };
    attempt().map_err(|problem| {
        let program = upstream.command.first().map_or("", String::as_str);
        Failure::new(format_args!("the upstream {} ({program}) gives no list of its tools: {problem}", upstream.name)).help(
            "start it by hand with the same command and environment to see what it says; `start_timeout` gives it more time",
        )
    })
}
