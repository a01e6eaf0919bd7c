//! A local HTTP service that a test can hold up: the stand-in of the gateways under test.
//!
//! `/held/<name>` is answered when the test says so, every other path at once, with the path as JSON.

use crate::DEADLINE;
use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

/// The service of this test program; it lives as long as the program, because its port is compiled into gateways.
#[derive(Debug)]
pub struct Web {
    port: u16,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Requests that have come, by path.
    come: HashMap<String, usize>,
    released: HashSet<String>,
}

/// The service, started on first use.
pub fn web() -> &'static Web {
    static WEB: OnceLock<Web> = OnceLock::new();
    let mut listener = None;
    let web = WEB.get_or_init(|| {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let port = bound.local_addr().expect("an address").port();
        listener = Some(bound);
        Web { port, state: Mutex::default(), changed: Condvar::new() }
    });
    if let Some(listener) = listener {
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that leaves early is its own business.
                std::thread::spawn(move || web.serve(stream));
            }
        });
    }
    web
}

impl Web {
    /// The loopback port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Waits until `count` requests for a path have come.
    pub fn wait_for(&self, path: &str, count: usize) {
        let (state, timeout) = self
            .changed
            .wait_timeout_while(self.lock(), DEADLINE, |state| state.come.get(path).copied().unwrap_or_default() < count)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "{count} requests for {path} were expected, {:?} came", state.come);
    }

    /// Requests that have come for a path.
    pub fn come(&self, path: &str) -> usize {
        self.lock().come.get(path).copied().unwrap_or_default()
    }

    /// Lets a held path be answered, now and from now on.
    pub fn release(&self, path: &str) {
        self.lock().released.insert(path.to_owned());
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let path = request_path(&mut stream)?;
        let mut state = self.lock();
        *state.come.entry(path.clone()).or_default() += 1;
        self.changed.notify_all();
        if path.starts_with("/held/") {
            let wait = |state: &mut State| !state.released.contains(&path);
            drop(self.changed.wait_timeout_while(state, DEADLINE, wait).unwrap_or_else(PoisonError::into_inner));
        } else {
            drop(state);
        }
        let body = serde_json::json!({ "path": path }).to_string();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length:";
        stream.write_all(format!("{head} {}\r\n\r\n{body}", body.len()).as_bytes()).ok()
    }
}

/// Path of one request, without its query.
fn request_path(stream: &mut TcpStream) -> Option<String> {
    stream.set_read_timeout(Some(DEADLINE)).ok()?;
    let (mut head, mut piece) = (Vec::new(), [0; 1024]);
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let read = stream.read(&mut piece).ok().filter(|read| *read > 0)?;
        head.extend_from_slice(&piece[..read]);
    }
    let head = String::from_utf8_lossy(&head);
    let target = head.split_ascii_whitespace().nth(1)?;
    Some(target.split('?').next().unwrap_or_default().to_owned())
}
