//! The papers of a build: bill of materials and provenance. They replace nothing but papers of their kind.

use crate::carried::Carried;
use crate::gateway::provenance::{self, About, Envelope};
use crate::gateway::{Gateway, Said, beside_whole, sbom};
use crate::manifest::Accepted;
use crate::render::Failure;
use ed25519_dalek::SigningKey;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Largest file that is read to see whether it is a paper, in bytes; ours have some 100 KiB.
const PAPER_MAX: u64 = 16 * 1024 * 1024;

/// A kind of paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sbom,
    Provenance,
}

impl Kind {
    /// What is added to the gateway's path.
    const fn ending(self) -> &'static str {
        match self {
            Self::Sbom => ".cdx.json",
            Self::Provenance => ".intoto.json",
        }
    }

    /// The option that names a place.
    const fn option(self) -> &'static str {
        match self {
            Self::Sbom => "--sbom",
            Self::Provenance => "--provenance",
        }
    }

    /// Whether a JSON value is such a paper.
    fn is(self, value: &Value) -> bool {
        match self {
            Self::Sbom => value["bomFormat"] == "CycloneDX",
            Self::Provenance => value["payloadType"] == provenance::PAYLOAD_TYPE,
        }
    }
}

/// Places of the papers that were asked for.
#[derive(Debug)]
pub(super) struct Papers(Vec<(Kind, PathBuf)>);

impl Papers {
    /// The places, once it is sure that no two files of the build are one, and that nothing is lost. `read` are files that the build reads.
    ///
    /// # Errors
    /// Two of them are one file, or something else stands at one of the places.
    pub(super) fn places(
        gateway: &Path,
        sbom: &Option<Option<PathBuf>>,
        provenance: &Option<Option<PathBuf>>,
        read: &[&Path],
    ) -> Result<Self, Failure> {
        let place = |kind: Kind, asked: &Option<Option<PathBuf>>| {
            let beside = || {
                let mut path = gateway.to_owned().into_os_string();
                path.push(kind.ending());
                path.into()
            };
            asked.as_ref().map(|named| (kind, named.clone().unwrap_or_else(beside)))
        };
        let papers: Vec<(Kind, PathBuf)> =
            [place(Kind::Sbom, sbom), place(Kind::Provenance, provenance)].into_iter().flatten().collect();
        let mut taken: Vec<&Path> = read.to_vec();
        taken.push(gateway);
        for (kind, path) in &papers {
            let (shown, option) = (path.display(), kind.option());
            if let Some(other) = taken.iter().find(|other| is_one(other, path)) {
                return Err(Failure::new(format_args!("{option} would write over {}; nothing was built", other.display()))
                    .help("name another file"));
            }
            if !may_replace(*kind, path) {
                return Err(Failure::new(format_args!("{shown} exists and is not what {option} writes; nothing was built"))
                    .help(format_args!("remove it or name another file with `{option}=FILE`")));
            }
            taken.push(path);
        }
        Ok(Self(papers))
    }

    /// Writes the papers of a gateway; gives what each is and where.
    ///
    /// # Errors
    /// A file operation failed.
    pub(super) fn write(
        self,
        accepted: &Accepted,
        said: Said,
        gateway: &Gateway,
        key: Option<&SigningKey>,
    ) -> Result<Vec<(&'static str, PathBuf)>, Failure> {
        let Gateway { path: _, size: _, sha256, link: _, identity, crates, c_tools } = gateway;
        let (name, policy) = (&accepted.compiled.policy().gateway.name, accepted.compiled.digest_hex());
        let (manifest, files) = (&accepted.text, &accepted.files);
        let mut written = Vec::new();
        for (kind, path) in self.0 {
            let what = match kind {
                Kind::Sbom => {
                    put(&path, &sbom::bill(name, &policy, accepted, gateway, Carried::new()?.lock())?)?;
                    "sbom"
                }
                Kind::Provenance => {
                    let c_tools = &c_tools.versions;
                    let about = About { name, policy: &policy, manifest, files, said, sha256, identity, crates, c_tools };
                    put(&path, &Envelope::seal(&provenance::statement(&about), key))?;
                    if key.is_some() { "provenance" } else { "provenance (unsigned)" }
                }
            };
            written.push((what, path));
        }
        Ok(written)
    }
}

fn put(path: &Path, value: &impl serde::Serialize) -> Result<(), Failure> {
    let cannot = |e: &dyn std::fmt::Display| Failure::new(format_args!("cannot write {}: {e}", path.display()));
    let text = serde_json::to_string_pretty(value).map_err(|e| cannot(&e))?;
    beside_whole(path, format!("{text}\n").as_bytes()).map_err(|e| cannot(&e))
}

/// Whether two paths mean one file: by its number where both are there, else by the directory and the name.
fn is_one(a: &Path, b: &Path) -> bool {
    let number = |path: &Path| fs::metadata(path).ok().map(|about| (about.dev(), about.ino()));
    let place = |path: &Path| {
        let dir = path.parent().filter(|dir| *dir != Path::new("")).unwrap_or(Path::new("."));
        Some((dir.canonicalize().ok()?, path.file_name()?.to_owned()))
    };
    let same_number = number(a).is_some_and(|of_a| number(b) == Some(of_a));
    same_number || a == b || place(a).is_some_and(|of_a| place(b) == Some(of_a))
}

/// Whether nothing is at this path, or a paper of this kind.
fn may_replace(kind: Kind, path: &Path) -> bool {
    let Ok(about) = fs::symlink_metadata(path) else { return true };
    let text = (about.is_file() && about.len() <= PAPER_MAX).then(|| fs::read(path).ok()).flatten();
    text.and_then(|text| serde_json::from_slice::<Value>(&text).ok()).is_some_and(|value| kind.is(&value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn papers_replace_papers_alone() {
        let dir = tempfile::tempdir().expect("directory");
        let at = |name: &str| dir.path().join(name);
        let (manifest, gateway, key) = (at("airlock.toml"), at("gate"), at("key.pem"));
        for name in ["airlock.toml", "key.pem", "notes.json"] {
            fs::write(at(name), "{}").expect("written");
        }
        fs::write(at("old.cdx.json"), r#"{"bomFormat":"CycloneDX"}"#).expect("written");
        fs::write(at("old.intoto.json"), format!(r#"{{"payloadType":"{}"}}"#, provenance::PAYLOAD_TYPE)).expect("written");
        fs::create_dir(at("sub")).expect("made");
        std::os::unix::fs::symlink(at("old.cdx.json"), at("link.json")).expect("linked");
        let places = |sbom: Option<&str>, provenance: Option<&str>| {
            let asked = |name: Option<&str>| Some(name.map(at));
            Papers::places(&gateway, &asked(sbom), &asked(provenance), &[&manifest, &key])
        };
        let beside = places(None, None).expect("beside the gateway").0;
        assert_eq!(beside, [(Kind::Sbom, at("gate.cdx.json")), (Kind::Provenance, at("gate.intoto.json"))]);
        assert!(places(Some("old.cdx.json"), Some("old.intoto.json")).is_ok());
        let refused = [
            (Some("airlock.toml"), None),
            (Some("sub/../airlock.toml"), None),
            (None, Some("key.pem")),
            (Some("gate"), None),
            (None, Some("sub/../gate")),
            (Some("one.json"), Some("sub/../one.json")),
            (Some("notes.json"), None),
            (Some("sub"), None),
            (Some("link.json"), None),
            (Some("old.intoto.json"), None),
            (None, Some("old.cdx.json")),
        ];
        for (sbom, provenance) in refused {
            assert!(places(sbom, provenance).is_err(), "{sbom:?} {provenance:?}");
        }
        put(&at("old.cdx.json"), &serde_json::json!({"bomFormat": "CycloneDX", "version": 2})).expect("written");
        assert!(fs::read_to_string(at("old.cdx.json")).expect("read").contains("\"version\": 2"));
        assert_eq!(fs::read_dir(dir.path()).expect("listing").count(), 7, "no half of a file stays");
    }
}
