//! `airlock doctor`.

mod gateways;
mod machine;

use crate::args::Format;
use crate::command::client::show::Seen;
use crate::render::{NO, Outcome, say};
use crate::shown;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

/// Look for what keeps gateways from being built or from starting, and say what to do. Changes nothing.
///
/// Looks at the toolchain, the C compiler, what the kernel has, the cache, the files of MCP clients, and for each gateway in them: the
/// program, the key, the ledger, the lease, and whether the clock is behind the ledger. With a manifest, also whether the gateways of its name
/// are of its policy.
/// Exit codes: 0 nothing stops work · 1 something does · 2 wrong usage.
#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// Manifest whose gateways are looked at [default: airlock.toml, if it is there]
    manifest: Option<PathBuf>,
    /// The cache of `airlock build`
    #[arg(long, value_name = "DIR", env = "AIRLOCK_CACHE", hide_env_values = true)]
    cache_dir: Option<PathBuf>,
    /// How it is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// How grave something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Fine,
    /// Some work is not possible, or something should be looked at.
    Warning,
    /// A gateway cannot be built, or does not start.
    Stops,
}

/// What was found out about one thing.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    state: State,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

impl Finding {
    fn fine(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what: what.into(), state: State::Fine, found: found.into(), fix: None }
    }

    fn warning(what: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), state: State::Warning, found: found.into(), fix: Some(fix.into()) }
    }

    fn stops(what: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), state: State::Stops, found: found.into(), fix: Some(fix.into()) }
    }

    fn as_line(&self) -> String {
        let Self { what, state, found, fix } = self;
        let word = match state {
            State::Fine => "fine",
            State::Warning => "look",
            State::Stops => "STOP",
        };
        let fix = fix.as_ref().map(|fix| format!("\n      {:<12} fix: {}", "", shown::line(fix))).unwrap_or_default();
        // What was found may have lines of its own, which are indented; names are of files of others.
        format!("{word}  {:<12} {}{fix}", shown::line(what), found.replace('\n', "\n                   "))
    }
}

impl Doctor {
    pub(crate) fn run(self) -> Outcome {
        let mut findings = machine::findings(self.cache_dir.clone());
        let seen: Vec<Seen> = Seen::all().into_iter().filter(|seen| seen.exists).collect();
        findings.extend(gateways::findings(self.manifest.as_deref(), &seen));
        let stops = findings.iter().any(|finding| finding.state == State::Stops);
        match self.format {
            Format::Json => say(serde_json::json!({"stops": stops, "findings": findings})),
            Format::Table => {
                findings.iter().for_each(|finding| say(finding.as_line()));
                say(if stops {
                    "Something keeps gateways from working: see STOP."
                } else {
                    "Nothing keeps gateways from working."
                });
            }
        }
        Ok(if stops { ExitCode::from(NO) } else { ExitCode::SUCCESS })
    }
}
