//! Making an allowed call, to its recorded end.

#[cfg(not(feature = "upstream"))]
use super::ask::Desk;
use super::{Gateway, Permit};
use crate::call::Call;
#[cfg(not(feature = "upstream"))]
use crate::effect;
use crate::effect::{Outcome, Product};
#[cfg(not(feature = "upstream"))]
use crate::ledger::Allowed;
use crate::ledger::{self, Entry, LedgerError, Recorded, Sync};
use crate::reason::Reason;
use crate::reply::Judged;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Instant;

/// What is known of an allowed call when it begins.
pub(super) struct About {
    pub(super) call: Arc<Call>,
    /// Number of its allow.
    pub(super) seq: u64,
    /// Its score.
    pub(super) risk: u16,
    /// Hosts that it may reach.
    pub(super) hosts: Vec<String>,
    pub(super) started: Instant,
    /// Its session, where that is remembered.
    pub(super) session: Option<String>,
    /// Why it would have been refused, where shadow mode lets it through.
    pub(super) shadow: Option<Reason>,
}

impl About {
    pub(super) fn new(call: Arc<Call>, risk: u16, permit: &Permit, seq: u64) -> Self {
        Self { call, seq, risk, hosts: permit.hosts(), started: Instant::now(), session: None, shadow: None }
    }
}

impl Gateway {
    /// Makes the call.
    #[cfg(not(feature = "upstream"))]
    pub(super) async fn make(&self, permit: Permit, allowed: Allowed, about: About, desk: &Desk<'_>) -> Judged {
        let outcome = tokio::select! {
            biased;
            () = desk.stop.notified() => self.cut_off(&about),
            outcome = effect::perform(permit, allowed, &self.world, &desk.listener) => outcome,
        };
        self.conclude(about, outcome).await
    }

    /// The end of a call that is not waited for any longer.
    pub(super) fn cut_off(&self, about: &About) -> Outcome {
        let hosts = about.hosts.clone();
        if self.ending.get() { Outcome::stopped(hosts) } else { Outcome::cancelled(hosts) }
    }

    /// Records how a call ended, and tells it.
    pub(super) async fn conclude(&self, about: About, outcome: Outcome) -> Judged {
        let About { call, seq, risk, hosts: _, started, session, shadow } = about;
        let outcome = match self.close(&call, &outcome, started).await {
            Ok(_) => outcome,
            Err(_) => outcome.unrecorded(),
        };
        // Before the client has it, so that no later call can know more than the memory does.
        if let (Some(sid), Ok(result)) = (&session, &outcome.result) {
            self.memory.borrow_mut().learn(sid, &call, &result.value());
        }
        Judged::Performed { seq, risk, outcome, shadow }
    }

    /// Records how an effect ended.
    async fn close(&self, call: &Call, outcome: &Outcome, started: Instant) -> Result<Recorded, LedgerError> {
        let result = outcome.result.as_ref().ok().filter(|_| outcome.commit).map(Product::text);
        let entry = Entry::Outcome(ledger::Outcome {
            call: &call.id,
            ok: outcome.is_ok(),
            status: outcome.status(),
            hosts: outcome.hosts.clone(),
            micros: u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
            result: result.as_ref().map(|text| Sha256::digest(text).into()),
            bytes: result.as_ref().map_or(0, |text| text.len() as u64),
            text: result.as_deref().map(str::as_bytes),
        });
        self.world.ledger.record(&entry, Sync::Written).await
    }
}
