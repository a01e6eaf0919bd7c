//! Why a lease is refused.

use crate::clock::Micros;

/// Why a lease is refused. [`LeaseFault::code`] goes to the ledger, [`LeaseFault::outward`] to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseFault {
    /// Longer than [`super::TEXT_MAX`].
    Length,
    /// Not the text form of a lease; says which part.
    Spelling(&'static str),
    /// The bound form (`alp1`) where there is no call that its proof could cover.
    Form,
    /// No key with this id.
    UnknownKey,
    /// The key that signed it is retired: nothing of it is accepted any more.
    KeyRetired,
    /// Issued at a time at which its key did not sign.
    KeyDates,
    /// The MAC is wrong: forged, altered, or for another gateway.
    Mac,
    /// A block is not canonical or not complete. Only a holder of the key or of the lease can have written it.
    Block {
        /// 0 = root, 1 = first caveat.
        index: u8,
        /// What is wrong.
        problem: &'static str,
    },
    /// A root block of another version.
    Version,
    /// More caveats than the root's `dep` allows.
    Depth,
    /// `nbf` or `iat` is in the future, beyond the allowed skew; unix seconds.
    NotYet(u64),
    /// `exp` has come; unix seconds.
    Expired(u64),
    /// Issued for another gateway.
    Audience,
    /// Issued for another session.
    Session,
    /// Issued for another intent.
    Intent,
    /// The presentation was made at another time, unix seconds.
    ProofTime(u64),
    /// The lease demands proof of possession, and came in bearer form.
    Possession,
    /// The lease demands the signatures of more approvers than this gateway has. Told by the judge, who knows them.
    Approval,
}

impl LeaseFault {
    /// The precise code, for the ledger.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Length => "lease_length",
            Self::Spelling(_) => "lease_spelling",
            Self::Form => "lease_form",
            Self::UnknownKey => "lease_key",
            Self::KeyRetired => "lease_key_retired",
            Self::KeyDates => "lease_key_dates",
            Self::Mac => "lease_mac",
            Self::Block { .. } => "lease_block",
            Self::Version => "lease_version",
            Self::Depth => "lease_depth",
            Self::NotYet(_) => "lease_not_yet",
            Self::Expired(_) => "lease_expired",
            Self::Audience => "lease_audience",
            Self::Session => "lease_session",
            Self::Intent => "lease_intent",
            Self::ProofTime(_) => "lease_proof_time",
            Self::Possession => "lease_possession",
            Self::Approval => "lease_approval",
        }
    }

    /// The code that the caller sees. Before the MAC is right, all faults are `lease_invalid`: a forger learns nothing.
    #[must_use]
    pub const fn outward(&self) -> &'static str {
        match self {
            Self::Length | Self::Spelling(_) | Self::UnknownKey | Self::Mac => "lease_invalid",
            Self::Form
            | Self::KeyRetired
            | Self::KeyDates
            | Self::Block { .. }
            | Self::Version
            | Self::Depth
            | Self::NotYet(_)
            | Self::Expired(_)
            | Self::Audience
            | Self::Session
            | Self::Intent
            | Self::ProofTime(_)
            | Self::Possession
            | Self::Approval => self.code(),
        }
    }

    /// One plain-English sentence, without any part of the lease. It tells more than [`LeaseFault::outward`]: for the ledger and
    /// for the holder's own terminal.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::Length => format!("the lease is longer than {} bytes", super::TEXT_MAX),
            Self::Spelling(part) => format!("this is not the text of a lease: {part}"),
            Self::Form => {
                "the lease is in bound form (alp1), whose proof covers one call, and there is none that it could cover here"
                    .into()
            }
            Self::UnknownKey => "no key with the lease's key id is accepted here".into(),
            Self::KeyRetired => "the key that signed the lease is retired".into(),
            Self::KeyDates => "the lease was issued at a time at which its key did not sign".into(),
            Self::Mac => "the lease's signature is wrong: it was altered, forged, or made for another gateway".into(),
            Self::Block { index: 0, problem } => format!("the root block is not acceptable: {problem}"),
            Self::Block { index, problem } => format!("caveat {index} is not acceptable: {problem}"),
            Self::Version => "the lease has another format version than 1".into(),
            Self::Depth => "the lease has more caveats than its issuer allowed".into(),
            Self::NotYet(at) => format!("the lease is valid from {} only", instant(*at)),
            Self::Expired(at) => format!("the lease expired at {}", instant(*at)),
            Self::Audience => "the lease was issued for another gateway".into(),
            Self::Session => "the lease was issued for another session".into(),
            Self::Intent => "the lease was issued for another intent; send the exact intent text it was issued for".into(),
            Self::ProofTime(at) => format!("the presentation of the lease was made at {}, too far from now", instant(*at)),
            Self::Possession => "the lease demands proof of possession: present it for each call in bound form (alp1)".into(),
            Self::Approval => "the lease demands signatures of more approvers than this gateway knows, or within no time".into(),
        }
    }
}

impl std::fmt::Display for LeaseFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail())
    }
}

impl std::error::Error for LeaseFault {}

/// Unix seconds in RFC 3339.
fn instant(seconds: u64) -> String {
    Micros(seconds.saturating_mul(1_000_000)).rfc3339()
}
