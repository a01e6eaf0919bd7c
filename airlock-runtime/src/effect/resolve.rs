//! Names to addresses, exactly once per fetch: the addresses are checked and then used, and the name is never asked again.

use super::http::FetchFault;
use crate::egress::addr::{PublicAddr, classify_all};
use crate::egress::url::Target;
use crate::outside::Outside;
use std::future::Future;
use std::net::{IpAddr, ToSocketAddrs};
use tokio::sync::{Semaphore, oneshot};

/// Lookups that may be under way at once; each holds a thread until the system's resolver returns.
const LOOKUPS_MAX: usize = 8;
/// Addresses taken from one answer; more than any real host has, few enough to try within the connect time.
const ADDRESSES_MAX: usize = 16;

/// A name that could not be looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DnsFault;

/// Looks names up. Tests script the answers.
pub trait Resolve {
    /// All addresses of a canonical host name. The order is kept; an empty answer counts as a fault later.
    ///
    /// # Errors
    /// [`DnsFault`] if the name does not exist or nobody answered.
    fn resolve(&self, host: &str) -> impl Future<Output = Result<Vec<IpAddr>, DnsFault>> + Send;
}

/// The system's resolver (`getaddrinfo`), asked for the absolute name so that no search list completes it.
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver(());

impl SystemResolver {
    /// For the process that may reach the network.
    #[must_use]
    pub const fn new(outside: Outside) -> Self {
        let _: Outside = outside;
        Self(())
    }
}

impl Resolve for SystemResolver {
    async fn resolve(&self, host: &str) -> Result<Vec<IpAddr>, DnsFault> {
        static LOOKUPS: Semaphore = Semaphore::const_new(LOOKUPS_MAX);
        let permit = LOOKUPS.acquire().await.map_err(|_| DnsFault)?;
        let absolute = format!("{host}.");
        let (send, receive) = oneshot::channel();
        // A detached thread, not the runtime's pool: a resolver that hangs must not keep a stopping gateway alive.
        let spawned = std::thread::Builder::new().name("dns".into()).spawn(move || {
            let found = (absolute.as_str(), 0_u16).to_socket_addrs().map(|all| all.map(|socket| socket.ip()).collect());
            drop(permit);
            // The caller may have run out of time and left.
            let _ = send.send(found);
        });
        spawned.map_err(|_| DnsFault)?;
        receive.await.map_err(|_| DnsFault)?.map_err(|_| DnsFault)
    }
}

/// A target with the addresses that may be dialled for it. Only [`check`] makes one.
#[derive(Debug)]
pub struct Checked {
    target: Target,
    addrs: Vec<PublicAddr>,
}

impl Checked {
    /// The addresses in the resolver's order, without repetitions; empty only for a stand-in.
    #[must_use]
    pub fn addrs(&self) -> &[PublicAddr] {
        &self.addrs
    }

    /// What is to be fetched.
    #[must_use]
    pub const fn target(&self) -> &Target {
        &self.target
    }

    /// Skips the check so that tests can use a loopback socket; compiled for tests only.
    #[cfg(test)]
    pub(crate) fn unchecked_for_tests(target: Target) -> Self {
        Self { target, addrs: vec![PublicAddr::loopback_for_tests()] }
    }
}

/// Resolves the host of a target once and checks every answer.
///
/// # Errors
/// `dns_failed` if there is no answer, `address_refused` if any answer is not public.
pub async fn check(target: Target, resolver: &impl Resolve) -> Result<Checked, FetchFault> {
    if target.stand_in().is_some() {
        return Ok(Checked { target, addrs: Vec::new() });
    }
    if let Some(literal) = target.literal() {
        return Ok(Checked { target, addrs: vec![literal] });
    }
    let Ok(found) = resolver.resolve(target.host()).await else {
        return Err(FetchFault::DnsFailed { host: target.host().to_owned() });
    };
    // All of them are checked before any is left out.
    let mut addrs: Vec<PublicAddr> = Vec::new();
    for addr in classify_all(&found).map_err(FetchFault::AddressRefused)? {
        if !addrs.contains(&addr) && addrs.len() < ADDRESSES_MAX {
            addrs.push(addr);
        }
    }
    Ok(Checked { target, addrs })
}

/// Hands reqwest the checked addresses of one host and nothing else, so that no name is resolved behind the check.
pub(super) struct Pinned {
    host: String,
    addrs: Vec<PublicAddr>,
}

impl Pinned {
    pub(super) fn of(checked: &Checked) -> Self {
        Self { host: checked.target.host().to_owned(), addrs: checked.addrs.clone() }
    }
}

impl reqwest::dns::Resolve for Pinned {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let answer = if name.as_str() == self.host {
            // Port 0 means: the port of the URL.
            let sockets: Vec<_> = self.addrs.iter().map(|addr| std::net::SocketAddr::new(addr.ip(), 0)).collect();
            Ok(Box::new(sockets.into_iter()) as reqwest::dns::Addrs)
        } else {
            Err("only the checked host may be resolved".into())
        };
        Box::pin(std::future::ready(answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::dns::Resolve as _;
    use std::str::FromStr;

    #[tokio::test]
    async fn pinned_answers_for_its_host_alone() {
        let addrs = classify_all(&["93.184.216.34".parse().unwrap()]).unwrap();
        let pinned = Pinned { host: "api.example.com".to_owned(), addrs };
        let name = |text| reqwest::dns::Name::from_str(text).unwrap();
        let sockets: Vec<_> = pinned.resolve(name("api.example.com")).await.map(Iterator::collect).unwrap();
        assert_eq!(sockets, ["93.184.216.34:0".parse().unwrap()]);
        assert!(pinned.resolve(name("evil.com")).await.is_err());
    }

    #[tokio::test]
    async fn the_system_resolver_reports_a_missing_name() {
        // `.invalid` never exists (RFC 6761); a machine without any resolver fails just the same.
        assert_eq!(SystemResolver::new(Outside::rehearsed()).resolve("nowhere.invalid").await, Err(DnsFault));
    }
}
