use super::*;
use crate::ir::{ArgRules, Builtin, Durability, EffectClass, Egress, Gateway, Key, Lease, Ledger, Limits, Quota, ToolKind};
use proptest::prelude::*;

fn tool_of(name: &str, builtin: Builtin, threshold: u16, base: u16, egress: Vec<Egress>, args: Vec<ArgRules>) -> Tool {
    let why = "x".to_owned();
    Tool {
        name: name.to_owned(),
        kind: ToolKind::Builtin(builtin),
        effect: EffectClass::Read,
        risk_threshold: threshold,
        base_risk: base,
        ignored: Vec::new(),
        egress,
        args,
        strict: true,
        labels: Vec::new(),
        approval: None,
        quota: Quota::default(),
        timeout: 10,
        why,
    }
}

fn policy(keys: Vec<Key>, carriers: (bool, bool), default_ttl: u64, tools: Vec<Tool>, grants: Vec<Grant>) -> Policy {
    Policy {
        airlock: 1,
        gateway: Gateway { name: "g".into(), instructions: String::new() },
        keys,
        lease: Lease { default_ttl, max_ttl: 3, carrier_meta: carriers.0, carrier_arguments: carriers.1 },
        ledger: Ledger { dir_env: None, dir_default: "l".into(), durability: Durability::Power },
        limits: Limits { max_arguments: 1000, in_flight: 1, timeout: 10, approval_timeout: 10, quota: Quota::default() },
        tools,
        flows: Vec::new(),
        grants,
        requires: Vec::new(),
    }
}

fn key() -> impl Strategy<Value = Key> {
    let pin = prop::sample::select(vec![None, Some("00000000000000aa"), Some("00000000000000bb")]);
    (prop::sample::select(vec!["k1", "k2"]), pin)
        .prop_map(|(kid, pin)| Key { kid: kid.into(), commitment: pin.map(str::to_owned) })
}

fn keys() -> impl Strategy<Value = Vec<Key>> {
    prop::collection::vec(key(), 1..3).prop_map(|mut keys| {
        keys.sort_by(|a, b| a.kid.cmp(&b.kid));
        keys.dedup_by(|a, b| a.kid == b.kid);
        keys
    })
}

fn grant(tools: &'static [&'static str], domains: &'static [&'static str]) -> impl Strategy<Value = Grant> {
    (
        prop::sample::select(vec!["a", "b"]),
        prop::sample::subsequence(tools.to_vec(), 1..=tools.len()),
        any::<bool>(),
        prop::sample::subsequence(domains.to_vec(), 0..=domains.len()),
        1u64..4,
        0u16..4,
        1u64..4,
    )
        .prop_map(|(subject, tools, by_self, domains, max_ttl, max_risk, uses)| Grant {
            subject: subject.into(),
            tools: tools.into_iter().map(str::to_owned).collect(),
            issue: if by_self { Issue::SelfService } else { Issue::Operator },
            domains: domains.into_iter().map(str::to_owned).collect(),
            max_ttl,
            max_risk,
            uses,
            why: "x".into(),
        })
}

fn bound(kind: fn(i64) -> ArgRule, range: std::ops::Range<i64>) -> impl Strategy<Value = Option<ArgRule>> {
    prop::option::of(range.prop_map(kind))
}

fn texts(values: &'static [&'static str], ends: &'static [&'static str]) -> impl Strategy<Value = Vec<ArgRule>> {
    let word = |list: &'static [&'static str]| prop::option::weighted(0.4, prop::sample::select(list.to_vec()));
    let listed = prop::option::weighted(0.2, prop::sample::subsequence(values.to_vec(), 1..=values.len().min(4)));
    (listed, word(values), word(ends), prop::option::weighted(0.2, 0u64..4), prop::option::weighted(0.2, 0u64..30)).prop_map(
        |(one_of, prefix, suffix, least, most)| {
            let strings = |list: Vec<&str>| ArgRule::OneOf(list.into_iter().map(str::to_owned).collect());
            let affixes = [prefix.map(|text| ArgRule::Prefix(text.into())), suffix.map(|text| ArgRule::Suffix(text.into()))];
            let lengths = [least.map(ArgRule::MinLength), most.map(ArgRule::MaxLength)];
            one_of.map(strings).into_iter().chain(affixes.into_iter().flatten()).chain(lengths.into_iter().flatten()).collect()
        },
    )
}

fn ruled(rules: Vec<(&str, Vec<ArgRule>)>) -> Vec<ArgRules> {
    let full = rules.into_iter().filter(|(_, rules)| !rules.is_empty());
    full.map(|(arg, rules)| ArgRules { arg: arg.into(), rules }).collect()
}

/// Policies that differ in everything about leases: keys, carriers, limits, how they are issued.
fn lease_policy() -> impl Strategy<Value = Policy> {
    let audit =
        (1u16..4, 0u16..2, bound(ArgRule::Min, 1..4), bound(ArgRule::Max, 1..4)).prop_map(|(threshold, base, min, max)| {
            let rules = min.into_iter().chain(max).collect();
            tool_of("airlock_audit_tail", Builtin::AirlockAuditTail, threshold, base, Vec::new(), ruled(vec![("limit", rules)]))
        });
    let stats = Just(tool_of("airlock_usage_stats", Builtin::AirlockUsageStats, 2, 0, Vec::new(), Vec::new()));
    let names = texts(&["s", "st", "t"], &["s", "t"]);
    let subject = texts(&["a", "b"], &["a"]);
    let issue = (1u16..4, 0u16..2, names, subject, bound(ArgRule::Min, 1..4), bound(ArgRule::Max, 1..4)).prop_map(
        |(threshold, base, session, subject, min, max)| {
            let ttl = min.into_iter().chain(max).collect();
            let args = ruled(vec![("session_id", session), ("subject", subject), ("ttl_seconds", ttl)]);
            tool_of(ISSUE_TOOL, Builtin::AirlockIssueCapability, threshold, base, Vec::new(), args)
        },
    );
    let tools = (prop::option::weighted(0.8, audit), prop::option::weighted(0.3, stats), prop::option::weighted(0.7, issue))
        .prop_map(|(audit, stats, issue)| [audit, stats, issue].into_iter().flatten().collect());
    let grants = prop::collection::vec(grant(&["airlock_audit_tail", "airlock_usage_stats"], &[]), 1..4);
    let carriers = prop::sample::select(vec![(true, false), (false, true), (true, true)]);
    (keys(), carriers, 1u64..4, tools, grants)
        .prop_map(|(keys, carriers, ttl, tools, grants)| policy(keys, carriers, ttl, tools, grants))
}

const URLS: &[&str] = &[
    "https://",
    "https://p.x.com",
    "https://p.x.com/",
    "https://p.x.com/v",
    "https://q.net/v",
    "https://q",
    "https://p.x.com:8443/",
];
const DOMAINS: &[&str] = &["*", "*.x.com", "p.x.com", "q.net"];

fn egress() -> impl Strategy<Value = Vec<Egress>> {
    let ports = prop::sample::select(vec![vec![443], vec![8443], vec![443, 8443]]);
    let entry = (ports, prop::option::weighted(0.1, Just(9000u16)));
    prop::collection::vec((prop::sample::select(DOMAINS.to_vec()), entry), 0..4).prop_map(|list| {
        let mut list: Vec<Egress> = list
            .into_iter()
            .map(|(host, (ports, stand_in))| Egress { host: places::entry(host), ports, stand_in, why: "x".into() })
            .collect();
        list.sort_by(|a, b| a.host.cmp(&b.host));
        list.dedup_by(|a, b| a.host == b.host);
        list
    })
}

/// Policies that differ in hosts, ports and the rules of URLs and words.
fn network_policy() -> impl Strategy<Value = Policy> {
    let http = (1u16..3, egress(), texts(URLS, &["", "v", "/", "m"])).prop_map(|(threshold, egress, url)| {
        tool_of("http_get_json", Builtin::HttpGetJson, threshold, 0, egress, ruled(vec![("url", url)]))
    });
    let place = |host: &str, stand_in| Egress { host: HostRule::Exact(host.into()), ports: vec![443], stand_in, why: "x".into() };
    let weather =
        (texts(&["l", "la", "b"], &["a", "b"]), prop::option::weighted(0.1, Just(9000u16))).prop_map(move |(city, local)| {
            let egress = vec![place("api.open-meteo.com", None), place("geocoding-api.open-meteo.com", local)];
            tool_of("weather_hourly", Builtin::WeatherHourly, 2, 0, egress, ruled(vec![("city", city)]))
        });
    let tools = (prop::option::weighted(0.9, http), prop::option::weighted(0.3, weather))
        .prop_map(|(http, weather)| http.into_iter().chain(weather).collect());
    let domains: &[&str] = &["*", "*.x.com", "p.x.com", "q.net", "*.open-meteo.com", "api.open-meteo.com"];
    let grants = prop::collection::vec(grant(&["http_get_json", "weather_hourly"], domains), 1..3);
    let k1 = vec![Key { kid: "k1".into(), commitment: None }];
    (tools, grants).prop_map(move |(tools, grants)| policy(k1.clone(), (true, false), 1, tools, grants))
}

fn plain(subject: &str, tool: &str) -> Case {
    Case {
        subject: subject.into(),
        tool: tool.into(),
        targets: Vec::new(),
        args: BTreeMap::new(),
        points: 0,
        ttl: 1,
        uses: 1,
        key: SigningKey { kid: "k1".into(), commitment: "00000000000000aa".into() },
        carrier: Carrier::Meta,
        issue: None,
    }
}

/// Every combination of some changes.
fn spread<T>(cases: Vec<Case>, values: &[T], change: impl Fn(&mut Case, &T)) -> Vec<Case> {
    let mut all = Vec::with_capacity(cases.len() * values.len());
    for case in cases {
        for value in values {
            let mut case = case.clone();
            change(&mut case, value);
            all.push(case);
        }
    }
    all
}

fn lease_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for subject in ["a", "b"] {
        cases.push(plain(subject, "airlock_usage_stats"));
        let audit = plain(subject, "airlock_audit_tail");
        cases.extend(spread(vec![audit], &[None, Some(1), Some(3)], |case, limit| {
            case.args.extend(limit.map(|limit| ("limit".to_owned(), Value::Integer(limit))));
        }));
    }
    let cases = spread(cases, &[1, 3], |case, ttl| case.ttl = *ttl);
    let cases = spread(cases, &[1, 3], |case, uses| case.uses = *uses);
    let cases = spread(cases, &[0, 2], |case, points| case.points = *points);
    let signers =
        [("k1", "00000000000000aa"), ("k1", "00000000000000bb"), ("k1", "00000000000000cc"), ("k2", "00000000000000aa")];
    let doors: Vec<_> = signers.iter().flat_map(|key| [(key, Carrier::Meta), (key, Carrier::Arguments)]).collect();
    let cases = spread(cases, &doors, |case, ((kid, commitment), carrier)| {
        case.key = SigningKey { kid: (*kid).into(), commitment: (*commitment).into() };
        case.carrier = *carrier;
    });
    let call = |session: &str, points| Some(IssueCall { session_id: session.into(), intent: "i".into(), points });
    spread(cases, &[None, call("s", 0), call("st", 1)], |case, issue| case.issue.clone_from(issue))
}

fn network_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for subject in ["a", "b"] {
        for host in ["p.x.com", "r.x.com", "q.net", "qq.org"] {
            for (port, written) in [(443, ""), (8443, ":8443")] {
                for tail in ["", "/", "/va", "?m", "/abcdefghijkl/v"] {
                    for stand_in in [None, Some(9000)] {
                        let mut case = plain(subject, "http_get_json");
                        case.args.insert("url".into(), Value::Text(format!("https://{host}{written}{tail}")));
                        case.targets = vec![Target { host: host.into(), port, stand_in }];
                        cases.push(case);
                    }
                }
            }
        }
        for city in ["l", "la", "lb", "b", "bb", "z", "lza"] {
            for stand_in in [None, Some(9000)] {
                let mut case = plain(subject, "weather_hourly");
                case.args =
                    [("city", city), ("state", "TX")].map(|(arg, text)| (arg.to_owned(), Value::Text(text.into()))).into();
                let target = |host: &str, stand_in| Target { host: host.into(), port: 443, stand_in };
                case.targets = vec![target("api.open-meteo.com", None), target("geocoding-api.open-meteo.com", stand_in)];
                cases.push(case);
            }
        }
    }
    cases
}

/// The difference against every call of a small world: each widening is in a row about its subject and tool, and each gained or
/// lost row has a call that the evaluator confirms. Together: the two agree.
fn agrees(old: &Policy, new: &Policy, cases: &[Case]) -> Result<(), TestCaseError> {
    let difference = diff(old, new);
    for row in &difference.rows {
        let confirmed = row.witness.as_ref().map(|case| (permits(old, case), permits(new, case)));
        let expected = match row.status {
            Status::Gained => Some((false, true)),
            Status::Lost => Some((true, false)),
            Status::Unchanged => None,
        };
        prop_assert_eq!(confirmed, expected, "{:?}", row);
    }
    for case in cases {
        let status = match (permits(old, case), permits(new, case)) {
            (false, true) => Status::Gained,
            (true, false) => Status::Lost,
            (true, true) | (false, false) => continue,
        };
        let speaks = |row: &Row| {
            (row.subject == case.subject || row.subject == "*")
                && (row.tool == case.tool || row.tool == "*" || row.tool == ISSUE_TOOL)
        };
        prop_assert!(difference.rows.iter().any(|row| row.status == status && speaks(row)), "{:?} {:?}", status, case);
        for same in difference.rows.iter().filter(|row| row.status == Status::Unchanged && speaks(row)) {
            let there = case.targets.iter().any(|target| same.places.contains(&format!("{}:{}", target.host, target.port)));
            let doors = difference.rows.iter().any(|row| row.status == status && (row.subject == "*" || row.tool == ISSUE_TOOL));
            prop_assert!(doors || !there && !case.targets.is_empty(), "called unchanged: {:?} {:?}", case, same);
        }
    }
    Ok(())
}

/// Two policies of which the second is often the first with a few parts changed, so that small differences are met.
fn pair(policy: impl Strategy<Value = Policy> + Clone) -> impl Strategy<Value = (Policy, Policy)> {
    (policy.clone(), policy, any::<[bool; 4]>()).prop_map(|(old, mut new, [keys, lease, tools, grants])| {
        if keys {
            new.keys.clone_from(&old.keys);
        }
        if lease {
            new.lease = old.lease.clone();
        }
        if tools {
            new.tools.clone_from(&old.tools);
        }
        if grants {
            new.grants.clone_from(&old.grants);
        }
        (old, new)
    })
}

#[test]
fn the_difference_of_leases_agrees_with_all_calls() {
    let cases = lease_cases();
    let strategy = pair(std::rc::Rc::new(lease_policy().boxed()));
    let config = ProptestConfig { failure_persistence: None, max_shrink_iters: 300, ..ProptestConfig::with_cases(5_000) };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner.run(&strategy, |(old, new)| agrees(&old, &new, &cases)).unwrap();
}

#[test]
fn the_difference_of_hosts_and_arguments_agrees_with_all_calls() {
    let cases = network_cases();
    let strategy = pair(std::rc::Rc::new(network_policy().boxed()));
    let config = ProptestConfig { failure_persistence: None, max_shrink_iters: 300, ..ProptestConfig::with_cases(5_000) };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner.run(&strategy, |(old, new)| agrees(&old, &new, &cases)).unwrap();
}

fn self_grant(tool: &str, domain: &[&str]) -> Grant {
    Grant {
        subject: "a".into(),
        tools: vec![tool.into()],
        issue: Issue::SelfService,
        domains: domain.iter().map(|host| (*host).to_owned()).collect(),
        max_ttl: 3,
        max_risk: 3,
        uses: 3,
        why: "x".into(),
    }
}

fn gains(old: &Policy, new: &Policy) -> Vec<Row> {
    agrees(old, new, &[]).unwrap();
    diff(old, new).rows.into_iter().filter(|row| row.status == Status::Gained).collect()
}

#[test]
fn a_longer_life_by_asking_is_a_gain() {
    let with = |most| {
        let args = ruled(vec![("ttl_seconds", vec![ArgRule::Max(most)])]);
        let issue = tool_of(ISSUE_TOOL, Builtin::AirlockIssueCapability, 2, 0, Vec::new(), args);
        let stats = tool_of("airlock_usage_stats", Builtin::AirlockUsageStats, 2, 0, Vec::new(), Vec::new());
        let keys = vec![Key { kid: "k1".into(), commitment: None }];
        policy(keys, (true, false), 1, vec![issue, stats], vec![self_grant("airlock_usage_stats", &[])])
    };
    let rows = gains(&with(1), &with(3));
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((&rows[0].dimension, &*rows[0].old, &*rows[0].new), (&Dimension::Ttl, "1s", "3s"));
    assert!(rows[0].witness.as_ref().is_some_and(|case| case.issue.is_some() && case.ttl == 3));
    assert_eq!(gains(&with(3), &with(1)), []);
}

#[test]
fn a_host_is_found_that_only_just_fits_the_rules_of_its_url() {
    let with = |host: &str, rules: Vec<ArgRule>| {
        let egress = vec![Egress { host: places::entry(host), ports: vec![443], stand_in: None, why: "x".into() }];
        let http = tool_of("http_get_json", Builtin::HttpGetJson, 2, 0, egress, ruled(vec![("url", rules)]));
        let keys = vec![Key { kid: "k1".into(), commitment: None }];
        policy(keys, (true, false), 1, vec![http], vec![self_grant("http_get_json", &["*"])])
    };
    // Thirteen characters leave room for `https://` and five of the host, which must end the URL.
    let tight = || vec![ArgRule::Suffix(".com".into()), ArgRule::MaxLength(13)];
    let rows = gains(&with("q.net", tight()), &with("*", tight()));
    let url = rows.first().and_then(|row| row.witness.as_ref()).and_then(|case| case.args.get("url").cloned());
    assert_eq!(url, Some(Value::Text("https://a.com".into())), "{rows:?}");
    // A prefix that keeps the other host out of reach makes it no gain.
    let kept = || vec![ArgRule::Prefix("https://q.net/".into())];
    assert_eq!(gains(&with("q.net", kept()), &with("*", kept())), []);
}
