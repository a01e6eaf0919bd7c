//! A sliding window over allowed calls, exact to the microsecond.

use airlock_core::policy::Rate;
use std::collections::VecDeque;

/// Microseconds of a second.
const SECOND: u64 = 1_000_000;

/// The newest calls, as many as a rate allows; older ones cannot matter to it.
#[derive(Debug, Default)]
pub(super) struct Window {
    times: VecDeque<u64>,
}

impl Window {
    /// Takes in a call at this time, microseconds, not before the one before it. Gives how many more times are kept than before.
    pub(super) fn note(&mut self, rate: Rate, at: u64) -> isize {
        let before = self.times.len();
        self.times.push_back(at);
        while self.times.len() > rate.calls as usize {
            self.times.pop_front();
        }
        self.times.len() as isize - before as isize
    }

    /// When one more call is possible again, microseconds; `None`: now.
    pub(super) fn again(&self, rate: Rate, at: u64) -> Option<u64> {
        let place = self.times.len().checked_sub(rate.calls as usize)?;
        let until = self.times.get(place)?.saturating_add(u64::from(rate.seconds) * SECOND);
        (until > at).then_some(until)
    }

    /// Drops what is older than the period. Gives how many times went.
    pub(super) fn trim(&mut self, rate: Rate, at: u64) -> usize {
        let before = self.times.len();
        while self.times.front().is_some_and(|time| time.saturating_add(u64::from(rate.seconds) * SECOND) <= at) {
            self.times.pop_front();
        }
        before - self.times.len()
    }

    /// How many times are kept.
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: Rate = Rate { calls: 2, seconds: 10 };

    #[test]
    fn a_place_becomes_free_when_the_period_is_over_and_not_before() {
        let mut window = Window::default();
        assert_eq!(window.again(RATE, 0), None);
        window.note(RATE, 5);
        window.note(RATE, 7);
        assert_eq!(window.again(RATE, 8), Some(5 + 10 * SECOND));
        assert_eq!(window.again(RATE, 5 + 10 * SECOND - 1), Some(5 + 10 * SECOND));
        assert_eq!(window.again(RATE, 5 + 10 * SECOND), None);
    }

    proptest! {
        /// Against the plain count of all calls within the period.
        #[test]
        fn no_period_ever_holds_more(calls in 1u32..5, gaps in prop::collection::vec(0u64..12 * SECOND, 0..60), trims: bool) {
            let rate = Rate { calls, seconds: 10 };
            let (mut window, mut all, mut at) = (Window::default(), Vec::new(), 0);
            for gap in gaps {
                at += gap;
                let within = all.iter().filter(|time| **time + 10 * SECOND > at).count();
                prop_assert_eq!(window.again(rate, at).is_none(), within < calls as usize);
                if window.again(rate, at).is_none() {
                    window.note(rate, at);
                    all.push(at);
                }
                if trims {
                    window.trim(rate, at);
                }
                prop_assert!(window.len() <= calls as usize);
            }
        }
    }
}
