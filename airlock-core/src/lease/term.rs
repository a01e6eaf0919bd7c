//! For how long a key signs and its leases are accepted: what a rotation is made of.

use super::LeaseFault;
use crate::clock::Micros;
use crate::limits::CLOCK_SKEW_S;

/// The dates of a key, unix seconds. A key file that names none gives [`Term::ALWAYS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// It signs from here on.
    pub sign_from: u64,
    /// It signs no more from here on.
    pub sign_until: u64,
    /// Nothing that it signed is accepted from here on.
    pub verify_until: u64,
}

/// What a key does at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is accepted, and does not sign yet.
    Next,
    /// It signs.
    Signs,
    /// It signs no more; what it signed is accepted.
    Verifies,
    /// Nothing that it signed is accepted.
    Retired,
}

impl Term {
    /// Without dates.
    pub const ALWAYS: Self = Self { sign_from: 0, sign_until: u64::MAX, verify_until: u64::MAX };

    /// Do the dates follow each other?
    #[must_use]
    pub const fn is_ordered(&self) -> bool {
        self.sign_from < self.sign_until && self.sign_until <= self.verify_until
    }

    /// What the key does at `now`, unix seconds.
    #[must_use]
    pub const fn stage(&self, now: u64) -> Stage {
        if now >= self.verify_until {
            Stage::Retired
        } else if now >= self.sign_until {
            Stage::Verifies
        } else if now >= self.sign_from {
            Stage::Signs
        } else {
            Stage::Next
        }
    }

    /// Is a lease accepted that this key signed and that says it was issued at `iat`? Clocks of issuer and gateway may differ by
    /// [`CLOCK_SKEW_S`]. Whoever steals a key can put an earlier date into a lease, but no life beyond `verify_until`.
    ///
    /// # Errors
    /// [`LeaseFault::KeyRetired`], [`LeaseFault::KeyDates`].
    pub(crate) const fn accepts(&self, iat: u64, now: u64) -> Result<(), LeaseFault> {
        if now >= self.verify_until {
            return Err(LeaseFault::KeyRetired);
        }
        if iat.saturating_add(CLOCK_SKEW_S) < self.sign_from || iat >= self.sign_until.saturating_add(CLOCK_SKEW_S) {
            return Err(LeaseFault::KeyDates);
        }
        Ok(())
    }
}

/// Reads `2026-11-26T08:00:00Z`, the form of dates in key files.
#[must_use]
pub fn parse_date(text: &str) -> Option<u64> {
    let seconds = text.strip_suffix('Z')?;
    Some(Micros::parse(&format!("{seconds}.000000Z"))?.seconds())
}

/// Writes the form that [`parse_date`] reads; years beyond 9999 do not come back.
#[must_use]
pub fn date(seconds: u64) -> String {
    let text = Micros(seconds.saturating_mul(1_000_000)).rfc3339();
    text.split('.').next().map(|whole| format!("{whole}Z")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERM: Term = Term { sign_from: 1000, sign_until: 2000, verify_until: 3000 };

    #[test]
    fn stages_follow_each_other() {
        let at = |now| TERM.stage(now);
        assert_eq!([at(999), at(1000), at(1999)], [Stage::Next, Stage::Signs, Stage::Signs]);
        assert_eq!([at(2000), at(2999), at(3000)], [Stage::Verifies, Stage::Verifies, Stage::Retired]);
        assert_eq!(Term::ALWAYS.stage(0), Stage::Signs);
        assert!(
            TERM.is_ordered()
                && !Term { sign_from: 2000, ..TERM }.is_ordered()
                && !Term { verify_until: 1999, ..TERM }.is_ordered()
        );
    }

    #[test]
    fn a_lease_is_of_the_time_in_which_its_key_signed() {
        for (iat, now, accepted) in [
            (970, 1000, Ok(())),
            (969, 1000, Err(LeaseFault::KeyDates)),
            (2029, 2029, Ok(())),
            (2030, 2030, Err(LeaseFault::KeyDates)),
            (1500, 2999, Ok(())),
            (1500, 3000, Err(LeaseFault::KeyRetired)),
        ] {
            assert_eq!(TERM.accepts(iat, now), accepted, "{iat} {now}");
        }
    }

    #[test]
    fn dates_have_one_spelling() {
        assert_eq!(parse_date(&date(1_795_673_285)), Some(1_795_673_285));
        for bad in
            ["2026-11-26", "2026-11-26T08:00:00", "2026-11-26T08:00:00.000000Z", "2026-11-26T08:00:00.0Z", "2026-02-30T00:00:00Z"]
        {
            assert_eq!(parse_date(bad), None, "{bad}");
        }
    }
}
