//! Finding out which revisions an upstream speaks.
//!
//! The probe is `server/discover` and never a real call: old servers perform calls without any handshake. A server that ends at the
//! probe, or does not answer it in time, is started anew and greeted with `initialize`, so that no late answer meets the wrong era.

use super::link::{Beside, End, Link, Reply};
use crate::json::json;
use crate::policy::upstream::{EraRule, Question};
use crate::wire::{Able, Revision};
use serde_json::{Map, Value};
use std::rc::Rc;
use std::time::Duration;

/// Shortest time for an answer to the probe: servers that are fetched or compiled when they start take as long.
const PROBE_MIN: Duration = Duration::from_secs(10);
/// Errors by which a server of 2026-07-28 or later shows itself: missing capability, unsupported version, header mismatch.
const MODERN_ERRORS: [i64; 3] = [-32020, -32021, -32022];

/// How to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// Nothing is known.
    Probe,
    /// It spoke revision 2026-07-28 before, or the manifest says that it does.
    Modern,
    /// It needs `initialize`.
    Legacy,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Greeting {
    /// Start it anew and begin so.
    Again(Opening),
    /// It cannot be used.
    Refused(String),
}

impl Opening {
    pub(super) const fn of(rule: EraRule, known: Option<bool>) -> Self {
        match (rule, known) {
            (EraRule::Modern, _) | (EraRule::Auto, Some(true)) => Self::Modern,
            (EraRule::Legacy, _) | (EraRule::Auto, Some(false)) => Self::Legacy,
            (EraRule::Auto, None) => Self::Probe,
        }
    }
}

/// Greets an upstream. Afterwards `is_modern` holds, and requests may be made.
pub(super) async fn greet(link: &Rc<Link>, opening: Opening, patience: Duration) -> Result<(), Greeting> {
    match opening {
        Opening::Probe => probe(link, patience).await,
        Opening::Modern => match discover(link, patience).await {
            Probed::Modern(listens) => modern(link, listens),
            Probed::Other(why) | Probed::Unknown(why) => Err(Greeting::Refused(why)),
            Probed::Silent => Err(Greeting::Refused("it did not answer in time".into())),
            Probed::Gone(end) => Err(Greeting::Refused(end.words().into())),
        },
        Opening::Legacy => initialize(link, patience).await,
    }
}

/// What came of `server/discover`.
enum Probed {
    /// It speaks 2026-07-28, and may tell of changes of its tools.
    Modern(bool),
    /// It speaks a later revision and not ours.
    Other(String),
    /// It does not know the method.
    Unknown(String),
    Silent,
    Gone(End),
}

async fn probe(link: &Rc<Link>, patience: Duration) -> Result<(), Greeting> {
    match discover(link, patience.max(PROBE_MIN)).await {
        Probed::Modern(listens) => modern(link, listens),
        Probed::Other(why) => Err(Greeting::Refused(why)),
        Probed::Unknown(_) => match initialize(link, patience).await {
            // It is modern after all: the probe was answered by something that was not ready.
            Err(Greeting::Again(_)) => Err(Greeting::Again(Opening::Modern)),
            greeted => greeted,
        },
        Probed::Silent | Probed::Gone(_) => Err(Greeting::Again(Opening::Legacy)),
    }
}

async fn discover(link: &Rc<Link>, patience: Duration) -> Probed {
    let asked = link.ask("server/discover", |_| json!({"_meta": envelope(Able::default())}).to_string(), Beside::default());
    let reply = match tokio::time::timeout(patience, asked).await {
        Err(_) => return Probed::Silent,
        Ok(Err(end)) => return Probed::Gone(end),
        Ok(Ok(reply)) => reply,
    };
    let ours = Revision::MODERN.date();
    let other = || Probed::Other(format!("it does not speak revision {ours}, and no earlier one either"));
    match reply {
        Reply::Result(line, place) => {
            let result: Value = serde_json::from_str(line.get(place).unwrap_or_default()).unwrap_or_default();
            let Some(versions) = result["supportedVersions"].as_array() else {
                return Probed::Unknown("its answer to server/discover is none".into());
            };
            match versions.iter().any(|version| version == ours) {
                true => Probed::Modern(result["capabilities"]["tools"]["listChanged"] == json!(true)),
                false => other(),
            }
        }
        Reply::Error(fault) if MODERN_ERRORS.contains(&fault.code) => other(),
        Reply::Error(fault) => Probed::Unknown(format!("it answers server/discover with the error {}", fault.code)),
        Reply::Unusable(why) => Probed::Unknown(why.into()),
    }
}

/// What goes with every request of revision 2026-07-28; `able`: what may be asked of the client.
pub(super) fn envelope(able: Able) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": Revision::MODERN.date(),
        "io.modelcontextprotocol/clientCapabilities": capabilities(able),
        "io.modelcontextprotocol/clientInfo": client_info(),
    })
}

/// What an upstream may ask of the client, as capabilities. The client's own may be more.
fn capabilities(able: Able) -> Value {
    let mut declared = Map::new();
    for kind in Question::ALL.into_iter().filter(|kind| able.has(*kind)) {
        let how = if kind == Question::Elicitation { json!({"form": {}}) } else { json!({}) };
        declared.insert(kind.word().to_owned(), how);
    }
    Value::Object(declared)
}

fn client_info() -> Value {
    json!({"name": "airlock", "version": env!("CARGO_PKG_VERSION")})
}

fn modern(link: &Rc<Link>, listens: bool) -> Result<(), Greeting> {
    link.is_modern.set(true);
    if listens {
        let link = Rc::clone(link);
        let wanted = json!({"notifications": {"toolsListChanged": true}, "_meta": envelope(Able::default())});
        // It is answered when there is nothing more to be told, and then there is nothing to do about it.
        tokio::task::spawn_local(async move {
            let _ = link.ask("subscriptions/listen", |_| wanted.to_string(), Beside::default()).await;
        });
    }
    Ok(())
}

async fn initialize(link: &Rc<Link>, patience: Duration) -> Result<(), Greeting> {
    let refused = |why: String| Err(Greeting::Refused(why));
    let params = json!({"protocolVersion": Revision::NEWEST_LEGACY.date(), "capabilities": capabilities(link.declared.get()), "clientInfo": client_info()});
    let asked = link.ask("initialize", |_| params.to_string(), Beside::default());
    match tokio::time::timeout(patience, asked).await {
        Err(_) => refused("it did not answer `initialize` in time".into()),
        Ok(Err(end)) => refused(format!("{} before it answered `initialize`", end.words())),
        Ok(Ok(Reply::Unusable(why))) => refused(why.into()),
        Ok(Ok(Reply::Error(fault))) if MODERN_ERRORS.contains(&fault.code) => Err(Greeting::Again(Opening::Modern)),
        Ok(Ok(Reply::Error(fault))) => refused(format!("it answers `initialize` with the error {}", fault.code)),
        Ok(Ok(Reply::Result(line, place))) => {
            let result: Value = serde_json::from_str(line.get(place).unwrap_or_default()).unwrap_or_default();
            let known = Revision::ALL.iter().filter(|revision| !revision.is_modern());
            if !known.into_iter().any(|revision| result["protocolVersion"] == revision.date()) {
                return refused("it speaks no revision that the gateway speaks".into());
            }
            link.is_modern.set(false);
            link.logs.set(result["capabilities"]["logging"].is_object());
            link.tell(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
            Ok(())
        }
    }
}
