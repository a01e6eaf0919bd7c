//! One HTTP request to a witness: a text is posted, a short answer comes. HTTP/1.0, so that an answer ends with its connection; no
//! redirections, no proxies, no cookies; nothing of the environment is read. TLS by rustls, with Mozilla's roots compiled in or those of a file.

use crate::command::proof::read;
use crate::render::Failure;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// Longest answer read, bytes: head, and cosignatures of some 150 bytes each.
const ANSWER_MAX: usize = 64 * 1024;
/// Longest wait for a connection, and for a part of the answer. A witness has to write to its disk before it answers.
const STEP_MAX: Duration = Duration::from_secs(15);
/// Longest time for all questions of one run, names, connections and handshakes included.
pub(super) const TOTAL_MAX: Duration = Duration::from_secs(60);
/// Longest file of certificates read, bytes.
const CA_MAX: usize = 64 * 1024;

/// Where a witness is asked: `https://`, or `http://` on this machine.
#[derive(Debug, Clone)]
pub(super) struct Place {
    tls: bool,
    host: String,
    port: u16,
    path: String,
    roots: RootCertStore,
}

/// What it answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// A connection that ends at an instant, however little comes how often before.
struct Bounded {
    stream: TcpStream,
    until: Instant,
}

/// What is left until an instant, for one step; an error if nothing is.
fn left(until: Instant) -> std::io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        Err(std::io::Error::new(ErrorKind::TimedOut, "it takes longer than a minute"))
    } else {
        Ok(left.min(STEP_MAX))
    }
}

/// A step that took too long ends as one that would have waited.
fn late(error: std::io::Error) -> std::io::Error {
    if error.kind() == ErrorKind::WouldBlock { std::io::Error::new(ErrorKind::TimedOut, "nothing came in time") } else { error }
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.stream.set_read_timeout(Some(left(self.until)?))?;
        self.stream.read(buffer).map_err(late)
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.stream.set_write_timeout(Some(left(self.until)?))?;
        self.stream.write(bytes).map_err(late)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

impl Place {
    /// Reads the address of a witness, to which the names of its requests are appended.
    pub(super) fn parse(url: &str) -> Result<Self, Failure> {
        let refused = |why: &str| {
            Failure::new(format_args!("--url {url:?} is not the address of a witness: {why}"))
                .help("the witness publishes it; it looks like https://witness.example.com/prefix")
        };
        let (tls, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(refused("it begins with neither https:// nor http://")),
        };
        if !rest.bytes().all(|b| b.is_ascii_graphic()) || rest.contains(['?', '#', '@', '\\']) {
            return Err(refused("it has a space, a character beyond ASCII, or one of ? # @ \\"));
        }
        let (authority, path) = rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
        // `[::1]:80` has its port behind the bracket.
        let port_at = authority.rfind(':').filter(|at| !authority[*at..].contains(']'));
        let (host, port) = match port_at {
            Some(at) => (&authority[..at], authority[at + 1..].parse::<u16>().ok().filter(|port| *port != 0)),
            None => (authority, Some(if tls { 443 } else { 80 })),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = port.ok_or_else(|| refused("its port is not a number from 1 to 65535"))?;
        if host.is_empty() {
            return Err(refused("it has no host"));
        }
        if !tls && !matches!(host, "localhost" | "127.0.0.1" | "::1") {
            return Err(refused("http:// is for this machine alone; elsewhere it is https://"));
        }
        let path = path.trim_end_matches('/');
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Ok(Self { tls, host: host.to_owned(), port, path, roots })
    }

    /// The same where these certificates alone vouch for the witness.
    pub(super) fn trusting(self, ca: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = ca else { return Ok(self) };
        let none = |why: &dyn std::fmt::Display| Failure::new(format_args!("--ca {}: {why}", path.display()));
        let bytes = read(path)?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&bytes) {
            let added = certificate.map_err(|e| e.to_string()).and_then(|der| roots.add(der).map_err(|e| e.to_string()));
            added.map_err(|fault| none(&fault))?;
        }
        if bytes.len() > CA_MAX || roots.is_empty() {
            return Err(none(&"it has no certificate in PEM, or more than 64 KiB"));
        }
        Ok(Self { roots, ..self })
    }

    /// Posts `body` to `<address>/<name>`, and has the answer by `until`.
    pub(super) fn post(&self, name: &str, body: &str, until: Instant) -> Result<Answer, Failure> {
        let unanswered = |fault: &dyn std::fmt::Display| {
            Failure::new(format_args!("the witness at {}:{} does not answer: {fault}", self.host, self.port))
                .help("nothing was changed; run this again later")
        };
        let head = format!(
            "POST {}/{name} HTTP/1.0\r\nHost: {}:{}\r\nUser-Agent: airlock/{}\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Length: {}\r\n\r\n",
            self.path,
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() },
            self.port,
            env!("CARGO_PKG_VERSION"),
            body.len()
        );
        let mut stream = self.connect(until).map_err(|fault| unanswered(&fault))?;
        let sent =
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).and_then(|()| stream.flush());
        sent.map_err(|fault| unanswered(&fault))?;
        let bytes = read_all(&mut *stream).map_err(|fault| unanswered(&fault))?;
        parse(&bytes).ok_or_else(|| unanswered(&"what came is not a whole HTTP answer, or longer than 64 KiB"))
    }

    fn connect(&self, until: Instant) -> std::io::Result<Box<dyn Stream>> {
        let mut last = std::io::Error::new(ErrorKind::NotFound, "its name has no address");
        for address in self.addresses(until)? {
            match TcpStream::connect_timeout(&address, left(until)?) {
                Ok(stream) => return self.wrap(Bounded { stream, until }),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// The addresses of its name. The system's resolver knows no bound of time, so it is asked on a thread that may be left behind.
    fn addresses(&self, until: Instant) -> std::io::Result<Vec<SocketAddr>> {
        let (sender, answer) = channel();
        let named = (self.host.clone(), self.port);
        std::thread::spawn(move || sender.send(named.to_socket_addrs().map(Vec::from_iter)));
        answer
            .recv_timeout(left(until)?)
            .map_err(|_| std::io::Error::new(ErrorKind::TimedOut, "its name is not found in time"))?
    }

    fn wrap(&self, stream: Bounded) -> std::io::Result<Box<dyn Stream>> {
        if !self.tls {
            return Ok(Box::new(stream));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(std::io::Error::other)?.with_root_certificates(self.roots.clone()).with_no_client_auth();
        let name = ServerName::try_from(self.host.clone()).map_err(std::io::Error::other)?;
        let session = rustls::ClientConnection::new(Arc::new(config), name).map_err(std::io::Error::other)?;
        Ok(Box::new(rustls::StreamOwned::new(session, stream)))
    }
}

/// What comes until the other side ends; an end that TLS does not announce is for the length to judge.
fn read_all(stream: &mut dyn Stream) -> std::io::Result<Vec<u8>> {
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    while bytes.len() <= ANSWER_MAX {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(length) => bytes.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
    }
    Ok(bytes)
}

/// Status and body, if the answer is whole.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= ANSWER_MAX)?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let (version, rest) = lines.next()?.split_once(' ')?;
    let status = rest.split(' ').next()?.parse().ok().filter(|status| (200..600).contains(status))?;
    if !matches!(version, "HTTP/1.0" | "HTTP/1.1") {
        return None;
    }
    let mut body = body;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("transfer-encoding") {
            return None;
        }
        if name.eq_ignore_ascii_case("content-length") {
            body = body.get(..value.trim().parse().ok()?)?;
        }
    }
    Some(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_or_this_machine() {
        let place = |url| Place::parse(url).map(|place| (place.tls, place.host, place.port, place.path));
        assert_eq!(place("https://w.example.com").unwrap(), (true, "w.example.com".into(), 443, String::new()));
        assert_eq!(place("https://w.example.com:8443/a/b/").unwrap(), (true, "w.example.com".into(), 8443, "/a/b".into()));
        assert_eq!(place("http://127.0.0.1:80/x").unwrap(), (false, "127.0.0.1".into(), 80, "/x".into()));
        assert_eq!(place("http://[::1]:9").unwrap(), (false, "::1".into(), 9, String::new()));
        assert_eq!(place("https://[2001:db8::1]/").unwrap(), (true, "2001:db8::1".into(), 443, String::new()));
        for bad in [
            "",
            "w.example.com",
            "ftp://w",
            "https://",
            "https:///x",
            "http://w.example.com",
            "https://w:0",
            "https://w:x",
            "https://w/a b",
            "https://w/?a",
            "https://a@w/",
            "https://w/\r\nX: y",
            "https://w:99999",
        ] {
            assert!(Place::parse(bad).is_err(), "{bad:?}");
        }
    }

    /// A server that says something for ever, a little at a time, in the middle of a head or of a handshake.
    #[test]
    fn no_server_holds_a_run_longer_than_its_time() {
        for (scheme, begin) in [("http", "HTTP/1.0 200 OK\r\n"), ("https", "\u{16}\u{3}\u{3}\u{3f}")] {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut said = stream.write_all(begin.as_bytes());
                while said.is_ok() {
                    std::thread::sleep(Duration::from_millis(50));
                    said = stream.write_all(b"x");
                }
            });
            let begun = Instant::now();
            let place = Place::parse(&format!("{scheme}://127.0.0.1:{port}")).unwrap();
            let fault = place.post("add-checkpoint", "old 0\n\n", begun + Duration::from_secs(2)).unwrap_err();
            assert!(fault.to_string().contains("does not answer"), "{fault}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{scheme}: {:?}", begun.elapsed());
        }
        // One that takes nothing, and one that is asked when the time is over.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let place = Place::parse(&format!("http://127.0.0.1:{}", listener.local_addr().unwrap().port())).unwrap();
        for time in [Duration::from_secs(1), Duration::ZERO] {
            let begun = Instant::now();
            assert!(place.post("add-checkpoint", &"x".repeat(1 << 20), begun + time).is_err());
            assert!(begun.elapsed() < Duration::from_secs(20));
        }
    }

    #[test]
    fn only_a_whole_answer_is_one() {
        let body = |text: &str| parse(text.as_bytes()).map(|answer| (answer.status, answer.body));
        assert_eq!(body("HTTP/1.0 200 OK\r\n\r\nabc"), Some((200, "abc".into())));
        assert_eq!(body("HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\n9\nmore"), Some((409, "9\n".into())));
        for bad in [
            "",
            "HTTP/1.0 200 OK\r\n",
            "HTTP/2 200\r\n\r\n",
            "HTTP/1.0 abc\r\n\r\n",
            "HTTP/1.0 100 Go on\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        ] {
            assert_eq!(body(bad), None, "{bad:?}");
        }
        assert_eq!(body(&format!("HTTP/1.0 200 OK\r\n\r\n{}", "x".repeat(ANSWER_MAX))), None);
    }
}
