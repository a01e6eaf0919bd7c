//! What a verified lease allows: the conjunction of all its blocks.

use super::Presentation;
use super::block::{Approval, Caveat, Root};
use super::domain::{domain_covers, intersect};
use std::ops::Deref;

/// The terms of a verified lease. Only [`super::verify()`] makes one, and its [`Terms`] can be read and not changed.
#[derive(Debug)]
#[must_use]
pub struct Authority {
    terms: Terms,
    presentation: Option<Presentation>,
}

/// The folded terms of a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Subject.
    pub sub: String,
    /// Session id.
    pub sid: String,
    /// Key id.
    pub kid: String,
    /// Revocation epoch.
    pub ep: u64,
    /// Unix seconds of issue.
    pub iat: u64,
    /// Latest `nbf`, unix seconds.
    pub nbf: u64,
    /// Earliest `exp`, unix seconds.
    pub exp: u64,
    /// Tools that every block names: sorted, each once.
    pub tools: Vec<String>,
    /// Host entries that all blocks cover; see [`Terms::permits_host`].
    pub dom: Vec<String>,
    /// Lowest risk ceiling, thousandths.
    pub risk: u16,
    /// A counter for each node that bounds the calls: (rid, most calls), root first. An allowed call spends from all of them.
    pub uses: Vec<(String, u64)>,
    /// Ids of all nodes in lower-case hex, root first.
    pub rid: Vec<String>,
    /// Delegates, first to last.
    pub to: Vec<String>,
    /// Request digests, all of which a call must match.
    pub calls: Vec<[u8; 32]>,
    /// Some block refuses the bearer form.
    pub pop: bool,
    /// Approvals that the blocks demand.
    pub approvals: Vec<Approval>,
    /// The root block as issued, to hold against the manifest's grants.
    pub root: Root,
}

impl Authority {
    pub(crate) const fn new(terms: Terms, presentation: Option<Presentation>) -> Self {
        Self { terms, presentation }
    }

    /// Time and nonce, if the lease came in bound form.
    #[must_use]
    pub const fn presentation(&self) -> Option<&Presentation> {
        self.presentation.as_ref()
    }

    /// The folded terms.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }
}

impl Deref for Authority {
    type Target = Terms;

    fn deref(&self) -> &Terms {
        &self.terms
    }
}

impl Terms {
    /// The terms of the root alone.
    pub(crate) fn of_root(kid: &str, root: Root, rid: String) -> Self {
        let mut terms = Self {
            sub: root.sub.clone(),
            sid: root.sid.clone(),
            kid: kid.to_owned(),
            ep: root.ep,
            iat: root.iat,
            nbf: root.nbf,
            exp: root.exp,
            tools: root.tools.clone(),
            dom: root.dom.clone(),
            risk: root.risk,
            uses: vec![(rid.clone(), root.uses)],
            rid: vec![rid],
            to: Vec::new(),
            calls: Vec::new(),
            pop: root.pop,
            approvals: root.appr.iter().cloned().collect(),
            root,
        };
        terms.tools.sort_unstable();
        terms.tools.dedup();
        terms
    }

    /// Adds one caveat. Every line takes a minimum, an intersection or one more condition, so nothing can widen.
    pub(crate) fn narrow(&mut self, caveat: Caveat, rid: String) {
        let Caveat { appr, call, dom, exp, nbf, pop, risk, to, tools, uses } = caveat;
        self.approvals.extend(appr);
        self.calls.extend(call);
        if let Some(dom) = dom {
            self.dom = intersect(std::mem::take(&mut self.dom), &dom);
        }
        self.exp = exp.map_or(self.exp, |exp| exp.min(self.exp));
        self.nbf = nbf.map_or(self.nbf, |nbf| nbf.max(self.nbf));
        self.pop |= pop == Some(true);
        self.risk = risk.map_or(self.risk, |risk| risk.min(self.risk));
        self.to.extend(to);
        if let Some(tools) = tools {
            self.tools.retain(|tool| tools.contains(tool));
        }
        self.uses.extend(uses.map(|uses| (rid.clone(), uses)));
        self.rid.push(rid);
    }

    /// Is this tool one that every block names?
    #[must_use]
    pub fn permits_tool(&self, tool: &str) -> bool {
        self.tools.iter().any(|name| name == tool)
    }

    /// Is this canonical host name covered by every block?
    #[must_use]
    pub fn permits_host(&self, host: &str) -> bool {
        self.dom.iter().any(|entry| domain_covers(entry, host))
    }

    /// May a call with this request digest be made? True for every call when no caveat names one.
    #[must_use]
    pub fn permits_call(&self, request_digest: &[u8; 32]) -> bool {
        self.calls.iter().all(|call| call == request_digest)
    }

    /// Does some caveat name a request digest, so that the caller has to compute one?
    #[must_use]
    pub const fn names_call(&self) -> bool {
        !self.calls.is_empty()
    }
}
