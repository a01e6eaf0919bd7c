//! A key for tests that counts how often it is compared: work is counted, not time.

use std::cell::Cell;
use std::hash::{Hash, Hasher};

thread_local! {
    static COMPARED: Cell<u64> = const { Cell::new(0) };
}

/// A key.
#[derive(Debug)]
pub(crate) struct Counted(pub(crate) u64);

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        COMPARED.set(COMPARED.get() + 1);
        self.0 == other.0
    }
}

impl Eq for Counted {}

impl Hash for Counted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// Asserts that work on ever more keys, ten times as many each time, takes no more comparisons than there are keys.
pub(crate) fn grows_with_the_keys(mut work: impl FnMut(u64)) {
    for keys in [1_000, 10_000, 100_000] {
        COMPARED.set(0);
        work(keys);
        let compared = COMPARED.get();
        assert!(compared <= 2 * keys, "{compared} comparisons of {keys} keys");
    }
}
