//! Which revision of MCP a server speaks, and the handshake of that revision.
//!
//! A probe is never a call: some servers execute calls before any handshake. A server that answers the probe in the newest revision is
//! locked to it; one that ends on the probe, or says nothing, is started again for the older handshake.

use super::child::{Child, Silence};
use super::wire::{Fault, LEGACY, MODERN, client, request};
use airlock_policy::ir::{Era, Upstream};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Errors that only the newest revision has.
const MODERN_FAULTS: [i64; 3] = [-32_020, -32_021, -32_022];
/// The error with which a server of the newest revision refuses the older handshake.
const WRONG_REVISION: i64 = -32_022;

/// A server, ready to be asked, with how it is to be asked.
pub(super) struct Peer {
    pub(super) child: Child,
    pub(super) modern: bool,
}

impl Peer {
    /// Lines of it that were no messages.
    pub(super) const fn stray(&self) -> usize {
        self.child.stray()
    }

    /// Asks and waits.
    pub(super) fn ask(
        &mut self,
        method: &str,
        params: Value,
        until: Instant,
    ) -> Result<Result<Box<serde_json::value::RawValue>, Fault>, Silence> {
        let id = self.child.next_id();
        self.child.send(&request(id, method, params, self.modern));
        self.child.answer(id, until).map(super::wire::Message::outcome)
    }
}

/// What the probe found.
enum Found {
    Modern,
    /// The older handshake may follow on the same process.
    Legacy,
    /// The process is of no use any more.
    Lost,
}

/// Starts a server and shakes hands.
///
/// # Errors
/// A sentence that says what went wrong.
pub(super) fn shake(upstream: &Upstream, start: &dyn Fn() -> Result<Child, String>) -> Result<(Peer, &'static str), String> {
    let time = Duration::from_secs(upstream.start_timeout);
    let peer = |modern| Ok::<_, String>((Peer { child: start()?, modern }, Instant::now() + time));
    match upstream.era {
        Era::Modern => {
            let (peer, _) = peer(true)?;
            Ok((peer, MODERN))
        }
        Era::Legacy => {
            let (mut peer, until) = peer(false)?;
            initialize(&mut peer, until)?.map(|revision| (peer, revision)).map_err(refused)
        }
        Era::Auto => {
            let (mut first, until) = peer(true)?;
            match probe(&mut first, until)? {
                Found::Modern => return Ok((first, MODERN)),
                Found::Legacy => {
                    first.modern = false;
                    match initialize(&mut first, until)? {
                        Ok(revision) => return Ok((first, revision)),
                        // It answered the probe too late, or as an older server would: it is asked once more.
                        Err(fault) if fault.code == WRONG_REVISION => {
                            first.modern = true;
                            return match probe(&mut first, until)? {
                                Found::Modern => Ok((first, MODERN)),
                                Found::Legacy | Found::Lost => Err(refused(fault)),
                            };
                        }
                        Err(fault) => return Err(refused(fault)),
                    }
                }
                Found::Lost => drop(first),
            }
            let (mut second, until) = peer(false)?;
            initialize(&mut second, until)?.map(|revision| (second, revision)).map_err(refused)
        }
    }
}

fn refused(fault: Fault) -> String {
    format!("it refuses the handshake with the error {}", fault.code)
}

/// Asks what the server is, in the newest revision.
fn probe(peer: &mut Peer, until: Instant) -> Result<Found, String> {
    match peer.ask("server/discover", json!({}), until) {
        Ok(Ok(result)) => {
            let result: Value =
                serde_json::from_str(result.get()).map_err(|_| "its answer to the probe is unreadable".to_owned())?;
            let versions = result["supportedVersions"].as_array().map_or(&[][..], Vec::as_slice);
            match versions.iter().any(|version| version == MODERN) {
                true => Ok(Found::Modern),
                false => Err(format!("it speaks no revision that is known here; the newest of those is {MODERN}")),
            }
        }
        Ok(Err(fault)) if MODERN_FAULTS.contains(&fault.code) => {
            let supported = fault.data.as_ref().and_then(|data| data["supported"].as_array());
            match supported.is_none_or(|versions| versions.iter().any(|version| version == MODERN)) {
                true => Ok(Found::Modern),
                false => Err("it speaks no revision that is known here".to_owned()),
            }
        }
        Ok(Err(_)) => Ok(Found::Legacy),
        Err(Silence::Late | Silence::Ended(_)) => Ok(Found::Lost),
        Err(silence @ Silence::Broken(_)) => Err(silence.to_string()),
    }
}

/// The handshake of the older revisions.
fn initialize(peer: &mut Peer, until: Instant) -> Result<Result<&'static str, Fault>, String> {
    let params = json!({"protocolVersion": LEGACY[0], "capabilities": {}, "clientInfo": client()});
    let result = match peer.ask("initialize", params, until).map_err(|silence| silence.to_string())? {
        Ok(result) => result,
        Err(fault) => return Ok(Err(fault)),
    };
    let result: Value = serde_json::from_str(result.get()).map_err(|_| "its answer to the handshake is unreadable".to_owned())?;
    let revision = LEGACY.into_iter().find(|revision| result["protocolVersion"] == *revision);
    let revision = revision.ok_or("it speaks no revision that is known here")?;
    peer.child.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    Ok(Ok(revision))
}
