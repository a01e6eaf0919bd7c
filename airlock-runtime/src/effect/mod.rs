//! Performing what was decided and recorded, and nothing else.
//!
//! [`perform`] takes a permit, which only the judge can make, and a record, which only the ledger can make, both by value: an
//! effect that is undecided or unrecorded is a type error.

#[cfg(feature = "http")]
pub mod addr;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "http")]
pub mod resolve;
#[cfg(feature = "http")]
pub mod tls;
#[cfg(feature = "http")]
pub mod url;

#[cfg(feature = "issue")]
mod issue;

use crate::decide::{Act, Permit};
use crate::lease::KeyRing;
use crate::ledger::{Ledger, Recorded, read};
use crate::policy::Policy;
use serde::Serialize;
use serde_json::Value;
use std::io;
use std::path::{Path, PathBuf};

/// What effects need of the gateway.
#[derive(Debug)]
pub struct World {
    /// The compiled policy.
    pub policy: &'static Policy,
    /// Keys of this gateway.
    pub keys: KeyRing,
    /// The ledger.
    pub ledger: Ledger,
    /// Its directory.
    pub ledger_dir: PathBuf,
}

/// How an effect ended.
#[derive(Debug)]
pub struct Outcome {
    /// The tool's result, or what went wrong.
    pub result: Result<Value, Failure>,
    /// Hosts that were contacted.
    pub hosts: Vec<String>,
    /// May the ledger commit to the result? Not where it contains a lease.
    pub commit: bool,
}

/// An effect that did not succeed.
#[derive(Debug)]
pub struct Failure {
    /// Stable status code for the ledger.
    pub code: &'static str,
    /// A sentence for the caller.
    pub detail: String,
}

impl Outcome {
    fn local(result: Result<Value, Failure>) -> Self {
        Self { result, hosts: Vec::new(), commit: true }
    }

    /// The call was cancelled by the client before the effect ended.
    #[must_use]
    pub fn cancelled() -> Self {
        Self::local(Err(Failure { code: "cancelled", detail: "The client cancelled the call.".into() }))
    }

    /// The gateway had to end before the effect did.
    #[must_use]
    pub fn stopped() -> Self {
        Self::local(Err(Failure { code: "stopped", detail: "The gateway ended before the call did.".into() }))
    }
}

/// Performs the one effect that `permit` allows, after its decision was recorded.
pub async fn perform(permit: Permit, recorded: Recorded, world: &World) -> Outcome {
    // Holding the record is the proof; its number has no further use here.
    let _: Recorded = recorded;
    let dir = &world.ledger_dir;
    match permit.into_act() {
        #[cfg(feature = "issue")]
        Act::Issue(claims) => issue::perform(&claims, world).await,
        Act::AuditTail(tail) => Outcome::local(report(dir, move |dir| read::tail(dir, tail.limit)).await),
        Act::UsageStats => Outcome::local(report(dir, read::stats).await),
        Act::ExposureReport(exposure) => {
            Outcome::local(report(dir, move |dir| read::exposure(dir, exposure.lookback_hours)).await)
        }
        #[cfg(feature = "http")]
        Act::HttpGetJson(target) => {
            let hosts = vec![target.host().to_owned()];
            let limits = http::HttpLimits::default();
            let fetched = crate::builtin::http_get_json::perform(target, &limits, &resolve::SystemResolver);
            fetch(hosts, fetched.await)
        }
        #[cfg(feature = "http")]
        Act::WeatherHourly(plan, targets) => {
            let hosts = targets.iter().map(|target| target.host().to_owned()).collect();
            let limits = http::HttpLimits::default();
            let fetched = crate::builtin::weather_hourly::perform(&plan, targets, &limits, &resolve::SystemResolver);
            fetch(hosts, fetched.await)
        }
    }
}

#[cfg(feature = "http")]
fn fetch(hosts: Vec<String>, fetched: Result<Value, http::FetchFault>) -> Outcome {
    let result = fetched.map_err(|fault| Failure { code: fault.code(), detail: format!("The fetch failed: {fault}.") });
    Outcome { result, hosts, commit: true }
}

/// Reads the ledger for an administrative tool, on a thread of its own: a long ledger must not hold up other calls.
async fn report<T, R>(dir: &Path, read: R) -> Result<Value, Failure>
where
    T: Serialize + Send + 'static,
    R: FnOnce(&Path) -> io::Result<T> + Send + 'static,
{
    let dir = dir.to_owned();
    let done = tokio::task::spawn_blocking(move || read(&dir).and_then(|report| Ok(serde_json::to_value(report)?))).await;
    let unreadable =
        |fault: String| Failure { code: "ledger_unreadable", detail: format!("The ledger could not be read: {fault}.") };
    done.map_err(|fault| unreadable(fault.to_string()))?.map_err(|fault| unreadable(fault.to_string()))
}
