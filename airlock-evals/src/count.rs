//! Shares with their intervals.

use serde::Serialize;

/// So many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Share {
    pub(crate) of: u64,
    pub(crate) all: u64,
}

impl Share {
    pub(crate) fn note(&mut self, holds: bool) {
        self.all += 1;
        self.of += u64::from(holds);
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self { of: self.of + other.of, all: self.all + other.all }
    }

    /// Percent.
    #[expect(clippy::cast_precision_loss, reason = "counts of some thousands")]
    pub(crate) fn percent(self) -> f64 {
        if self.all == 0 { f64::NAN } else { 100.0 * self.of as f64 / self.all as f64 }
    }

    /// Wilson's interval at 95 %, percent.
    #[expect(clippy::cast_precision_loss, reason = "counts of some thousands")]
    pub(crate) fn interval(self) -> (f64, f64) {
        const Z: f64 = 1.959_964;
        if self.all == 0 {
            return (f64::NAN, f64::NAN);
        }
        let (n, p) = (self.all as f64, self.of as f64 / self.all as f64);
        let centre = p + Z * Z / (2.0 * n);
        let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let scale = 1.0 + Z * Z / n;
        (100.0 * ((centre - half) / scale).max(0.0), 100.0 * ((centre + half) / scale).min(1.0))
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (low, high) = self.interval();
        write!(f, "{:5.1} % ({}/{}, {low:.1}–{high:.1})", self.percent(), self.of, self.all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_that_of_wilson() {
        let near = |value: f64, expected: f64| (value - expected).abs() < 0.01;
        let (low, high) = Share { of: 8, all: 10 }.interval();
        assert!(near(low, 49.02) && near(high, 94.33), "{low} {high}");
        let (low, high) = Share { of: 10, all: 10 }.interval();
        assert!(near(low, 72.25) && near(high, 100.0), "{low} {high}");
    }
}
