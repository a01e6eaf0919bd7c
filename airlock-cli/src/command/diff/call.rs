//! A case in words: who calls what, with which arguments, under which lease, after what.

use airlock_policy::authority::{Case, IssueCall, Passed, Past, Place, Request, Spotted, When, printed, reading};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Characters of an argument that are shown; JSON has all.
const VALUE_SHOWN: usize = 120;
/// Items of a list that are shown.
const ITEMS_SHOWN: usize = 3;
/// Earlier calls that are shown one by one.
const PAST_SHOWN: usize = 6;

/// The lines of a case, the call first. Every text of it is quoted, so that it cannot pass for a line of its own.
///
/// `complete`: its arguments, with those that the witness leaves out.
pub(super) fn lines(case: &Case, complete: Option<&Map<String, Value>>) -> Vec<String> {
    let Case {
        subject,
        tool,
        targets,
        args: _,
        more_bytes,
        seen,
        questions,
        request,
        risk,
        ttl,
        uses,
        key,
        carrier,
        signed,
        issue,
        at,
        earlier,
    } = case;
    let named = super::complete::plain(case);
    let args = complete.unwrap_or(&named);
    let given: Vec<String> = args.iter().map(|(name, given)| format!("{}={}", bare(name), value(given))).collect();
    let more = if *more_bytes > 0 { format!(" and {more_bytes} bytes of other arguments") } else { String::new() };
    let to: Vec<String> = targets.iter().map(|target| format!("{}:{}", target.host, target.port)).collect();
    let to = if to.is_empty() { String::new() } else { format!(" to {}", to.join(", ")) };
    let mut lines = vec![format!("{} calls {tool}({}){more}{to}", bare(subject), given.join(", "))];
    if *questions > 0 {
        lines.push(format!("after {questions} questions to the user in this session"));
    }
    lines.extend(request.iter().map(sent));
    lines.extend(seen.iter().map(|(name, spotted)| self::seen(name, spotted)));
    if !risk.is_empty() {
        lines.push(format!("risk beyond the base: {}", factors(risk)));
    }
    let carrier = format!("{carrier:?}").to_lowercase();
    let by = issue.as_ref().map_or_else(|| "issued by the operator".to_owned(), issued);
    let commitment = &key.commitment;
    lines.push(format!("lease of {ttl} s and {uses} calls, {by}, key {} ({commitment}), carried in {carrier}", key.kid));
    if !signed.is_empty() {
        lines.push(format!("signed with {}", signed.iter().map(|key| bare(key)).collect::<Vec<_>>().join(", ")));
    }
    lines.extend(earlier.iter().take(PAST_SHOWN).map(|past| before(past, *at)));
    match earlier.len().saturating_sub(PAST_SHOWN) {
        0 => {}
        more => lines.push(format!("and {more} more groups of calls before it")),
    }
    lines
}

fn seen(name: &str, Spotted { look, place }: &Spotted) -> String {
    let of = |tool: &Option<String>| tool.as_ref().map_or_else(|| "of a tool".to_owned(), |tool| format!("of {tool}"));
    let place = match place {
        Place::Nowhere => "nowhere in the session".to_owned(),
        Place::Intent => "in the intent".to_owned(),
        Place::Structured(tool) => format!("as a whole member of a result {}", of(tool)),
        Place::Printed(tool, form) => {
            format!("as a whole member of a text, printed as {}, of a result {}", printed(*form), of(tool))
        }
        Place::Screened(tool) => format!("in the text of a result without signs of an injection {}", of(tool)),
        Place::Text(tool) => format!("in the text of a result {}", of(tool)),
    };
    format!("the value of {} was seen {place} (read as {})", bare(name), reading(*look))
}

fn sent(request: &Request) -> String {
    let Request { sends, reads, answer_bytes, answer_risk } = request;
    let read = if reads.is_empty() { "all of the answer".to_owned() } else { format!("{reads:?} of the answer") };
    let size = if *answer_bytes > 0 { format!(", which has {answer_bytes} bytes") } else { String::new() };
    if let Some((risk, passed)) = answer_risk {
        return format!("calls {}; an answer of risk {risk} thousandths is {}", sends.join("; "), whole(*passed));
    }
    // A request begins with its method, a call of another program with the program.
    let verb = if sends.first().is_some_and(|line| line.starts_with("program ")) { "calls" } else { "sends" };
    format!("{verb} {}; reads {read}{size}", sends.join("; "))
}

const fn whole(passed: Passed) -> &'static str {
    match passed {
        Passed::Withheld => "withheld",
        Passed::Stripped => "passed on without what looks like an injection",
        Passed::Marked => "passed on behind a warning",
        Passed::Whole => "passed on",
    }
}

fn issued(call: &IssueCall) -> String {
    let IssueCall { session_id, intent, risk } = call;
    let risk = if risk.is_empty() { String::new() } else { format!(", risk {}", factors(risk)) };
    format!("issued by itself (session_id={}, intent={}{risk})", short(session_id), short(intent))
}

fn before(past: &Past, now: u64) -> String {
    let Past { call, times, when, same_session } = past;
    let often = if *times == 1 { String::new() } else { format!(" {times} times") };
    let ago = match when {
        When::Apart => String::new(),
        When::At(then) if *then == now => " in the same second".to_owned(),
        When::At(then) => format!(" {} s before", now.saturating_sub(*then)),
    };
    let session = if *same_session { "in this session" } else { "in other sessions" };
    format!("after {} called {}{often}{ago} {session}", bare(&call.subject), call.tool)
}

fn factors(risk: &BTreeMap<String, u16>) -> String {
    risk.iter().map(|(factor, points)| format!("{factor} {points} thousandths")).collect::<Vec<_>>().join(", ")
}

fn value(value: &Value) -> String {
    match value {
        Value::String(text) => short(text),
        Value::Array(items) => {
            let shown: Vec<String> = items.iter().take(ITEMS_SHOWN).map(self::value).collect();
            let more = match items.len().saturating_sub(ITEMS_SHOWN) {
                0 => String::new(),
                more => format!(", … {more} more"),
            };
            format!("[{}{more}]", shown.join(", "))
        }
        Value::Object(members) => {
            let shown =
                members.iter().take(ITEMS_SHOWN).map(|(name, member)| format!("{}: {}", short(name), self::value(member)));
            let more = match members.len().saturating_sub(ITEMS_SHOWN) {
                0 => String::new(),
                more => format!(", … {more} more"),
            };
            format!("{{{}{more}}}", shown.collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

fn short(text: &str) -> String {
    let length = text.chars().count();
    match length > VALUE_SHOWN {
        true => format!("{:?}… ({length} characters)", text.chars().take(VALUE_SHOWN).collect::<String>()),
        false => format!("{text:?}"),
    }
}

/// A name as it is when nothing in it could mislead, else quoted.
fn bare(name: &str) -> String {
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/@*".contains(&byte));
    if plain { name.to_owned() } else { short(name) }
}
