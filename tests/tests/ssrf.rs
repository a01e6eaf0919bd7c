//! The egress rules against labelled URLs: no case that must be refused is fetched, none that must be allowed is refused.
//!
//! Read: `vectors/ssrf_cases.jsonl`, our own cases, and `vectors/ssrf_cases.open.jsonl`, gathered ones; instead of the latter the
//! file that `AIRLOCK_SSRF_CASES` names, if it is set. The judged way is the product's own: `admit`,
//! then `check` with scripted name answers, then `get_json` over a real socket for the cases that redirect.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test stops at the first surprise and prints its counts")]

use airlock_runtime::effect::http::{FetchFault, HttpLimits, get_json};
use airlock_runtime::effect::resolve::{DnsFault, Resolve, check};
use airlock_runtime::egress::url::{UrlRules, admit};
use airlock_runtime::outside::Outside;
use airlock_runtime::policy::{Egress, HostRule};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

const WEB: &[Egress] = &[Egress { host: HostRule::AnyPublic, ports: &[80, 443, 8443], stand_in: None }];

/// The policy `pin`, optionally with a loopback stand-in for its hosts.
fn pin(stand_in: Option<u16>) -> [Egress; 2] {
    [HostRule::Exact("api.example.com"), HostRule::OneLabel("cdn.example.com")].map(|host| Egress {
        host,
        ports: &[443],
        stand_in,
    })
}

/// Answers the first question from `first` and every later one from `then`, as a rebinding name server does.
struct Script {
    first: Option<Vec<IpAddr>>,
    then: Option<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Resolve for Script {
    async fn resolve(&self, _host: &str) -> Result<Vec<IpAddr>, DnsFault> {
        let again = self.asked.fetch_add(1, Ordering::SeqCst) > 0;
        let answer = if again && self.then.is_some() { &self.then } else { &self.first };
        answer.clone().ok_or(DnsFault)
    }
}

fn addresses(case: &Value, field: &str) -> Option<Vec<IpAddr>> {
    let list = case[field].as_array()?;
    Some(list.iter().map(|text| text.as_str().unwrap().parse().unwrap()).collect())
}

/// A server that answers one request with a redirect; gives its port.
fn redirecting_server(location: &str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let reply = format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 2048];
        let _ = stream.read(&mut head).unwrap();
        stream.write_all(reply.as_bytes()).unwrap();
    });
    port
}

/// What the product does with a case: the addresses it would dial, or the code of its refusal.
async fn judge(case: &Value) -> Result<Vec<IpAddr>, &'static str> {
    let redirect = case["redirects_to"].as_str();
    let listed = pin(redirect.map(redirecting_server));
    let rules = match case["policy"].as_str().unwrap() {
        "web" => UrlRules { schemes: &["http", "https"], egress: WEB },
        "pin" => UrlRules::https(&listed),
        other => panic!("unknown policy {other}"),
    };
    let target = admit(case["url"].as_str().unwrap(), &rules).map_err(|fault| fault.code())?;
    let script =
        Script { first: addresses(case, "resolves_to"), then: addresses(case, "resolves_then"), asked: AtomicUsize::new(0) };
    if redirect.is_some() {
        let fetched = get_json(Outside::rehearsed(), target, &HttpLimits::default(), &script).await;
        return match fetched {
            Err(fault @ FetchFault::RedirectRefused { .. }) => Err(fault.code()),
            other => panic!("a redirect gave {other:?}"),
        };
    }
    let checked = check(target, &script).await.map_err(|fault| fault.code())?;
    assert!(script.asked.load(Ordering::SeqCst) <= 1, "a name was asked twice");
    Ok(checked.addrs().iter().map(|addr| addr.ip()).collect())
}

/// All mistakes in a file, and a count of cases by category and expectation.
fn mistakes(path: &Path) -> (Vec<String>, BTreeMap<String, usize>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let (mut wrong, mut counts) = (Vec::new(), BTreeMap::new());
    for row in text.lines() {
        let case: Value = serde_json::from_str(row).unwrap();
        let expect = case["expect"].as_str().unwrap();
        *counts.entry(expect.to_owned()).or_insert(0) += 1;
        let verdict = runtime.block_on(judge(&case));
        let right = match (expect, &verdict) {
            ("deny", Err(_)) => true,
            ("allow", Ok(addrs)) => case["must_connect"].as_str().is_none_or(|must| addrs == &[must.parse::<IpAddr>().unwrap()]),
            _ => false,
        };
        if !right {
            wrong.push(format!("{} ({}): expected {expect}, got {verdict:?}", case["url"], case["why"]));
        }
    }
    (wrong, counts)
}

fn assert_no_mistakes(path: &Path) {
    let (wrong, counts) = mistakes(path);
    println!("{}: {counts:?}, {} wrong", path.display(), wrong.len());
    assert!(!counts.is_empty(), "no case in {}", path.display());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn our_own_cases() {
    assert_no_mistakes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/ssrf_cases.jsonl"));
}

#[test]
fn gathered_cases() {
    let named = std::env::var_os("AIRLOCK_SSRF_CASES").map(PathBuf::from);
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/ssrf_cases.open.jsonl");
    assert_no_mistakes(&named.unwrap_or_else(own));
}

#[test]
fn a_wrong_label_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("cases.jsonl");
    let rows = [
        r#"{"url":"https://example.com/","resolves_to":["93.184.216.34"],"expect":"deny","policy":"web","why":"wrong deny"}"#,
        r#"{"url":"https://10.0.0.1/","expect":"allow","policy":"web","why":"wrong allow"}"#,
        r#"{"url":"https://a.example.com/","resolves_to":["1.1.1.1"],"must_connect":"8.8.8.8","expect":"allow","policy":"web","why":"other address"}"#,
    ];
    std::fs::write(&path, rows.join("\n")).unwrap();
    assert_eq!(mistakes(&path).0.len(), rows.len());
}
