//! `airlock key`.

pub(crate) mod load;

use crate::args::Format;
use crate::render::{Failure, Outcome, note, say};
use airlock_runtime::lease::keyfile::{self, FileKey};
use airlock_runtime::lease::{AudienceKey, IssuerKey};
use serde_json::{Value, json};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Make and show keys. No command prints the bytes of a key.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Key {
    New(New),
    Derive(Derive),
    Show(Show),
}

/// Make an issuer key: whoever has it can issue leases for every gateway, so it stays with the operator.
#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// Key id: 1 to 16 of a-z 0-9 -
    #[arg(long, default_value = "k1")]
    kid: String,
    /// File to create, readable by you alone; never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Derive the key of one gateway from an issuer key. It is all that the gateway gets, and it is good for no other gateway.
#[derive(Debug, clap::Args)]
pub(crate) struct Derive {
    /// Issuer key file
    #[arg(long, value_name = "FILE")]
    issuer_key: PathBuf,
    /// Gateway name, as in `[gateway] name`
    #[arg(long, value_name = "NAME")]
    audience: String,
    /// Key id, if the file has several
    #[arg(long)]
    kid: Option<String>,
    /// File to create; without it only the commitment is shown
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Show what a key file contains: ids, kinds, audiences and commitments.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// Key file
    file: PathBuf,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Key {
    pub(crate) fn run(self) -> Outcome {
        match self {
            Self::New(verb) => verb.run(),
            Self::Derive(verb) => verb.run(),
            Self::Show(verb) => verb.run(),
        }
    }
}

impl New {
    fn run(self) -> Outcome {
        let key = IssuerKey::generate(&self.kid).map_err(Failure::new)?;
        keyfile::write_issuer(&self.out, &key).map_err(Failure::new)?;
        let file = self.out.display();
        say(format_args!("issuer key {} written to {file}, mode 0600", key.kid()));
        note(format_args!("next: airlock key derive --issuer-key {file} --audience <gateway name> --out <FILE>"));
        note("      makes the key of one gateway and prints the commitment to paste into its manifest");
        Ok(ExitCode::SUCCESS)
    }
}

impl Derive {
    fn run(self) -> Outcome {
        let issuer = load::issuer(&self.issuer_key, self.kid.as_deref())?;
        let key = issuer.derive(&self.audience).map_err(Failure::new)?;
        if let Some(out) = &self.out {
            keyfile::write_audience(out, &key).map_err(Failure::new)?;
        }
        match self.format {
            Format::Json => say(json!({ "key": audience_json(&key), "file": self.out })),
            Format::Table => {
                say(audience_line(&key));
                match &self.out {
                    Some(out) => say(format_args!("written to {}, mode 0600", out.display())),
                    None => note("nothing was written; name a file with --out"),
                }
                note(pin(&key));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    fn run(self) -> Outcome {
        let keys = keyfile::read_keys(&self.file).map_err(Failure::new)?;
        let mode = mode(&self.file)?;
        match self.format {
            Format::Json => {
                let keys: Vec<Value> = keys.iter().map(key_json).collect();
                say(json!({ "file": self.file, "mode": mode, "keys": keys }));
            }
            Format::Table => {
                say(format_args!("{}, mode {mode}", self.file.display()));
                for key in &keys {
                    say(key_line(key));
                }
                keys.iter().for_each(|key| match key {
                    FileKey::Audience(key) => note(pin(key)),
                    FileKey::Issuer(_) => {}
                });
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Permission bits as `chmod` takes them.
fn mode(file: &Path) -> Result<String, Failure> {
    let meta = std::fs::metadata(file).map_err(|e| Failure::new(format_args!("cannot look at {}: {e}", file.display())))?;
    Ok(format!("{:04o}", meta.mode() & 0o7777))
}

fn key_line(key: &FileKey) -> String {
    match key {
        FileKey::Issuer(key) => format!("issuer key    {}  makes the keys of all gateways; keep it away from them", key.kid()),
        FileKey::Audience(key) => audience_line(key),
    }
}

fn audience_line(key: &AudienceKey) -> String {
    format!("audience key  {}  gateway {:?}  commitment {}", key.kid(), key.audience(), key.commitment_hex())
}

fn key_json(key: &FileKey) -> Value {
    match key {
        FileKey::Issuer(key) => json!({ "kind": "issuer", "kid": key.kid() }),
        FileKey::Audience(key) => audience_json(key),
    }
}

fn audience_json(key: &AudienceKey) -> Value {
    json!({ "kind": "audience", "kid": key.kid(), "audience": key.audience(), "commitment": key.commitment_hex() })
}

/// How to pin the key, so that a gateway with another one refuses to start.
fn pin(key: &AudienceKey) -> String {
    let (aud, kid) = (key.audience(), key.kid());
    format!(
        "to pin it, write in the manifest of {aud:?}:  [keys] accept = [{{ id = \"{kid}\", commitment = \"{}\" }}]",
        key.commitment_hex()
    )
}
