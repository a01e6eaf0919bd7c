//! Going on with a ledger that is there: its end must be what the head says, and its last day must be an unbroken chain.

use super::LedgerError;
use super::chain::{Hash, first_prev, leaf};
use super::cursor::Cursor;
use super::evidence::Lines;
use super::facts::WINDOW;
use super::files::{self, End, Segment};
use super::head::{Head, Slot};
use super::line;
use super::place::{Terms, assemble, check_genesis, damaged, load_key, private};
use super::revoked::{self, Revocations};
use super::room::Room;
use super::seal::Seal;
use super::store::Store;
use airlock_core::clock::Micros;
use std::fs::File;
use std::path::Path;

/// A part of a segment that is to be read.
struct Part {
    segment: Segment,
    file: File,
    from: u64,
    until: u64,
}

/// Opens what is there; the lock is held.
pub(super) fn resume(dir: &Path, head: Head, segments: &[Segment], terms: Terms<'_>, slot: &Slot) -> Result<Store, LedgerError> {
    let key = load_key(dir)?.ok_or_else(|| damaged(dir, "keys/log.key is missing"))?;
    let at = segments.iter().position(|segment| segment.first == slot.segment);
    let at = at.ok_or_else(|| damaged(dir, &format!("there is no segment {}", files::segment_name(slot.segment))))?;
    let mut store = assemble(dir, head, segments[at].clone(), terms, key)?;
    let genesis = check_genesis(&mut store, terms)?;
    if genesis.seal.is_some() != slot.seal.is_some() {
        return Err(damaged(dir, "line 0 and the head do not agree whether the ledger has a seal"));
    }
    if genesis.epk.is_some() != slot.epoch.is_some() {
        return Err(damaged(dir, "line 0 and the head do not agree whether the ledger has epoch keys"));
    }
    let other_boot = slot.boot != store.boot;
    let size = store.size()?;
    let end = if size < slot.offset { Err(store.truncated(size, slot)) } else { take_up(&mut store, &segments[..=at], slot) };
    match end {
        Ok(()) => {}
        // The power failed before the newest entries were on disk. They were never acknowledged as durable.
        Err(_) if other_boot && size >= slot.durable => rebuild(&mut store, slot, &segments[..=at], terms)?,
        Err(error) => return Err(error),
    }
    // Roll forward what a writer left without a head.
    let lines = store.roll_forward(Micros::now())?;
    store.write(&lines, &Lines::default())?;
    store.check_checkpoint()?;
    store.open_epoch_keys()?;
    // That the disk was full once is told by its line, and is over.
    store.room = Room::Free;
    match segments.last() {
        Some(last) if last.first > store.segment.first => Err(store.damaged(&format!("nothing leads to {}", last.name()))),
        Some(_) | None => Ok(store),
    }
}

/// Goes to the head, after reading the facts of the last day and checking on the way that these lines are one chain that ends there.
fn take_up(store: &mut Store, segments: &[Segment], slot: &Slot) -> Result<(), LedgerError> {
    store.cursor = Cursor::resume(slot.offset, slot.leaf, slot.range.clone(), slot.newest);
    store.cursor.began = files::first_time(&store.file).map_err(|e| unreadable(&store.segment, e))?.unwrap_or(slot.newest);
    (store.generation, store.durable) = (slot.generation, slot.durable);
    store.sealed.clone_from(&slot.seal);
    store.marked = slot.seal.as_ref().map_or(0, Seal::len);
    store.cursor.seal.clone_from(&slot.seal);
    store.cursor.epoch.clone_from(&slot.epoch);
    let (older, recent) = recent(segments, slot)?;
    store.facts.revoked = older_revocations(&store.dir, &older, recent.first())?;
    let mut prev: Option<Hash> = None;
    let Store { facts, cursor, .. } = store;
    for part in &recent {
        let end = files::scan(&part.file, part.from, part.until, |_, text| {
            let parts = line::parse(text)?;
            if prev.is_some_and(|prev| prev != parts.prev) {
                return Err("its prev is not the hash of the line before".into());
            }
            let hash = leaf(text);
            // The lines that were not known to be on disk: with them the seal of the head comes to where the head stands.
            if let Some(seal) = cursor.seal.as_mut().filter(|seal| seal.len() == parts.seq) {
                seal.push(&hash);
            }
            prev = Some(hash);
            facts.revoked.admits(&parts)?;
            facts.absorb(&parts);
            Ok(())
        });
        end.map_err(|e| unreadable(&part.segment, e)).and_then(|end| whole(&store.dir, part, end))?;
    }
    if prev != Some(slot.leaf) {
        return Err(store.damaged("the last entry is not the one that the head describes"));
    }
    (store.written, store.written_mark) = (store.cursor.clone(), store.facts.revoked.mark().clone());
    match &store.cursor.seal {
        Some(seal) if seal.len() != slot.range.len() => Err(store.damaged("the seal in its head is of other entries")),
        Some(_) | None => Ok(()),
    }
}

/// The segments up to the head, cut into what lies before the last day and what does not.
fn recent(segments: &[Segment], slot: &Slot) -> Result<(Vec<Part>, Vec<Part>), LedgerError> {
    let since = Micros(Micros::now().0.min(slot.newest.0).saturating_sub(WINDOW));
    let mut parts = Vec::new();
    for segment in segments {
        let file = private().read().open(&segment.path).map_err(|e| LedgerError::io("open", &segment.path, e))?;
        let size = file.metadata().map_err(|e| unreadable(segment, e))?.len();
        let until = if segment.first == slot.segment { slot.offset } else { size };
        parts.push(Part { segment: segment.clone(), file, from: 0, until });
    }
    // The newest segment that begins before: its tail and all that follow are the last day. An empty one has no beginning.
    let mut begin = 0;
    for (n, part) in parts.iter().enumerate() {
        let time = files::first_time(&part.file).map_err(|e| unreadable(&part.segment, e))?;
        if part.until > 0 && time.is_some_and(|time| time < since) {
            begin = n;
        }
    }
    let mut recent = parts.split_off(begin);
    if let Some(first) = recent.first_mut() {
        first.from = files::seek(&first.file, first.until, since).map_err(|e| unreadable(&first.segment, e))?;
        let file = first.file.try_clone().map_err(|e| unreadable(&first.segment, e))?;
        parts.push(Part { segment: first.segment.clone(), file, from: 0, until: first.from });
    }
    Ok((parts, recent))
}

/// The revocations of older lines, after checking that they are those that the first recent line states. Nothing else of those
/// lines is looked at, so this costs a pass over them, and only if there are any revocations.
fn older_revocations(dir: &Path, older: &[Part], recent: Option<&Part>) -> Result<Revocations, LedgerError> {
    let mut stated = None;
    if let Some(Part { segment, file, from, .. }) = recent {
        let first = files::line_at(file, *from).map_err(|e| unreadable(segment, e))?;
        stated = first.and_then(|text| line::parse(&text).ok().and_then(|line| revoked::Mark::of(line.body).ok()));
    }
    let stated = stated.ok_or_else(|| damaged(dir, "the first line of its last day cannot be read"))?;
    let mut found = Revocations::default();
    if !stated.is_some() {
        return Ok(found);
    }
    for part in older {
        let end = files::scan(&part.file, part.from, part.until, |_, text| {
            let line = line::parse(text)?;
            if revoked::is_revocation(line.body) {
                found.admits(&line)?;
                found.absorb(&line);
            }
            Ok(())
        });
        end.map_err(|e| unreadable(&part.segment, e)).and_then(|end| whole(dir, part, end))?;
    }
    if *found.mark() == stated { Ok(found) } else { Err(damaged(dir, "its revocations are not those that later entries state")) }
}

/// After a power cut: reads all from the start; everything that was durable must be there.
fn rebuild(store: &mut Store, slot: &Slot, segments: &[Segment], terms: Terms<'_>) -> Result<(), LedgerError> {
    let missing = || damaged(&store.dir, &format!("there is no segment {}", files::segment_name(0)));
    let first = segments.first().filter(|segment| segment.first == 0).ok_or_else(missing)?;
    let file = private().read().append().open(&first.path).map_err(|e| LedgerError::io("open", &first.path, e))?;
    (store.segment, store.file) = (first.clone(), std::sync::Arc::new(file));
    store.cursor = Cursor::start(first_prev(&store.origin, store.key.verifying_key().as_bytes()));
    (store.facts, store.generation, store.durable) = (terms.facts(), slot.generation, 0);
    store.follow_segments(slot)?;
    (store.durable, store.sealed) = (slot.durable, slot.seal.clone());
    let mut end = store.follow(slot.durable)?;
    if matches!(end, End::Clean) && store.cursor.offset == slot.durable {
        store.cursor.seal.clone_from(&slot.seal);
        end = store.follow(store.size()?)?;
    }
    if store.cursor.seal.as_ref().map(|seal| seal.len()) != slot.seal.as_ref().map(|_| store.cursor.range.len()) {
        return Err(store.damaged("the seal in its head is of other entries"));
    }
    let size = store.size()?;
    let at = match end {
        End::Clean => size,
        End::Partial { at } | End::Fault { at, .. } => at,
    };
    if at < slot.durable {
        return Err(store.damaged(&format!("the line at byte {at} is bad, and {} bytes were safely on disk", slot.durable)));
    }
    if at >= slot.offset {
        // A power cut shortens or garbles the end; it does not write another history of full length.
        return Err(store.damaged("its entries are not those that the head describes"));
    }
    let lost = slot.range.len().saturating_sub(store.cursor.range.len());
    let mut lines = Vec::new();
    store.cut(at, size, lost, Micros::now(), &mut lines)?;
    store.write(&lines, &Lines::default())
}

fn unreadable(segment: &Segment, error: std::io::Error) -> LedgerError {
    LedgerError::io("read", &segment.path, error)
}

/// A part that was read to its end.
fn whole(dir: &Path, part: &Part, end: End) -> Result<(), LedgerError> {
    let name = part.segment.name();
    match end {
        End::Clean => Ok(()),
        End::Partial { at } => Err(damaged(dir, &format!("the line at byte {at} of {name} is cut short"))),
        End::Fault { at, reason } => Err(damaged(dir, &format!("the line at byte {at} of {name} does not fit: {reason}"))),
    }
}

/// What a start knows of revocations when the lines from byte `from` of this segment on are its last day.
#[cfg(test)]
pub(super) fn revocations_before(segment: &Segment, from: u64) -> Result<Revocations, LedgerError> {
    let part = |from, until| Part { segment: segment.clone(), file: File::open(&segment.path).unwrap(), from, until };
    older_revocations(Path::new("."), &[part(0, from)], Some(&part(from, u64::MAX)))
}
