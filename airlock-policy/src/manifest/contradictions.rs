//! Rules of one argument that no value, or not this value of `one_of`, can meet.

use super::pattern::{Patterns, begins, ends, lengths};
use super::rules::{Argument, Kind, Rule};
use crate::automaton::Dfa;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::ir::ArgRule;
use crate::text::quote;
use std::rc::Rc;

/// Reports every pair that cannot hold at once.
pub(super) fn report(rules: &[Rule], patterns: &Patterns, faults: &mut Faults) {
    let tables: Vec<Option<Rc<Dfa>>> = rules.iter().map(|rule| table(rule, patterns)).collect();
    for (at, rule) in rules.iter().enumerate() {
        for (other_at, other) in rules.iter().enumerate().filter(|(other_at, _)| *other_at != at) {
            if let Some((span, message, label)) = clash(rule, other, tables[other_at].as_deref()) {
                contradiction(&span, message, &other.span, label, faults);
            }
        }
    }
}

fn contradiction(span: &Span, message: String, other: &Span, label: &str, faults: &mut Faults) {
    let diagnostic = Diagnostic::new(Code::RuleContradiction, span, message, "can never hold").also(other, label);
    faults.push(diagnostic.help("all rules of an argument must hold at once; change one of the two"));
}

fn table(rule: &Rule, patterns: &Patterns) -> Option<Rc<Dfa>> {
    match &rule.value {
        ArgRule::Matches(pattern) => patterns.table(pattern).ok(),
        ArgRule::OneOf(_)
        | ArgRule::Prefix(_)
        | ArgRule::Suffix(_)
        | ArgRule::MinLength(_)
        | ArgRule::MaxLength(_)
        | ArgRule::Min(_)
        | ArgRule::Max(_)
        | ArgRule::Under(_)
        | ArgRule::HostIn(_)
        | ArgRule::MaxItems(_)
        | ArgRule::Forbid => None,
    }
}

/// What is wrong: where, in words, and what the other rule is.
type Clash = (Span, String, &'static str);

/// Where a rule and another exclude each other.
fn clash(rule: &Rule, other: &Rule, table: Option<&Dfa>) -> Option<Clash> {
    if let ArgRule::OneOf(values) = &rule.value {
        let failing = values.iter().zip(&rule.items).find(|(value, _)| !accepts(other, table, value));
        return failing.map(|(value, span)| (span.clone(), format!("{} breaks another rule", quote(value)), "this rule"));
    }
    let told = bounds(rule, other).or_else(|| path(rule, other)).or_else(|| pattern(rule, table?));
    told.map(|(message, label)| (rule.span.clone(), message, label))
}

/// Bounds that leave nothing between them.
fn bounds(rule: &Rule, other: &Rule) -> Option<(String, &'static str)> {
    let order = |low: &ArgRule, high: &ArgRule| {
        if let (ArgRule::Min(low), ArgRule::Max(high)) = (low, high) {
            return low > high;
        }
        matches!((low, high), (ArgRule::MinLength(low), ArgRule::MaxLength(high)) if low > high)
    };
    if order(&rule.value, &other.value) {
        return Some((format!("`{}` is above `{}`", rule.name, other.name), "the upper bound"));
    }
    if let (ArgRule::Prefix(affix) | ArgRule::Suffix(affix), ArgRule::MaxLength(most)) = (&rule.value, &other.value)
        && length(affix) > *most
    {
        return Some((format!("{} is longer than `max_length`", quote(affix)), "the longest value"));
    }
    None
}

/// A prefix that no path below another begins with.
fn path(rule: &Rule, other: &Rule) -> Option<(String, &'static str)> {
    if let (ArgRule::Prefix(prefix), ArgRule::Under(root)) = (&rule.value, &other.value)
        && !path_may_begin(root, prefix)
    {
        return Some((format!("no path under {} begins with {}", quote(root), quote(prefix)), "this path"));
    }
    None
}

/// A rule that no text of a pattern meets.
fn pattern(rule: &Rule, table: &Dfa) -> Option<(String, &'static str)> {
    let message = match &rule.value {
        ArgRule::Prefix(prefix) if !begins(table, prefix) => format!("no text that matches begins with {}", quote(prefix)),
        ArgRule::Suffix(suffix) if !ends(table, suffix) => format!("no text that matches ends with {}", quote(suffix)),
        ArgRule::MaxLength(most) if lengths(table).0 > *most => {
            format!("the shortest text that matches has {} characters", lengths(table).0)
        }
        ArgRule::MinLength(least) => {
            let longest = lengths(table).1.filter(|longest| longest < least)?;
            format!("the longest text that matches has {longest} characters")
        }
        ArgRule::Prefix(_)
        | ArgRule::Suffix(_)
        | ArgRule::MaxLength(_)
        | ArgRule::OneOf(_)
        | ArgRule::Min(_)
        | ArgRule::Max(_)
        | ArgRule::Matches(_)
        | ArgRule::Under(_)
        | ArgRule::HostIn(_)
        | ArgRule::MaxItems(_)
        | ArgRule::Forbid => return None,
    };
    Some((message, "this pattern"))
}

/// Could a path at or below `root` begin with `prefix`?
fn path_may_begin(root: &str, prefix: &str) -> bool {
    let base = root.trim_end_matches('/');
    root.starts_with(prefix) || prefix.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a rule for strings accepts a value. Rules for anything else have no opinion.
fn accepts(rule: &Rule, table: Option<&Dfa>, value: &str) -> bool {
    match &rule.value {
        ArgRule::Prefix(prefix) => value.starts_with(prefix.as_str()),
        ArgRule::Suffix(suffix) => value.ends_with(suffix.as_str()),
        ArgRule::MinLength(least) => length(value) >= *least,
        ArgRule::MaxLength(most) => length(value) <= *most,
        ArgRule::Matches(_) => table.is_none_or(|table| table.admits(value)),
        ArgRule::Under(path) => crate::host::is_under(path, value),
        ArgRule::HostIn(hosts) => {
            crate::host::of_value(value).is_some_and(|host| hosts.iter().any(|rule| crate::host::covers(rule, &host)))
        }
        ArgRule::OneOf(_) | ArgRule::Min(_) | ArgRule::Max(_) | ArgRule::MaxItems(_) | ArgRule::Forbid => true,
    }
}

/// Length in characters, as the gateway counts.
fn length(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX)
}

/// A prefix that ends inside the host lets a longer host name pass: `https://api.example.com` also begins
/// `https://api.example.com.evil.net`. For the URL that a tool itself calls its egress rules still hold; what the host of any other text
/// leads to is decided by whoever reads it.
pub(super) fn open_prefix(argument: &Argument<'_>, rules: &[Rule], faults: &mut Faults) {
    for rule in rules {
        let ArgRule::Prefix(prefix) = &rule.value else { continue };
        if !ends_in_host(prefix) {
            continue;
        }
        let message = "this prefix ends inside the host name";
        let diagnostic = Diagnostic::new(Code::OpenPrefix, &rule.span, message, "longer host names begin like this too");
        let slash = format!("end it with a slash: {}", quote(&format!("{prefix}/")));
        faults.push(diagnostic.help(match argument.kind {
            Kind::Url => format!("{slash}; until then only `egress` excludes other hosts"),
            Kind::Text | Kind::List | Kind::Integer(..) | Kind::Number | Kind::Boolean | Kind::Object => {
                format!("{slash}; nothing else looks at the host in `{}`, unless `host_in` does", argument.name)
            }
        }));
    }
}

/// Does the text begin a URL, with a host and nothing that ends it? `?` and `#` end a host as a slash does.
fn ends_in_host(prefix: &str) -> bool {
    prefix.split_once("://").is_some_and(|(_, rest)| !rest.is_empty() && !rest.contains(['/', '?', '#']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_open_until_something_ends_its_host() {
        for open in ["https://api.example.com", "http://a", "https://a.example.com:443", "ftp://user@a.example.com"] {
            assert!(ends_in_host(open), "{open}");
        }
        for closed in
            ["https://", "https://a.example.com/", "https://a.example.com/v1", "https://a?x", "https://a#x", "a.example.com"]
        {
            assert!(!ends_in_host(closed), "{closed}");
        }
    }

    #[test]
    fn open_beginnings_and_open_hosts_are_remarked_in_every_text() {
        let manifest = |rules: &str, kind: &str| {
            format!(
                "airlock = 1\n[gateway]\nname = \"g\"\n[keys]\naccept = [\"k1\"]\n[[egress]]\nhost = \"api.example.com\"\nwhy = \"x\"\n[tools.t]\ndescription = \"x\"\nlabels = [\"sends:external\"]\nhttp = {{ method = \"POST\", url = \"https://api.example.com/\", body = [\"next\"] }}\ninput.next = {{ type = \"{kind}\", {rules} }}\nwhy = \"x\"\n[[grant]]\nsubject = \"a\"\ntools = [\"t\"]\nissue = \"operator\"\nwhy = \"x\"\n"
            )
        };
        let told = |rules: &str, kind: &str| {
            let text = manifest(rules, kind);
            let checked = crate::compile(&text, "a.toml");
            assert!(checked.compiled().is_some(), "{}", checked.render(false));
            checked.diagnostics().iter().map(|diagnostic| diagnostic.code).collect::<Vec<_>>()
        };
        for kind in ["string", "array"] {
            assert_eq!(told("prefix = \"https://api.example.com\"", kind), [Code::OpenPrefix], "{kind}");
            assert_eq!(told("prefix = \"https://api.example.com/\"", kind), [], "{kind}");
            assert_eq!(told("host_in = [\"*\"]", kind), [Code::AnyHost], "{kind}");
            assert_eq!(told("host_in = [\"*.example.com\"]", kind), [], "{kind}");
        }
    }
}
