//! Random bytes for salts, asked of the system some dozens at a time: the call costs more than the bytes.

use super::LedgerError;
use std::sync::{Mutex, PoisonError};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a salt.
const SALT: usize = 32;
/// Salts that are asked for at once. They lie in the memory of a process that writes them to its disk a moment later.
const AT_ONCE: usize = 32;

/// Salts that were not used yet.
#[derive(Debug)]
pub(super) struct Salts(Mutex<Stock>);

#[derive(Debug)]
struct Stock {
    bytes: Zeroizing<[u8; SALT * AT_ONCE]>,
    left: usize,
}

impl Default for Salts {
    fn default() -> Self {
        Self(Mutex::new(Stock { bytes: Zeroizing::new([0; SALT * AT_ONCE]), left: 0 }))
    }
}

impl Salts {
    /// One that nobody had before; it is kept nowhere here.
    pub(super) fn take(&self) -> Result<[u8; SALT], LedgerError> {
        let mut stock = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if stock.left == 0 {
            let filled = getrandom::fill(stock.bytes.as_mut_slice());
            filled.map_err(|e| LedgerError::Io(format!("the system gives no random bytes: {e}")))?;
            stock.left = AT_ONCE;
        }
        stock.left -= 1;
        let at = stock.left * SALT;
        let mut salt = [0; SALT];
        salt.copy_from_slice(&stock.bytes[at..at + SALT]);
        stock.bytes[at..at + SALT].zeroize();
        Ok(salt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_salt_comes_twice_or_stays() {
        let salts = Salts::default();
        let taken: HashSet<[u8; SALT]> = (0..3 * AT_ONCE + 1).map(|_| salts.take().unwrap()).collect();
        assert_eq!(taken.len(), 3 * AT_ONCE + 1);
        let stock = salts.0.lock().unwrap();
        assert!(stock.bytes.windows(SALT).all(|window| !taken.contains(window)), "a used one is overwritten");
        assert!(!taken.contains(&[0; SALT]) && stock.left == AT_ONCE - 1);
    }
}
