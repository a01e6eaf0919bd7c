//! Why a URL is refused, as a stable code and a plain sentence.

use super::URL_MAX;
use crate::egress::addr::AddrFault;

/// Why a URL is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlFault {
    /// Longer than [`URL_MAX`].
    TooLong,
    /// Whitespace, a control character or a backslash.
    Character,
    /// No `scheme://host` at the start, or no parser could read it.
    Shape,
    /// The scheme is not accepted.
    Scheme,
    /// A user name or password, even an empty one, or text that some parsers read as one.
    UserInfo,
    /// The host is not written as it is read, or is no host name.
    HostSpelling,
    /// A name that no public host can have.
    HostSpecial,
    /// An IP address where only names are listed.
    HostLiteral,
    /// An IP address that is not public.
    Address(AddrFault),
    /// The port is not written as a plain decimal number.
    PortSpelling,
    /// No rule lists this host; the host is given.
    HostNotListed(String),
    /// The host is listed, but not with this port.
    PortNotListed(u16),
}

impl UrlFault {
    /// Stable code for reasons and statistics.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong => "url_too_long",
            Self::Character => "url_character",
            Self::Shape => "url_shape",
            Self::Scheme => "url_scheme",
            Self::UserInfo => "url_userinfo",
            Self::HostSpelling => "url_host_spelling",
            Self::HostSpecial => "url_host_special",
            Self::HostLiteral => "url_host_literal",
            Self::Address(_) => "url_address",
            Self::PortSpelling => "url_port_spelling",
            Self::HostNotListed(_) => "host_not_listed",
            Self::PortNotListed(_) => "port_not_listed",
        }
    }
}

impl std::fmt::Display for UrlFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLong => write!(f, "the URL is longer than {URL_MAX} bytes"),
            Self::Character => write!(f, "the URL contains whitespace, a control character or a backslash; percent-encode it"),
            Self::Shape => write!(f, "the URL is not of the form https://host/path"),
            Self::Scheme => write!(f, "the scheme of the URL is not accepted; use https://"),
            Self::UserInfo => write!(f, "the URL holds a user name or password, or an @ that could be read as one; leave it out"),
            Self::HostSpelling => write!(
                f,
                "the host of the URL is not in its canonical form: use a plain ASCII host name (IDNA form for other scripts) without a \
                 trailing dot, or an address in its usual notation"
            ),
            Self::HostSpecial => write!(f, "the host of the URL is a local or special-use name, which no public host has"),
            Self::HostLiteral => write!(f, "the host of the URL is an IP address; only listed host names may be contacted"),
            Self::Address(fault) => write!(f, "{fault}"),
            Self::PortSpelling => write!(f, "the port of the URL is not a plain decimal number between 1 and 65535"),
            Self::HostNotListed(host) => write!(f, "the host {host} is not in the tool's egress list"),
            Self::PortNotListed(port) => write!(f, "port {port} is not allowed for this host"),
        }
    }
}

impl std::error::Error for UrlFault {}
