//! Which presentations were used: each nonce of a lease node is taken once while the presentation could still be in time.

use super::entry::clip;
use super::facts::{KEEP_S, Unmet};
use airlock_core::limits::CLOCK_SKEW_S;
use std::collections::HashMap;

/// Most nonces remembered for one lease node: 45 calls a second, more than a ledger that syncs each allow can take. Beyond it the node is refused, never forgotten early.
pub(super) const NODE_MAX: usize = 4096;
/// Most nonces remembered over all nodes.
const ALL_MAX: usize = 65_536;

/// Nonces by lease node, each with the time of the ledger until which it is remembered, unix seconds.
#[derive(Debug, Default)]
pub(super) struct Nonces {
    nodes: HashMap<String, HashMap<String, u64>>,
    count: usize,
    /// Time of the ledger when nonces were last forgotten.
    forgot: u64,
}

impl Nonces {
    /// Takes in the presentation of a recorded allow.
    pub(super) fn absorb(&mut self, rid: &str, nonce: &str, ts: u64) {
        // A presentation is in time until `ts + CLOCK_SKEW_S`, by a clock that may stand a little behind the ledger's.
        let until = ts.saturating_add(CLOCK_SKEW_S + KEEP_S);
        let fresh = self.nodes.entry(rid.to_owned()).or_default().insert(nonce.to_owned(), until).is_none();
        self.count += usize::from(fresh);
    }

    /// Is the nonce unused, in time, and is there room for it? `newest` is the ledger's time, `at` the later of that and the clock.
    pub(super) fn check(&mut self, rid: &str, nonce: &str, ts: u64, at: u64, newest: u64) -> Result<(), Unmet> {
        if at > ts.saturating_add(CLOCK_SKEW_S) {
            return Err(Unmet::Stale(ts));
        }
        let rid = clip(rid);
        if self.count >= ALL_MAX || self.nodes.get(&rid).is_some_and(|node| node.len() >= NODE_MAX) {
            self.forget(newest);
        }
        match self.nodes.get(&rid) {
            Some(node) if node.contains_key(nonce) => Err(Unmet::Replayed(rid)),
            Some(node) if node.len() >= NODE_MAX => Err(Unmet::ReplayFull(rid)),
            Some(_) | None if self.count >= ALL_MAX => Err(Unmet::ReplayFull(rid)),
            Some(_) | None => Ok(()),
        }
    }

    /// Once for each second of the ledger: a flood must not make every entry look through all.
    fn forget(&mut self, now: u64) {
        if now > self.forgot {
            self.forgot = now;
            self.nodes.retain(|_, node| {
                node.retain(|_, until| *until > now);
                !node.is_empty()
            });
            self.count = self.nodes.values().map(HashMap::len).sum();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: u64 = 1_795_326_600;

    #[test]
    fn a_nonce_is_taken_once_by_each_node() {
        let mut nonces = Nonces::default();
        assert_eq!(nonces.check("r", "n", T, T, T), Ok(()));
        nonces.absorb("r", "n", T);
        assert_eq!(nonces.check("r", "n", T, T + 30, T), Err(Unmet::Replayed("r".into())));
        assert_eq!(nonces.check("r", "n", T, T + 31, T), Err(Unmet::Stale(T)));
        assert_eq!(nonces.check("other", "n", T, T, T), Ok(()));
        assert_eq!(nonces.check("r", "m", T, T, T), Ok(()));
    }

    #[test]
    fn a_full_node_is_refused_until_its_nonces_are_out_of_time() {
        let mut nonces = Nonces::default();
        (0..NODE_MAX).for_each(|n| nonces.absorb("r", &n.to_string(), T));
        let over = T + CLOCK_SKEW_S + KEEP_S;
        assert_eq!(nonces.check("r", "new", over, over - 1, over - 1), Err(Unmet::ReplayFull("r".into())));
        assert_eq!(nonces.check("other", "new", T, T, T), Ok(()));
        // A clock that jumps ahead forgets nothing: only the ledger's own time does.
        assert_eq!(nonces.check("r", "new", over + 99, over + 99, T), Err(Unmet::ReplayFull("r".into())));
        assert_eq!(nonces.check("r", "new", over, over, over), Ok(()));
        assert_eq!(nonces.count, 0);
    }

    #[test]
    fn all_nodes_together_are_bounded_too() {
        let mut nonces = Nonces::default();
        (0..ALL_MAX).for_each(|n| nonces.absorb(&(n % 100).to_string(), &n.to_string(), T));
        assert_eq!(nonces.check("new", "n", T, T, T), Err(Unmet::ReplayFull("new".into())));
        assert_eq!(nonces.check("0", "100", T, T, T), Err(Unmet::Replayed("0".into())));
    }
}
