//! `airlock present`.

use crate::args::Format;
use crate::command::attenuate::read_call;
use crate::command::lease::from_stdin;
use crate::render::{Failure, Outcome, say};
use airlock_runtime::clock::Micros;
use airlock_runtime::lease::{PresentFault, Presentation, fresh_jti, present};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Present a lease for one call: what is printed goes to the gateway in place of the lease, is good for this call, for half a minute,
/// and once.
///
/// Reads the lease from standard input. Use it for leases that refuse to be sent as they are (`airlock issue --pop`,
/// `airlock attenuate --pop`), and wherever others read along. Exit codes: 0 done · 1 not a lease · 2 wrong usage or a file.
#[derive(Debug, clap::Args)]
pub(crate) struct Present {
    /// The lease; `-` reads it from standard input, where other users of the machine do not see it
    #[arg(default_value = "-")]
    lease: String,
    /// The call: {"tool": "…", "arguments": {…}}, without the arguments that carry a lease; `-` reads it from standard input
    #[arg(long, value_name = "FILE")]
    call: PathBuf,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Present {
    pub(crate) fn run(self) -> Outcome {
        if self.lease == "-" && self.call == Path::new("-") {
            return Err(Failure::new("lease and call cannot both come from standard input"));
        }
        let text = if self.lease == "-" { from_stdin()? } else { self.lease };
        let (tool, arguments) = read_call(&self.call)?;
        // A nonce is made as the id of a lease is: 16 bytes of the system's random source.
        let how = Presentation { ts: Micros::now().seconds(), nonce: fresh_jti().map_err(Failure::new)? };
        let shown = present(text.trim(), &how, &tool, &arguments).map_err(|fault| match fault {
            PresentFault::Lease(_) | PresentFault::Size => Failure::no(fault),
            PresentFault::Call(_) => Failure::new(fault),
        })?;
        match self.format {
            Format::Json => say(json!({ "presentation": shown, "ts": how.ts, "nonce": how.nonce_text() })),
            Format::Table => say(shown),
        }
        Ok(ExitCode::SUCCESS)
    }
}
