//! What the gateway hears of its other processes: that one has ended, and what foreign servers connected to.

use super::Gateway;
use crate::ledger::{Entry, Sync, Ticket};
use crate::stdio::Ending;
#[cfg(feature = "http")]
use crate::{ledger, outside::Row};
#[cfg(any(feature = "http", feature = "upstream"))]
use std::rc::Rc;
use std::time::Duration;

/// How often the ledger is told of connections of foreign servers.
#[cfg(feature = "http")]
const CONNECTIONS_EVERY: Duration = Duration::from_secs(1);

impl Gateway {
    /// Waits until something wants the process to end: a signal, or that it cannot do what it is for.
    pub(super) async fn until_end(&self, ending: &mut Ending) {
        #[cfg(feature = "http")]
        let egress = self.world.errands.broken();
        #[cfg(not(feature = "http"))]
        let egress = std::future::pending();
        #[cfg(target_os = "linux")]
        let clerk = self.world.clerk.broken();
        #[cfg(not(target_os = "linux"))]
        let clerk = std::future::pending();
        tokio::select! {
            () = ending.requested() => {}
            () = egress => {}
            () = clerk => {}
        }
    }

    /// What foreign servers connected to, once a second at most.
    #[cfg(feature = "http")]
    pub(super) async fn tell_of_connections(self: Rc<Self>) {
        loop {
            let rows = self.world.errands.connections().await;
            let _ = self.record_connections(&rows).await;
            tokio::time::sleep(CONNECTIONS_EVERY).await;
        }
    }

    #[cfg(feature = "http")]
    fn record_connections(&self, rows: &[(Row, u64)]) -> Ticket {
        let upstreams = self.world.policy.upstreams;
        let name = |at: u32| usize::try_from(at).ok().and_then(|at| upstreams.get(at)).map_or("", |upstream| upstream.name);
        let rows: Vec<_> = rows
            .iter()
            .map(|(row, n)| ledger::Connections {
                up: name(row.upstream),
                host: &row.host,
                port: row.port,
                d: row.verdict.word(),
                n: *n,
            })
            .collect();
        self.world.ledger.record(&Entry::Connections(&rows), Sync::Written)
    }

    /// That there is no launcher any more; the gateway goes on without its servers.
    #[cfg(feature = "upstream")]
    pub(super) async fn tell_of_launcher(self: Rc<Self>) {
        self.world.upstreams.lost().await;
        let _ = self.world.ledger.record(&Entry::Ended("launcher"), Sync::Written).await;
    }

    /// The last of what foreign servers connected to, and which process has ended although nobody ended it: the ledger says so as far as
    /// it can be written still.
    pub(super) async fn tell_of_ends(&self, within: Duration) {
        #[cfg(feature = "http")]
        let (last, egress) = (self.last_connections(), self.world.errands.is_broken());
        #[cfg(not(feature = "http"))]
        let (last, egress) = (None, false);
        #[cfg(target_os = "linux")]
        let clerk = self.world.clerk.is_broken();
        #[cfg(not(target_os = "linux"))]
        let clerk = false;
        let ended = [(egress, "egress"), (clerk, "clerk")].into_iter().filter(|(has_ended, _)| *has_ended);
        let ended = ended.map(|(_, process)| self.world.ledger.record(&Entry::Ended(process), Sync::Written));
        let tickets: Vec<Ticket> = last.into_iter().chain(ended).collect();
        for ticket in tickets {
            let _ = tokio::time::timeout(within, ticket).await;
        }
    }

    #[cfg(feature = "http")]
    fn last_connections(&self) -> Option<Ticket> {
        let rows = self.world.errands.last_connections();
        (!rows.is_empty()).then(|| self.record_connections(&rows))
    }
}
