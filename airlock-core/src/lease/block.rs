//! The two kinds of block, and their canonical bytes.

use super::json::{self, Field, Fields, Problem, Taker};
use super::{LeaseFault, base64url};
use crate::limits::RISK_MAX;
use std::borrow::Cow;

/// The root block: every key is mandatory but `appr`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Approvals that calls need, if any.
    pub appr: Option<Approval>,
    /// Gateway name.
    pub aud: String,
    /// How many caveats may be added.
    pub dep: u64,
    /// Hosts; see [`super::domain_covers`]. Empty = no network.
    pub dom: Vec<String>,
    /// Revocation epoch.
    pub ep: u64,
    /// Unix seconds; from then on refused.
    pub exp: u64,
    /// Unix seconds of issue.
    pub iat: u64,
    /// Intent hash.
    pub ih: [u8; 32],
    /// Random id.
    pub jti: [u8; 16],
    /// Unix seconds; before that refused.
    pub nbf: u64,
    /// Bearer form refused.
    pub pop: bool,
    /// Risk ceiling, thousandths.
    pub risk: u16,
    /// Session id.
    pub sid: String,
    /// Subject.
    pub sub: String,
    /// Exact tool names. Empty = none.
    pub tools: Vec<String>,
    /// Number of calls.
    pub uses: u64,
}

/// A caveat block: a non-empty set of narrower terms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caveat {
    /// Approvals that calls need.
    pub appr: Option<Approval>,
    /// Request digest of the one call that is allowed.
    pub call: Option<[u8; 32]>,
    /// Hosts.
    pub dom: Option<Vec<String>>,
    /// Unix seconds.
    pub exp: Option<u64>,
    /// Unix seconds.
    pub nbf: Option<u64>,
    /// Bearer form refused.
    pub pop: Option<bool>,
    /// Risk ceiling, thousandths.
    pub risk: Option<u16>,
    /// The delegate.
    pub to: Option<String>,
    /// Exact tool names.
    pub tools: Option<Vec<String>>,
    /// Number of calls.
    pub uses: Option<u64>,
}

/// `appr`: calls with risk of at least `r` need `n` signatures of different approvers, see `docs/approvals.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Names of approvers, as in the manifest.
    pub k: Vec<String>,
    /// How many distinct ones.
    pub n: u64,
    /// From this risk on, thousandths.
    pub r: u16,
    /// Time from the request for signatures to the approved call, seconds.
    pub ttl: u64,
}

const MISSING: Problem = "a mandatory key is missing";

impl Root {
    /// Reads canonical bytes.
    ///
    /// # Errors
    /// [`LeaseFault::Block`] with index 0, or [`LeaseFault::Version`].
    pub fn parse(block: &[u8]) -> Result<Self, LeaseFault> {
        let fault = |problem| LeaseFault::Block { index: 0, problem };
        let mut fields = json::read(block).map_err(fault)?;
        let version = fields.remove("v").ok_or(MISSING).and_then(Field::into_int).map_err(fault)?;
        if version != 1 {
            return Err(LeaseFault::Version);
        }
        let root = Self::from_fields(fields.take()).map_err(fault)?;
        debug_assert_eq!(root.to_bytes(), block, "the reader accepts canonical bytes only");
        Ok(root)
    }

    /// The keys in the order in which they stand.
    fn from_fields(mut f: Taker<'_>) -> Result<Self, Problem> {
        let root = Self {
            appr: approval(&mut f)?,
            aud: name(&mut f, "aud")?.ok_or(MISSING)?,
            dep: f.int("dep")?.ok_or(MISSING)?,
            dom: f.list("dom")?.ok_or(MISSING)?,
            ep: f.int("ep")?.ok_or(MISSING)?,
            exp: f.int("exp")?.ok_or(MISSING)?,
            iat: f.int("iat")?.ok_or(MISSING)?,
            ih: bytes(&mut f, "ih")?.ok_or(MISSING)?,
            jti: bytes(&mut f, "jti")?.ok_or(MISSING)?,
            nbf: f.int("nbf")?.ok_or(MISSING)?,
            pop: flag(&mut f, "pop")?.ok_or(MISSING)?,
            risk: risk(&mut f, "risk")?.ok_or(MISSING)?,
            sid: name(&mut f, "sid")?.ok_or(MISSING)?,
            sub: name(&mut f, "sub")?.ok_or(MISSING)?,
            tools: f.list("tools")?.ok_or(MISSING)?,
            uses: f.int("uses")?.ok_or(MISSING)?,
        };
        f.done()?;
        Ok(root)
    }

    /// `jti` as it stands in the block: base64url.
    #[must_use]
    pub fn jti_text(&self) -> String {
        base64url::encode(&self.jti)
    }

    /// Life of the lease as issued, seconds.
    #[must_use]
    pub const fn ttl(&self) -> u64 {
        self.exp.saturating_sub(self.iat)
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { appr, aud, dep, dom, ep, exp, iat, ih, jti, nbf, pop, risk, sid, sub, tools, uses } = self;
        let mut out = Vec::with_capacity(17);
        let mut put = |key, field| out.push((Cow::Borrowed(key), field));
        if let Some(appr) = appr {
            put("appr", approval_field(appr));
        }
        put("aud", Field::Text(aud.into()));
        put("dep", Field::Int(*dep));
        put("dom", Field::List(dom.into()));
        put("ep", Field::Int(*ep));
        put("exp", Field::Int(*exp));
        put("iat", Field::Int(*iat));
        put("ih", Field::Text(base64url::encode(ih).into()));
        put("jti", Field::Text(base64url::encode(jti).into()));
        put("nbf", Field::Int(*nbf));
        put("pop", Field::Int(u64::from(*pop)));
        put("risk", Field::Int(u64::from(*risk)));
        put("sid", Field::Text(sid.into()));
        put("sub", Field::Text(sub.into()));
        put("tools", Field::List(tools.into()));
        put("uses", Field::Int(*uses));
        put("v", Field::Int(1));
        json::write(&Fields(out))
    }
}

impl Caveat {
    /// Reads canonical bytes of caveat `index` (1 = first).
    ///
    /// # Errors
    /// [`LeaseFault::Block`].
    pub fn parse(block: &[u8], index: u8) -> Result<Self, LeaseFault> {
        let fault = |problem| LeaseFault::Block { index, problem };
        let fields = json::read(block).map_err(fault)?;
        if fields.0.is_empty() {
            return Err(fault("it is empty"));
        }
        let caveat = Self::from_fields(fields.take()).map_err(fault)?;
        debug_assert_eq!(caveat.to_bytes(), block, "the reader accepts canonical bytes only");
        Ok(caveat)
    }

    /// The keys in the order in which they stand.
    fn from_fields(mut f: Taker<'_>) -> Result<Self, Problem> {
        let caveat = Self {
            appr: approval(&mut f)?,
            call: bytes(&mut f, "call")?,
            dom: f.list("dom")?,
            exp: f.int("exp")?,
            nbf: f.int("nbf")?,
            pop: flag(&mut f, "pop")?,
            risk: risk(&mut f, "risk")?,
            to: name(&mut f, "to")?,
            tools: f.list("tools")?,
            uses: f.int("uses")?,
        };
        f.done()?;
        Ok(caveat)
    }

    /// Canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { appr, call, dom, exp, nbf, pop, risk, to, tools, uses } = self;
        let fields = [
            ("appr", appr.as_ref().map(approval_field)),
            ("call", call.as_ref().map(|rq| Field::Text(base64url::encode(rq).into()))),
            ("dom", dom.as_ref().map(|dom| Field::List(dom.into()))),
            ("exp", exp.map(Field::Int)),
            ("nbf", nbf.map(Field::Int)),
            ("pop", pop.map(|pop| Field::Int(u64::from(pop)))),
            ("risk", risk.map(|risk| Field::Int(u64::from(risk)))),
            ("to", to.as_ref().map(|to| Field::Text(to.into()))),
            ("tools", tools.as_ref().map(|tools| Field::List(tools.into()))),
            ("uses", uses.map(Field::Int)),
        ];
        json::write(&Fields(fields.into_iter().filter_map(|(key, field)| Some((key.into(), field?))).collect()))
    }
}

/// A string that names something: not empty.
fn name(f: &mut Taker<'_>, key: &str) -> Result<Option<String>, Problem> {
    match f.text(key)? {
        Some(text) if text.is_empty() => Err("a name is empty"),
        text => Ok(text.map(Cow::into_owned)),
    }
}

/// 0 or 1.
fn flag(f: &mut Taker<'_>, key: &str) -> Result<Option<bool>, Problem> {
    match f.int(key)? {
        None => Ok(None),
        Some(0) => Ok(Some(false)),
        Some(1) => Ok(Some(true)),
        Some(_) => Err("pop must be 0 or 1"),
    }
}

/// Thousandths.
fn risk(f: &mut Taker<'_>, key: &str) -> Result<Option<u16>, Problem> {
    match f.int(key)?.map(u16::try_from) {
        None => Ok(None),
        Some(Ok(risk)) if risk <= RISK_MAX => Ok(Some(risk)),
        Some(_) => Err("a risk must be 0 to 1000 thousandths"),
    }
}

/// `N` bytes in strict base64url.
fn bytes<const N: usize>(f: &mut Taker<'_>, key: &str) -> Result<Option<[u8; N]>, Problem> {
    let Some(text) = f.text(key)? else { return Ok(None) };
    let mut out = [0; N];
    if base64url::decode(&text, &mut out) { Ok(Some(out)) } else { Err("a hash or id is not the base64url of its exact length") }
}

fn approval(f: &mut Taker<'_>) -> Result<Option<Approval>, Problem> {
    let Some(mut inner) = f.object("appr")? else { return Ok(None) };
    let approval = Approval {
        k: inner.list("k")?.ok_or(MISSING)?,
        n: inner.int("n")?.ok_or(MISSING)?,
        r: risk(&mut inner, "r")?.ok_or(MISSING)?,
        ttl: inner.int("ttl")?.ok_or(MISSING)?,
    };
    inner.done()?;
    Ok(Some(approval))
}

fn approval_field(approval: &Approval) -> Field<'_> {
    let Approval { k, n, r, ttl } = approval;
    let fields =
        [("k", Field::List(k.into())), ("n", Field::Int(*n)), ("r", Field::Int(u64::from(*r))), ("ttl", Field::Int(*ttl))];
    Field::Object(Fields(fields.into_iter().map(|(key, field)| (key.into(), field)).collect()))
}
