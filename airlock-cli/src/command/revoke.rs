//! `airlock revoke`.

use crate::args::Format;
use crate::command::lease::from_stdin;
use crate::render::{Failure, Outcome, note, say};
use airlock_runtime::lease::inspect::inspect;
use airlock_runtime::lease::{KID_MAX, STRING_MAX};
use airlock_runtime::ledger::{Entry, Ledger, LedgerError, Require, Revoke as Entered, Sync, Target, Unmet};
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Revoke leases, for good: from the next call on, every gateway that uses this ledger refuses them.
///
/// A revocation is an entry of the ledger and cannot be taken back. Run it as the user that the gateway runs as. To stop a gateway
/// altogether, create a file named `kill` in the directory of its ledger; while it is there, everything is refused. Exit codes: 0
/// revoked (or it was already) · 1 the text is not a lease · 2 wrong usage, or the ledger cannot be written.
#[derive(Debug, clap::Args)]
pub(crate) struct Revoke {
    /// Directory of the gateway's ledger
    #[arg(long, value_name = "DIR")]
    ledger: PathBuf,
    #[command(flatten)]
    what: What,
    /// Why, for the ledger
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    why: String,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct What {
    /// A lease and everything narrowed from it, by its public id (32 hexadecimal digits)
    #[arg(long, value_name = "ID")]
    rid: Option<String>,
    /// A lease as it was issued and everything narrowed from it, by its `jti` (22 characters)
    // One in 64 begins with a hyphen. No option is as long, so none is taken for one.
    #[arg(long, value_name = "ID", allow_hyphen_values = true)]
    jti: Option<String>,
    /// The lease on standard input and everything narrowed from it
    #[arg(long)]
    lease: bool,
    /// All leases of a session, and issuing in it
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// All leases of a subject, and issuing to it
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// All leases signed with the key of this id
    #[arg(long, value_name = "ID")]
    kid: Option<String>,
    /// All leases of an earlier revocation epoch than this: a number, or `next` for all that were issued so far
    #[arg(long, value_name = "N|next")]
    epoch: Option<String>,
}

impl Revoke {
    pub(crate) fn run(self) -> Outcome {
        // What is asked for is understood before anything is opened.
        let target = self.what.target()?;
        let ledger = Ledger::join(&self.ledger, None).map_err(unusable)?;
        let target = target.unwrap_or_else(|| Target::Epoch(ledger.epoch().saturating_add(1)));
        let entry = Entry::Revoke(Entered { target: target.clone(), why: &self.why, by: "operator" });
        let require = vec![Require::Clock, Require::Revocable(target.clone())];
        let seq = match ledger.record_if(&entry, Sync::Durable, require).wait() {
            Ok(recorded) => Some(recorded.seq()),
            Err(LedgerError::Unmet(Unmet::AlreadyRevoked)) => None,
            Err(fault) => return Err(unusable(fault)),
        };
        ledger.shutdown().map_err(unusable)?;
        self.report(&target, ledger.origin(), seq);
        Ok(ExitCode::SUCCESS)
    }

    fn report(&self, target: &Target, gateway: &str, seq: Option<u64>) {
        let (what, id) = described(target);
        match self.format {
            Format::Json => {
                say(json!({"gateway": gateway, "what": target.word(), "id": id, "ledger_seq": seq, "already": seq.is_none()}));
            }
            Format::Table => match seq {
                Some(seq) => {
                    say(format_args!("revoked at the gateway {gateway:?}: {what} {id:?}, entry {seq} of the ledger"));
                    if let Target::Epoch(epoch) = target {
                        note(format_args!("issue new leases with `airlock issue --ledger DIR` or `--epoch {epoch}`"));
                    }
                }
                None => say(format_args!("was revoked already at the gateway {gateway:?}: {what} {id:?}")),
            },
        }
    }
}

impl What {
    /// What is named; `None` for the next epoch, which the ledger knows.
    fn target(&self) -> Result<Option<Target>, Failure> {
        let Self { rid, jti, lease, session, subject, kid, epoch } = self;
        if *lease {
            let seen = inspect(from_stdin()?.trim()).map_err(|fault| Failure::no(fault.detail()))?;
            return Ok(Some(Target::Rid(seen.rid)));
        }
        let given = [
            (rid, Target::Rid as fn(String) -> Target, "--rid", "32 digits 0-9 a-f", is_rid as fn(&str) -> bool),
            (jti, Target::Jti, "--jti", "22 characters of base64url", is_jti),
            (session, Target::Session, "--session", "1 to 256 bytes without control characters", is_name),
            (subject, Target::Subject, "--subject", "1 to 256 bytes without control characters", is_name),
            (kid, Target::Key, "--kid", "1 to 16 of a-z 0-9 -", is_kid),
        ];
        for (id, target, option, form, is_right) in given {
            match id {
                Some(id) if is_right(id) => return Ok(Some(target(id.clone()))),
                Some(id) => return Err(Failure::new(format_args!("{option} {id:?} is not {form}"))),
                None => {}
            }
        }
        match epoch.as_deref() {
            Some("next") | None => Ok(None),
            Some(text) => match text.parse::<u64>() {
                Ok(epoch) if (1..=airlock_runtime::limits::INTEGER_MAX).contains(&epoch) => Ok(Some(Target::Epoch(epoch))),
                Ok(_) | Err(_) => Err(Failure::new(format_args!("--epoch {text:?} is neither `next` nor a number from 1 up"))),
            },
        }
    }
}

fn described(target: &Target) -> (&'static str, String) {
    match target {
        Target::Rid(id) => ("the lease", id.clone()),
        Target::Jti(id) => ("the lease with the jti", id.clone()),
        Target::Session(id) => ("the session", id.clone()),
        Target::Subject(id) => ("the subject", id.clone()),
        Target::Key(id) => ("the key id", id.clone()),
        Target::Epoch(floor) => ("everything before the epoch", floor.to_string()),
    }
}

fn unusable(fault: LedgerError) -> Failure {
    Failure::new(format_args!("nothing was revoked: {fault}"))
        .help("name the directory of a gateway's ledger, and run this as the user that the gateway runs as")
}

fn is_rid(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_jti(id: &str) -> bool {
    id.len() == 22 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn is_name(id: &str) -> bool {
    (1..=STRING_MAX).contains(&id.len()) && !id.chars().any(char::is_control)
}

fn is_kid(id: &str) -> bool {
    (1..=KID_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used)] // A panic is the report.

    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        revoke: Revoke,
    }

    #[test]
    fn a_jti_that_begins_with_a_hyphen_is_one() {
        let read = |jti: &str| Line::try_parse_from(["airlock", "--ledger", "l", "--jti", jti, "--why", "lost"]);
        for jti in ["-FabcdefghijklmnopqrsA", "--abcdefghijklmnopqrsA"] {
            let target = read(jti).expect("a line").revoke.what.target().expect("a target");
            assert_eq!(target, Some(Target::Jti(jti.to_owned())));
        }
        // What is left out is no jti.
        assert!(read("--format").expect("a line").revoke.what.target().is_err());
    }
}
