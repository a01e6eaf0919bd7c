//! A gateway as a child process, spoken to in raw lines.

use crate::DEADLINE;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A running gateway; killed when dropped.
#[derive(Debug)]
pub struct Gateway {
    child: Child,
    /// Lines to a thread that writes them, because a gateway may stop reading at will.
    input: Option<Sender<Vec<u8>>>,
    deaf: Option<ChildStdout>,
    output: Option<Receiver<String>>,
    stderr: Option<JoinHandle<String>>,
    early: VecDeque<Value>,
}

impl Gateway {
    /// Starts a command and reads what it writes.
    pub fn start(command: Command) -> Self {
        let mut gateway = Self::start_deaf(command);
        gateway.listen();
        gateway
    }

    /// Starts a command and does not read its stdout before [`Self::listen`].
    pub fn start_deaf(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the gateway starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let (input, lines) = channel::<Vec<u8>>();
        std::thread::spawn(move || {
            // A gateway that is gone takes no more; the test sees that elsewhere.
            while let Ok(bytes) = lines.recv() {
                if stdin.write_all(&bytes).is_err() {
                    break;
                }
            }
        });
        let mut stderr = child.stderr.take().expect("a pipe");
        let stderr = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let deaf = child.stdout.take();
        Self { child, input: Some(input), deaf, output: None, stderr: Some(stderr), early: VecDeque::new() }
    }

    /// Begins to read stdout.
    pub fn listen(&mut self) {
        let stdout = self.deaf.take().expect("not yet read");
        let (send, output) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                let Ok(line) = line else { break };
                if send.send(line).is_err() {
                    break;
                }
            }
        });
        self.output = Some(output);
    }

    /// Sends a line; the line feed is added.
    pub fn send(&self, line: &str) {
        self.send_bytes(format!("{line}\n").into_bytes());
    }

    /// Sends bytes as they are. Gives up silently when the gateway is gone.
    pub fn send_bytes(&self, bytes: Vec<u8>) {
        let _ = self.input.as_ref().expect("stdin is open").send(bytes);
    }

    /// Closes stdin after everything sent has been written.
    pub fn close(&mut self) {
        self.input = None;
    }

    /// The next line of stdout, or `None` at its end.
    pub fn line(&mut self) -> Option<String> {
        match self.output.as_ref().expect("listening").recv_timeout(DEADLINE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                let stderr = self.stderr.take().map(|thread| thread.join().expect("stderr is read"));
                panic!("the gateway wrote nothing for {DEADLINE:?}; its stderr: {}", stderr.unwrap_or_default());
            }
        }
    }

    /// The next reply, whatever its id.
    pub fn next_reply(&mut self) -> Value {
        if let Some(reply) = self.early.pop_front() {
            return reply;
        }
        self.fresh()
    }

    fn fresh(&mut self) -> Value {
        let line = self.line().expect("a reply before the end of stdout");
        serde_json::from_str(&line).unwrap_or_else(|fault| panic!("stdout is for JSON alone ({fault}): {line}"))
    }

    /// The reply with this id; others that come before it are kept for later.
    pub fn reply(&mut self, id: impl Into<Value>) -> Value {
        let id = id.into();
        if let Some(at) = self.early.iter().position(|reply| reply["id"] == id) {
            return self.early.remove(at).expect("there");
        }
        loop {
            let reply = self.fresh();
            if reply["id"] == id {
                return reply;
            }
            self.early.push_back(reply);
        }
    }

    /// Sends a line and takes the reply with its id.
    pub fn ask(&mut self, line: &str) -> Value {
        let id = serde_json::from_str::<Value>(line).expect("JSON")["id"].clone();
        self.send(line);
        self.reply(id)
    }

    /// Everything that was and is still written until stdout ends.
    pub fn rest(&mut self) -> Vec<Value> {
        let mut rest: Vec<Value> = self.early.drain(..).collect();
        while let Some(line) = self.line() {
            rest.push(serde_json::from_str(&line).expect("JSON"));
        }
        rest
    }

    /// Asks the gateway to end, as a service manager does.
    pub fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("the child is not yet reaped");
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().expect("the child is not yet reaped");
    }

    /// Waits for the end; gives the exit status and what stderr said.
    pub fn end(&mut self) -> (ExitStatus, String) {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status;
            }
            assert!(begun.elapsed() < DEADLINE, "the gateway does not end");
            std::thread::sleep(Duration::from_millis(2));
        };
        (status, self.stderr.take().map(|thread| thread.join().expect("stderr is read")).unwrap_or_default())
    }

    /// Closes stdin and waits for the end, which must be a clean one; gives what stderr said.
    pub fn finish(mut self) -> String {
        self.close();
        let (status, stderr) = self.end();
        assert_eq!(status.code(), Some(0), "{stderr}");
        stderr
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Most memory that the process has had so far, in bytes (`VmHWM`).
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("a running process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
        line.trim().trim_end_matches(" kB").trim().parse::<u64>().expect("a number") * 1024
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
