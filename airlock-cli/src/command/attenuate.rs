//! `airlock attenuate`.

use crate::args::Format;
use crate::command::issue::constraints::thousandths;
use crate::command::lease::{caveat_lines, from_stdin};
use crate::render::{Failure, Outcome, note, say};
use airlock_runtime::call::Args;
use airlock_runtime::clock::Micros;
use airlock_runtime::lease::inspect::{Inspection, inspect};
use airlock_runtime::lease::{Approval, AttenuateFault, Caveat, attenuate, request_digest};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Largest call file in bytes: as large as a call that a gateway reads.
const CALL_FILE_MAX: usize = airlock_runtime::limits::LINE_MAX;

/// Narrow a lease offline, to hand less on than you hold: no key and no gateway is needed.
///
/// Reads the lease from standard input and prints the narrower one alone on stdout. What is allowed is what *both* say, so nothing
/// given here can widen it. Exit codes: 0 done · 1 not a lease, or it cannot be narrowed further · 2 wrong usage or a file.
#[derive(Debug, clap::Args)]
pub(crate) struct Attenuate {
    /// The lease; `-` reads it from standard input, where other users of the machine do not see it
    #[arg(default_value = "-")]
    lease: String,
    /// Who gets it, for the ledger: every decision names the whole path of delegation
    #[arg(long, value_name = "NAME")]
    to: Option<String>,
    /// Tools it may still call, separated by commas; "" = none
    #[arg(long, value_name = "TOOLS")]
    tools: Option<String>,
    /// Hosts it may still reach, separated by commas; "" = no network
    #[arg(long, value_name = "HOSTS")]
    domains: Option<String>,
    /// Highest risk of a call, 0 to 1
    #[arg(long, value_name = "RISK")]
    max_risk: Option<f64>,
    /// How many calls it allows, which are also spent from the lease it comes from
    #[arg(long, value_name = "N")]
    uses: Option<u64>,
    /// Seconds from now until it ends
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    ttl_seconds: Option<u64>,
    /// Only the one call with this request digest (64 hexadecimal digits)
    #[arg(long, value_name = "DIGEST", conflicts_with = "call")]
    call_digest: Option<String>,
    /// Only the one call in this file: {"tool": "…", "arguments": {…}}; `-` reads it from standard input
    #[arg(long, value_name = "FILE")]
    call: Option<PathBuf>,
    /// Calls only with the signatures of these approvers of the manifest, separated by commas
    #[arg(long, value_name = "NAMES")]
    signed_by: Option<String>,
    /// How many of them must sign [default: all]
    #[arg(long, value_name = "N", requires = "signed_by")]
    signatures: Option<u64>,
    /// Only calls of at least this risk must be signed, 0 to 1
    #[arg(long, value_name = "RISK", requires = "signed_by", default_value = "0")]
    signed_from_risk: f64,
    /// Seconds from the request for signatures to the approved call
    #[arg(long, value_name = "SECONDS", requires = "signed_by", default_value = "900", value_parser = clap::value_parser!(u64).range(1..))]
    signed_within: u64,
    /// From here on only with proof of possession, see `airlock present`
    #[arg(long)]
    pop: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// A call as `--call` and `airlock present` read it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    tool: String,
    #[serde(default)]
    arguments: Args,
}

impl Attenuate {
    pub(crate) fn run(self) -> Outcome {
        if self.lease == "-" && self.call.as_deref() == Some(Path::new("-")) {
            return Err(Failure::new("lease and call cannot both come from standard input"));
        }
        let text = if self.lease == "-" { from_stdin()? } else { self.lease.clone() };
        let seen = inspect(text.trim()).map_err(|fault| Failure::no(fault.detail()))?;
        let now = Micros::now().seconds();
        let caveat = self.caveat(&seen, now)?;
        if caveat == Caveat::default() {
            return Err(Failure::new("nothing was narrowed").help("say what is to be less: see `airlock attenuate --help`"));
        }
        let narrowed = attenuate(text.trim(), &caveat).map_err(|fault| match fault {
            AttenuateFault::Caveat(_) => Failure::new(fault),
            AttenuateFault::Lease(_) | AttenuateFault::Depth | AttenuateFault::Size => Failure::no(fault),
        })?;
        let rid = inspect(&narrowed).map_err(Failure::new)?.rid;
        match self.format {
            Format::Json => say(json!({ "lease": narrowed, "rid": rid, "caveat": block(&caveat) })),
            Format::Table => {
                let mut lines = Vec::new();
                caveat_lines(&caveat, now, &mut lines);
                note(format_args!("caveat {} of at most {}", seen.caveats.len() + 1, seen.root.dep));
                lines.iter().for_each(note);
                note(format_args!("  id        {rid}"));
                say(narrowed);
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn caveat(&self, seen: &Inspection, now: u64) -> Result<Caveat, Failure> {
        let call = match (&self.call_digest, &self.call) {
            (Some(text), _) => Some(digest(text)?),
            (None, Some(path)) => Some(digest_of(seen, &read_call(path)?)?),
            (None, None) => None,
        };
        Ok(Caveat {
            appr: self.approval()?,
            call,
            dom: self.domains.as_deref().map(list),
            exp: self.ttl_seconds.map(|ttl| now.saturating_add(ttl)),
            nbf: None,
            pop: self.pop.then_some(true),
            risk: self.max_risk.map(thousandths).transpose().map_err(Failure::new)?,
            to: self.to.clone(),
            tools: self.tools.as_deref().map(list),
            uses: self.uses,
        })
    }
}

impl Attenuate {
    /// Who must sign, if anybody.
    fn approval(&self) -> Result<Option<Approval>, Failure> {
        let Some(names) = &self.signed_by else { return Ok(None) };
        let k = list(names);
        let (n, most) = (self.signatures.unwrap_or(k.len() as u64), k.len() as u64);
        if !(1..=most).contains(&n) {
            return Err(Failure::new(format_args!("{n} signatures of {most} approvers can never come together")));
        }
        let r = thousandths(self.signed_from_risk).map_err(Failure::new)?;
        Ok(Some(Approval { k, n, r, ttl: self.signed_within }))
    }
}

/// The words between commas.
fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn digest(text: &str) -> Result<[u8; 32], Failure> {
    let byte = |at: usize| text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..text.len()).step_by(2).map(byte).collect();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| Failure::new("--call-digest is not 64 hexadecimal digits"))
}

/// The digest of a call as the gateway of this lease will compute it.
fn digest_of(seen: &Inspection, (tool, arguments): &(String, Args)) -> Result<[u8; 32], Failure> {
    request_digest(&seen.root.aud, &seen.root.sid, tool, arguments)
        .map_err(|fault| Failure::new(format_args!("this call has no digest: {fault}")))
}

/// Reads `{"tool": …, "arguments": {…}}`.
pub(crate) fn read_call(path: &Path) -> Result<(String, Args), Failure> {
    let bound = u64::try_from(CALL_FILE_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().take(bound).read_to_end(&mut bytes),
        false => std::fs::File::open(path).and_then(|file| file.take(bound).read_to_end(&mut bytes)),
    };
    read.map_err(|e| Failure::new(format_args!("cannot read the call from {}: {e}", path.display())))?;
    if bytes.len() > CALL_FILE_MAX {
        return Err(Failure::new(format_args!("the call in {} is larger than {CALL_FILE_MAX} bytes", path.display())));
    }
    let call: Call = serde_json::from_slice(&bytes).map_err(|e| {
        Failure::new(format_args!("{} is not a call of the form {{\"tool\": \"…\", \"arguments\": {{…}}}}: {e}", path.display()))
    })?;
    Ok((call.tool, call.arguments))
}

/// The caveat as it is signed.
fn block(caveat: &Caveat) -> Value {
    serde_json::from_slice(&caveat.to_bytes()).unwrap_or_default()
}
