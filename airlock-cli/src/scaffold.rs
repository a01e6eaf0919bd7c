//! The crate that a gateway is compiled from.

use crate::render::Failure;
use std::fs;
use std::path::{Path, PathBuf};

const CRATE_MANIFEST: &str = include_str!("../carried/templates/gateway/manifest.toml");
const CRATE_MAIN: &str = include_str!("../carried/templates/gateway/main.rs");

/// What a generated crate is made from.
#[derive(Debug)]
pub(crate) struct Crate<'a> {
    /// Directory of the crate.
    pub(crate) dir: PathBuf,
    /// Root of Airlock's own sources.
    pub(crate) source: &'a Path,
    /// Text of the manifest.
    pub(crate) manifest: &'a str,
    /// Policy digest, 64 hex digits.
    pub(crate) digest: &'a str,
    /// Features of the runtime.
    pub(crate) features: &'a [&'static str],
}

impl Crate<'_> {
    /// Writes the crate: `Cargo.toml`, `Cargo.lock`, `airlock.toml`, `src/main.rs`. Files that are as they should be stay as they
    /// are; others are replaced whole, because another `airlock build` of the same manifest may read them now.
    ///
    /// # Errors
    /// A file operation failed, or the path of the sources is not UTF-8.
    pub(crate) fn write(&self) -> Result<PathBuf, Failure> {
        let cannot = |e: std::io::Error| Failure::new(format_args!("cannot write to the cache {}: {e}", self.dir.display()));
        let lock = self.source.join("Cargo.lock");
        let lock = fs::read(&lock).map_err(|e| Failure::new(format_args!("cannot read {}: {e}", lock.display())))?;
        fs::create_dir_all(self.dir.join("src")).map_err(cannot)?;
        let cargo_toml = self.cargo_toml()?;
        let files: [(&str, &[u8]); 4] = [
            ("Cargo.toml", cargo_toml.as_bytes()),
            ("Cargo.lock", &lock),
            ("airlock.toml", self.manifest.as_bytes()),
            ("src/main.rs", CRATE_MAIN.as_bytes()),
        ];
        for (name, bytes) in files {
            replace(&self.dir.join(name), bytes).map_err(cannot)?;
        }
        Ok(self.dir.join("Cargo.toml"))
    }

    fn cargo_toml(&self) -> Result<String, Failure> {
        let quoted = |name: &str| {
            let path = self.source.join(name);
            let path =
                path.to_str().ok_or_else(|| Failure::new(format_args!("{} is not UTF-8, which cargo needs", path.display())))?;
            Ok(toml_edit::Value::from(path).to_string())
        };
        let features: toml_edit::Array = self.features.iter().copied().collect();
        Ok(CRATE_MANIFEST
            .replace("{digest16}", self.digest.get(..16).unwrap_or(self.digest))
            .replace("{features}", &features.to_string())
            .replace("{macros}", &quoted("airlock-macros")?)
            .replace("{runtime}", &quoted("airlock-runtime")?))
    }
}

fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path)).inspect_err(|_| drop(fs::remove_file(&temporary)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generated_crate_names_digest_features_and_odd_paths() {
        let written = Crate {
            dir: PathBuf::new(),
            source: Path::new("/a \"b\"\\c"),
            manifest: "",
            digest: &"0123456789abcdef".repeat(4),
            features: &["gateway", "http"],
        };
        let text = written.cargo_toml().expect("text");
        let document: toml_edit::DocumentMut = text.parse().expect("TOML");
        assert_eq!(document["package"]["version"].as_str(), Some("0.0.0+m.0123456789abcdef"));
        assert_eq!(document["dependencies"]["airlock-runtime"]["path"].as_str(), Some("/a \"b\"\\c/airlock-runtime"));
        assert_eq!(document["dependencies"]["airlock-runtime"]["features"].as_array().map(toml_edit::Array::len), Some(2));
    }
}
