//! `airlock.cases.toml`: calls, and what a gateway must say to them.

use crate::render::Failure;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;
use toml::Spanned;

/// Version of the format that this program reads.
const VERSION: i64 = 1;
/// Largest file in bytes; that of a manifest.
const FILE_MAX: u64 = 1024 * 1024;
/// Most cases of a file: they are judged one after the other in a moment, and nobody reviews more.
const CASES_MAX: usize = 10_000;
/// Longest text that an argument is stretched to: as much as a gateway reads.
const STRETCH_MAX: usize = 8 * 1024 * 1024;
/// Most earlier calls of a case, repetitions included: the largest quota that a manifest can have, and one.
const EARLIER_MAX: u64 = 100_001;

/// A file as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    airlock_cases: Spanned<i64>,
    #[serde(default, rename = "case")]
    cases: Vec<Spanned<Case>>,
}

/// One case.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// What it shows, unique in the file.
    pub(crate) name: String,
    /// Whose lease the calls carry; without it they carry none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) subject: Option<String>,
    /// Terms of the lease that differ from what the grant allows at most.
    #[serde(default, skip_serializing_if = "Terms::is_empty")]
    pub(crate) lease: Terms,
    /// Session of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<String>,
    /// What the user wants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) intent: Option<String>,
    /// What the session has seen before, beside the results of `history`.
    #[serde(default, skip_serializing_if = "Seen::is_empty")]
    pub(crate) seen: Seen,
    /// Allowed calls before this one, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) history: Vec<Earlier>,
    /// The call.
    pub(crate) call: Call,
    /// What the gateway says.
    pub(crate) expect: Expect,
    /// The reason code that it gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// What a session has seen. What stands in the intent is seen there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seen {
    /// Whole members of a result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) structured: Vec<String>,
    /// Members of a result of a tool that the manifest trusts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) trusted: Vec<String>,
    /// Texts of results.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) text: Vec<String>,
}

impl Seen {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Terms of a lease; what is not given is what the grant allows at most.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Terms {
    /// Tools [default: those that the case calls].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tools: Option<Vec<String>>,
    /// Hosts [default: those of these tools that the grant names].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) domains: Option<Vec<String>>,
    /// Risk ceiling in thousandths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_risk_thousandths: Option<u16>,
    /// Number of calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) uses: Option<u64>,
    /// Life in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ttl_seconds: Option<u64>,
    /// Key id that signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// Where the calls carry the lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) carrier: Option<Carrier>,
}

impl Terms {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Where a call carries its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Carrier {
    /// `params._meta`.
    Meta,
    /// The arguments.
    Arguments,
    /// Nothing: the gateway has it from the file that `AIRLOCK_LEASE_FILE` names.
    Ambient,
}

/// A call.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    /// Tool.
    pub(crate) tool: String,
    /// Arguments, as TOML.
    #[serde(default)]
    pub(crate) args: Map<String, Value>,
    /// Arguments whose last character is repeated until they have so many.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) stretch: BTreeMap<String, usize>,
}

impl Call {
    /// The arguments as they are sent.
    pub(crate) fn sent(&self) -> Map<String, Value> {
        let mut args = self.args.clone();
        for (name, length) in &self.stretch {
            if let Some(Value::String(text)) = args.get_mut(name)
                && let Some(last) = text.chars().next_back()
            {
                let missing = length.saturating_sub(text.chars().count());
                text.extend(std::iter::repeat_n(last, missing));
            }
        }
        args
    }
}

/// A call before the one of the case.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Earlier {
    /// Tool.
    pub(crate) tool: String,
    /// Arguments, as TOML.
    #[serde(default)]
    pub(crate) args: Map<String, Value>,
    /// How often it is made.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub(crate) times: u64,
    /// How many seconds before the call of the case.
    #[serde(default, skip_serializing_if = "is_now")]
    pub(crate) seconds_ago: u64,
    /// What it gave, as TOML; without it nothing that a later call can use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) result: Option<Value>,
    /// Session, if it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session: Option<String>,
}

const fn once() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_once(times: &u64) -> bool {
    *times == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_now(seconds: &u64) -> bool {
    *seconds == 0
}

/// What a gateway says to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Expect {
    /// It is performed.
    Allow,
    /// The connected user is asked.
    Ask,
    /// It is refused.
    Deny,
}

impl Expect {
    /// As in the file.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        }
    }
}

/// A case with its place.
#[derive(Debug)]
pub(crate) struct Placed {
    /// The case.
    pub(crate) case: Case,
    /// Line of its header, from 1.
    pub(crate) line: usize,
}

/// Reads a file of cases.
///
/// # Errors
/// It cannot be read, or is not of this form (exit 2).
pub(crate) fn read(path: &Path) -> Result<Vec<Placed>, Failure> {
    let mut text = String::new();
    std::fs::File::open(path).and_then(|file| file.take(FILE_MAX + 1).read_to_string(&mut text)).map_err(|e| {
        Failure::new(format_args!("cannot read the cases {}: {e}", path.display()))
            .help("`airlock test --generate` writes them for a manifest; --cases names another file")
    })?;
    parse(&text).map_err(|problem| Failure::new(format_args!("{}: {problem}", path.display())))
}

/// Parses the text of a file of cases. The error names line and problem.
pub(crate) fn parse(text: &str) -> Result<Vec<Placed>, String> {
    if text.len() as u64 > FILE_MAX {
        return Err(format!("a file of cases has at most {FILE_MAX} bytes"));
    }
    let file: File = toml::from_str(text).map_err(|fault| {
        let place = fault.span().map(|span| format!("line {}: ", line(text, span.start))).unwrap_or_default();
        format!("{place}{}", fault.message())
    })?;
    let File { airlock_cases, cases } = file;
    if *airlock_cases.get_ref() != VERSION {
        let at = line(text, airlock_cases.span().start);
        return Err(format!("line {at}: this program reads cases of version {VERSION}: `airlock_cases = {VERSION}`"));
    }
    if cases.len() > CASES_MAX {
        return Err(format!("{} cases; at most {CASES_MAX} are read", cases.len()));
    }
    let placed: Vec<Placed> =
        cases.into_iter().map(|case| Placed { line: line(text, case.span().start), case: case.into_inner() }).collect();
    let mut names = BTreeSet::new();
    for Placed { case, line } in &placed {
        check(case).map_err(|problem| format!("line {line}: {problem}"))?;
        if !names.insert(case.name.as_str()) {
            return Err(format!("line {line}: another case is named {:?}", case.name));
        }
    }
    Ok(placed)
}

fn check(case: &Case) -> Result<(), String> {
    if case.name.trim().is_empty() || case.name.chars().any(char::is_control) {
        return Err("`name` says what the case shows, on one line".to_owned());
    }
    if case.subject.is_none() && case.lease != Terms::default() {
        return Err("a `lease` needs a `subject`".to_owned());
    }
    if case.expect == Expect::Allow && case.reason.is_some() {
        return Err("an allowed call has no `reason`".to_owned());
    }
    for (name, length) in &case.call.stretch {
        let text = case.call.args.get(name).and_then(Value::as_str).unwrap_or_default();
        if *length > STRETCH_MAX || text.is_empty() {
            return Err(format!(
                "`stretch` makes a text of `args` longer, to {STRETCH_MAX} characters at most; {name:?} is none"
            ));
        }
    }
    let earlier = case.history.iter().fold(0, |sum: u64, earlier| sum.saturating_add(earlier.times));
    if earlier > EARLIER_MAX {
        return Err(format!("`history` has {earlier} calls; at most {EARLIER_MAX} are made"));
    }
    if let Some(pair) = case.history.windows(2).find(|pair| pair[0].seconds_ago < pair[1].seconds_ago) {
        let (first, second) = (pair[0].seconds_ago, pair[1].seconds_ago);
        return Err(format!("`history` is in order of time: {first} seconds ago cannot stand before {second}"));
    }
    Ok(())
}

/// Line of a byte, from 1.
fn line(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

/// What stands at the head of a new file.
const HEAD: &str = "# Calls, and what the policy says to them. `airlock test` judges them; docs/policy-tests.md is the format.\n";

/// The text of a file with these cases behind those that it has.
///
/// # Errors
/// The file cannot be read, or an argument is null, which TOML cannot say.
pub(crate) fn extended(path: &Path, new: &[Case]) -> Result<String, String> {
    match std::fs::read_to_string(path) {
        Ok(before) => with(before, new),
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => fresh(new),
        Err(fault) => Err(fault.to_string()),
    }
}

/// The text of a new file.
///
/// # Errors
/// See [`extended`].
pub(crate) fn fresh(cases: &[Case]) -> Result<String, String> {
    with(format!("{HEAD}airlock_cases = {VERSION}\n"), cases)
}

fn with(before: String, new: &[Case]) -> Result<String, String> {
    new.iter().try_fold(before, |text, case| Ok(format!("{}\n\n[[case]]\n{}", text.trim_end(), body(case)?)))
}

/// One case with a line for each key.
fn body(case: &Case) -> Result<String, String> {
    let value = toml::Value::try_from(case).map_err(|fault| format!("{:?}: {fault}", case.name))?;
    let table = value.as_table().cloned().unwrap_or_default();
    // The order of reading, not of the alphabet.
    let order = ["name", "subject", "lease", "session", "intent", "seen", "history", "call", "expect", "reason"];
    let mut text = String::new();
    for key in order {
        let Some(value) = table.get(key) else { continue };
        match (key, value.as_array()) {
            ("history", Some(list)) => {
                let entries: Vec<String> = list.iter().map(|entry| format!("  {},\n", inline(entry))).collect();
                text.push_str(&format!("history = [\n{}]\n", entries.concat()));
            }
            _ => text.push_str(&format!("{key} = {}\n", inline(value))),
        }
    }
    Ok(text)
}

/// A value on one line.
fn inline(value: &toml::Value) -> String {
    match value {
        toml::Value::Table(table) => {
            // A call is read by its tool first.
            let rank = |key: &str| match key {
                "tool" => 0,
                "args" => 1,
                _ => 2,
            };
            let mut entries: Vec<_> = table.iter().collect();
            entries.sort_by_key(|(key, _)| rank(key));
            let entries: Vec<String> =
                entries.into_iter().map(|(key, value)| format!("{} = {}", quoted_key(key), inline(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        toml::Value::Array(list) => format!("[{}]", list.iter().map(inline).collect::<Vec<_>>().join(", ")),
        toml::Value::String(_)
        | toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_) => value.to_string(),
    }
}

fn quoted_key(key: &str) -> String {
    let is_bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if is_bare { key.to_owned() } else { toml::Value::from(key).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "airlock_cases = 1\n\n[[case]]\nname = \"n\"\nsubject = \"a\"\ncall = { tool = \"t\", args = { n = 1, x = [\"y\"] } }\nexpect = \"deny\"\nreason = \"argument_invalid\"\n";

    #[test]
    fn a_written_file_reads_back() {
        let first = parse(ONE).expect("cases");
        assert_eq!(first[0].line, 3);
        let mut case = first[0].case.clone();
        case.lease = Terms { uses: Some(3), carrier: Some(Carrier::Arguments), ..Terms::default() };
        case.seen.text = vec!["see www.a.example".into()];
        case.history = vec![Earlier {
            tool: "u".into(),
            args: serde_json::from_str(r#"{"odd key":{"a":true},"f":1.5,"s":"é\"\n"}"#).expect("JSON"),
            times: 3,
            seconds_ago: 9,
            result: Some(serde_json::json!({"mail": "a@b.example"})),
            session: None,
        }];
        let dir = tempfile::tempdir().expect("directory");
        let text = extended(&dir.path().join("new.toml"), &[case.clone()]).expect("text");
        let back = parse(&text).unwrap_or_else(|problem| panic!("{problem}\n{text}"));
        assert_eq!(serde_json::to_value(&back[0].case).ok(), serde_json::to_value(&case).ok(), "{text}");
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        let with = |from: &str, to: &str| parse(&ONE.replace(from, to)).expect_err("refused");
        assert!(with("airlock_cases = 1", "airlock_cases = 2").starts_with("line 1: this program reads cases of version 1"));
        assert!(with("subject", "subjekt").starts_with("line 5: unknown field `subjekt`"));
        assert!(with("\"deny\"", "\"refuse\"").starts_with("line 7: unknown variant `refuse`"));
        assert!(with("\"deny\"", "\"allow\"").contains("line 3: an allowed call has no `reason`"));
        assert!(with("name = \"n\"", "name = \"\"").contains("says what the case shows"));
        assert!(with("subject = \"a\"", "lease = { uses = 1 }").contains("needs a `subject`"));
        let again = format!("{ONE}{}", &ONE[19..]);
        assert!(parse(&again).expect_err("refused").contains("line 9: another case is named \"n\""));
        assert!(with("expect", "history = [{ tool = \"t\", times = 100002 }]\nexpect").contains("at most 100001"));
        let order = "history = [{ tool = \"t\", seconds_ago = 1 }, { tool = \"t\", seconds_ago = 2 }]\nexpect";
        assert!(with("expect", order).contains("in order of time"));
    }
}
