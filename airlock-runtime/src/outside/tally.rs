//! Connections of foreign servers, counted. A server may ask for as many as it likes, with whatever names: what is told of them is bounded.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::Notify;

/// Rows that are told at once, beside one for each server and verdict.
pub(super) const ROWS_MAX: usize = 32;
/// Names of refused places that are told by one process: what comes beyond is counted under [`MORE`]. A server in order is refused nothing.
const NAMES_MAX: usize = 1024;
/// How often egress tells the judge.
pub(super) const TOLD_EVERY: Duration = Duration::from_millis(250);
/// Longest name of a host that is told, in bytes: the longest that there is.
pub(super) const HOST_MAX: usize = 253;
/// Stands for names that are not told.
const MORE: &str = "(more)";

/// What became of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// It was made.
    Connected,
    /// The place is not in the server's list, or its address is not public.
    Refused,
    /// The place is in the list, and could not be reached.
    Failed,
    /// The place was reached, and what the server began with was no TLS for it.
    NotTls,
}

impl Verdict {
    pub(super) const ALL: [Self; 4] = [Self::Connected, Self::Refused, Self::Failed, Self::NotTls];

    /// The word in the ledger.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::NotTls => "not_tls",
        }
    }
}

/// One kind of connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    /// Place of the server in the policy.
    pub(crate) upstream: u32,
    /// Host, or as much of what was asked for as is told.
    pub(crate) host: String,
    /// Port; 0 where none was understood.
    pub(crate) port: u16,
    /// What became of it.
    pub(crate) verdict: Verdict,
}

/// Rows that wait to be told.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    rows: RefCell<BTreeMap<Row, u64>>,
    named: Cell<usize>,
    some: Notify,
}

impl Tally {
    /// Counts so many more.
    pub(crate) fn add(&self, mut row: Row, count: u64) {
        let mut rows = self.rows.borrow_mut();
        if !rows.contains_key(&row) && row.host != MORE {
            let is_name = row.verdict == Verdict::Refused;
            if rows.len() >= ROWS_MAX || is_name && self.named.get() >= NAMES_MAX {
                (row.host, row.port) = (MORE.to_owned(), 0);
            } else {
                self.named.set(self.named.get() + usize::from(is_name));
            }
        }
        let sum = rows.entry(row).or_default();
        *sum = sum.saturating_add(count);
        self.some.notify_one();
    }

    /// All that wait, which wait no longer.
    pub(crate) fn take(&self) -> Vec<(Row, u64)> {
        self.rows.take().into_iter().collect()
    }

    /// Waits until there are some.
    pub(crate) async fn some(&self) -> Vec<(Row, u64)> {
        loop {
            let told = self.some.notified();
            let rows = self.take();
            if !rows.is_empty() {
                return rows;
            }
            told.await;
        }
    }
}

/// A text as one may see it on a terminal, of so many characters at most.
pub(super) fn shown(text: &str, most: usize) -> String {
    text.chars().take(most).map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).collect()
}

/// As it is sent.
pub(super) fn write(rows: &[(Row, u64)]) -> String {
    let rows: Vec<_> = rows.iter().map(|(row, count)| (row.upstream, &row.host, row.port, row.verdict as u8, count)).collect();
    serde_json::to_string(&rows).unwrap_or_default()
}

/// `None` for a text that no egress sends, which has this many servers.
pub(super) fn read(text: &str, upstreams: usize) -> Option<Vec<(Row, u64)>> {
    let rows: Vec<(u32, String, u16, u8, u64)> = serde_json::from_str(text).ok()?;
    let one = |(upstream, host, port, verdict, count): (u32, String, u16, u8, u64)| {
        let verdict = *Verdict::ALL.get(usize::from(verdict))?;
        let is_known = usize::try_from(upstream).is_ok_and(|upstream| upstream < upstreams);
        (is_known && count > 0 && host.len() <= HOST_MAX && shown(&host, HOST_MAX) == host)
            .then_some((Row { upstream, host, port, verdict }, count))
    };
    let rows: Option<Vec<_>> = rows.into_iter().map(one).collect();
    rows.filter(|rows| rows.len() <= ROWS_MAX + upstreams.saturating_mul(Verdict::ALL.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(host: &str, verdict: Verdict) -> Row {
        Row { upstream: 1, host: host.to_owned(), port: 443, verdict }
    }

    #[test]
    fn a_flood_of_names_is_counted_and_told_in_few_rows() {
        let tally = Tally::default();
        let mut names = 0;
        for round in 0..100 {
            for n in 0..100 {
                tally.add(row(&format!("x{round}-{n}.example"), Verdict::Refused), 1);
            }
            tally.add(row("api.example.com", Verdict::Connected), 2);
            let rows = tally.take();
            assert!(rows.len() <= ROWS_MAX + Verdict::ALL.len(), "{}", rows.len());
            assert_eq!(rows.iter().map(|(_, count)| count).sum::<u64>(), 102, "each is counted");
            names += rows.iter().filter(|(row, _)| row.host.starts_with('x')).count();
        }
        assert_eq!(names, NAMES_MAX);
        assert_eq!(tally.take(), []);
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let rows: Vec<_> = Verdict::ALL.into_iter().map(|verdict| (row("a.example", verdict), 7)).collect();
        assert_eq!(read(&write(&rows), 2).as_ref(), Some(&rows));
        for strange in [
            "",
            "{}",
            "[[2,\"a\",1,0,1]]",
            "[[0,\"a\",1,4,1]]",
            "[[0,\"a\\n\",1,0,1]]",
            "[[0,\"a\",1,0,0]]",
            "[[0,\"a\",70000,0,1]]",
            &format!("[[0,\"{}\",1,0,1]]", "x".repeat(HOST_MAX + 1)),
            &format!("[{}]", vec!["[0,\"a\",1,0,1]"; 1000].join(",")),
        ] {
            assert_eq!(read(strange, 2), None, "{strange}");
        }
    }
}
