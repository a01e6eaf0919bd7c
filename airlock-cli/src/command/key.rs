//! `airlock key`.

pub(crate) mod load;
mod rotate;

use crate::args::Format;
use crate::render::{Failure, Outcome, note, say};
use airlock_runtime::clock::Micros;
use airlock_runtime::lease::keyfile::{self, FileKey};
use airlock_runtime::lease::term::date;
use airlock_runtime::lease::{AudienceKey, IssuerKey, Stage, Term};
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
    Rotate(rotate::Rotate),
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
    /// How the result is printed; the key itself is not
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Derive the keys of one gateway from the issuer keys of a file. They are all that the gateway gets, and good for no other one.
#[derive(Debug, clap::Args)]
pub(crate) struct Derive {
    /// Issuer key file
    #[arg(long, value_name = "FILE")]
    issuer_key: PathBuf,
    /// Gateway name, as in `[gateway] name`
    #[arg(long, value_name = "NAME")]
    audience: String,
    /// Only the key with this id [default: all of the file]
    #[arg(long)]
    kid: Option<String>,
    /// File to create; without it only the commitment is shown
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// Show what a key file contains: ids, kinds, audiences, commitments, and what each key does now and until when.
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
            Self::Rotate(verb) => verb.run(),
        }
    }
}

impl New {
    fn run(self) -> Outcome {
        let key = IssuerKey::generate(&self.kid).map_err(Failure::new)?;
        keyfile::write_issuer(&self.out, &key).map_err(Failure::new)?;
        let file = self.out.display();
        match self.format {
            Format::Json => say(json!({ "kind": "issuer", "kid": key.kid(), "file": self.out, "mode": "0600" })),
            Format::Table => {
                say(format_args!("issuer key {} written to {file}, mode 0600", key.kid()));
                note(format_args!("next: airlock key derive --issuer-key {file} --audience <gateway name> --out <FILE>"));
                note("      makes the key of one gateway and prints the commitment to paste into its manifest");
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Derive {
    fn run(self) -> Outcome {
        let issuers = load::issuers(&self.issuer_key, self.kid.as_deref())?;
        let keys =
            issuers.iter().map(|issuer| issuer.derive(&self.audience)).collect::<Result<Vec<_>, _>>().map_err(Failure::new)?;
        if let Some(out) = &self.out {
            keyfile::write_audience(out, &keys.iter().collect::<Vec<_>>()).map_err(Failure::new)?;
        }
        let now = Micros::now().seconds();
        match self.format {
            Format::Json => {
                let keys: Vec<Value> = keys.iter().map(|key| audience_json(key, now)).collect();
                say(json!({ "keys": keys, "file": self.out }));
            }
            Format::Table => {
                keys.iter().for_each(|key| say(audience_line(key, now)));
                match &self.out {
                    Some(out) => say(format_args!("written to {}, mode 0600", out.display())),
                    None => note("nothing was written; name a file with --out"),
                }
                note(pin(&keys.iter().collect::<Vec<_>>()));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    fn run(self) -> Outcome {
        let keys = keyfile::read_keys(&self.file).map_err(Failure::new)?;
        let mode = mode(&self.file)?;
        let now = Micros::now().seconds();
        match self.format {
            Format::Json => {
                let keys: Vec<Value> = keys.iter().map(|key| key_json(key, now)).collect();
                say(json!({ "file": self.file, "mode": mode, "keys": keys }));
            }
            Format::Table => {
                say(format_args!("{}, mode {mode}", self.file.display()));
                for key in &keys {
                    say(key_line(key, now));
                }
                let audience: Vec<&AudienceKey> = keys.iter().filter_map(FileKey::audience).collect();
                if !audience.is_empty() {
                    note(pin(&audience));
                }
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

fn key_line(key: &FileKey, now: u64) -> String {
    match key {
        FileKey::Issuer(key) => {
            format!(
                "issuer key    {}  makes the keys of all gateways; keep it away from them{}",
                key.kid(),
                stage_text(key.term(), now)
            )
        }
        FileKey::Audience(key) => audience_line(key, now),
    }
}

fn audience_line(key: &AudienceKey, now: u64) -> String {
    let (kid, gateway) = (key.kid(), key.audience());
    format!("audience key  {kid}  gateway {gateway:?}  commitment {}{}", key.commitment_hex(), stage_text(key.term(), now))
}

/// What a key with dates does now; nothing about a key without.
fn stage_text(term: &Term, now: u64) -> String {
    let Term { sign_from, sign_until, verify_until } = term;
    let until = |at: u64| if at == u64::MAX { "without end".to_owned() } else { format!("until {}", date(at)) };
    match term.stage(now) {
        _ if *term == Term::ALWAYS => String::new(),
        Stage::Next => format!("  accepted, signs from {} {}", date(*sign_from), until(*sign_until)),
        Stage::Signs => format!("  signs {}, accepted {}", until(*sign_until), until(*verify_until)),
        Stage::Verifies => format!("  signs no more, accepted {}", until(*verify_until)),
        Stage::Retired => format!("  retired since {}: take it out of the file and of the manifest", date(*verify_until)),
    }
}

fn key_json(key: &FileKey, now: u64) -> Value {
    match key {
        FileKey::Issuer(key) => json!({ "kind": "issuer", "kid": key.kid(), "term": term_json(key.term(), now) }),
        FileKey::Audience(key) => audience_json(key, now),
    }
}

fn audience_json(key: &AudienceKey, now: u64) -> Value {
    json!({
        "kind": "audience", "kid": key.kid(), "audience": key.audience(), "commitment": key.commitment_hex(),
        "term": term_json(key.term(), now),
    })
}

/// Dates in unix seconds, `null` for none.
fn term_json(term: &Term, now: u64) -> Value {
    let stage = match term.stage(now) {
        Stage::Next => "next",
        Stage::Signs => "signs",
        Stage::Verifies => "verifies",
        Stage::Retired => "retired",
    };
    let end = |at: u64| Some(at).filter(|at| *at != u64::MAX);
    json!({
        "stage": stage, "sign_from": Some(term.sign_from).filter(|at| *at != 0), "sign_until": end(term.sign_until),
        "verify_until": end(term.verify_until),
    })
}

/// How to pin the keys, so that a gateway with others refuses to start.
fn pin(keys: &[&AudienceKey]) -> String {
    let aud = keys.first().map_or("", |key| key.audience());
    let pins = keys.iter().map(|key| format!("{{ id = \"{}\", commitment = \"{}\" }}", key.kid(), key.commitment_hex()));
    format!("to pin, write in the manifest of {aud:?}:  [keys] accept = [{}]", pins.collect::<Vec<_>>().join(", "))
}
