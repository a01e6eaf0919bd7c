//! Checks of strings that name a place: a path or a host.

use super::{ArgFault, Args, every};

/// Checks that the argument is an absolute path in normal form, and `root` itself or below it.
///
/// Normal means: it starts with a slash and has no empty segment, no `.`, no `..`, no trailing slash and no control character. Another
/// path is refused and not made normal: what it names depends on the links on the way, which nobody here can see.
///
/// # Errors
/// The argument is there and is another path, or not a string.
pub(super) fn under(args: &Args, arg: &'static str, root: &str) -> Result<(), ArgFault> {
    let demand = || format!("must be the path {root} or one below it, without `.`, `..`, doubled or trailing slashes");
    every(args, arg, demand, |value| is_normal(value) && is_below(value, root))
}

fn is_normal(path: &str) -> bool {
    let segments = path.strip_prefix('/').map(|rest| rest.split('/'));
    let plain = |segment: &str| !matches!(segment, "" | "." | "..");
    path == "/" || segments.is_some_and(|mut segments| segments.all(plain)) && !path.chars().any(char::is_control)
}

fn is_below(path: &str, root: &str) -> bool {
    root == "/" || path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Checks that the argument is a host name, or an `https` URL, whose host one of `rules` covers. It is read by the parser and the
/// rules by which URLs are admitted for fetching; the port is not looked at.
///
/// # Errors
/// The argument is there and names another host, or is neither.
#[cfg(feature = "plan-http")]
pub(super) fn host_in(args: &Args, arg: &'static str, rules: &[crate::policy::HostRule]) -> Result<(), ArgFault> {
    let demand = || {
        let listed: Vec<String> = rules.iter().map(crate::policy::HostRule::entry).collect();
        format!("must be one of these hosts, or an https URL of one: {}", listed.join(", "))
    };
    every(args, arg, demand, |value| crate::egress::url::names_host(value, rules))
}
