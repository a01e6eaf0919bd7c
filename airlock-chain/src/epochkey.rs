//! The secrets of epoch keys: a file of two slots that are written in turn and erased in place.
//!
//! ```text
//! keys/epoch.key   two slots of 4,096 bytes, that of epoch e at e mod 2:
//!                  "alkepok1", be64(e), the secret (32), the first 8 bytes of SHA-256 over all that; or zeros
//! ```
//!
//! A secret is read for one signature and kept nowhere: a gateway that shares the ledger and sleeps has no old one in its memory.

use super::LedgerError;
use super::epoch::Epoch;
use super::files;
use super::place::{self, damaged, private, private_to_me};
use super::room;
use airlock_core::lease::locked::scrub;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Name of the file.
pub(super) const FILE: &str = "epoch.key";
/// Distance between the slots: a page each, so that one torn write cannot reach both.
const SLOT: usize = 4096;
const MAGIC: &[u8; 8] = b"alkepok1";
/// Magic, number, secret, check.
const LENGTH: usize = 8 + 8 + 32 + 8;

type Secret = Zeroizing<[u8; 32]>;

/// The open file. A confined gateway opens no such file, so it is open from the start on; several gateways write to the same one.
#[derive(Debug)]
pub(super) struct Keys {
    dir: PathBuf,
    file: File,
    path: PathBuf,
}

/// A frame of its own, so that what it leaves lies below the caller.
#[inline(never)]
fn signed(secret: &Secret, message: &[u8]) -> Signature {
    SigningKey::from_bytes(secret).sign(message)
}

fn public(secret: &Secret) -> VerifyingKey {
    let key = SigningKey::from_bytes(secret).verifying_key();
    scrub();
    key
}

const fn place_of(number: u64) -> u64 {
    (number % 2) * SLOT as u64
}

impl Keys {
    /// Makes the file, with the key of epoch 0; a start that died before line 0 has left one.
    pub(super) fn create(dir: &Path) -> Result<(Self, VerifyingKey), LedgerError> {
        let keys = Self::open_or(dir, true)?;
        if let Some(secret) = keys.read(0)? {
            return Ok((keys, public(&secret)));
        }
        let key = keys.put_fresh(0)?;
        place::sync_dir(&dir.join(files::KEYS))?;
        Ok((keys, key))
    }

    /// Opens the file.
    pub(super) fn open(dir: &Path) -> Result<Self, LedgerError> {
        Self::open_or(dir, false)
    }

    fn open_or(dir: &Path, create: bool) -> Result<Self, LedgerError> {
        let path = dir.join(files::KEYS).join(FILE);
        let file = match private().read().write().create_if(create).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(damaged(dir, "keys/epoch.key is missing")),
            Err(error) => return Err(LedgerError::io("open", &path, error)),
        };
        private_to_me(&path, &file.metadata().map_err(|e| LedgerError::io("look at", &path, e))?, 0o077)?;
        Ok(Self { dir: dir.to_owned(), file, path })
    }

    /// Is the secret of this epoch there?
    pub(super) fn check(&self, epoch: &Epoch) -> Result<(), LedgerError> {
        self.secret(epoch).map(drop)
    }

    /// Signs with the key of an epoch.
    pub(super) fn sign(&self, epoch: &Epoch, message: &[u8]) -> Result<Signature, LedgerError> {
        let secret = self.secret(epoch)?;
        let signature = signed(&secret, message);
        scrub();
        Ok(signature)
    }

    /// Makes a key for an epoch, beside that of the one before. One that a roll left which did not come to its end is written over: no
    /// line names it.
    pub(super) fn put_fresh(&self, number: u64) -> Result<VerifyingKey, LedgerError> {
        let mut secret: Secret = Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut()).map_err(|e| LedgerError::Io(format!("the system gives no random bytes: {e}")))?;
        self.write_at(encode(number, &secret).as_slice(), place_of(number))?;
        self.sync()?;
        Ok(public(&secret))
    }

    /// Overwrites the secret of the epoch before this one.
    pub(super) fn erase_before(&self, number: u64) -> Result<(), LedgerError> {
        let Some(before) = number.checked_sub(1) else { return Ok(()) };
        let bytes = self.bytes(before)?;
        let is_later = decode(bytes.as_slice()).is_some_and(|(there, _)| there >= number);
        if is_later || bytes.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        self.write_at(&[0; LENGTH], place_of(before))?;
        self.sync()
    }

    /// The slot of an epoch, whatever is in it; zeros where the file ends.
    fn bytes(&self, number: u64) -> Result<Zeroizing<[u8; LENGTH]>, LedgerError> {
        let mut bytes = Zeroizing::new([0; LENGTH]);
        let mut filled = 0;
        while filled < LENGTH {
            match self.file.read_at(&mut bytes[filled..], place_of(number) + filled as u64) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(LedgerError::io("read", &self.path, error)),
            }
        }
        Ok(bytes)
    }

    fn read(&self, number: u64) -> Result<Option<Secret>, LedgerError> {
        Ok(decode(self.bytes(number)?.as_slice()).filter(|(there, _)| *there == number).map(|(_, secret)| secret))
    }

    fn secret(&self, epoch: &Epoch) -> Result<Secret, LedgerError> {
        self.read(epoch.number)?.filter(|secret| public(secret) == epoch.key).ok_or_else(|| {
            damaged(&self.dir, &format!("keys/epoch.key has not the key of epoch {}, which the ledger names", epoch.number))
        })
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> Result<(), LedgerError> {
        let written = self.file.write_all_at(bytes, at);
        written.map_err(|e| if room::is_full(&e) { room::full(&self.dir, &e) } else { LedgerError::io("write", &self.path, e) })
    }

    fn sync(&self) -> Result<(), LedgerError> {
        self.file.sync_data().map_err(|error| LedgerError::io("sync", &self.path, error))
    }
}

fn encode(number: u64, secret: &Secret) -> Zeroizing<[u8; LENGTH]> {
    let mut out = Zeroizing::new([0; LENGTH]);
    out[..8].copy_from_slice(MAGIC);
    out[8..16].copy_from_slice(&number.to_be_bytes());
    out[16..48].copy_from_slice(secret.as_ref());
    let check = Sha256::digest(&out[..48]);
    out[48..].copy_from_slice(&check[..8]);
    out
}

fn decode(bytes: &[u8]) -> Option<(u64, Secret)> {
    let (body, check) = bytes.split_at_checked(LENGTH - 8)?;
    let (number, secret) = body.strip_prefix(MAGIC)?.split_first_chunk::<8>()?;
    let secret = Zeroizing::new(secret.try_into().ok()?);
    (Sha256::digest(body)[..8] == *check).then_some((u64::from_be_bytes(*number), secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use airlock_core::clock::Micros;
    use std::os::unix::fs::PermissionsExt;

    fn dir() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(files::KEYS)).unwrap();
        dir
    }

    fn epoch(number: u64, key: VerifyingKey) -> Epoch {
        Epoch { number, key, since: 1, began: Micros(0) }
    }

    #[test]
    fn a_key_signs_until_it_is_erased_and_no_byte_of_it_is_left() {
        let dir = dir();
        let (keys, first) = Keys::create(dir.path()).unwrap();
        let first = epoch(0, first);
        assert_eq!(Keys::create(dir.path()).unwrap().1, first.key, "a start that died left it");
        let path = dir.path().join("keys/epoch.key");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let old = std::fs::read(&path).unwrap()[16..48].to_vec();
        let unused = keys.put_fresh(1).unwrap();
        let second = epoch(1, keys.put_fresh(1).unwrap());
        assert_ne!(unused, second.key, "one that no line names is written over");
        for epoch in [&first, &second] {
            let signature = keys.sign(epoch, b"text").unwrap();
            assert!(epoch.key.verify_strict(b"text", &signature).is_ok());
        }
        keys.erase_before(0).unwrap();
        keys.check(&first).unwrap();
        keys.erase_before(1).unwrap();
        assert!(keys.sign(&first, b"text").unwrap_err().to_string().contains("has not the key of epoch 0"));
        keys.check(&second).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(32).any(|window| window == old), "the secret is overwritten in place");
        // A slot of a later epoch is not one of an earlier.
        let third = epoch(2, keys.put_fresh(2).unwrap());
        keys.erase_before(1).unwrap();
        keys.check(&third).unwrap();
    }

    #[test]
    fn a_key_that_is_spoilt_missing_or_open_to_others_is_refused() {
        let dir = dir();
        let first = epoch(0, Keys::create(dir.path()).unwrap().1);
        let path = dir.path().join("keys/epoch.key");
        let good = std::fs::read(&path).unwrap();
        let check = || Keys::open(dir.path()).and_then(|keys| keys.check(&first));
        for at in 0..LENGTH {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&path, bad).unwrap();
            assert!(check().is_err(), "byte {at}");
        }
        std::fs::write(&path, &good[..20]).unwrap();
        assert!(check().is_err());
        std::fs::write(&path, &good).unwrap();
        check().unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(check().unwrap_err().to_string().contains("open to others"));
        std::fs::remove_file(&path).unwrap();
        assert!(check().unwrap_err().to_string().contains("epoch.key is missing"));
    }
}
