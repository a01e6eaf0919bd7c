//! A ledger whose lines were written at another time than they say: what tests begin with, and whoever can write to the directory could make. No
//! gateway has it.
#![allow(clippy::unwrap_used, reason = "it is for tests alone")]

use crate::chain::first_prev;
use crate::cursor::Cursor;
use crate::head::{Head, Slot};
use crate::{files, verify};
use airlock_core::clock::Micros;
use std::fs;
use std::path::Path;

/// Writes the one segment of a ledger anew with these bodies behind line 0, all of this time, and whatever a start compares with it.
///
/// # Panics
/// What is there is no ledger.
pub fn rewrite_at(dir: &Path, bodies: &[&str], at: Micros) {
    let (origin, key) = verify::stated(dir).map(|(origin, pin)| (origin, pin.key)).unwrap();
    let mut cursor = Cursor::start(first_prev(&origin, key.as_bytes()));
    let text: Vec<u8> = bodies.iter().flat_map(|body| [cursor.extend(at, body.as_bytes()), b"\n".to_vec()]).flatten().collect();
    fs::write(dir.join(files::segment_name(0)), text).unwrap();
    // It is of the lines that were there before.
    let _ = fs::remove_file(dir.join("checkpoint"));
    let file = fs::File::options().read(true).write(true).open(dir.join("head")).unwrap();
    let head = Head::new(file, dir.join("head"));
    let old = head.read().unwrap().unwrap();
    let slot = Slot {
        generation: old.generation + 1,
        offset: cursor.offset,
        durable: cursor.offset,
        newest: cursor.newest(),
        leaf: cursor.prev,
        range: cursor.range.clone(),
        epoch: cursor.epoch.clone(),
        ..old
    };
    head.write(&slot).unwrap();
}
