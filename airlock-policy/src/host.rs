//! Host names and patterns: one canonical spelling, and only names of the public internet.

use crate::code::Code;
use crate::ir::HostRule;
use crate::text::quote;
use std::net::Ipv4Addr;
use url::Host;

/// Name endings that are not on the public internet, or that a local network answers: RFC 6761, 6762, 7686, 8375, 9476 and what
/// ICANN keeps back because private networks use it.
pub(crate) const PRIVATE_ENDINGS: &[&str] = &[
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "test",
    "example",
    "invalid",
    "onion",
    "alt",
    "arpa",
];

/// Suffixes under which strangers get names of their own, and that the Public Suffix List does not have: a wildcard over them
/// reaches anybody.
const SHARED_SUFFIXES: &[&str] = &[
    "amazonaws.com",
    "cloudapp.net",
    "googleusercontent.com",
    "ngrok.io",
    "repl.co",
    "storage.googleapis.com",
    "trycloudflare.com",
    "windows.net",
    "workers.dev",
];

/// Services whose names resolve to whatever address stands in them, or to loopback.
const ECHO_SUFFIXES: &[&str] = &["nip.io", "sslip.io", "xip.io", "localtest.me", "lvh.me", "vcap.me", "lacolhost.com"];

/// Why a host is refused, and what to do.
#[derive(Debug)]
pub(crate) struct HostFault {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) help: &'static str,
}

/// Parses a host, `*.host` or `*` to its canonical rule.
pub(crate) fn rule(text: &str) -> Result<HostRule, HostFault> {
    if text == "*" {
        return Ok(HostRule::AnyPublic);
    }
    let Some(base) = text.strip_prefix("*.") else {
        return public_name(text).map(HostRule::Exact);
    };
    let base = canonical(base)?;
    if !base.contains('.') || shared(&base) {
        return Err(HostFault {
            code: Code::BroadHost,
            message: format!("`*.{base}` covers names that belong to different owners"),
            help: "name the hosts, or a domain that one owner holds, such as \"*.api.example.com\"",
        });
    }
    refuse_private(&base)?;
    Ok(HostRule::OneLabel(base))
}

/// The rule as it is written in a manifest.
pub(crate) fn written(rule: &HostRule) -> String {
    match rule {
        HostRule::Exact(host) => host.clone(),
        HostRule::OneLabel(base) => format!("*.{base}"),
        HostRule::AnyPublic => "*".to_owned(),
    }
}

/// Whether a rule covers a canonical host.
pub(crate) fn covers(rule: &HostRule, host: &str) -> bool {
    match rule {
        HostRule::Exact(exact) => exact == host,
        HostRule::OneLabel(base) => host.split_once('.').is_some_and(|(_, rest)| rest == base),
        HostRule::AnyPublic => true,
    }
}

/// Whether some host is covered by both rules.
pub(crate) fn meet(one: &HostRule, other: &HostRule) -> bool {
    match (one, other) {
        (HostRule::Exact(host), rule) | (rule, HostRule::Exact(host)) => covers(rule, host),
        (HostRule::OneLabel(one), HostRule::OneLabel(other)) => one == other,
        (HostRule::AnyPublic, HostRule::OneLabel(_) | HostRule::AnyPublic) | (HostRule::OneLabel(_), HostRule::AnyPublic) => true,
    }
}

/// The canonical host of an argument that `host_in` judges: an `https` URL without user, or a bare host name.
pub(crate) fn of_value(value: &str) -> Option<String> {
    if !value.contains("://") {
        return canonical(value).ok();
    }
    let url = url::Url::parse(value).ok()?;
    let plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    match url.host()? {
        Host::Domain(host) if plain => canonical(host).ok(),
        Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_) => None,
    }
}

/// Whether a path is `root` or below it, in normal form.
pub(crate) fn is_under(root: &str, path: &str) -> bool {
    let below = root == "/" || path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    below && crate::name::under(path).is_ok()
}

fn public_name(text: &str) -> Result<String, HostFault> {
    let host = canonical(text)?;
    refuse_private(&host)?;
    Ok(host)
}

/// Lower case, IDNA ASCII form, no trailing dot: the spelling that the HTTP client dials.
fn canonical(text: &str) -> Result<String, HostFault> {
    let bad = |problem: &str| HostFault {
        code: Code::BadHost,
        message: format!("{} is not a host name: {problem}", quote(text)),
        help: "write the bare name, without scheme, port or path: \"api.example.com\", or \"*.example.com\" for one label more",
    };
    if text.contains("://") {
        return Err(bad("it is a URL"));
    }
    if text.starts_with('[') || text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Err(address(text));
    }
    if let Some(c) = text.chars().find(|c| c.is_ascii() && !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.')) {
        return Err(bad(&format!("{} cannot stand in it", quote(&c.to_string()))));
    }
    if text.chars().any(crate::text::hidden) {
        return Err(bad("it has invisible characters"));
    }
    let text_without_dot = text.strip_suffix('.').unwrap_or(text);
    let host = match Host::parse(text_without_dot) {
        Ok(Host::Domain(host)) => host,
        Ok(Host::Ipv4(_) | Host::Ipv6(_)) => return Err(address(text)),
        Err(_) => return Err(bad("it is empty, or a label is not valid")),
    };
    let label_fits = |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
    match host.len() <= 253 && host.split('.').all(label_fits) {
        true => Ok(host),
        false => Err(bad("a label is empty, longer than 63 characters, or has a hyphen at its end")),
    }
}

fn address(text: &str) -> HostFault {
    HostFault {
        code: Code::PrivateHost,
        message: format!("{} is an address, not a name", quote(text)),
        help: "name a public host; which addresses it may resolve to is checked at every connection (for a test server use `stand_in`)",
    }
}

fn refuse_private(host: &str) -> Result<(), HostFault> {
    let last = host.rsplit('.').next().unwrap_or(host);
    let private =
        !host.contains('.') || PRIVATE_ENDINGS.contains(&last) || last.bytes().all(|b| b.is_ascii_digit()) || echoes(host);
    match private {
        true => Err(HostFault {
            code: Code::PrivateHost,
            message: format!("`{host}` is not a name on the public internet"),
            help: "a gateway only calls public hosts; for a test server name the real host and set `stand_in`",
        }),
        false => Ok(()),
    }
}

/// A public suffix (of a registry, or of a provider that gives names away), or a name under which every name is one.
fn shared(base: &str) -> bool {
    let listed = |name: &str| psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.is_known() && suffix == name);
    listed(base) || listed(&format!("any.{base}")) || SHARED_SUFFIXES.contains(&base)
}

/// A name under one of these suffixes, or the suffix itself.
fn echoes(host: &str) -> bool {
    ECHO_SUFFIXES.iter().any(|suffix| host.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// Parses `127.0.0.1:PORT` to the port.
pub(crate) fn stand_in(text: &str) -> Option<u16> {
    let (address, port) = text.split_once(':')?;
    let loopback = address.parse::<Ipv4Addr>() == Ok(Ipv4Addr::LOCALHOST);
    let plain = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
    match loopback && plain {
        true => port.parse().ok(),
        false => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(text: &str) -> Option<Code> {
        rule(text).err().map(|fault| fault.code)
    }

    #[test]
    fn hosts_have_one_spelling() {
        for spelling in ["api.open-meteo.com", "API.Open-Meteo.COM", "api.open-meteo.com."] {
            assert_eq!(rule(spelling).unwrap(), HostRule::Exact("api.open-meteo.com".to_owned()));
        }
        assert_eq!(rule("bücher.de").unwrap(), HostRule::Exact("xn--bcher-kva.de".to_owned()));
        assert_eq!(rule("*.Example.com").unwrap(), HostRule::OneLabel("example.com".to_owned()));
        assert_eq!(rule("*").unwrap(), HostRule::AnyPublic);
    }

    #[test]
    fn addresses_in_every_spelling_and_private_names_are_refused() {
        for text in [
            "127.0.0.1",
            "0x7f.1",
            "2130706433",
            "0177.0.0.1",
            "169.254.169.254",
            "[::1]",
            "::1",
            "localhost",
            "db",
            "printer.local",
            "metadata.google.internal",
            "x.home.arpa",
            "a.localhost",
            "hidden.onion",
            "*.corp.internal",
            "１２７.0.0.1",
            "localhost.",
            "10.0.0.1.nip.io",
            "localtest.me",
            "*.sslip.io",
        ] {
            assert_eq!(code(text), Some(Code::PrivateHost), "{text}");
        }
    }

    #[test]
    fn wildcards_over_strangers_are_refused() {
        for text in [
            "*.com",
            "*.co.uk",
            "*.com.au",
            "*.github.io",
            "*.s3.amazonaws.com",
            "*.workers.dev",
            "*.kawasaki.jp",
            "*.xn--p1ai",
            "*.vercel.app",
            "*.blob.core.windows.net",
            "*.gov.uk",
            "*.web.app",
            "*.k12.ca.us",
            "*.herokuapp.com",
        ] {
            assert_eq!(code(text), Some(Code::BroadHost), "{text}");
        }
        for suffix in SHARED_SUFFIXES {
            assert_eq!(code(&format!("*.{suffix}")), Some(Code::BroadHost), "{suffix}");
        }
        assert_eq!(code("*.example.co.uk"), None);
    }

    #[test]
    fn what_is_no_host_name_is_refused() {
        for text in [
            "",
            ".",
            "https://a.b",
            "a.b/c",
            "a.b:80",
            "a b.c",
            "a..b",
            "a.*.b",
            "*a.b",
            "exa%6dple.com",
            "user@a.b",
            "-a.b",
            "a_b.c",
            "a.b\\c",
            "*.",
            "a.b\n",
            &format!("{}.com", "a".repeat(64)),
            "xn--a.com",
            "ex\u{ad}ample.com",
        ] {
            assert_eq!(code(text), Some(Code::BadHost), "{text:?}");
        }
    }

    #[test]
    fn a_stand_in_is_loopback_with_a_port() {
        assert_eq!(stand_in("127.0.0.1:8080"), Some(8080));
        for text in [
            "127.0.0.1",
            "127.0.0.1:0",
            "127.0.0.1:65536",
            "localhost:80",
            "10.0.0.1:80",
            "127.0.0.1:+80",
            "[::1]:80",
            "127.0.0.2:80",
        ] {
            assert_eq!(stand_in(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_canonical_rule_is_its_own_canonical_form(text in "(\\*\\.)?[a-zA-Zäß0-9.-]{1,20}\\.(com|de|example|co\\.uk)") {
            if let Ok(first) = rule(&text) {
                let again = written(&first);
                prop_assert_eq!(rule(&again).map_err(|fault| fault.message), Ok(first));
            }
        }

        #[test]
        fn any_text_is_judged_without_panic(text in ".*") {
            let _ = (rule(&text), stand_in(&text));
        }
    }
}
