//! Questions that lead the user to an address (URL mode): whoever agrees goes there with a browser, where the gateway sees nothing.
//!
//! So the address is one of a host that the manifest lists, over `https`, in one spelling that shows where it leads; and the user is told who asks and
//! which host it is before anything else.

use super::{Asker, Refused};
use serde_json::{Map, Value, json};

/// Longest address, bytes.
const URL_MAX: usize = 2048;

/// Reads the parameters of a question in URL mode.
///
/// # Errors
/// Nobody is led there.
pub(super) fn read(asker: &Asker<'_>, params: &Map<String, Value>) -> Result<Value, Refused> {
    if asker.hosts.is_empty() {
        return Err(Refused("leads the user to an address, which is not passed on"));
    }
    let message = params.get("message").and_then(Value::as_str).ok_or(Refused("has no message"))?;
    let url = params.get("url").and_then(Value::as_str).ok_or(Refused("has no address"))?;
    let host = host(url).ok_or(Refused("leads the user to an address that is no plain `https` one"))?;
    if !asker.hosts.contains(&host) {
        return Err(Refused("leads the user to a host that the manifest does not list"));
    }
    let message =
        format!("The server `{}`, not the gateway, wants you to open a page at {host}. It says:\n\n{message}", asker.name);
    Ok(json!({"mode": "url", "message": message, "url": url}))
}

/// The host of an address that every reader takes for the same: `https://host/…`, no user, no port, nothing but what a URL may have.
fn host(url: &str) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/?#!$&'()*+,;=:@%".contains(&byte);
    let rest = url.strip_prefix("https://").filter(|_| url.len() <= URL_MAX && url.bytes().all(is_plain))?;
    let host = rest.split(['/', '?', '#']).next()?;
    let is_host = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.');
    (!host.is_empty() && host.bytes().all(is_host)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::fingerprint::Fingerprints;

    #[test]
    fn a_user_is_led_to_listed_hosts_alone() {
        let secrets = Fingerprints::default();
        let asker = |hosts| Asker { name: "files", secrets: &secrets, threshold: 900, forms: true, hosts };
        let lead = |url: &str, hosts: &'static [&'static str]| {
            let params = json!({"mode": "url", "message": "Sign in.", "url": url, "elicitationId": "theirs"});
            read(&asker(hosts), params.as_object().unwrap())
        };
        let listed = &["accounts.example.com"];
        let asked = lead("https://accounts.example.com/in?state=a%20b#x", listed).unwrap();
        assert_eq!(
            asked,
            json!({"mode": "url", "url": "https://accounts.example.com/in?state=a%20b#x",
                   "message": "The server `files`, not the gateway, wants you to open a page at accounts.example.com. It says:\n\nSign in."})
        );
        assert!(lead("https://accounts.example.com", listed).is_ok());
        for url in [
            "http://accounts.example.com/",
            "HTTPS://accounts.example.com/",
            "https:accounts.example.com/",
            "https:///accounts.example.com/",
            "https://accounts.example.com:443/",
            "https://accounts.example.com@evil.org/",
            "https://user@accounts.example.com/",
            "https://accounts.example.com.evil.org/",
            "https://evil.org/accounts.example.com",
            "https://ACCOUNTS.example.com/",
            "https://accounts.example.com\\@evil.org/",
            "https://accounts.example.com/ x",
            "https://accounts.exa\u{301}mple.com/",
            "https://accounts.example.com./",
            "https://",
            "javascript:alert(1)",
            "",
        ] {
            assert!(lead(url, listed).is_err(), "{url}");
        }
        assert!(lead(&format!("https://accounts.example.com/{}", "x".repeat(URL_MAX)), listed).is_err());
        assert!(lead("https://accounts.example.com/", &[]).is_err(), "a client that cannot, or a manifest that lists none");
    }
}
