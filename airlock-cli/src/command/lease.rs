//! `airlock lease`.

use crate::args::Format;
use crate::command::key::load;
use crate::render::{Failure, NO, Outcome, note, say};
use airlock_runtime::clock::Micros;
use airlock_runtime::lease::inspect::{Inspection, check_signature, inspect};
use airlock_runtime::lease::{Approval, Caveat, KeyRing, LeaseFault, Root, TEXT_MAX};
use serde_json::{Value, json};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Look into leases.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Lease {
    Show(Show),
}

/// Show what a lease says.
///
/// Without --key the signature is not checked, and the lease may say anything. Exit codes: 0 shown (and the signature is right, if
/// it was checked) · 1 not a lease, or the signature is wrong · 2 a file could not be read.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The lease; `-` reads it from standard input, where other users of the machine do not see it
    #[arg(default_value = "-")]
    lease: String,
    /// Key file to check the signature with: the issuer key, or the key of the gateway
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

/// What is known about the signature.
enum Signature {
    Unchecked,
    /// With the ids of all nodes.
    Right(Vec<String>),
    Wrong(LeaseFault),
}

impl Lease {
    pub(crate) fn run(self) -> Outcome {
        match self {
            Self::Show(verb) => verb.run(),
        }
    }
}

impl Show {
    fn run(self) -> Outcome {
        let text = if self.lease == "-" { from_stdin()? } else { self.lease };
        let text = text.trim();
        let seen = inspect(text).map_err(|fault| Failure::no(fault.detail()))?;
        let signature = match &self.key {
            None => Signature::Unchecked,
            Some(path) => check(text, path, &seen)?,
        };
        match self.format {
            Format::Json => say(as_json(&seen, &signature)),
            Format::Table => say(as_table(&seen, &signature, Micros::now().seconds())),
        }
        match signature {
            Signature::Unchecked | Signature::Right(_) => Ok(ExitCode::SUCCESS),
            Signature::Wrong(fault) => {
                note(format_args!("error: {}", fault.detail()));
                Ok(ExitCode::from(NO))
            }
        }
    }
}

pub(crate) fn from_stdin() -> Result<String, Failure> {
    let bound = u64::try_from(TEXT_MAX).unwrap_or(u64::MAX).saturating_mul(2);
    let mut text = String::new();
    std::io::stdin()
        .take(bound)
        .read_to_string(&mut text)
        .map_err(|e| Failure::new(format_args!("cannot read a lease from standard input: {e}")))?;
    Ok(text)
}

fn check(text: &str, path: &Path, seen: &Inspection) -> Result<Signature, Failure> {
    let key = load::audience(path, Some(&seen.kid), Some(&seen.root.aud))?;
    let ring = KeyRing::new(vec![key]).map_err(Failure::new)?;
    Ok(match check_signature(text, &ring) {
        Ok(rids) => Signature::Right(rids),
        Err(fault) => Signature::Wrong(fault),
    })
}

/// Names come from the lease and are quoted, so that they cannot steer a terminal.
fn as_table(seen: &Inspection, signature: &Signature, now: u64) -> String {
    let said = match signature {
        Signature::Unchecked => "not checked: the lease may say anything (check it with --key FILE)",
        Signature::Right(_) => "right",
        Signature::Wrong(_) => "WRONG: the lease may say anything",
    };
    let rid = |node: usize| match signature {
        Signature::Right(rids) => rids.get(node).cloned().unwrap_or_default(),
        Signature::Unchecked | Signature::Wrong(_) if node == seen.caveats.len() => seen.rid.clone(),
        Signature::Unchecked | Signature::Wrong(_) => "needs the key".to_owned(),
    };
    let mut lines = vec![format!("key         {}", seen.kid), format!("signature   {said}")];
    lines.push("root".into());
    root_lines(&seen.root, now, &mut lines);
    lines.push(row("rid", rid(0)));
    for (node, caveat) in (1..).zip(&seen.caveats) {
        lines.push(format!("caveat {node}"));
        caveat_lines(caveat, now, &mut lines);
        lines.push(row("rid", rid(node)));
    }
    lines.join("\n")
}

fn row(name: &str, value: impl std::fmt::Display) -> String {
    format!("  {name:<9} {value}")
}

fn root_lines(root: &Root, now: u64, lines: &mut Vec<String>) {
    let Root { appr, aud, dep, dom, ep, exp, iat, ih, jti: _, nbf, pop, risk, sid, sub, tools, uses } = root;
    lines.push(row("gateway", format_args!("{aud:?}")));
    lines.push(row("subject", format_args!("{sub:?}")));
    lines.push(row("session", format_args!("{sid:?}")));
    lines.push(row("intent", format_args!("sha256 {}", hex(ih))));
    lines.push(row("tools", list(tools, "none")));
    lines.push(row("hosts", list(dom, "no network")));
    lines.push(row("risk", format_args!("at most {}", decimal(*risk))));
    lines.push(row("calls", format_args!("at most {uses}")));
    lines.push(row("issued", instant(*iat, now)));
    lines.push(row("from", instant(*nbf, now)));
    lines.push(row("until", end(*exp, now)));
    lines.push(row("caveats", format_args!("at most {dep}")));
    lines.push(row("epoch", ep));
    if *pop {
        lines.push(row("bearer", "refused: needs proof of possession"));
    }
    lines.extend(appr.as_ref().map(approval));
    lines.push(row("jti", root.jti_text()));
}

pub(crate) fn caveat_lines(caveat: &Caveat, now: u64, lines: &mut Vec<String>) {
    let Caveat { appr, call, dom, exp, nbf, pop, risk, to, tools, uses } = caveat;
    lines.extend(to.as_ref().map(|to| row("to", format_args!("{to:?}"))));
    lines.extend(tools.as_ref().map(|tools| row("tools", list(tools, "none"))));
    lines.extend(dom.as_ref().map(|dom| row("hosts", list(dom, "no network"))));
    lines.extend(risk.map(|risk| row("risk", format_args!("at most {}", decimal(risk)))));
    lines.extend(uses.map(|uses| row("calls", format_args!("at most {uses}"))));
    lines.extend(nbf.map(|nbf| row("from", instant(nbf, now))));
    lines.extend(exp.map(|exp| row("until", end(exp, now))));
    lines.extend(call.map(|rq| row("call", format_args!("only the one with the request digest {}", hex(&rq)))));
    if *pop == Some(true) {
        lines.push(row("bearer", "refused: needs proof of possession"));
    }
    lines.extend(appr.as_ref().map(approval));
}

/// When it ends, or that it has.
fn end(exp: u64, now: u64) -> String {
    let ended = if exp <= now { ": it has ended, ask for a new one" } else { "" };
    instant(exp, now) + ended
}

fn approval(approval: &Approval) -> String {
    let Approval { k, n, r, ttl } = approval;
    row("approval", format_args!("{n} of {} from risk {} on, for {}", list(k, "nobody"), decimal(*r), span(*ttl)))
}

fn list(items: &[String], none: &str) -> String {
    match items {
        [] => none.to_owned(),
        items => items.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>().join(", "),
    }
}

/// Thousandths as a decimal.
pub(crate) fn decimal(risk: u16) -> String {
    format!("{}.{:03}", risk / 1000, risk % 1000)
}

/// An instant, and how far from `now` it is.
fn instant(at: u64, now: u64) -> String {
    let relative = match at.checked_sub(now) {
        Some(0) => "now".to_owned(),
        Some(ahead) => format!("in {}", span(ahead)),
        None => format!("{} ago", span(now - at)),
    };
    format!("{} ({relative})", Micros(at.saturating_mul(1_000_000)).rfc3339())
}

/// Seconds in the two largest units.
pub(crate) fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => pair(seconds / 60, "min", seconds % 60, "s"),
        3600..86_400 => pair(seconds / 3600, "h", seconds / 60 % 60, "min"),
        86_400.. => pair(seconds / 86_400, "d", seconds / 3600 % 24, "h"),
    }
}

fn pair(large: u64, unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 { format!("{large} {unit}") } else { format!("{large} {unit} {small} {small_unit}") }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn as_json(seen: &Inspection, signature: &Signature) -> Value {
    let (word, rids) = match signature {
        Signature::Unchecked => ("unchecked", None),
        Signature::Right(rids) => ("right", Some(rids)),
        Signature::Wrong(_) => ("wrong", None),
    };
    // The blocks are JSON already; what is shown is exactly what is signed.
    let block = |bytes: Vec<u8>| serde_json::from_slice::<Value>(&bytes).unwrap_or_default();
    let blocks = std::iter::once(seen.root.to_bytes()).chain(seen.caveats.iter().map(Caveat::to_bytes));
    json!({
        "kid": seen.kid,
        "signature": word,
        "rid": rids.cloned().unwrap_or_else(|| vec![seen.rid.clone()]),
        "blocks": blocks.map(block).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(name: &str) -> Inspection {
        let file: Value = serde_json::from_str(include_str!("../../../tests/vectors/leases.json")).unwrap();
        let case = file["leases"].as_array().unwrap().iter().find(|case| case["name"] == name).unwrap();
        inspect(case["lease"].as_str().unwrap()).unwrap()
    }

    #[test]
    fn tables() {
        let now = 1_795_326_600 + 75;
        insta::assert_snapshot!("lease_unchecked", as_table(&vector("one caveat"), &Signature::Unchecked, now));
        let rids = vec!["aa".to_owned()];
        insta::assert_snapshot!("lease_right", as_table(&vector("nothing at all"), &Signature::Right(rids), now));
        // A subject with control and bidirectional characters stays one line of printable text.
        let table = as_table(&vector("escapes"), &Signature::Wrong(LeaseFault::Mac), now);
        assert!(table.lines().all(|line| !line.chars().any(char::is_control)), "{table:?}");
        assert!(table.contains("WRONG"));
    }

    #[test]
    fn spans() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3600, "1 h"),
            (90_000, "1 d 1 h"),
            (86_399, "23 h 59 min"),
        ] {
            assert_eq!(span(seconds), text);
        }
        assert_eq!(instant(0, 5), "1970-01-01T00:00:00.000000Z (5 s ago)");
    }
}
