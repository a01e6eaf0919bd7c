//! `airlock issue`.

pub(crate) mod constraints;
mod ledger;
mod terms;

use crate::args::Format;
use crate::command::key::load;
use crate::command::lease::{decimal, span};
use crate::manifest::policy_of;
use crate::render::{Failure, Outcome, note, say};
use airlock_policy::Compiled;
use airlock_policy::ir::Policy;
use airlock_runtime::clock::Micros;
use airlock_runtime::lease::intent::INTENT_MAX;
use airlock_runtime::lease::{self, AudienceKey, Caveat, RootClaims};
use airlock_runtime::ledger::Ledger;
use airlock_runtime::limits::INTEGER_MAX;
use constraints::Constraints;
use serde_json::json;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Most caveats of a lease.
const CAVEATS_MAX: u64 = airlock_runtime::lease::CAVEATS_MAX as u64;

/// Issue a lease: the right to call some tools, in one session, for one intent, for a short time.
///
/// Prints the lease alone on stdout, so `LEASE=$(airlock issue …)` works, and what it allows on stderr. With --manifest the request
/// is held against the grants (exit 1 when it is beyond all of them), and what is not given is taken from the grant.
#[derive(Debug, clap::Args)]
pub(crate) struct Issue {
    /// Key file: the issuer key, or the key of the gateway
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// Key id, if the file has several
    #[arg(long)]
    pub(crate) kid: Option<String>,
    /// Manifest of the gateway, or the built gateway
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Gateway name [default: that of the manifest or of the key]
    #[arg(long, value_name = "NAME")]
    pub(crate) audience: Option<String>,
    /// Session the lease is for; the agent must send the same
    #[arg(long, value_name = "ID")]
    pub(crate) session_id: String,
    /// Who gets the lease, such as agent:planner
    #[arg(long)]
    pub(crate) subject: String,
    /// Tools it may call, separated by commas
    #[arg(long, value_delimiter = ',', required = true)]
    pub(crate) tools: Vec<String>,
    /// What the user wants, as text; the agent must send the same
    #[arg(long, required_unless_present = "intent_file", conflicts_with = "intent_file")]
    pub(crate) intent: Option<String>,
    /// File with the intent text; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) intent_file: Option<PathBuf>,
    /// Life of the lease [default with --manifest: its default_ttl]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) ttl_seconds: Option<u64>,
    /// Narrower terms as JSON: {"domains":["api.example.com"],"max_risk":0.5,"uses":10} [default with --manifest: those of the grant]
    #[arg(long, value_name = "JSON", default_value = "{}", hide_default_value = true)]
    pub(crate) constraints: String,
    /// Directory of the gateway's ledger: the issue becomes an entry there, a session keeps the intent it began with, and the lease gets
    /// the present revocation epoch
    #[arg(long, value_name = "DIR")]
    pub(crate) ledger: Option<PathBuf>,
    /// Revocation epoch [default: that of the ledger, or 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=INTEGER_MAX), conflicts_with = "ledger")]
    pub(crate) epoch: Option<u64>,
    /// How many times the holder may narrow the lease, 0 to 8
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u64).range(0..=8))]
    pub(crate) depth: u64,
    /// The lease is refused as it is: it must be presented for each call, see `airlock present`. Takes one caveat beside --depth
    #[arg(long)]
    pub(crate) pop: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: Format,
}

/// A lease that was made.
pub(crate) struct Minted {
    /// Its text: a secret.
    pub(crate) text: String,
    /// What it says.
    pub(crate) claims: RootClaims,
    /// The key that signed it.
    pub(crate) key: AudienceKey,
}

impl Issue {
    pub(crate) fn run(self) -> Outcome {
        let intent = match &self.intent_file {
            Some(path) => read_intent(path)?,
            None => self.intent.clone().unwrap_or_default(),
        };
        let accepted = self.manifest.as_deref().map(policy_of).transpose()?;
        let minted = self.mint(&intent, accepted.as_ref().map(|accepted| &accepted.compiled))?;
        report(self.format, &minted)?;
        Ok(ExitCode::SUCCESS)
    }

    /// Makes the lease, and its entry in the ledger where one is named.
    ///
    /// # Errors
    /// The request is beyond every grant (exit 1), or the key or the ledger is not that of the gateway.
    pub(crate) fn mint(&self, intent: &str, compiled: Option<&Compiled>) -> Result<Minted, Failure> {
        let asked = Constraints::parse(&self.constraints).map_err(Failure::new)?;
        let ih = lease::intent_hash(intent).map_err(Failure::new)?;
        let policy = compiled.map(Compiled::policy);
        let terms = match policy {
            Some(policy) => terms::from_grants(policy, &self.subject, &self.tools, self.ttl_seconds, asked),
            None => terms::explicit(self.ttl_seconds, asked),
        }?;
        let key = self.key(policy)?;
        let digest = compiled.map(Compiled::digest);
        let ledger = self.ledger.as_deref().map(|dir| ledger::join(dir, key.audience(), digest)).transpose()?;
        let now = Micros::now().seconds();
        let claims = RootClaims {
            sub: self.subject.clone(),
            sid: self.session_id.clone(),
            ih,
            tools: self.tools.clone(),
            dom: terms.domains,
            risk: terms.max_risk,
            uses: terms.uses,
            dep: if self.pop { (self.depth + 1).min(CAVEATS_MAX) } else { self.depth },
            ep: self.epoch.or(ledger.as_ref().map(Ledger::epoch)).unwrap_or(0),
            iat: now,
            nbf: now,
            exp: now.saturating_add(terms.ttl),
        };
        let jti = lease::fresh_jti().map_err(Failure::new)?;
        let mut text = lease::mint(&key, &claims, jti).map_err(Failure::new)?;
        if self.pop {
            // Whoever gets the narrowed form cannot take the caveat off again.
            text = lease::attenuate(&text, &Caveat { pop: Some(true), ..Caveat::default() }).map_err(Failure::new)?;
        }
        if let Some(ledger) = &ledger {
            ledger::record(ledger, &key, &claims, &text)?;
        }
        Ok(Minted { text, claims, key })
    }

    /// The key of the gateway that the lease is for, and that the manifest accepts.
    fn key(&self, policy: Option<&Policy>) -> Result<AudienceKey, Failure> {
        let named = policy.map(|policy| policy.gateway.name.as_str());
        if let (Some(named), Some(audience)) = (named, self.audience.as_deref())
            && named != audience
        {
            return Err(Failure::new(format_args!(
                "the manifest is that of the gateway {named:?}, but --audience is {audience:?}"
            ))
            .help("leave --audience out"));
        }
        let key = load::signer(&self.key, self.kid.as_deref(), self.audience.as_deref().or(named))?;
        let Some(policy) = policy else { return Ok(key) };
        match policy.keys.iter().find(|accepted| accepted.kid == key.kid()) {
            None => {
                let accepted: Vec<&str> = policy.keys.iter().map(|key| key.kid.as_str()).collect();
                Err(Failure::no(format_args!("the manifest does not accept the key id {:?}", key.kid()))
                    .help(format_args!("it accepts {}; see `[keys] accept`", accepted.join(", "))))
            }
            Some(accepted) if accepted.commitment.as_ref().is_some_and(|pinned| *pinned != key.commitment_hex()) => {
                Err(Failure::no(format_args!("the manifest pins another key with the id {:?}", key.kid()))
                    .help(format_args!("the commitment of this one is {}", key.commitment_hex())))
            }
            Some(_) => Ok(key),
        }
    }
}

/// Reads at most one byte more than an intent may have, so that a longer one is refused and not cut.
pub(crate) fn read_intent(path: &Path) -> Result<String, Failure> {
    let bound = u64::try_from(INTENT_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().take(bound).read_to_end(&mut bytes),
        false => std::fs::File::open(path).and_then(|file| file.take(bound).read_to_end(&mut bytes)),
    };
    read.map_err(|e| Failure::new(format_args!("cannot read the intent text from {}: {e}", path.display())))?;
    if bytes.len() > INTENT_MAX {
        return Err(Failure::new(lease::IntentFault::Length));
    }
    String::from_utf8(bytes).map_err(|_| Failure::new(format_args!("the intent text in {} is not UTF-8", path.display())))
}

fn report(format: Format, minted: &Minted) -> Result<(), Failure> {
    let Minted { text, claims, key } = minted;
    let inspection = lease::inspect::inspect(text).map_err(Failure::new)?;
    let RootClaims { sub, sid, ih: _, tools, dom, risk, uses, dep, ep: _, iat, nbf: _, exp } = claims;
    match format {
        Format::Json => say(json!({
            "lease": text, "kid": key.kid(), "audience": key.audience(), "subject": sub, "session_id": sid, "tools": tools,
            "domains": dom, "max_risk": f64::from(*risk) / 1000.0, "uses": uses, "depth": dep, "iat": iat, "exp": exp,
            "rid": inspection.rid,
        })),
        Format::Table => {
            describe(minted, &inspection.rid);
            say(text);
        }
    }
    Ok(())
}

/// What a lease allows, on stderr.
pub(crate) fn describe(minted: &Minted, rid: &str) {
    let Minted { text: _, claims, key } = minted;
    let RootClaims { sub, sid, ih: _, tools, dom, risk, uses, dep: _, ep: _, iat, nbf: _, exp } = claims;
    let until = Micros(exp.saturating_mul(1_000_000)).rfc3339();
    let hosts = if dom.is_empty() { "no network".to_owned() } else { dom.join(", ") };
    note(format_args!("lease of {sub} for session {sid:?} at the gateway {:?}, signed with {}", key.audience(), key.kid()));
    note(format_args!("  tools  {}", tools.join(", ")));
    note(format_args!("  hosts  {hosts}"));
    note(format_args!("  risk   at most {}", decimal(*risk)));
    note(format_args!("  calls  at most {uses}"));
    note(format_args!("  until  {until} ({})", span(exp.saturating_sub(*iat))));
    note(format_args!("  id     {rid}"));
}
