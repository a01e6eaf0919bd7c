//! The official conformance suite, in both revisions, against a gateway in front of a server of either era. What the fixture passes when it is
//! asked directly passes through the gateway, but for what `expected.toml` says and why.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod expected;
mod preserve;
mod scene;

use expected::Expected;
use scene::{Leg, run};
use std::collections::BTreeSet;

/// The last revision with a handshake, the one without, and how many scenarios each demands of a server.
const REVISIONS: [(&str, usize); 2] = [("2025-11-25", 30), ("2026-07-28", 37)];

/// The fixture itself passes everything, so that a failure behind the gateway is the gateway's.
#[test]
fn the_fixture_passes_all_that_is_demanded() {
    std::thread::scope(|scope| {
        let legs = REVISIONS.map(|(revision, count)| {
            scope.spawn(move || {
                let era = if revision == "2026-07-28" { "modern" } else { "legacy" };
                let told = run(&Leg { revision, upstream: era, is_behind: false });
                assert_eq!(told.demanded.len(), count, "{revision}");
                assert!(told.failed.is_empty(), "{revision}: {:#?}", told.failed);
            })
        });
        legs.into_iter().for_each(|leg| leg.join().unwrap());
    });
}

/// Every client era in front of every server era: exactly what is expected to fail fails.
#[test]
fn the_gateway_passes_what_the_fixture_passes_but_for_what_is_listed() {
    let expected = Expected::read();
    std::thread::scope(|scope| {
        let legs: Vec<_> = REVISIONS
            .iter()
            .flat_map(|(revision, count)| ["legacy", "modern"].map(|upstream| (*revision, *count, upstream)))
            .map(|(revision, count, upstream)| {
                let expected = &expected;
                scope.spawn(move || {
                    let told = run(&Leg { revision, upstream, is_behind: true });
                    assert_eq!(told.demanded.len(), count, "{revision}");
                    let failed: BTreeSet<String> = told.failed.keys().cloned().collect();
                    let listed = expected.of(revision, upstream);
                    let surprising: Vec<_> = told.failed.iter().filter(|(name, _)| !listed.contains(*name)).collect();
                    assert!(surprising.is_empty(), "{revision}, {upstream} upstream, fails: {surprising:#?}");
                    let stale: Vec<_> = listed.difference(&failed).collect();
                    assert!(stale.is_empty(), "{revision}, {upstream} upstream, passes what expected.toml says fails: {stale:?}");
                })
            })
            .collect();
        for leg in legs {
            leg.join().unwrap();
        }
    });
}
