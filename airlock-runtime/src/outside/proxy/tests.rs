use super::*;
use crate::policy::{Egress, HostRule};
use std::io::{Read, Write};
use std::net::{TcpListener as StdListener, TcpStream as StdStream};
use std::sync::mpsc::{Receiver, channel};
use tokio::task::LocalSet;

/// What a service gets, by connection; it answers each with its bytes in turn.
fn service() -> (u16, Receiver<Vec<u8>>) {
    let listener = StdListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut got = Vec::new();
            client.read_to_end(&mut got).unwrap();
            client.write_all(&got.iter().rev().copied().collect::<Vec<u8>>()).unwrap();
            drop(client);
            if send.send(got).is_err() {
                return;
            }
        }
    });
    (port, receive)
}

/// A proxy for a server that may reach `api.example.com`, behind which stands this port.
fn proxy(stand_in: u16) -> u16 {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            send.send(listener.local_addr().unwrap().port()).unwrap();
            let hosts: &'static [Egress] = Box::leak(Box::new([
                Egress { host: HostRule::Exact("api.example.com"), ports: &[443], stand_in: Some(stand_in) },
                Egress { host: HostRule::Exact("down.example.com"), ports: &[443], stand_in: Some(1) },
            ]));
            Guest { name: "u", place: 0, hosts, outside: Outside::rehearsed() }.attend(listener, Rc::default()).await;
        });
    });
    receive.recv().unwrap()
}

/// A ClientHello as a real client makes it.
fn hello(host: &str) -> Vec<u8> {
    let config = crate::effect::tls::client_config().unwrap();
    let name = host.to_owned().try_into().unwrap();
    let mut client = rustls::ClientConnection::new(std::sync::Arc::new(config), name).unwrap();
    let mut sent = Vec::new();
    client.write_tls(&mut sent).unwrap();
    sent
}

/// Sends everything, in two parts; what comes back.
fn ask(port: u16, request: &str, more: &[u8]) -> (String, Vec<u8>) {
    let mut client = StdStream::connect(("127.0.0.1", port)).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    client.write_all(request.as_bytes()).unwrap();
    let mut got = Vec::new();
    while !got.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match client.read(&mut byte) {
            Ok(1) => got.push(byte[0]),
            _ => break,
        }
    }
    // It may be closed already.
    let _ = client.write_all(more).and_then(|()| client.shutdown(std::net::Shutdown::Write));
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest);
    (String::from_utf8(got).unwrap(), rest)
}

#[test]
fn a_listed_host_is_connected_and_bytes_go_both_ways() {
    let (behind, seen) = service();
    let port = proxy(behind);
    for host in ["api.example.com", "API.Example.com"] {
        let sent = [hello("api.example.com"), vec![9; 100_000]].concat();
        let (answer, back) = ask(port, &format!("CONNECT {host}:443 HTTP/1.1\r\nHost: x\r\n\r\n"), &sent);
        assert_eq!(answer, "HTTP/1.1 200 Connection established\r\n\r\n");
        assert!(seen.recv().unwrap() == sent && back.iter().rev().eq(sent.iter()), "bytes pass unchanged");
    }
}

#[test]
fn what_is_not_in_the_list_is_refused_in_words() {
    let (behind, seen) = service();
    let port = proxy(behind);
    for (request, status, words) in [
        ("CONNECT evil.com:443 HTTP/1.1", 403, "evil.com"),
        ("CONNECT api.example.com.evil.com:443 HTTP/1.1", 403, "evil.com"),
        ("CONNECT api.example.com:22 HTTP/1.1", 403, "port 22"),
        ("CONNECT 127.0.0.1:443 HTTP/1.1", 403, ""),
        ("CONNECT 169.254.169.254:443 HTTP/1.1", 403, ""),
        ("CONNECT [::1]:443 HTTP/1.1", 403, ""),
        ("CONNECT 2130706433:443 HTTP/1.1", 403, ""),
        ("CONNECT localhost:443 HTTP/1.1", 403, ""),
        ("CONNECT down.example.com:443 HTTP/1.1", 502, "down.example.com"),
        ("CONNECT api.example.com HTTP/1.1", 405, "CONNECT"),
        ("CONNECT api.example.com:443", 405, "CONNECT"),
        ("CONNECT api.example.com:443 HTTP/2", 405, "CONNECT"),
        ("CONNECT user@api.example.com:443 HTTP/1.1", 405, "CONNECT"),
        ("CONNECT evil.com:443/@api.example.com:443 HTTP/1.1", 405, "CONNECT"),
        ("CONNECT evil.com:443#api.example.com:443 HTTP/1.1", 405, "CONNECT"),
        ("CONNECT evil.com\u{b}:443 HTTP/1.1", 405, "CONNECT"),
        ("GET http://api.example.com/ HTTP/1.1", 405, "CONNECT"),
        ("POST / HTTP/1.1", 405, "CONNECT"),
        ("\u{1}", 405, "CONNECT"),
    ] {
        let (answer, body) = ask(port, &format!("{request}\r\n\r\n"), &hello("api.example.com"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        let body = String::from_utf8(body).unwrap();
        assert!(body.starts_with("Refused by Airlock: ") && body.contains(words), "{request}: {body}");
    }
    assert!(seen.try_recv().is_err(), "nobody was connected to");
}

#[test]
fn nothing_is_sent_to_a_host_that_the_tls_does_not_ask_for() {
    let (behind, seen) = service();
    let port = proxy(behind);
    let connect = "CONNECT api.example.com:443 HTTP/1.1\r\n\r\n";
    let whole = hello("api.example.com");
    for sent in
        [hello("evil.com"), b"GET / HTTP/1.1\r\n\r\n".to_vec(), whole[..whole.len() - 1].to_vec(), vec![22, 3, 1, 0x40, 0]]
    {
        let (answer, back) = ask(port, connect, &sent);
        assert!(answer.starts_with("HTTP/1.1 200 ") && back.is_empty(), "{answer}");
        assert_eq!(seen.recv_timeout(Duration::from_secs(20)).unwrap(), b"", "not a byte went there");
    }
}

#[test]
fn a_request_without_an_end_is_not_kept() {
    let (behind, _seen) = service();
    let port = proxy(behind);
    let (answer, _) = ask(port, &format!("CONNECT {} HTTP/1.1\r\n\r\n", "a".repeat(2 * HEAD_MAX)), b"");
    assert_eq!(answer, "");
}

/// A socket that listens, from whoever starts servers.
#[tokio::test(flavor = "current_thread")]
async fn only_servers_with_a_network_are_served() {
    use crate::policy::upstream::{Confine, Net, ProcessLimits, Upstream};
    use std::os::fd::AsFd;
    const HOSTS: &[Egress] = &[Egress { host: HostRule::Exact("api.example.com"), ports: &[443], stand_in: None }];
    const LIMITS: ProcessLimits = ProcessLimits { data: 1, fsize: 1, cpu: None, files: 1, processes: 1 };
    const CONFINE: Confine =
        Confine { system: false, read: &[], write: &[], exec: &[], net: Net::Proxy(HOSTS), limits: LIMITS, allow_missing: &[] };
    const UPSTREAMS: &[Upstream] = &[Upstream::SAMPLE, Upstream { name: "talks", confine: Some(CONFINE), ..Upstream::SAMPLE }];
    LocalSet::new()
        .run_until(async {
            let (ours, theirs) = passing::pair().unwrap();
            let serving =
                tokio::task::spawn_local(Doors::new(theirs).unwrap().serve(UPSTREAMS, Outside::rehearsed(), Rc::default()));
            let mut ports = Vec::new();
            for name in ["alone", "nobody", "talks"] {
                let door = StdListener::bind("127.0.0.1:0").unwrap();
                door.set_nonblocking(true).unwrap();
                ports.push(door.local_addr().unwrap().port());
                passing::send(&ours, name.as_bytes(), &[door.as_fd()]).unwrap();
            }
            let asked = |port: u16| tokio::task::spawn_blocking(move || ask(port, "GET / HTTP/1.1\r\n\r\n", b"").0);
            assert!(asked(ports[2]).await.unwrap().starts_with("HTTP/1.1 405 "));
            for port in &ports[..2] {
                assert!(StdStream::connect(("127.0.0.1", *port)).is_err(), "its socket was left");
            }
            drop(ours);
            serving.await.unwrap();
        })
        .await;
}
