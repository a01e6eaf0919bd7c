//! `airlock approver`: key pairs of people who approve calls by signature.

use crate::args::Format;
use crate::render::{Failure, Outcome, note, say};
use airlock_runtime::lease::guard;
use airlock_runtime::lease::keyfile::{self, SigningSeed};
use base64ct::{Base64UrlUnpadded, Encoding};
use ed25519_dalek::SigningKey;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Make and show the keys of approvers. No command prints the bytes of a private key.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Approver {
    New(New),
    Show(Show),
}

/// Make the key pair of an approver. The file stays with that person; the lines that are printed go into the manifest.
#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// Name of the approver in the manifest: 1 to 32 of a-z 0-9 -
    #[arg(long)]
    name: String,
    /// File to create, readable by you alone; never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Show whose key a file has, and the lines for the manifest.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// Key file
    file: PathBuf,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Approver {
    pub(crate) fn run(self) -> Outcome {
        match self {
            Self::New(verb) => verb.run(),
            Self::Show(verb) => verb.run(),
        }
    }
}

impl New {
    fn run(self) -> Outcome {
        guard::forbid_dumps();
        let seed = SigningSeed::generate(&self.name).map_err(Failure::new)?;
        keyfile::write_approver(&self.out, &seed).map_err(Failure::new)?;
        if self.format == Format::Table {
            note(format_args!(
                "key of the approver {} written to {}, mode 0600; put into the manifest:",
                self.name,
                self.out.display()
            ));
        }
        say_public(&seed, self.format, &self.out);
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    fn run(self) -> Outcome {
        say_public(&read(&self.file)?, self.format, &self.file);
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads the key of an approver.
pub(crate) fn read(file: &Path) -> Result<SigningSeed, Failure> {
    guard::forbid_dumps();
    keyfile::read_approver(file).map_err(Failure::new)
}

fn say_public(seed: &SigningSeed, format: Format, file: &Path) {
    let public = SigningKey::from_bytes(seed.bytes()).verifying_key();
    let key = format!("ed25519:{}", Base64UrlUnpadded::encode_string(public.as_bytes()));
    match format {
        Format::Json => say(json!({ "name": seed.name(), "key": key, "file": file })),
        Format::Table => {
            say(format_args!("[approvers.{}]", seed.name()));
            say(format_args!("key = \"{key}\""));
            say("why = \"who this is, and for what\"");
        }
    }
}
