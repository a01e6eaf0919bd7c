//! Key files: text, one key per line, readable by their owner alone.
//!
//! ```text
//! # made by `airlock key new`
//! airlock-issuer-key-v1 kid=k1 key=<43 characters of base64url>
//! airlock-audience-key-v1 kid=k1 aud=weather key=<43 characters of base64url>
//! airlock-approver-key-v1 name=alice key=<43 characters of base64url>
//! ```
//! Each line may end with the dates of a rotation, all or none: `sign_from=2026-11-26T08:00:00Z sign_until=… verify_until=…`.
//! No message contains key bytes.

use super::keysource::KeySource;
use super::term::{date, parse_date};
use super::{AudienceKey, KeyFault, KeyRing, Term, hex};
use crate::policy;
use base64ct::{Base64UrlUnpadded, Encoding};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zeroize::Zeroizing;

/// First word of an issuer key line.
const ISSUER: &str = "airlock-issuer-key-v1";
/// First word of an audience key line.
const AUDIENCE: &str = "airlock-audience-key-v1";

/// First word of the line of an approver's key.
#[cfg(feature = "explain")]
const APPROVER: &str = "airlock-approver-key-v1";

/// The private key of an approver, which signs and never comes near a gateway.
#[cfg(feature = "explain")]
pub struct SigningSeed {
    name: String,
    bytes: Zeroizing<[u8; 32]>,
}

#[cfg(feature = "explain")]
impl SigningSeed {
    /// A new key from the system's random source.
    ///
    /// # Errors
    /// The name is none, or the random source failed.
    pub fn generate(name: &str) -> Result<Self, String> {
        let mut seed = Self::new(name, Zeroizing::new([0; 32]))?;
        getrandom::fill(&mut *seed.bytes).map_err(|_| KeyFault::Random.to_string())?;
        Ok(seed)
    }

    fn new(name: &str, bytes: Zeroizing<[u8; 32]>) -> Result<Self, String> {
        let is_name =
            (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        match is_name {
            true => Ok(Self { name: name.to_owned(), bytes }),
            false => Err("the name of an approver is 1 to 32 characters of a-z, 0-9 and -".into()),
        }
    }

    /// Name of the approver.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The seed of an Ed25519 key.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

#[cfg(feature = "explain")]
impl std::fmt::Debug for SigningSeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningSeed {{ name: {:?}, .. }}", self.name)
    }
}

/// A key as it stands in a file.
#[derive(Debug)]
pub enum FileKey {
    /// For making audience keys; never for a gateway.
    #[cfg(feature = "mint")]
    Issuer(super::IssuerKey),
    /// For one gateway.
    Audience(AudienceKey),
}

#[cfg(feature = "mint")]
impl FileKey {
    /// The key, if it is that of a gateway.
    #[must_use]
    pub const fn audience(&self) -> Option<&AudienceKey> {
        match self {
            Self::Issuer(_) => None,
            Self::Audience(key) => Some(key),
        }
    }
}

/// Why a key file is refused. The text says which file, what is wrong and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFileFault {
    source: KeySource,
    problem: String,
}

impl std::fmt::Display for KeyFileFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.source, self.problem)
    }
}

impl std::error::Error for KeyFileFault {}

/// The key ring of a gateway: the keys of the source whose id the policy accepts.
///
/// # Errors
/// [`KeyFileFault`] if others may read it, or it has an issuer key, a key of another audience, a key that does not match its
/// commitment, or no accepted key at all.
pub fn read_ring(source: &KeySource, audience: &str, accept: &[policy::Key]) -> Result<KeyRing, KeyFileFault> {
    let fault = |problem: String| KeyFileFault { source: source.clone(), problem };
    let mut keys = Vec::new();
    for key in read_lines(source, audience_line)? {
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
        KeyFault::Kid | KeyFault::Audience | KeyFault::DuplicateKid(_) | KeyFault::Random | KeyFault::Memory => {
            fault(problem.to_string())
        }
    })
}

/// All keys of a file, of both kinds.
///
/// # Errors
/// [`KeyFileFault`].
#[cfg(feature = "mint")]
pub fn read_keys(path: &Path) -> Result<Vec<FileKey>, KeyFileFault> {
    let source = KeySource::File(path.to_owned());
    let keys = read_lines(&source, |words| match words.first() {
        Some(&ISSUER) => issuer_line(words).map(FileKey::Issuer),
        _ => audience_line(words).map(FileKey::Audience),
    })?;
    if keys.is_empty() {
        return Err(KeyFileFault { source, problem: "it has no key".into() });
    }
    Ok(keys)
}

/// The key of an approver.
///
/// # Errors
/// [`KeyFileFault`], also for a file with another number of keys than one.
#[cfg(feature = "explain")]
pub fn read_approver(path: &Path) -> Result<SigningSeed, KeyFileFault> {
    let source = KeySource::File(path.to_owned());
    let mut keys = read_lines(&source, |words| {
        let [APPROVER, name, key] = words else {
            return Err(format!("expected `{APPROVER} name=… key=…`, as `airlock approver new` writes it"));
        };
        SigningSeed::new(value(name, "name=")?, key_bytes(key)?)
    })?;
    match (keys.pop(), keys.is_empty()) {
        (Some(seed), true) => Ok(seed),
        (_, _) => Err(KeyFileFault { source, problem: "it must have the key of one approver".into() }),
    }
}

/// Writes a new file with the key of an approver, mode 0600, and syncs it. An existing file is never overwritten.
///
/// # Errors
/// [`KeyFileFault`].
#[cfg(feature = "explain")]
pub fn write_approver(path: &Path, seed: &SigningSeed) -> Result<(), KeyFileFault> {
    let mut text = Text::default();
    text.line(&format!("{APPROVER} name={}", seed.name()), seed.bytes(), &Term::ALWAYS);
    write_new(path, &text)
}

/// Reads a file and turns each line that is not empty and not a comment into a key.
fn read_lines<K>(source: &KeySource, line_to_key: impl Fn(&[&str]) -> Result<K, String>) -> Result<Vec<K>, KeyFileFault> {
    let fault = |problem: String| KeyFileFault { source: source.clone(), problem };
    let text = source.read().map_err(fault)?;
    let keys = read_text(&text, line_to_key, fault);
    // Bytes of keys were decoded and moved on the stack.
    super::locked::scrub();
    keys
}

#[inline(never)]
fn read_text<K>(
    text: &[u8],
    line_to_key: impl Fn(&[&str]) -> Result<K, String>,
    fault: impl Fn(String) -> KeyFileFault,
) -> Result<Vec<K>, KeyFileFault> {
    let text = std::str::from_utf8(text).map_err(|_| fault("it is not a text file".into()))?;
    let mut keys = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        if words.first().is_some_and(|word| !word.starts_with('#')) {
            keys.push(line_to_key(&words).map_err(|problem| fault(format!("line {number}: {problem}")))?);
        }
    }
    Ok(keys)
}

fn audience_line(words: &[&str]) -> Result<AudienceKey, String> {
    let [AUDIENCE, kid, aud, key, dates @ ..] = words else {
        return Err(match words.first() {
            Some(&ISSUER) => {
                "this is an issuer key, which can make leases for every gateway; give a gateway its own key, made by `airlock key derive`"
                    .into()
            }
            _ => format!("expected `{AUDIENCE} kid=… aud=… key=…`, and dates or nothing behind it"),
        });
    };
    let bytes = key_bytes(key)?;
    let made = AudienceKey::of(value(kid, "kid=")?, value(aud, "aud=")?, &bytes).map_err(|fault| fault.to_string())?;
    Ok(made.with_term(term(dates)?))
}

#[cfg(feature = "mint")]
fn issuer_line(words: &[&str]) -> Result<super::IssuerKey, String> {
    let [ISSUER, kid, key, dates @ ..] = words else {
        return Err(format!("expected `{ISSUER} kid=… key=…`, and dates or nothing behind it"));
    };
    let bytes = key_bytes(key)?;
    let made = super::IssuerKey::of(value(kid, "kid=")?, &bytes).map_err(|fault| fault.to_string())?;
    Ok(made.with_term(term(dates)?))
}

/// The dates of a key, all three or none.
fn term(words: &[&str]) -> Result<Term, String> {
    const FORM: &str = "behind the key stand all of `sign_from=… sign_until=… verify_until=…` or nothing, with dates such as \
                        2026-11-26T08:00:00Z, each later than the one before";
    if words.is_empty() {
        return Ok(Term::ALWAYS);
    }
    let [from, until, verify] = words else { return Err(FORM.into()) };
    let at = |word: &str, prefix| {
        word.strip_prefix(prefix).and_then(|date| if date == "ever" { Some(u64::MAX) } else { parse_date(date) })
    };
    match (at(from, "sign_from="), at(until, "sign_until="), at(verify, "verify_until=")) {
        (Some(sign_from), Some(sign_until), Some(verify_until)) => {
            Some(Term { sign_from, sign_until, verify_until }).filter(Term::is_ordered).ok_or_else(|| FORM.into())
        }
        (_, _, _) => Err(FORM.into()),
    }
}

/// The dates as they stand behind a key; nothing for a key without.
fn dates(term: &Term) -> String {
    if *term == Term::ALWAYS {
        return String::new();
    }
    let date = |at| if at == u64::MAX { "ever".to_owned() } else { date(at) };
    format!(" sign_from={} sign_until={} verify_until={}", date(term.sign_from), date(term.sign_until), date(term.verify_until))
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
    let mut text = Text::default();
    text.line(&format!("{ISSUER} kid={}", key.kid()), key.bytes(), key.term());
    write_new(path, &text)
}

/// Writes a new file with audience keys, mode 0600, and syncs it. An existing file is never overwritten.
///
/// # Errors
/// [`KeyFileFault`].
pub fn write_audience(path: &Path, keys: &[&AudienceKey]) -> Result<(), KeyFileFault> {
    let mut text = Text::default();
    for key in keys {
        text.line(&format!("{AUDIENCE} kid={} aud={}", key.kid(), key.audience()), key.bytes(), key.term());
    }
    write_new(path, &text)
}

/// Puts other issuer keys into an existing file: the new text is on disk before it takes the old one's place, so that no crash
/// leaves half a file. Comments are not kept.
///
/// # Errors
/// [`KeyFileFault`]; the old file is there unchanged.
#[cfg(feature = "mint")]
pub fn replace_issuers(path: &Path, keys: &[super::IssuerKey]) -> Result<(), KeyFileFault> {
    let mut text = Text::default();
    for key in keys {
        text.line(&format!("{ISSUER} kid={}", key.kid()), key.bytes(), key.term());
    }
    let draft = path.with_added_extension("new");
    write_new(&draft, &text)?;
    let fault = |error: std::io::Error| KeyFileFault {
        source: KeySource::File(path.to_owned()),
        problem: format!("cannot replace it: {error}"),
    };
    std::fs::rename(&draft, path).and_then(|()| File::open(directory(path))?.sync_all()).map_err(fault)
}

/// Lines of a key file, wiped on drop.
#[derive(Default)]
struct Text(Zeroizing<String>);

impl Text {
    fn line(&mut self, start: &str, key: &[u8; 32], term: &Term) {
        let mut encoded = Zeroizing::new([0; 43]);
        // 32 bytes are exactly 43 characters.
        let encoded = Base64UrlUnpadded::encode(key, &mut *encoded).unwrap_or_default();
        let dates = dates(term);
        // A new allocation for each line, so that growing leaves no copy behind.
        let mut text = Zeroizing::new(String::with_capacity(self.0.len() + start.len() + encoded.len() + dates.len() + 6));
        for part in [&self.0, start, " key=", encoded, &dates, "\n"] {
            text.push_str(part);
        }
        self.0 = text;
    }
}

fn write_new(path: &Path, text: &Text) -> Result<(), KeyFileFault> {
    let fault = |problem: String| KeyFileFault { source: KeySource::File(path.to_owned()), problem };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|error| {
        fault(match error.kind() {
            std::io::ErrorKind::AlreadyExists => "it exists already, and a key is never overwritten; choose another name".into(),
            _ => format!("cannot create it: {error}"),
        })
    })?;
    file.write_all(text.0.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| File::open(directory(path))?.sync_all())
        .map_err(|error| fault(format!("cannot write it: {error}")))
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::super::keysource::KEY_FILE_MAX;
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::PathBuf;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    const ACCEPT: &[policy::Key] = &[policy::Key { kid: "k1", commitment: None }];

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (dir, path)
    }

    fn ring(path: &Path, audience: &str, accept: &[policy::Key]) -> Result<KeyRing, KeyFileFault> {
        read_ring(&KeySource::File(path.to_owned()), audience, accept)
    }

    fn refusal(text: &str, mode: u32) -> String {
        let (_dir, path) = file(text, mode);
        let message = ring(&path, "weather", ACCEPT).unwrap_err().to_string();
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
        write_audience(&path, &[&key]).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        let ring = ring(&path, "weather", ACCEPT).unwrap();
        assert_eq!(ring.find("k1").unwrap().bytes(), &[9; 32]);
        assert!(write_audience(&path, &[&key]).unwrap_err().to_string().contains("never overwritten"));
    }

    #[test]
    fn mode_link_and_kind_are_checked() {
        for mode in [0o640, 0o604, 0o610, 0o660, 0o602] {
            let expected = format!("key file FILE: others may use it (mode {mode:04o}); make it private: chmod 600 FILE");
            assert_eq!(refusal(&line("k1", "weather"), mode), expected);
        }
        let (dir, path) = file(&line("k1", "weather"), 0o400);
        assert!(ring(&path, "weather", ACCEPT).is_ok());
        let link = dir.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(ring(&link, "weather", ACCEPT).unwrap_err().to_string().ends_with("it is a symbolic link; name the file itself"));
        assert!(ring(dir.path(), "weather", ACCEPT).unwrap_err().to_string().ends_with("it is not a regular file"));
        assert!(ring(&dir.path().join("none"), "weather", ACCEPT).unwrap_err().to_string().contains("cannot open it: No such"));
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
            (format!("{AUDIENCE} kid=k1 aud=weather key={KEY} x"), "each later than the one before"),
            (format!("{AUDIENCE} kid=K1 aud=weather key={KEY}"), "a key id must be 1 to 16 characters of a-z, 0-9 and -"),
            (KEY.to_owned(), "key=…`, and dates or nothing behind it"),
            ("#".repeat(KEY_FILE_MAX + 1), "it is larger than 65536 bytes"),
        ] {
            let message = refusal(&text, 0o600);
            assert!(message.ends_with(end), "{message}");
        }
        assert_eq!(KEY_FILE_MAX, 65536);
        let (_dir, path) = file(&"#".repeat(KEY_FILE_MAX), 0o600);
        assert!(ring(&path, "weather", ACCEPT).unwrap_err().to_string().contains("none of the keys"));
    }

    #[test]
    fn a_wrong_key_refuses_to_start() {
        let (_dir, path) = file(&line("k1", "weather"), 0o600);
        let right = ring(&path, "weather", ACCEPT).unwrap().find("k1").unwrap().commitment();
        let pin = |commitment| [policy::Key { kid: "k1", commitment: Some(commitment) }];
        assert!(ring(&path, "weather", &pin(right)).is_ok());
        let message = ring(&path, "weather", &pin([0; 8])).unwrap_err().to_string();
        assert!(message.contains("is not the one that the manifest pins"), "{message}");
    }

    #[test]
    fn dates_come_back_and_are_checked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let term = |sign_from, sign_until, verify_until| Term { sign_from, sign_until, verify_until };
        let (old, new) = (term(0, 1_795_680_000, 1_795_681_830), term(1_795_680_000, u64::MAX, u64::MAX));
        let keys = [("k1", old), ("k2", new), ("k3", Term::ALWAYS)]
            .map(|(kid, term)| AudienceKey::new(kid, "w", [9; 32]).unwrap().with_term(term));
        write_audience(&path, &keys.each_ref()).unwrap();
        let accept = ["k1", "k2", "k3"].map(|kid| policy::Key { kid, commitment: None });
        let read = ring(&path, "w", &accept).unwrap();
        assert_eq!(read.keys().iter().map(|key| *key.term()).collect::<Vec<_>>(), [old, new, Term::ALWAYS]);
        let signer = |now| read.signer(now).map(AudienceKey::kid);
        assert_eq!((signer(1_795_679_999), signer(1_795_680_000)), (Some("k1"), Some("k2")), "the one that began last");
        for dates in [
            "sign_from=2026-11-26T08:00:00Z",
            "sign_from=2026-11-26T08:00:00Z sign_until=2026-11-26T08:00:00Z verify_until=ever",
            "sign_from=2026-11-26T08:00:00Z sign_until=2026-11-27T08:00:00Z verify_until=2026-11-27T07:59:59Z",
            "sign_until=ever sign_from=2026-11-26T08:00:00Z verify_until=ever",
            "sign_from=2026-11-26 sign_until=ever verify_until=ever",
            "sign_from=2026-11-26T08:00:00Z sign_until=ever verify_until=ever x",
        ] {
            let message = refusal(&format!("{} {dates}", line("k1", "weather").trim_end()), 0o600);
            assert!(message.ends_with("each later than the one before"), "{message}");
        }
    }

    #[cfg(feature = "mint")]
    #[test]
    fn issuer_keys_are_replaced_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("issuer.key");
        let key = |kid, byte| super::super::IssuerKey::new(kid, [byte; 32]).unwrap();
        write_issuer(&path, &key("k1", 1)).unwrap();
        replace_issuers(&path, &[key("k1", 1), key("k2", 2)]).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert_eq!(read_keys(&path).unwrap().len(), 2);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
        std::fs::write(dir.path().join("issuer.key.new"), "x").unwrap();
        assert!(replace_issuers(&path, &[key("k3", 3)]).is_err(), "another rotation is under way, or died");
        assert_eq!(read_keys(&path).unwrap().len(), 2);
    }
}
