//! Witnesses of random pairs of policies: the gateway decides each as the comparison says.

use super::check::{self, Proof};
use crate::judge::Judge;
use airlock_policy::authority::{self, Status, Verdict};
use airlock_policy::{Compiled, definitions, digest, ir};
use ir::Policy;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::Cell;

#[path = "../../../../airlock-policy/src/authority/tests/worlds/mod.rs"]
mod worlds;

/// Pairs of policies of each world: some seconds. `PROPTEST_CASES` sets another number.
const PAIRS: u32 = 250;

/// Every witness of a pair is run and judged as the comparison says, under both policies. Gives how many said so in full, and how many
/// were not run.
fn agrees(old: &Policy, new: &Policy) -> Result<(usize, usize), TestCaseError> {
    let judges = [old, new].map(|policy| Judge::of_policy(policy, [0; 32]).unwrap());
    let difference = authority::diff(old, new);
    let runs = check::all(&judges[0], &judges[1], &difference);
    let (mut full, mut not) = (0, 0);
    for (row, run) in difference.rows.iter().zip(&runs) {
        let Some(run) = run else { continue };
        match &run.proof {
            Proof::Both(_) => full += 1,
            Proof::NotRun(_) => not += 1,
            Proof::Partly(said, _) => {
                // Who lets it through does so.
                let freer = usize::from(row.status == Status::Gained);
                prop_assert_eq!(row.verdicts.map(|told| told[freer]), Some(said[freer]), "{:?}", row);
            }
            Proof::Contradiction(_) => prop_assert!(false, "{}\n{:#?}\n{:#?}\n{:#?}", check::line(run), row, old, new),
        }
    }
    Ok((full, not))
}

/// Runs the property over pairs of a world, of whose witnesses at most one in so many may stay unrun.
fn holds(pairs: impl Strategy<Value = (Policy, Policy)> + 'static, unrun: usize) {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(PAIRS);
    let config = ProptestConfig { failure_persistence: None, max_shrink_iters: 300, ..ProptestConfig::with_cases(cases) };
    let (full, not) = (Cell::new(0), Cell::new(0));
    let result = TestRunner::new(config).run(&pairs, |(old, new)| {
        let (more, fewer) = agrees(&old, &new)?;
        full.set(full.get() + more);
        not.set(not.get() + fewer);
        Ok(())
    });
    result.unwrap();
    assert!(full.get() > 0 && not.get() * unrun <= full.get(), "{} were run in full, {} were not", full.get(), not.get());
}

#[test]
fn the_gateway_agrees_about_leases() {
    holds(worlds::pair(worlds::shared(worlds::leases::world())), 20);
}

#[test]
fn the_gateway_agrees_about_hosts_and_urls() {
    holds(worlds::pair(worlds::shared(worlds::network::world())), 20);
}

#[test]
fn the_gateway_agrees_about_sessions() {
    holds(worlds::pair(worlds::shared(worlds::sessions::world())), 20);
}

#[test]
fn the_gateway_agrees_about_where_values_come_from() {
    // The rules speak of two arguments, so the tool is one that has them.
    let world = worlds::origins::world().prop_map(|mut policy| {
        let input = |name: &str| worlds::rest::input(name, ir::InputKind::String, false);
        let tool = worlds::rest::rest_tool("airlock_audit_tail", worlds::rest::rest_of(vec![input("limit"), input("other")]));
        let ir::Tool { origins, trusted, result, approval, .. } = policy.tools[0].clone();
        policy.tools[0] = ir::Tool { origins, trusted, result, approval, ..tool };
        policy.grants[0].domains = vec!["p.x.com".to_owned()];
        policy
    });
    holds(worlds::pair(worlds::shared(world)), 20);
}

#[test]
fn the_gateway_agrees_about_declarative_tools() {
    holds(worlds::rest::changed(), 20);
}

#[test]
fn the_gateway_agrees_about_tools_of_upstreams() {
    holds(worlds::foreign::changed(), 20);
}

fn compiled(text: &str) -> Compiled {
    let checked = airlock_policy::compile(text, "airlock.toml");
    let report = checked.render(false);
    checked.into_compiled().unwrap_or_else(|| panic!("{report}"))
}

/// The first gained row of a dimension, with a run against the policies in this order.
fn run(old: &Compiled, new: &Compiled, change: impl Fn(&mut authority::Row)) -> check::Checked {
    let mut difference = authority::diff(old.policy(), new.policy());
    difference.rows.retain(|row| row.status == Status::Gained);
    difference.rows.truncate(1);
    difference.rows.iter_mut().for_each(change);
    check::all(&Judge::of(old).unwrap(), &Judge::of(new).unwrap(), &difference).remove(0).unwrap()
}

#[test]
fn a_witness_that_is_judged_otherwise_is_a_contradiction_and_shown() {
    let weather = include_str!("../../../../examples/weather/airlock.toml");
    let (old, new) = (compiled(weather), compiled(&weather.replace("max_ttl = \"15m\"", "max_ttl = \"20m\"")));
    let right = run(&old, &new, |_| {});
    assert_eq!(check::line(&right), "checked by running both");
    // What the comparison would say if it took the new policy for the old one, as far as the rows go.
    let swapped = check::contradicted([(Verdict::Allow, Verdict::Deny), (Verdict::Allow, Verdict::Allow)]);
    assert_eq!(check::contradictions(&[Some(right), Some(swapped.clone()), None]), 1);
    assert_eq!(
        check::line(&swapped),
        "CONTRADICTION: run, and by the old policy denied, expected allowed (code: why); by the new allowed as expected"
    );
    assert_eq!(check::json(&swapped)["run"], "contradiction");
}

/// A policy with one tool of an upstream, of this input schema, whose `text` has so many characters at most.
fn foreign(schema: &serde_json::Value, most: u64) -> Policy {
    let definition = serde_json::json!({"name": "t", "description": "d", "inputSchema": schema}).to_string();
    let definition = definitions::Definition::of(&definition).unwrap();
    let mut proxied = worlds::foreign::proxied(0, 1000, ir::OnRisk::Deny, 1);
    proxied.pin = digest::hex(definition.digest());
    proxied.arguments = definitions::schema::arguments(definition.value());
    proxied.definition = definition.text().into();
    let rules = ir::ArgRules { arg: "text".to_owned(), rules: vec![ir::ArgRule::MaxLength(most)] };
    worlds::foreign::world_of(0, proxied, true, vec![rules])
}

#[test]
fn what_the_schema_demands_is_made_up_and_what_it_refuses_is_not_run() {
    let schema = |most: u64| {
        serde_json::json!({"type": "object", "required": ["text", "who", "mode"], "properties": {
            "text": {"type": "string", "maxLength": most},
            "mode": {"type": "string", "enum": ["fast"]},
            "who": {"type": "object", "required": ["mail"], "properties": {"mail": {"type": "string", "format": "email"}}},
        }})
    };
    let checked = |most: u64| {
        let (old, new) = (foreign(&schema(most), 3), foreign(&schema(most), 5));
        let judges = [&old, &new].map(|policy| Judge::of_policy(policy, [0; 32]).unwrap());
        let difference = authority::diff(&old, &new);
        assert_eq!(difference.count(Status::Gained), 1, "{difference:?}");
        check::all(&judges[0], &judges[1], &difference).remove(0).unwrap()
    };
    let run = checked(9);
    assert_eq!(check::line(&run), "checked by running both");
    let complete = serde_json::json!({"text": "aaaa", "mode": "fast", "who": {"mail": "ann@example.com"}});
    assert_eq!(serde_json::Value::Object(run.args), complete);
    let line = check::line(&checked(2));
    assert!(line.starts_with("not run: the reviewed schema of u.t refuses such arguments: "), "{line}");
}

#[test]
fn signatures_are_those_of_the_row() {
    let manifest = include_str!("../../../../tests/manifests/good/everything.toml");
    let of = |count: u8, names: &str| {
        let (two, other) = ("signatures = 2, of = [\"bob\", \"alice\"]", format!("signatures = {count}, of = [{names}]"));
        compiled(&manifest.replace(two, &other))
    };
    // Fewer of them, and another one.
    for (old, new) in [((2, "\"bob\", \"alice\""), (1, "\"bob\", \"alice\"")), ((1, "\"alice\""), (1, "\"bob\""))] {
        let run = run(&of(old.0, old.1), &of(new.0, new.1), |_| {});
        assert!(matches!(&run.proof, Proof::Both(supposing) if supposing.contains(&"who signed it")), "{run:?}");
    }
}
