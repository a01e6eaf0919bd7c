//! A small MCP client (revision 2026-07-28) on the stdin and stdout of a gateway. Every wait has an end.

use crate::render::{Failure, tell};
use serde_json::{Map, Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The revision that this client speaks.
pub(crate) const REVISION: &str = "2026-07-28";
/// Longest wait for an answer: more than the longest effect of a gateway takes (two fetches).
const ANSWER: Duration = Duration::from_secs(40);
/// Longest wait for the process after its stdout ended.
const EXIT: Duration = Duration::from_secs(10);
/// Between two looks at a process that is ending.
const LOOK: Duration = Duration::from_millis(5);
/// Longest line taken from the gateway, in bytes; a forecast of a week has 40 KiB.
const LINE_MAX: u64 = 1024 * 1024;
/// Bytes of the gateway's stderr that are kept.
const STDERR_MAX: u64 = 64 * 1024;

/// What travels with a call in `_meta`, beside what the protocol demands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Carried {
    /// Lease.
    pub(crate) lease: Option<String>,
    /// Session id.
    pub(crate) session: String,
    /// Intent text.
    pub(crate) intent: String,
}

/// What a gateway answers to a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answer {
    /// Allowed and done: the result, and the decision that `_meta` tells.
    Done { result: Value, decision: Value },
    /// Allowed, and the effect failed.
    Failed { code: String, detail: String },
    /// Denied.
    Refused { code: String, detail: String, risk: String },
}

/// A gateway that runs, and the connection to it.
#[derive(Debug)]
pub(crate) struct Client {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
    next: u64,
    raw: bool,
}

/// How a gateway ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit.
    pub(crate) status: ExitStatus,
    /// All it wrote to stderr.
    pub(crate) stderr: String,
}

impl Client {
    /// Starts a gateway with these environment variables and no others. With `raw`, messages are printed both ways.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(gateway: &Path, variables: &[(&str, &Path)], raw: bool) -> Result<Self, Failure> {
        let cannot = |e: std::io::Error| {
            Failure::new(format_args!("cannot run the gateway {}: {e}", gateway.display()))
                .help("if programs may not run there, set TMPDIR to a directory where they may")
        };
        let mut command = Command::new(gateway);
        command.env_clear().envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(cannot)?;
        let (send, lines) = sync_channel(16);
        let stdout = child.stdout.take();
        std::thread::spawn(move || {
            let mut reader = stdout.map(BufReader::new);
            while let Some(line) = reader.as_mut().and_then(next_line) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        let stderr = child.stderr.take();
        let stderr = std::thread::spawn(move || {
            let mut text = Vec::new();
            // What cannot be read is not shown.
            let _ = stderr.map(|stderr| stderr.take(STDERR_MAX).read_to_end(&mut text));
            String::from_utf8_lossy(&text).into_owned()
        });
        let stdin = child.stdin.take();
        Ok(Self { child, stdin, lines, stderr: Some(stderr), next: 1, raw })
    }

    /// Sends a request and gives its result.
    ///
    /// # Errors
    /// The gateway ended, stays silent, answers something else, or answers with an error.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Result<Value, Failure> {
        let id = self.next;
        self.next += 1;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string();
        self.show("→", &request);
        let sent = self.stdin.as_mut().map(|stdin| stdin.write_all(format!("{request}\n").as_bytes()));
        if !matches!(sent, Some(Ok(()))) {
            return Err(self.gone(method));
        }
        let line = match self.lines.recv_timeout(ANSWER) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => return Err(self.gone(method)),
            Err(RecvTimeoutError::Timeout) => {
                return Err(Failure::new(format_args!("the gateway did not answer {method} within {} s", ANSWER.as_secs())));
            }
        };
        self.show("←", &line);
        let strange = |what: &str| Failure::new(format_args!("the gateway's answer to {method} {what}"));
        let mut answer: Value = serde_json::from_str(&line).map_err(|_| strange("is not JSON"))?;
        match (answer["id"].as_u64() == Some(id), answer["result"].take()) {
            (false, _) => Err(strange("has another id")),
            (true, Value::Null) => Err(strange(&format!("is an error: {}", answer["error"]["message"]))),
            (true, result) => Ok(result),
        }
    }

    /// Calls a tool.
    ///
    /// # Errors
    /// As [`Client::request`], or the result has not the form of a gateway's.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value, carried: Option<&Carried>) -> Result<Answer, Failure> {
        let params = json!({ "name": tool, "arguments": arguments, "_meta": meta(carried) });
        let result = self.request("tools/call", params)?;
        answer(result).ok_or_else(|| Failure::new(format_args!("the gateway's result of {tool} says no decision")))
    }

    /// Closes stdin and waits for the gateway to end.
    ///
    /// # Errors
    /// It does not end.
    pub(crate) fn finish(mut self) -> Result<Ended, Failure> {
        drop(self.stdin.take());
        let until = Instant::now() + EXIT;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(Ended { status, stderr: self.stderr() }),
                Ok(None) if Instant::now() < until => std::thread::sleep(LOOK),
                Ok(None) => {
                    return Err(Failure::new(format_args!("the gateway still runs {} s after stdin was closed", EXIT.as_secs())));
                }
                Err(e) => return Err(Failure::new(format_args!("cannot wait for the gateway: {e}"))),
            }
        }
    }

    fn show(&self, arrow: &str, line: &str) {
        if self.raw {
            tell(format_args!("{arrow} {}", crate::shown::steered(line)));
        }
    }

    /// The gateway ended too early; its own words say why.
    fn gone(&mut self, method: &str) -> Failure {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let stderr = self.stderr();
        Failure::new(format_args!("the gateway ended before it answered {method}\n\n{}", stderr.trim_end()))
    }

    fn stderr(&mut self) -> String {
        self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Both fail for a process that has ended, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn next_line(reader: &mut BufReader<impl Read>) -> Option<String> {
    let mut line = Vec::new();
    let size = reader.take(LINE_MAX).read_until(b'\n', &mut line).ok()?;
    // Half a message, cut by the end or by the limit, is none.
    (size > 0 && line.pop() == Some(b'\n')).then(|| String::from_utf8_lossy(&line).into_owned())
}

/// What every request carries, and the lease where there is one.
pub(crate) fn meta(carried: Option<&Carried>) -> Value {
    let mut meta = Map::from_iter([
        ("io.modelcontextprotocol/protocolVersion".to_owned(), json!(REVISION)),
        (
            "io.modelcontextprotocol/clientInfo".to_owned(),
            json!({ "name": "airlock-demo", "version": env!("CARGO_PKG_VERSION") }),
        ),
        ("io.modelcontextprotocol/clientCapabilities".to_owned(), json!({})),
    ]);
    if let Some(Carried { lease, session, intent }) = carried {
        meta.extend(lease.iter().map(|lease| ("dev.airlock/lease".to_owned(), json!(lease))));
        meta.insert("dev.airlock/session".to_owned(), json!(session));
        meta.insert("dev.airlock/intent".to_owned(), json!(intent));
    }
    Value::Object(meta)
}

/// Reads a result of `tools/call`; what does not clearly say one of the three is none of them.
fn answer(mut result: Value) -> Option<Answer> {
    let content = result["structuredContent"].take();
    let text = |key: &str| content[key].as_str().map(str::to_owned);
    match (result["isError"].as_bool()?, content["decision"].as_str()) {
        (false, _) => {
            let decision = result["_meta"]["dev.airlock/decision"].take();
            (decision["decision"] == "allow").then_some(Answer::Done { result: content, decision })
        }
        (true, Some("allow")) => Some(Answer::Failed { code: text("outcome")?, detail: text("detail")? }),
        (true, Some("deny")) => Some(Answer::Refused { code: text("reason")?, detail: text("detail")?, risk: text("risk")? }),
        (true, Some(_) | None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        let done = json!({ "isError": false, "structuredContent": { "summary": "sun" },
                           "_meta": { "dev.airlock/decision": { "decision": "allow", "risk": "0.000" } } });
        assert!(matches!(answer(done), Some(Answer::Done { result, .. }) if result["summary"] == "sun"));
        let refused = json!({ "decision": "deny", "reason": "lease_missing", "detail": "No.", "risk": "0.200" });
        let refused = answer(json!({ "isError": true, "structuredContent": refused }));
        assert!(matches!(refused, Some(Answer::Refused { code, .. }) if code == "lease_missing"));
        let failed =
            answer(json!({ "isError": true, "structuredContent": { "decision": "allow", "outcome": "x", "detail": "y" } }));
        assert!(matches!(failed, Some(Answer::Failed { code, .. }) if code == "x"));
        for strange in [
            json!({}),
            json!({ "isError": true }),
            json!({ "isError": true, "structuredContent": { "decision": "deny" } }),
            json!({ "isError": false, "structuredContent": { "decision": "deny", "reason": "a", "detail": "b", "risk": "c" } }),
            json!({ "structuredContent": { "decision": "deny", "reason": "a", "detail": "b", "risk": "c" } }),
        ] {
            assert_eq!(answer(strange.clone()), None, "{strange}");
        }
    }

    #[test]
    fn a_program_that_is_no_gateway_is_reported() {
        let start = |program: &str| Client::start(Path::new(program), &[], false);
        let mut silent = start("/bin/true").unwrap();
        let failure = format!("{:?}", silent.request("server/discover", json!({})).unwrap_err());
        assert!(failure.contains("ended before it answered server/discover"), "{failure}");
        let mut echo = start("/bin/cat").unwrap();
        let failure = format!("{:?}", echo.request("server/discover", json!({})).unwrap_err());
        assert!(failure.contains("is an error"), "{failure}");
        assert!(echo.finish().unwrap().status.success());
        assert!(start("/nonexistent").is_err());
    }
}
