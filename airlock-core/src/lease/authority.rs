//! What a verified lease allows: the conjunction of all its blocks.

use super::block::{Approval, Caveat, Root};
use super::domain::domain_covers;
use super::{Presentation, Rid};
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
    /// The root block as issued: subject, session and epoch stand there alone. The manifest's grants are held against it.
    pub root: Root,
    /// Key id.
    pub kid: String,
    /// Latest `nbf`, unix seconds.
    pub nbf: u64,
    /// Earliest `exp`, unix seconds.
    pub exp: u64,
    /// Tool lists of the caveats, all of which must name a tool that the root names; see [`Terms::permits_tool`].
    tools: Vec<Vec<String>>,
    /// Host lists of the caveats, all of which must cover a host that the root covers; see [`Terms::permits_host`].
    dom: Vec<Vec<String>>,
    /// Lowest risk ceiling, thousandths.
    pub risk: u16,
    /// A counter for each node that bounds the calls: (rid, most calls), root first. An allowed call spends from all of them.
    pub uses: Vec<(Rid, u64)>,
    /// Ids of all nodes, root first.
    pub rid: Vec<Rid>,
    /// Delegates, first to last.
    pub to: Vec<String>,
    /// Request digests, all of which a call must match.
    pub calls: Vec<[u8; 32]>,
    /// Some block refuses the bearer form.
    pub pop: bool,
    /// Approvals that the blocks demand.
    pub approvals: Vec<Approval>,
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
    /// The terms of the root alone, with room for the ids of so many nodes.
    pub(crate) fn of_root(kid: &str, root: Root, rid: Rid, nodes: usize) -> Self {
        let (mut ids, mut uses) = (Vec::with_capacity(nodes), Vec::with_capacity(nodes));
        ids.push(rid);
        uses.push((rid, root.uses));
        Self {
            kid: kid.to_owned(),
            nbf: root.nbf,
            exp: root.exp,
            tools: Vec::new(),
            dom: Vec::new(),
            risk: root.risk,
            uses,
            rid: ids,
            to: Vec::new(),
            calls: Vec::new(),
            pop: root.pop,
            approvals: root.appr.iter().cloned().collect(),
            root,
        }
    }

    /// Adds one caveat. Every line takes a minimum or one more condition, so nothing can widen.
    pub(crate) fn narrow(&mut self, caveat: Caveat, rid: Rid) {
        let Caveat { appr, call, dom, exp, nbf, pop, risk, to, tools, uses } = caveat;
        self.approvals.extend(appr);
        self.calls.extend(call);
        self.dom.extend(dom);
        self.exp = exp.map_or(self.exp, |exp| exp.min(self.exp));
        self.nbf = nbf.map_or(self.nbf, |nbf| nbf.max(self.nbf));
        self.pop |= pop == Some(true);
        self.risk = risk.map_or(self.risk, |risk| risk.min(self.risk));
        self.to.extend(to);
        self.tools.extend(tools);
        self.uses.extend(uses.map(|uses| (rid, uses)));
        self.rid.push(rid);
    }

    /// Is this tool one that every block names?
    #[must_use]
    pub fn permits_tool(&self, tool: &str) -> bool {
        let mut lists = std::iter::once(&self.root.tools).chain(&self.tools);
        lists.all(|list| list.iter().any(|name| name == tool))
    }

    /// The tools that every block names: sorted, each once.
    #[must_use]
    pub fn tools(&self) -> Vec<&str> {
        let mut tools: Vec<&str> = self.root.tools.iter().map(String::as_str).filter(|tool| self.permits_tool(tool)).collect();
        tools.sort_unstable();
        tools.dedup();
        tools
    }

    /// Is this canonical host name covered by every block?
    #[must_use]
    pub fn permits_host(&self, host: &str) -> bool {
        let mut lists = std::iter::once(&self.root.dom).chain(&self.dom);
        lists.all(|list| list.iter().any(|entry| domain_covers(entry, host)))
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
