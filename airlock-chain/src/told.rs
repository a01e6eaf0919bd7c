//! Entries about the processes of a gateway: what foreign servers connected to through it, and that one of its own has ended.

use super::entry::body;
use super::line::{BODY_MAX, ascii_json};
use serde::Serialize;

/// Connections of one kind.
#[derive(Debug, Clone, Serialize)]
pub struct Connections<'a> {
    /// Name of the server.
    pub up: &'a str,
    /// Host, in printable ASCII; of what is no place, as much as is told; `(more)` for names that are not told.
    pub host: &'a str,
    /// Port; 0 where none is told.
    pub port: u16,
    /// `connected`, `refused`, `failed` or `not_tls`.
    pub d: &'static str,
    /// How many.
    pub n: u64,
}

#[derive(Serialize)]
struct ConnectionsLine<'a> {
    t: &'static str,
    of: &'a [Connections<'a>],
    pol: &'a str,
}

#[derive(Serialize)]
struct EndedLine<'a> {
    t: &'static str,
    role: &'static str,
    pol: &'a str,
}

/// As many as fit a line. Whoever counts them tells fewer.
fn fitting<'a>(of: &'a [Connections<'a>]) -> &'a [Connections<'a>] {
    let mut left = BODY_MAX - 256;
    let fits = |one: &&Connections<'_>| {
        let length = ascii_json(one).len() + 1;
        let has_room = left.checked_sub(length);
        left = has_room.unwrap_or(0);
        has_room.is_some()
    };
    &of[..of.iter().take_while(fits).count()]
}

/// The body of an entry of connections.
pub(super) fn connections_body(of: &[Connections<'_>], pol: &str) -> Vec<u8> {
    body(&ConnectionsLine { t: "connections", of: fitting(of), pol })
}

/// The body of the entry that says that a process has ended.
pub(super) fn ended_body(role: &'static str, pol: &str) -> Vec<u8> {
    body(&EndedLine { t: "ended", role, pol })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_a_line_is_left_out() {
        let host = "x".repeat(253);
        let one = Connections { up: "files", host: &host, port: 443, d: "refused", n: u64::MAX };
        let line = connections_body(&vec![one; 100], "abababababababab");
        assert!(line.len() <= BODY_MAX, "{}", line.len());
        let told = String::from_utf8(line).unwrap().matches("\"up\"").count();
        assert!((30..100).contains(&told), "{told}");
    }
}
