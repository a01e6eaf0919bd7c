//! CPU time. The clock of the wall counts whatever else the machine does; these count this program's work alone.

use rustix::time::{ClockId, Timespec, clock_gettime};
use std::hint::black_box;
use std::time::Duration;

/// CPU time that a batch takes at least: far above the resolution of the clock.
const BATCH: Duration = Duration::from_millis(2);
/// Batches measured.
const BATCHES: usize = 101;

/// CPU time of this thread.
#[must_use]
pub fn thread() -> Duration {
    duration(clock_gettime(ClockId::ThreadCPUTime))
}

/// CPU time of this process, all its threads.
#[must_use]
pub fn process() -> Duration {
    duration(clock_gettime(ClockId::ProcessCPUTime))
}

fn duration(time: Timespec) -> Duration {
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Median CPU time of one call in microseconds, over batches of this thread.
pub fn micros<T>(mut work: impl FnMut() -> T) -> f64 {
    let mut batch = |calls: u32| {
        let begin = thread();
        (0..calls).for_each(|_| drop(black_box(work())));
        thread().saturating_sub(begin)
    };
    let mut calls = 1;
    while batch(calls) < BATCH {
        calls *= 2;
    }
    let mut each: Vec<f64> = (0..BATCHES).map(|_| batch(calls).as_secs_f64() * 1e6 / f64::from(calls)).collect();
    median(&mut each)
}

/// The middle of the values; sorts them.
#[must_use]
pub fn median(values: &mut [f64]) -> f64 {
    percentile(values, 50)
}

/// The value that `percent` of the values do not exceed; sorts them. Zero for none.
#[must_use]
pub fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() * percent).div_ceil(100).max(1) - 1;
    values.get(at).copied().unwrap_or(0.0)
}
