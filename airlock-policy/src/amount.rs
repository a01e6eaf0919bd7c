//! Durations and risks, written for people and compiled to integers.

use crate::limits::{RISK_MAX, TTL_MAX_S};

/// Parses `30s`, `15m` or `1h` to seconds (1 second to 24 hours). The error says what is wrong.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    let shape = || "a duration is a whole number and one of `s`, `m`, `h`, as in \"15m\"".to_owned();
    let (digits, factor) = match text.as_bytes() {
        [digits @ .., b's'] => (digits, 1),
        [digits @ .., b'm'] => (digits, 60),
        [digits @ .., b'h'] => (digits, 3600),
        _ => return Err(shape()),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) || digits[0] == b'0' && digits.len() > 1 {
        return Err(shape());
    }
    let number = text[..text.len() - 1].parse::<u64>().unwrap_or(u64::MAX);
    match number.checked_mul(factor) {
        Some(0) => Err("a duration of nothing lets no call through".to_owned()),
        Some(seconds @ 1..=TTL_MAX_S) => Ok(seconds),
        Some(_) | None => Err(format!("the longest duration is {}", duration(TTL_MAX_S))),
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

    proptest! {
        #[test]
        fn written_amounts_read_back(s in 1u64..=TTL_MAX_S, r in 0u16..=RISK_MAX) {
            prop_assert_eq!(seconds(&duration(s)), Ok(s));
            prop_assert_eq!(thousandths(&risk(r)), Ok(r));
        }
    }
}
