//! What upstreams write to stderr: clean lines, few enough to read, on the gateway's own stderr.
//!
//! A line is visible ASCII behind the name of its upstream, so that none can pose as the gateway's own or move a terminal's cursor.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Instant;
use tokio::net::unix::pipe;
use zeroize::Zeroizing;

/// Longest line that is passed on, in bytes; the rest of a longer one is left out.
const LINE_MAX: usize = 1024;
/// Lines of one upstream that are passed on at once, and per second after that.
const BURST: f64 = 200.0;
const PER_SECOND: f64 = 20.0;
/// Bytes of lines kept that were not passed on, to be told when the upstream ends.
const KEPT_MAX: usize = 16 * 1024;
/// Lines that wait for the gateway's stderr. Whoever holds its other end may not be reading.
const WAITING_MAX: usize = 256;

/// The gateway's stderr, behind a thread: a reader that does not read must not keep the launcher from its work.
#[derive(Clone)]
pub(super) struct Log(SyncSender<String>);

impl Log {
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn new() -> std::io::Result<Self> {
        let (send, receive) = sync_channel::<String>(WAITING_MAX);
        std::thread::Builder::new().name("stderr".into()).spawn(move || {
            for line in receive {
                if writeln!(std::io::stderr(), "{line}").is_err() {
                    return;
                }
            }
        })?;
        Ok(Self(send))
    }

    pub(super) fn line(&self, name: &str, text: &str) -> bool {
        self.0.try_send(format!("airlock: upstream {name}: {text}")).is_ok()
    }
}

/// The lines of one run.
pub(super) struct Lines {
    name: &'static str,
    secrets: Vec<Zeroizing<String>>,
    line: Vec<u8>,
    /// Bytes of the line that were left out.
    cut: usize,
    kept: VecDeque<String>,
    kept_bytes: usize,
    allowance: f64,
    refilled: Instant,
}

impl Lines {
    pub(super) fn new(name: &'static str, secrets: Vec<Zeroizing<String>>) -> Self {
        let (kept, refilled) = (VecDeque::new(), Instant::now());
        Self { name, secrets, line: Vec::new(), cut: 0, kept, kept_bytes: 0, allowance: BURST, refilled }
    }

    /// Takes bytes as they come.
    fn feed(&mut self, bytes: &[u8], pass: &mut dyn FnMut(&str) -> bool) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = part.strip_suffix(b"\n").unwrap_or(part);
            let room = LINE_MAX.saturating_sub(self.line.len()).min(text.len());
            self.line.extend_from_slice(&text[..room]);
            self.cut += text.len() - room;
            if text.len() < part.len() {
                self.end_line(pass);
            }
        }
    }

    fn end_line(&mut self, pass: &mut dyn FnMut(&str) -> bool) {
        let line = self.clean();
        self.line.clear();
        self.cut = 0;
        if line.is_empty() {
            return;
        }
        let now = Instant::now();
        let refill = now.duration_since(self.refilled).as_secs_f64() * PER_SECOND;
        self.allowance = (self.allowance + refill).min(BURST);
        self.refilled = now;
        if self.allowance >= 1.0 && pass(&line) {
            self.allowance -= 1.0;
            return;
        }
        self.kept_bytes += line.len();
        self.kept.push_back(line);
        while self.kept_bytes > KEPT_MAX {
            self.kept_bytes -= self.kept.pop_front().map_or(self.kept_bytes, |line| line.len());
        }
    }

    /// The line as it may be shown.
    fn clean(&self) -> String {
        let line = if self.cut == 0 { &self.line[..] } else { self.without_part_of_secret() };
        let text = String::from_utf8_lossy(line);
        if self.secrets.iter().any(|secret| text.contains(secret.as_str())) {
            return "(a line that holds a secret was withheld)".to_owned();
        }
        let shown: String = text.trim_end().chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect();
        match self.cut + self.line.len() - line.len() {
            0 => shown,
            cut => format!("{shown} (and {cut} bytes)"),
        }
    }

    /// The line without what may be the beginning of a secret whose end was left out.
    fn without_part_of_secret(&self) -> &[u8] {
        let begun = |secret: &Zeroizing<String>| {
            let secret = secret.as_bytes();
            (1..secret.len()).rev().find(|length| self.line.ends_with(&secret[..*length]))
        };
        let begun = self.secrets.iter().filter_map(begun).max().unwrap_or(0);
        &self.line[..self.line.len() - begun]
    }

    /// Tells what was kept, when the upstream has ended.
    fn finish(mut self, pass: &mut dyn FnMut(&str) -> bool) {
        self.end_line(pass);
        for line in self.kept {
            if !pass(&line) {
                return;
            }
        }
    }

    /// Reads until the last holder of the other end is gone.
    pub(super) async fn follow(mut self, pipe: pipe::Receiver, log: Log) {
        let name = self.name;
        let pass = &mut |line: &str| log.line(name, line);
        let mut buffer = [0; 4096];
        while pipe.readable().await.is_ok() {
            match pipe.try_read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => self.feed(&buffer[..length], pass),
                Err(fault) if fault.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        self.finish(pass);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(secrets: &[&str], chunks: &[&[u8]], most: usize) -> Vec<String> {
        let mut lines = Lines::new("u", secrets.iter().map(|secret| Zeroizing::new((*secret).to_owned())).collect());
        let (mut shown, mut left) = (Vec::new(), most);
        let mut pass = |line: &str| {
            let passes = left > 0;
            if passes {
                left -= 1;
                shown.push(line.to_owned());
            }
            passes
        };
        chunks.iter().for_each(|chunk| lines.feed(chunk, &mut pass));
        lines.finish(&mut pass);
        shown
    }

    #[test]
    fn lines_are_plain_and_whole() {
        let shown = told(&[], &[b"one\ntw", b"o\x1b[2J\xff\r\n\n", "\u{202e}x".as_bytes()], 9);
        assert_eq!(shown, ["one", "two?[2J?", "?x"]);
    }

    #[test]
    fn a_secret_is_not_told() {
        let shown = told(&["hunter22"], &[b"token is hun", b"ter22\nbye\n"], 9);
        assert_eq!(shown, ["(a line that holds a secret was withheld)", "bye"]);
    }

    #[test]
    fn a_secret_that_is_cut_is_not_told_in_part() {
        let line = format!("{}hunter22 and more\n", "x".repeat(LINE_MAX - 7));
        assert_eq!(told(&["hunter22"], &[line.as_bytes()], 9), [format!("{} (and 17 bytes)", "x".repeat(LINE_MAX - 7))]);
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        let shown = told(&[], &[&[b'x'; 5000], b"\n"], 9);
        assert_eq!(shown[0].len(), LINE_MAX + " (and 3976 bytes)".len());
    }

    #[test]
    fn a_flood_is_kept_to_its_end() {
        let flood: Vec<u8> = (0..20_000).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        let mut lines = Lines::new("u", Vec::new());
        let mut shown = Vec::new();
        lines.feed(&flood, &mut |line| {
            shown.push(line.to_owned());
            true
        });
        assert!(shown.len() < 2_000, "{} lines", shown.len());
        assert!(lines.kept_bytes <= KEPT_MAX);
        lines.finish(&mut |line| {
            shown.push(line.to_owned());
            true
        });
        assert_eq!(shown.last().map(String::as_str), Some("line 19999"));
    }
}
