//! `airlock key rotate`.

use super::load;
use crate::args::Format;
use crate::manifest::Manifest;
use crate::render::{Failure, Outcome, note, say};
use airlock_runtime::clock::Micros;
use airlock_runtime::lease::keyfile::replace_issuers;
use airlock_runtime::lease::term::date;
use airlock_runtime::lease::{IssuerKey, Stage, Term};
use airlock_runtime::limits::CLOCK_SKEW_S;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Longest life that a manifest may give a lease, seconds.
const TTL_MAX: u64 = 86_400;

/// Begin to replace the issuer key: the next one is accepted at once, signs later, and the present one is accepted until the last
/// lease it signed has expired.
///
/// The file gets the new key and the dates of both; no gateway notices before it is given keys derived anew. What to do by when is
/// printed.
#[derive(Debug, clap::Args)]
pub(crate) struct Rotate {
    /// Issuer key file
    #[arg(long, value_name = "FILE")]
    issuer_key: PathBuf,
    /// Key id of the new key
    #[arg(long)]
    kid: String,
    /// Seconds until the new key signs: the time to rebuild the gateways and to give them their keys
    #[arg(long, value_name = "SECONDS", default_value = "3600", value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    lead_seconds: u64,
    /// Manifests of the gateways: the longest of their leases decides for how long the old key is accepted [default: 24 hours]
    #[arg(long, value_name = "FILE")]
    manifest: Vec<PathBuf>,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Rotate {
    pub(super) fn run(self) -> Outcome {
        let (now, ttl) = (Micros::now().seconds(), self.longest_lease()?);
        let mut keys = load::issuers(&self.issuer_key, None)?;
        let switch = now.saturating_add(self.lead_seconds);
        let retired = switch.saturating_add(ttl).saturating_add(CLOCK_SKEW_S);
        keys = end(keys, &self.kid, now, switch, retired)?;
        let fresh = IssuerKey::generate(&self.kid).map_err(Failure::new)?;
        keys.push(fresh.with_term(Term { sign_from: switch, sign_until: u64::MAX, verify_until: u64::MAX }));
        replace_issuers(&self.issuer_key, &keys).map_err(Failure::new)?;
        self.report(&keys, switch, retired);
        Ok(ExitCode::SUCCESS)
    }

    /// The longest life of a lease of the named gateways, seconds.
    fn longest_lease(&self) -> Result<u64, Failure> {
        let mut longest = None;
        for path in &self.manifest {
            longest = longest.max(Some(Manifest::read(path)?.accept()?.compiled.policy().lease.max_ttl));
        }
        Ok(longest.unwrap_or(TTL_MAX))
    }

    fn report(&self, keys: &[IssuerKey], switch: u64, retired: u64) {
        let old: Vec<&str> = keys.iter().filter(|key| key.term().sign_until == switch).map(IssuerKey::kid).collect();
        let (file, new) = (self.issuer_key.display(), &self.kid);
        match self.format {
            Format::Json => say(json!({
                "file": self.issuer_key, "new": new, "old": old, "sign_from": switch, "verify_until": retired,
            })),
            Format::Table => {
                let old = old.join(", ");
                say(format_args!("{new} signs from {}; {old} until then, and is accepted until {}", date(switch), date(retired)));
                note(format_args!(
                    "1. before {}, for each gateway: accept {new:?} in [keys] of its manifest, build it, and give it",
                    date(switch)
                ));
                note(format_args!("   airlock key derive --issuer-key {file} --audience <gateway name> --out <FILE>"));
                note(format_args!("2. nothing at {}: `airlock issue` and the gateways change keys by their dates", date(switch)));
                note(format_args!("3. after {}: take {old} out of the manifests and out of {file}", date(retired)));
                note(format_args!("if a key was stolen, do not wait: airlock revoke --ledger <DIR> --kid {old}"));
            }
        }
    }
}

/// Ends the keys that sign now or would: they sign until `switch` and are accepted until `retired`. Keys without a future are left.
fn end(keys: Vec<IssuerKey>, fresh: &str, now: u64, switch: u64, retired: u64) -> Result<Vec<IssuerKey>, Failure> {
    if keys.iter().any(|key| key.kid() == fresh) {
        return Err(
            Failure::new(format_args!("the file has a key with the id {fresh:?} already")).help("give the new key a new id")
        );
    }
    if let Some(key) = keys.iter().find(|key| key.term().stage(now) == Stage::Next) {
        let from = date(key.term().sign_from);
        return Err(Failure::new(format_args!("a rotation is under way: {:?} signs from {from}", key.kid()))
            .help("wait until then, or take that key out of the file if no gateway has it yet"));
    }
    Ok(keys
        .into_iter()
        .map(|key| {
            let term = *key.term();
            match term.stage(now) {
                Stage::Signs | Stage::Next => {
                    let sign_until = switch.min(term.sign_until);
                    key.with_term(Term { sign_until, verify_until: retired.min(term.verify_until), ..term })
                }
                Stage::Verifies | Stage::Retired => key,
            }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kid: &str, term: Term) -> IssuerKey {
        IssuerKey::new(kid, [1; 32]).unwrap().with_term(term)
    }

    #[test]
    fn what_signs_ends_and_what_has_ended_stays() {
        let over = Term { sign_from: 0, sign_until: 50, verify_until: 90 };
        let ended = end(vec![key("k1", over), key("k2", Term { sign_from: 50, ..Term::ALWAYS })], "k3", 100, 200, 300).unwrap();
        let terms: Vec<Term> = ended.iter().map(|key| *key.term()).collect();
        assert_eq!(terms, [over, Term { sign_from: 50, sign_until: 200, verify_until: 300 }]);
        assert!(end(vec![key("k1", Term::ALWAYS)], "k1", 100, 200, 300).is_err());
        assert!(end(vec![key("k1", Term { sign_from: 150, ..Term::ALWAYS })], "k2", 100, 200, 300).is_err(), "one at a time");
    }
}
