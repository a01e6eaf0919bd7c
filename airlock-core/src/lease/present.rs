//! The bound form: a lease shown for one call, so that what travels is worth nothing for any other call or a second time.

use super::mac::{self, Tag};
use super::request::{RequestFault, request_digest};
use super::text::{self, Proof};
use super::{LeaseFault, TEXT_MAX, verify};
use crate::call::Args;
use crate::limits::CLOCK_SKEW_S;
use base64ct::{Base64UrlUnpadded, Encoding};

/// Tool name in the digest of a presentation for `tools/list`, whose arguments are empty. No tool can have it: it has a slash.
pub const LIST: &str = "tools/list";

/// What a presentation was made with. The gateway takes each nonce of a lease node once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presentation {
    /// Unix seconds.
    pub ts: u64,
    /// 16 random bytes.
    pub nonce: [u8; 16],
}

impl Presentation {
    /// The nonce in base64url, as in the text and in the ledger.
    #[must_use]
    pub fn nonce_text(&self) -> String {
        Base64UrlUnpadded::encode_string(&self.nonce)
    }

    /// Was it made within [`CLOCK_SKEW_S`] seconds of `now`, before or after?
    ///
    /// # Errors
    /// [`LeaseFault::ProofTime`].
    pub(crate) const fn check_time(&self, now: u64) -> Result<(), LeaseFault> {
        if now.abs_diff(self.ts) > CLOCK_SKEW_S { Err(LeaseFault::ProofTime(self.ts)) } else { Ok(()) }
    }

    /// `P = HMAC(Tn, "airlock/lease/v1/use\0" ‖ be64(ts) ‖ nonce16 ‖ rq)`.
    pub(super) fn proof(&self, node: &Tag, request: &[u8; 32]) -> Tag {
        mac::presentation(node, self.ts, &self.nonce, request)
    }
}

/// Why a lease was not presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresentFault {
    /// The text is not a lease in bearer form, or its blocks are not canonical.
    Lease(LeaseFault),
    /// The call has no digest.
    Call(RequestFault),
    /// The result would be longer than a gateway accepts.
    Size,
}

impl std::fmt::Display for PresentFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Lease(fault) => fault.fmt(f),
            Self::Call(fault) => write!(f, "this call cannot be covered by a proof: {fault}"),
            Self::Size => write!(f, "the presentation would be longer than {TEXT_MAX} bytes"),
        }
    }
}

impl std::error::Error for PresentFault {}

/// Presents a lease in bearer form for one call of its own session and gateway.
///
/// # Errors
/// [`PresentFault`].
pub fn present(lease: &str, how: &Presentation, tool: &str, args: &Args) -> Result<String, PresentFault> {
    let spelled = text::cut(lease).map_err(PresentFault::Lease)?;
    let raw = spelled.decode().map_err(PresentFault::Lease)?;
    if raw.proof.is_some() {
        return Err(PresentFault::Lease(LeaseFault::Form));
    }
    let (root, _) = verify::parse(&raw.blocks).map_err(PresentFault::Lease)?;
    let request = request_digest(&root.aud, &root.sid, tool, args).map_err(PresentFault::Call)?;
    let text = text::join_bound(spelled.kid, &raw.blocks, &Proof { how: *how, mac: how.proof(&raw.tag, &request) });
    if text.len() > TEXT_MAX { Err(PresentFault::Size) } else { Ok(text) }
}

#[cfg(test)]
#[cfg(feature = "mint")]
mod tests {
    use super::super::{AudienceKey, Authority, Caveat, Expect, KeyRing, RootClaims, attenuate, mint, verify, verify_call};
    use super::*;
    use crate::clock::Micros;
    use serde_json::json;

    const NOW: u64 = 1_795_326_600;
    const HOW: Presentation = Presentation { ts: NOW, nonce: [7; 16] };

    fn lease(pop: bool) -> String {
        let key = AudienceKey::new("k1", "weather", [7; 32]).unwrap();
        let (tools, dom) = (vec!["t".into()], Vec::new());
        let (sub, sid, ih) = ("a".into(), "s1".into(), [3; 32]);
        let claims = RootClaims { sub, sid, ih, tools, dom, risk: 1, uses: 1, dep: 8, ep: 0, iat: NOW, nbf: NOW, exp: NOW + 900 };
        attenuate(&mint(&key, &claims, [1; 16]).unwrap(), &Caveat { pop: Some(pop), ..Caveat::default() }).unwrap()
    }

    fn args(n: u64) -> Args {
        json!({ "n": n }).as_object().cloned().unwrap()
    }

    /// What the gateway says at `now` to a text that comes with the call `t {"n": n}`.
    fn shown(text: &str, n: u64, now: u64) -> Result<Authority, LeaseFault> {
        let ring = KeyRing::new(vec![AudienceKey::new("k1", "weather", [7; 32]).unwrap()]).unwrap();
        let expect = Expect { aud: "weather", sid: "s1", intent: [3; 32], now: Micros(now * 1_000_000) };
        verify_call(text, &ring, &expect, || request_digest("weather", "s1", "t", &args(n)).ok())
    }

    #[test]
    fn a_presentation_is_good_for_its_call_and_its_time() {
        let text = present(&lease(true), &HOW, "t", &args(1)).unwrap();
        let authority = shown(&text, 1, NOW).unwrap();
        assert_eq!((authority.presentation(), authority.pop), (Some(&HOW), true));
        assert_eq!(shown(&text, 2, NOW).unwrap_err(), LeaseFault::Mac, "another call");
        for (now, told) in [(NOW + 30, Ok(())), (NOW + 31, Err(LeaseFault::ProofTime(NOW)))] {
            assert_eq!(shown(&text, 1, now).map(drop), told);
        }
        let early = present(&lease(true), &Presentation { ts: NOW + 31, ..HOW }, "t", &args(1)).unwrap();
        assert_eq!(shown(&early, 1, NOW).unwrap_err(), LeaseFault::ProofTime(NOW + 31));
    }

    #[test]
    fn a_bound_lease_is_refused_as_bearer_and_an_unbound_one_may_be_presented() {
        assert_eq!(shown(&lease(true), 1, NOW).unwrap_err(), LeaseFault::Possession);
        assert!(shown(&lease(false), 1, NOW).is_ok());
        assert!(shown(&present(&lease(false), &HOW, "t", &args(1)).unwrap(), 1, NOW).is_ok());
    }

    #[test]
    fn what_was_sent_is_of_no_further_use() {
        let text = present(&lease(true), &HOW, "t", &args(1)).unwrap();
        let inner = text.strip_prefix("alp1.").unwrap();
        let (rest, proof) = inner.rsplit_once('.').unwrap();
        let blocks = rest.rsplitn(3, '.').nth(2).unwrap();
        // The proof is not the MAC of the node, so it makes no bearer lease and nothing can be narrowed from it.
        assert_eq!(shown(&format!("alk1.{blocks}.{proof}"), 1, NOW).unwrap_err(), LeaseFault::Mac);
        assert!(attenuate(&text, &Caveat { uses: Some(1), ..Caveat::default() }).is_err());
        assert!(super::super::inspect::inspect(&text).is_err());
        assert!(present(&text, &HOW, "t", &args(1)).is_err());
        // Time, nonce and form are covered by it.
        for (from, to) in
            [(format!(".{NOW}."), format!(".{}.", NOW + 1)), ("BwcHBwcHBwcHBwcHBwcHBw".into(), "BwcHBwcHBwcHBwcHBwcHBg".into())]
        {
            let changed = text.replace(&from, &to);
            assert_ne!(changed, text);
            assert_eq!(shown(&changed, 1, NOW).unwrap_err(), LeaseFault::Mac);
        }
    }

    #[test]
    fn every_changed_bit_is_refused() {
        let text = present(&lease(true), &HOW, "t", &args(1)).unwrap();
        for at in 0..text.len() {
            for bit in 0..7 {
                let mut altered = text.clone().into_bytes();
                altered[at] ^= 1 << bit;
                let outward = shown(std::str::from_utf8(&altered).unwrap(), 1, NOW).map(drop).map_err(|fault| fault.outward());
                assert_eq!(outward, Err("lease_invalid"), "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn a_call_without_digest_is_covered_by_nothing() {
        let far = json!({"n": 9_007_199_254_740_993_u64}).as_object().cloned().unwrap();
        assert!(matches!(present(&lease(true), &HOW, "t", &far), Err(PresentFault::Call(RequestFault::Integer))));
        let text = present(&lease(true), &HOW, "t", &args(1)).unwrap();
        let ring = KeyRing::new(vec![AudienceKey::new("k1", "weather", [7; 32]).unwrap()]).unwrap();
        let expect = Expect { aud: "weather", sid: "s1", intent: [3; 32], now: Micros(NOW * 1_000_000) };
        assert_eq!(verify(&text, &ring, &expect).unwrap_err(), LeaseFault::Form);
    }

    #[test]
    fn times_have_one_spelling() {
        let text = present(&lease(true), &HOW, "t", &args(1)).unwrap();
        for ts in ["01795326600", "", "-1", "1.5", "99999999999999999"] {
            let changed = text.replace(&format!(".{NOW}."), &format!(".{ts}."));
            assert!(matches!(shown(&changed, 1, NOW), Err(LeaseFault::Spelling(_) | LeaseFault::Mac)), "{ts}");
        }
    }
}
