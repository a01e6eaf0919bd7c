//! Signing a new lease. Compiled in only with feature `mint`.

use super::block::Root;
use super::domain::is_entry;
use super::{AudienceKey, BLOCK_MAX, CAVEATS_MAX, KeyFault, LIST_MAX, STRING_MAX, TEXT_MAX, mac, text};
use crate::limits::{INTEGER_MAX, RISK_MAX, TOOL_NAME_MAX};

/// What a new lease says. The gateway name comes from the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootClaims {
    /// Subject.
    pub sub: String,
    /// Session id.
    pub sid: String,
    /// Intent hash, see [`super::intent_hash`].
    pub ih: [u8; 32],
    /// Exact tool names; empty = none.
    pub tools: Vec<String>,
    /// Canonical host entries; empty = no network.
    pub dom: Vec<String>,
    /// Risk ceiling, thousandths.
    pub risk: u16,
    /// Number of calls.
    pub uses: u64,
    /// How many caveats may be added, at most [`CAVEATS_MAX`].
    pub dep: u64,
    /// Revocation epoch.
    pub ep: u64,
    /// Unix seconds.
    pub iat: u64,
    /// Unix seconds.
    pub nbf: u64,
    /// Unix seconds.
    pub exp: u64,
}

/// Why no lease was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MintFault {
    /// A name is empty, too long or has control characters; says which.
    Name(&'static str),
    /// This tool name is empty, too long or has control characters.
    Tool(String),
    /// This host entry is not canonical.
    Domain(String),
    /// A list has too many entries or one of them twice; says which.
    List(&'static str),
    /// A number is out of range; says which.
    Number(&'static str),
    /// `exp` is not after `iat` and `nbf`.
    Times,
    /// The lease would be larger than a gateway accepts.
    Size,
}

impl std::fmt::Display for MintFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name(what) => write!(f, "the {what} must be 1 to {STRING_MAX} bytes without control characters"),
            Self::Tool(name) => {
                write!(f, "{name:?} is not a tool name: 1 to {TOOL_NAME_MAX} bytes without control characters or spaces")
            }
            Self::Domain(entry) => write!(
                f,
                "{entry:?} is not a host in canonical form: lower case, ASCII, no port, no trailing dot, such as \"api.example.com\" or \"*.example.com\""
            ),
            Self::List(what) => write!(f, "the list of {what} has more than {LIST_MAX} entries, or one of them twice"),
            Self::Number(what) => write!(f, "{what} is out of range"),
            Self::Times => f.write_str("the lease would end before it starts"),
            Self::Size => {
                write!(f, "the lease would be too large (a block may have {BLOCK_MAX} bytes); name fewer tools or hosts")
            }
        }
    }
}

impl std::error::Error for MintFault {}

/// A `jti` from the system's random source.
///
/// # Errors
/// [`KeyFault::Random`].
pub fn fresh_jti() -> Result<[u8; 16], KeyFault> {
    let mut jti = [0; 16];
    getrandom::fill(&mut jti).map_err(|_| KeyFault::Random)?;
    Ok(jti)
}

/// Signs a lease. `jti` must be 16 fresh random bytes, see [`fresh_jti`].
///
/// # Errors
/// [`MintFault`]: nothing is signed that [`super::verify()`] would refuse for its form.
pub fn mint(key: &AudienceKey, claims: &RootClaims, jti: [u8; 16]) -> Result<String, MintFault> {
    check(claims)?;
    let RootClaims { sub, sid, ih, tools, dom, risk, uses, dep, ep, iat, nbf, exp } = claims.clone();
    let root = Root {
        appr: None,
        aud: key.audience().to_owned(),
        dep,
        dom,
        ep,
        exp,
        iat,
        ih,
        jti,
        nbf,
        pop: false,
        risk,
        sid,
        sub,
        tools,
        uses,
    };
    let block = root.to_bytes();
    if block.len() > BLOCK_MAX {
        return Err(MintFault::Size);
    }
    let tag = mac::root(key.keyed(), key.kid(), &block);
    let mut blocks = text::Blocks::default();
    blocks.push(&block);
    let lease = text::join(key.kid(), &blocks, &tag);
    if lease.len() > TEXT_MAX { Err(MintFault::Size) } else { Ok(lease) }
}

fn check(claims: &RootClaims) -> Result<(), MintFault> {
    for (what, name) in [("subject", &claims.sub), ("session id", &claims.sid)] {
        if !(1..=STRING_MAX).contains(&name.len()) || name.chars().any(char::is_control) {
            return Err(MintFault::Name(what));
        }
    }
    let bad_tool =
        |name: &&String| !(1..=TOOL_NAME_MAX).contains(&name.len()) || name.chars().any(|c| c.is_control() || c.is_whitespace());
    if let Some(name) = claims.tools.iter().find(bad_tool) {
        return Err(MintFault::Tool(name.clone()));
    }
    if let Some(entry) = claims.dom.iter().find(|entry| !is_entry(entry)) {
        return Err(MintFault::Domain(entry.clone()));
    }
    for (what, list) in [("tools", &claims.tools), ("domains", &claims.dom)] {
        let twice = list.iter().enumerate().any(|(at, entry)| list[..at].contains(entry));
        if list.len() > LIST_MAX || twice {
            return Err(MintFault::List(what));
        }
    }
    let in_range = [
        ("max_risk", u64::from(claims.risk), u64::from(RISK_MAX)),
        ("uses", claims.uses, INTEGER_MAX),
        ("the number of caveats", claims.dep, CAVEATS_MAX as u64),
        ("the epoch", claims.ep, INTEGER_MAX),
        ("the expiry time", claims.exp, INTEGER_MAX),
    ];
    if let Some((what, _, _)) = in_range.iter().find(|(_, value, max)| value > max) {
        return Err(MintFault::Number(what));
    }
    if claims.exp <= claims.iat.max(claims.nbf) { Err(MintFault::Times) } else { Ok(()) }
}
