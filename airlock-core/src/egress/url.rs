//! Which URLs may be fetched: a text is admitted only if it is written canonically and names a listed host.
//!
//! Two parsers never agree on every text, so the text itself must leave no room: the host as written must be the host as the
//! WHATWG parser prints it (ASCII case aside), and that same parser's value is what the client dials later. This one rule
//! refuses octal, hexadecimal and short IPv4 forms, encoded and full-width characters, zone ids, user names and stray slashes.

use super::addr::{PublicAddr, classify};
use crate::policy::{Egress, HostRule};
use std::net::IpAddr;

mod fault;

pub use fault::UrlFault;

/// Longest URL accepted, in bytes. Common servers stop at 8 KiB of request line.
pub const URL_MAX: usize = 8 * 1024;
/// Longest host name, in bytes (RFC 1035: 255 on the wire).
const HOST_MAX: usize = 253;
/// Longest label of a host name, in bytes (RFC 1035).
const LABEL_MAX: usize = 63;

/// Last labels that never name a public host: the special-use names of RFC 6761, 6762 (with its appendix G), 7686, 8375 and 9476,
/// the names that ICANN keeps out of the root, and Kubernetes' `svc`. Split-horizon resolvers answer them with inner addresses.
const SPECIAL_NAMES: &[&str] = &[
    "alt",
    "arpa",
    "corp",
    "example",
    "home",
    "internal",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "mail",
    "onion",
    "private",
    "svc",
    "test",
];

/// What may be fetched.
#[derive(Debug, Clone, Copy)]
pub struct UrlRules<'a> {
    /// Accepted schemes, lower case. Gateways use [`UrlRules::https`].
    pub schemes: &'a [&'a str],
    /// Accepted hosts with their ports.
    pub egress: &'a [Egress],
}

impl<'a> UrlRules<'a> {
    /// The rules of a gateway: `https` only, to the listed hosts.
    #[must_use]
    pub const fn https(egress: &'a [Egress]) -> Self {
        Self { schemes: &["https"], egress }
    }
}

/// A URL that may be fetched. Only [`admit`] makes one; its host, port and path never change afterwards.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    url: url::Url,
    literal: Option<PublicAddr>,
    port: u16,
    stand_in: Option<u16>,
}

impl Target {
    /// Canonical host: a lower-case ASCII name, a dotted quad, or an IPv6 address in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Port to connect to.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Canonical URL without its fragment, which is never sent.
    #[must_use]
    pub const fn url(&self) -> &url::Url {
        &self.url
    }

    /// What is asked for at the host: path and query as they are sent.
    #[must_use]
    pub fn path_and_query(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }

    /// The address, where the host is one.
    #[must_use]
    pub const fn literal(&self) -> Option<PublicAddr> {
        self.literal
    }

    /// Loopback port that stands in for the host in tests and demonstrations.
    #[must_use]
    pub const fn stand_in(&self) -> Option<u16> {
        self.stand_in
    }

    /// Adds query parameters, percent-encoded. What was admitted (scheme, host, port, path) stays as it is.
    #[must_use]
    pub fn and_query(mut self, pairs: &[(&str, &str)]) -> Self {
        self.url.query_pairs_mut().extend_pairs(pairs);
        self
    }
}

/// Decides whether a URL may be fetched, from its text alone: no name is resolved here.
///
/// # Errors
/// The first rule that the text breaks, see [`UrlFault`].
pub fn admit(text: &str, rules: &UrlRules<'_>) -> Result<Target, UrlFault> {
    let Place { mut url, address, port } = read(text, rules.schemes)?;
    let (literal, rule) = match address {
        Some(address) => literal_rule(address, port, rules.egress)?,
        None => (None, name_rule(url.host_str().ok_or(UrlFault::Shape)?, port, rules.egress)?),
    };
    let stand_in = rule.stand_in;
    url.set_fragment(None);
    // What is sent is the canonical form, in which one character of the path may have become nine.
    if url.as_str().len() > URL_MAX {
        return Err(UrlFault::TooLong);
    }
    Ok(Target { url, literal, port, stand_in })
}

/// Is the text an `https` URL, or a bare host name, whose host one of these rules covers? Read as [`admit`] reads; ports are not
/// looked at. An address is covered by `*` alone, and only if it is public.
#[must_use]
pub fn names_host(text: &str, rules: &[HostRule]) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let place = if text.contains("://") {
        read(text, &["https"])
    } else if text.bytes().all(plain) {
        read(&format!("https://{text}/"), &["https"])
    } else {
        return false;
    };
    match place {
        Ok(Place { address: Some(address), .. }) => {
            classify(address).is_ok() && rules.iter().any(|rule| matches!(rule, HostRule::AnyPublic))
        }
        Ok(Place { url, address: None, .. }) => url.host_str().is_some_and(|host| rules.iter().any(|rule| rule.covers(host))),
        Err(_) => false,
    }
}

/// A URL that has one reading.
struct Place {
    url: url::Url,
    /// The host, where it is an address; otherwise it is a name that [`check_name`] accepted.
    address: Option<IpAddr>,
    port: u16,
}

fn read(text: &str, schemes: &[&str]) -> Result<Place, UrlFault> {
    let written = Written::read(text)?;
    if !schemes.iter().any(|scheme| scheme.eq_ignore_ascii_case(written.scheme)) {
        return Err(UrlFault::Scheme);
    }
    let url = url::Url::parse(text).map_err(|_| written.unreadable())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlFault::UserInfo);
    }
    let host = url.host_str().ok_or(UrlFault::Shape)?;
    if !host.eq_ignore_ascii_case(written.host) || !url.scheme().eq_ignore_ascii_case(written.scheme) {
        return Err(UrlFault::HostSpelling);
    }
    let port = url.port_or_known_default().ok_or(UrlFault::PortSpelling)?;
    if written.port.is_some_and(|number| number != port) {
        return Err(UrlFault::PortSpelling);
    }
    let address = match url.host().ok_or(UrlFault::Shape)? {
        url::Host::Domain(name) => {
            check_name(name)?;
            None
        }
        url::Host::Ipv4(v4) => Some(IpAddr::V4(v4)),
        url::Host::Ipv6(v6) => Some(IpAddr::V6(v6)),
    };
    Ok(Place { url, address, port })
}

/// The parts of a URL as they are written, before any parser has mapped them.
struct Written<'a> {
    scheme: &'a str,
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Written<'a> {
    fn read(text: &'a str) -> Result<Self, UrlFault> {
        if text.len() > URL_MAX {
            return Err(UrlFault::TooLong);
        }
        // Without a stop at the first bad byte the compiler tests many bytes at once; the text is short.
        if text.bytes().fold(false, |any, b| any | (b <= b' ') | (b == 0x7f) | (b == b'\\')) {
            return Err(UrlFault::Character);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlFault::Shape)?;
        if scheme.is_empty() || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')) {
            return Err(UrlFault::Shape);
        }
        let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
        // Some parsers end the authority only at the first slash and would find a user name in `host#@other/` or `host?@other/`.
        let widest = &rest[..rest.find('/').unwrap_or(rest.len())];
        if widest.contains('@') {
            return Err(UrlFault::UserInfo);
        }
        let (host, port) = split_port(authority)?;
        if host.is_empty() {
            return Err(UrlFault::Shape);
        }
        Ok(Self { scheme, host, port })
    }

    /// The fault of a text that the parser refuses: the host is to blame unless it is plainly written.
    fn unreadable(&self) -> UrlFault {
        if self.host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-')) {
            UrlFault::HostSpelling
        } else {
            UrlFault::Shape
        }
    }
}

/// Splits `host:port`; an IPv6 host ends at its bracket.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), UrlFault> {
    let host_end = if authority.starts_with('[') {
        authority.find(']').ok_or(UrlFault::HostSpelling)? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, rest) = authority.split_at(host_end);
    match rest.strip_prefix(':') {
        Some(digits) => Ok((host, Some(plain_port(digits).ok_or(UrlFault::PortSpelling)?))),
        None if rest.is_empty() => Ok((host, None)),
        None => Err(UrlFault::HostSpelling),
    }
}

/// A port written as decimal digits without leading zeros, 1 to 65535.
fn plain_port(digits: &str) -> Option<u16> {
    let plain = !digits.starts_with('0') && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

/// Checks a lower-case ASCII host name as the parser printed it. Underscores and outer hyphens exist in real DNS names.
fn check_name(name: &str) -> Result<(), UrlFault> {
    let label_ok = |label: &str| {
        (1..=LABEL_MAX).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'))
    };
    if name.len() > HOST_MAX || !name.split('.').all(label_ok) {
        return Err(UrlFault::HostSpelling);
    }
    match name.rsplit_once('.') {
        // A single label is completed from the resolver's search list, so its meaning depends on the machine.
        None => Err(UrlFault::HostSpecial),
        Some((_, last)) if SPECIAL_NAMES.contains(&last) => Err(UrlFault::HostSpecial),
        Some(_) => Ok(()),
    }
}

/// The rule for a host that is an address: only `*` covers it, and only if it is public.
fn literal_rule(address: IpAddr, port: u16, egress: &[Egress]) -> Result<(Option<PublicAddr>, &Egress), UrlFault> {
    let mut any = egress.iter().filter(|entry| matches!(entry.host, HostRule::AnyPublic)).peekable();
    if any.peek().is_none() {
        return Err(UrlFault::HostLiteral);
    }
    let public = classify(address).map_err(UrlFault::Address)?;
    let rule = any.find(|entry| entry.ports.contains(&port)).ok_or(UrlFault::PortNotListed(port))?;
    Ok((Some(public), rule))
}

/// The first rule that covers a host name and its port; exact rules are looked at before patterns.
fn name_rule<'a>(host: &str, port: u16, egress: &'a [Egress]) -> Result<&'a Egress, UrlFault> {
    let rank = |entry: &Egress| match entry.host {
        HostRule::Exact(name) => (name == host).then_some(0),
        HostRule::OneLabel(parent) => host
            .strip_suffix(parent)
            .and_then(|front| front.strip_suffix('.'))
            .is_some_and(|label| !label.is_empty() && !label.contains('.'))
            .then_some(1),
        HostRule::AnyPublic => Some(2),
    };
    let mut host_listed = false;
    let mut best: Option<(u8, &Egress)> = None;
    for entry in egress {
        let Some(rank) = rank(entry) else { continue };
        host_listed = true;
        if entry.ports.contains(&port) && best.is_none_or(|(other, _)| rank < other) {
            best = Some((rank, entry));
        }
    }
    match best {
        Some((_, entry)) => Ok(entry),
        None if host_listed => Err(UrlFault::PortNotListed(port)),
        None => Err(UrlFault::HostNotListed(host.to_owned())),
    }
}

#[cfg(test)]
mod tests;
