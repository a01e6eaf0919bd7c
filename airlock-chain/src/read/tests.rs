use super::super::tests::{allow, open, segment};
use super::super::{Decision, Entry, Issue, Outcome, Sync};
use super::*;
use std::fs::OpenOptions;
use std::io::Write;

fn record(ledger: &super::super::Ledger, entry: &Entry<'_>) {
    let _ = ledger.record(entry, Sync::Written).wait().unwrap();
}

fn deny(why: &str) -> Entry<'_> {
    Entry::Decision(Decision { sub: "agent:planner", tool: "http_get_json", why, call: "d", ..Decision::default() })
}

fn outcome(call: &str, ok: bool, micros: u64) -> Entry<'_> {
    Entry::Outcome(Outcome { call, ok, micros, hosts: vec!["api.example.com".into()], ..Outcome::default() })
}

fn filled() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    let tools = vec!["http_get_json".to_owned(), "weather_hourly".to_owned()];
    record(&ledger, &Entry::Issue(Issue { sid: "s-1", sub: "agent:planner", tools, ..Issue::default() }));
    record(&ledger, &allow("c-1"));
    record(&ledger, &outcome("c-1", true, 10));
    record(&ledger, &allow("c-2"));
    record(&ledger, &outcome("c-2", false, 14));
    record(&ledger, &deny("domain_denied"));
    record(&ledger, &deny("domain_denied"));
    let scope = Some(vec!["mail".to_owned(), "files".to_owned()]);
    record(
        &ledger,
        &Entry::Decision(Decision { sub: "agent:b", tool: "mail", why: "risk", call: "x", scope, ..Decision::default() }),
    );
    dir
}

#[test]
fn exposure_names_use_denials_hosts_and_idle_authority() {
    let dir = filled();
    let report = exposure(dir.path(), 1).unwrap();
    assert_eq!(report.agents.len(), 2);
    assert_eq!(
        (report.agents[0].subject.as_str(), &report.agents[0].unused),
        ("agent:b", &vec!["files".to_owned(), "mail".to_owned()])
    );
    let planner = &report.agents[1];
    assert_eq!(planner.unused, ["weather_hourly"]);
    let expected = Usage {
        tool: "http_get_json".into(),
        calls: 4,
        allowed: 2,
        denied: 2,
        failed: 1,
        shadow: 0,
        reasons: BTreeMap::from([("domain_denied".into(), 2)]),
        p50_us: Some(10),
        p95_us: Some(14),
        hosts: BTreeSet::from(["api.example.com".into()]),
    };
    assert_eq!(planner.tools, [expected]);
    // Looking back no hours at all leaves nothing.
    assert!(exposure(dir.path(), 0).unwrap().agents.is_empty());
}

/// A call that was cut off has no outcome; its hosts stand on its allow.
#[test]
fn exposure_names_the_hosts_of_calls_without_an_outcome() {
    let dir = tempfile::tempdir().unwrap();
    let hosts = vec!["api.example.com".to_owned(), "geo.example.com".to_owned()];
    let Entry::Decision(cut_off) = allow("c-1") else { panic!() };
    record(&open(dir.path()).unwrap(), &Entry::Decision(Decision { hosts: hosts.clone(), ..cut_off }));
    let report = exposure(dir.path(), 1).unwrap();
    assert_eq!(report.agents[0].tools[0].hosts, BTreeSet::from_iter(hosts));
}

#[test]
fn stats_count_per_tool_over_all_agents() {
    let stats = stats(filled().path()).unwrap();
    assert_eq!((stats.entries, stats.damaged), (9, 0));
    let tools: Vec<_> = stats.tools.iter().map(|usage| (usage.tool.as_str(), usage.calls, usage.allowed)).collect();
    assert_eq!(tools, [("http_get_json", 4, 2), ("mail", 1, 0)]);
}

#[test]
fn tail_gives_the_newest_whole_lines() {
    let dir = filled();
    let mut file = OpenOptions::new().append(true).open(segment(dir.path())).unwrap();
    file.write_all(b"{\"seq\":9,\"a line under way").unwrap();
    let seqs = |count| -> Vec<u64> {
        let tail = tail(dir.path(), count).unwrap();
        assert_eq!(tail.damaged, 0);
        let seq = |entry: &RawValue| serde_json::from_str::<serde_json::Value>(entry.get()).unwrap()["seq"].as_u64().unwrap();
        tail.entries.iter().map(|entry| seq(entry)).collect()
    };
    assert_eq!(seqs(2), [7, 8]);
    assert!(seqs(0).is_empty());
    assert_eq!(seqs(usize::MAX), (0..9).collect::<Vec<_>>());
    file.write_all(b"\nanother \x1b[2J\n").unwrap();
    assert_eq!(tail(dir.path(), 4).unwrap().damaged, 2);
    assert_eq!(stats(dir.path()).unwrap().damaged, 2);
}

#[test]
fn tail_reads_far_back_when_asked() {
    let mut file = tempfile::tempfile().unwrap();
    for n in 0..5000 {
        writeln!(file, "{n:0100}").unwrap();
    }
    for count in [1, 600, 4999, 5000, 6000] {
        let lines = last_lines(&file, count).unwrap();
        assert_eq!(lines.len(), count.min(5000));
        assert_eq!(lines[0], format!("{:0100}", 5000 - lines.len()).into_bytes());
    }
}
