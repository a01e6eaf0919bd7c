//! Cargo's many lines as one: how far the build is, and the text that matters if it fails.

use crate::render;
use std::io::{BufRead, IsTerminal, Read, Write};
use std::time::{Duration, Instant};

/// Bytes of cargo's messages that are kept for a failure; the last are the ones that say why.
const KEPT_MAX: usize = 64 * 1024;
/// Units that must be done before the rest is estimated.
const PACE_MIN: u32 = 8;
/// Characters of the names of crates under way; more would wrap the line of a terminal.
const NAMES_MAX: usize = 40;
/// Without a terminal, progress is a line per this share of the whole.
const LINES: u32 = 5;

/// What cargo said.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// Warnings and errors, without status lines.
    pub(crate) text: String,
}

/// Reads cargo's stderr to its end and shows how far it is. `others` names who else is at work, should cargo have to wait.
pub(crate) fn follow(stderr: impl Read, others: impl Fn() -> String) -> Said {
    let mut said = Said::default();
    let mut shown = Shown { terminal: std::io::stderr().is_terminal(), next: 0, drawn: false, pace: None };
    let mut awaited = None;
    let mut take = |piece: &mut Vec<u8>| {
        match piece_of(&String::from_utf8_lossy(piece)) {
            Piece::Progress { done, total, now } => shown.show(done, total, now),
            Piece::Status => {}
            // Cargo says so for each lock, and as often as it draws its line.
            Piece::Waiting => {
                let others = others();
                if awaited.as_ref() != Some(&others) {
                    render::note(format_args!("Waiting for {others} to end …"));
                    awaited = Some(others);
                }
            }
            Piece::Text(text) => keep(&mut said.text, text),
        }
        piece.clear();
    };
    let mut reader = std::io::BufReader::new(stderr);
    let mut piece = Vec::new();
    // Lines end with LF, states of the progress bar with CR. A read error ends the text; the exit code tells the rest.
    while let Ok(bytes) = reader.fill_buf() {
        let Some(size) = std::num::NonZero::new(bytes.len()) else { break };
        for byte in bytes {
            match byte {
                b'\n' | b'\r' => take(&mut piece),
                _ if piece.len() >= KEPT_MAX => {}
                other => piece.push(*other),
            }
        }
        reader.consume(size.get());
    }
    take(&mut piece);
    shown.clear();
    said
}

enum Piece<'a> {
    /// Units compiled, units in all, names of those under way.
    Progress {
        done: u32,
        total: u32,
        now: &'a str,
    },
    Status,
    /// Another cargo has the lock of the build directory.
    Waiting,
    Text(&'a str),
}

/// `    Building [====>     ] 43/116: serde, tokio` · `   Compiling serde v1.0.1` · anything else.
fn piece_of(piece: &str) -> Piece<'_> {
    let trimmed = piece.trim();
    if let Some(bar) = trimmed.strip_prefix("Building [") {
        let rest = bar.split_once(']').map_or("", |(_, rest)| rest.trim());
        let (counts, now) = rest.split_once(": ").unwrap_or((rest, ""));
        return match counts.split_once('/').map(|(done, total)| (done.parse(), total.parse())) {
            Some((Ok(done), Ok(total))) => Piece::Progress { done, total, now },
            Some(_) | None => Piece::Status,
        };
    }
    if trimmed.starts_with("Blocking ") {
        return Piece::Waiting;
    }
    const STATUS: [&str; 9] =
        ["Compiling ", "Finished ", "Locking ", "Fresh ", "Downloaded ", "Downloading ", "Updating ", "Adding ", "Removing "];
    match trimmed.is_empty() || STATUS.iter().any(|word| trimmed.starts_with(word)) {
        true => Piece::Status,
        false => Piece::Text(piece.trim_end()),
    }
}

fn keep(kept: &mut String, line: &str) {
    kept.push_str(line);
    kept.push('\n');
    if kept.len() > KEPT_MAX {
        let cut = kept.len() - KEPT_MAX;
        let at = kept.char_indices().map(|(at, _)| at).find(|at| *at >= cut).unwrap_or(0);
        kept.drain(..at);
    }
}

struct Shown {
    terminal: bool,
    next: u32,
    drawn: bool,
    /// When the first unit was done, and how many were then: what is known of the pace.
    pace: Option<(Instant, u32)>,
}

impl Shown {
    fn show(&mut self, done: u32, total: u32, now: &str) {
        let (since, first) = *self.pace.get_or_insert_with(|| (Instant::now(), done));
        let left = left(since.elapsed(), done.saturating_sub(first), total.saturating_sub(done));
        let line = line(done, total, now, left);
        if self.terminal {
            self.drawn = true;
            raw(&format!("\r\x1b[2K{line}"));
        } else if total >= LINES && done >= self.next {
            render::note(line);
            self.next = done + total.div_ceil(LINES);
        }
    }

    fn clear(&mut self) {
        if self.drawn {
            raw("\r\x1b[2K");
        }
    }
}

/// Time that the units left will take at the pace so far; nothing before a few are done.
fn left(took: Duration, done: u32, left: u32) -> Option<Duration> {
    (done >= PACE_MIN).then(|| took / done * left)
}

fn line(done: u32, total: u32, now: &str, left: Option<Duration>) -> String {
    let now: String = now.chars().take(NAMES_MAX).collect();
    let now = if now.is_empty() { now } else { format!(" {now}") };
    match left {
        Some(left) => format!("Compiling {done}/{total}{now} … about {} s left", left.as_secs() + 1),
        None => format!("Compiling {done}/{total}{now} …"),
    }
}

/// A line that is drawn over; [`render::note`] always ends its line.
fn raw(text: &str) {
    let mut stderr = std::io::stderr();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_is_told_from_text() {
        let out = "   Compiling syn v3.0.10\n    Building [==>   ] 43/116: syn, tokio\r    Building [===>  ] 44/116\r\
                   error: linking with `cc` failed\n  |\n  = note: ld: cannot find -lc\n\n    Finished `release` profile\n";
        let said = follow(out.as_bytes(), String::new);
        assert_eq!(said.text, "error: linking with `cc` failed\n  |\n  = note: ld: cannot find -lc\n");
        assert!(matches!(
            piece_of("    Building [==>   ] 43/116: syn, tokio"),
            Piece::Progress { done: 43, total: 116, now: "syn, tokio" }
        ));
        assert!(matches!(piece_of("    Building [==>   ] 43/116"), Piece::Progress { done: 43, total: 116, now: "" }));
        assert!(matches!(piece_of("    Building [==>   ] x/116"), Piece::Status));
        assert!(matches!(piece_of("    Blocking waiting for file lock on build directory"), Piece::Waiting));
    }

    #[test]
    fn the_rest_is_estimated_from_the_pace() {
        assert_eq!(left(Duration::from_secs(3), PACE_MIN - 1, 100), None);
        assert_eq!(left(Duration::from_secs(20), 10, 5), Some(Duration::from_secs(10)));
        assert_eq!(line(3, 9, "syn, tokio", None), "Compiling 3/9 syn, tokio …");
        assert_eq!(line(3, 9, "", Some(Duration::from_millis(1500))), "Compiling 3/9 … about 2 s left");
        assert!(line(3, 9, &"ä".repeat(99), None).chars().count() < 60);
    }

    #[test]
    fn only_the_end_of_a_flood_is_kept() {
        let mut kept = String::new();
        for at in 0..10_000 {
            keep(&mut kept, &format!("ä {at}"));
        }
        assert!(kept.len() <= KEPT_MAX && kept.ends_with("ä 9999\n"));
    }
}
