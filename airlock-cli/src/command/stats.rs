//! `airlock stats`, and the table of usage that `airlock exposure` shares.

use super::tail::{demand_ledger, json, unreadable, warn_damaged};
use crate::args::Format;
use crate::render::{Outcome, say};
use crate::shown::plain;
use airlock_runtime::ledger::read::{self, Usage};
use std::path::PathBuf;
use std::process::ExitCode;

/// Count decisions per tool and reason.
#[derive(Debug, clap::Args)]
pub(crate) struct Stats {
    /// Directory of the ledger.
    dir: PathBuf,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Stats {
    pub(crate) fn run(self) -> Outcome {
        demand_ledger(&self.dir)?;
        let stats = read::stats(&self.dir).map_err(|e| unreadable(&self.dir, &e))?;
        match self.format {
            Format::Json => say(json(&stats)),
            Format::Table => {
                let (since, until) = (stats.since.as_deref().unwrap_or("-"), stats.until.as_deref().unwrap_or("-"));
                say(format_args!("{} entries from {since} to {until}", stats.entries));
                say(usage_table(&stats.tools, ""));
                for (why, count) in &stats.counted {
                    say(format_args!("denied and only counted: {count} x {}", plain(why)));
                }
            }
        }
        warn_damaged(stats.damaged);
        Ok(ExitCode::SUCCESS)
    }
}

/// Rows of tools under a heading, each line after `indent`.
pub(crate) fn usage_table(tools: &[Usage], indent: &str) -> String {
    let width = tools.iter().map(|usage| plain(&usage.tool).len()).max().unwrap_or(0).max(4);
    let mut lines = vec![format!("{indent}{:width$}  calls  allowed  denied  failed     p50 us     p95 us", "tool")];
    for usage in tools {
        let duration = |micros: Option<u64>| micros.map_or_else(|| "-".to_owned(), |micros| micros.to_string());
        lines.push(format!(
            "{indent}{:width$}  {:>5}  {:>7}  {:>6}  {:>6}  {:>9}  {:>9}",
            plain(&usage.tool),
            usage.calls,
            usage.allowed,
            usage.denied,
            usage.failed,
            duration(usage.p50_us),
            duration(usage.p95_us)
        ));
        if usage.shadow > 0 {
            lines.push(format!("{indent}  refused and made all the same, in shadow mode: {}", usage.shadow));
        }
        for (reason, count) in &usage.reasons {
            lines.push(format!("{indent}  denied {count} x {}", plain(reason)));
        }
        if !usage.hosts.is_empty() {
            let hosts: Vec<_> = usage.hosts.iter().map(|host| plain(host)).collect();
            lines.push(format!("{indent}  reached {}", hosts.join(", ")));
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_of_usage() {
        let tools = [
            Usage {
                tool: "http_get_json".into(),
                calls: 4,
                allowed: 2,
                denied: 2,
                shadow: 0,
                failed: 1,
                reasons: [("domain_denied".to_owned(), 2)].into(),
                p50_us: Some(10_239),
                p95_us: Some(14_335),
                hosts: ["api.example.com".to_owned(), "\u{1b}]0;x".to_owned()].into(),
            },
            Usage { tool: "mail".into(), calls: 3, denied: 1, shadow: 2, ..Usage::default() },
        ];
        insta::assert_snapshot!(usage_table(&tools, "  "));
    }
}
