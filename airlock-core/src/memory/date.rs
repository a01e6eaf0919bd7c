//! Days: in the order of ISO 8601, or with the name of a month. Two numbers in an order that differs by country are no day.

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
/// Most words of a day that is written out: `Wednesday the 15th of May, 2024`.
pub(super) const WORDS_MAX: usize = 6;

/// The day that a text is, as `2024-05-15`; `--05-15` where it names no year. A time behind it is passed over.
pub(super) fn day(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split([' ', '\t', ',']).filter(|word| !word.is_empty()).collect();
    if let [first, rest @ ..] = words.as_slice()
        && let Some(day) = iso(first)
    {
        return rest.iter().all(|word| is_time(word)).then_some(day);
    }
    written(&words)
}

/// `2024-05-15`, perhaps with `T` and a time.
fn iso(word: &str) -> Option<String> {
    let day = word.get(..10)?;
    let rest = &word[10..];
    if !(rest.is_empty() || rest.strip_prefix(['T', 't']).is_some_and(is_time)) {
        return None;
    }
    let mut parts = day.split('-');
    let (year, month, number) = (parts.next()?, parts.next()?, parts.next()?);
    let is_shape = year.len() == 4 && month.len() == 2 && number.len() == 2 && parts.next().is_none();
    let year = digits(year).filter(|_| is_shape)?;
    dated(Some(year), digits(month)?, digits(number)?)
}

/// `15 May 2024`, `May 15th`, in any order of day and month; the year comes last, a weekday first.
fn written(words: &[&str]) -> Option<String> {
    if words.len() > WORDS_MAX {
        return None;
    }
    let (mut month, mut number, mut year) = (None, None, None);
    for (at, word) in words.iter().enumerate() {
        let word = word.to_ascii_lowercase();
        let is_filler = matches!(word.as_str(), "the" | "of") || (at == 0 && is_weekday(&word));
        let ended = word.trim_end_matches(['.', ',']);
        if is_filler || is_time(ended) && ended.contains(':') {
            continue;
        }
        if let Some(found) = month_of(ended).filter(|_| month.is_none()) {
            month = Some(found);
        } else if let Some(found) = digits(ended).filter(|_| ended.len() == 4 && year.is_none() && month.is_some()) {
            year = Some(found);
        } else if let Some(found) = ordinal(ended).filter(|_| number.is_none() && year.is_none()) {
            number = Some(found);
        } else {
            return None;
        }
    }
    dated(year, month?, number?)
}

fn dated(year: Option<u32>, month: u32, number: u32) -> Option<String> {
    let is_day = (1..=12).contains(&month) && (1..=31).contains(&number);
    let year = year.map_or("-".to_owned(), |year| format!("{year:04}"));
    is_day.then(|| format!("{year}-{month:02}-{number:02}"))
}

fn digits(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn ordinal(text: &str) -> Option<u32> {
    let plain = ["st", "nd", "rd", "th"].iter().find_map(|end| text.strip_suffix(end)).unwrap_or(text);
    digits(plain).filter(|_| plain.len() <= 2)
}

fn month_of(text: &str) -> Option<u32> {
    const LONG: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let at = MONTHS.iter().position(|short| text == *short).or_else(|| LONG.iter().position(|long| text == *long))?;
    u32::try_from(at + 1).ok()
}

/// Does a word begin a day? A cheap test for texts of many words.
pub(super) fn may_begin(word: &str) -> bool {
    let word = word.trim_start_matches(|c: char| !c.is_alphanumeric());
    word.starts_with(|c: char| c.is_ascii_digit()) || {
        let head: String = word.chars().take(3).collect::<String>().to_ascii_lowercase();
        MONTHS.contains(&head.as_str())
    }
}

fn is_weekday(word: &str) -> bool {
    let word = word.trim_end_matches(',');
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
        .iter()
        .any(|day| word == *day || word == &day[..3])
}

/// `10:00`, `10:00:30Z`, `10am`, `at`.
fn is_time(word: &str) -> bool {
    let word = word.trim_end_matches("am").trim_end_matches("pm").trim_end_matches("AM").trim_end_matches("PM");
    word == "at"
        || word.is_empty()
        || word.starts_with(|c: char| c.is_ascii_digit()) && word.chars().all(|c| c.is_ascii_digit() || ":.+-Z".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_in_either_way_of_writing_them() {
        for (text, day) in [
            ("2024-05-15", "2024-05-15"),
            ("2024-05-15T10:00:00Z", "2024-05-15"),
            ("2024-05-15 10:00", "2024-05-15"),
            ("May 15th, 2024", "2024-05-15"),
            ("Wednesday, 15 May 2024", "2024-05-15"),
            ("the 15th of May", "--05-15"),
            ("May 15", "--05-15"),
        ] {
            assert_eq!(self::day(text).as_deref(), Some(day), "{text}");
        }
        for text in ["15.05.2024", "05/15/2024", "2024-13-01", "2024-05-15 and more", "May", "15", "may be 3", "2024", "5 5 May"]
        {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
