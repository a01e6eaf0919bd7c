//! Who signs: the difference against every set of signatures.

use super::*;
use crate::ir::{Approval, Approver, Signatures};
use std::collections::BTreeSet;

/// Names and keys: `d` has the key that is elsewhere that of `a`.
const PEOPLE: [(&str, &str); 4] = [("a", "ed25519:1"), ("b", "ed25519:2"), ("c", "ed25519:3"), ("d", "ed25519:1")];
const KEYS: [&str; 4] = ["ed25519:1", "ed25519:2", "ed25519:3", "ed25519:4"];

/// A policy with one tool that asks `count` of some people; `turned` gives `b` another key.
fn signed(count: u16, of: &[usize], turned: bool, human: bool) -> Policy {
    let mut tool = tool_of("airlock_usage_stats", Builtin::AirlockUsageStats);
    let of: Vec<String> = of.iter().map(|at| PEOPLE[*at].0.to_owned()).collect();
    let count = count.min(u16::try_from(of.len()).unwrap());
    tool.signatures = (count > 0).then_some(Signatures { count, of, within: 60 });
    tool.approval = human.then_some(Approval::Human);
    let approvers = PEOPLE.iter().map(|(name, key)| Approver {
        name: (*name).into(),
        key: if turned && *name == "b" { KEYS[3] } else { *key }.into(),
        why: "x".into(),
    });
    Policy { approvers: approvers.collect(), ..policy(vec![tool], vec![grant_of("a", &["airlock_usage_stats"], &[])]) }
}

fn any_signed() -> impl Strategy<Value = Policy> {
    let of =
        prop_oneof![prop::sample::subsequence(vec![0usize, 1, 2], 0..=3), prop::sample::subsequence(vec![1usize, 2, 3], 0..=3),];
    (0u16..4, of, any::<bool>(), any::<bool>()).prop_map(|(count, of, turned, human)| signed(count, &of, turned, human))
}

/// Every set of people who may have signed.
fn sets() -> Vec<BTreeSet<String>> {
    (0u32..16).map(|bits| (0..4).filter(|at| bits & 1 << at != 0).map(|at| KEYS[at].to_owned()).collect()).collect()
}

#[test]
fn a_gain_is_told_exactly_when_some_signatures_are_now_enough() {
    runner(2_000)
        .run(&(any_signed(), any_signed()), |(old, new)| {
            let case = |signed: BTreeSet<String>| Case { signed, ..plain("a", "airlock_usage_stats") };
            let gains = sets().into_iter().map(case).any(|case| verdict(&new, &case) > verdict(&old, &case));
            let told = diff(&old, &new);
            prop_assert_eq!(told.widens(), gains, "{:?}", told.rows);
            for row in told.rows.iter().filter(|row| row.status == Status::Gained) {
                prop_assert!(row.witness.is_some() && row.old != row.new, "{:?}", row);
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn fewer_signatures_more_people_and_another_key_are_gains() {
    let old = signed(2, &[0, 1], false, false);
    for new in [
        signed(1, &[0, 1], false, false),
        signed(2, &[0, 1, 2], false, false),
        signed(2, &[0, 1], true, false),
        signed(0, &[], false, false),
    ] {
        let rows: Vec<Row> = diff(&old, &new).rows.into_iter().filter(|row| row.status == Status::Gained).collect();
        assert_eq!((rows.len(), &rows[0].dimension), (1, &Dimension::Approval), "{rows:?}");
        assert!(rows[0].old.starts_with("2 of a (ed25519:1…), b (ed25519:2…)"), "{rows:?}");
    }
    assert!(!diff(&old, &signed(2, &[1, 3], false, false)).widens(), "another name for the same key is the same person");
    assert!(!diff(&old, &signed(2, &[0, 1], false, true)).widens(), "the user as well is less");
    assert!(diff(&old, &signed(0, &[], false, true)).widens(), "the user alone is another");
}
