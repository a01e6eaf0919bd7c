//! `airlock exposure`.

use super::stats::usage_table;
use super::tail::{demand_ledger, json, unreadable, warn_damaged};
use crate::args::Format;
use crate::render::{Outcome, say};
use crate::shown::plain;
use airlock_runtime::ledger::read::{self, Agent};
use std::path::PathBuf;
use std::process::ExitCode;

/// Report per agent and tool what was used, denied and granted.
#[derive(Debug, clap::Args)]
pub(crate) struct Exposure {
    /// Directory of the ledger.
    dir: PathBuf,
    /// How many hours to look back.
    #[arg(long, default_value_t = 24)]
    lookback_hours: u64,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Exposure {
    pub(crate) fn run(self) -> Outcome {
        demand_ledger(&self.dir)?;
        let report = read::exposure(&self.dir, self.lookback_hours).map_err(|e| unreadable(&self.dir, &e))?;
        match self.format {
            Format::Json => say(json(&report)),
            Format::Table if report.agents.is_empty() => {
                say(format_args!("no calls and no leases in the last {} hours", report.lookback_hours))
            }
            Format::Table => report.agents.iter().for_each(|agent| say(agent_text(agent))),
        }
        warn_damaged(report.damaged);
        Ok(ExitCode::SUCCESS)
    }
}

/// One agent: its calls, then what it holds without using it.
fn agent_text(agent: &Agent) -> String {
    let name = if agent.subject.is_empty() { "(no valid lease)".to_owned() } else { plain(&agent.subject) };
    let unused: Vec<_> = agent.unused.iter().map(|tool| plain(tool)).collect();
    let unused = if unused.is_empty() { "nothing".to_owned() } else { unused.join(", ") };
    format!("{name}\n{}\n  granted but unused: {unused}", usage_table(&agent.tools, "  "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use read::Usage;

    #[test]
    fn an_agent_with_idle_authority() {
        let tools = vec![Usage { tool: "mail".into(), calls: 1, allowed: 1, ..Usage::default() }];
        let agent = Agent { subject: "agent:a\u{7}".into(), tools, unused: vec!["files".into()] };
        insta::assert_snapshot!(agent_text(&agent));
        insta::assert_snapshot!(agent_text(&Agent::default()));
    }
}
