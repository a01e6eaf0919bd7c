//! The head: what the newest commit left behind, in two slots written in turn, and the lock that orders commits.
//!
//! A crash while one slot is written leaves the other intact. Nothing here is signed: the head finds accidents and careless
//! truncation, a signed checkpoint finds the rest.

use super::LedgerError;
use super::chain::{Hash, Range};
use super::epoch::Epoch;
use super::seal::Seal;
use airlock_core::clock::Micros;
use ed25519_dalek::VerifyingKey;
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use zeroize::{Zeroize, Zeroizing};

/// Distance between the slots: a page each, so that one torn write cannot reach both.
const SLOT: usize = 4096;
/// Beginning of a slot, up to its generation.
const NUMBERED: usize = 16;
/// Longest slot: with as many peaks as there may be, a seal and an epoch.
const SLOT_MAX: usize = FIXED + 32 * 64 + 1 + SEAL + EPOCH + 8;
const _: () = assert!(SLOT_MAX <= SLOT, "a slot fits its page");
/// Of a ledger with epoch keys.
const MAGIC: &[u8; 8] = b"alkhead3";
/// Of one that was begun without them.
const WITHOUT_EPOCH: &[u8; 8] = b"alkhead2";
/// Of one that has been written to last before there were segments and seals: the next commit writes the form above.
const ONE_SEGMENT: &[u8; 8] = b"alkhead1";
/// Magic, generation, entries, offset, durable, time, segment, boot id, leaf, number of peaks.
const FIXED: usize = 8 * 7 + 16 + 32 + 1;
/// Number of lines, key and aggregate of a seal.
const SEAL: usize = 8 + 32 + 32;
/// Number, key, number of entries and time of an epoch.
const EPOCH: usize = 8 + 32 + 8 + 8;

/// State after a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    /// Grows by one per commit; the larger valid one counts.
    pub(super) generation: u64,
    /// First entry of the segment that the commit went to.
    pub(super) segment: u64,
    /// Length of that segment in bytes after the commit.
    pub(super) offset: u64,
    /// Length of the segment known to be on disk at that time; at most `offset`.
    pub(super) durable: u64,
    /// Time of the newest entry.
    pub(super) newest: Micros,
    /// Boot of the machine: within one boot the page cache is coherent, so the segment can never be shorter than `offset`.
    pub(super) boot: [u8; 16],
    /// Leaf hash of the newest entry.
    pub(super) leaf: Hash,
    /// Compact range over all entries.
    pub(super) range: Range,
    /// The seal over all entries that are durable: what a power cut may take away must not be under it, since the keys of lines under
    /// it are gone. `None`: the ledger has no seal.
    pub(super) seal: Option<Seal>,
    /// The epoch of the newest entry. `None`: the ledger has no epoch keys.
    pub(super) epoch: Option<Epoch>,
}

impl Slot {
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(FIXED + 32 * self.range.peaks().len() + 1 + SEAL + EPOCH + 8));
        out.extend_from_slice(if self.epoch.is_some() { MAGIC } else { WITHOUT_EPOCH });
        for number in [self.generation, self.range.len(), self.offset, self.durable, self.newest.0, self.segment] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.boot);
        out.extend_from_slice(&self.leaf);
        // At most 64 peaks: one per bit of the size.
        out.push(u8::try_from(self.range.peaks().len()).unwrap_or(u8::MAX));
        for peak in self.range.peaks() {
            out.extend_from_slice(peak);
        }
        out.push(u8::from(self.seal.is_some()));
        if let Some(seal) = &self.seal {
            out.extend_from_slice(&seal.len().to_be_bytes());
            out.extend_from_slice(seal.key());
            out.extend_from_slice(seal.mu());
        }
        if let Some(epoch) = &self.epoch {
            out.extend_from_slice(&epoch.number.to_be_bytes());
            out.extend_from_slice(epoch.key.as_bytes());
            out.extend_from_slice(&epoch.since.to_be_bytes());
            out.extend_from_slice(&epoch.began.0.to_be_bytes());
        }
        let check = Sha256::digest(out.as_slice());
        out.extend_from_slice(&check[..8]);
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let magic = bytes.first_chunk::<8>()?;
        if magic == ONE_SEGMENT {
            return Self::decode_one_segment(bytes);
        }
        let number = |n: usize| be64(bytes, 8 * n);
        let count = usize::from(*bytes.get(FIXED - 1)?);
        let flag = FIXED + 32 * count;
        let behind_seal = flag + 1 + if *bytes.get(flag)? == 0 { 0 } else { SEAL };
        let end = behind_seal + if magic == MAGIC { EPOCH } else { 0 };
        let written = checked(bytes, end).filter(|_| magic == MAGIC || magic == WITHOUT_EPOCH)?;
        let seal = match written.get(flag + 1..behind_seal)?.split_first_chunk::<8>() {
            None => None,
            Some((n, rest)) => {
                let (key, mu) = rest.split_first_chunk::<32>()?;
                Some(Seal::from_parts(u64::from_be_bytes(*n), key, mu.try_into().ok()?))
            }
        };
        let epoch = match written.get(behind_seal..)? {
            [] => None,
            epoch => Some(Epoch {
                number: be64(epoch, 0)?,
                key: VerifyingKey::from_bytes(epoch.get(8..40)?.try_into().ok()?).ok()?,
                since: be64(epoch, 40)?,
                began: Micros(be64(epoch, 48)?),
            }),
        };
        Some(Self {
            generation: number(1)?,
            range: Range::from_parts(number(2)?, peaks(&written[FIXED..flag]))?,
            offset: number(3)?,
            durable: number(4)?,
            newest: Micros(number(5)?),
            segment: number(6)?,
            boot: bytes.get(56..72)?.try_into().ok()?,
            leaf: bytes.get(72..104)?.try_into().ok()?,
            seal,
            epoch,
        })
    }

    /// The first form: no segment, which was always that of line 0, and nothing behind the peaks.
    fn decode_one_segment(bytes: &[u8]) -> Option<Self> {
        const PEAKS: usize = FIXED - 8;
        let number = |n: usize| be64(bytes, 8 * n);
        let end = PEAKS + 32 * usize::from(*bytes.get(PEAKS - 1)?);
        let written = checked(bytes, end)?;
        Some(Self {
            generation: number(1)?,
            range: Range::from_parts(number(2)?, peaks(&written[PEAKS..]))?,
            offset: number(3)?,
            durable: number(4)?,
            newest: Micros(number(5)?),
            segment: 0,
            boot: bytes.get(48..64)?.try_into().ok()?,
            leaf: bytes.get(64..96)?.try_into().ok()?,
            seal: None,
            epoch: None,
        })
    }
}

fn be64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_be_bytes)
}

fn peaks(bytes: &[u8]) -> Vec<Hash> {
    bytes.chunks_exact(32).filter_map(|peak| peak.try_into().ok()).collect()
}

/// The first `end` bytes, if the check behind them is theirs.
fn checked(bytes: &[u8], end: usize) -> Option<&[u8]> {
    let written = bytes.get(..end)?;
    (Sha256::digest(written)[..8] == *bytes.get(end..end + 8)?).then_some(written)
}

/// The open file `head`.
#[derive(Debug)]
pub(super) struct Head {
    file: Arc<File>,
    path: PathBuf,
    /// What this process wrote or read last.
    known: Mutex<Option<Known>>,
}

/// A slot, and its bytes as they stand in the file. The same bytes are the same slot, so its check need not be computed again, nor its key be
/// looked at: with each commit that would cost more than the entry.
#[derive(Debug)]
struct Known {
    bytes: Zeroizing<Vec<u8>>,
    slot: Slot,
}

/// Holds the lock of the ledger directory; dropping it lets the next writer commit.
pub(super) struct Locked<'a>(&'a File);

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        // Unlocking a valid descriptor does not fail, and closing it unlocks in any case.
        let _ = flock(self.0, FlockOperation::Unlock);
    }
}

impl Head {
    pub(super) fn new(file: File, path: PathBuf) -> Self {
        Self { file: Arc::new(file), path, known: Mutex::new(None) }
    }

    /// Takes the lock if nobody holds it.
    pub(super) fn try_lock(file: &File) -> Option<Locked<'_>> {
        // Any fault is met again, and told, by whoever waits for the lock.
        flock(file, FlockOperation::NonBlockingLockExclusive).ok().map(|()| Locked(file))
    }

    /// Waits for the lock. Writers hold it for one commit, tens of microseconds.
    pub(super) fn lock(file: &File) -> Result<Locked<'_>, LedgerError> {
        loop {
            match flock(file, FlockOperation::LockExclusive) {
                Ok(()) => return Ok(Locked(file)),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(LedgerError::Io(format!("cannot lock the ledger: {error}"))),
            }
        }
    }

    /// The same descriptor, so that a lock can be held while the head is written.
    pub(super) fn handle(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// The newest valid slot; `None` if there is none. A slot that is being written is simply not valid yet.
    pub(super) fn read(&self) -> Result<Option<Slot>, LedgerError> {
        if let Some(slot) = self.unchanged()? {
            return Ok(Some(slot));
        }
        let mut bytes = [0; 2 * SLOT];
        let slot = self.read_into(&mut bytes);
        // As a slice: wiping an array goes byte by byte.
        bytes.as_mut_slice().zeroize();
        slot
    }

    /// The slot that this process knows, where it is still the newest. Then no more is read than shows that: the slot, and the number of the other one.
    /// With each commit all of the file would take as long as the entry.
    fn unchanged(&self) -> Result<Option<Slot>, LedgerError> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Known { bytes: its, slot }) = &*known else { return Ok(None) };
        let (own, other) = if slot.generation.is_multiple_of(2) { (0, SLOT) } else { (SLOT, 0) };
        let (mut read, mut number) = ([0; SLOT_MAX], [0; NUMBERED]);
        let read = &mut read[..its.len().min(SLOT_MAX)];
        // The other one last: what is written there meanwhile is newer, and only makes all be read.
        let filled = self.fill(read, own).and_then(|length| Ok((length, self.fill(&mut number, other)?)));
        let is_ours = *read == **its;
        read.zeroize();
        let is_whole = filled? == (its.len(), NUMBERED);
        // Whatever the other one is, with a smaller number it does not count.
        let is_newest = be64(&number, 8).is_some_and(|generation| generation < slot.generation);
        Ok((is_whole && is_ours && is_newest).then(|| slot.clone()))
    }

    /// Reads from this place of the file on; gives how much there was.
    fn fill(&self, bytes: &mut [u8], at: usize) -> Result<usize, LedgerError> {
        let mut filled = 0;
        while filled < bytes.len() {
            match self.file.read_at(&mut bytes[filled..], (at + filled) as u64) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LedgerError::io("read", &self.path, error)),
            }
        }
        Ok(filled)
    }

    fn read_into(&self, bytes: &mut [u8; 2 * SLOT]) -> Result<Option<Slot>, LedgerError> {
        self.fill(bytes, 0)?;
        let (first, second) = bytes.split_at(SLOT);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = [first, second].into_iter().filter_map(Slot::decode).max_by_key(|slot| slot.generation);
        *known = newest.as_ref().map(|slot| Known { bytes: slot.encode(), slot: slot.clone() });
        Ok(newest)
    }

    /// Writes the slot that is not the newest.
    pub(super) fn write(&self, slot: &Slot) -> Result<(), LedgerError> {
        let at = (slot.generation % 2) * SLOT as u64;
        let mut bytes = slot.encode();
        let length = bytes.len();
        if slot.seal.is_some() {
            // The whole page, so that no key of an earlier, longer slot stays behind this one.
            bytes = Zeroizing::new([bytes.as_slice(), &[0; SLOT][length..]].concat());
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known = None;
        self.file.write_all_at(&bytes, at).map_err(|error| LedgerError::io("write", &self.path, error))?;
        bytes.truncate(length);
        *known = Some(Known { bytes, slot: slot.clone() });
        Ok(())
    }

    /// Takes the room of both slots, so that a disk that fills up later cannot keep a commit from being described.
    pub(super) fn allocate(&self) -> Result<(), LedgerError> {
        self.file.write_all_at(&[0; 2 * SLOT], 0).map_err(|error| LedgerError::io("write", &self.path, error))
    }

    /// Puts the head on disk: at start and at shutdown. In between it may lag, recovery rolls it forward. Its length with it, where that is new.
    pub(super) fn sync(&self) -> Result<(), LedgerError> {
        self.file.sync_data().map_err(|error| LedgerError::io("sync", &self.path, error))
    }
}

/// The kernel's id of this boot, read once; zeros when it cannot be read, which compares equal and so takes the strict path.
pub(super) fn boot_id() -> [u8; 16] {
    static BOOT: OnceLock<[u8; 16]> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let mut out = [0; 16];
        if !text.is_empty() {
            out.copy_from_slice(&Sha256::digest(text.trim())[..16]);
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(generation: u64, leaves: u64) -> Slot {
        let mut range = Range::default();
        (0..leaves).for_each(|n| range.push([u8::try_from(n % 251).unwrap(); 32]));
        let seal = (leaves > 2).then(|| Seal::from_parts(leaves - 1, &[5; 32], [6; 32]));
        let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key();
        let epoch = (leaves > 1).then_some(Epoch { number: 4, key, since: leaves - 1, began: Micros(6) });
        Slot {
            generation,
            segment: 3,
            offset: 10,
            durable: 5,
            newest: Micros(7),
            boot: [3; 16],
            leaf: [4; 32],
            range,
            seal,
            epoch,
        }
    }

    #[test]
    fn a_slot_comes_back_and_no_changed_byte_is_accepted() {
        for leaves in [1, 2, 1023] {
            let written = slot(9, leaves).encode();
            assert!(written.len() <= SLOT);
            assert_eq!(Slot::decode(&written), Some(slot(9, leaves)));
            for at in 0..written.len() {
                let mut bad = written.clone();
                bad[at] ^= 1;
                assert_eq!(Slot::decode(&bad), None, "byte {at}");
            }
        }
    }

    /// However little is read to see that nothing has changed.
    #[test]
    fn what_another_process_wrote_is_seen_and_so_is_every_changed_byte() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("head");
        let open = || File::options().read(true).write(true).create(true).truncate(false).open(&path).unwrap();
        let (ours, theirs) = (Head::new(open(), path.clone()), Head::new(open(), path.clone()));
        let newest = || ours.read().unwrap().map_or(0, |slot| slot.generation);
        ours.allocate().unwrap();
        for generation in 1..6 {
            ours.write(&slot(generation, 5)).unwrap();
            assert_eq!((newest(), newest()), (generation, generation));
        }
        // One more, which lies in the other slot; two more, of which the newer lies in the place of ours.
        for generation in [6, 8, 9, 11] {
            (generation.min(7)..=generation).for_each(|generation| theirs.write(&slot(generation, 5)).unwrap());
            assert_eq!((newest(), newest()), (generation, generation));
        }
        let file = open();
        for at in 0..slot(11, 5).encode().len() as u64 {
            let mut byte = [0];
            file.read_exact_at(&mut byte, SLOT as u64 + at).unwrap();
            file.write_all_at(&[byte[0] ^ 1], SLOT as u64 + at).unwrap();
            assert_eq!(newest(), 10, "byte {at}");
            file.write_all_at(&byte, SLOT as u64 + at).unwrap();
            assert_eq!(newest(), 11);
        }
        // An older copy of it all.
        theirs.write(&slot(4, 5)).unwrap();
        theirs.write(&slot(3, 5)).unwrap();
        assert_eq!(newest(), 4);
    }

    #[test]
    fn the_largest_slot_fits_its_page() {
        let full = Slot { range: Range::from_parts(u64::MAX, vec![[1; 32]; 64]).unwrap(), ..slot(1, 3) };
        assert!(full.encode().len() <= SLOT);
    }

    /// A slot with fewer peaks is shorter, and the key of the one before must not stay behind its end.
    #[test]
    fn a_slot_covers_the_key_of_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("head");
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path).unwrap();
        let head = Head::new(file, path.clone());
        let with_key =
            |generation, leaves, key| Slot { seal: Some(Seal::from_parts(1, &[key; 32], [6; 32])), ..slot(generation, leaves) };
        for generation in [1, 2] {
            head.write(&with_key(generation, 1023, 0xaa)).unwrap();
        }
        for generation in [3, 4] {
            head.write(&with_key(generation, 1024, 0xbb)).unwrap();
        }
        let bytes = std::fs::read(&path).unwrap();
        let holds = |key: u8| bytes.windows(32).any(|window| window == [key; 32]);
        assert!(holds(0xbb) && !holds(0xaa));
    }

    #[test]
    fn the_newer_slot_counts_and_a_torn_one_falls_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("head");
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path).unwrap();
        let head = Head::new(file, path);
        assert_eq!(head.read().unwrap(), None);
        head.write(&slot(1, 1)).unwrap();
        head.write(&slot(2, 2)).unwrap();
        assert_eq!(head.read().unwrap(), Some(slot(2, 2)));
        head.file.write_all_at(b"torn", 20).unwrap();
        assert_eq!(head.read().unwrap(), Some(slot(1, 1)));
        // What was read or written before is known by its bytes, and any other byte is another slot.
        let written = slot(4, 3).encode();
        head.write(&slot(4, 3)).unwrap();
        assert_eq!(head.read().unwrap(), Some(slot(4, 3)));
        for at in 0..written.len() {
            head.file.write_all_at(&[written[at] ^ 1], at as u64).unwrap();
            assert_eq!(head.read().unwrap(), Some(slot(1, 1)), "byte {at}");
            head.file.write_all_at(&written[at..=at], at as u64).unwrap();
            assert_eq!(head.read().unwrap(), Some(slot(4, 3)), "byte {at}");
        }
        // And another process writes the other slot.
        let other = Head::new(head.file.try_clone().unwrap(), head.path.clone());
        other.write(&slot(5, 2)).unwrap();
        assert_eq!(head.read().unwrap(), Some(slot(5, 2)));
        other.write(&slot(6, 1)).unwrap();
        assert_eq!(head.read().unwrap(), Some(slot(6, 1)));
        head.file.write_all_at(&slot(5, 3).encode(), SLOT as u64).unwrap();
        assert_eq!(head.read().unwrap(), Some(slot(6, 1)), "an older one does not count");
    }
}
