//! Everything that must stand before the demo begins: a directory, a manifest, keys, a gateway.

use crate::gateway::{self, Gateway, Options, Said, Target};
use crate::manifest::Accepted;
use crate::render::Failure;
use crate::standin::StandIn;
use airlock_runtime::lease::IssuerKey;
use airlock_runtime::lease::keyfile::{write_audience, write_issuer};
use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use toml_edit::{DocumentMut, value};

/// The manifest of the example.
const MANIFEST: &str = include_str!("../../carried/examples/weather.toml");
/// Where a checkout has it.
pub(crate) const MANIFEST_PATH: &str = "examples/weather/airlock.toml";
/// Port of the stand-in if it is free. It stands in the manifest, so with the same port the gateway is compiled only once.
const PORT: u16 = 47_611;
/// Requests that the stand-in answers at most; the demo makes two.
const REQUESTS_MAX: usize = 16;

/// The files of one demo and what keeps them alive.
#[derive(Debug)]
pub(crate) struct Stage {
    dir: TempDir,
    stand_in: Option<StandIn>,
    /// The manifest that the gateway is built from.
    pub(crate) accepted: Accepted,
}

impl Stage {
    /// Makes the directory, the manifest and the keys; starts the stand-in unless the demo is online.
    ///
    /// # Errors
    /// A file operation failed, there is no loopback, or no random bytes.
    pub(crate) fn set(online: bool) -> Result<Self, Failure> {
        let cannot = |e: std::io::Error| {
            Failure::new(format_args!("cannot make a directory for the demo in {}: {e}", std::env::temp_dir().display()))
                .help("set TMPDIR to a directory where you may write")
        };
        let dir = tempfile::Builder::new()
            .prefix("airlock-demo-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()
            .map_err(cannot)?;
        let stand_in = match online {
            true => None,
            false => Some(
                StandIn::start(PORT, REQUESTS_MAX)
                    .map_err(|e| Failure::new(format_args!("cannot listen on a port of this machine: {e}")))?,
            ),
        };
        let text = manifest(stand_in.as_ref().map(StandIn::port))?;
        std::fs::write(dir.path().join("airlock.toml"), &text).map_err(cannot)?;
        let accepted = accept(text)?;
        let stage = Self { dir, stand_in, accepted };
        let issuer = IssuerKey::generate("k1").map_err(Failure::new)?;
        let audience = issuer.derive(&stage.accepted.compiled.policy().gateway.name).map_err(Failure::new)?;
        write_issuer(&stage.path("issuer.key"), &issuer).map_err(Failure::new)?;
        write_audience(&stage.gateway_key(), &[&audience]).map_err(Failure::new)?;
        Ok(stage)
    }

    /// Builds the gateway as `airlock build` does.
    ///
    /// # Errors
    /// As [`gateway::build`].
    pub(crate) fn build(&self, options: &Options) -> Result<Gateway, Failure> {
        gateway::build(&self.accepted, Target::File(self.path("weather")), Said::Manifest, options)
    }

    /// File of the gateway's own key.
    pub(crate) fn gateway_key(&self) -> PathBuf {
        self.path("weather.key")
    }

    /// Directory of the ledger; the gateway makes it.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.path("ledger")
    }

    /// A path in the demo's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Whether answers come from the stand-in.
    pub(crate) const fn is_offline(&self) -> bool {
        self.stand_in.is_some()
    }

    /// Leaves the directory where it is and gives its path.
    pub(crate) fn keep(self) -> PathBuf {
        self.dir.keep()
    }
}

/// The example's manifest; with a port, every egress entry goes to the stand-in there and nothing else changes.
fn manifest(port: Option<u16>) -> Result<String, Failure> {
    let Some(port) = port else { return Ok(MANIFEST.to_owned()) };
    let mut document: DocumentMut = MANIFEST.parse().map_err(Failure::new)?;
    let entries = document.get_mut("egress").and_then(|item| item.as_array_of_tables_mut());
    for entry in entries.into_iter().flat_map(|entries| entries.iter_mut()) {
        entry.insert("stand_in", value(format!("127.0.0.1:{port}")));
    }
    Ok(document.to_string())
}

/// Checks the manifest. Warnings are not shown: the one about the stand-in is told in the account.
fn accept(text: String) -> Result<Accepted, Failure> {
    let checked = airlock_policy::compile(&text, MANIFEST_PATH);
    let rendered = checked.render(false);
    match checked.into_compiled() {
        Some(compiled) => Ok(Accepted { compiled, text, name: "airlock.toml".to_owned(), files: BTreeMap::new() }),
        None => Err(Failure::new(format_args!("the example's manifest has errors\n\n{rendered}"))),
    }
}

/// Lines of the manifest that a reviewer reads: neither blank nor comment.
pub(crate) fn reviewed_lines() -> usize {
    MANIFEST.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).count()
}

/// Where the example's manifest is, if this program's sources are still there.
pub(crate) fn checkout() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.join(MANIFEST_PATH);
    path.is_file().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_stand_in_is_added() {
        let lines = manifest(Some(5)).unwrap();
        let (added, kept): (Vec<_>, Vec<_>) = lines.lines().partition(|line| line.starts_with("stand_in"));
        assert_eq!(added, ["stand_in = \"127.0.0.1:5\""; 2]);
        assert_eq!(kept, MANIFEST.lines().collect::<Vec<_>>());
        assert_eq!(manifest(None).unwrap(), MANIFEST);
    }

    #[test]
    fn the_directory_is_private_and_goes_away() {
        let stage = Stage::set(false).unwrap();
        let dir = stage.dir.path().to_owned();
        assert_eq!(dir.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        let policy = stage.accepted.compiled.policy();
        let port = stage.stand_in.as_ref().map(StandIn::port);
        assert!(policy.tools.iter().flat_map(|tool| &tool.egress).all(|egress| egress.stand_in == port));
        drop(stage);
        assert!(!dir.exists());
        let online = Stage::set(true).unwrap();
        assert!(online.accepted.compiled.policy().tools.iter().flat_map(|tool| &tool.egress).all(|e| e.stand_in.is_none()));
        let dir = online.keep();
        assert!(dir.join("weather.key").is_file());
        std::fs::remove_dir_all(dir).unwrap();
    }
}
