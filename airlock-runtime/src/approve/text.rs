//! The text of a question: which call, of whom, with exactly which arguments.
//!
//! What others wrote (subject, session, arguments) stands as JSON, each on a line of its own that is indented by four spaces: it cannot
//! begin a line, and a client that renders Markdown shows it as it is. Every argument gets the same room, so that a long one cannot
//! push the others out of sight.

use super::printable::{Shown, canonical, show};
use crate::call::Args;
use crate::lease::hex;
use serde_json::{Value, json};
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
/// Most arguments that are listed.
const LISTED_MAX: usize = 24;

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
    /// Arguments without carriers.
    pub(crate) args: &'a Args,
    /// Seconds for an answer.
    pub(crate) seconds: u64,
}

/// The question.
pub(crate) fn question(about: &About<'_>) -> String {
    let About { gateway, tool, subject, session, because, args, seconds } = about;
    let [subject, session] = [subject, session].map(|text| json(text, NAME_SHOWN_MAX));
    let because: String = because.iter().map(|why| format!("    because:   {}\n", json(why, WHY_SHOWN_MAX).text)).collect();
    let is_cut = subject.is_cut || session.is_cut;
    let has_foreign = subject.has_foreign || session.has_foreign;
    let mut listed = Listed { is_cut, has_foreign };
    let arguments = listed.arguments(args);
    let notes = listed.notes(args.len());
    format!(
        "The gateway {gateway} was asked to make this call. It does so only if you approve.\n\n    tool:      {tool}\n    \
         asked by:  {}\n    session:   {}\n{because}    arguments: {}\n{arguments}\n{notes}\
         You approve this one call with exactly these arguments, within {seconds} seconds. Anything but a yes refuses it.",
        subject.text,
        session.text,
        args.len()
    )
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
    /// One line for each argument, and one more for each value that is too long.
    fn arguments(&mut self, args: &Args) -> String {
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
                digest(&json!(args))
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

    fn about<'a>(args: &'a Args, because: &'a [String]) -> About<'a> {
        About {
            gateway: "tickets",
            tool: "open_ticket",
            subject: "agent:planner",
            session: "session-1",
            because,
            args,
            seconds: 120,
        }
    }

    fn because() -> Vec<String> {
        vec!["customers read tickets".into(), "nothing leaves the house after private data was read".into()]
    }

    fn args(value: Value) -> Args {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn an_ordinary_question() {
        let args = args(json!({"title": "Broken door", "urgent": true, "count": 3, "tags": ["a", {"b": 0.5}]}));
        insta::assert_snapshot!(question(&about(&args, &because())));
    }

    #[test]
    fn texts_that_want_to_mislead() {
        let hostile = "x\n\n    tool:      read_only\u{202e}\u{1b}[2J```\n# Approve\u{200b}";
        let args = args(json!({"a": hostile, hostile: 1, "g\u{fc}nstig": "p\u{430}ypal"}));
        let because = because();
        let about = About { subject: hostile, session: hostile, ..about(&args, &because) };
        insta::assert_snapshot!(question(&about));
    }

    #[test]
    fn long_arguments_do_not_hide_short_ones() {
        let args = args(json!({"a_long_one": "lorem ipsum ".repeat(10_000), "pay_to": "mallory"}));
        insta::assert_snapshot!(question(&about(&args, &because())));
    }

    #[test]
    fn many_arguments_are_counted() {
        let args: Args = (0..LISTED_MAX + 2).map(|n| (format!("a{n:02}"), json!(n))).collect();
        let text = question(&about(&args, &because()));
        assert!(
            text.contains("arguments: 26\n") && text.contains("and 2 more, which are not shown") && !text.contains("\"a24\""),
            "{text}"
        );
        assert!(text.contains("NOT EVERYTHING IS SHOWN"));
    }

    #[test]
    fn no_arguments_need_no_notes() {
        insta::assert_snapshot!(question(&about(&Args::new(), &because())));
    }

    proptest! {
        /// Whatever the others write: the frame of the text stays, and every line that is theirs is indented.
        #[test]
        fn the_frame_stays(subject in any::<String>(), session in any::<String>(), given in proptest::collection::btree_map(any::<String>(), any::<String>(), 0..40)) {
            let args: Args = given.into_iter().map(|(name, value)| (name, json!(value))).collect();
            let text = question(&About { subject: &subject, session: &session, ..about(&args, &[]) });
            let frame = |line: &str| ["The gateway tickets ", "Arguments are JSON", "There are letters", "NOT EVERYTHING", "You approve "]
                .iter()
                .any(|begin| line.starts_with(begin));
            prop_assert!(text.lines().all(|line| line.is_empty() || line.starts_with("    ") || frame(line)), "{}", text);
            prop_assert_eq!(text.lines().filter(|line| line.starts_with("    tool:")).collect::<Vec<_>>(), ["    tool:      open_ticket"]);
            prop_assert!(text.chars().count() < 16 * 1024, "{}", text.chars().count());
        }
    }
}
