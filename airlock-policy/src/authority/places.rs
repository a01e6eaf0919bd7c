//! Where requests can go: hosts stand for all that the two policies treat alike.

use super::{HTTPS, Target, texts};
use crate::builtin::{self, Network};
use crate::ir::{HostRule, Policy, Tool};
use std::collections::BTreeSet;

/// Last label of hosts that only `*` covers. It is short, because rules can bound the length of a URL.
const UNNAMED: &str = "b";

/// Endings that the gateway refuses beyond those that the manifest refuses.
const LOCAL_ENDINGS: &[&str] = &["mail", "svc"];

/// A host entry of a grant.
pub(super) fn entry(text: &str) -> HostRule {
    match (text, text.strip_prefix("*.")) {
        ("*", _) => HostRule::AnyPublic,
        (_, Some(base)) => HostRule::OneLabel(base.to_owned()),
        (_, None) => HostRule::Exact(text.to_owned()),
    }
}

pub(super) fn covers(rule: &HostRule, host: &str) -> bool {
    crate::host::covers(rule, host)
}

/// Whether an entry of a grant covers every host of another entry.
pub(super) fn entry_covers(outer: &str, inner: &str) -> bool {
    match (entry(outer), entry(inner)) {
        (HostRule::AnyPublic, _) => true,
        (HostRule::OneLabel(base), HostRule::Exact(host)) => covers(&HostRule::OneLabel(base), &host),
        (outer, inner) => outer == inner,
    }
}

/// The stand-in (or none) that a request to this host and port goes to; nothing if the tool may not send it. Exact hosts are
/// looked at before patterns, as in the gateway.
pub(super) fn stand_in(tool: &Tool, host: &str, port: u16) -> Option<Option<u16>> {
    let fitting = tool.egress.iter().filter(|entry| covers(&entry.host, host) && entry.ports.contains(&port));
    let rank = |rule: &HostRule| match rule {
        HostRule::Exact(_) => 0,
        HostRule::OneLabel(_) => 1,
        HostRule::AnyPublic => 2,
    };
    fitting.min_by_key(|entry| rank(&entry.host)).map(|entry| entry.stand_in)
}

/// Host and port of a URL that a gateway would fetch, by its spelling alone.
pub(super) fn target_of(text: &str) -> Option<(String, u16)> {
    if text.len() > texts::URL_MAX || text.bytes().any(|b| b <= b' ' || b == 0x7f || b == b'\\') {
        return None;
    }
    let (scheme, rest) = text.split_once("://")?;
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let widest = &rest[..rest.find('/').unwrap_or(rest.len())];
    if !scheme.eq_ignore_ascii_case("https") || widest.contains('@') {
        return None;
    }
    let (host, port) = match authority.split_once(':') {
        Some((_, digits)) if digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) => return None,
        Some((host, digits)) => (host, digits.parse().ok()?),
        None => (authority, HTTPS),
    };
    let url = url::Url::parse(text).ok()?;
    let plain =
        name(&host.to_ascii_lowercase()) && url.host_str()?.eq_ignore_ascii_case(host) && url.as_str().len() <= texts::URL_MAX;
    plain.then(|| (host.to_ascii_lowercase(), port))
}

/// Whether a lower-case host is one that a gateway would look up: two labels or more, none empty, of the public internet.
fn name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
    };
    let public = |last: &str| !crate::host::PRIVATE_ENDINGS.contains(&last) && !LOCAL_ENDINGS.contains(&last);
    host.len() <= 253 && host.split('.').all(label) && host.rsplit_once('.').is_some_and(|(_, last)| public(last))
}

/// How the URLs of a target begin; the usual spelling first. The scheme may be written in capitals: rules see the text.
pub(super) fn heads(target: &Target) -> Vec<String> {
    let Target { host, port, stand_in: _ } = target;
    let explicit = format!("https://{host}:{port}");
    match *port {
        HTTPS => vec![format!("https://{host}"), explicit, format!("HTTPS://{host}"), format!("httpS://{host}")],
        _ => vec![explicit, format!("HTTPS://{host}:{port}"), format!("httpS://{host}:{port}")],
    }
}

/// Every place that a tool reaches in either policy, each as the targets of one call.
pub(super) fn of_tool(policies: [&Policy; 2], name: &str) -> Vec<Vec<Target>> {
    let tools: Vec<&Tool> = policies.iter().filter_map(|policy| super::tool(policy, name)).collect();
    let mut places: BTreeSet<Vec<Target>> = BTreeSet::new();
    match builtin::find(name).map(|facts| facts.network) {
        None | Some(Network::None) => return vec![Vec::new()],
        Some(Network::Fixed(hosts)) => {
            for tool in &tools {
                let target = |host: &&str| {
                    let stand_in = stand_in(tool, host, HTTPS)?;
                    Some(Target { host: (*host).to_owned(), port: HTTPS, stand_in })
                };
                places.extend(hosts.iter().map(target).collect::<Option<Vec<_>>>());
            }
        }
        Some(Network::Chosen) => {
            let ports: BTreeSet<u16> = tools.iter().flat_map(|tool| &tool.egress).flat_map(|entry| entry.ports.clone()).collect();
            for host in hosts(policies, &tools) {
                for tool in &tools {
                    let target = |port: &u16| {
                        let stand_in = stand_in(tool, &host, *port)?;
                        Some(vec![Target { host: host.clone(), port: *port, stand_in }])
                    };
                    places.extend(ports.iter().filter_map(target));
                }
            }
        }
    }
    places.into_iter().collect()
}

/// One host for each set of hosts that every rule of both policies treats alike: those named, one that only `*.x` covers for
/// each such rule, and one that only `*` covers.
fn hosts(policies: [&Policy; 2], tools: &[&Tool]) -> BTreeSet<String> {
    let listed = tools.iter().flat_map(|tool| &tool.egress).map(|entry| entry.host.clone());
    let granted = policies.iter().flat_map(|policy| &policy.grants).flat_map(|grant| &grant.domains).map(|text| entry(text));
    let mut rules: BTreeSet<HostRule> = listed.chain(granted).collect();
    // Prefixes and values of URL rules name hosts, too: under a wildcard they are hosts of their own.
    rules.extend(tools.iter().flat_map(|tool| named_in_rules(tool)).map(HostRule::Exact));
    let unnamed = |front: &str, base: &str| {
        let tries = (0..).map(|n: u32| if n == 0 { format!("{front}.{base}") } else { format!("{front}{n}.{base}") });
        tries.into_iter().find(|host| !rules.contains(&HostRule::Exact(host.clone()))).unwrap_or_default()
    };
    let of_rule = |rule: &HostRule| match rule {
        HostRule::Exact(host) => host.clone(),
        HostRule::OneLabel(base) => unnamed("a", base),
        HostRule::AnyPublic => unnamed("a", UNNAMED),
    };
    rules.iter().map(of_rule).collect()
}

/// Hosts that the rules for `url` can be about.
fn named_in_rules(tool: &Tool) -> Vec<String> {
    let texts = texts::Texts::of(super::rules(tool, "url"));
    let whole = texts.one_of.into_iter().flatten();
    let mut hosts: Vec<String> = whole.filter_map(|url| target_of(&url)).map(|(host, _)| host).collect();
    // A prefix that ends inside the host is completed in a few ways: as it stands, with a letter, with a label.
    let prefix = texts.prefix.to_ascii_lowercase();
    let authority = prefix.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#', ':']).next()).unwrap_or_default();
    let bases = tool.egress.iter().filter_map(|entry| match &entry.host {
        HostRule::OneLabel(base) => Some(base.clone()),
        HostRule::AnyPublic => Some(UNNAMED.to_owned()),
        HostRule::Exact(_) => None,
    });
    let label = authority.split('.').next().unwrap_or_default();
    let mut candidates = vec![authority.to_owned()];
    for base in bases {
        candidates.extend([
            format!("{label}.{base}"),
            format!("{label}a.{base}"),
            format!("{authority}.{base}"),
            format!("{authority}a.{base}"),
        ]);
    }
    // A bound on the length can leave room for nothing after the host, which then has to end as the rule says.
    let end = texts.suffix.to_ascii_lowercase();
    candidates.extend([end.clone(), format!("a{end}"), format!("a.{end}")]);
    hosts.extend(
        candidates.into_iter().filter(|host| target_of(&format!("https://{host}/")).is_some_and(|(read, _)| read == *host)),
    );
    hosts
}
