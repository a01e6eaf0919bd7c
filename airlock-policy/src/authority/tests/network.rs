//! Policies that differ in hosts, ports and the rules of URLs and words.

use super::worlds::network::world;
use super::*;

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
    // A rule about the host of a URL says nothing where the place says it already.
    let open = || vec![ArgRule::HostIn(vec![rule("*")])];
    assert_eq!(gains(&with("*.open-meteo.com", open()), &with("*.open-meteo.com", vec![])), []);
    let one = || vec![ArgRule::HostIn(vec![rule("q.net")])];
    let rows = gains(&with("*", one()), &with("*", vec![ArgRule::HostIn(vec![rule("q.net"), rule("*.x.com")])]));
    assert_eq!(rows.iter().map(|row| row.places.join(" ")).collect::<Vec<_>>(), ["*.x.com:443"]);
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
