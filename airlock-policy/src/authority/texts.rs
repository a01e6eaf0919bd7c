//! Sets of strings as argument rules make them: membership, and a member of one set that another lacks.

use crate::ir::ArgRule;

/// Longest URL that the gateway reads, in bytes.
pub(super) const URL_MAX: usize = 8192;
/// Characters beyond printable ASCII that a search may use: more than a `one_of` has values.
const MORE_LETTERS: u32 = 300;
/// Letters tried where no list has to be avoided: a prefix and a suffix rule each exclude at most one.
const LETTERS_FEW: usize = 4;
/// Letters tried against a list of values: all printable ASCII and [`MORE_LETTERS`].
const LETTERS_ALL: usize = 94 + MORE_LETTERS as usize;

/// The strings that all rules of an argument accept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Texts {
    pub(super) one_of: Option<Vec<String>>,
    pub(super) prefix: String,
    pub(super) suffix: String,
    pub(super) least: usize,
    /// Nothing: no upper bound.
    pub(super) most: Option<usize>,
}

impl Texts {
    /// The set of a list of rules. Rules for numbers say nothing of strings.
    pub(super) fn of(rules: &[ArgRule]) -> Self {
        let mut texts = Self::default();
        for rule in rules {
            let size = |length: &u64| usize::try_from(*length).unwrap_or(usize::MAX);
            match rule {
                ArgRule::OneOf(values) => texts.one_of = Some(values.clone()),
                ArgRule::Prefix(text) => texts.prefix.clone_from(text),
                ArgRule::Suffix(text) => texts.suffix.clone_from(text),
                ArgRule::MinLength(length) => texts.least = size(length),
                ArgRule::MaxLength(length) => texts.most = Some(size(length)),
                ArgRule::Min(_)
                | ArgRule::Max(_)
                | ArgRule::Matches(_)
                | ArgRule::Under(_)
                | ArgRule::HostIn(_)
                | ArgRule::MaxItems(_)
                | ArgRule::Forbid => {}
            }
        }
        texts
    }

    pub(super) fn admits(&self, text: &str) -> bool {
        let length = text.chars().count();
        self.one_of.as_ref().is_none_or(|values| values.iter().any(|value| value == text))
            && text.starts_with(&self.prefix)
            && text.ends_with(&self.suffix)
            && length >= self.least
            && self.most.is_none_or(|most| length <= most)
    }
}

/// What a tool itself demands of a string argument.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    pub(super) most: usize,
    ascii: bool,
    line: bool,
}

impl Own {
    pub(super) fn admits(self, text: &str) -> bool {
        (1..=self.most).contains(&text.chars().count())
            && (!self.ascii || text.bytes().all(|b| b.is_ascii_graphic()))
            && (!self.line || !text.trim().is_empty() && !text.chars().any(char::is_control))
    }
}

/// The demands of the built-in tools, by argument.
pub(super) fn own(arg: &str) -> Own {
    match arg {
        "city" | "state" => Own { most: 100, ascii: false, line: true },
        "session_id" | "subject" => Own { most: 128, ascii: true, line: true },
        "intent" => Own { most: 8192, ascii: false, line: true },
        // `url`; its shape is read from its text.
        _ => Own { most: URL_MAX, ascii: false, line: true },
    }
}

/// Searches a string of `new` that `accept` takes, among enough strings that nothing is missed when `accept` refuses what
/// the tool refuses and what `old` accepts.
///
/// Why these suffice: every string of `new` without a list is start, filling, end, or an overlap of start and end. `old` refuses
/// it for its length (the shortest is tried, and the first beyond the bound of `old`), for its prefix or suffix
/// (those that overlap are few and tried all; else two different letters at either end of the filling decide), or because it
/// is not in a list (more different strings are tried than a list has values).
/// A URL starts with one of `heads`; other texts have one empty head.
pub(super) fn search(
    new: &Texts,
    old: &Texts,
    heads: &[String],
    longest: usize,
    accept: &dyn Fn(&str) -> bool,
) -> Option<String> {
    let take = |text: String| (new.admits(&text) && accept(&text)).then_some(text);
    if let Some(values) = &new.one_of {
        return values.iter().cloned().find_map(take);
    }
    let starts: Vec<String> = heads.iter().filter_map(|head| start(head, &new.prefix)).collect();
    let filled = |start: &String| {
        let base = start.chars().count() + new.suffix.chars().count();
        let highest = new.most.unwrap_or(longest).min(longest);
        let ends = [new.least, new.least + 1, new.least + 2, old.least.saturating_sub(1)];
        // Every length from the shortest on can be had, so the first one that is too long for `old` is enough.
        let top = old.most.map(|most| most.saturating_add(1));
        let by_length = ends.into_iter().chain(top).filter_map(|length| length.checked_sub(base));
        let mut counts: Vec<usize> = by_length.chain([0, 1, 2, 3]).filter(|count| base + count <= highest).collect();
        counts.sort_unstable();
        counts.dedup();
        counts.into_iter().find_map(|count| fill(start, &new.suffix, count, old.one_of.is_some(), &take))
    };
    starts.iter().find_map(filled).or_else(|| starts.iter().flat_map(|start| overlaps(start, &new.suffix)).find_map(take))
}

/// How a text begins that has both this head (in any case, as URLs have it) and this prefix.
fn start(head: &str, prefix: &str) -> Option<String> {
    let length = head.len().min(prefix.len());
    let alike = head.get(..length)?.eq_ignore_ascii_case(prefix.get(..length)?);
    alike.then(|| format!("{prefix}{}", head.get(prefix.len()..).unwrap_or_default()))
}

/// Texts shorter than `start` and `end` together that have both.
fn overlaps<'t>(start: &'t str, end: &'t str) -> impl Iterator<Item = String> + 't {
    let lengths = end.char_indices().map(|(at, c)| at + c.len_utf8());
    lengths.filter(|length| start.ends_with(&end[..*length])).map(move |length| format!("{start}{}", &end[length..]))
}

/// `start`, `count` characters, `end`, for enough different fillings.
fn fill(start: &str, end: &str, count: usize, many: bool, take: &impl Fn(String) -> Option<String>) -> Option<String> {
    let Some(after_first) = count.checked_sub(1) else {
        return take(format!("{start}{end}"));
    };
    let letters = || letters().take(if many { LETTERS_ALL } else { LETTERS_FEW });
    let same = letters().map(|c| (c, c));
    // After the host of a URL one of these must stand.
    let led = ['/', '?', '#'].into_iter().flat_map(|first| letters().map(move |c| (first, c)));
    let mixed = letters().take(if many { 94 } else { 0 }).flat_map(|first| letters().take(94).map(move |c| (first, c)));
    let text = |(first, c): (char, char)| format!("{start}{first}{}{end}", String::from(c).repeat(after_first));
    same.chain(led).chain(mixed).find_map(|pair| take(text(pair)))
}

fn letters() -> impl Iterator<Item = char> {
    let ascii = ('a'..='z').chain('0'..='9').chain('A'..='Z').chain(('!'..='~').filter(|c| !c.is_ascii_alphanumeric()));
    ascii.chain((0x4e00..0x4e00 + MORE_LETTERS).filter_map(char::from_u32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn word() -> impl Strategy<Value = String> {
        "[ab]{0,3}"
    }

    fn texts() -> impl Strategy<Value = Texts> {
        let list = prop::option::weighted(0.3, prop::collection::vec(word(), 1..6));
        (list, "[ab]{0,2}", "[ab]{0,2}", 0usize..3, prop::option::of(0usize..5))
            .prop_map(|(one_of, prefix, suffix, least, most)| Texts { one_of, prefix, suffix, least, most })
    }

    /// Every string of up to six letters: a third letter stands for all that no rule names.
    fn universe() -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..6 {
            last = last.iter().flat_map(|text| ["a", "b", "z"].map(|c| format!("{text}{c}"))).collect();
            all.extend(last.iter().cloned());
        }
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_difference_is_found_exactly_when_there_is_one(new in texts(), old in texts()) {
            let found = search(&new, &old, &[String::new()], 100, &|text| !old.admits(text));
            let there = universe().into_iter().find(|text| new.admits(text) && !old.admits(text));
            prop_assert_eq!(found.is_some(), there.is_some(), "{:?} {:?}", found, there);
            if let Some(text) = found {
                prop_assert!(new.admits(&text) && !old.admits(&text));
            }
        }
    }
}
