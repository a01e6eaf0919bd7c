//! The ledger of a busy month, written from `docs/ledger.md` without the writer: agents, tools, allows with outcomes, refusals for many
//! reasons, segments. What reads ledgers is measured on it.

use crate::Fault;
use airlock_runtime::clock::Micros;
use airlock_runtime::ledger::chain::{Range, first_prev, leaf};
use airlock_runtime::ledger::line::build;
use airlock_runtime::ledger::note::{Checkpoint, plain_key};
use ed25519_dalek::SigningKey;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

/// Name of the gateway.
pub const ORIGIN: &str = "month";
/// The month, microseconds.
const MONTH: u64 = 30 * 86_400 * 1_000_000;
/// When it begins.
const BEGIN: u64 = 1_793_491_200_000_000;
/// Length of a segment.
const SEGMENT: u64 = 64 * 1024 * 1024;
const REASONS: [&str; 8] = [
    "lease_missing",
    "host_not_allowed",
    "tool_not_in_lease",
    "uses_exhausted",
    "risk_too_high",
    "argument_invalid",
    "lease_expired",
    "rate_exceeded",
];

/// Writes a ledger of so many entries; gives the public key of its log, base64.
///
/// # Errors
/// A file cannot be written.
pub fn write(dir: &Path, entries: u64) -> Result<String, Fault> {
    fs::create_dir_all(dir)?;
    let key = SigningKey::from_bytes(&[7; 32]);
    let pk = plain_key(&key.verifying_key());
    let mut range = Range::default();
    let mut prev = first_prev(ORIGIN, key.verifying_key().as_bytes());
    let (mut out, mut length) = (segment(dir, 0)?, 0);
    for seq in 0..entries {
        let ends = length >= SEGMENT;
        let body = match seq {
            0 => {
                format!(r#""t":"genesis","v":1,"origin":"{ORIGIN}","pk":"{pk}","pol":"00112233aabbccdd","durability":"power"}}"#)
            }
            seq if ends => format!(r#""t":"rotate","next":{}}}"#, seq + 1),
            seq => entry(seq),
        };
        let line = build(seq, &prev, Micros(BEGIN + MONTH / entries.max(1) * seq), body.as_bytes());
        prev = leaf(&line);
        range.push(prev);
        out.write_all(&line)?;
        out.write_all(b"\n")?;
        length += line.len() as u64 + 1;
        if ends {
            (out, length) = (segment(dir, seq + 1)?, 0);
        }
    }
    out.flush()?;
    let note = Checkpoint { origin: ORIGIN.into(), n: range.len(), root: range.root() }.sign(&key);
    fs::write(dir.join("checkpoint"), note)?;
    Ok(pk)
}

fn segment(dir: &Path, first: u64) -> Result<BufWriter<File>, Fault> {
    Ok(BufWriter::new(File::create(dir.join(format!("seg-{first:020}.jsonl")))?))
}

/// Of ten entries eight are an allow and its outcome, two are refusals.
fn entry(seq: u64) -> String {
    // Mixed well enough for a ledger, and the same in every run.
    let mix = seq.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let call = format!("{:032x}", seq & !1);
    let (agent, tool) = (mix % 12, mix / 12 % 9);
    let (d, why) =
        if seq % 10 < 8 { ("allow", "ok") } else { ("deny", REASONS[usize::try_from(mix).unwrap_or(0) % REASONS.len()]) };
    if d == "allow" && seq % 2 == 1 {
        let us = 200 + mix % 90_000;
        return format!(
            r#""t":"outcome","call":"{call}","ok":{},"status":"ok","hosts":["api-{}.example.com"],"us":{us},"result":"{:064x}","bytes":{},"pol":"00112233aabbccdd"}}"#,
            !mix.is_multiple_of(40),
            mix % 25,
            mix,
            mix % 9000
        );
    }
    format!(
        r#""t":"decision","d":"{d}","sid":"s-{}","sub":"agent:worker-{agent}","tool":"tool_{tool}","rid":["{:032x}"],"kid":"k1","risk":{},"factors":[["new_domain",80]],"ac":"{:064x}","pol":"00112233aabbccdd","why":"{why}","call":"{call}"}}"#,
        mix % 400,
        mix % 5000,
        mix % 700,
        mix
    )
}
