//! Opening a ledger directory: create it, or resume it after comparing what is there with what the head says.

use super::LedgerError;
use super::chain::{first_prev, hex};
use super::cursor::Cursor;
use super::entry::{Genesis, body};
use super::epoch::EPOCH_AGE;
use super::epochkey::Keys;
use super::evidence;
use super::facts::Facts;
use super::files::{self, End, Opening, Segment};
use super::fold::Folded;
use super::folder::{Draft, Folder};
use super::head::{Head, boot_id};
use super::line::{self, LINE_MAX};
use super::note::{is_origin, parse_key, plain_key};
use super::resume::resume;
use super::revoked::Mark;
use super::room::{self, Room};
use super::rotate::SEGMENT_MAX;
use super::seal::{Seal, Seed};
use super::store::Store;
use airlock_core::clock::Micros;
use airlock_core::lease::locked::{Locked, scrub};
use airlock_core::policy::evidence::Evidence;
use airlock_core::policy::{Durability, Policy};
use base64ct::{Base64, Encoding};
use ed25519_dalek::SigningKey;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, Metadata};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Version of the format, in line 0.
pub(super) const VERSION: u32 = 1;

/// SHA-256 of the kernel profile of each process that the gateway of a policy has, in hexadecimal, by the name of its role. Asked for where a ledger begins.
pub type Profiles = fn(&Policy) -> BTreeMap<&'static str, String>;

/// Those of whoever confines no process: none.
pub(super) const NO_PROFILES: Profiles = |_| BTreeMap::new();

/// What this gateway expects of its ledger.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) origin: &'a str,
    /// First 16 hexadecimal digits of the policy digest.
    pub(super) pol: &'a str,
    pub(super) durability: Durability,
    /// Whose quotas and flows are to be counted.
    pub(super) watch: Option<&'static Policy>,
    /// What line 0 says of that gateway's processes.
    pub(super) profiles: Profiles,
}

impl<'a> Terms<'a> {
    /// Those of whoever counts nothing: the command line, tests.
    pub(super) const fn unwatched(origin: &'a str, pol: &'a str, durability: Durability) -> Self {
        Self { origin, pol, durability, watch: None, profiles: NO_PROFILES }
    }

    /// Facts of a ledger of which nothing was read yet.
    pub(super) fn facts(&self) -> Facts {
        self.watch.map_or_else(Facts::default, Facts::watching)
    }

    /// Kernel profiles of the gateway whose ledger it is.
    fn profiles(&self) -> BTreeMap<&'static str, String> {
        self.watch.map(self.profiles).unwrap_or_default()
    }

    /// What is kept of arguments and results; by the command line, which records no calls, nothing.
    fn evidence(&self) -> Evidence {
        self.watch.map_or(Evidence::HASHES, |policy| policy.ledger.evidence)
    }
}

/// The members of line 0.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct GenesisLine {
    pub(super) v: u32,
    pub(super) origin: String,
    pub(super) pk: String,
    pub(super) pol: String,
    pub(super) durability: String,
    /// Names the seed of the seal; absent without one.
    pub(super) seal: Option<String>,
    /// Key of epoch 0; absent in ledgers that were begun without epoch keys.
    pub(super) epk: Option<String>,
}

/// Makes the directory ready, with all that lies in it private, and opens the head.
pub(super) fn prepare(dir: &Path, terms: Terms<'_>) -> Result<Head, LedgerError> {
    if !is_origin(terms.origin) {
        return Err(LedgerError::Origin(format!(
            "{:?} cannot name a ledger: 1-128 printable ASCII bytes, no space, no +",
            terms.origin
        )));
    }
    let missing: Vec<&Path> = dir.ancestors().take_while(|path| *path != Path::new("") && !path.exists()).collect();
    for path in [dir.to_owned(), dir.join(files::KEYS), dir.join(files::EVIDENCE), dir.join(files::TORN)] {
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(|e| LedgerError::io("create", &path, e))?;
        // The path to the ledger may be a link, as the operator likes it; what lies in it may not.
        let found = if path == dir { path.metadata() } else { path.symlink_metadata() };
        private_to_me(&path, &found.map_err(|e| LedgerError::io("look at", &path, e))?, 0o022)?;
    }
    for path in missing {
        // A new directory survives a power cut only once its name in the one above is on disk.
        sync_dir(path.parent().filter(|above| *above != Path::new("")).unwrap_or(Path::new(".")))?;
    }
    // It lies elsewhere, where a confined process does not read any more.
    boot_id();
    let path = dir.join(files::HEAD);
    let file = private().read().write().create().open(&path).map_err(|e| LedgerError::io("open", &path, e))?;
    Ok(Head::new(file, path))
}

/// Opens or creates; the second value is true while the ledger holds no entry but line 0.
pub(super) fn open(dir: &Path, terms: Terms<'_>) -> Result<(Store, bool), LedgerError> {
    open_prepared(dir, prepare(dir, terms)?, terms)
}

/// The same in a directory that is ready.
pub(super) fn open_prepared(dir: &Path, head: Head, terms: Terms<'_>) -> Result<(Store, bool), LedgerError> {
    // Two gateways that start at once: the second waits here and then finds a ledger.
    let handle = head.handle();
    let _locked = Head::lock(&handle)?;
    let slot = head.read()?;
    room::set_aside(dir)?;
    let segments = files::segments(dir).map_err(|e| LedgerError::io("read", dir, e))?;
    match (slot, segments.as_slice()) {
        (None, []) => create(dir, head, terms, None).map(|store| (store, true)),
        (None, [only]) if only.first == 0 => create_again(dir, head, only.clone(), terms).map(|store| (store, true)),
        (None, _) => Err(damaged(dir, "the head is missing or damaged")),
        (Some(_), []) => Err(damaged(dir, "the head describes entries, but there is no segment")),
        (Some(slot), segments) => {
            let mut store = resume(dir, head, segments, terms, &slot)?;
            evidence::mend(&store)?;
            store.expire(Micros::now())?;
            let only_genesis = store.cursor.range.len() == 1;
            Ok((store, only_genesis))
        }
    }
}

/// Makes a sealed ledger where there is none.
pub(super) fn init(dir: &Path, terms: Terms<'_>, seed: &Seed) -> Result<Store, LedgerError> {
    let head = prepare(dir, terms)?;
    let handle = head.handle();
    let _locked = Head::lock(&handle)?;
    let segments = files::segments(dir).map_err(|e| LedgerError::io("read", dir, e))?;
    if head.read()?.is_some() || !segments.is_empty() {
        return Err(LedgerError::Origin(format!(
            "there is a ledger in {} already; a seal begins with line 0, so name a new directory",
            dir.display()
        )));
    }
    room::set_aside(dir)?;
    create(dir, head, terms, Some(seed))
}

/// Opens a ledger that is there, whatever gateway and durability line 0 names.
pub(super) fn join(dir: &Path, pol: &str) -> Result<(Store, Durability), LedgerError> {
    let none =
        || LedgerError::Origin(format!("there is no ledger in {}: name the directory that the gateway uses", dir.display()));
    let first = files::segments(dir).map_err(|e| LedgerError::io("read", dir, e))?.into_iter().next().ok_or_else(none)?;
    let file = private().read().open(&first.path).map_err(|e| LedgerError::io("open", &first.path, e))?;
    let genesis = read_genesis(&file).ok_or_else(|| damaged(dir, "line 0 is not a genesis entry"))?;
    let known = [Durability::Power, Durability::Effect, Durability::Process];
    let durability = known.into_iter().find(|durability| durability.word() == genesis.durability);
    let durability = durability.ok_or_else(|| damaged(dir, "line 0 names an unknown durability"))?;
    open(dir, Terms::unwatched(&genesis.origin, pol, durability)).map(|(store, _)| (store, durability))
}

/// A new ledger: key, segment, line 0.
fn create(dir: &Path, head: Head, terms: Terms<'_>, seed: Option<&Seed>) -> Result<Store, LedgerError> {
    let key = load_key(dir)?.map_or_else(|| new_key(dir), Ok)?;
    let segment = Segment { first: 0, path: dir.join(files::segment_name(0)) };
    let mut store = assemble(dir, head, segment, terms, key)?;
    store.check_checkpoint()?;
    store.cursor.seal = seed.map(Seal::start);
    write_genesis(&mut store, terms, seed)?;
    Ok(store)
}

/// The start before died between creating the segment and writing the head: only line 0, or a part of it, can be there.
fn create_again(dir: &Path, head: Head, segment: Segment, terms: Terms<'_>) -> Result<Store, LedgerError> {
    let lost = || damaged(dir, "the head is missing or damaged");
    let key = load_key(dir)?.ok_or_else(lost)?;
    let mut store = assemble(dir, head, segment, terms, key)?;
    let size = store.size()?;
    if size > LINE_MAX as u64 {
        return Err(lost());
    }
    let end = store.follow(size)?;
    store.check_checkpoint()?;
    match (end, store.cursor.range.len()) {
        (End::Clean, 1) => {
            store.open_epoch_keys()?;
            store.head.allocate()?;
            store.write_head()?;
        }
        (End::Partial { at: 0 } | End::Clean, 0) => {
            // No entry was ever acknowledged, and line 0 is the only one that can have been begun.
            store.file.set_len(0).map_err(|e| LedgerError::io("cut", &store.segment.path, e))?;
            write_genesis(&mut store, terms, None)?;
        }
        (End::Clean | End::Partial { .. } | End::Fault { .. }, _) => return Err(lost()),
    }
    let genesis = check_genesis(&mut store, terms)?;
    if genesis.seal.is_some() {
        return Err(damaged(dir, "`airlock ledger init` did not come to its end here, and its seed is lost"));
    }
    Ok(store)
}

fn write_genesis(store: &mut Store, terms: Terms<'_>, seed: Option<&Seed>) -> Result<(), LedgerError> {
    let pk = plain_key(&store.key.verifying_key());
    let durability = terms.durability.word();
    let seal = seed.map(Seed::id);
    let (keys, first) = Keys::create(&store.dir)?;
    let epk = plain_key(&first);
    (store.epoch_keys, store.first_epoch) = (Some(keys), Some(first));
    let genesis = Genesis {
        t: "genesis",
        v: VERSION,
        origin: terms.origin,
        pk: &pk,
        pol: terms.pol,
        durability,
        seal,
        epk: Some(&epk),
        profiles: terms.profiles(),
    };
    let mut lines = Vec::new();
    store.extend(Micros::now(), &body(&genesis), &mut lines);
    store.write_lines(&lines)?;
    store.file.sync_all().map_err(|e| LedgerError::io("sync", &store.segment.path, e))?;
    store.durable = store.cursor.offset;
    store.sealed.clone_from(&store.cursor.seal);
    store.head.allocate()?;
    store.write_head()?;
    store.head.sync()?;
    sync_dir(&store.dir)
}

/// Line 0 must be this gateway's.
pub(super) fn check_genesis(store: &mut Store, terms: Terms<'_>) -> Result<GenesisLine, LedgerError> {
    let dir = &store.dir;
    let path = dir.join(files::segment_name(0));
    let first = private().read().open(&path).map_err(|e| LedgerError::io("open", &path, e))?;
    let genesis = read_genesis(&first).ok_or_else(|| damaged(dir, "line 0 is not a genesis entry"))?;
    let advice = "name another ledger directory for this gateway";
    if genesis.v != VERSION {
        return Err(LedgerError::Origin(format!(
            "the ledger {} has format {}, this gateway writes {VERSION}",
            dir.display(),
            genesis.v
        )));
    }
    if genesis.origin != terms.origin {
        let (theirs, ours) = (&genesis.origin, terms.origin);
        return Err(LedgerError::Origin(format!(
            "the ledger {} belongs to gateway {theirs:?}, not {ours:?}: {advice}",
            dir.display()
        )));
    }
    if genesis.durability != terms.durability.word() {
        let (theirs, ours) = (&genesis.durability, terms.durability.word());
        let text =
            format!("the ledger {} promises durability {theirs:?}, this gateway is built for {ours:?}: {advice}", dir.display());
        return Err(LedgerError::Origin(text));
    }
    if genesis.pk != plain_key(&store.key.verifying_key()) {
        return Err(damaged(dir, "keys/log.key is not the key that line 0 names"));
    }
    store.first_epoch = genesis.epk.as_deref().and_then(parse_key);
    Ok(genesis)
}

/// Line 0 of an open segment, if it is a well-formed genesis entry.
pub(super) fn read_genesis(file: &File) -> Option<GenesisLine> {
    let text = files::line_at(file, 0).ok()??;
    let parts = line::parse(&text).ok()?;
    let genesis: GenesisLine = serde_json::from_slice(&text).ok()?;
    (parts.seq == 0 && parts.body.starts_with(b"\"t\":\"genesis\",")).then_some(genesis)
}

/// A store at the beginning of a segment; of the first one, before line 0.
pub(super) fn assemble(
    dir: &Path,
    head: Head,
    segment: Segment,
    terms: Terms<'_>,
    key: Locked<SigningKey>,
) -> Result<Store, LedgerError> {
    let file = private().read().append().create().open(&segment.path);
    let file = file.map_err(|e| LedgerError::io("open", &segment.path, e))?;
    let evidence = open_evidence(dir, segment.first)?;
    let cursor = Cursor::start(first_prev(terms.origin, key.verifying_key().as_bytes()));
    Ok(Store {
        dir: dir.to_owned(),
        folder: Folder::from(dir),
        origin: terms.origin.to_owned(),
        key,
        first_epoch: None,
        epoch_keys: None,
        boot: boot_id(),
        segment,
        file: Arc::new(file),
        evidence: Arc::new(evidence),
        keeps: terms.evidence(),
        pol: terms.pol.to_owned(),
        head,
        facts: terms.facts(),
        generation: 0,
        durable: 0,
        sealed: None,
        marked: 0,
        segment_max: SEGMENT_MAX,
        epoch_age: EPOCH_AGE,
        room: Room::Free,
        folded: Folded::default(),
        written: cursor.clone(),
        written_mark: Mark::default(),
        room_of_lines: Vec::new(),
        cursor,
    })
}

/// The evidence of the segment that begins with entry `first`.
pub(super) fn open_evidence(dir: &Path, first: u64) -> Result<File, LedgerError> {
    let path = dir.join(files::EVIDENCE).join(files::segment_name(first));
    private().read().append().create().open(&path).map_err(|e| LedgerError::io("open", &path, e))
}

/// Longest text of the key file: 44 characters and a line end, with room for an editor's.
const KEY_TEXT_MAX: usize = 64;

/// Refuses a file or directory that somebody else owns, or to whom its mode gives any of `forbidden`: whoever may write there can
/// put a key of his own under the ledger before it begins, and whoever may read the key can sign another history.
pub(super) fn private_to_me(path: &Path, meta: &Metadata, forbidden: u32) -> Result<(), LedgerError> {
    let me = rustix::process::geteuid().as_raw();
    let (owner, mode) = (meta.uid(), meta.mode() & 0o7777);
    let what = if owner != me && owner != 0 {
        format!("belongs to user {owner}, not to user {me} or root; name a directory of your own")
    } else if meta.is_symlink() {
        "is a link; put the directory itself there".to_owned()
    } else if mode & forbidden != 0 {
        format!("is open to others (mode {mode:04o}); make it yours alone: chmod go-rwx {}", path.display())
    } else {
        return Ok(());
    };
    Err(LedgerError::Io(format!("{} {what}", path.display())))
}

/// The log key; `None` if there is no file.
pub(super) fn load_key(dir: &Path) -> Result<Option<Locked<SigningKey>>, LedgerError> {
    let path = dir.join(files::KEYS).join("log.key");
    let file = match private().read().open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LedgerError::io("read", &path, error)),
    };
    private_to_me(&path, &file.metadata().map_err(|e| LedgerError::io("look at", &path, e))?, 0o077)?;
    let mut text = Zeroizing::new(String::with_capacity(KEY_TEXT_MAX));
    file.take(KEY_TEXT_MAX as u64).read_to_string(&mut text).map_err(|e| LedgerError::io("read", &path, e))?;
    let mut seed = Zeroizing::new([0; 32]);
    match Base64::decode(text.trim_end(), seed.as_mut()) {
        Ok(bytes) if bytes.len() == 32 => locked(&seed).map(Some),
        Ok(_) | Err(_) => Err(damaged(dir, "keys/log.key is not a key")),
    }
}

fn new_key(dir: &Path) -> Result<Locked<SigningKey>, LedgerError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut()).map_err(|e| LedgerError::Io(format!("the system gives no random bytes: {e}")))?;
    let text = Zeroizing::new(format!("{}\n", Base64::encode_string(seed.as_ref())));
    durable_file(&dir.join(files::KEYS).join("log.key"), text.as_bytes())?;
    locked(&seed)
}

/// The key in memory that stays out of swap and core files.
fn locked(seed: &[u8; 32]) -> Result<Locked<SigningKey>, LedgerError> {
    // A frame of its own, so that what the move leaves lies below.
    #[inline(never)]
    fn moved(seed: &[u8; 32]) -> Option<Locked<SigningKey>> {
        Locked::new(SigningKey::from_bytes(seed)).ok()
    }
    let key = moved(seed);
    scrub();
    key.ok_or_else(|| {
        LedgerError::Io("the system gives no locked memory for the log key; allow 256 KiB (`ulimit -l`)".to_owned())
    })
}

/// Writes a whole private file so that after a crash it is there with all its bytes or not at all. The lock is held.
pub(super) fn durable_file(path: &Path, bytes: &[u8]) -> Result<(), LedgerError> {
    let dir = path.parent().unwrap_or(path);
    let written = Draft::begin(path.to_owned()).and_then(|mut draft| {
        draft.file.write_all(bytes)?;
        draft.publish()
    });
    written.map_err(|e| if room::is_full(&e) { room::full(dir, &e) } else { LedgerError::io("write", path, e) })
}

pub(super) fn sync_dir(dir: &Path) -> Result<(), LedgerError> {
    files::open_dir(dir).and_then(|dir| dir.sync_all()).map_err(|e| LedgerError::io("sync", dir, e))
}

/// How a file of a ledger is opened.
pub(super) fn private() -> Opening {
    Opening::default()
}

/// A finding, with what to do about it.
pub(super) fn damaged(dir: &Path, what: &str) -> LedgerError {
    LedgerError::Damaged(format!(
        "the ledger {dir} is not as it was left: {what}. Nothing is served with it. Keep a copy, look at it with \
         `airlock verify-log {dir}`, and start with a new directory once you know why",
        dir = dir.display()
    ))
}

/// The digest of a policy as lines carry it.
pub(super) fn short(policy_digest: &[u8; 32]) -> String {
    hex(&policy_digest[..8])
}
