//! Policies that differ in hosts, ports and the rules of URLs and words.

use super::*;
use crate::ir::HostRule;

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
const PATTERNS: &[&str] =
    &["https://[pr][.]x[.]com(/.*)?", "https://[^/]*/v.*", ".*[.](com|net)[/:?].*", "(?i)https://q+[.]net/?"];

fn rule(text: &str) -> HostRule {
    super::places::entry(text)
}

fn egress() -> impl Strategy<Value = Vec<Egress>> {
    let ports = prop::sample::select(vec![vec![443], vec![8443], vec![443, 8443]]);
    let entry = (ports, prop::option::weighted(0.1, Just(9000u16)));
    prop::collection::vec((prop::sample::select(DOMAINS.to_vec()), entry), 0..4).prop_map(|list| {
        let entry = |(host, (ports, stand_in))| Egress { host: rule(host), ports, stand_in, why: "x".into() };
        let mut list: Vec<Egress> = list.into_iter().map(entry).collect();
        list.sort_by(|a, b| a.host.cmp(&b.host));
        list.dedup_by(|a, b| a.host == b.host);
        list
    })
}

fn url_rules() -> impl Strategy<Value = Vec<ArgRule>> {
    let pattern = prop::option::weighted(0.2, prop::sample::select(PATTERNS.to_vec()));
    let hosts = prop::option::weighted(0.2, prop::sample::subsequence(DOMAINS.to_vec(), 1..3));
    (texts(URLS, &["", "v", "/", "m"]), pattern, hosts).prop_map(|(mut rules, pattern, hosts)| {
        rules.extend(pattern.map(|pattern| ArgRule::Matches(pattern.into())));
        rules.extend(hosts.map(|hosts| ArgRule::HostIn(hosts.into_iter().map(rule).collect())));
        rules
    })
}

fn world() -> impl Strategy<Value = Policy> {
    let http = (1u16..3, egress(), url_rules()).prop_map(|(risk_threshold, egress, url)| Tool {
        risk_threshold,
        egress,
        args: ruled(vec![("url", url)]),
        ..tool_of("http_get_json", Builtin::HttpGetJson)
    });
    let place = |host: &str, stand_in| Egress { host: rule(host), ports: vec![443], stand_in, why: "x".into() };
    let weather =
        (texts(&["l", "la", "b"], &["a", "b"]), prop::option::weighted(0.1, Just(9000u16))).prop_map(move |(city, local)| Tool {
            egress: vec![place("api.open-meteo.com", None), place("geocoding-api.open-meteo.com", local)],
            args: ruled(vec![("city", city)]),
            ..tool_of("weather_hourly", Builtin::WeatherHourly)
        });
    let tools = (prop::option::weighted(0.9, http), prop::option::weighted(0.3, weather))
        .prop_map(|(http, weather)| http.into_iter().chain(weather).collect::<Vec<_>>());
    let domains: &[&str] = &["*", "*.x.com", "p.x.com", "q.net", "*.open-meteo.com", "api.open-meteo.com"];
    let grants = prop::collection::vec(any_grant(&["http_get_json", "weather_hourly"], domains), 1..3);
    (tools, grants).prop_map(|(tools, grants)| policy(tools, grants))
}

fn cases() -> Vec<Case> {
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

#[test]
fn the_difference_of_hosts_and_urls_agrees_with_all_calls() {
    holds(400, world(), &cases());
}

#[test]
fn a_host_is_found_that_only_just_fits_the_rules_of_its_url() {
    let with = |host: &str, rules: Vec<ArgRule>| {
        let egress = vec![Egress { host: rule(host), ports: vec![443], stand_in: None, why: "x".into() }];
        let http = Tool { egress, args: ruled(vec![("url", rules)]), ..tool_of("http_get_json", Builtin::HttpGetJson) };
        policy(vec![http], vec![grant_of("a", &["http_get_json"], &["*"])])
    };
    // Thirteen characters leave room for `https://` and five of the host, which must end the URL.
    let tight = || vec![ArgRule::Suffix(".com".into()), ArgRule::MaxLength(13)];
    let rows = gains(&with("q.net", tight()), &with("*", tight()));
    let url = rows.first().and_then(|row| row.witness.as_ref()).and_then(|case| case.args.get("url").cloned());
    assert_eq!(url, Some(Value::Text("https://a.com".into())), "{rows:?}");
    // A prefix that keeps the other host out of reach makes it no gain; so does a pattern.
    let kept = || vec![ArgRule::Prefix("https://q.net/".into())];
    assert_eq!(gains(&with("q.net", kept()), &with("*", kept())), []);
    let kept = || vec![ArgRule::Matches("https://q[.]net/[a-z]*".into())];
    assert_eq!(gains(&with("q.net", kept()), &with("*", kept())), []);
    // An address is a host of `*`.
    for pattern in ["https://8[.]8[.]8[.]8/", "https://\\[2001:db8::1\\]/"] {
        let address = || vec![ArgRule::Matches(pattern.into())];
        assert_eq!(gains(&with("q.net", address()), &with("*", address())).len(), 1, "{pattern}");
    }
    // A pattern that names another host under the wildcard finds it.
    let other = || vec![ArgRule::Matches("https://(q|inner)[.]net/[a-z]*".into())];
    let rows = gains(&with("q.net", other()), &with("*", other()));
    let hosts: Vec<&str> = rows.iter().filter_map(|row| row.witness.as_ref()).map(|case| case.targets[0].host.as_str()).collect();
    assert_eq!(hosts, ["inner.net"]);
}
