//! `airlock demo`.

use crate::args::Format;
use crate::demo::{self, Wish};
use crate::gateway::Options;
use crate::render::{Failure, Outcome};
use std::process::ExitCode;

/// Build the weather example, use it as an agent would, and watch it refuse eight attacks.
///
/// Everything is real: a gateway is compiled from examples/weather/airlock.toml and spoken to over stdio; its ledger is verified,
/// then a byte of a copy is changed. Only the forecast comes from a stand-in on this machine, so that no call needs the
/// network.
/// Exit codes: 0 all went as told · 1 something passed that must not, or the reverse · 2 a file, process or the network failed.
#[derive(Debug, clap::Args)]
pub(crate) struct Demo {
    /// City of the forecast; without --online: Austin, Boston or Seattle
    #[arg(long, default_value = "Austin")]
    city: String,
    /// State or country of the city
    #[arg(long, default_value = "TX")]
    state: String,
    /// Ask the real Open-Meteo service
    #[arg(long, conflicts_with = "offline")]
    online: bool,
    /// Print every MCP message, both ways
    #[arg(long)]
    raw: bool,
    /// Keep the files (manifest, gateway, keys, ledger) and tell where they are
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    options: Options,
    /// How the account is printed; json has it when all went as told
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Demo {
    pub(crate) fn run(self) -> Outcome {
        let Self { city, state, online, raw, keep, options, format } = self;
        if raw && format == Format::Json {
            return Err(
                Failure::new("--raw prints messages between the lines of the account").help("leave out --raw or --format json")
            );
        }
        demo::run(&Wish { city, state, online, raw, keep, format }, &options)?;
        Ok(ExitCode::SUCCESS)
    }
}
