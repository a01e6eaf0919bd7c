//! An HTTP service that keeps the bytes of every request, and answers as its path says.
//!
//! `/echo/…` says what was asked, without credentials; `/say/…` answers with the body of the request; `/empty/…` is 204; `/much` is long; `/mirror/<how>` repeats the credential.

use crate::DEADLINE;
use serde_json::json;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The service of this test program.
#[derive(Debug)]
pub struct Recorder {
    port: u16,
    requests: Mutex<Vec<String>>,
}

/// The service, started on first use.
pub fn recorder() -> &'static Recorder {
    static RECORDER: OnceLock<Recorder> = OnceLock::new();
    let mut listener = None;
    let recorder = RECORDER.get_or_init(|| {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let port = bound.local_addr().expect("an address").port();
        listener = Some(bound);
        Recorder { port, requests: Mutex::default() }
    });
    if let Some(listener) = listener {
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || recorder.serve(stream));
            }
        });
    }
    recorder
}

impl Recorder {
    /// The loopback port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Requests whose target begins so, as they came.
    pub fn of(&self, target: &str) -> Vec<String> {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = |request: &&String| request.split(' ').nth(1).is_some_and(|found| found.starts_with(target));
        requests.iter().filter(asked).cloned().collect()
    }

    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let request = read(&mut stream)?;
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).push(request.clone());
        stream.write_all(answer(&request).as_bytes()).ok()
    }
}

/// Head and body of one request.
fn read(stream: &mut TcpStream) -> Option<String> {
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = header(head, "content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                return Some(text);
            }
        }
        let read = stream.read(&mut piece).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&piece[..read]);
    }
}

/// The value of a header of a request head.
pub fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let head = request.split("\r\n\r\n").next().unwrap_or_default();
    let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

fn answer(request: &str) -> String {
    let (method, target) =
        request.split_once(' ').map_or(("", ""), |(method, rest)| (method, rest.split(' ').next().unwrap_or("")));
    let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let credential = header(request, "authorization").unwrap_or("none").trim_start_matches("Bearer ");
    let say = |status: &str, more: &str, body: &str| {
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n{more}Content-Length: {length}\r\n\r\n{body}"
        )
    };
    let escaped = || credential.bytes().fold(String::new(), |text, byte| text + &format!("\\u{:04x}", byte));
    match target.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default() {
        "say" => say("200 OK", "", body),
        "empty" => "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n".to_owned(),
        "much" => say("200 OK", "", &json!("x".repeat(2000)).to_string()),
        "mirror" => match target.rsplit('/').next().unwrap_or_default() {
            "plain" => say("200 OK", "", &json!({"headers": {"authorization": credential}}).to_string()),
            "name" => say("200 OK", "", &json!({ credential: 1 }).to_string()),
            "escaped" => say("200 OK", "", &format!("{{\"a\":\"{}\"}}", escaped())),
            "error" => say("403 Forbidden", "", &json!({"message": format!("the token {credential} has no right")}).to_string()),
            "moved" => say("302 Found", &format!("Location: https://{credential}.example.org/\r\n"), ""),
            "type" => say("200 OK", &format!("X-Seen: {credential}\r\n"), "{}"),
            "text" => format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/{credential}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
            ),
            _ => say("200 OK", "", "{\"fine\":true}"),
        },
        _ => say("200 OK", "", &json!({"method": method, "target": target, "body": body}).to_string()),
    }
}
