//! Key files: text, one key per line, readable by their owner alone.
//!
//! ```text
//! # made by `airlock key new`
//! airlock-issuer-key-v1 kid=k1 key=<43 characters of base64url>
//! airlock-audience-key-v1 kid=k1 aud=weather key=<43 characters of base64url>
//! ```
//! The one module of [`crate::lease`] that touches the file system. No message contains key bytes.

use super::{AudienceKey, KeyFault, KeyRing, hex};
use crate::policy;
use base64ct::{Base64UrlUnpadded, Encoding};
use rustix::fs::{FileType, Mode, OFlags};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use zeroize::{Zeroize, Zeroizing};

/// Largest key file in bytes: hundreds of keys.
pub const KEY_FILE_MAX: usize = 64 * 1024;

/// First word of an issuer key line.
const ISSUER: &str = "airlock-issuer-key-v1";
/// First word of an audience key line.
const AUDIENCE: &str = "airlock-audience-key-v1";

/// A key as it stands in a file.
#[derive(Debug)]
pub enum FileKey {
    /// For making audience keys; never for a gateway.
    #[cfg(feature = "mint")]
    Issuer(super::IssuerKey),
    /// For one gateway.
    Audience(AudienceKey),
}

/// Why a key file is refused. The text says which file, what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFileFault {
    path: PathBuf,
    problem: String,
}

impl std::fmt::Display for KeyFileFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "key file {}: {}", self.path.display(), self.problem)
    }
}

impl std::error::Error for KeyFileFault {}

/// The key ring of a gateway: the keys of the file whose id the policy accepts.
///
/// # Errors
/// [`KeyFileFault`] if the file may be read by others, has an issuer key, a key of another audience, a key that does not match its
/// commitment, or no accepted key at all.
pub fn read_ring(path: &Path, audience: &str, accept: &[policy::Key]) -> Result<KeyRing, KeyFileFault> {
    let fault = |problem: String| KeyFileFault { path: path.to_owned(), problem };
    let mut keys = Vec::new();
    for key in read_lines(path, audience_line)? {
        let Some(rule) = accept.iter().find(|rule| rule.kid == key.kid()) else { continue };
        if key.audience() != audience {
            return Err(fault(format!(
                "key {} is for the gateway {:?}, this one is {audience:?}; derive the right one with `airlock key derive`",
                key.kid(),
                key.audience()
            )));
        }
        if let Some(commitment) = rule.commitment
            && commitment != key.commitment()
        {
            return Err(fault(format!(
                "key {} is not the one that the manifest pins (commitment {}, expected {})",
                key.kid(),
                key.commitment_hex(),
                hex(&commitment)
            )));
        }
        keys.push(key);
    }
    KeyRing::new(keys).map_err(|problem| match problem {
        KeyFault::Empty => {
            let ids: Vec<&str> = accept.iter().map(|rule| rule.kid).collect();
            fault(format!("it has none of the keys that this gateway accepts ({})", ids.join(", ")))
        }
        KeyFault::Kid | KeyFault::Audience | KeyFault::DuplicateKid(_) | KeyFault::Random => fault(problem.to_string()),
    })
}

/// All keys of a file, of both kinds.
///
/// # Errors
/// [`KeyFileFault`].
#[cfg(feature = "mint")]
pub fn read_keys(path: &Path) -> Result<Vec<FileKey>, KeyFileFault> {
    let keys = read_lines(path, |words| match words.first() {
        Some(&ISSUER) => issuer_line(words).map(FileKey::Issuer),
        _ => audience_line(words).map(FileKey::Audience),
    })?;
    if keys.is_empty() {
        return Err(KeyFileFault { path: path.to_owned(), problem: "it has no key".into() });
    }
    Ok(keys)
}

/// Reads a file and turns each line that is not empty and not a comment into a key.
fn read_lines<K>(path: &Path, line_to_key: impl Fn(&[&str]) -> Result<K, String>) -> Result<Vec<K>, KeyFileFault> {
    let fault = |problem: String| KeyFileFault { path: path.to_owned(), problem };
    let text = read_private(path).map_err(fault)?;
    let text = std::str::from_utf8(&text).map_err(|_| fault("it is not a text file".into()))?;
    let mut keys = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        if words.first().is_some_and(|word| !word.starts_with('#')) {
            keys.push(line_to_key(&words).map_err(|problem| fault(format!("line {number}: {problem}")))?);
        }
    }
    Ok(keys)
}

/// Opens without following a symbolic link, checks owner and mode of what was opened, and reads it.
fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    // Without NONBLOCK, opening a named pipe would wait for a writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::LOOP => "it is a symbolic link; name the file itself".to_owned(),
        other => format!("cannot open it: {}", std::io::Error::from(other)),
    })?;
    let stat = rustix::fs::fstat(&file).map_err(|error| format!("cannot look at it: {}", std::io::Error::from(error)))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err("it is not a regular file".into());
    }
    let me = rustix::process::geteuid().as_raw();
    if stat.st_uid != me && stat.st_uid != 0 {
        return Err(format!("it belongs to user {}, not to user {me} or root; whoever owns it can replace the key", stat.st_uid));
    }
    if stat.st_mode & 0o077 != 0 {
        return Err(format!(
            "others may use it (mode {:04o}); make it private: chmod 600 {}",
            stat.st_mode & 0o7777,
            path.display()
        ));
    }
    // One allocation, so that no copy of the bytes stays behind in freed memory.
    let mut bytes = Zeroizing::new(vec![0; KEY_FILE_MAX + 1]);
    let mut file = File::from(file);
    let mut length = 0;
    loop {
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(format!("cannot read it: {error}")),
        }
    }
    if length > KEY_FILE_MAX {
        return Err(format!("it is larger than {KEY_FILE_MAX} bytes"));
    }
    bytes.truncate(length);
    Ok(bytes)
}

fn audience_line(words: &[&str]) -> Result<AudienceKey, String> {
    let [AUDIENCE, kid, aud, key] = words else {
        return Err(match words.first() {
            Some(&ISSUER) => {
                "this is an issuer key, which can make leases for every gateway; give a gateway its own key, made by `airlock key derive`"
                    .into()
            }
            _ => format!("expected `{AUDIENCE} kid=… aud=… key=…`"),
        });
    };
    let mut bytes = key_bytes(key)?;
    let made = AudienceKey::new(value(kid, "kid=")?, value(aud, "aud=")?, *bytes).map_err(|fault| fault.to_string());
    bytes.zeroize();
    made
}

#[cfg(feature = "mint")]
fn issuer_line(words: &[&str]) -> Result<super::IssuerKey, String> {
    let [ISSUER, kid, key] = words else { return Err(format!("expected `{ISSUER} kid=… key=…`")) };
    let bytes = key_bytes(key)?;
    super::IssuerKey::new(value(kid, "kid=")?, *bytes).map_err(|fault| fault.to_string())
}

/// The value of `name=value`. The word itself is not repeated: it may be a misplaced key.
fn value<'a>(word: &'a str, prefix: &str) -> Result<&'a str, String> {
    word.strip_prefix(prefix).ok_or_else(|| format!("expected `{prefix}…` here"))
}

fn key_bytes(word: &str) -> Result<Zeroizing<[u8; 32]>, String> {
    let mut bytes = Zeroizing::new([0; 32]);
    let whole = Base64UrlUnpadded::decode(value(word, "key=")?, &mut *bytes).is_ok_and(|read| read.len() == 32);
    if whole { Ok(bytes) } else { Err("the key is not the base64url of 32 bytes (43 characters)".into()) }
}

/// Writes a new issuer key file, mode 0600, and syncs it. An existing file is never overwritten.
///
/// # Errors
/// [`KeyFileFault`].
#[cfg(feature = "mint")]
pub fn write_issuer(path: &Path, key: &super::IssuerKey) -> Result<(), KeyFileFault> {
    write_new(path, &format!("{ISSUER} kid={}", key.kid()), key.bytes())
}

/// Writes a new audience key file, mode 0600, and syncs it. An existing file is never overwritten.
///
/// # Errors
/// [`KeyFileFault`].
pub fn write_audience(path: &Path, key: &AudienceKey) -> Result<(), KeyFileFault> {
    write_new(path, &format!("{AUDIENCE} kid={} aud={}", key.kid(), key.audience()), key.bytes())
}

fn write_new(path: &Path, start: &str, key: &[u8; 32]) -> Result<(), KeyFileFault> {
    let fault = |problem: String| KeyFileFault { path: path.to_owned(), problem };
    let mut encoded = Zeroizing::new([0; 43]);
    let encoded = Base64UrlUnpadded::encode(key, &mut *encoded).map_err(|error| fault(error.to_string()))?;
    let mut line = Zeroizing::new(String::with_capacity(start.len() + encoded.len() + 6));
    for part in [start, " key=", encoded, "\n"] {
        line.push_str(part);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| {
        fault(match error.kind() {
            std::io::ErrorKind::AlreadyExists => "it exists already, and a key is never overwritten; choose another name".into(),
            _ => format!("cannot create it: {error}"),
        })
    })?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    file.write_all(line.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| File::open(directory)?.sync_all())
        .map_err(|error| fault(format!("cannot write it: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const ACCEPT: &[policy::Key] = &[policy::Key { kid: "k1", commitment: None }];

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (dir, path)
    }

    fn refusal(text: &str, mode: u32) -> String {
        let (_dir, path) = file(text, mode);
        let message = read_ring(&path, "weather", ACCEPT).unwrap_err().to_string();
        assert!(!message.contains(KEY) && !message.contains("AAECAwQ"), "{message}");
        message.replace(&path.display().to_string(), "FILE")
    }

    fn line(kid: &str, aud: &str) -> String {
        format!("{AUDIENCE} kid={kid} aud={aud} key={KEY}\n")
    }

    #[test]
    fn written_keys_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let key = AudienceKey::new("k1", "weather", [9; 32]).unwrap();
        write_audience(&path, &key).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        let ring = read_ring(&path, "weather", ACCEPT).unwrap();
        assert_eq!(ring.find("k1").unwrap().bytes(), &[9; 32]);
        assert!(write_audience(&path, &key).unwrap_err().to_string().contains("never overwritten"));
    }

    #[test]
    fn mode_link_and_kind_are_checked() {
        for mode in [0o640, 0o604, 0o610, 0o660, 0o602] {
            let expected = format!("key file FILE: others may use it (mode {mode:04o}); make it private: chmod 600 FILE");
            assert_eq!(refusal(&line("k1", "weather"), mode), expected);
        }
        let (dir, path) = file(&line("k1", "weather"), 0o400);
        assert!(read_ring(&path, "weather", ACCEPT).is_ok());
        let link = dir.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(
            read_ring(&link, "weather", ACCEPT).unwrap_err().to_string().ends_with("it is a symbolic link; name the file itself")
        );
        assert!(read_ring(dir.path(), "weather", ACCEPT).unwrap_err().to_string().ends_with("it is not a regular file"));
        assert!(
            read_ring(&dir.path().join("none"), "weather", ACCEPT).unwrap_err().to_string().contains("cannot open it: No such")
        );
    }

    #[test]
    fn contents_are_checked() {
        for (text, end) in [
            (String::new(), "it has none of the keys that this gateway accepts (k1)"),
            (line("k2", "weather"), "it has none of the keys that this gateway accepts (k1)"),
            (line("k1", "files"), "derive the right one with `airlock key derive`"),
            (line("k1", "weather").repeat(2), "two keys have the id k1; give each key its own id"),
            (format!("{ISSUER} kid=k1 key={KEY}"), "made by `airlock key derive`"),
            (format!("{AUDIENCE} kid=k1 aud=weather {KEY}"), "line 1: expected `key=…` here"),
            (
                format!("# c\n\n{AUDIENCE} kid=k1 aud=weather key={KEY}A"),
                "line 3: the key is not the base64url of 32 bytes (43 characters)",
            ),
            (format!("{AUDIENCE} kid=k1 aud=weather key={KEY} x"), "expected `airlock-audience-key-v1 kid=… aud=… key=…`"),
            (format!("{AUDIENCE} kid=K1 aud=weather key={KEY}"), "a key id must be 1 to 16 characters of a-z, 0-9 and -"),
            (KEY.to_owned(), "line 1: expected `airlock-audience-key-v1 kid=… aud=… key=…`"),
            ("#".repeat(KEY_FILE_MAX + 1), "it is larger than 65536 bytes"),
        ] {
            let message = refusal(&text, 0o600);
            assert!(message.ends_with(end), "{message}");
        }
        assert_eq!(KEY_FILE_MAX, 65536);
        let (_dir, path) = file(&"#".repeat(KEY_FILE_MAX), 0o600);
        assert!(read_ring(&path, "weather", ACCEPT).unwrap_err().to_string().contains("none of the keys"));
    }

    #[test]
    fn a_wrong_key_refuses_to_start() {
        let (_dir, path) = file(&line("k1", "weather"), 0o600);
        let right = read_ring(&path, "weather", ACCEPT).unwrap().find("k1").unwrap().commitment();
        let pin = |commitment| [policy::Key { kid: "k1", commitment: Some(commitment) }];
        assert!(read_ring(&path, "weather", &pin(right)).is_ok());
        let message = read_ring(&path, "weather", &pin([0; 8])).unwrap_err().to_string();
        assert!(message.contains("is not the one that the manifest pins"), "{message}");
    }
}
