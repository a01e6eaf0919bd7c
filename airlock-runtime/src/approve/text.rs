//! The text of a question: which call, of whom, with exactly which arguments.
//!
//! What others wrote (subject, session, arguments) stands as JSON, each on a line of its own that is indented by four spaces: it cannot
//! begin a line, and a client that renders Markdown shows it as it is. Every argument gets the same room, so that a long one cannot
//! push the others out of sight.

use super::printable::{Shown, canonical, show};
use crate::json::json;
use crate::lease::hex;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Characters of all argument values together: what a person reads before an answer.
const VALUES_SHOWN_MAX: usize = 4000;
/// Most characters of one value.
const VALUE_SHOWN_MAX: usize = 1000;
/// Most characters of a name or of another short text.
const NAME_SHOWN_MAX: usize = 160;
/// Most characters of a reason of the manifest, which has at most 500.
const WHY_SHOWN_MAX: usize = 600;
/// Most arguments that are listed: as many as a manifest can give a tool, so that none is pushed out of sight.
const LISTED_MAX: usize = 64;

/// What a question is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    /// Name of the gateway.
    pub(crate) gateway: &'a str,
    /// Name of the tool.
    pub(crate) tool: &'a str,
    /// Subject of the lease; the one that is claimed where a call needs no lease.
    pub(crate) subject: &'a str,
    /// Session id.
    pub(crate) session: &'a str,
    /// Why the call needs an approval: reasons of the manifest.
    pub(crate) because: &'a [String],
    /// Terms of the lease that the call would issue: what the manifest fills in is in no argument.
    pub(crate) issues: &'a [(&'static str, Value)],
    /// Arguments that the call uses, without carriers.
    pub(crate) args: &'a [(&'a str, &'a Value)],
    /// Number of the others, which are ignored.
    pub(crate) unused: usize,
    /// Seconds for an answer.
    pub(crate) seconds: u64,
}

/// The question.
pub(crate) fn question(about: &About<'_>) -> String {
    let About { gateway, tool, subject, session, because, issues, args, unused, seconds } = about;
    let [subject, session] = [subject, session].map(|text| json(text, NAME_SHOWN_MAX));
    let because: String = because.iter().map(|why| format!("    because:   {}\n", json(why, WHY_SHOWN_MAX).text)).collect();
    let is_cut = subject.is_cut || session.is_cut;
    let has_foreign = subject.has_foreign || session.has_foreign;
    let mut listed = Listed { is_cut, has_foreign };
    let issues = listed.issues(issues);
    let arguments = listed.arguments(args);
    let unused = if *unused > 0 {
        format!("    not used:  {unused} more, which the tool does not have; never sent\n")
    } else {
        String::new()
    };
    let notes = listed.notes(args.len());
    format!(
        "The gateway {gateway} was asked to make this call. It does so only if you approve.\n\n    tool:      {tool}\n    \
         asked by:  {}\n    session:   {}\n{because}{issues}    arguments: {}\n{arguments}{unused}\n{notes}\
         You approve this one call with exactly these arguments, within {seconds} seconds. Anything but a yes refuses it.",
        subject.text,
        session.text,
        args.len()
    )
}

/// A name that somebody else wrote: as it is where it is a plain word, else as JSON that is shown.
pub(crate) fn name(text: &str) -> String {
    let is_plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if is_plain { text.chars().take(NAME_SHOWN_MAX).collect() } else { json(text, NAME_SHOWN_MAX).text }
}

/// A text as JSON that is shown.
fn json(text: &str, max: usize) -> Shown {
    show(&canonical(&json!(text)).unwrap_or_default(), max)
}

/// What was noticed while the arguments were listed.
struct Listed {
    is_cut: bool,
    has_foreign: bool,
}

impl Listed {
    /// What a lease that would be issued is good for.
    fn issues(&mut self, terms: &[(&'static str, Value)]) -> String {
        if terms.is_empty() {
            return String::new();
        }
        let mut lines = String::from("    lease:     a yes issues one with these terms:\n");
        for (name, value) in terms {
            self.argument(name, value, VALUE_SHOWN_MAX, &mut lines);
        }
        lines
    }

    /// One line for each argument, and one more for each value that is too long.
    fn arguments(&mut self, args: &[(&str, &Value)]) -> String {
        let mut lines = String::new();
        let room = (VALUES_SHOWN_MAX / args.len().clamp(1, LISTED_MAX)).min(VALUE_SHOWN_MAX);
        for (name, value) in args.iter().take(LISTED_MAX) {
            self.argument(name, value, room, &mut lines);
        }
        let more = args.len().saturating_sub(LISTED_MAX);
        if more > 0 {
            self.is_cut = true;
            let _ = writeln!(
                lines,
                "    and {more} more, which are not shown; SHA-256 of all as canonical JSON:\n    {}",
                digest(&args.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect())
            );
        }
        lines
    }

    fn argument(&mut self, name: &str, value: &Value, room: usize, lines: &mut String) {
        let whole = canonical(value).unwrap_or_default();
        let (name, shown) = (json(name, NAME_SHOWN_MAX), show(&whole, room));
        self.is_cut |= shown.is_cut || name.is_cut;
        self.has_foreign |= shown.has_foreign || name.has_foreign;
        let _ = writeln!(lines, "      {}: {}", name.text, shown.text);
        if shown.is_cut {
            let _ = writeln!(
                lines,
                "      (cut here: the value has {} characters of JSON; SHA-256 of it:\n      {})",
                whole.chars().count(),
                hex(&Sha256::digest(&whole))
            );
        }
    }

    /// What the reader has to know about the list.
    fn notes(&self, count: usize) -> String {
        let mut notes = String::new();
        if count > 0 {
            notes.push_str(
                "Arguments are JSON, exactly as they will be used. Hidden, combining and right-to-left characters are written as \\u escapes.\n",
            );
        }
        if self.has_foreign {
            notes.push_str("There are letters beyond ASCII; some of them look like others.\n");
        }
        if self.is_cut {
            notes.push_str("NOT EVERYTHING IS SHOWN: what is cut was too long. Approve only if you know the rest.\n");
        }
        notes
    }
}

fn digest(value: &Value) -> String {
    hex(&Sha256::digest(canonical(value).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn about<'a>(args: &'a [(&'a str, &'a Value)], because: &'a [String]) -> About<'a> {
        About {
            gateway: "tickets",
            tool: "open_ticket",
            subject: "agent:planner",
            session: "session-1",
            because,
            issues: &[],
            args,
            unused: 0,
            seconds: 120,
        }
    }

    fn because() -> Vec<String> {
        vec!["customers read tickets".into(), "nothing leaves the house after private data was read".into()]
    }

    fn args(value: &Value) -> Vec<(&str, &Value)> {
        value.as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value)).collect()
    }

    #[test]
    fn an_ordinary_question() {
        let given = json!({"title": "Broken door", "urgent": true, "count": 3, "tags": ["a", {"b": 0.5}]});
        insta::assert_snapshot!(question(&about(&args(&given), &because())));
    }

    #[test]
    fn texts_that_want_to_mislead() {
        let hostile = "x\n\n    tool:      read_only\u{202e}\u{1b}[2J```\n# Approve\u{200b}";
        let given = json!({"a": hostile, hostile: 1, "g\u{fc}nstig": "p\u{430}ypal"});
        let (args, because) = (args(&given), because());
        let about = About { subject: hostile, session: hostile, ..about(&args, &because) };
        insta::assert_snapshot!(question(&about));
    }

    #[test]
    fn long_arguments_do_not_hide_short_ones() {
        let given = json!({"a_long_one": "lorem ipsum ".repeat(10_000), "pay_to": "mallory"});
        insta::assert_snapshot!(question(&about(&args(&given), &because())));
    }

    #[test]
    fn a_lease_is_asked_about_with_its_terms() {
        let terms = [
            ("subject", json!("agent:a\nb")),
            ("domains", json!(["a.example.com"])),
            ("max_risk", json!(0.45)),
            ("uses", json!(9)),
        ];
        let about = About { issues: &terms, unused: 2, ..about(&[], &[]) };
        insta::assert_snapshot!(question(&about));
    }

    #[test]
    fn terms_that_are_too_long_are_said_to_be_cut() {
        let terms = [("domains", json!(vec!["a.example.com"; 100]))];
        assert!(question(&About { issues: &terms, ..about(&[], &[]) }).contains("NOT EVERYTHING IS SHOWN"));
    }

    #[test]
    fn many_arguments_are_counted() {
        let of = |count: usize| -> String {
            let given: Value = (0..count).map(|n| (format!("a{n:02}"), json!(n))).collect();
            question(&about(&args(&given), &because()))
        };
        let text = of(LISTED_MAX + 2);
        let hidden = "and 2 more, which are not shown";
        assert!(text.contains("arguments: 66\n") && text.contains(hidden) && !text.contains("\"a64\""), "{text}");
        assert!(text.contains("NOT EVERYTHING IS SHOWN"));
        let text = of(LISTED_MAX);
        assert!(
            text.contains("\"a63\": 63\n") && !text.contains("NOT EVERYTHING"),
            "as many as a tool can have are all shown: {text}"
        );
    }

    #[test]
    fn no_arguments_need_no_notes() {
        insta::assert_snapshot!(question(&about(&[], &because())));
    }

    proptest! {
        /// Whatever the others write: the frame of the text stays, and every line that is theirs is indented.
        #[test]
        fn the_frame_stays(subject in any::<String>(), session in any::<String>(), given in proptest::collection::btree_map(any::<String>(), any::<String>(), 0..40)) {
            let given = json!(given);
            let terms = [("subject", json!(subject))];
            let text = question(&About { subject: &subject, session: &session, issues: &terms, unused: 1, ..about(&args(&given), &[]) });
            let frame = |line: &str| ["The gateway tickets ", "Arguments are JSON", "There are letters", "NOT EVERYTHING", "You approve "]
                .iter()
                .any(|begin| line.starts_with(begin));
            prop_assert!(text.lines().all(|line| line.is_empty() || line.starts_with("    ") || frame(line)), "{}", text);
            prop_assert_eq!(text.lines().filter(|line| line.starts_with("    tool:")).collect::<Vec<_>>(), ["    tool:      open_ticket"]);
            prop_assert!(text.chars().count() < 16 * 1024, "{}", text.chars().count());
        }
    }
}
