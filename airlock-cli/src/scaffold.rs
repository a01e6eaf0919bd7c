//! Every text that Airlock writes into other people's directories: generated crates and new projects.

use crate::render::Failure;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const CRATE_MANIFEST: &str = include_str!("../carried/templates/gateway/manifest.toml");
const CRATE_MAIN: &str = include_str!("../carried/templates/gateway/main.rs");

/// What a generated crate is made from.
#[derive(Debug)]
pub(crate) struct Crate<'a> {
    /// Directory of the crate.
    pub(crate) dir: PathBuf,
    /// Airlock's own crates, unpacked, in the same cache.
    pub(crate) sources: &'a Path,
    /// Name under which they appear in the crate's directory. Cargo makes symbol names from paths relative to it, so the place of the
    /// cache is not in the gateway.
    pub(crate) own: &'a str,
    /// Their lockfile.
    pub(crate) lock: &'a [u8],
    /// Text of the manifest.
    pub(crate) manifest: &'a str,
    /// Digest of all that tells this gateway from others, 64 hex digits.
    pub(crate) unit: &'a str,
    /// Features of the runtime.
    pub(crate) features: &'a [&'a str],
}

impl Crate<'_> {
    /// Writes the crate and gives the path of its `Cargo.toml`. Files that are as they should be stay as they are; others are replaced
    /// whole, because another `airlock build` of the same manifest may read them now.
    ///
    /// # Errors
    /// A file operation failed.
    pub(crate) fn write(&self) -> Result<PathBuf, Failure> {
        let cannot = |e: std::io::Error| {
            Failure::new(format_args!("cannot write to the cache {}: {e}", self.dir.display()))
                .help("name another cache with `--cache-dir`")
        };
        fs::create_dir_all(self.dir.join("src")).map_err(cannot)?;
        let cargo_toml = self.cargo_toml();
        let files: [(&str, &[u8]); 4] = [
            ("Cargo.toml", cargo_toml.as_bytes()),
            ("Cargo.lock", self.lock),
            ("airlock.toml", self.manifest.as_bytes()),
            ("src/main.rs", CRATE_MAIN.as_bytes()),
        ];
        for (name, bytes) in files {
            replace(&self.dir.join(name), bytes).map_err(cannot)?;
        }
        link(self.sources, &self.dir.join(self.own)).map_err(cannot)?;
        Ok(self.dir.join("Cargo.toml"))
    }

    fn cargo_toml(&self) -> String {
        let features: toml_edit::Array = self.features.iter().copied().collect();
        CRATE_MANIFEST
            .replace("{unit16}", self.unit.get(..16).unwrap_or(self.unit))
            .replace("{features}", &features.to_string())
            .replace("{own}", self.own)
    }
}

/// Makes `at` a link to `to`, whatever was there; another process may do the same.
///
/// # Errors
/// A file operation failed.
pub(crate) fn link(to: &Path, at: &Path) -> std::io::Result<()> {
    if fs::read_link(at).is_ok_and(|found| found == to) {
        return Ok(());
    }
    let new = at.with_extension(format!("{}.new", std::process::id()));
    symlink(to, &new).and_then(|()| fs::rename(&new, at)).inspect_err(|_| drop(fs::remove_file(&new)))
}

/// Gives a file this content, whole.
///
/// # Errors
/// A file operation failed.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
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
    fn the_generated_crate_names_unit_and_features() {
        let dir = tempfile::tempdir().expect("directory");
        let written = Crate {
            dir: dir.path().join("ws"),
            sources: dir.path(),
            own: "airlock-00",
            lock: b"",
            manifest: "",
            unit: &"0123456789abcdef".repeat(4),
            features: &["gateway", "http"],
        };
        let path = written.write().expect("written");
        let document: toml_edit::DocumentMut = fs::read_to_string(&path).expect("read").parse().expect("TOML");
        assert_eq!(document["package"]["version"].as_str(), Some("0.0.0+m.0123456789abcdef"));
        assert_eq!(document["dependencies"]["airlock-runtime"]["path"].as_str(), Some("airlock-00/airlock-runtime"));
        assert_eq!(document["dependencies"]["airlock-runtime"]["features"].as_array().map(toml_edit::Array::len), Some(2));
        assert_eq!(written.write().expect("again"), path);
        assert_eq!(fs::read_link(path.with_file_name("airlock-00")).expect("a link"), dir.path());
    }
}
