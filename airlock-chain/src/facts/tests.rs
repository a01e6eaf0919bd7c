//! Facts from lines, and conditions over them.

use super::*;

/// A moment, unix seconds.
const T: u64 = 1_795_326_600;

fn absorb_at(facts: &mut Facts, at: u64, body: &str) {
    let line = super::super::line::build(0, &[0; 32], Micros(at * 1_000_000), body.as_bytes());
    facts.absorb(&super::super::line::parse(&line).unwrap());
}

fn absorb(facts: &mut Facts, body: &str) {
    absorb_at(facts, T, body);
}

/// Tests one condition at `now`, with the newest entry as old as `newest`.
fn check(facts: &mut Facts, requirement: Require, now: u64, newest: u64) -> Result<(), Unmet> {
    facts.check(&[requirement], Micros(now * 1_000_000), Micros(newest * 1_000_000))
}

fn unspent(rid: &str, uses: u64) -> Require {
    Require::Unspent { rid: rid.into(), uses }
}

fn intent(sid: &str, ih: &str) -> Require {
    Require::Intent { sid: sid.into(), ih: ih.into() }
}

#[test]
fn the_first_issue_pins_and_allows_are_counted() {
    let mut facts = Facts::default();
    absorb(&mut facts, r#""t":"issue","sid":"s","ih":"aa"}"#);
    absorb(&mut facts, r#""t":"issue","sid":"s","ih":"bb"}"#);
    absorb(&mut facts, r#""t":"decision","d":"allow","rid":["r","q"]}"#);
    absorb(&mut facts, r#""t":"decision","d":"deny","rid":["r"]}"#);
    assert_eq!(facts.pinned_intent("s", T), Some("aa"));
    assert_eq!((facts.spent("r"), facts.spent("q"), facts.spent("other")), (1, 1, 0));
    assert_eq!(check(&mut facts, unspent("r", 2), T, T), Ok(()));
    assert_eq!(check(&mut facts, unspent("r", 1), T, T), Err(Unmet::Spent("r".into())));
    assert_eq!(check(&mut facts, intent("s", "aa"), T, T), Ok(()));
    assert_eq!(check(&mut facts, intent("s", "bb"), T, T), Err(Unmet::Intent("s".into())));
}

#[test]
fn only_nodes_with_a_budget_are_counted() {
    let mut facts = Facts::default();
    absorb(&mut facts, &format!(r#""t":"decision","d":"allow","rid":["r","q","p"],"exp":{},"spends":[0,2]}}"#, T + 60));
    assert_eq!((facts.spent("r"), facts.spent("q"), facts.spent("p")), (1, 0, 1));
    assert_eq!(facts.spent["r"].below, 1);
}

#[test]
fn lines_that_are_not_ours_state_nothing() {
    let mut facts = Facts::default();
    absorb(&mut facts, r#""t":"decision","d":"allow",}"#);
    absorb(&mut facts, r#""t":"issue","sid":5,"ih":"aa"}"#);
    assert!(facts.pins.is_empty() && facts.spent.is_empty());
}

#[test]
fn a_pin_lasts_as_long_as_the_newest_lease_of_its_session() {
    let mut facts = Facts::default();
    let issue = |ih: &str, exp: u64| format!(r#""t":"issue","sid":"s","sub":"a","ih":"{ih}","exp":{exp}}}"#);
    absorb(&mut facts, &issue("aa", T + 60));
    absorb_at(&mut facts, T + 50, &issue("aa", T + 110));
    let over = T + 110 + KEEP_S;
    assert_eq!(check(&mut facts, intent("s", "bb"), over - 1, T + 50), Err(Unmet::Intent("s".into())));
    assert_eq!(check(&mut facts, intent("s", "bb"), over, T + 50), Ok(()));
    absorb_at(&mut facts, over, &issue("bb", over + 60));
    assert_eq!(facts.pinned_intent("s", over), Some("bb"));
}

#[test]
fn a_subject_has_so_many_open_leases_and_no_more() {
    let mut facts = Facts::default();
    for n in 0..3 {
        absorb(&mut facts, &format!(r#""t":"issue","sid":"{n}","sub":"a","ih":"aa","exp":{}}}"#, T + 60 + n));
    }
    let open = |sub: &str| Require::OpenLeases { sub: sub.into(), sid: "x".into(), most: 3, in_session: 9, in_hour: 9 };
    assert_eq!(check(&mut facts, open("a"), T + 59, T), Err(Unmet::OpenLeases("a".into())));
    assert_eq!(check(&mut facts, open("b"), T + 59, T), Ok(()), "another subject is not held back");
    assert_eq!(check(&mut facts, open("a"), T + 60, T), Ok(()));
}

#[test]
fn a_subject_is_issued_so_many_leases_in_an_hour_and_in_a_session() {
    let mut facts = Facts::default();
    for (n, sid) in ["s", "s", "t"].iter().enumerate() {
        // Leases of a minute: none of them is open any more when the limits of the hour are asked for.
        let at = T + u64::try_from(n).unwrap() * 100;
        absorb_at(&mut facts, at, &format!(r#""t":"issue","sid":"{sid}","sub":"a","ih":"aa","exp":{}}}"#, at + 60));
    }
    let room =
        |sid: &str, in_session, in_hour| Require::OpenLeases { sub: "a".into(), sid: sid.into(), most: 1, in_session, in_hour };
    let full = Err(Unmet::OpenLeases("a".into()));
    assert_eq!(check(&mut facts, room("s", 2, 9), T + 1000, T + 1000), full);
    assert_eq!(check(&mut facts, room("t", 2, 9), T + 1000, T + 1000), Ok(()));
    assert_eq!(check(&mut facts, room("t", 2, 3), T + 1000, T + 1000), full);
    assert_eq!(check(&mut facts, room("t", 2, 3), T + HOUR_S, T + HOUR_S), Ok(()), "an hour after the first");
    assert_eq!(check(&mut facts, room("s", 1, 9), T + HOUR_S + 99, T + 1000), full);
}

#[test]
fn a_clock_behind_the_newest_entry_is_refused() {
    let mut facts = Facts::default();
    assert_eq!(check(&mut facts, Require::Clock, T - CLOCK_ROLLBACK_S, T), Ok(()));
    assert_eq!(check(&mut facts, Require::Clock, T - CLOCK_ROLLBACK_S - 1, T), Err(Unmet::Clock));
}

#[test]
fn a_lease_that_expired_while_its_entry_waited_is_refused() {
    let mut facts = Facts::default();
    assert_eq!(check(&mut facts, Require::Unexpired(T + 1), T, T), Ok(()));
    assert_eq!(check(&mut facts, Require::Unexpired(T), T, T), Err(Unmet::Expired(T)));
    assert_eq!(check(&mut facts, Require::Unexpired(T), T - 3, T), Err(Unmet::Expired(T)), "by the ledger's time too");
}

/// A full table: half of it is over at `T + 60 + KEEP_S`, the rest later.
fn full() -> Facts {
    let mut facts = Facts::default();
    for n in 0..FACTS_MAX {
        let until = T + 60 + KEEP_S + (n as u64 % 2) * 600;
        facts.spent.insert(n.to_string(), Spent { count: 1, until, below: 0 });
        facts.pins.insert(n.to_string(), Pin { ih: "aa".into(), until });
    }
    facts
}

#[test]
fn a_flood_is_refused_and_ends_with_its_leases() {
    let over = T + 60 + KEEP_S;
    let mut facts = full();
    assert_eq!(check(&mut facts, unspent("new", 1), over - 1, over - 1), Err(Unmet::Full));
    assert_eq!(check(&mut facts, intent("new", "bb"), over - 1, over - 1), Err(Unmet::Full));
    assert_eq!(check(&mut facts, unspent("7", 2), over - 1, over - 1), Ok(()), "who is known goes on");
    assert_eq!(check(&mut facts, intent("7", "aa"), over - 1, over - 1), Ok(()));
    assert_eq!(facts.check(&[], Micros(0), Micros(0)), Ok(()), "a denial is always recorded");
    assert_eq!(check(&mut facts, unspent("new", 1), over, over), Ok(()));
    assert_eq!(check(&mut facts, intent("new", "bb"), over, over), Ok(()));
    assert_eq!((facts.spent.len(), facts.pins.len()), (FACTS_MAX / 2, FACTS_MAX / 2));
}

/// Else the counters would be gone when the clock is set right, and the leases valid again.
#[test]
fn a_clock_that_jumps_ahead_forgets_nothing() {
    let mut facts = full();
    assert_eq!(check(&mut facts, unspent("new", 1), T + 9_999, T), Err(Unmet::Full));
    assert_eq!((facts.spent("0"), facts.spent("1")), (1, 1));
}

/// A caveat may end its lease early; the root, and with it the budget, lives on.
#[test]
fn a_counter_stays_while_its_root_may_be_valid() {
    let mut facts = full();
    absorb(&mut facts, &format!(r#""t":"decision","d":"allow","rid":["root","leaf"],"exp":{},"spends":[0]}}"#, T + 900));
    for at in [T + 60 + KEEP_S, T + 900 + KEEP_S - 1] {
        facts.forget(at);
        facts.forgot = 0;
        assert_eq!(check(&mut facts, unspent("root", 1), at, at), Err(Unmet::Spent("root".into())));
    }
}

#[test]
fn one_root_has_so_many_counters_and_no_more() {
    let mut facts = Facts::default();
    let chain = |n: usize| [unspent("root", 1000), unspent(&n.to_string(), 1)];
    for n in 0..NODES_MAX {
        assert_eq!(facts.check(&chain(n), Micros(0), Micros(0)), Ok(()));
        absorb(&mut facts, &format!(r#""t":"decision","d":"allow","rid":["root","{n}"],"exp":{},"spends":[0,1]}}"#, T + 60));
    }
    assert_eq!(facts.check(&chain(NODES_MAX), Micros(0), Micros(0)), Err(Unmet::Narrowed("root".into())));
    assert_eq!(check(&mut facts, unspent("root", 1000), 0, 0), Ok(()), "the root itself goes on");
}
