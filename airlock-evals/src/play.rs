//! One session of one user: calls judged one after the other by the runtime's own decision, each allowed one remembered.

use crate::data::{Args, Call};
use crate::results;
use crate::suite::Suite;
use airlock_runtime::clock::Micros;
use airlock_runtime::lease::{Authority, RootClaims, intent_hash};
use airlock_runtime::trial::{End, Trial, authority};
use std::collections::BTreeSet;

/// When every session takes place: a result never depends on when it is asked for.
const NOW_S: u64 = 1_767_225_600;
/// Tools of one lease, as many as a lease names.
const TOOLS_MAX: usize = 32;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ruling {
    Allowed,
    Asked,
    Denied,
}

/// A session with its lease.
pub(crate) struct Session<'s> {
    suite: &'s Suite,
    trial: Trial,
    authority: Authority,
}

impl<'s> Session<'s> {
    /// A session for an intent, with a lease for these tools and no other.
    ///
    /// # Errors
    /// No lease can say this.
    pub(crate) fn new(suite: &'s Suite, intent: &str, tools: &BTreeSet<&str>) -> Result<Self, String> {
        let known = tools.iter().filter(|tool| suite.policy.tool(tool).is_some());
        let claims = RootClaims {
            sub: "agent:user".to_owned(),
            sid: "session".to_owned(),
            ih: intent_hash(intent).map_err(|fault| format!("{intent:?}: {fault}"))?,
            tools: known.take(TOOLS_MAX).map(|tool| (*tool).to_owned()).collect(),
            dom: vec!["tools.example.com".to_owned()],
            risk: 1000,
            uses: 1_000_000,
            dep: 0,
            ep: 0,
            iat: NOW_S,
            nbf: NOW_S,
            exp: NOW_S + 3600,
        };
        let now = Micros(NOW_S * 1_000_000);
        let authority = authority(suite.policy, &claims, &[], now)?;
        let mut trial = Trial::new(suite.policy);
        trial.intend(intent);
        Ok(Self { suite, trial, authority })
    }

    /// Judges a call. `accepts`: a user who is asked says yes.
    pub(crate) fn call(&mut self, call: &Call, accepts: bool) -> Ruling {
        let mut ruling = self.judge(&call.tool, &call.args, false);
        if ruling == Ruling::Asked && accepts && self.judge(&call.tool, &call.args, true) == Ruling::Denied {
            ruling = Ruling::Denied;
        }
        ruling
    }

    fn judge(&mut self, tool: &str, args: &Args, accepts: bool) -> Ruling {
        let args = self.suite.args(tool, args);
        let now = Micros(NOW_S * 1_000_000);
        match self.trial.judge(tool, args, Ok(&self.authority), now, accepts).end {
            End::Allowed => Ruling::Allowed,
            End::Asked(_) => Ruling::Asked,
            End::Denied(_) => Ruling::Denied,
        }
    }

    /// The session sees what a call gave.
    pub(crate) fn see(&mut self, tool: &str, text: &str) {
        self.trial.learn("session", tool, &results::of_mcp(text));
    }
}
