//! The process of a server: started, spoken with line by line, and ended with everything that it started.

use super::wire::Message;
use crate::shown;
use airlock_policy::ir::Upstream;
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines that wait to be read: a server that floods is held back by its own pipe.
const WAITING_MAX: usize = 16;
/// Lines that are no answers to what was asked: banners, notifications, requests. A server that sends more is not listing tools.
const OTHERS_MAX: usize = 1000;
/// Bytes of stderr that are kept for a message, its end.
const STDERR_MAX: usize = 2048;
/// Time for a server to end by itself once its input is closed.
const GRACE: Duration = Duration::from_secs(2);

/// A running server.
pub(super) struct Child {
    process: std::process::Child,
    /// Dropped, it closes the input of the server.
    input: Option<SyncSender<String>>,
    lines: Receiver<Line>,
    stderr: Arc<Mutex<Vec<u8>>>,
    /// Its other end is dropped with the last byte of stderr.
    spoken: Receiver<()>,
    next_id: u64,
    others: usize,
    stray: usize,
}

/// What the server wrote on one line.
enum Line {
    Text(Vec<u8>),
    TooLong,
}

impl Child {
    /// Starts the program in a process group of its own.
    pub(super) fn start(upstream: &Upstream, variables: &[(String, OsString)]) -> Result<Self, String> {
        let (program, arguments) = upstream.command.split_first().ok_or("it has no command")?;
        let mut command = Command::new(program);
        command.args(arguments).env_clear().envs(variables.iter().map(|(name, value)| (name, value)));
        command.current_dir(upstream.dir.as_deref().unwrap_or("/")).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().map_err(|fault| format!("it cannot be started: {fault}"))?;
        let pipes = (process.stdin.take(), process.stdout.take(), process.stderr.take());
        let (Some(input), Some(output), Some(errors)) = pipes else { return Err("it has no pipes".to_owned()) };
        let (sender, lines) = sync_channel(WAITING_MAX);
        let (to_write, written) = sync_channel(WAITING_MAX);
        std::thread::spawn(move || write_lines(input, &written));
        let most = upstream.max_message;
        std::thread::spawn(move || read_lines(output, most, &sender));
        let stderr = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&stderr);
        let (speaks, spoken) = sync_channel(0);
        std::thread::spawn(move || {
            keep_end(errors, &kept);
            drop::<SyncSender<()>>(speaks);
        });
        Ok(Self { process, input: Some(to_write), lines, stderr, spoken, next_id: 0, others: 0, stray: 0 })
    }

    /// Lines that were no messages.
    pub(super) const fn stray(&self) -> usize {
        self.stray
    }

    /// A number that no earlier request had.
    pub(super) const fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Sends one message, or drops it where the server does not read: then it does not answer either.
    pub(super) fn send(&self, message: &serde_json::Value) {
        let _ = self.input.as_ref().map(|input| input.try_send(message.to_string()));
    }

    /// Waits for the answer to a request. What else comes in the meantime is answered as far as it must be, and dropped.
    pub(super) fn answer(&mut self, id: u64, until: Instant) -> Result<Message, Silence> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).map_err(|fault| match fault {
                RecvTimeoutError::Timeout => Silence::Late,
                RecvTimeoutError::Disconnected => Silence::Ended(self.last_words()),
            })?;
            let Line::Text(line) = line else {
                return Err(Silence::Broken("a line of it is longer than `max_message`".to_owned()));
            };
            match Message::parse(&line) {
                Some(message) if message.is_answer_to(id) => return Ok(message),
                Some(message) => message.reply().iter().for_each(|reply| self.send(reply)),
                None => self.stray += 1,
            }
            self.others += 1;
            if self.others > OTHERS_MAX {
                return Err(Silence::Broken(format!("it sent more than {OTHERS_MAX} lines that are no answers")));
            }
        }
    }

    /// The end of what it wrote to stderr, as one line of plain text.
    fn last_words(&self) -> String {
        // Both pipes end with the process, in any order.
        let _ = self.spoken.recv_timeout(GRACE);
        let kept = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&kept);
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        shown::line(&line.chars().filter(|c| !c.is_control()).take(200).collect::<String>())
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Silence {
    /// It did not come in time.
    Late,
    /// The server has ended; its last words.
    Ended(String),
    /// The server does what no server may.
    Broken(String),
}

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Late => f.write_str("it did not answer in time"),
            Self::Ended(words) if words.is_empty() => f.write_str("it ended without an answer"),
            Self::Ended(words) => write!(f, "it ended without an answer; the last line on its stderr is \"{words}\""),
            Self::Broken(problem) => f.write_str(problem),
        }
    }
}

/// A server reads the end of its input as the end; whatever is left of its group after that is killed.
impl Drop for Child {
    fn drop(&mut self) {
        drop(self.input.take());
        let until = Instant::now() + GRACE;
        // Its output ends with it. What it still says is not read.
        while !matches!(
            self.lines.recv_timeout(until.saturating_duration_since(Instant::now())),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected)
        ) {
            if Instant::now() >= until {
                break;
            }
        }
        if let Some(group) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            // The group has the number of the process until that is waited for, so no other group can have it.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.process.wait();
    }
}

/// Writes lines until there are no more to come or the server has gone. It waits for a server that does not read, and nobody waits for it.
fn write_lines(mut input: ChildStdin, lines: &Receiver<String>) {
    while let Ok(line) = lines.recv() {
        if writeln!(input, "{line}").and_then(|()| input.flush()).is_err() {
            return;
        }
    }
}

/// Hands over lines, of which each has at most so many bytes; ends after one that is longer.
fn read_lines(output: ChildStdout, most: u64, sender: &SyncSender<Line>) {
    let mut output = BufReader::new(output);
    loop {
        let mut line = Vec::new();
        let Ok(read) = output.by_ref().take(most.saturating_add(1)).read_until(b'\n', &mut line) else { return };
        let is_whole = line.last() == Some(&b'\n');
        let line = match (read, is_whole, read as u64 > most) {
            (0, _, _) => return,
            (_, false, true) => Line::TooLong,
            (_, true | false, _) => Line::Text(line),
        };
        let ends = matches!(line, Line::TooLong);
        if sender.send(line).is_err() || ends {
            return;
        }
    }
}

fn keep_end(mut errors: ChildStderr, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(read) = errors.read(&mut buffer) {
        let Some(new) = buffer.get(..read).filter(|new| !new.is_empty()) else { return };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(new);
        let over = kept.len().saturating_sub(STDERR_MAX);
        kept.drain(..over);
    }
}
