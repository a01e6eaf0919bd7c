//! Any text: `admit` never panics, and what it admits has one reading.

use airlock_runtime::egress::url::{UrlRules, admit};
use airlock_runtime::policy::{Egress, HostRule};

const WEB: &[Egress] = &[Egress { host: HostRule::AnyPublic, ports: &[80, 443, 8443], stand_in: None }];
const PIN: &[Egress] = &[
    Egress { host: HostRule::Exact("api.example.com"), ports: &[443], stand_in: None },
    Egress { host: HostRule::OneLabel("cdn.example.com"), ports: &[443], stand_in: None },
];

/// Feeds one input.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let web = UrlRules { schemes: &["http", "https"], egress: WEB };
    if let Ok(target) = admit(text, &web) {
        // The canonical form of an admitted URL is admitted again, with the same host and port.
        let again = admit(target.url().as_str(), &web).expect("canonical form");
        assert_eq!((again.host(), again.port()), (target.host(), target.port()));
        let written = text.split_once("://").expect("a scheme").1.to_ascii_lowercase();
        assert!(written.starts_with(target.host()));
    }
    if let Ok(target) = admit(text, &UrlRules::https(PIN)) {
        let host = target.host();
        assert!(host == "api.example.com" || host.strip_suffix(".cdn.example.com").is_some_and(|label| !label.contains('.')));
        assert_eq!(target.port(), 443);
    }
}
