//! Properties of minted leases: narrowing never widens, one changed character is refused, no text makes the verifier panic.

use super::*;
use crate::clock::Micros;
use proptest::prelude::*;

const NOW: u64 = 1_795_326_600;

fn key() -> AudienceKey {
    AudienceKey::new("k1", "weather", [7; 32]).unwrap()
}

fn check(lease: &str) -> Result<Authority, LeaseFault> {
    let ring = KeyRing::new(vec![key()]).unwrap();
    verify(lease, &ring, &Expect { aud: "weather", sid: "s1", intent: [3; 32], now: Micros(NOW * 1_000_000) })
}

fn minted() -> String {
    let claims = RootClaims {
        sub: "agent:planner".into(),
        sid: "s1".into(),
        ih: [3; 32],
        tools: vec!["a".into(), "b".into(), "c".into()],
        dom: vec!["*.x.com".into(), "y.com".into()],
        risk: 600,
        uses: 100,
        dep: 8,
        ep: 0,
        iat: NOW,
        nbf: NOW,
        exp: NOW + 900,
    };
    mint(&key(), &claims, [1; 16]).unwrap()
}

fn some<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
    prop::option::weighted(0.4, strategy)
}

fn caveat() -> impl Strategy<Value = Caveat> {
    let hosts = prop::sample::subsequence(vec!["*", "*.x.com", "a.x.com", "b.x.com", "y.com", "z.com"], 0..6);
    let tools = prop::sample::subsequence(vec!["a", "b", "c", "d"], 0..4);
    let owned = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect::<Vec<_>>();
    (
        some(hosts.prop_map(owned)),
        some(tools.prop_map(owned)),
        some(NOW - 10..NOW + 2000),
        some(NOW - 2000..NOW + 60),
        some(0u16..=1000),
        some(0u64..200),
        some("[a-z]{1,8}"),
        some(prop::array::uniform32(0u8..2)),
        prop::option::weighted(0.05, any::<bool>()),
    )
        .prop_map(|(dom, tools, exp, nbf, risk, uses, to, call, pop)| Caveat {
            appr: None,
            call,
            dom,
            exp,
            nbf,
            pop,
            risk,
            // A caveat may not be empty.
            to: to.or(Some("x".into())),
            tools,
            uses,
        })
}

/// Everything that `child` allows, `parent` allows, and what counts calls counts them for both.
fn within(child: &Terms, parent: &Terms) -> bool {
    let hosts = ["a.x.com", "b.x.com", "c.x.com", "x.com", "y.com", "z.com", "a.y.com", "*"];
    child.tools().iter().all(|tool| parent.permits_tool(tool))
        && hosts.iter().all(|host| !child.permits_host(host) || parent.permits_host(host))
        && child.exp <= parent.exp
        && child.nbf >= parent.nbf
        && child.risk <= parent.risk
        && child.uses.starts_with(&parent.uses)
        && child.rid.starts_with(&parent.rid)
        && child.to.starts_with(&parent.to)
        && child.calls.starts_with(&parent.calls)
        && child.root == parent.root
        && (child.pop || !parent.pop)
}

fn folded(lease: &str) -> Terms {
    verify::authenticate(lease, &KeyRing::new(vec![key()]).unwrap(), || None).unwrap().fold().unwrap()
}

proptest! {
    #[test]
    fn narrowing_never_widens(caveats in prop::collection::vec(caveat(), 1..=8)) {
        let mut lease = minted();
        let mut refused = check(&lease).is_err();
        prop_assert!(!refused);
        for caveat in &caveats {
            let child = attenuate(&lease, caveat).unwrap();
            prop_assert!(within(&folded(&child), &folded(&lease)), "{caveat:?}");
            // Once refused, always refused.
            let now_refused = check(&child).is_err();
            prop_assert!(now_refused || !refused, "{caveat:?}");
            (lease, refused) = (child, now_refused);
        }
        // Each caveat is enforced, not only carried.
        let terms = folded(&lease);
        for caveat in &caveats {
            prop_assert!(caveat.tools.iter().all(|tools| terms.tools().iter().all(|tool| tools.iter().any(|name| name == tool))));
            prop_assert!(caveat.risk.is_none_or(|risk| terms.risk <= risk));
            prop_assert!(caveat.exp.is_none_or(|exp| terms.exp <= exp));
            prop_assert!(caveat.nbf.is_none_or(|nbf| terms.nbf >= nbf));
            prop_assert!(caveat.uses.is_none_or(|uses| terms.uses.iter().any(|(_, most)| *most == uses)));
            prop_assert!(caveat.pop != Some(true) || check(&lease).is_err());
            if let Some(call) = &caveat.call {
                prop_assert!(!terms.permits_call(&[9; 32]));
                prop_assert_eq!(terms.permits_call(call), caveats.iter().filter_map(|c| c.call.as_ref()).all(|c| c == call));
            }
            if let Some(dom) = &caveat.dom {
                for host in ["a.x.com", "c.x.com", "y.com"] {
                    prop_assert!(!terms.permits_host(host) || dom.iter().any(|entry| domain_covers(entry, host)));
                }
            }
        }
    }

    #[test]
    fn one_changed_byte_is_refused(caveats in prop::collection::vec(caveat(), 0..3), at in any::<prop::sample::Index>(), byte in 0u8..128) {
        let lease = caveats.iter().fold(minted(), |lease, caveat| attenuate(&lease, caveat).unwrap());
        let mut altered = lease.clone().into_bytes();
        let at = at.index(altered.len());
        altered[at] = byte;
        let altered = String::from_utf8(altered).unwrap();
        if altered != lease {
            let outward = check(&altered).map_err(|fault| fault.outward());
            prop_assert!(matches!(outward, Err("lease_invalid" | "lease_form")), "{outward:?}");
        }
    }

    #[test]
    fn no_text_panics(text in "(al[kp]1\\.)?(k1\\.)?[A-Za-z0-9_.-]{0,200}|\\PC{0,60}") {
        prop_assert!(check(&text).is_err());
        let _ = inspect::inspect(&text);
        let _ = attenuate(&text, &Caveat { uses: Some(1), ..Caveat::default() });
    }
}

#[test]
fn every_single_character_matters() {
    let lease = attenuate(&minted(), &Caveat { uses: Some(3), ..Caveat::default() }).unwrap();
    assert!(check(&lease).is_ok());
    for at in 0..lease.len() {
        for bit in 0..7 {
            let mut altered = lease.clone().into_bytes();
            altered[at] ^= 1 << bit;
            let altered = String::from_utf8(altered).unwrap();
            assert!(check(&altered).is_err(), "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn a_key_with_dates_accepts_what_it_signed_in_them() {
    let lease = minted();
    let check_with = |term| {
        let ring = KeyRing::new(vec![key().with_term(term)]).unwrap();
        verify(&lease, &ring, &Expect { aud: "weather", sid: "s1", intent: [3; 32], now: Micros(NOW * 1_000_000) }).map(|_| ())
    };
    let term = Term { sign_from: NOW - 100, sign_until: NOW + 100, verify_until: NOW + 1000 };
    assert_eq!(check_with(term), Ok(()));
    assert_eq!(check_with(Term { sign_from: NOW + 31, ..term }), Err(LeaseFault::KeyDates));
    assert_eq!(check_with(Term { sign_until: NOW - 30, ..term }), Err(LeaseFault::KeyDates));
    assert_eq!(check_with(Term { sign_until: NOW - 50, verify_until: NOW, ..term }), Err(LeaseFault::KeyRetired));
}

#[test]
fn the_issuer_bounds_the_depth() {
    let caveat = Caveat { uses: Some(1), ..Caveat::default() };
    let eight = (0..8).fold(minted(), |lease, _| attenuate(&lease, &caveat).unwrap());
    assert_eq!(attenuate(&eight, &caveat), Err(AttenuateFault::Depth));
    assert!(matches!(attenuate(&minted(), &Caveat::default()), Err(AttenuateFault::Caveat(_))));
}

#[test]
fn mint_refuses_what_verify_would_refuse() {
    let good = || RootClaims {
        sub: "a".into(),
        sid: "s".into(),
        ih: [0; 32],
        tools: vec![],
        dom: vec![],
        risk: 0,
        uses: 1,
        dep: 0,
        ep: 0,
        iat: 1,
        nbf: 1,
        exp: 2,
    };
    let refusal = |edit: fn(&mut RootClaims)| {
        let mut claims = good();
        edit(&mut claims);
        mint(&key(), &claims, [0; 16]).unwrap_err()
    };
    assert!(mint(&key(), &good(), [0; 16]).is_ok());
    assert_eq!(refusal(|c| c.sub.clear()), MintFault::Name("subject"));
    assert_eq!(refusal(|c| c.sid = "a\u{1b}[2J".into()), MintFault::Name("session id"));
    assert_eq!(refusal(|c| c.tools = vec!["a b".into()]), MintFault::Tool("a b".into()));
    assert_eq!(refusal(|c| c.dom = vec!["API.x.com".into()]), MintFault::Domain("API.x.com".into()));
    assert_eq!(refusal(|c| c.dom = vec!["https://x.com".into()]), MintFault::Domain("https://x.com".into()));
    assert_eq!(refusal(|c| c.tools = vec!["a".into(), "a".into()]), MintFault::List("tools"));
    assert_eq!(refusal(|c| c.dom = (0..33).map(|n| format!("h{n}")).collect()), MintFault::List("domains"));
    assert_eq!(refusal(|c| c.risk = 1001), MintFault::Number("max_risk"));
    assert_eq!(refusal(|c| c.uses = 1 << 53), MintFault::Number("uses"));
    assert_eq!(refusal(|c| c.dep = 9), MintFault::Number("the number of caveats"));
    assert_eq!(refusal(|c| c.exp = 1), MintFault::Times);
    assert_eq!(refusal(|c| c.dom = (0..32).map(|n| format!("{n}{}.com", "x".repeat(60))).collect()), MintFault::Size);
}
