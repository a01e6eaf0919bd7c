//! Durations, sizes, rates and risks, written for people and compiled to integers.

use crate::ir::Rate;
use crate::limits::{RATE_CALLS_MAX, RATE_PERIOD_MAX_S, RISK_MAX, TTL_MAX_S};

/// Units of a size, largest first.
const UNITS: [(&str, u64); 4] = [("GiB", 1024 * 1024 * 1024), ("MiB", 1024 * 1024), ("KiB", 1024), ("B", 1)];

/// Parses `30s`, `15m` or `1h` to seconds (1 second to 24 hours). The error says what is wrong.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    let shape = || "a duration is a whole number and one of `s`, `m`, `h`, as in \"15m\"".to_owned();
    let (digits, factor) = match text.as_bytes() {
        [digits @ .., b's'] => (digits, 1),
        [digits @ .., b'm'] => (digits, 60),
        [digits @ .., b'h'] => (digits, 3600),
        _ => return Err(shape()),
    };
    let number = std::str::from_utf8(digits).ok().and_then(whole).ok_or_else(shape)?;
    match number.checked_mul(factor) {
        Some(0) => Err("a duration of nothing lets no call through".to_owned()),
        Some(seconds @ 1..=TTL_MAX_S) => Ok(seconds),
        Some(_) | None => Err(format!("the longest duration is {}", duration(TTL_MAX_S))),
    }
}

/// Parses `36h` or `30d` to seconds. Bounds are the caller's.
pub(crate) fn retention(text: &str) -> Result<u64, String> {
    let shape = || "it is a whole number and one of `h`, `d`, as in \"30d\"".to_owned();
    let (digits, factor) = match text.as_bytes() {
        [digits @ .., b'h'] => (digits, 3600),
        [digits @ .., b'd'] => (digits, 24 * 3600),
        _ => return Err(shape()),
    };
    let number = std::str::from_utf8(digits).ok().and_then(whole).ok_or_else(shape)?;
    Ok(number.saturating_mul(factor))
}

/// Writes seconds as [`retention`] reads them.
pub(crate) fn days(seconds: u64) -> String {
    match seconds % (24 * 3600) {
        0 => format!("{}d", seconds / (24 * 3600)),
        _ => format!("{}h", seconds / 3600),
    }
}

/// Writes seconds as [`seconds`] reads them, in the largest unit that divides them.
pub(crate) fn duration(seconds: u64) -> String {
    match (seconds % 3600, seconds % 60) {
        (0, _) => format!("{}h", seconds / 3600),
        (_, 0) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

/// Parses `512B`, `64KiB`, `8MiB` or `2GiB` to bytes. Bounds are the caller's.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let shape = || "a size is a whole number and one of `B`, `KiB`, `MiB`, `GiB`, as in \"64KiB\"".to_owned();
    let (digits, factor) = UNITS.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor))).ok_or_else(shape)?;
    let number = whole(digits).ok_or_else(shape)?;
    Ok(number.saturating_mul(*factor))
}

/// Writes bytes as [`bytes`] reads them, in the largest unit that divides them.
pub(crate) fn size(bytes: u64) -> String {
    let (unit, factor) = UNITS.iter().find(|(_, factor)| bytes.is_multiple_of(*factor)).unwrap_or(&("B", 1));
    format!("{}{unit}", bytes / factor)
}

/// Parses `60/1m`: calls, and the period that they may fall in.
pub(crate) fn rate(text: &str) -> Result<Rate, String> {
    let shape = || "a rate is a number of calls and a duration, as in \"60/1m\"".to_owned();
    let (calls, period) = text.split_once('/').ok_or_else(shape)?;
    let calls = whole(calls).ok_or_else(shape)?;
    let period = seconds(period)?;
    match (u32::try_from(calls), u32::try_from(period)) {
        (Ok(calls @ 1..=RATE_CALLS_MAX), Ok(seconds)) if period <= RATE_PERIOD_MAX_S => Ok(Rate { calls, seconds }),
        (Ok(1..=RATE_CALLS_MAX), Ok(_) | Err(_)) => {
            Err(format!("the longest period of a rate is {}", duration(RATE_PERIOD_MAX_S)))
        }
        (Ok(_) | Err(_), Ok(_) | Err(_)) => Err(format!("a rate has 1 to {RATE_CALLS_MAX} calls")),
    }
}

/// Writes a rate as [`rate`] reads it.
pub(crate) fn calls_per(rate: Rate) -> String {
    format!("{}/{}", rate.calls, duration(u64::from(rate.seconds)))
}

/// Digits without a leading zero. A number too large for the type is its largest.
fn whole(digits: &str) -> Option<u64> {
    let plain =
        !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) && !(digits.starts_with('0') && digits.len() > 1);
    plain.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Parses a decimal number from 0 to 1 with at most three decimals to thousandths, without passing through binary fractions.
pub(crate) fn thousandths(text: &str) -> Result<u16, String> {
    let shape = || {
        format!("a risk is a number from 0 to 1 with at most three decimals, as in 0.55; this is {}", crate::text::quote(text))
    };
    let text = text.strip_prefix('+').unwrap_or(text);
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    if !(1..=3).contains(&decimals.len()) || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return Err(shape());
    }
    let decimals = format!("{decimals:0<3}").parse::<u16>().map_err(|_| shape())?;
    match (whole, decimals) {
        ("0", decimals) => Ok(decimals),
        ("1", 0) => Ok(RISK_MAX),
        _ => Err(shape()),
    }
}

/// Writes thousandths as [`thousandths`] reads them.
pub(crate) fn risk(thousandths: u16) -> String {
    let text = format!("{}.{:03}", thousandths / RISK_MAX, thousandths % RISK_MAX);
    let short = text.trim_end_matches('0');
    match short.ends_with('.') {
        true => format!("{short}0"),
        false => short.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_have_one_unit_and_bounds() {
        assert_eq!(seconds("30s"), Ok(30));
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(seconds("24h"), Ok(86400));
        for bad in
            ["", "s", "15", "15 m", "-1m", "1.5h", "1h30m", "015m", "0s", "25h", "99999999999999999999s", "15M", "١m", "1d"]
        {
            assert!(seconds(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn risks_are_exact() {
        assert_eq!(thousandths("0.55"), Ok(550));
        assert_eq!(thousandths("0.001"), Ok(1));
        assert_eq!(thousandths("1"), Ok(1000));
        assert_eq!(thousandths("1.000"), Ok(1000));
        assert_eq!(thousandths("0"), Ok(0));
        for bad in ["", ".", "0.", ".5", "1.001", "2", "-0.1", "0.5555", "nan", "inf", "5e-1", "0.1e1", "00.5", "0.-5"] {
            assert!(thousandths(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn sizes_and_rates_have_one_form_and_bounds() {
        assert_eq!(bytes("64KiB"), Ok(65_536));
        assert_eq!(bytes("0B"), Ok(0));
        assert_eq!(bytes("2GiB"), Ok(2 << 30));
        assert_eq!(bytes("99999999999999999999MiB"), Ok(u64::MAX));
        for bad in ["", "B", "64", "64kB", "64 KiB", "064KiB", "-1B", "1.5MiB", "1TiB", "1GB", "١KiB"] {
            assert!(bytes(bad).is_err(), "{bad:?}");
        }
        assert_eq!(rate("60/1m"), Ok(Rate { calls: 60, seconds: 60 }));
        assert_eq!(rate("1000/1h"), Ok(Rate { calls: 1000, seconds: 3600 }));
        for bad in ["", "60", "60/", "/1m", "0/1m", "1001/1m", "60/0s", "60/61m", "60/1m/1m", "060/1m", "60 / 1m", "60/min"] {
            assert!(rate(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn written_sizes_and_rates_read_back(b in any::<u32>(), calls in 1u32..=RATE_CALLS_MAX, seconds in 1u32..=3600) {
            prop_assert_eq!(bytes(&size(u64::from(b))), Ok(u64::from(b)));
            prop_assert_eq!(rate(&calls_per(Rate { calls, seconds })), Ok(Rate { calls, seconds }));
        }

        #[test]
        fn written_amounts_read_back(s in 1u64..=TTL_MAX_S, r in 0u16..=RISK_MAX) {
            prop_assert_eq!(seconds(&duration(s)), Ok(s));
            prop_assert_eq!(thousandths(&risk(r)), Ok(r));
        }
    }
}
