//! One bounded request to an admitted target, with an answer in JSON.
//!
//! What is absent matters: no proxy from the environment, no redirect, no cookie, no referer, no second name lookup, no pooled
//! connection, no system certificate. A client lives for one request, so nothing is built before the first one.

use super::resolve::{Checked, Pinned, Resolve, check};
use super::secret::Secret;
use super::tls;
use crate::decide::Tempo;
use crate::egress::url::Target;
use crate::json::json;
use crate::outside::Outside;
use crate::wire::scan::scan;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;
use std::error::Error;
use std::time::Duration;

mod fault;

pub use fault::FetchFault;

/// Longest body in bytes, counted after decompression: a week of hourly weather is 20 KiB, and a model cannot use more than this.
pub const BODY_MAX: usize = 1024 * 1024;
/// Longest time for TCP and TLS: three round trips over the worst of links that people still call working.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Longest time for the whole fetch with its name lookup: clients give a tool call 30 to 60 seconds, and weather needs two fetches.
pub const TOTAL_LIMIT: Duration = Duration::from_secs(10);
/// Bytes of an error answer that are looked at for a message.
const ERROR_BODY_MAX: usize = 4 * 1024;
/// Characters of an upstream's own message that are passed on.
const NOTE_MAX: usize = 160;
/// How this program names itself to upstreams.
const USER_AGENT: &str = concat!("airlock/", env!("CARGO_PKG_VERSION"));

/// Bounds of one fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// Time for TCP and TLS.
    pub connect: Duration,
    /// Time for everything.
    pub total: Duration,
    /// Bytes of the body after decompression.
    pub body: usize,
}

impl HttpLimits {
    /// The limits of a tool whose requests may take so long.
    pub(crate) fn within(tempo: Tempo) -> Self {
        let total = Duration::from_secs(tempo.0);
        Self { connect: CONNECT_LIMIT.min(total), total, ..Self::default() }
    }
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self { connect: CONNECT_LIMIT, total: TOTAL_LIMIT, body: BODY_MAX }
    }
}

/// A fetched document.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetched {
    /// The document.
    pub value: Value,
    /// Its length in bytes after decompression.
    pub bytes: usize,
    /// HTTP status, 200-299.
    pub status: u16,
    /// Host as admitted, also when a stand-in answered.
    pub host: String,
}

impl Fetched {
    /// The result of a tool: `status`, `host`, `bytes` and the document as `json`.
    #[must_use]
    pub fn into_result(self) -> Value {
        json!({ "status": self.status, "host": self.host, "bytes": self.bytes, "json": self.value })
    }
}

/// Fetches one JSON document: looks the host up once, checks every address, connects to a checked one, reads within bounds.
/// Needs a tokio runtime with I/O and time.
///
/// # Errors
/// See [`FetchFault`]; nothing is retried.
pub async fn get_json(
    outside: Outside,
    target: Target,
    limits: &HttpLimits,
    resolver: &impl Resolve,
) -> Result<Fetched, FetchFault> {
    send(outside, target, Asked::get(), limits, resolver).await
}

/// What is asked of a target.
pub(super) struct Asked<'a> {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<String>,
    /// Is a successful answer without a body one? It counts as null.
    pub(super) may_be_empty: bool,
    /// What must not stand in the answer.
    pub(super) secret: Option<&'a Secret>,
}

impl Asked<'_> {
    /// A document without more.
    fn get() -> Self {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        Self { method: Method::GET, headers, body: None, may_be_empty: false, secret: None }
    }
}

/// Sends one request as [`get_json`] does.
///
/// # Errors
/// As [`get_json`]; `secret_in_answer` if the answer, also one that is an error, repeats the credential.
pub(super) async fn send(
    outside: Outside,
    target: Target,
    asked: Asked<'_>,
    limits: &HttpLimits,
    resolver: &impl Resolve,
) -> Result<Fetched, FetchFault> {
    let fetch = async {
        let checked = check(target, resolver).await?;
        let tls = tls::client_config().map_err(|fault| tls_fault(checked.target().host(), &fault))?;
        fetch(outside, &checked, asked, limits, tls).await
    };
    // The outer limit covers the name lookup, which the HTTP client's own limit does not.
    tokio::time::timeout(limits.total, fetch).await.unwrap_or(Err(FetchFault::Timeout { after: limits.total }))
}

async fn fetch(
    outside: Outside,
    checked: &Checked,
    asked: Asked<'_>,
    limits: &HttpLimits,
    tls: rustls::ClientConfig,
) -> Result<Fetched, FetchFault> {
    let target = checked.target();
    let host = target.host().to_owned();
    let Asked { method, mut headers, body, may_be_empty, secret } = asked;
    let client = client(outside, checked, limits, tls).map_err(|fault| request_fault(&fault, target, limits))?;
    let mut url = target.url().clone();
    if let Some(port) = target.stand_in() {
        url = stand_in_url(target, port)?;
        headers.insert(HOST, HeaderValue::from_str(&host_header(target)).map_err(|_| FetchFault::Unsendable)?);
    }
    let mut request = client.request(method, url).headers(headers);
    if let Some(body) = body {
        request = request.body(body);
    }
    let response = request.send().await.map_err(|fault| request_fault(&fault, target, limits))?;
    let peer_known = response.remote_addr().is_some_and(|peer| checked.addrs().iter().any(|addr| addr.ip() == peer.ip()));
    if target.stand_in().is_none() && !peer_known {
        return Err(FetchFault::ConnectFailed { host });
    }
    let leaks = |bytes: &[u8]| secret.is_some_and(|secret| secret.stands_in(bytes));
    if response.headers().values().any(|value| leaks(value.as_bytes())) {
        return Err(FetchFault::SecretInAnswer);
    }
    let is_empty = |response: &Response| may_be_empty && response.status().is_success() && response.content_length() == Some(0);
    let response = if is_empty(&response) { response } else { accept_head(response, target, secret).await? };
    let status = response.status().as_u16();
    let body = read_body(response, limits.body).await.map_err(|fault| fault.for_target(target, limits))?;
    if leaks(&body) {
        return Err(FetchFault::SecretInAnswer);
    }
    let value = if body.is_empty() && may_be_empty { Value::Null } else { read_json(&body)? };
    // A string of JSON may spell it with escapes.
    if secret.is_some_and(|secret| secret.stands_in_document(&value)) {
        return Err(FetchFault::SecretInAnswer);
    }
    Ok(Fetched { value, bytes: body.len(), status, host })
}

/// The document in a body, by the rules for lines of clients: it has one reading, and not so many values that what is small as
/// text is large in memory.
fn read_json(body: &[u8]) -> Result<Value, FetchFault> {
    let bad = |problem: String| FetchFault::BadJson { problem };
    match scan(body) {
        Err(fault) if fault.flaw.is_json() => return Err(bad(fault.flaw.sentence().trim_end_matches('.').to_owned())),
        // What is no JSON at all, the parser places by line and column.
        Ok(_) | Err(_) => {}
    }
    serde_json::from_slice(body)
        .map_err(|fault| bad(format!("it is not valid JSON (line {}, column {})", fault.line(), fault.column())))
}

/// The only place where a client is made.
fn client(
    outside: Outside,
    checked: &Checked,
    limits: &HttpLimits,
    tls: rustls::ClientConfig,
) -> reqwest::Result<reqwest::Client> {
    // Holding it is the proof.
    let _: Outside = outside;
    let plain = checked.target().stand_in().is_some() || checked.target().url().scheme() == "http";
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Pinned::of(checked))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .https_only(!plain)
        .http1_only()
        .pool_max_idle_per_host(0)
        .user_agent(USER_AGENT)
        .connect_timeout(limits.connect)
        .timeout(limits.total)
        .build()
}

/// The same path and query on a loopback port, over plain HTTP.
fn stand_in_url(target: &Target, port: u16) -> Result<url::Url, FetchFault> {
    let query = target.url().query().map_or_else(String::new, |query| format!("?{query}"));
    let text = format!("http://127.0.0.1:{port}{}{query}", target.url().path());
    url::Url::parse(&text).map_err(|_| FetchFault::ConnectFailed { host: target.host().to_owned() })
}

/// The `Host` header that the real request would carry.
fn host_header(target: &Target) -> String {
    target.url().port().map_or_else(|| target.host().to_owned(), |port| format!("{}:{port}", target.host()))
}

/// Refuses redirects, other statuses than success, and content that is not JSON, before any body is read.
async fn accept_head(response: Response, target: &Target, secret: Option<&Secret>) -> Result<Response, FetchFault> {
    let status = response.status();
    if status.is_redirection() {
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let host = location
            .and_then(|text| target.url().join(text).ok())
            .and_then(|url| url.host_str().map(|host| line(host, NOTE_MAX)));
        return Err(FetchFault::RedirectRefused { status: status.as_u16(), host });
    }
    if !status.is_success() {
        let note = error_note(response, status, secret).await?;
        return Err(FetchFault::UpstreamStatus { status: status.as_u16(), note });
    }
    let declared = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("without a content type");
    if !is_json(declared) {
        return Err(FetchFault::ContentType { found: line(declared, NOTE_MAX) });
    }
    Ok(response)
}

/// `application/json` or `application/…+json`, parameters ignored.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.strip_prefix("application/").is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

/// The upstream's own message where it gives one in JSON, else the standard phrase of the status.
async fn error_note(response: Response, status: StatusCode, secret: Option<&Secret>) -> Result<String, FetchFault> {
    let phrase = status.canonical_reason().unwrap_or("no standard meaning").to_owned();
    let Ok(body) = read_body(response, ERROR_BODY_MAX).await else { return Ok(phrase) };
    if secret.is_some_and(|secret| secret.stands_in(&body)) {
        return Err(FetchFault::SecretInAnswer);
    }
    let Ok(document) = serde_json::from_slice::<Value>(&body) else { return Ok(phrase) };
    if secret.is_some_and(|secret| secret.stands_in_document(&document)) {
        return Err(FetchFault::SecretInAnswer);
    }
    let note = ["reason", "message", "error", "detail"].iter().find_map(|name| document.get(*name)?.as_str());
    Ok(note.map_or(phrase, |text| line(text, NOTE_MAX)))
}

/// Why a body was not read.
enum BodyFault {
    TooLarge(usize),
    Broken(reqwest::Error),
}

impl BodyFault {
    fn for_target(&self, target: &Target, limits: &HttpLimits) -> FetchFault {
        match self {
            Self::TooLarge(limit) => FetchFault::TooLarge { limit: *limit },
            Self::Broken(fault) => request_fault(fault, target, limits),
        }
    }
}

/// Reads and decompresses piece by piece, so that a small compressed body cannot become a large one in memory.
async fn read_body(mut response: Response, limit: usize) -> Result<Vec<u8>, BodyFault> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(BodyFault::Broken)? {
        if body.len() + piece.len() > limit {
            return Err(BodyFault::TooLarge(limit));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

fn request_fault(fault: &reqwest::Error, target: &Target, limits: &HttpLimits) -> FetchFault {
    if fault.is_timeout() {
        let after = if fault.is_connect() { limits.connect } else { limits.total };
        return FetchFault::Timeout { after };
    }
    let mut cause: Option<&(dyn Error + 'static)> = fault.source();
    while let Some(inner) = cause {
        // An I/O error hides what it wraps from `source`, so it is opened by hand.
        let wrapped =
            inner.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref()).map(|wrapped| wrapped as &(dyn Error + 'static));
        if let Some(tls) = inner.downcast_ref::<rustls::Error>().or_else(|| wrapped?.downcast_ref()) {
            return tls_fault(target.host(), tls);
        }
        cause = wrapped.or_else(|| inner.source());
    }
    FetchFault::ConnectFailed { host: target.host().to_owned() }
}

fn tls_fault(host: &str, fault: &rustls::Error) -> FetchFault {
    FetchFault::TlsFailed { host: host.to_owned(), problem: line(&fault.to_string(), NOTE_MAX) }
}

/// Foreign text as one short line: printable characters only, other ones as spaces, runs of spaces as one.
pub(crate) fn line(text: &str, max_chars: usize) -> String {
    let mut out = String::new();
    let mut chars = 0;
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
    };
    for c in text.chars().map(|c| if hidden(c) || c.is_whitespace() { ' ' } else { c }) {
        if c == ' ' && (out.is_empty() || out.ends_with(' ')) {
            continue;
        }
        if chars == max_chars {
            out.push('…');
            break;
        }
        out.push(c);
        chars += 1;
    }
    out.truncate(out.trim_end().len());
    out
}

#[cfg(test)]
mod tests;
