//! Why a fetch failed, as a stable code and a plain sentence.

use crate::egress::addr::AddrFault;
use std::error::Error;
use std::time::Duration;

/// Why nothing was fetched. No variant holds a path, a query, an inner address or unbounded text of the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchFault {
    /// The name could not be looked up.
    DnsFailed {
        /// The host asked for.
        host: String,
    },
    /// An answer of the name lookup is not a public address.
    AddressRefused(AddrFault),
    /// No connection, or it broke before the answer was complete.
    ConnectFailed {
        /// The host asked for.
        host: String,
    },
    /// No trustworthy TLS connection.
    TlsFailed {
        /// The host asked for.
        host: String,
        /// What rustls says, cut to one short line.
        problem: String,
    },
    /// The time was over.
    Timeout {
        /// The bound that was reached.
        after: Duration,
    },
    /// The upstream wanted to send us elsewhere.
    RedirectRefused {
        /// HTTP status, 300-399.
        status: u16,
        /// Host of the new location, if it can be read.
        host: Option<String>,
    },
    /// Any other status outside 200-299.
    UpstreamStatus {
        /// HTTP status.
        status: u16,
        /// The upstream's short message or the standard phrase, one printable line.
        note: String,
    },
    /// The answer does not say that it is JSON.
    ContentType {
        /// What it says, one printable line.
        found: String,
    },
    /// The body is longer than the bound.
    TooLarge {
        /// The bound in bytes.
        limit: usize,
    },
    /// The body is not JSON, or not the JSON that the tool needs.
    BadJson {
        /// What is wrong, without the body's text.
        problem: String,
    },
    /// The upstream answered, and there is nothing for these arguments.
    NotFound {
        /// What was not found.
        what: String,
    },
    /// The answer lacks what the manifest selects from it.
    SelectMissing {
        /// Pointer of the manifest.
        pointer: &'static str,
    },
    /// The answer repeats the credential that was sent; nothing of it is given out.
    SecretInAnswer,
    /// What was planned cannot be sent; the checks before it let nothing of this kind through.
    Unsendable,
}

impl FetchFault {
    /// Every code.
    pub(crate) const CODES: [&'static str; 14] = [
        "dns_failed",
        "address_refused",
        "connect_failed",
        "tls_failed",
        "timeout",
        "redirect_refused",
        "upstream_status",
        "content_type",
        "too_large",
        "bad_json",
        "not_found",
        "select_missing",
        "secret_in_answer",
        "unsendable",
    ];

    /// Stable code for outcomes in the ledger.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::DnsFailed { .. } => "dns_failed",
            Self::AddressRefused(_) => "address_refused",
            Self::ConnectFailed { .. } => "connect_failed",
            Self::TlsFailed { .. } => "tls_failed",
            Self::Timeout { .. } => "timeout",
            Self::RedirectRefused { .. } => "redirect_refused",
            Self::UpstreamStatus { .. } => "upstream_status",
            Self::ContentType { .. } => "content_type",
            Self::TooLarge { .. } => "too_large",
            Self::BadJson { .. } => "bad_json",
            Self::NotFound { .. } => "not_found",
            Self::SelectMissing { .. } => "select_missing",
            Self::SecretInAnswer => "secret_in_answer",
            Self::Unsendable => "unsendable",
        }
    }

    /// One plain sentence for people and models.
    #[must_use]
    pub fn detail(&self) -> String {
        match self {
            Self::DnsFailed { host } => format!("the host name {host} could not be looked up"),
            Self::AddressRefused(fault) => fault.to_string(),
            Self::ConnectFailed { host } => format!("the connection to {host} failed or broke off; try again later"),
            Self::TlsFailed { host, problem } => format!("no trustworthy TLS connection to {host}: {problem}"),
            Self::Timeout { after } => format!("no complete answer within {} ms; try again later", after.as_millis()),
            Self::RedirectRefused { status, host: Some(host) } => {
                format!(
                    "the upstream redirects (status {status}) to {host}, and redirects are not followed; ask for the final URL"
                )
            }
            Self::RedirectRefused { status, host: None } => {
                format!("the upstream redirects (status {status}), and redirects are not followed")
            }
            Self::UpstreamStatus { status, note } => format!("the upstream answered with status {status}: {note}"),
            Self::ContentType { found } => format!("the answer is {found}, and only JSON is accepted"),
            Self::TooLarge { limit } => format!("the answer is longer than {limit} bytes; ask for less"),
            Self::BadJson { problem } => format!("the answer cannot be used: {problem}"),
            Self::NotFound { what } => format!("{what} was not found"),
            Self::SelectMissing { pointer } => format!("the answer has nothing at {pointer}, which the manifest selects"),
            Self::SecretInAnswer => "the answer repeats the gateway's credential, so all of it is withheld".to_owned(),
            Self::Unsendable => "the request cannot be sent as it was planned".to_owned(),
        }
    }
}

impl std::fmt::Display for FetchFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail())
    }
}

impl Error for FetchFault {}

#[cfg(test)]
mod tests {
    use super::*;

    /// One fault of each kind. The match has no other arm, so that a new kind must be put here, too.
    fn one_of_each() -> Vec<FetchFault> {
        let text = String::new;
        let all = vec![
            FetchFault::DnsFailed { host: text() },
            FetchFault::AddressRefused(AddrFault::NoAddress),
            FetchFault::ConnectFailed { host: text() },
            FetchFault::TlsFailed { host: text(), problem: text() },
            FetchFault::Timeout { after: Duration::ZERO },
            FetchFault::RedirectRefused { status: 302, host: None },
            FetchFault::UpstreamStatus { status: 500, note: text() },
            FetchFault::ContentType { found: text() },
            FetchFault::TooLarge { limit: 1 },
            FetchFault::BadJson { problem: text() },
            FetchFault::NotFound { what: text() },
            FetchFault::SelectMissing { pointer: "" },
            FetchFault::SecretInAnswer,
            FetchFault::Unsendable,
        ];
        for fault in &all {
            match fault {
                FetchFault::DnsFailed { .. }
                | FetchFault::AddressRefused(_)
                | FetchFault::ConnectFailed { .. }
                | FetchFault::TlsFailed { .. }
                | FetchFault::Timeout { .. }
                | FetchFault::RedirectRefused { .. }
                | FetchFault::UpstreamStatus { .. }
                | FetchFault::ContentType { .. }
                | FetchFault::TooLarge { .. }
                | FetchFault::BadJson { .. }
                | FetchFault::NotFound { .. }
                | FetchFault::SelectMissing { .. }
                | FetchFault::SecretInAnswer
                | FetchFault::Unsendable => {}
            }
        }
        all
    }

    #[test]
    fn every_code_can_be_told_to_the_judge() {
        assert_eq!(one_of_each().iter().map(FetchFault::code).collect::<Vec<_>>(), FetchFault::CODES);
    }
}
