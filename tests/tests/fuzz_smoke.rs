//! The fuzz targets with a stable compiler: their seeds, damaged seeds and arbitrary bytes, a fixed number of each.
//!
//! This does not look for faults (`fuzz/README.md` does); it keeps what the targets do compiling and their promises checked.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, reason = "the targets are a crate of their own")]

use std::path::Path;

#[path = "../../fuzz/src/lib.rs"]
mod targets;

/// Damaged forms of each seed, and inputs of arbitrary bytes.
const EACH: usize = 100;

/// SplitMix64: the same bytes in every run, so that a failure is found again.
struct Bytes(u64);

impl Bytes {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap()
    }

    fn fill(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    /// One to four changes: a byte set, a piece taken out, a piece said twice, the rest cut off.
    fn damage(&mut self, seed: &[u8]) -> Vec<u8> {
        let mut out = seed.to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(out.len());
            let end = (at + 1 + self.below(24)).min(out.len());
            match self.below(4) {
                0 if at < out.len() => out[at] = self.next().to_le_bytes()[0],
                1 if at < end => drop(out.drain(at..end)),
                2 if at < end => {
                    let piece = out[at..end].to_vec();
                    drop(out.splice(at..at, piece));
                }
                _ => out.truncate(at.max(1)),
            }
        }
        out
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds").join(target);
    let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

fn feed(target: &str, run: fn(&[u8])) {
    let mut bytes = Bytes(0xa17_10c);
    let seeds = seeds(target);
    assert!(seeds.len() >= 3, "{target} has seeds");
    for seed in &seeds {
        run(seed);
        (0..EACH).for_each(|_| run(&bytes.damage(seed)));
    }
    for _ in 0..EACH {
        let length = bytes.below(512);
        run(&bytes.fill(length));
    }
    run(b"");
}

#[test]
fn wire() {
    feed("wire", targets::wire::run);
}

#[test]
fn lease() {
    feed("lease", targets::lease::run);
}

#[test]
fn ledger() {
    feed("ledger", targets::ledger::run);
}

#[test]
fn url() {
    feed("url", targets::url::run);
}

#[test]
fn manifest() {
    feed("manifest", targets::manifest::run);
}

#[test]
fn every_target_is_here() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/Cargo.toml")).unwrap();
    let declared: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")).collect();
    assert_eq!(declared, ["wire.rs\"", "lease.rs\"", "ledger.rs\"", "url.rs\"", "manifest.rs\""]);
}
