//! `airlock approve`.

use crate::args::Format;
use crate::command::approver;
use crate::render::{Failure, Outcome, note, say};
use airlock_runtime::approve::note::join;
use airlock_runtime::approve::request::{REQUEST_TEXT_MAX, Request};
use airlock_runtime::clock::Micros;
use ed25519_dalek::{Signer, SigningKey};
use serde_json::json;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;

/// Approve one exact call by signature.
///
/// Reads the request that a gateway gave out (`approval_request`, it begins with alr1.), shows the call on stderr, and prints the signature
/// on stdout: the client sends it, with those of the other approvers, as a list in params._meta["dev.airlock/approvals"] of the same call.
/// It is good for this call, until the time that is shown, and once. Exit codes: 0 done · 1 not a request, or its time is over · 2 wrong
/// usage or a file.
#[derive(Debug, clap::Args)]
pub(crate) struct Approve {
    /// The request; `-` reads it from standard input
    #[arg(default_value = "-")]
    request: String,
    /// Your key, made by `airlock approver new`
    #[arg(long, value_name = "FILE", required_unless_present = "show")]
    key_file: Option<PathBuf>,
    /// Only show what would be approved
    #[arg(long)]
    show: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Approve {
    pub(crate) fn run(self) -> Outcome {
        let text = if self.request == "-" { from_stdin()? } else { self.request };
        let refused = |problem: String| Failure::no(format_args!("this is not a request for signatures: {problem}"));
        let request = Request::read(text.trim()).map_err(refused)?;
        let about = request.note().map_err(refused)?;
        let now = Micros::now().seconds();
        let shown = request.shown(now);
        let Some(file) = self.key_file.filter(|_| !self.show) else {
            match self.format {
                Format::Json => say(json!({ "request": request, "note": about.text(), "late": request.is_late(now) })),
                Format::Table => say(shown),
            }
            return Ok(ExitCode::SUCCESS);
        };
        shown.lines().for_each(note);
        if request.is_late(now) {
            return Err(Failure::no(
                "the time of this request is over: the client has to make the call again, without signatures",
            ));
        }
        let seed = approver::read(&file)?;
        let signature = SigningKey::from_bytes(seed.bytes()).sign(about.text().as_bytes()).to_bytes();
        let signed = join(seed.name(), &about, &signature);
        match self.format {
            Format::Json => say(json!({ "approver": seed.name(), "signature": signed, "note": about.text() })),
            Format::Table => {
                note(format_args!("signed by {}", seed.name()));
                say(signed);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    let bound = u64::try_from(REQUEST_TEXT_MAX).unwrap_or(u64::MAX).saturating_add(2);
    let read = std::io::stdin().take(bound).read_to_string(&mut text);
    read.map_err(|error| Failure::new(format_args!("cannot read the request from standard input: {error}")))?;
    Ok(text)
}
