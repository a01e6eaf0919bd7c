//! Fetches over real loopback sockets, with servers that misbehave.

use super::super::resolve::DnsFault;
use super::*;
use crate::egress::url::{UrlRules, admit};
use crate::policy::{Egress, HostRule};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::thread::JoinHandle;

const CA: &[u8] = include_bytes!("../testdata/ca.pem");
const LEAF: &[u8] = include_bytes!("../testdata/leaf.pem");
const LEAF_KEY: &[u8] = include_bytes!("../testdata/leaf-key.pem");
/// Set in the child process of a test that needs another environment.
const CHILD: &str = "AIRLOCK_TEST_CHILD";

struct Scripted(Result<Vec<IpAddr>, DnsFault>);

impl Resolve for Scripted {
    async fn resolve(&self, _host: &str) -> Result<Vec<IpAddr>, DnsFault> {
        self.0.clone()
    }
}

struct NeverAnswers;

impl Resolve for NeverAnswers {
    async fn resolve(&self, _host: &str) -> Result<Vec<IpAddr>, DnsFault> {
        std::future::pending().await
    }
}

/// Reads one request head.
fn read_head(stream: &mut impl Read) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

/// Answers one request with the given bytes; gives the port, and the request's head when joined.
fn server(reply: Vec<u8>) -> (u16, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let head = read_head(&mut stream);
        // A client that stops reading early is what several tests are about.
        let _ = stream.write_all(&reply);
        head
    });
    (port, thread)
}

fn reply(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn json(body: &str) -> Vec<u8> {
    reply("200 OK", "Content-Type: application/json\r\n", body.as_bytes())
}

/// A target on this port whose name resolves to loopback, as if loopback were public.
fn local(scheme: &str, host: &str, port: u16) -> Checked {
    let ports: &'static [u16] = Box::leak(Box::new([port]));
    let egress = [Egress { host: HostRule::AnyPublic, ports, stand_in: None }];
    let rules = UrlRules { schemes: &["http", "https"], egress: &egress };
    Checked::unchecked_for_tests(admit(&format!("{scheme}://{host}:{port}/v1?q=1#part"), &rules).unwrap())
}

fn stand_in(port: u16) -> Target {
    let egress = [Egress { host: HostRule::Exact("api.example.com"), ports: &[443], stand_in: Some(port) }];
    admit("https://api.example.com/v1/x?q=a%20b", &UrlRules::https(&egress)).unwrap()
}

async fn fetch_local(checked: &Checked, limits: HttpLimits) -> Result<Fetched, FetchFault> {
    fetch(Outside::rehearsed(), checked, Asked::get(), &limits, tls::client_config().unwrap()).await
}

async fn fetch_reply(reply: Vec<u8>) -> Result<Fetched, FetchFault> {
    let (port, _thread) = server(reply);
    get_json(Outside::rehearsed(), stand_in(port), &HttpLimits::default(), &Scripted(Err(DnsFault))).await
}

async fn code(reply: Vec<u8>) -> &'static str {
    fetch_reply(reply).await.map_or_else(|fault| fault.code(), |_| "fetched")
}

#[tokio::test]
async fn connects_to_the_checked_address_and_says_little() {
    let (port, thread) = server(json(r#"{"a":1}"#));
    // No resolver knows this name: only the pinned address can have been used.
    let fetched = fetch_local(&local("http", "pinned.nowhere-at-all.com", port), HttpLimits::default()).await.unwrap();
    assert_eq!((fetched.value["a"].as_u64(), fetched.bytes, fetched.status), (Some(1), 7, 200));
    let mut lines: Vec<String> =
        thread.join().unwrap().lines().map(str::to_ascii_lowercase).filter(|line| !line.is_empty()).collect();
    lines[1..].sort_unstable();
    let agent = format!("user-agent: airlock/{}", env!("CARGO_PKG_VERSION"));
    let host = format!("host: pinned.nowhere-at-all.com:{port}");
    assert_eq!(lines, ["get /v1?q=1 http/1.1", "accept-encoding: gzip", "accept: application/json", &host, &agent]);
}

#[tokio::test]
async fn a_stand_in_sees_the_original_request() {
    let (port, thread) = server(json("[]"));
    let fetched = get_json(Outside::rehearsed(), stand_in(port), &HttpLimits::default(), &Scripted(Err(DnsFault))).await.unwrap();
    assert_eq!(fetched.host, "api.example.com");
    let head = thread.join().unwrap().to_ascii_lowercase();
    assert!(head.starts_with("get /v1/x?q=a%20b http/1.1\r\n"), "{head}");
    assert_eq!(head.matches("host: ").count(), 1, "{head}");
    assert!(head.contains("host: api.example.com\r\n"), "{head}");
}

#[tokio::test]
async fn a_redirect_is_named_and_not_followed() {
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    other.set_nonblocking(true).unwrap();
    let location = format!("Location: http://127.0.0.1:{}/secret/path\r\n", other.local_addr().unwrap().port());
    let fault = fetch_reply(reply("302 Found", &location, b"")).await.unwrap_err();
    assert_eq!(fault, FetchFault::RedirectRefused { status: 302, host: Some("127.0.0.1".to_owned()) });
    assert!(!fault.detail().contains("secret"));
    assert_eq!(other.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "the redirect was followed");
}

#[tokio::test]
async fn a_gzip_bomb_stops_at_the_limit() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        packed.write_all(&vec![b' '; 1024 * 1024]).unwrap();
    }
    let packed = packed.finish().unwrap();
    assert!(packed.len() < 128 * 1024, "the bomb is {} bytes", packed.len());
    let headers = "Content-Type: application/json\r\nContent-Encoding: gzip\r\n";
    assert_eq!(fetch_reply(reply("200 OK", headers, &packed)).await, Err(FetchFault::TooLarge { limit: BODY_MAX }));
}

#[tokio::test]
async fn the_body_limit_is_exact() {
    let body = format!("\"{}\"", "x".repeat(98));
    for (limit, expected) in [(100, Ok(100)), (99, Err(FetchFault::TooLarge { limit: 99 }))] {
        let (port, _thread) = server(json(&body));
        let limits = HttpLimits { body: limit, ..HttpLimits::default() };
        let fetched = get_json(Outside::rehearsed(), stand_in(port), &limits, &Scripted(Err(DnsFault))).await;
        assert_eq!(fetched.map(|fetched| fetched.bytes), expected);
    }
}

#[tokio::test]
async fn answers_that_are_not_json_are_refused() {
    for (headers, body, expected) in [
        ("Content-Type: application/json; charset=utf-8\r\n", "{}", "fetched"),
        ("Content-Type: Application/Geo+JSON\r\n", "{}", "fetched"),
        ("Content-Type: text/html\r\n", "{}", "content_type"),
        ("Content-Type: application/jsonp\r\n", "{}", "content_type"),
        ("", "{}", "content_type"),
        ("Content-Type: application/json\r\n", "{", "bad_json"),
        ("Content-Type: application/json\r\n", "", "bad_json"),
        ("Content-Type: application/json\r\n", "{} {}", "bad_json"),
    ] {
        assert_eq!(code(reply("200 OK", headers, body.as_bytes())).await, expected, "{headers}{body}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(code(json(&deep)).await, "bad_json");
}

#[tokio::test]
async fn documents_with_two_readings_or_too_many_values_are_refused() {
    let many = format!("[{}0]", "0,".repeat(crate::limits::JSON_VALUES_MAX));
    let smuggled = r#"{"a":{"$serde_json::private::RawValue":"{\"b\":1,\"b\":2}"}}"#;
    for body in [many.as_str(), smuggled, r#"{"a":1,"a":2}"#] {
        let fault = fetch_reply(json(body)).await.unwrap_err();
        assert_eq!(fault.code(), "bad_json");
        assert!(!fault.detail().contains("valid JSON"), "{}", fault.detail());
    }
}

#[tokio::test]
async fn an_upstream_message_is_one_short_printable_line() {
    let headers = "Content-Type: application/json\r\n";
    let body = format!(r#"{{"error":true,"reason":"bad\nlatitude \u001b[31m\u202e {}"}}"#, "x".repeat(500));
    let fault = fetch_reply(reply("400 Bad Request", headers, body.as_bytes())).await.unwrap_err();
    let FetchFault::UpstreamStatus { status: 400, note } = &fault else { panic!("{fault:?}") };
    assert!(note.starts_with("bad latitude [31m x"), "{note}");
    assert_eq!(note.chars().count(), NOTE_MAX + 1);
    assert_eq!(code(reply("500 Oh", headers, b"not json")).await, "upstream_status");
    assert_eq!(code(reply("304 Not Modified", headers, b"")).await, "redirect_refused");
}

#[tokio::test]
async fn a_body_that_drips_or_breaks_off_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        read_head(&mut stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{").unwrap();
        let _ = stopped.recv();
    });
    let limits = HttpLimits { total: Duration::from_millis(200), ..HttpLimits::default() };
    let fetched = get_json(Outside::rehearsed(), stand_in(port), &limits, &Scripted(Err(DnsFault))).await;
    assert_eq!(fetched, Err(FetchFault::Timeout { after: limits.total }));
    drop(stop);
    thread.join().unwrap();

    let broken = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{}".to_vec();
    assert_eq!(code(broken).await, "connect_failed");
    assert_eq!(code(b"nonsense\r\n\r\n".to_vec()).await, "connect_failed");
}

#[tokio::test]
async fn names_that_fail_hang_or_lead_inside_are_told_apart() {
    let egress = [Egress { host: HostRule::Exact("api.example.com"), ports: &[443], stand_in: None }];
    let target = || admit("https://api.example.com/", &UrlRules::https(&egress)).unwrap();
    let limits = HttpLimits { total: Duration::from_millis(100), ..HttpLimits::default() };
    let fault = get_json(Outside::rehearsed(), target(), &limits, &Scripted(Err(DnsFault))).await.unwrap_err();
    assert_eq!(fault.code(), "dns_failed");
    let fault = get_json(Outside::rehearsed(), target(), &limits, &NeverAnswers).await.unwrap_err();
    assert_eq!(fault.code(), "timeout");
    let inner = vec!["93.184.216.34".parse().unwrap(), "10.1.2.3".parse().unwrap()];
    let fault = get_json(Outside::rehearsed(), target(), &limits, &Scripted(Ok(inner))).await.unwrap_err();
    assert_eq!(fault.code(), "address_refused");
    assert!(!fault.detail().contains("10.1.2.3"), "{fault}");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let fault = get_json(Outside::rehearsed(), stand_in(closed), &limits, &Scripted(Err(DnsFault))).await.unwrap_err();
    assert_eq!(fault.code(), "connect_failed");
}

/// A TLS server for `api.example.com` under our test CA; answers until its listener is dropped with the process.
fn tls_server() -> u16 {
    let certs = vec![CertificateDer::from_pem_slice(LEAF).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(LEAF_KEY).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(certs, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut session = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut tls = rustls::Stream::new(&mut session, &mut stream);
            read_head(&mut tls);
            // A client that refuses the certificate has left already.
            let _ = tls.write_all(&json("{}"));
            session.send_close_notify();
            let _ = session.complete_io(&mut stream);
        }
    });
    port
}

#[tokio::test]
async fn tls_needs_a_compiled_in_root_and_the_right_name() {
    let port = tls_server();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CA).unwrap()).unwrap();
    let trusting = tls::build(roots).unwrap();
    let limits = HttpLimits::default();
    // The server is in order: with its CA as a root the fetch works.
    let fetched =
        fetch(Outside::rehearsed(), &local("https", "api.example.com", port), Asked::get(), &limits, trusting.clone()).await;
    assert_eq!(fetched.unwrap().value, serde_json::json!({}));
    let fault = fetch(Outside::rehearsed(), &local("https", "other.example.com", port), Asked::get(), &limits, trusting)
        .await
        .unwrap_err();
    assert_eq!(fault.code(), "tls_failed", "{fault}");
    let fault = fetch_local(&local("https", "api.example.com", port), limits).await.unwrap_err();
    assert_eq!(fault.code(), "tls_failed", "{fault}");
    assert!(fault.detail().contains("UnknownIssuer"), "{fault}");
}

#[tokio::test]
async fn the_environment_changes_neither_roots_nor_route() {
    if std::env::var_os(CHILD).is_some() {
        let fault = fetch_local(&local("https", "api.example.com", tls_server()), HttpLimits::default()).await.unwrap_err();
        assert_eq!(fault.code(), "tls_failed", "{fault}");
        let (port, _thread) = server(json("{}"));
        fetch_local(&local("http", "api.example.com", port), HttpLimits::default()).await.unwrap();
        return;
    }
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let proxy_url = format!("http://{}", proxy.local_addr().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, CA).unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "effect::http::tests::the_environment_changes_neither_roots_nor_route"]);
    child.env(CHILD, "1").env("SSL_CERT_FILE", &ca).env("SSL_CERT_DIR", dir.path()).env_remove("NO_PROXY").env_remove("no_proxy");
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, &proxy_url);
    }
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let asked: std::io::Result<(TcpStream, _)> = proxy.accept();
    assert_eq!(asked.unwrap_err().kind(), ErrorKind::WouldBlock, "the proxy was asked");
}

#[test]
fn lines_are_short_and_printable() {
    assert_eq!(line("  a\t\r\n b\u{0}c  ", 10), "a b c");
    assert_eq!(line("\u{202e}\u{200b}\u{feff}", 10), "");
    assert_eq!(line("abcdef", 3), "abc…");
    assert_eq!(line("abc", 3), "abc");
}
