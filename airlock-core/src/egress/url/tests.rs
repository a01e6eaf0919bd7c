//! Rules of admission, each with texts that must fail it.

use super::*;
use proptest::prelude::*;

const WEB: &[Egress] = &[Egress { host: HostRule::AnyPublic, ports: &[80, 443, 8443], stand_in: None }];
const PIN: &[Egress] = &[
    Egress { host: HostRule::OneLabel("cdn.example.com"), ports: &[443], stand_in: None },
    Egress { host: HostRule::Exact("api.example.com"), ports: &[443, 8443], stand_in: Some(9) },
];

fn web(text: &str) -> Result<Target, UrlFault> {
    admit(text, &UrlRules { schemes: &["http", "https"], egress: WEB })
}

fn pin(text: &str) -> Result<Target, UrlFault> {
    admit(text, &UrlRules::https(PIN))
}

fn code(result: Result<Target, UrlFault>) -> &'static str {
    result.map_or_else(|fault| fault.code(), |_| "admitted")
}

#[test]
fn faults_by_rule() {
    let long = format!("https://example.com/{}", "x".repeat(URL_MAX));
    let grows = format!("https://example.com/{}", "ü".repeat(URL_MAX / 4));
    for (text, expected) in [
        ("https://example.com/", "admitted"),
        ("HTTPS://EXAMPLE.COM/", "admitted"),
        ("https://example.com", "admitted"),
        ("https://example.com?x=1", "admitted"),
        ("https://example.com/a@b?c@d#e@f", "admitted"),
        ("https://example.com/grüße", "admitted"),
        ("https://my_bucket.example.com/", "admitted"),
        ("https://1.1.1.1/", "admitted"),
        ("https://[2606:4700:4700::ABCD]:8443/", "admitted"),
        (&long, "url_too_long"),
        (&grows, "url_too_long"),
        (" https://example.com/", "url_character"),
        ("https://example.com/a b", "url_character"),
        ("https://example.com\\@evil.com/", "url_character"),
        ("https://example.com/\u{7f}", "url_character"),
        ("https:example.com", "url_shape"),
        ("https:/example.com", "url_shape"),
        ("https:///example.com", "url_shape"),
        ("//example.com/", "url_shape"),
        ("", "url_shape"),
        ("https://?", "url_shape"),
        ("ftp://example.com/", "url_scheme"),
        ("https://user@example.com/", "url_userinfo"),
        ("https://@example.com/", "url_userinfo"),
        ("https://example.com#@evil.com/", "url_userinfo"),
        ("https://example.com?@evil.com/", "url_userinfo"),
        ("https://example.com./", "url_host_spelling"),
        ("https://ex%61mple.com/", "url_host_spelling"),
        ("https://ｅxample.com/", "url_host_spelling"),
        ("https://exa\u{ad}mple.com/", "url_host_spelling"),
        ("https://a..example.com/", "url_host_spelling"),
        ("https://exa$mple.com/", "url_host_spelling"),
        ("https://127.1/", "url_host_spelling"),
        ("https://0x7f.0.0.1/", "url_host_spelling"),
        ("https://[2606:4700:4700:0:0:0:0:1111]/", "url_host_spelling"),
        ("https://localhost/", "url_host_special"),
        ("https://a.localhost/", "url_host_special"),
        ("https://db.internal/", "url_host_special"),
        ("https://1.0.0.127.in-addr.arpa/", "url_host_special"),
        ("https://127.0.0.1/", "url_address"),
        ("https://[::1]/", "url_address"),
        ("https://example.com:/", "url_port_spelling"),
        ("https://example.com:0443/", "url_port_spelling"),
        ("https://example.com:+443/", "url_port_spelling"),
        ("https://example.com:65536/", "url_port_spelling"),
        ("https://example.com:22/", "port_not_listed"),
        ("https://1.1.1.1:22/", "port_not_listed"),
    ] {
        assert_eq!(code(web(text)), expected, "{text:?}");
    }
}

#[test]
fn listed_hosts_only() {
    for (text, expected) in [
        ("https://api.example.com/", "admitted"),
        ("https://api.example.com:8443/", "admitted"),
        ("https://x.cdn.example.com/", "admitted"),
        ("https://x.cdn.example.com:8443/", "port_not_listed"),
        ("http://api.example.com/", "url_scheme"),
        ("https://a.b.cdn.example.com/", "host_not_listed"),
        ("https://cdn.example.com/", "host_not_listed"),
        ("https://xcdn.example.com/", "host_not_listed"),
        ("https://.cdn.example.com/", "url_host_spelling"),
        ("https://api.example.com.evil.net/", "host_not_listed"),
        ("https://93.184.216.34/", "url_host_literal"),
        ("https://[::1]/", "url_host_literal"),
    ] {
        assert_eq!(code(pin(text)), expected, "{text:?}");
    }
}

#[test]
fn a_target_is_canonical_and_keeps_what_was_admitted() {
    let target = pin("https://API.example.com:8443/a/../b?x=1#secret").unwrap();
    assert_eq!((target.host(), target.port(), target.stand_in()), ("api.example.com", 8443, Some(9)));
    assert_eq!(target.url().as_str(), "https://api.example.com:8443/b?x=1");
    let target = target.and_query(&[("q", "a b&c=d#@evil.com/")]);
    assert_eq!(target.url().as_str(), "https://api.example.com:8443/b?x=1&q=a+b%26c%3Dd%23%40evil.com%2F");
    assert_eq!(target.host(), "api.example.com");
}

proptest! {
    #[test]
    fn hostile_text_never_panics_and_admitted_text_has_one_reading(text in "(https?://)?[a-c.@:/\\\\?#%\\[\\]0-9x \u{ff0e}\u{3002}\u{ad}-]{0,40}") {
        if let Ok(target) = web(&text) {
            let written = text.split_once("://").unwrap().1;
            prop_assert!(written.to_ascii_lowercase().starts_with(target.host()), "{} became {}", text, target.host());
            prop_assert!([80, 443, 8443].contains(&target.port()));
            let again = web(target.url().as_str());
            prop_assert!(again.is_ok_and(|again| again == target), "{} is not admitted again", target.url());
        }
    }

    #[test]
    fn a_listed_host_is_matched_whole(front in "[a-z0-9.-]{0,12}", back in "[a-z0-9.-]{0,12}") {
        let text = format!("https://{front}api.example.com{back}/");
        prop_assert_eq!(pin(&text).is_ok(), front.is_empty() && back.is_empty());
    }
}
