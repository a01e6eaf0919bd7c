//! `airlock import`.

mod draft;
mod translate;

use crate::args::Format;
use crate::render::{Failure, Outcome, note, say};
use airlock_runtime::lease::IssuerKey;
use airlock_runtime::lease::keyfile::write_issuer;
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Largest configuration read, in bytes: the original's are a few hundred.
const CONFIG_MAX: u64 = 1024 * 1024;

/// Turn the original MCP Airlock's JSON configuration into a manifest and a new key file.
///
/// Everything that is carried, changed or left out is listed on stderr. The old `secret_key` is never used: a new issuer key is
/// made, and every lease signed with the old one ends with it. Existing files are never overwritten.
#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    /// The JSON configuration
    config: PathBuf,
    /// Where the manifest is written
    #[arg(long, value_name = "FILE", default_value = "airlock.toml")]
    out_manifest: PathBuf,
    /// Where the new issuer key is written (mode 0600)
    #[arg(long, value_name = "FILE", default_value = "issuer.key")]
    out_key: PathBuf,
    /// Name of the gateway
    #[arg(long, default_value = "gateway")]
    name: String,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Import {
    pub(crate) fn run(self) -> Outcome {
        let config = read(&self.config)?;
        let import = translate::translate(&config, &self.name).map_err(|problem| {
            Failure::no(format_args!("{}: {problem}", self.config.display()))
                .help("nothing was written; docs/import.md has the form")
        })?;
        for path in [&self.out_manifest, &self.out_key] {
            if fs::symlink_metadata(path).is_ok() {
                let failure = Failure::new(format_args!("{} exists already and is never overwritten", path.display()));
                return Err(failure.help("name another file with --out-manifest or --out-key; nothing was written"));
            }
        }
        let key = IssuerKey::generate(draft::KID).map_err(Failure::new)?;
        write_new(&self.out_manifest, &import.manifest)?;
        write_issuer(&self.out_key, &key).map_err(|fault| {
            // Only the manifest that this run made is taken back.
            let _ = fs::remove_file(&self.out_manifest);
            Failure::new(fault)
        })?;
        match self.format {
            Format::Json => say(json!({
                "gateway": self.name, "manifest": self.out_manifest, "key": self.out_key, "kid": draft::KID,
                "report": import.report.lines().collect::<Vec<_>>(),
            })),
            Format::Table => {
                note(import.report);
                say(self.out_manifest.display());
                say(self.out_key.display());
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let cannot = |problem: &dyn std::fmt::Display| Failure::new(format_args!("cannot read {}: {problem}", path.display()));
    let file = fs::File::open(path).map_err(|error| cannot(&error))?;
    let mut text = String::new();
    file.take(CONFIG_MAX + 1).read_to_string(&mut text).map_err(|error| cannot(&error))?;
    match text.len() as u64 > CONFIG_MAX {
        true => Err(cannot(&format_args!("it is larger than {CONFIG_MAX} bytes"))),
        false => Ok(text),
    }
}

fn write_new(path: &Path, text: &str) -> Result<(), Failure> {
    let written = OpenOptions::new().write(true).create_new(true).open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| Failure::new(format_args!("cannot write {}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn import(dir: &Path, config: &str) -> (Import, PathBuf) {
        let path = dir.join("old.json");
        fs::write(&path, config).unwrap();
        let out = |name| dir.join(name);
        (
            Import {
                config: path,
                out_manifest: out("airlock.toml"),
                out_key: out("issuer.key"),
                name: "gateway".into(),
                format: Format::Table,
            },
            out("issuer.key"),
        )
    }

    const CONFIG: &str = r#"{"secret_key": "hunter2", "tools": {"weather_hourly": {}}}"#;

    #[test]
    fn the_key_is_new_private_and_unlike_the_old_one() {
        use std::os::unix::fs::PermissionsExt;
        let mut keys = Vec::new();
        for _ in 0..2 {
            let dir = tempfile::tempdir().unwrap();
            let (verb, key) = import(dir.path(), CONFIG);
            verb.run().unwrap();
            assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
            let text = fs::read_to_string(&key).unwrap();
            assert!(text.starts_with("airlock-issuer-key-v1 kid=k1 key="), "{text}");
            assert!(!fs::read_to_string(dir.path().join("airlock.toml")).unwrap().contains("hunter2"));
            keys.push(text);
        }
        assert_ne!(keys[0], keys[1], "one configuration, two imports, two keys");
    }

    #[test]
    fn nothing_is_overwritten_and_nothing_half_written() {
        for taken in ["airlock.toml", "issuer.key"] {
            let dir = tempfile::tempdir().unwrap();
            let (verb, _) = import(dir.path(), CONFIG);
            fs::write(dir.path().join(taken), "mine").unwrap();
            assert!(verb.run().is_err());
            assert_eq!(fs::read_to_string(dir.path().join(taken)).unwrap(), "mine");
            assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "old.json and {taken}");
        }
    }

    #[test]
    fn a_configuration_without_end_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (verb, _) = import(dir.path(), &" ".repeat(1024 * 1024 + 1));
        assert!(verb.run().is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
