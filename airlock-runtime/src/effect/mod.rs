//! Performing what was decided and recorded, and nothing else.
//!
//! [`perform`] takes a permit, which only the judge can make, and a recorded allow, which only the ledger can make, both by value: an
//! effect that is undecided or unrecorded is a type error.

#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "http")]
pub mod resolve;
#[cfg(feature = "http")]
pub(crate) mod rest;
#[cfg(feature = "http")]
pub mod secret;
#[cfg(feature = "http")]
pub mod tls;
#[cfg(feature = "http")]
pub mod weather;

#[cfg(feature = "issue")]
mod issue;
mod listener;

pub use listener::Listener;
#[cfg(feature = "upstream")]
pub(crate) use listener::{Asked, Unanswered};

use crate::carrier::Carried;
use crate::decide::{Act, Permit};
use crate::lease::KeyRing;
use crate::ledger::{Allowed, Folder, Ledger, read};
use crate::policy::Policy;
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;
use std::io;
use tokio::sync::Semaphore;

/// What effects need of the gateway.
#[derive(Debug)]
pub struct World {
    /// The compiled policy.
    pub policy: &'static Policy,
    /// Keys of this gateway.
    pub keys: KeyRing,
    /// What a call has that carries nothing; empty unless the manifest has the carrier `ambient` and a file is named.
    pub ambient: Carried,
    /// The ledger.
    pub ledger: Ledger,
    /// Tells of the end of the process that opens its files.
    #[cfg(target_os = "linux")]
    pub clerk: crate::clerk::Watch,
    /// The profile that the gateway enters before it serves; none where the manifest accepts that there is none.
    pub judge: Option<crate::confine::Judge>,
    /// Tools that reach the network.
    #[cfg(feature = "http")]
    pub errands: crate::outside::Errands,
    /// Foreign MCP servers.
    #[cfg(feature = "upstream")]
    pub upstreams: crate::upstream::Upstreams,
}

/// How an effect ended.
#[derive(Debug)]
pub struct Outcome {
    /// The tool's result, or what went wrong.
    pub result: Result<Product, Failure>,
    /// Hosts that may have been contacted.
    pub hosts: Vec<String>,
    /// May the ledger commit to the result? Not where it contains a lease.
    pub commit: bool,
}

/// What an effect gave.
#[derive(Debug)]
pub enum Product {
    /// The result of a tool of ours.
    Own(Value),
    /// The result of a tool of an upstream.
    #[cfg(feature = "upstream")]
    Foreign(crate::upstream::Answer),
}

impl Product {
    /// The text that the ledger commits to.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Own(value) => value.to_string(),
            #[cfg(feature = "upstream")]
            Self::Foreign(answer) => answer.text(),
        }
    }

    /// The result as JSON. That of an upstream is parsed for it.
    #[must_use]
    pub fn value(&self) -> Cow<'_, Value> {
        match self {
            Self::Own(value) => Cow::Borrowed(value),
            #[cfg(feature = "upstream")]
            // It was read from JSON and checked, so it is JSON.
            Self::Foreign(answer) => Cow::Owned(serde_json::from_str(&answer.text()).unwrap_or_default()),
        }
    }
}

/// An effect that did not succeed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// Stable status code for the ledger.
    pub code: &'static str,
    /// A sentence for the caller.
    pub detail: String,
}

impl Outcome {
    /// Did the tool do what it was asked for?
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.status() == "ok"
    }

    /// Stable status code for the ledger; `tool_error` where a foreign tool answered that it failed.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match &self.result {
            #[cfg(feature = "upstream")]
            Ok(Product::Foreign(answer)) if answer.is_error() => "tool_error",
            Ok(_) => "ok",
            Err(failure) => failure.code,
        }
    }

    /// An upstream's call that came to nothing.
    #[cfg(feature = "upstream")]
    pub(crate) const fn failed(failure: Failure) -> Self {
        Self { result: Err(failure), hosts: Vec::new(), commit: true }
    }

    fn local(result: Result<Value, Failure>) -> Self {
        Self { result: result.map(Product::Own), hosts: Vec::new(), commit: true }
    }

    /// The effect is not compiled in.
    #[cfg(any(
        all(feature = "plan-http", not(feature = "http")),
        all(feature = "plan-issue", not(feature = "issue")),
        all(feature = "plan-upstream", not(feature = "upstream"))
    ))]
    fn absent() -> Self {
        Self::local(Err(Failure { code: "absent", detail: "This gateway was built without the code for this effect.".into() }))
    }

    /// The call was cancelled by the client before the effect ended. A request to `hosts` may be out.
    #[must_use]
    pub fn cancelled(hosts: Vec<String>) -> Self {
        let failure = Failure { code: "cancelled", detail: "The client cancelled the call.".into() };
        Self { hosts, ..Self::local(Err(failure)) }
    }

    /// The same effect where the ledger could not take its end: what it gave is withheld, and the caller is told that it happened.
    #[must_use]
    pub fn unrecorded(self) -> Self {
        let detail = "The call was allowed and its effect has begun, but how it ended could not be recorded in the ledger, so the \
                      result is withheld. The operator must look at the gateway's ledger directory.";
        Self { result: Err(Failure { code: "outcome_unrecorded", detail: detail.into() }), ..self }
    }

    /// The gateway had to end before the effect did. A request to `hosts` may be out.
    #[must_use]
    pub fn stopped(hosts: Vec<String>) -> Self {
        let failure = Failure { code: "stopped", detail: "The gateway ended before the call did.".into() };
        Self { hosts, ..Self::local(Err(failure)) }
    }
}

/// Performs the one effect that `permit` allows, after its allow was recorded.
///
/// ```
/// # use airlock_runtime::{decide::Permit, effect::{Listener, World, perform}, ledger::Allowed};
/// async fn allowed(permit: Permit, proof: Allowed, world: &World) {
///     perform(permit, proof, world, &Listener::default()).await;
/// }
/// ```
/// The record of a denial, of an outcome, or of an allow that was not made as durable as its effect demands is none:
/// ```compile_fail,E0308
/// # use airlock_runtime::{decide::Permit, effect::{Listener, World, perform}, ledger::Recorded};
/// async fn recorded(permit: Permit, proof: Recorded, world: &World) {
///     perform(permit, proof, world, &Listener::default()).await;
/// }
/// ```
#[cfg_attr(not(feature = "upstream"), allow(unused_variables, reason = "only upstreams tell how far they are"))]
pub async fn perform(permit: Permit, allowed: Allowed, world: &World, listener: &Listener) -> Outcome {
    // Holding the record is the proof; its number has no further use here.
    let _: Allowed = allowed;
    let dir = world.ledger.folder();
    match permit.into_act() {
        #[cfg(feature = "issue")]
        Act::Issue(claims, how) => issue::perform(&claims, how, world).await,
        Act::AuditTail(tail) => Outcome::local(report(dir, move |dir| read::tail(dir, tail.limit)).await),
        Act::UsageStats => Outcome::local(report(dir, |dir| read::stats(dir)).await),
        Act::ExposureReport(exposure) => {
            Outcome::local(report(dir, move |dir| read::exposure(dir, exposure.lookback_hours)).await)
        }
        #[cfg(feature = "http")]
        Act::Errand(errand) => {
            let hosts = errand.hosts.clone();
            Outcome { result: world.errands.run(errand).await.map(Product::Own), hosts, commit: true }
        }
        #[cfg(feature = "upstream")]
        Act::Upstream(plan, tempo) => {
            let answer = world.upstreams.call(plan, tempo, listener).await;
            Outcome { result: answer.map(Product::Foreign), hosts: Vec::new(), commit: true }
        }
        // Features are united in a workspace; no gateway is built with the plan of an effect and without the effect.
        #[cfg(all(feature = "plan-issue", not(feature = "issue")))]
        Act::Issue(..) => Outcome::absent(),
        #[cfg(all(feature = "plan-http", not(feature = "http")))]
        Act::Errand(_) => Outcome::absent(),
        #[cfg(all(feature = "plan-upstream", not(feature = "upstream")))]
        Act::Upstream(..) => Outcome::absent(),
    }
}

/// Reports that may be read at once, so that a long one does not hold up a short one. A thread cannot be stopped: one whose call was cancelled reads
/// on to its end.
pub(crate) const REPORTS_MAX: usize = 2;

/// Reads the ledger for an administrative tool, on a thread of its own: a long ledger must not hold up other calls.
async fn report<T, R>(dir: &Folder, read: R) -> Result<Value, Failure>
where
    T: Serialize + Send + 'static,
    R: FnOnce(&Folder) -> io::Result<T> + Send + 'static,
{
    static REPORTS: Semaphore = Semaphore::const_new(REPORTS_MAX);
    let unreadable =
        |fault: String| Failure { code: "ledger_unreadable", detail: format!("The ledger could not be read: {fault}.") };
    let permit = REPORTS.acquire().await.map_err(|fault| unreadable(fault.to_string()))?;
    let dir = dir.clone();
    let done = tokio::task::spawn_blocking(move || {
        // Kept until the reading ends, not until the call does.
        let _permit = permit;
        read(&dir).and_then(|report| Ok(serde_json::to_value(report)?))
    })
    .await;
    done.map_err(|fault| unreadable(fault.to_string()))?.map_err(|fault| unreadable(fault.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Barrier};
    use std::task::Poll;

    /// Every call is cancelled at once; the threads that it started are what counts.
    #[tokio::test]
    async fn cancelled_reports_do_not_pile_up() {
        let (begun, end) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(REPORTS_MAX + 1)));
        for _ in 0..100 {
            let (begun, end) = (Arc::clone(&begun), Arc::clone(&end));
            let folder = Folder::from("/");
            let mut call = Box::pin(report(&folder, move |_| {
                begun.fetch_add(1, Ordering::SeqCst);
                end.wait();
                Ok(())
            }));
            std::future::poll_fn(|context| {
                assert!(call.as_mut().poll(context).is_pending());
                Poll::Ready(())
            })
            .await;
        }
        // All that were started meet here; a fifth would hang the test at its end.
        end.wait();
        assert_eq!(begun.load(Ordering::SeqCst), REPORTS_MAX);
    }
}
