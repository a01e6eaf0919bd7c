//! Results of cases as JUnit XML, which build servers read.

use super::Judged;
use std::fmt::Write as _;

/// The report of one suite.
pub(crate) fn report(suite: &str, file: &str, outcomes: &[Judged<'_>]) -> String {
    let failures = outcomes.iter().filter(|outcome| outcome.fault.is_some()).count();
    let counts = format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\"", outcomes.len());
    let mut text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n");
    let _ = writeln!(text, "  <testsuite name=\"{}\" {counts}>", escape(suite));
    for Judged { placed, fault, ruling: _ } in outcomes {
        let (name, line) = (&placed.case.name, placed.line);
        let head = format!(
            "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{line}\"",
            escape(suite),
            escape(name),
            escape(file)
        );
        let _ = match fault {
            None => writeln!(text, "{head}/>"),
            Some(fault) => {
                let first = fault.lines().next().unwrap_or_default();
                writeln!(
                    text,
                    "{head}>\n      <failure message=\"{}\">{}</failure>\n    </testcase>",
                    escape(first),
                    escape(fault)
                )
            }
        };
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

/// XML 1.0 has no form at all for most control characters.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}
