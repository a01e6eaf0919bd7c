//! Flows, grants and requirements, as plain data.

use super::{EffectClass, HostRule};
use serde::Serialize;

/// `[[flow]]`: labels that may not come together in one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Flow {
    /// The labels, sorted. A call that would complete them is refused, or asked about.
    pub labels: Vec<String>,
    /// What happens to that call.
    pub verdict: FlowVerdict,
    /// Reason.
    pub why: String,
}

/// What a flow does to the call that would complete it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "lowercase")]
pub enum FlowVerdict {
    /// `deny = […]`.
    Deny,
    /// `ask = […]`: the connected user is asked.
    Ask,
}

/// `[[grant]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Grant {
    /// Exact subject.
    pub subject: String,
    /// Tools, sorted.
    pub tools: Vec<String>,
    /// How a lease may be issued.
    pub issue: Issue,
    /// Hosts a lease may name, as written in `[[egress]]` (canonical), sorted; all hosts of its tools when the manifest names none.
    pub domains: Vec<String>,
    /// Seconds.
    pub max_ttl: u64,
    /// Thousandths.
    pub max_risk: u16,
    /// Most calls.
    pub uses: u64,
    /// Reason.
    pub why: String,
}

/// `[[grant]] issue`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub enum Issue {
    /// `operator`.
    #[serde(rename = "operator")]
    Operator,
    /// `self`.
    #[serde(rename = "self")]
    SelfService,
    /// `human`: as `self`, after the connected user accepted.
    #[serde(rename = "human")]
    Human,
}

/// `[[require]]`: what must hold of the policy, or nothing is compiled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Require {
    /// What must hold.
    pub rule: Requirement,
    /// Reason.
    pub why: String,
}

/// What a `[[require]]` demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum Requirement {
    /// Every selected tool has every property.
    Every {
        /// Which tools.
        tools: Selector,
        /// What each of them must have, in the order of the enum.
        has: Vec<Property>,
    },
    /// No grant of the subject reaches a selected tool.
    Never {
        /// Exact subject; nothing: any subject.
        subject: Option<String>,
        /// Which tools.
        tools: Selector,
    },
    /// The gateway refuses what it refuses: `[gateway] mode` is `enforce`.
    Enforce,
}

/// Which tools a requirement speaks of: those for which all that is given holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
pub struct Selector {
    /// One of these names; empty: any. Sorted.
    pub tools: Vec<String>,
    /// It has all of these labels. Sorted.
    pub labels: Vec<String>,
    /// It has this effect.
    pub effect: Option<EffectClass>,
    /// It sends a credential, or sends none.
    pub credentials: Option<bool>,
    /// It may reach a host that this rule covers.
    pub host: Option<HostRule>,
}

/// What a tool can be required to have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(any(test, feature = "data"), derive(serde::Deserialize))]
#[serde(rename_all = "snake_case")]
pub enum Property {
    /// `approval = "human"`.
    Approval,
    /// Only hosts that are named exactly.
    ExactHosts,
    /// Some rate or budget of its own.
    Quota,
    /// Every text and every list among its arguments says where its values come from.
    Provenance,
    /// A risk threshold of at most this, thousandths.
    MaxRiskThreshold(u16),
    /// All of these labels; sorted.
    Labels(Vec<String>),
    /// Every grant that names it is issued in this way or a stricter one: `operator` is stricter than `human`, `human` than `self`.
    Issue(Issue),
    /// Every lease that names it lives at most so many seconds.
    MaxTtl(u64),
}
