//! Where one gateway lives: a temporary directory with its key and its ledger.

use crate::process::Gateway;
use airlock_runtime::clock::Micros;
use airlock_runtime::lease::{AudienceKey, RootClaims, fresh_jti, intent_hash, keyfile, mint};
use serde_json::Value;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Bytes of every test key. They are searched for in all output, so they are nothing that occurs by chance.
pub const KEY_BYTES: [u8; 32] = *b"\x8f\x01key-of-the-tests\xfe\xdc\xba\x98\x76\x54\x32\x10\x0f\x1e\x2d\x3c\x4b\x5a";
/// Session that [`Place::claims`] names.
pub const SESSION: &str = "s-1";
/// Intent that [`Place::claims`] names.
pub const INTENT: &str = "look at the weather";

/// A directory with `key` and `ledger/`; removed when dropped.
#[derive(Debug)]
pub struct Place {
    dir: TempDir,
    audience: String,
}

impl Place {
    /// A place for the gateway of this name, with its key `k1`.
    pub fn new(audience: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let place = Self { dir, audience: audience.to_owned() };
        keyfile::write_audience(&place.key_file(), &[&place.key()]).expect("a key file");
        place
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The key file.
    pub fn key_file(&self) -> PathBuf {
        self.dir.path().join("key")
    }

    /// The ledger's directory.
    pub fn ledger(&self) -> PathBuf {
        self.dir.path().join("ledger")
    }

    /// The gateway's key.
    pub fn key(&self) -> AudienceKey {
        AudienceKey::new("k1", &self.audience, KEY_BYTES).expect("a key")
    }

    /// The command that starts a gateway here.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env("AIRLOCK_KEY_FILE", self.key_file()).env("AIRLOCK_LEDGER_DIR", self.ledger()).current_dir(self.dir.path());
        command
    }

    /// Starts a gateway here.
    pub fn start(&self, program: &Path) -> Gateway {
        Gateway::start(self.command(program))
    }

    /// Starts a gateway here whose files cannot grow beyond `blocks` of 512 bytes. A write across the limit takes a part of the
    /// bytes, as on a full disk; a write that begins behind it kills the process at that very place. The room that a start sets aside is
    /// there already, as from an earlier one.
    pub fn start_limited(&self, program: &Path, blocks: u32) -> Gateway {
        self.set_room_aside();
        let mut command = self.command(Path::new("sh"));
        command.args(["-c", &format!("ulimit -f {blocks} && exec \"$0\"")]).arg(program);
        Gateway::start(command)
    }

    /// Sets aside what the start of a gateway sets aside, for one that may not write a file of that size.
    pub fn set_room_aside(&self) {
        let ledger = self.ledger();
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&ledger).expect("a directory");
        if !ledger.join("reserve").exists() {
            std::fs::write(ledger.join("reserve"), vec![0xff; 1024 * 1024]).expect("a file");
        }
    }

    /// Claims that fit the grant of `agent:planner` in the tests' manifests.
    pub fn claims(&self, tools: &[&str]) -> RootClaims {
        let now = Micros::now().seconds();
        RootClaims {
            sub: "agent:planner".into(),
            sid: SESSION.into(),
            ih: intent_hash(INTENT).expect("an intent"),
            tools: tools.iter().map(|&tool| tool.into()).collect(),
            dom: vec!["api.open-meteo.com".into()],
            risk: 600,
            uses: 10_000,
            dep: 3,
            ep: 0,
            iat: now,
            nbf: now,
            exp: now + 600,
        }
    }

    /// The lease of these claims, signed with this place's key.
    pub fn mint(&self, claims: &RootClaims) -> String {
        mint(&self.key(), claims, fresh_jti().expect("random bytes")).expect("a lease")
    }

    /// A lease for tools.
    pub fn lease(&self, tools: &[&str]) -> String {
        self.mint(&self.claims(tools))
    }

    /// All lines of the ledger as JSON; empty while there is none. Half a line at the end is not there yet.
    pub fn entries(&self) -> Vec<Value> {
        let Ok(segments) = airlock_runtime::ledger::segments(&self.ledger()) else { return Vec::new() };
        let whole = |text: String| text.rfind('\n').map(|end| text[..end].to_owned()).unwrap_or_default();
        let texts = segments.iter().map(|segment| whole(std::fs::read_to_string(&segment.path).expect("a segment")));
        texts.flat_map(|text| text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<_>>()).collect()
    }

    /// The entries of a type (`decision`, `outcome`, …) in their order.
    pub fn entries_of(&self, kind: &str) -> Vec<Value> {
        self.entries().into_iter().filter(|entry| entry["t"] == kind).collect()
    }
}
