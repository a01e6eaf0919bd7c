//! Wall-clock time as whole microseconds since the Unix epoch, and its RFC 3339 form in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Micros(pub u64);

impl Micros {
    /// The system's clock; a clock before 1970 reads as zero, which every lease check refuses.
    #[must_use]
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        #[cfg(feature = "rehearsal")]
        let since = since + AHEAD.get();
        Self(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    /// Whole seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0 / 1_000_000
    }

    /// `2026-11-22T05:50:00.123456Z`, always 27 bytes for years up to 9999.
    #[must_use]
    pub fn rfc3339(self) -> String {
        let (year, month, day) = civil(self.seconds() / 86_400);
        let of_day = self.seconds() % 86_400;
        let mut out = String::with_capacity(SPELLED);
        push_padded(&mut out, year, 4);
        for (mark, number, digits) in [
            ('-', month, 2),
            ('-', day, 2),
            ('T', of_day / 3600, 2),
            (':', of_day / 60 % 60, 2),
            (':', of_day % 60, 2),
            ('.', self.0 % 1_000_000, 6),
        ] {
            out.push(mark);
            push_padded(&mut out, number, digits);
        }
        out.push('Z');
        out
    }

    /// Reads exactly the form that [`Micros::rfc3339`] writes; anything else is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = |range: std::ops::Range<usize>| -> Option<u64> {
            let part = text.get(range)?;
            part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?
        };
        if text.len() != SPELLED {
            return None;
        }
        let days = days_from_civil(number(0..4)?, number(5..7)?, number(8..10)?)?;
        let seconds = days * 86_400 + number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?;
        let micros = Self(seconds * 1_000_000 + number(20..26)?);
        (micros.rfc3339() == text).then_some(micros)
    }
}

/// Bytes of a time.
const SPELLED: usize = 27;

/// Adds a number of at least so many digits, without the machinery of formats: each line of the ledger has several.
fn push_padded(out: &mut String, number: u64, digits: u32) {
    let length = digits.max(number.checked_ilog10().map_or(1, |last| last + 1));
    for place in (0..length).rev() {
        // One digit.
        out.push(char::from(b'0' + u8::try_from(number / 10u64.pow(place) % 10).unwrap_or(0)));
    }
}

#[cfg(feature = "rehearsal")]
thread_local! {
    static AHEAD: std::cell::Cell<std::time::Duration> = const { std::cell::Cell::new(std::time::Duration::ZERO) };
}

/// Sets the clock of this thread ahead of the system's; that of the ledger's thread stays.
#[cfg(feature = "rehearsal")]
pub fn set_ahead(seconds: u64) {
    AHEAD.set(std::time::Duration::from_secs(seconds));
}

/// Days since 1970-01-01 to (year, month, day) in the proleptic Gregorian calendar (Howard Hinnant's `civil_from_days`).
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + u64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

/// The inverse of [`civil`]; `None` for a month or day out of range or a year before 1970.
fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y / 400;
    let yoe = y % 400;
    let mp = if month > 2 { month - 3 } else { month + 9 };
    let doy = (153 * mp + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    (era * 146_097 + doe).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_instants() {
        assert_eq!(Micros(0).rfc3339(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(Micros(951_782_400_000_001).rfc3339(), "2000-02-29T00:00:00.000001Z");
        assert_eq!(Micros(1_795_326_600_123_456).rfc3339(), "2026-11-22T05:50:00.123456Z");
        assert_eq!(Micros(253_402_300_800_000_000).rfc3339(), "10000-01-01T00:00:00.000000Z");
        assert_eq!(Micros(u64::MAX).rfc3339(), "586524-01-19T08:01:49.551615Z");
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "2026-11-22T05:50:00Z",
            "2026-11-22 05:50:00.123456Z",
            "2026-02-30T05:50:00.123456Z",
            "2026-11-22T05:50:60.123456Z",
        ] {
            assert_eq!(Micros::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn writing_and_reading_agree(micros in 0u64..253_402_300_799_999_999) {
            prop_assert_eq!(Micros::parse(&Micros(micros).rfc3339()), Some(Micros(micros)));
        }
    }
}
