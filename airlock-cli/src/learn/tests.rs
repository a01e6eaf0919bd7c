//! From calls to a proposal, and from a ledger to calls.

use super::gather::gather;
use super::propose::{evidence, propose};
use super::replay::replay;
use super::rules;
use super::{Args, Seen, Wishes};
use airlock_policy::ir::ToolKind;
use airlock_policy::{Compiled, beside, compile_with};
use airlock_runtime::clock::Micros;
use airlock_runtime::ledger::read::walk;
use airlock_runtime::ledger::{Decision, Entry, Ledger, Outcome, Sync};
use airlock_runtime::policy::Durability;
use serde_json::json;
use std::path::Path;

const GOOD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/manifests/good");

fn manifest() -> String {
    let text = include_str!("../../../tests/manifests/good/upstreams.toml");
    text.replace("name = \"upstreams\"\n", "name = \"upstreams\"\nmode = \"shadow\"\n")
}

fn compiled(text: &str) -> Compiled {
    let checked = compile_with(text, "airlock.toml", &beside(Path::new(GOOD)));
    assert!(checked.compiled().is_some(), "{}\n{text}", checked.render(false));
    checked.into_compiled().unwrap()
}

fn wishes() -> Wishes {
    Wishes { subject: "agent:writer".into(), accepted: Vec::new() }
}

fn seen(seq: u64, tool: &str, args: serde_json::Value) -> Seen {
    Seen {
        seq,
        at: Micros(1_795_000_000_000_000 + seq * 1_000_000),
        sid: "shadow-1".into(),
        sub: String::new(),
        tool: tool.into(),
        risk: 110,
        args: Args::Proven(args.as_object().cloned().unwrap()),
    }
}

#[test]
fn what_was_used_stays_and_the_rest_is_a_comment() {
    let text = manifest();
    let policy = compiled(&text);
    let calls = [
        seen(1, "read_file", json!({"path": "/srv/work/a.md"})),
        seen(3, "read_file", json!({"path": "/srv/work/b.md"})),
        Seen { sub: "agent:other".into(), ..seen(5, "read_file", json!({"path": "/srv/work/c.md"})) },
    ];
    let proposed = propose(&text, "t", policy.policy(), &calls, &wishes(), true).unwrap();
    let after = compiled(&proposed);
    let tools: Vec<&str> = after.policy().tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(tools, ["read_file"]);
    let grants: Vec<(&str, &[String])> =
        after.policy().grants.iter().map(|grant| (grant.subject.as_str(), grant.tools.as_slice())).collect();
    let read = ["read_file".to_owned()];
    assert_eq!(grants, [("agent:writer", &read[..]), ("agent:other", &read[..])]);
    assert_eq!(after.policy().tools[0].risk_threshold, 200);
    assert!(!proposed.contains("mode = "), "{proposed}");
    for line in [
        "# seen 3 times: seqs 1, 3, 5; sessions shadow-1; by agent:other, no lease, counted for agent:writer",
        "limits = { session_calls = 6, rate = \"6/1m\" }",
        "# [upstreams.files.tools.write_file]",
        "# why = \"keep a note\"",
        "# deny = [\"reads:private\", \"sends:notes\"]",
    ] {
        assert!(proposed.lines().any(|other| other == line), "{line}\n{proposed}");
    }
    // Everything that is not spoken of is there as it was.
    assert!(proposed.contains("args.path = { under = \"/srv/work\" }\nargs.head = { max = 1000 }"), "{proposed}");
    let done = replay(&after, &calls, &wishes()).unwrap();
    assert_eq!((done.judged, done.unknown, done.refused), (3, 0, Vec::new()));
}

#[test]
fn a_call_against_a_rule_of_the_manifest_is_refused_in_the_replay() {
    let text = manifest();
    let policy = compiled(&text);
    let good = seen(1, "read_file", json!({"path": "/srv/work/a.md"}));
    let unknown = Seen { args: Args::Unknown("x".into()), ..seen(2, "read_file", json!({})) };
    let calls = [good, unknown, seen(3, "read_file", json!({"path": "/etc/passwd"}))];
    let proposed = propose(&text, "t", policy.policy(), &calls, &wishes(), true).unwrap();
    assert!(proposed.contains("# no rules for arguments: those of entry 2 are not known, x"), "{proposed}");
    let done = replay(&compiled(&proposed), &calls, &wishes()).unwrap();
    assert_eq!((done.judged, done.unknown, done.refused.len()), (2, 1, 1));
    assert!(done.refused[0].seq == 3 && done.refused[0].because.contains("argument_invalid"), "{:?}", done.refused);
}

/// A call as its lines tell it: tool, session, risk, factors, and how it ended; nothing where it was not made.
type Told<'a> = (&'a str, &'a str, u16, &'a [(&'a str, u16)], Option<&'a str>);

fn ledger(dir: &Path, calls: &[Told<'_>]) {
    let ledger = Ledger::open(dir, "upstreams", &[0; 32], Durability::Process).unwrap();
    for (n, (tool, sid, risk, factors, status)) in calls.iter().enumerate() {
        let call = format!("c-{n}");
        let factors = factors.iter().map(|(name, points)| ((*name).to_owned(), *points)).collect();
        let through = status.is_some();
        let decision =
            Decision { through, sid, tool, risk: *risk, factors, why: "lease_missing", call: &call, ..Decision::default() };
        let _ = ledger.record(&Entry::Decision(decision), Sync::Written).wait().unwrap();
        if let Some(status) = status {
            let outcome = Outcome { call: &call, ok: *status == "ok", status, ..Outcome::default() };
            let _ = ledger.record(&Entry::Outcome(outcome), Sync::Written).wait().unwrap();
        }
    }
    ledger.shutdown().unwrap();
}

#[test]
fn attacks_and_what_came_after_strangers_teach_nothing() {
    let policy = compiled(&manifest());
    let dir = tempfile::tempdir().unwrap();
    // Each call that was made is two entries.
    let calls: [Told<'_>; 9] = [
        ("read_file", "a", 100, &[], Some("ok")),
        ("read_file", "a", 100, &[("override_instructions", 100)], Some("ok")),
        ("read_file", "a", 700, &[("unlisted_domain", 600)], Some("ok")),
        ("list", "a", 100, &[], Some("ok")),
        ("read_file", "a", 100, &[], Some("ok")),
        ("read_file", "b", 100, &[], Some("result_risky")),
        ("read_file", "b", 100, &[], Some("ok")),
        ("read_file", "c", 100, &[], None),
        ("airlock_audit_tail", "c", 100, &[], Some("ok")),
    ];
    ledger(dir.path(), &calls);
    let found = gather(dir.path(), Micros(0), policy.policy(), &wishes()).unwrap();
    let seqs: Vec<u64> = found.seen.iter().map(|seen| seen.seq).collect();
    assert_eq!(seqs, [1, 7, 11]);
    let apart: Vec<(u64, &str)> = found.apart.iter().map(|apart| (apart.seq, apart.because.as_str())).collect();
    let expected = [
        (3, "its arguments speak like an attack (override_instructions)"),
        (5, "its risk of 700 thousandths reached the threshold of 600"),
        (9, "it came after results that strangers wrote (entry 8)"),
        (13, "it came after results that strangers wrote (entry 12)"),
    ];
    assert_eq!(apart, expected);
    assert_eq!((found.held.get("lease_missing"), found.others), (Some(&1), 1));
    assert!(matches!(&found.seen[0].args, Args::Unknown(why) if why.contains("evidence = \"hashes\"")), "{:?}", found.seen[0]);
    let accepting = Wishes { accepted: vec![(9, 13)], ..wishes() };
    let found = gather(dir.path(), Micros(0), policy.policy(), &accepting).unwrap();
    assert_eq!(found.seen.iter().map(|seen| seen.seq).collect::<Vec<_>>(), [1, 7, 9, 11, 13]);
}

#[test]
fn text_of_strangers_counts_whatever_kind_of_tool_brought_it() {
    let text = manifest() + "\n[tools.airlock_usage_stats]\nlabels = [\"ingests:untrusted\"]\nwhy = \"counts\"\n";
    let policy = compiled(&text);
    let dir = tempfile::tempdir().unwrap();
    let calls: [Told<'_>; 6] = [
        ("airlock_usage_stats", "a", 100, &[], Some("ok")),
        ("read_file", "a", 100, &[], Some("ok")),
        ("removed_since", "b", 100, &[], Some("ok")),
        ("read_file", "b", 100, &[], Some("ok")),
        ("airlock_audit_tail", "c", 100, &[], Some("ok")),
        ("read_file", "c", 100, &[], Some("ok")),
    ];
    ledger(dir.path(), &calls);
    let found = gather(dir.path(), Micros(0), policy.policy(), &wishes()).unwrap();
    let apart: Vec<(u64, &str)> = found.apart.iter().map(|apart| (apart.seq, apart.because.as_str())).collect();
    let came = |entry| format!("it came after results that strangers wrote (entry {entry})");
    assert_eq!(apart, [(3, came(2).as_str()), (7, came(6).as_str())]);
    assert_eq!((found.seen.iter().map(|seen| seen.seq).collect::<Vec<_>>(), found.others), (vec![11], 3));
}

#[test]
fn what_a_session_read_before_the_look_back_counts() {
    let policy = compiled(&manifest());
    let dir = tempfile::tempdir().unwrap();
    let calls: [Told<'_>; 6] = [
        ("list", "a", 100, &[], Some("ok")),
        ("read_file", "b", 100, &[], Some("ok")),
        ("read_file", "b", 100, &[], None),
        ("read_file", "a", 100, &[], Some("ok")),
        ("read_file", "b", 100, &[], Some("ok")),
        ("read_file", "b", 100, &[], None),
    ];
    ledger(dir.path(), &calls);
    // The look back begins with the fourth call.
    let mut since = Micros(0);
    walk(dir.path(), Micros(0), |line| since = if line.seq == 6 { line.micros().unwrap() } else { since }).unwrap();
    let found = gather(dir.path(), since, policy.policy(), &wishes()).unwrap();
    assert_eq!(found.span.map(|(first, _)| first), Some(6));
    let apart: Vec<(u64, &str)> = found.apart.iter().map(|apart| (apart.seq, apart.because.as_str())).collect();
    assert_eq!(apart, [(6, "it came after results that strangers wrote (entry 2)")]);
    let seqs: Vec<u64> = found.seen.iter().map(|seen| seen.seq).collect();
    assert_eq!((seqs, found.held.get("lease_missing")), (vec![8], Some(&1)), "earlier calls teach nothing and are not counted");
}

#[test]
fn secrets_and_foreign_names_stay_out_of_the_proposal() {
    let policy = compiled(&manifest());
    let of = |argument: &str, value: &str| {
        let mut tool = policy.policy().tools.iter().find(|tool| tool.name == "read_file").unwrap().clone();
        tool.args.clear();
        let ToolKind::Upstream(proxied) = &mut tool.kind else { panic!("a foreign tool") };
        proxied.arguments.iter_mut().find(|known| known.name == "path").unwrap().name = argument.into();
        let calls: Vec<Seen> = (0..6).map(|seq| seen(seq, "read_file", json!({argument: value}))).collect();
        let proposed = rules::propose(&tool, &calls.iter().collect::<Vec<_>>());
        proposed.args.get(argument).map(ToString::to_string).unwrap_or_default()
    };
    assert_eq!(of("mode", "fast"), "{ one_of = [\"fast\"] }");
    for name in ["api_key", "password", "AuthToken", "Authorization"] {
        for value in ["hunter2", "/srv/hunter2/x", "https://hunter2.example.com/"] {
            let rules = of(name, value);
            assert!(!rules.contains("hunter2") && rules.contains("max_length"), "{name}: {rules}");
        }
    }
    let token = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    assert!(!of("mode", token).contains(token));
    let wishes = Wishes { subject: "agent:x\n[keys]\u{1b}[2J".into(), accepted: Vec::new() };
    let call = seen(1, "read_file", json!({}));
    let said = evidence(&[&call], &wishes);
    assert!(said.bytes().all(|b| matches!(b, b' '..=b'~')), "{said:?}");
    let proposed = propose(&manifest(), "t", policy.policy(), &[call], &wishes, true).unwrap();
    assert!(!proposed.contains('\u{1b}') && !proposed.lines().any(|line| line.starts_with("[keys]\u{1b}")), "{proposed}");
}

#[test]
fn a_risk_beyond_all_is_no_overflow() {
    let policy = compiled(&manifest());
    let tool = policy.policy().tools.iter().find(|tool| tool.name == "read_file").unwrap();
    let call = Seen { risk: u16::MAX, ..seen(1, "read_file", json!({"path": "/srv/work/a"})) };
    assert_eq!(rules::propose(tool, &[&call]).risk_threshold, None);
}
