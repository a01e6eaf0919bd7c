//! Rules for arguments, a threshold and bounds on calls, from what was seen of one tool.

use super::gather::is_redacted;
use super::{Args, Seen};
use crate::secret;
use airlock_policy::ir::{ArgumentKind, Quota, Tool, ToolKind};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use toml_edit::{Array, InlineTable, Value};

/// Most values that an argument is bound to one by one.
const VALUES_MAX: usize = 6;
/// A value has to be seen so often on average before others are excluded.
const SEEN_OF_EACH: usize = 3;
/// Most hosts that an argument is bound to.
const HOSTS_MAX: usize = 8;
/// Steps of a threshold, and the least room above what was seen, thousandths.
const RISK_STEP: u16 = 50;
/// Room above what was seen: twice as long, twice as often.
const HEADROOM: u64 = 2;
/// Shortest bound on a length.
const LENGTH_LEAST: u64 = 16;
/// Longest text that a rule can speak of.
const LENGTH_MOST: u64 = airlock_policy::limits::RULE_TEXT_MAX as u64;
/// Fewest calls that a bound leaves.
const CALLS_LEAST: u64 = 5;
/// The period of a rate, microseconds.
const MINUTE: u64 = 60_000_000;

/// What is proposed for one tool.
#[derive(Debug, Default)]
pub(crate) struct Proposed {
    /// Rules by argument.
    pub(crate) args: BTreeMap<String, InlineTable>,
    /// Denied at or above, thousandths; nothing where the manifest is as strict.
    pub(crate) risk_threshold: Option<u16>,
    pub(crate) limits: Option<InlineTable>,
    /// What could not be proposed, and what evidence it would take.
    pub(crate) notes: Vec<String>,
}

/// What these calls of the tool need. Where the manifest says something already, it stays.
pub(crate) fn propose(tool: &Tool, calls: &[&Seen]) -> Proposed {
    let mut proposed = Proposed { risk_threshold: threshold(tool, calls), limits: limits(tool, calls), ..Proposed::default() };
    let ToolKind::Upstream(proxied) = &tool.kind else { return proposed };
    if let Some((seq, why)) = calls.iter().find_map(|seen| unknown(seen)) {
        if !proxied.arguments.is_empty() {
            proposed.notes.push(format!("no rules for arguments: those of entry {seq} are not known, {why}"));
        }
        return proposed;
    }
    for argument in proxied.arguments.iter().filter(|argument| argument.kind == ArgumentKind::Text) {
        let has_rules = tool.args.iter().any(|rules| rules.arg == argument.name);
        let is_traced = tool.origins.iter().any(|origin| origin.arg == argument.name);
        if has_rules || is_traced {
            continue;
        }
        match texts(calls, &argument.name) {
            Ok(texts) if texts.is_empty() => proposed.notes.push(format!("{} was never given", argument.name)),
            // A manifest is read by many: what may be a secret is bound by its length alone.
            Ok(texts) if secret::is_named(&argument.name) || texts.iter().any(|text| secret::has_form(text)) => {
                drop(proposed.args.insert(argument.name.clone(), of_length(&texts, InlineTable::new())));
                proposed.notes.push(format!("no values of {} are written down: they may be secrets", argument.name));
            }
            Ok(texts) => drop(proposed.args.insert(argument.name.clone(), of_texts(&texts))),
            Err(why) => proposed.notes.push(format!("no rule for {}: {why}", argument.name)),
        }
    }
    if calls.iter().any(|seen| matches!(seen.args, Args::Copy(_))) && !proposed.args.is_empty() {
        proposed.notes.push("rules rest on redacted copies, which the ledger does not commit to".to_owned());
    }
    proposed
}

fn unknown(seen: &Seen) -> Option<(u64, &str)> {
    match &seen.args {
        Args::Unknown(why) => Some((seen.seq, why)),
        Args::Proven(_) | Args::Copy(_) => None,
    }
}

/// The values of an argument, as often as they were seen.
fn texts<'s>(calls: &[&'s Seen], name: &str) -> Result<Vec<&'s str>, &'static str> {
    let given = calls.iter().filter_map(|seen| seen.args.known()?.get(name)).filter(|value| !value.is_null());
    given
        .map(|value| match value {
            value if is_redacted(value) => Err("values of it were removed from the evidence"),
            value => value.as_str().ok_or("not all of its values are texts"),
        })
        .collect()
}

fn of_texts(texts: &[&str]) -> InlineTable {
    let mut rules = InlineTable::new();
    let distinct: BTreeSet<&str> = texts.iter().copied().collect();
    let array = |values: &BTreeSet<String>| Value::Array(values.iter().map(String::as_str).collect::<Array>());
    if let Some(hosts) = hosts(&distinct) {
        rules.insert("host_in", array(&hosts));
    } else if let Some(dir) = directory(&distinct) {
        rules.insert("under", Value::from(dir));
    } else if distinct.len() <= VALUES_MAX && texts.len() >= SEEN_OF_EACH * distinct.len() {
        rules.insert("one_of", array(&distinct.iter().map(|text| (*text).to_owned()).collect()));
        return rules;
    }
    of_length(texts, rules)
}

/// The rules with a bound on the length, twice what was seen.
fn of_length(texts: &[&str], mut rules: InlineTable) -> InlineTable {
    let longest = texts.iter().map(|text| text.chars().count() as u64).max().unwrap_or(0);
    let bound = (longest * HEADROOM).max(LENGTH_LEAST).next_power_of_two().min(LENGTH_MOST.max(longest));
    rules.insert("max_length", Value::from(i64::try_from(bound).unwrap_or(i64::MAX)));
    rules
}

/// The hosts of URLs, if all are plain ones.
fn hosts(texts: &BTreeSet<&str>) -> Option<BTreeSet<String>> {
    let host = |text: &&str| {
        let rest = text.strip_prefix("https://")?;
        let host = rest.split(['/', '?', '#']).next()?;
        let is_plain = host.contains('.') && host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        is_plain.then(|| host.to_ascii_lowercase())
    };
    let hosts: BTreeSet<String> = texts.iter().map(host).collect::<Option<_>>()?;
    (hosts.len() <= HOSTS_MAX).then_some(hosts)
}

/// The directory that all paths are in, if all are in normal form and it is not the root.
fn directory(texts: &BTreeSet<&str>) -> Option<String> {
    let parts = |text: &&str| {
        let parts: Vec<String> = text.strip_prefix('/')?.split('/').map(str::to_owned).collect();
        parts.iter().all(|part| !part.is_empty() && part != "." && part != "..").then_some(parts)
    };
    let all: Vec<Vec<String>> = texts.iter().map(parts).collect::<Option<_>>()?;
    let mut common = all.first()?.clone();
    // A file alone tells its directory; a path that others lie under is a directory itself.
    if all.len() == 1 {
        common.pop();
    }
    for path in &all {
        let same = common.iter().zip(path).take_while(|(one, other)| one == other).count();
        common.truncate(same);
    }
    (!common.is_empty()).then(|| format!("/{}", common.join("/")))
}

/// Above what was seen by a step at least, and not above what the manifest has.
fn threshold(tool: &Tool, calls: &[&Seen]) -> Option<u16> {
    // Every call begins with the base.
    let most = calls.iter().map(|seen| seen.risk).max()?.max(tool.base_risk);
    // A ledger may say any number.
    let bound = most.saturating_add(RISK_STEP).div_ceil(RISK_STEP).saturating_mul(RISK_STEP);
    (bound < tool.risk_threshold).then_some(bound)
}

/// Bounds where the tool has none at all.
fn limits(tool: &Tool, calls: &[&Seen]) -> Option<InlineTable> {
    if tool.quota != Quota::default() {
        return None;
    }
    let mut of_session: BTreeMap<&str, u64> = BTreeMap::new();
    calls.iter().for_each(|seen| *of_session.entry(&seen.sid).or_default() += 1);
    let bound = |most: u64| (most * HEADROOM).max(CALLS_LEAST);
    let mut limits = InlineTable::new();
    let calls_of_session = bound(of_session.values().copied().max()?);
    let rate = bound(most_within(calls.iter().map(|seen| seen.at.0), MINUTE));
    limits.insert("session_calls", Value::from(i64::try_from(calls_of_session).unwrap_or(i64::MAX)));
    limits.insert("rate", Value::from(format!("{rate}/1m")));
    Some(limits)
}

/// Most of these times, which only grow, within one period. Each is taken in once and let go once.
fn most_within(times: impl Iterator<Item = u64>, period: u64) -> u64 {
    let (mut within, mut most) = (VecDeque::new(), 0);
    for time in times {
        within.push_back(time);
        while within.front().is_some_and(|first: &u64| time.saturating_sub(*first) >= period) {
            within.pop_front();
        }
        most = most.max(within.len());
    }
    most as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> String {
        of_texts(texts).to_string()
    }

    #[test]
    fn values_become_rules_with_room() {
        assert_eq!(of(&["/srv/work/a.txt", "/srv/work/sub/b.txt"]), "{ under = \"/srv/work\", max_length = 64 }");
        assert_eq!(of(&["/srv/work/a.txt"]), "{ under = \"/srv/work\", max_length = 32 }");
        assert_eq!(of(&["/srv/work", "/srv/work/a"]), "{ under = \"/srv/work\", max_length = 32 }");
        assert_eq!(
            of(&["https://A.example.org/x?y", "https://b.example.org"]),
            "{ host_in = [\"a.example.org\", \"b.example.org\"], max_length = 64 }"
        );
        assert_eq!(of(&["UTC", "UTC", "UTC"]), "{ one_of = [\"UTC\"] }");
        assert_eq!(of(&["UTC", "CET"]), "{ max_length = 16 }");
    }

    #[test]
    fn the_most_calls_of_a_minute_are_found() {
        let most = |times: &[u64]| most_within(times.iter().copied(), 60);
        assert_eq!(
            [most(&[]), most(&[5]), most(&[0, 59, 60, 119, 120]), most(&[0, 0, 0]), most(&[u64::MAX, u64::MAX])],
            [0, 1, 2, 3, 2]
        );
    }

    #[test]
    fn what_could_mean_more_becomes_no_narrow_rule() {
        for texts in [&["/srv/../etc/passwd", "/srv/a"][..], &["/a", "/b"], &["relative/a"], &["/srv//a"], &["/a"]] {
            assert!(!of(texts).contains("under"), "{texts:?}");
        }
        for text in ["https://user@a.example.org/", "https://a.example.org:8443/", "http://a.example.org/", "https://localhost/"]
        {
            assert!(!of(&[text]).contains("host_in"), "{text}");
        }
    }
}
