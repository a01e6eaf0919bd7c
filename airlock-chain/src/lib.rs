//! The ledger: every decision as one line of an append-only, hash-chained file (`docs/ledger.md` is the format).
//!
//! [`Ledger`] writes, for a gateway; [`read`] and [`verify`] are for everybody, the command line uses them alone. An allow is
//! answered with an [`Allowed`], which an effect demands by value: what is not recorded is not performed.
//!
//! Several gateway processes may use one directory. They take turns by a lock that is held for one commit, and each reads what
//! the others wrote before it appends.

pub mod asked;
mod batch;
pub mod chain;
mod cursor;
mod entry;
mod epoch;
mod epochkey;
mod error;
pub mod evidence;
mod facts;
mod files;
mod fold;
pub mod folder;
mod head;
#[cfg(feature = "mint")]
mod issued;
mod lanes;
pub mod line;
mod members;
mod nonces;
pub mod note;
mod place;
pub mod proof;
mod questions;
pub mod read;
pub mod redact;
#[cfg(feature = "explain")]
mod rehearsal;
mod resume;
mod retain;
mod revoked;
#[cfg(any(test, feature = "rehearsal"))]
pub mod rewritten;
mod roll;
mod room;
mod rotate;
mod salts;
pub mod seal;
mod sealed;
mod sessions;
#[cfg(feature = "stages")]
pub mod stages;
mod store;
mod ticket;
mod told;
pub mod verify;
mod window;
pub mod witness;
pub mod witnessed;
mod writer;

pub use asked::Asked;
pub use entry::{Approve, Decision, Entry, Issue, Outcome, Revoke, SIGNERS_MAX, Verdict};
pub use error::LedgerError;
pub use facts::{Require, Unmet};
pub use files::{CHECKPOINT, Segment, WITNESSED, read_note, segments};
pub use fold::{DENIAL_EVERY, DENIALS_AT_ONCE};
pub use folder::Folder;
pub use place::Profiles;
pub use questions::{Asker, SESSION_QUESTIONS_MAX, SUBJECT_QUESTIONS_MAX};
#[cfg(feature = "explain")]
pub use rehearsal::Rehearsal;
pub use revoked::{Holder, REVOCATIONS_MAX, Target};
pub use sessions::Scope;
pub use ticket::{Recorded, Ticket};
pub use told::Connections;
pub use writer::Sync;

use airlock_core::clock::Micros;
use airlock_core::policy::evidence::Kept;
use airlock_core::policy::{Durability, EffectClass, Policy};
use ed25519_dalek::VerifyingKey;
use note::Pin;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use store::{Pending, Store};
use writer::{Ask, Shared};

/// Most entries that the writer was given and has not answered: twice what the calls in flight can ask for (a decision and an outcome each). They are
/// counted, since the places of a channel with bounds are all written when it is made, 160 KB at each start.
const QUEUE_MAX: usize = 4 * airlock_core::limits::IN_FLIGHT_MAX;

/// Longest wait for the writer at the end. Another process may hold the lock for ever, and a gateway that was asked to end has to.
const SHUTDOWN_MAX: Duration = Duration::from_secs(10);

/// A ledger that is open for writing.
#[derive(Debug)]
pub struct Ledger {
    shared: Arc<Shared>,
    asks: Sender<Ask>,
    thread: Mutex<Option<JoinHandle<()>>>,
    pol: String,
    origin: String,
    durability: Durability,
    pin: Pin,
    is_new: bool,
    kept: Kept,
    salts: salts::Salts,
    folder: Folder,
}

impl Ledger {
    /// Opens the ledger of gateway `origin` in `dir`, or creates it. Another policy digest than before is fine, every line
    /// names its own; another origin or durability is not.
    ///
    /// # Errors
    /// A file operation failed, the directory belongs to another gateway, or what is there is not what was left there.
    pub fn open(dir: &Path, origin: &str, policy_digest: &[u8; 32], durability: Durability) -> Result<Self, LedgerError> {
        let pol = place::short(policy_digest);
        let (store, is_new) = place::open(dir, place::Terms::unwatched(origin, &pol, durability))?;
        Self::start(store, pol, durability, is_new)
    }

    /// Opens the ledger of the gateway of this policy, and keeps the counts that its quotas and flows need.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open_for(dir: &Path, policy: &'static Policy) -> Result<Self, LedgerError> {
        Prepared::new(dir, policy, place::NO_PROFILES)?.open()?.begin()
    }

    /// Opens the ledger that is in `dir`, whichever gateway's it is, to add an entry of the operator's (a revocation, an issue). It is
    /// never created. `policy_digest` is that of the manifest, if the entry rests on one.
    ///
    /// # Errors
    /// As [`Ledger::open`], or there is no ledger.
    pub fn join(dir: &Path, policy_digest: Option<&[u8; 32]>) -> Result<Self, LedgerError> {
        let pol = policy_digest.map(place::short).unwrap_or_default();
        let (store, durability) = place::join(dir, &pol)?;
        Self::start(store, pol, durability, false)
    }

    /// Makes a ledger with a seal in `dir`, where there is none yet. The seed is kept nowhere: whoever has it can later prove that nothing
    /// before was changed or cut off, so it belongs where the gateway never comes.
    ///
    /// # Errors
    /// As [`Ledger::open`], or there is a ledger.
    pub fn init(
        dir: &Path,
        origin: &str,
        policy_digest: &[u8; 32],
        durability: Durability,
        seed: &seal::Seed,
    ) -> Result<Pin, LedgerError> {
        let pol = place::short(policy_digest);
        let store = place::init(dir, place::Terms::unwatched(origin, &pol, durability), seed)?;
        Ok(store.pin())
    }

    /// Name of the gateway, as line 0 says.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The revocation epoch as last seen: leases are issued with it, and those of an earlier one are refused.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.shared.epoch()
    }

    fn start(store: Store, pol: String, durability: Durability, is_new: bool) -> Result<Self, LedgerError> {
        let (pin, origin, kept, folder) = (store.pin(), store.origin.clone(), store.keeps.kept, store.folder.clone());
        let shared = Arc::new(Shared::new(store));
        let (asks, inbox) = channel();
        let syncs_idle = match durability {
            Durability::Power | Durability::Effect => true,
            Durability::Process => false,
        };
        let theirs = Arc::clone(&shared);
        let thread = airlock_core::thread::begin("ledger", move || writer::run(&theirs, &inbox, syncs_idle));
        let thread = thread.map_err(|e| LedgerError::Io(format!("cannot start the ledger's thread: {e}")))?;
        Ok(Self {
            shared,
            asks,
            thread: Mutex::new(Some(thread)),
            pol,
            origin,
            durability,
            pin,
            is_new,
            kept,
            salts: salts::Salts::default(),
            folder,
        })
    }

    /// The log's public key. It proves something only to those who keep it elsewhere.
    #[must_use]
    pub const fn key(&self) -> &VerifyingKey {
        &self.pin.key
    }

    /// What the operator should keep elsewhere: the log key and the first epoch key.
    #[must_use]
    pub const fn pin(&self) -> Pin {
        self.pin
    }

    /// Its directory, as it is read by this process.
    #[must_use]
    pub const fn folder(&self) -> &Folder {
        &self.folder
    }

    /// True when `open` found or made a ledger without entries: the time to tell the operator the key. The process that created it
    /// may have been a client's probe, whose stderr nobody reads.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    /// How far the allow of such an effect must have come before the effect is performed.
    #[must_use]
    pub const fn sync_for(&self, effect: EffectClass) -> Sync {
        match (self.durability, effect) {
            (Durability::Power, EffectClass::Read | EffectClass::Write | EffectClass::Send)
            | (Durability::Effect, EffectClass::Write | EffectClass::Send) => Sync::Durable,
            (Durability::Effect, EffectClass::Read)
            | (Durability::Process, EffectClass::Read | EffectClass::Write | EffectClass::Send) => Sync::Written,
        }
    }

    /// Appends an entry. Await the ticket, or call its `wait`.
    pub fn record(&self, entry: &Entry<'_>, sync: Sync) -> Ticket {
        self.record_if(entry, sync, Vec::new())
    }

    /// Appends an entry if these conditions hold at that moment, for all processes that share the ledger; otherwise the answer
    /// is [`LedgerError::Unmet`] and nothing is written.
    pub fn record_if(&self, entry: &Entry<'_>, sync: Sync, require: Vec<Require>) -> Ticket {
        let (ticket, reply) = ticket::ticket();
        if let Some(error) = self.shared.failed() {
            reply.send(Err(error));
            return ticket;
        }
        let salt = match self.salts.take() {
            Ok(salt) => salt,
            Err(error) => {
                reply.send(Err(self.shared.fail(error)));
                return ticket;
            }
        };
        self.ask(Pending { sealed: Some(entry.seal_with(&self.pol, salt, &self.kept)), require }, sync, reply);
        ticket
    }

    /// Do these conditions hold at this moment, for all processes that share the ledger? Nothing is written for it.
    ///
    /// # Errors
    /// One does not hold ([`LedgerError::Unmet`]), or the ledger has failed.
    pub async fn test(&self, require: Vec<Require>) -> Result<(), LedgerError> {
        if let Some(error) = self.shared.failed() {
            return Err(error);
        }
        let (ticket, reply) = ticket::ticket();
        self.ask(Pending { sealed: None, require }, Sync::Written, reply);
        // The number is that of no entry.
        let _: Recorded = ticket.await?;
        Ok(())
    }

    fn ask(&self, pending: Pending, sync: Sync, reply: ticket::Reply) {
        if sync == Sync::Written
            && let Some((answer, is_due)) = self.shared.append_here(&pending)
        {
            if is_due {
                let _ = self.asks.send(Ask::Look);
            }
            return reply.send(answer);
        }
        if self.shared.begin() >= QUEUE_MAX {
            self.shared.end(1);
            return reply.send(Err(LedgerError::Busy));
        }
        // Where the thread is gone, the question is dropped with its reply, which answers `Stopped`.
        let _ = self.asks.send(Ask::Record(pending, sync, reply));
    }

    /// Records that a call is allowed, if these conditions hold, nothing is killed and the clock does not stand behind the ledger, as durably as its
    /// effect demands. The only source of what an effect takes.
    ///
    /// # Errors
    /// Any [`LedgerError`]; nothing may be performed then.
    pub async fn allow(
        &self,
        decision: Decision<'_>,
        effect: EffectClass,
        require: Vec<Require>,
    ) -> Result<Allowed, LedgerError> {
        self.made(&Decision { allow: true, through: false, ..decision }, effect, require).await
    }

    /// Records that a refused call is made all the same, if these conditions hold, nothing is killed and the clock does not stand behind the
    /// ledger, as durably as its effect demands.
    ///
    /// # Errors
    /// Any [`LedgerError`]; nothing may be performed then.
    pub async fn let_through(
        &self,
        decision: Decision<'_>,
        effect: EffectClass,
        require: Vec<Require>,
    ) -> Result<Allowed, LedgerError> {
        self.made(&Decision { allow: false, through: true, ..decision }, effect, require).await
    }

    /// Records a call that will be made.
    async fn made(&self, decision: &Decision<'_>, effect: EffectClass, require: Vec<Require>) -> Result<Allowed, LedgerError> {
        let require = [Require::NotKilled, Require::Clock].into_iter().chain(require).collect();
        let recorded = self.record_if(&Entry::Decision(decision.clone()), self.sync_for(effect), require).await?;
        Ok(Allowed { seq: recorded.seq() })
    }

    /// Records that an open question is accepted, if it still waits for an answer, these conditions hold, nothing is killed and the clock does
    /// not stand behind the ledger.
    /// The only source of an [`Accepted`]; no question gives a second one.
    ///
    /// # Errors
    /// Any [`LedgerError`]; nothing is approved then.
    pub async fn accept(&self, approve: Approve<'_>, require: Vec<Require>) -> Result<Accepted, LedgerError> {
        let question = approve.question.to_owned();
        let waits = Require::Waits { question: question.clone(), how: approve.how };
        let require = [Require::NotKilled, Require::Clock, waits].into_iter().chain(require).collect();
        let entry = Entry::Approve(Approve { verdict: Verdict::Accepted, ..approve });
        // The allow that this leads to is appended behind it and waits for the disk where its effect demands that.
        let _: Recorded = self.record_if(&entry, Sync::Written, require).await?;
        Ok(Accepted { question })
    }

    /// Time of the newest entry as last seen; a clock far behind it was set back. Waits for nobody, so entries of other processes
    /// may be missing: [`Require::Clock`] is the exact test.
    ///
    /// # Errors
    /// The ledger has failed.
    pub fn newest_ts(&self) -> Result<Micros, LedgerError> {
        self.shared.failed().map_or_else(|| Ok(self.shared.newest()), Err)
    }

    /// Records what is queued, syncs, signs a checkpoint and ends the writer. A second call does nothing.
    ///
    /// # Errors
    /// What failed on the way, or earlier; or it took longer than ten seconds.
    pub fn shutdown(&self) -> Result<(), LedgerError> {
        self.shutdown_within(SHUTDOWN_MAX)
    }

    fn shutdown_within(&self, time: Duration) -> Result<(), LedgerError> {
        let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() else { return Ok(()) };
        let (ticket, reply) = ticket::ticket();
        // Nothing goes past a writer that is to end; it is never done with this.
        self.shared.begin();
        // If the thread is gone, the reply is dropped and answers.
        let _ = self.asks.send(Ask::Stop(reply));
        let Some(ended) = ticket.wait_within(time) else {
            // The thread is left to the end of the process; what it wrote, the next start takes up.
            return Err(LedgerError::Io(format!(
                "the ledger did not end within {time:?}: another process holds it, or the disk hangs"
            )));
        };
        // A panic of the thread shows as a ticket answered `Stopped`. One that stays has nothing more to do.
        if !airlock_core::thread::stays() {
            let _ = thread.join();
        }
        match self.shared.failed() {
            Some(error) => Err(error),
            None => ended.map(drop),
        }
    }
}

/// The directory of a ledger, made ready; what lies in it has not been read yet.
#[derive(Debug)]
pub struct Prepared {
    dir: PathBuf,
    head: head::Head,
    policy: &'static Policy,
    pol: String,
    profiles: Profiles,
}

impl Prepared {
    /// Makes the directory for the gateway of this policy, if it is not there yet.
    ///
    /// # Errors
    /// A file operation failed, or others may write there.
    pub fn new(dir: &Path, policy: &'static Policy, profiles: Profiles) -> Result<Self, LedgerError> {
        let pol = place::short(&policy.digest);
        let head = place::prepare(dir, Self::terms(policy, &pol, profiles))?;
        Ok(Self { dir: dir.to_owned(), head, policy, pol, profiles })
    }

    /// Opens the ledger in it. Nothing outside the directory is touched from here on.
    ///
    /// # Errors
    /// As [`Ledger::open`].
    pub fn open(self) -> Result<Opened, LedgerError> {
        let (store, is_new) = place::open_prepared(&self.dir, self.head, Self::terms(self.policy, &self.pol, self.profiles))?;
        Ok(Opened { store, pol: self.pol, durability: self.policy.ledger.durability, is_new })
    }

    const fn terms<'a>(policy: &'static Policy, pol: &'a str, profiles: Profiles) -> place::Terms<'a> {
        let terms = place::Terms::unwatched(policy.gateway, pol, policy.ledger.durability);
        place::Terms { watch: Some(policy), profiles, ..terms }
    }
}

/// A ledger that is open, before its thread is there.
#[derive(Debug)]
pub struct Opened {
    store: Store,
    pol: String,
    durability: Durability,
    is_new: bool,
}

impl Opened {
    /// From here on this clerk does what is done in the directory by a name.
    ///
    /// # Errors
    /// The directory cannot be opened.
    #[cfg(any(test, feature = "gateway"))]
    pub fn with(mut self, clerk: Arc<dyn folder::Clerk>) -> Result<Self, LedgerError> {
        self.store.folder = self.store.folder.with(clerk).map_err(|e| LedgerError::io("open", &self.store.dir, e))?;
        Ok(self)
    }

    /// Begins to write.
    ///
    /// # Errors
    /// The system starts no thread.
    pub fn begin(self) -> Result<Ledger, LedgerError> {
        Ledger::start(self.store, self.pol, self.durability, self.is_new)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        // Whoever cares about the result calls `shutdown`.
        let _ = self.shutdown();
    }
}

/// Proof that an allow, or in shadow mode a refusal that is let through, stands in the ledger, as durably as its effect demands. Only
/// [`Ledger::allow`] and [`Ledger::let_through`] make one, and it has no `Clone`: an effect takes it by value, so one record pays for one
/// effect.
#[derive(Debug)]
#[must_use = "an effect takes this value; dropping it means the entry was recorded for nothing"]
pub struct Allowed {
    seq: u64,
}

impl Allowed {
    /// Number of the entry.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }
}

/// Proof that the user's yes to one question stands in the ledger. Only [`Ledger::accept`] makes one, and it has no `Clone`.
#[derive(Debug)]
#[must_use = "an approval that is dropped was asked for nothing"]
pub struct Accepted {
    question: String,
}

impl Accepted {
    /// Id of the question.
    #[must_use]
    pub fn question(&self) -> &str {
        &self.question
    }
}

#[cfg(test)]
pub(crate) mod tests;
