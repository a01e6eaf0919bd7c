//! Hosts, ports and the rules of URLs and words.

use super::*;

pub(crate) const URLS: &[&str] = &[
    "https://",
    "https://p.x.com",
    "https://p.x.com/",
    "https://p.x.com/v",
    "https://q.net/v",
    "https://q",
    "https://p.x.com:8443/",
];

pub(crate) const DOMAINS: &[&str] = &["*", "*.x.com", "p.x.com", "q.net"];

pub(crate) const PATTERNS: &[&str] =
    &["https://[pr][.]x[.]com(/.*)?", "https://[^/]*/v.*", ".*[.](com|net)[/:?].*", "(?i)https://q+[.]net/?"];

pub(crate) fn egress() -> impl Strategy<Value = Vec<Egress>> {
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

pub(crate) fn url_rules() -> impl Strategy<Value = Vec<ArgRule>> {
    let pattern = prop::option::weighted(0.2, prop::sample::select(PATTERNS.to_vec()));
    let hosts = prop::option::weighted(0.2, prop::sample::subsequence(DOMAINS.to_vec(), 1..3));
    (texts(URLS, &["", "v", "/", "m"]), pattern, hosts).prop_map(|(mut rules, pattern, hosts)| {
        rules.extend(pattern.map(|pattern| ArgRule::Matches(pattern.into())));
        rules.extend(hosts.map(|hosts| ArgRule::HostIn(hosts.into_iter().map(rule).collect())));
        rules
    })
}

pub(crate) fn world() -> impl Strategy<Value = Policy> {
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
