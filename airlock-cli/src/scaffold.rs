//! Every text that Airlock writes into other people's directories: generated crates and new projects.

use crate::render::Failure;
use std::fs;
use std::io::Write;
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

/// A project that `airlock new` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Template {
    /// Hourly weather forecasts and a generic JSON fetch, leases by an operator.
    Weather,
    /// One tool that fetches JSON from named hosts.
    Http,
    /// No network at all: the tools that read the gateway's own ledger.
    Audit,
}

impl Template {
    /// The manifest of a gateway with this name.
    pub(crate) fn manifest(self, name: &str) -> String {
        let text = match self {
            Self::Weather => include_str!("../carried/templates/new/weather.toml"),
            Self::Http => include_str!("../carried/templates/new/http.toml"),
            Self::Audit => include_str!("../carried/templates/new/audit.toml"),
        };
        text.replace("{name}", name)
    }
}

/// Writes a project into `dir` (made when absent) and gives the paths of its files.
///
/// # Errors
/// One of the files exists (then none is written), or a file operation failed.
pub(crate) fn project(dir: &Path, name: &str, template: Template) -> Result<Vec<PathBuf>, Failure> {
    let files = [
        ("airlock.toml", template.manifest(name)),
        ("README.md", include_str!("../carried/templates/new/README.md").replace("{name}", name)),
        (".gitignore", include_str!("../carried/templates/new/gitignore").replace("{name}", name)),
    ];
    let paths: Vec<PathBuf> = files.iter().map(|(file, _)| dir.join(file)).collect();
    if let Some(taken) = paths.iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(
            Failure::new(format_args!("{} exists; nothing was written", taken.display())).help("choose another directory")
        );
    }
    fs::create_dir_all(dir).map_err(|e| Failure::new(format_args!("cannot make the directory {}: {e}", dir.display())))?;
    for (path, (_, text)) in paths.iter().zip(&files) {
        // `create_new`, because the file may have appeared since the look above.
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|e| Failure::new(format_args!("cannot write {}: {e}", path.display())))?;
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_template_passes_the_check_without_warnings() {
        for template in Template::value_variants() {
            let text = template.manifest("gate-1");
            let checked = airlock_policy::compile(&text, "airlock.toml");
            assert_eq!(checked.render(false), "");
            assert_eq!(checked.compiled().expect("compiled").policy().gateway.name, "gate-1");
        }
    }

    #[test]
    fn a_project_never_replaces_a_file() {
        let dir = tempfile::tempdir().expect("directory");
        fs::write(dir.path().join("README.md"), "mine").expect("written");
        assert!(project(dir.path(), "gate", Template::Audit).is_err());
        assert_eq!(fs::read_dir(dir.path()).expect("listing").count(), 1, "nothing else was written");
        assert_eq!(fs::read(dir.path().join("README.md")).expect("read"), b"mine");
    }

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
