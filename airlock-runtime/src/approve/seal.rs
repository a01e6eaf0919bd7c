//! `requestState`: what a client of revision 2026-07-28 brings back with the user's answer.
//!
//! ```text
//! state = "alq1." kid "." base64url( id16 ‖ be64(exp) ‖ be64(flows) ‖ MAC )
//! MAC   = HMAC-SHA256(Ka, "airlock/question/v1\0" ‖ id16 ‖ be64(exp) ‖ be64(flows) ‖ field*)       field = be64(length) ‖ bytes
//! fields: gateway, policy digest, log key of the ledger, lease id, session, tool, request digest
//! ```
//! Only the id of the question, its expiry and the flows that it named (bit n: flow n of the policy) travel. Everything else is taken from the call that brings the state, so a state that was
//! given for another call, lease, session, policy, ledger or gateway has a wrong MAC, and there is nothing to parse before it is checked.
//! The key is the gateway's audience key: a state outlives a restart, and any process of the gateway may get the answer. That it is
//! answered once is the ledger's to say, which has the question under its id.
//!
//! What an upstream asks has a state of the same form, `alu1.`, with another label in its MAC. Its call waits in this process, so it answers
//! nothing after a restart.

use super::{Flows, StateFault};
use crate::lease::{AudienceKey, KeyRing};
use base64ct::{Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Whose question a state belongs to. The kinds have nothing in common but their form: neither MAC is one of the other kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Ours: may the call be made?
    Approval,
    /// An upstream's, which it asks while the call runs.
    #[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams ask"))]
    Upstream,
}

impl Kind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Approval => "alq1",
            Self::Upstream => crate::wire::question::STATE_PREFIX,
        }
    }

    const fn label(self) -> &'static [u8] {
        match self {
            Self::Approval => b"airlock/question/v1\0",
            Self::Upstream => b"airlock/upstream-question/v1\0",
        }
    }
}

/// Bytes of a prefix, of either kind.
const PREFIX: usize = 4;
/// Id, expiry, flows.
const HEAD: usize = 16 + 8 + 8;
/// And the MAC.
const BYTES: usize = HEAD + 32;
/// Longest state: prefix, key id of 16, base64url.
const TEXT_MAX: usize = PREFIX + 1 + 16 + 1 + BYTES.div_ceil(3) * 4;

/// A question, as its state names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// Random.
    pub(crate) id: [u8; 16],
    /// When an answer is too late, unix seconds.
    pub(crate) exp: u64,
    /// Flows that the user is asked about.
    pub(crate) flows: Flows,
}

/// What a state is good for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound<'a> {
    pub(crate) gateway: &'a str,
    pub(crate) policy: &'a [u8; 32],
    /// Public key of the ledger that has the question.
    pub(crate) log: &'a [u8; 32],
    /// Public id of the lease as presented; `none` for a call that needs none.
    pub(crate) rid: &'a str,
    pub(crate) sid: &'a str,
    pub(crate) tool: &'a str,
    /// Digest of tool and arguments in their session.
    pub(crate) request: &'a [u8; 32],
}

/// The state of a question.
pub(crate) fn seal(kind: Kind, key: &AudienceKey, bound: &Bound<'_>, ticket: Ticket) -> Option<String> {
    let mut bytes = [0; BYTES];
    bytes[..HEAD].copy_from_slice(&head(ticket));
    bytes[HEAD..].copy_from_slice(&mac(kind, key, bound, ticket)?.finalize().into_bytes());
    Some(format!("{}.{}.{}", kind.prefix(), key.kid(), Base64UrlUnpadded::encode_string(&bytes)))
}

/// The question that a state answers, if it was given for exactly this.
pub(crate) fn open(kind: Kind, text: &str, keys: &KeyRing, bound: &Bound<'_>) -> Result<Ticket, StateFault> {
    if text.len() > TEXT_MAX {
        return Err(StateFault::Form);
    }
    let mut parts = text.split('.');
    let (Some(prefix), Some(kid), Some(body), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(StateFault::Form);
    };
    if prefix != kind.prefix() {
        return Err(StateFault::Form);
    }
    let mut bytes = [0; BYTES];
    if !Base64UrlUnpadded::decode(body, &mut bytes).is_ok_and(|read| read.len() == BYTES) {
        return Err(StateFault::Form);
    }
    let (mut id, mut exp, mut flows) = ([0; 16], [0; 8], [0; 8]);
    id.copy_from_slice(&bytes[..16]);
    exp.copy_from_slice(&bytes[16..24]);
    flows.copy_from_slice(&bytes[24..HEAD]);
    let ticket = Ticket { id, exp: u64::from_be_bytes(exp), flows: Flows(u64::from_be_bytes(flows)) };
    let key = keys.find(kid).ok_or(StateFault::UnknownKey)?;
    let mac = mac(kind, key, bound, ticket).ok_or(StateFault::Mac)?;
    mac.verify_slice(&bytes[HEAD..]).map_err(|_| StateFault::Mac)?;
    Ok(ticket)
}

fn head(ticket: Ticket) -> [u8; HEAD] {
    let Ticket { id, exp, flows: Flows(flows) } = ticket;
    let mut head = [0; HEAD];
    head[..16].copy_from_slice(&id);
    head[16..24].copy_from_slice(&exp.to_be_bytes());
    head[24..].copy_from_slice(&flows.to_be_bytes());
    head
}

/// `None` never comes: HMAC takes keys of any length.
fn mac(kind: Kind, key: &AudienceKey, bound: &Bound<'_>, ticket: Ticket) -> Option<Hmac<Sha256>> {
    let Bound { gateway, policy, log, rid, sid, tool, request } = bound;
    let mut mac = Hmac::<Sha256>::new_from_slice(key.bytes()).ok()?;
    mac.update(kind.label());
    mac.update(&head(ticket));
    for field in [gateway.as_bytes(), *policy, *log, rid.as_bytes(), sid.as_bytes(), tool.as_bytes(), *request] {
        mac.update(&(field.len() as u64).to_be_bytes());
        mac.update(field);
    }
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TICKET: Ticket = Ticket { id: [7; 16], exp: 1_795_326_600, flows: Flows(5) };

    fn ring(byte: u8) -> KeyRing {
        let key = |kid: &str, byte| AudienceKey::new(kid, "weather", [byte; 32]).unwrap();
        KeyRing::new(vec![key("k1", byte), key("k2", byte + 1)]).unwrap()
    }

    fn bound() -> Bound<'static> {
        Bound {
            gateway: "weather",
            policy: &[1; 32],
            log: &[2; 32],
            rid: "00ff",
            sid: "s",
            tool: "open_ticket",
            request: &[3; 32],
        }
    }

    fn sealed() -> String {
        seal(Kind::Approval, &ring(9).keys()[0], &bound(), TICKET).unwrap()
    }

    #[test]
    fn a_state_comes_back_to_the_same_call_under_the_same_key() {
        let text = sealed();
        assert!(text.len() <= TEXT_MAX, "{text}");
        assert_eq!(open(Kind::Approval, &text, &ring(9), &bound()), Ok(TICKET));
        assert_eq!(open(Kind::Approval, &text, &ring(8), &bound()), Err(StateFault::Mac), "another process with another key");
        let other = KeyRing::new(vec![AudienceKey::new("k3", "weather", [9; 32]).unwrap()]).unwrap();
        assert_eq!(open(Kind::Approval, &text, &other, &bound()), Err(StateFault::UnknownKey));
        assert_eq!(open(Kind::Approval, &text.replace("k1", "k2"), &ring(9), &bound()), Err(StateFault::Mac));
        let second = seal(Kind::Approval, &ring(9).keys()[1], &bound(), TICKET).unwrap();
        assert_eq!(open(Kind::Approval, &second, &ring(9), &bound()), Ok(TICKET), "any key of the ring, by its id");
    }

    #[test]
    fn a_state_of_one_kind_is_none_of_the_other() {
        let theirs = seal(Kind::Upstream, &ring(9).keys()[0], &bound(), TICKET).unwrap();
        assert_eq!(open(Kind::Upstream, &theirs, &ring(9), &bound()), Ok(TICKET));
        assert_eq!(open(Kind::Approval, &theirs, &ring(9), &bound()), Err(StateFault::Form));
        assert_eq!(open(Kind::Upstream, &sealed(), &ring(9), &bound()), Err(StateFault::Form));
        for (text, kind) in [(theirs.replace("alu1", "alq1"), Kind::Approval), (sealed().replace("alq1", "alu1"), Kind::Upstream)]
        {
            assert_eq!(open(kind, &text, &ring(9), &bound()), Err(StateFault::Mac));
        }
    }

    #[test]
    fn every_field_is_bound() {
        let b = bound();
        let others = [
            Bound { gateway: "weather2", ..b },
            Bound { policy: &[9; 32], ..b },
            Bound { log: &[9; 32], ..b },
            Bound { rid: "none", ..b },
            Bound { sid: "s2", ..b },
            Bound { tool: "close_ticket", ..b },
            Bound { request: &[9; 32], ..b },
            Bound { rid: "00f", sid: "fs", ..b },
        ];
        for other in others {
            assert_eq!(open(Kind::Approval, &sealed(), &ring(9), &other), Err(StateFault::Mac), "{other:?}");
        }
        let moved = seal(Kind::Approval, &ring(9).keys()[0], &b, Ticket { exp: TICKET.exp + 1, ..TICKET }).unwrap();
        assert_ne!(moved[60..], sealed()[60..], "the expiry is bound");
        let wider = seal(Kind::Approval, &ring(9).keys()[0], &b, Ticket { flows: Flows(7), ..TICKET }).unwrap();
        assert_ne!(wider[60..], sealed()[60..], "the flows are bound");
    }

    #[test]
    fn no_flipped_bit_and_no_cut_is_accepted() {
        let (text, keys) = (sealed(), ring(9));
        for at in 0..text.len() {
            assert!(open(Kind::Approval, &text[..at], &keys, &bound()).is_err(), "cut at {at}");
            for bit in 0..7 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let altered = String::from_utf8(bytes).unwrap();
                assert!(open(Kind::Approval, &altered, &keys, &bound()).is_err(), "bit {bit} of byte {at}");
            }
        }
        for more in ["=", "A", ".", " ", "\n"] {
            assert_eq!(open(Kind::Approval, &format!("{text}{more}"), &keys, &bound()), Err(StateFault::Form));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused(text in ".{0,120}", body in proptest::collection::vec(any::<u8>(), BYTES)) {
            prop_assert!(open(Kind::Approval, &text, &ring(9), &bound()).is_err());
            let forged = format!("alq1.k1.{}", Base64UrlUnpadded::encode_string(&body));
            prop_assert_eq!(open(Kind::Approval, &forged, &ring(9), &bound()), Err(StateFault::Mac));
        }
    }
}
