//! How much an upstream may say that nobody asked for.

use std::time::Instant;

/// Lines that nobody asked for, at once: a server that logs every step of a large job stays far below.
const BURST: f64 = 4096.0;
/// And per second after that.
const PER_SECOND: f64 = 256.0;
/// Bytes of such a line that count as one more.
const BYTES_PER_LINE: f64 = 4096.0;

/// What is left of an upstream's allowance.
#[derive(Debug)]
pub(super) struct Allowance {
    left: f64,
    at: Instant,
}

impl Allowance {
    pub(super) fn new(now: Instant) -> Self {
        Self { left: BURST, at: now }
    }

    /// Takes a line of so many bytes off. False when nothing is left.
    pub(super) fn take(&mut self, bytes: usize, now: Instant) -> bool {
        let refill = now.saturating_duration_since(self.at).as_secs_f64() * PER_SECOND;
        #[allow(clippy::cast_precision_loss, reason = "lines are far shorter than what a double counts")]
        let cost = 1.0 + bytes as f64 / BYTES_PER_LINE;
        self.left = (self.left + refill).min(BURST) - cost;
        self.at = now;
        self.left >= 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_flood_ends_and_a_stream_does_not() {
        let begun = Instant::now();
        let mut flood = Allowance::new(begun);
        assert!((0..5000).any(|_| !flood.take(100, begun)));
        let mut large = Allowance::new(begun);
        assert!((0..2).any(|_| !large.take(12 << 20, begun)), "a few lines of 12 MiB are a flood");
        let mut stream = Allowance::new(begun);
        assert!((0..100_000_u64).all(|n| stream.take(100, begun + Duration::from_millis(n * 10))));
    }
}
