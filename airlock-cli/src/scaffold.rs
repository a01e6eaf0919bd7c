//! The crate that a gateway is compiled from.

use crate::render::Failure;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const CRATE_MANIFEST: &str = include_str!("../carried/templates/gateway/manifest.toml");
const CRATE_MAIN: &str = include_str!("../carried/templates/gateway/main.rs");
const LINKER_SCRIPT: &str = include_str!("../carried/templates/gateway/link.ld");
/// What a static gateway's libraries name and never run, and what of it only those run that look up host names.
const STATIC_SCRIPT: &str = include_str!("../carried/templates/gateway/static.ld");
const NAMELESS_SCRIPT: &str = include_str!("../carried/templates/gateway/nameless.ld");
/// Parts of the runtime that look up host names: of tools, and of foreign servers whose network is a list of hosts.
const LOOK_UP_NAMES: [&str; 2] = ["http", "upstream"];
/// Name of the linker's script in the generated crate, which is the linker's current directory.
pub(crate) const LINKER_SCRIPT_NAME: &str = "link.ld";

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
    /// What it is to become.
    pub(crate) content: Content<'a>,
    /// Digest of all that tells this gateway from others, 64 hex digits.
    pub(crate) unit: &'a str,
    /// Features of the runtime.
    pub(crate) features: &'a [&'a str],
    /// Whether functions of the C library are replaced by others.
    pub(crate) replaces: bool,
}

/// What is compiled into a gateway. Nothing where only its crates are of interest.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Content<'a> {
    /// The policy as JSON, see [`airlock_policy::handover`].
    pub(crate) policy: &'a str,
    /// Text of the manifest, for a note.
    pub(crate) manifest: &'a str,
    /// The files that it names as one JSON object of path and text, for a note.
    pub(crate) definitions: Option<&'a str>,
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
        let (cargo_toml, script) = (self.cargo_toml(), self.script());
        let Content { policy, manifest, definitions } = self.content;
        let files: [(&str, &[u8]); 6] = [
            ("Cargo.toml", cargo_toml.as_bytes()),
            ("Cargo.lock", self.lock),
            ("policy/policy.json", policy.as_bytes()),
            ("policy/airlock.toml", manifest.as_bytes()),
            ("src/main.rs", CRATE_MAIN.as_bytes()),
            (LINKER_SCRIPT_NAME, script.as_bytes()),
        ];
        fs::create_dir_all(self.dir.join("policy")).map_err(cannot)?;
        let definitions = definitions.map(|text| ("policy/definitions.json", text.as_bytes()));
        for (name, bytes) in files.into_iter().chain(definitions) {
            replace(&self.dir.join(name), bytes).map_err(cannot)?;
        }
        link(self.sources, &self.dir.join(self.own)).map_err(cannot)?;
        Ok(self.dir.join("Cargo.toml"))
    }

    fn script(&self) -> String {
        let looks_up = self.features.iter().any(|feature| LOOK_UP_NAMES.contains(feature));
        let parts = [(true, LINKER_SCRIPT), (self.replaces, STATIC_SCRIPT), (self.replaces && !looks_up, NAMELESS_SCRIPT)];
        parts.into_iter().filter_map(|(wanted, part)| wanted.then_some(part)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generated_crate_names_unit_and_features() {
        let dir = tempfile::tempdir().expect("directory");
        let written = Crate {
            dir: dir.path().join("ws"),
            sources: dir.path(),
            own: "airlock-00",
            lock: b"",
            content: Content { policy: "{}", manifest: "", definitions: Some("{}") },
            unit: &"0123456789abcdef".repeat(4),
            features: &["gateway", "http"],
            replaces: false,
        };
        let path = written.write().expect("written");
        let document: toml_edit::DocumentMut = fs::read_to_string(&path).expect("read").parse().expect("TOML");
        assert_eq!(document["package"]["version"].as_str(), Some("0.0.0+m.0123456789abcdef"));
        assert_eq!(document["dependencies"]["airlock-runtime"]["path"].as_str(), Some("airlock-00/airlock-runtime"));
        assert_eq!(document["dependencies"]["airlock-runtime"]["features"].as_array().map(toml_edit::Array::len), Some(2));
        assert_eq!(fs::read_to_string(path.with_file_name("policy/definitions.json")).expect("read"), "{}");
        let packages = document["profile"]["release"]["package"].as_table_like().expect("a table");
        assert_eq!(
            document["dependencies"]["airlock-macros"]["default-features"].as_bool(),
            Some(false),
            "no checker is compiled"
        );
        assert!(!packages.contains_key("*"), "it would optimise macros and build scripts, which is most of a first build");
        assert_eq!(written.write().expect("again"), path);
        assert_eq!(fs::read_link(path.with_file_name("airlock-00")).expect("a link"), dir.path());
    }

    #[test]
    fn the_resolver_is_replaced_only_where_no_name_is_looked_up() {
        let script = |features: &[&str], replaces| {
            let content = Content::default();
            let made =
                Crate { dir: PathBuf::new(), sources: Path::new(""), own: "", lock: b"", content, unit: "", features, replaces };
            let script = made.script();
            (script.contains("/DISCARD/"), script.contains("\ndlsym = "), script.contains("\ngetaddrinfo = "))
        };
        assert_eq!(script(&["gateway"], false), (true, false, false), "linked dynamically, or another C library");
        assert_eq!(script(&["gateway", "issue"], true), (true, true, true));
        for feature in LOOK_UP_NAMES {
            assert_eq!(script(&["gateway", feature], true), (true, true, false), "{feature}");
        }
    }
}
