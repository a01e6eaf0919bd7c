//! Connections of foreign servers: the one way out of a sandbox with `net = "proxy"`.
//!
//! Each server asks, with `CONNECT` of HTTP (RFC 9110, section 9.3.6), on a socket of its own network namespace. The host must be in its list,
//! every address of the host public, and the TLS connection must ask for that very host; then bytes go to and fro, and nobody looks at them.
//! What is refused is answered in words, and told on stderr.

mod hello;

use super::Outside;
use super::tally::{HOST_MAX, Row, Tally, Verdict, shown};
use crate::effect::http::{CONNECT_LIMIT, FetchFault, TOTAL_LIMIT};
use crate::effect::resolve::{Checked, SystemResolver, check};
use crate::egress::url::{Target, UrlRules, admit};
use crate::passing;
use crate::policy;
use crate::policy::upstream::Upstream;
use crate::start::warn;
use hello::{HELLO_MAX, Hello};
use rustix::net::{Shutdown, shutdown};
use std::cell::Cell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Open connections of one server. A client of HTTP has six to a host.
const CONNECTIONS_MAX: usize = 32;
/// Longest request to connect, in bytes with its header lines.
const HEAD_MAX: usize = 4 * 1024;
/// How long a server may take to ask, and then to begin with TLS.
const ASK_MAX: Duration = Duration::from_secs(10);
/// How long a connection may be silent.
const IDLE_MAX: Duration = Duration::from_secs(300);
/// Refusals of one run of a server that are told on stderr.
const TOLD_MAX: u32 = 20;
/// Characters of a host that is told.
const SHOWN_MAX: usize = 100;
/// Bytes that are carried at once.
const CHUNK: usize = 16 * 1024;
/// Longest name of an upstream, in bytes.
const NAME_MAX: usize = 64;
/// How long nothing is taken after the system had no room for a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// Where the sockets of servers come from: whoever starts them.
pub(super) struct Doors(UnixStream);

/// A server with what it may reach.
#[derive(Clone, Copy)]
struct Guest {
    name: &'static str,
    /// Its place in the policy.
    place: u32,
    hosts: &'static [policy::Egress],
    outside: Outside,
}

/// What is told of the connections of one run.
#[derive(Default)]
struct Told {
    refusals: Cell<u32>,
    tally: Rc<Tally>,
}

impl Doors {
    /// Registers it with the event loop.
    ///
    /// # Errors
    /// It is no socket.
    pub(super) fn new(socket: OwnedFd) -> io::Result<Self> {
        // Of packets, in truth: nothing is asked of the stream but when it is ready.
        let socket = std::os::unix::net::UnixStream::from(socket);
        socket.set_nonblocking(true)?;
        UnixStream::from_std(socket).map(Self)
    }

    /// Serves each socket that comes until nobody is left to send one.
    pub(super) async fn serve(self, upstreams: &'static [Upstream], outside: Outside, tally: Rc<Tally>) {
        let mut open: HashMap<&str, AbortHandle> = HashMap::new();
        while let Some((name, door)) = self.next().await {
            let place = upstreams.iter().position(|upstream| upstream.name.as_bytes() == name);
            let guest = place.zip(place.and_then(|place| upstreams.get(place))).and_then(|(place, upstream)| {
                let place = u32::try_from(place).ok()?;
                Some(Guest { name: upstream.name, place, hosts: upstream.proxied()?, outside })
            });
            let Some(guest) = guest else {
                warn("the process for requests was sent a socket that is no server's, and leaves it");
                continue;
            };
            let listener = TcpListener::from_std(std::net::TcpListener::from(door));
            let Ok(listener) = listener else { continue };
            // A run of a server follows the one before it, whose connections end.
            if let Some(before) =
                open.insert(guest.name, tokio::task::spawn_local(guest.attend(listener, Rc::clone(&tally))).abort_handle())
            {
                before.abort();
            }
        }
    }

    /// The next socket with the name of its upstream. `None`: there are no more.
    async fn next(&self) -> Option<(Vec<u8>, OwnedFd)> {
        loop {
            self.0.readable().await.ok()?;
            let mut name = [0; NAME_MAX];
            let received = self.0.try_io(Interest::READABLE, || Ok(passing::receive(&self.0, &mut name)?));
            match received {
                Ok((0, _)) => return None,
                Ok((length, passed)) => match <[OwnedFd; 1]>::try_from(passed) {
                    Ok([door]) => return Some((name[..length].to_vec(), door)),
                    Err(_) => return None,
                },
                Err(fault) if matches!(fault.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(_) => return None,
            }
        }
    }
}

/// Why a server gets no connection: the status of HTTP, and a sentence.
struct Refusal(u16, String);

impl Guest {
    /// Takes connections until it is dropped, and with it those that are open.
    async fn attend(self, listener: TcpListener, tally: Rc<Tally>) {
        let (told, mut open) = (Rc::new(Told { tally, ..Told::default() }), JoinSet::new());
        loop {
            tokio::select! {
                taken = listener.accept(), if open.len() < CONNECTIONS_MAX => match taken {
                    Ok((client, _)) => drop(open.spawn_local(self.connect(client, Rc::clone(&told)))),
                    Err(_) => sleep(PAUSE).await,
                },
                Some(_) = open.join_next(), if !open.is_empty() => {}
            }
        }
    }

    /// One connection from its first byte to its last.
    async fn connect(self, client: TcpStream, told: Rc<Told>) {
        let mut sent = Vec::new();
        let refused = match timeout(ASK_MAX, head(&client, &mut sent)).await {
            Ok(Some(asked)) => match self.reach(&asked).await {
                Ok((host, port, service)) => match self.begin(&client, &mut sent, &host).await {
                    Ok(()) => {
                        self.count(&told, &host, port, Verdict::Connected);
                        return relay(&client, &service, &sent).await;
                    }
                    // It has been told that it is connected, so there is no way to tell it more.
                    Err(why) => {
                        self.count(&told, &host, port, Verdict::NotTls);
                        return self.tell(&told, &host, &why);
                    }
                },
                Err(Refusal(status, why)) => {
                    let verdict = if status == 502 { Verdict::Failed } else { Verdict::Refused };
                    let (host, port) = named(&asked);
                    self.count(&told, host, port, verdict);
                    (status, asked, why)
                }
            },
            // It went away, or does not ask.
            Ok(None) | Err(_) => return,
        };
        let (status, asked, why) = refused;
        self.tell(&told, &asked, &why);
        let words = format!("Refused by Airlock: {why}\n");
        let answer = format!(
            "HTTP/1.1 {status} {}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{words}",
            phrase(status),
            words.len()
        );
        let _ = timeout(ASK_MAX, write(&client, answer.as_bytes())).await;
        let _ = shutdown(&client, Shutdown::Write);
    }

    /// A connection to what a first line asks for.
    async fn reach(self, asked: &str) -> Result<(String, u16, TcpStream), Refusal> {
        let place = place(asked).ok_or_else(|| Refusal(405, "only CONNECT to a host and port is there, for TLS".into()))?;
        let target = admit(&format!("https://{place}/"), &UrlRules::https(self.hosts));
        let target = target.map_err(|fault| Refusal(403, format!("{fault}, and only hosts of its list can be reached")))?;
        let (host, port) = (target.host().to_owned(), target.port());
        let reached = timeout(TOTAL_LIMIT, self.dial(target)).await;
        match reached.unwrap_or(Err(FetchFault::Timeout { after: TOTAL_LIMIT })) {
            Ok(service) => Ok((host, port, service)),
            Err(fault @ FetchFault::AddressRefused(_)) => Err(Refusal(403, format!("{fault}"))),
            Err(fault) => Err(Refusal(502, format!("port {port} of {host}: {fault}"))),
        }
    }

    /// Connects to a checked address of a host.
    async fn dial(self, target: Target) -> Result<TcpStream, FetchFault> {
        let checked: Checked = check(target, &SystemResolver::new(self.outside)).await?;
        let target = checked.target();
        let local = target.stand_in().map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
        let public = checked.addrs().iter().map(|addr| SocketAddr::new(addr.ip(), target.port()));
        for address in local.into_iter().chain(public) {
            if let Ok(Ok(service)) = timeout(CONNECT_LIMIT, TcpStream::connect(address)).await {
                return Ok(service);
            }
        }
        Err(FetchFault::ConnectFailed { host: target.host().to_owned() })
    }

    /// Says that there is a connection, and waits for the TLS in it to ask for this host. Nothing is sent there before.
    async fn begin(self, client: &TcpStream, sent: &mut Vec<u8>, host: &str) -> Result<(), String> {
        let begun = async {
            write(client, b"HTTP/1.1 200 Connection established\r\n\r\n").await.map_err(|_| "it has gone".to_owned())?;
            loop {
                match hello::read(sent) {
                    Hello::Begun if sent.len() < HELLO_MAX => {}
                    Hello::Begun => return Err("its first message is too long".to_owned()),
                    Hello::Strange(why) => return Err(why.to_owned()),
                    Hello::Named(Some(name)) if name.eq_ignore_ascii_case(host) => return Ok(()),
                    // An address has no name to ask for.
                    Hello::Named(None) if host.parse::<IpAddr>().is_ok() || host.starts_with('[') => return Ok(()),
                    Hello::Named(Some(name)) => return Err(format!("its TLS asks for {}", shown(&name, SHOWN_MAX))),
                    Hello::Named(None) => return Err("its TLS asks for no host".to_owned()),
                }
                read(client, sent).await.ok_or("it has gone")?;
            }
        };
        timeout(ASK_MAX, begun).await.unwrap_or_else(|_| Err("it does not begin with TLS".to_owned()))
    }

    fn count(self, told: &Told, host: &str, port: u16, verdict: Verdict) {
        told.tally.add(Row { upstream: self.place, host: shown(host, HOST_MAX), port, verdict }, 1);
    }

    fn tell(self, told: &Told, asked: &str, why: &str) {
        let told = &told.refusals;
        told.set(told.get().saturating_add(1));
        let shown = |text| shown(text, SHOWN_MAX);
        match told.get() {
            ..TOLD_MAX => warn(&format!("upstream {}: no connection for \"{}\": {}", self.name, shown(asked), shown(why))),
            TOLD_MAX => warn(&format!("upstream {}: more connections are refused, and not told", self.name)),
            _ => {}
        }
    }
}

const fn phrase(status: u16) -> &'static str {
    match status {
        403 => "Forbidden",
        405 => "Method Not Allowed",
        _ => "Bad Gateway",
    }
}

/// Host and port of a line that asks for a connection.
fn place(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("CONNECT ")?;
    let (place, version) = rest.split_once(' ')?;
    let is_plain = place.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte));
    let has_port =
        place.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()));
    (matches!(version, "HTTP/1.1" | "HTTP/1.0") && is_plain && has_port).then_some(place)
}

/// What is told of the place that a line asks for; of one that asks for none, the line.
fn named(line: &str) -> (&str, u16) {
    let parts = place(line).and_then(|place| place.rsplit_once(':'));
    parts.map_or((line, 0), |(host, port)| (host, port.parse().unwrap_or(0)))
}

/// The first line of a request whose header lines are all there. What comes behind them stays in `sent`.
async fn head(client: &TcpStream, sent: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = sent.windows(4).position(|window| window == b"\r\n\r\n") {
            let head: Vec<u8> = sent.drain(..end + 4).collect();
            let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
            return Some(String::from_utf8_lossy(line).into_owned());
        }
        if sent.len() >= HEAD_MAX {
            return None;
        }
        read(client, sent).await?;
    }
}

/// Adds what has come. `None`: there is no more.
async fn read(from: &TcpStream, to: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 2048];
    loop {
        from.readable().await.ok()?;
        match from.try_read(&mut chunk) {
            Ok(0) => return None,
            Ok(length) => {
                to.extend_from_slice(&chunk[..length]);
                return Some(());
            }
            Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return None,
        }
    }
}

async fn write(to: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        to.writable().await?;
        match to.try_write(bytes) {
            Ok(length) => bytes = &bytes[length..],
            Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

/// Carries bytes both ways until both sides have ended, one breaks, or nothing comes for long.
async fn relay(client: &TcpStream, service: &TcpStream, first: &[u8]) {
    let last = Cell::new(Instant::now());
    let both = async {
        write(service, first).await?;
        tokio::try_join!(carry(client, service, &last), carry(service, client, &last))
    };
    let idle = async {
        loop {
            let end = last.get() + IDLE_MAX;
            if Instant::now() >= end {
                return;
            }
            sleep_until(end).await;
        }
    };
    tokio::select! {
        _ = both => {}
        () = idle => {}
    }
}

/// Carries bytes one way, to the end.
async fn carry(from: &TcpStream, to: &TcpStream, last: &Cell<Instant>) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        from.readable().await?;
        match from.try_read(&mut chunk) {
            Ok(0) => {
                shutdown(to, Shutdown::Write)?;
                return Ok(());
            }
            Ok(length) => {
                last.set(Instant::now());
                write(to, &chunk[..length]).await?;
            }
            Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => {}
            Err(fault) => return Err(fault),
        }
    }
}

#[cfg(test)]
mod tests;
