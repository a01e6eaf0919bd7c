//! Where requests can go. Hosts that every rule of both policies treats alike make one class.

use super::Target;
use super::face::{self, TEXT_MAX, Where};
use super::parts::{Elsewhere, Part, Rows};
use super::values;
use crate::ir::{ArgRule, HostRule, Policy, Tool};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

/// The port of URLs that name none.
pub(super) const HTTPS: u16 = 443;
/// Longest label of a host name, in bytes (RFC 1035).
pub(super) const LABEL_MAX: u32 = 63;
/// Longest host name, in bytes (RFC 1035).
pub(super) const HOST_MAX: u32 = 253;
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

/// Whether a rule covers every host that another rule covers.
pub(super) fn covers(outer: &HostRule, inner: &HostRule) -> bool {
    match (outer, inner) {
        (HostRule::AnyPublic, HostRule::Exact(_) | HostRule::OneLabel(_) | HostRule::AnyPublic) => true,
        (HostRule::OneLabel(base), HostRule::OneLabel(other)) => base == other,
        (HostRule::OneLabel(_) | HostRule::Exact(_), HostRule::Exact(host)) => crate::host::covers(outer, host),
        (HostRule::OneLabel(_), HostRule::AnyPublic) | (HostRule::Exact(_), HostRule::OneLabel(_) | HostRule::AnyPublic) => false,
    }
}

/// The stand-in (or none) that a request to the hosts of a class and this port goes to; nothing if the tool may not send it. Exact
/// hosts are looked at before patterns, as in the gateway.
pub(super) fn stand_in(tool: &Tool, class: &HostRule, port: u16) -> Option<Option<u16>> {
    let rank = |rule: &HostRule| match rule {
        HostRule::Exact(_) => 0,
        HostRule::OneLabel(_) => 1,
        HostRule::AnyPublic => 2,
    };
    let fitting = tool.egress.iter().filter(|entry| entry.ports.contains(&port) && covers(&entry.host, class));
    fitting.min_by_key(|entry| rank(&entry.host)).map(|entry| entry.stand_in)
}

/// Host in lower case and port of a URL that a gateway would fetch, by its spelling alone.
pub(super) fn target_of(text: &str) -> Option<(String, u16)> {
    if text.len() > TEXT_MAX || text.bytes().any(|b| b <= b' ' || b == 0x7f || b == b'\\') {
        return None;
    }
    let (scheme, rest) = text.split_once("://")?;
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let widest = &rest[..rest.find('/').unwrap_or(rest.len())];
    if !scheme.eq_ignore_ascii_case("https") || widest.contains('@') {
        return None;
    }
    // An IPv6 host ends at its bracket.
    let end = authority.find(']').map_or(0, |at| at + 1);
    let (host, port) = match authority.get(end..)?.split_once(':') {
        Some((_, digits)) if digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) => return None,
        Some((rest, digits)) => (&authority[..end + rest.len()], digits.parse().ok()?),
        None => (authority, HTTPS),
    };
    let url = url::Url::parse(text).ok()?;
    let plain = name(&host.to_ascii_lowercase()) && url.host_str()?.eq_ignore_ascii_case(host) && url.as_str().len() <= TEXT_MAX;
    plain.then(|| (host.to_ascii_lowercase(), port))
}

/// Host in lower case of an `https` URL or a bare host name.
pub(super) fn host_of(text: &str) -> Option<String> {
    if text.contains("://") {
        return target_of(text).map(|(host, _)| host);
    }
    target_of(&format!("https://{text}/"))
        .filter(|(host, port)| *port == HTTPS && host.eq_ignore_ascii_case(text))
        .map(|(host, _)| host)
}

/// Whether a lower-case host is one that a gateway would look up: two labels or more, none empty, of the public internet; or an
/// address. Which addresses are public no manifest changes, so all count here.
fn name(host: &str) -> bool {
    let six = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if host.parse::<Ipv4Addr>().is_ok() || six.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()) {
        return true;
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= LABEL_MAX as usize
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
    };
    host.len() <= HOST_MAX as usize
        && host.split('.').all(label)
        && host.rsplit_once('.').is_some_and(|(_, last)| !private_endings().any(|ending| ending == last))
}

/// Last labels of hosts that a gateway never looks up.
pub(super) fn private_endings() -> impl Iterator<Item = &'static str> {
    crate::host::PRIVATE_ENDINGS.iter().chain(LOCAL_ENDINGS).copied()
}

/// A place where a call can go: no host, some fixed ones, or one of a class.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Host, port and stand-in.
    pub(super) targets: Vec<(HostRule, u16, Option<u16>)>,
    /// The host and port are read from the argument `url`.
    pub(super) chosen: bool,
}

impl Place {
    /// Whether this tool may send requests there, and does.
    pub(super) fn open(&self, tool: &Tool) -> bool {
        let allowed = |(host, port, local): &(HostRule, u16, Option<u16>)| stand_in(tool, host, *port) == Some(*local);
        let exact = |(host, port, _): &(HostRule, u16, Option<u16>)| match host {
            HostRule::Exact(host) => Some((host.clone(), *port)),
            HostRule::OneLabel(_) | HostRule::AnyPublic => None,
        };
        let sent = match face::network(tool) {
            Where::Nowhere => self.targets.is_empty(),
            Where::Chosen => self.chosen,
            Where::Fixed(hosts) => {
                let own: Vec<_> = hosts.iter().map(|host| Some(((*host).to_owned(), HTTPS))).collect();
                self.targets.iter().map(exact).collect::<Vec<_>>() == own
            }
            Where::One(host, port) => self.targets.iter().map(exact).collect::<Vec<_>>() == [Some((host.to_owned(), port))],
        };
        sent && self.targets.iter().all(allowed)
    }

    /// The targets of a call; `url` is its argument where the call chooses.
    pub(super) fn targets(&self, url: Option<&str>) -> Vec<Target> {
        let target = |(host, port, local): &(HostRule, u16, Option<u16>)| {
            let host = match host {
                HostRule::Exact(host) => host.clone(),
                HostRule::OneLabel(_) | HostRule::AnyPublic => url.and_then(target_of).map(|(host, _)| host).unwrap_or_default(),
            };
            Target { host, port: *port, stand_in: *local }
        };
        self.targets.iter().map(target).collect()
    }

    pub(super) fn words(&self) -> Vec<String> {
        let words = |(host, port, local): &(HostRule, u16, Option<u16>)| match local {
            None => format!("{}:{port}", crate::host::written(host)),
            Some(local) => format!("{}:{port} (stand-in 127.0.0.1:{local})", crate::host::written(host)),
        };
        self.targets.iter().map(words).collect()
    }
}

/// The hosts that rules name: a class is what one of them covers and no narrower one does.
#[derive(Debug, Default)]
pub(super) struct Classes(BTreeSet<HostRule>);

impl Classes {
    /// The classes that rules of a tool's two shapes, among them those about its `url`, and of grants for it make.
    pub(super) fn of(policies: [&Policy; 2], tools: &[&Tool]) -> Self {
        let listed = tools.iter().flat_map(|tool| &tool.egress).map(|entry| entry.host.clone());
        let name = tools.first().map(|tool| tool.name.as_str()).unwrap_or_default();
        let granting =
            policies.iter().flat_map(|policy| &policy.grants).filter(|grant| grant.tools.iter().any(|tool| tool == name));
        let granted = granting.flat_map(|grant| &grant.domains).map(|text| entry(text));
        let ruled = tools.iter().flat_map(|tool| values::rules(tool, "url")).flat_map(|rule| match rule {
            ArgRule::HostIn(hosts) => hosts.clone(),
            ArgRule::OneOf(_)
            | ArgRule::Prefix(_)
            | ArgRule::Suffix(_)
            | ArgRule::MinLength(_)
            | ArgRule::MaxLength(_)
            | ArgRule::Min(_)
            | ArgRule::Max(_)
            | ArgRule::Matches(_)
            | ArgRule::Under(_)
            | ArgRule::MaxItems(_)
            | ArgRule::Forbid => Vec::new(),
        });
        Self(listed.chain(granted).chain(ruled).collect())
    }

    /// Machines for the URLs of a class and port.
    pub(super) fn machines(&self, class: &HostRule, port: u16) -> Vec<Part> {
        let names = self.0.iter().filter_map(|rule| match rule {
            HostRule::Exact(host) if covers(class, rule) => Some(host.as_str()),
            HostRule::Exact(_) | HostRule::OneLabel(_) | HostRule::AnyPublic => None,
        });
        let bases = self.0.iter().filter_map(|rule| match rule {
            HostRule::OneLabel(base) => Some(base.as_str()),
            HostRule::Exact(_) | HostRule::AnyPublic => None,
        });
        let urls = Part::Rows(Rc::new(urls(class, port)));
        match class {
            HostRule::Exact(_) => vec![urls],
            HostRule::OneLabel(_) => vec![urls, Part::Elsewhere(Rc::new(Elsewhere::new(names, [])))],
            HostRule::AnyPublic => vec![urls, Part::Elsewhere(Rc::new(Elsewhere::new(names, bases)))],
        }
    }

    /// The class of a host.
    pub(super) fn class(&self, host: &str) -> HostRule {
        let exact = HostRule::Exact(host.to_owned());
        let under = host.split_once('.').map(|(_, base)| HostRule::OneLabel(base.to_owned()));
        match (self.0.contains(&exact), under.filter(|rule| self.0.contains(rule))) {
            (true, _) => exact,
            (false, Some(rule)) => rule,
            (false, None) => HostRule::AnyPublic,
        }
    }
}

/// Every place that a tool reaches in either policy, each as the targets of one call.
pub(super) fn of_tool(tools: &[&Tool], classes: &Classes) -> Vec<Place> {
    let mut places: BTreeSet<Place> = BTreeSet::new();
    for tool in tools {
        let fixed = |hosts: Vec<(&str, u16)>| {
            let target = |(host, port): (&str, u16)| {
                let host = HostRule::Exact(host.to_owned());
                stand_in(tool, &host, port).map(|local| (host, port, local))
            };
            hosts.into_iter().map(target).collect::<Option<Vec<_>>>().map(|targets| Place { targets, chosen: false })
        };
        match face::network(tool) {
            Where::Nowhere => drop(places.insert(Place { targets: Vec::new(), chosen: false })),
            Where::Fixed(hosts) => places.extend(fixed(hosts.iter().map(|host| (*host, HTTPS)).collect())),
            Where::One(host, port) => places.extend(fixed(vec![(host, port)])),
            Where::Chosen => {
                let ports: BTreeSet<u16> = tool.egress.iter().flat_map(|entry| entry.ports.iter().copied()).collect();
                for (class, port) in classes.0.iter().flat_map(|class| ports.iter().map(move |port| (class, *port))) {
                    let place = |local| Place { targets: vec![(class.clone(), port, local)], chosen: true };
                    places.extend(stand_in(tool, class, port).map(place));
                }
            }
        }
    }
    places.into_iter().collect()
}

/// The URLs with a host that a rule covers and this port, as a machine.
fn urls(rule: &HostRule, port: u16) -> Rows {
    let mut rows = Rows::default();
    let first = rows.state(false);
    let head = rows.literal(first, "https://");
    let ends = match rule {
        HostRule::Exact(host) => vec![rows.literal(head, host)],
        HostRule::OneLabel(base) => {
            let label = rows.state(false);
            rows.link(head, label_bytes(), label);
            rows.link(label, label_bytes(), label);
            vec![rows.literal(label, &format!(".{base}"))]
        }
        HostRule::AnyPublic => public_name(&mut rows, head),
    };
    let after = tail(&mut rows);
    let digits = port.to_string();
    let colon = rows.state(false);
    let number = rows.literal(colon, &digits);
    rows.accepting(number);
    after(&mut rows, number);
    for end in ends {
        rows.link(end, [b':'], colon);
        if port == HTTPS {
            rows.accepting(end);
            after(&mut rows, end);
        }
    }
    rows
}

fn label_bytes() -> impl Iterator<Item = u8> {
    (b'a'..=b'z').chain(b'A'..=b'Z').chain(b'0'..=b'9').chain([b'-', b'_'])
}

/// States for an address or a name of two labels or more, from a state on, whose last label is neither a number nor private; where it
/// can end. Numbers of an address are not bounded here, nor the groups of a long one: the evaluator does that.
fn public_name(rows: &mut Rows, head: u32) -> Vec<u32> {
    let (lone, fresh, digits, other) = (rows.state(false), rows.state(false), rows.state(false), rows.state(false));
    rows.link(head, label_bytes(), lone);
    rows.link(lone, label_bytes(), lone);
    rows.link(fresh, label_bytes(), other);
    rows.link(fresh, b'0'..=b'9', digits);
    rows.link(digits, label_bytes(), other);
    rows.link(digits, b'0'..=b'9', digits);
    rows.link(other, label_bytes(), other);
    let mut ends = vec![other];
    let mut inner = vec![digits, lone];
    for ending in private_endings() {
        let mut at = fresh;
        for (place, byte) in ending.bytes().enumerate() {
            let mut next = rows.after(at, byte);
            if next == other {
                next = rows.state(false);
                rows.link(next, label_bytes(), other);
                rows.link(at, [byte, byte.to_ascii_uppercase()], next);
                ends.push(next);
            }
            if place + 1 == ending.len() {
                ends.retain(|end| *end != next);
                inner.push(next);
            }
            at = next;
        }
    }
    for state in ends.iter().chain(&inner) {
        rows.link(*state, [b'.'], fresh);
    }
    ends.push(four_numbers(rows, head, fresh, [lone, other]));
    ends.push(in_brackets(rows, head));
    ends
}

/// The states of four numbers with dots, as long as the text may be that; else those of a name.
fn four_numbers(rows: &mut Rows, head: u32, fresh: u32, [lone, other]: [u32; 2]) -> u32 {
    let mut before = head;
    let mut number = head;
    for count in 1..=4 {
        number = rows.state(false);
        rows.link(before, b'0'..=b'9', number);
        rows.link(number, label_bytes(), if count == 1 { lone } else { other });
        rows.link(number, b'0'..=b'9', number);
        before = if count == 4 { fresh } else { rows.copy(fresh) };
        rows.link(number, [b'.'], before);
    }
    number
}

/// The states of an address in brackets.
fn in_brackets(rows: &mut Rows, head: u32) -> u32 {
    let states = [rows.state(false), rows.state(false), rows.state(false)];
    let closed = rows.state(false);
    rows.link(head, [b'['], states[0]);
    for (at, state) in states.into_iter().enumerate() {
        rows.link(state, (b'0'..=b'9').chain(b'a'..=b'f').chain(b'A'..=b'F'), state);
        rows.link(state, [b':'], states[(at + 1).min(2)]);
    }
    rows.link(states[2], [b']'], closed);
    closed
}

/// What may follow a host or port, as a function that links it to a state: no `@` before the first slash.
fn tail(rows: &mut Rows) -> impl Fn(&mut Rows, u32) + use<> {
    let (path, query) = (rows.state(true), rows.state(true));
    let plain = || (b'!'..=u8::MAX).filter(|byte| !matches!(byte, 0x7f | b'\\'));
    rows.link(path, plain(), path);
    rows.link(query, plain().filter(|byte| *byte != b'@'), query);
    rows.link(query, [b'/'], path);
    move |rows, state| {
        rows.link(state, [b'/'], path);
        rows.link(state, [b'?', b'#'], query);
    }
}

/// A pattern for the hosts and URLs that a `host_in` rule accepts. With `all` it may accept too much, else too little, but for the
/// lengths of labels, which [`Part::Lengths`] says: labels of an international form are then left out, since not each of them is one.
pub(super) fn host_pattern(rules: &[HostRule], all: bool) -> String {
    let any_case = |text: &str| -> String {
        let letter = |c: char| match c.is_ascii_alphabetic() {
            true => format!("[{}{}]", c.to_ascii_lowercase(), c.to_ascii_uppercase()),
            false => regex_syntax::escape(&c.to_string()),
        };
        text.chars().map(letter).collect()
    };
    let label = if all { "[A-Za-z0-9_-]+".to_owned() } else { label_without(&["xn--"], true, false) };
    let host = |rule: &HostRule| match rule {
        HostRule::Exact(host) => any_case(host),
        HostRule::OneLabel(base) => format!("{label}{}", any_case(&format!(".{base}"))),
        HostRule::AnyPublic if all => format!("(?:{label}\\.)+{label}"),
        HostRule::AnyPublic => {
            let endings: Vec<&str> = private_endings().collect();
            // A last label that begins with a digit may be read as a number; one of an international form is looked at by its
            // first letters alone.
            format!("(?:{label}\\.)+{}", label_without(&endings, false, true))
        }
    };
    let hosts = rules.iter().map(host).collect::<Vec<_>>().join("|");
    let six = if all && rules.contains(&HostRule::AnyPublic) { r"|\[[0-9A-Fa-f:.]+\]" } else { "" };
    let port = if all { "(?::[1-9][0-9]{0,4})?" } else { "(?::[1-9][0-9]{0,3})?" };
    let plain = r"[^\x00-\x20\x7f\\]";
    let query = r"[^\x00-\x20\x7f\\@/]";
    format!("[Hh][Tt][Tt][Pp][Ss]://(?:{hosts}{six}){port}(?:/{plain}*|[?#]{query}*(?:/{plain}*)?)?|(?:{hosts})")
}

/// A pattern for labels that are none of some words, or with `prefix` begin with none of them; with `letter` they do not begin with a
/// digit. The words are few.
fn label_without(words: &[&str], prefix: bool, letter: bool) -> String {
    let first: BTreeSet<u8> = words.iter().filter_map(|word| word.bytes().next()).collect();
    let both = |byte: u8| match byte {
        b'-' => "\\-".to_owned(),
        byte => format!("{}{}", char::from(byte), char::from(byte.to_ascii_uppercase())),
    };
    let taken: String = first.iter().map(|byte| both(*byte)).chain(letter.then(|| "0-9".to_owned())).collect();
    let free = if taken.is_empty() { "[A-Za-z0-9_-]".to_owned() } else { format!("[A-Za-z0-9_\\-&&[^{taken}]]") };
    let mut ways = vec![format!("{free}[A-Za-z0-9_-]*")];
    for byte in &first {
        let rests: Vec<&str> = words.iter().filter_map(|word| word.strip_prefix(char::from(*byte))).collect();
        let ends = rests.contains(&"");
        if ends && prefix {
            continue;
        }
        let longer = label_without(&rests, prefix, false);
        ways.push(format!("[{}]{longer}{}", both(*byte), if ends { "" } else { "?" }));
    }
    format!("(?:{})", ways.join("|"))
}
