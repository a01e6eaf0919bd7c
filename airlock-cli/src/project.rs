//! The policy repository that `airlock new` writes: manifest, cases, snapshots, and what a build server does with them.

use crate::cases;
use crate::judge::Judge;
use crate::manifest::{Accepted, Manifest};
use crate::render::Failure;
use airlock_policy::{Compiled, Report};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What a repository starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Template {
    /// Hourly weather forecasts and a generic JSON fetch, leases by an operator.
    Weather,
    /// Two requests to a ticket system with a credential, an approval and requirements.
    Rest,
    /// Two tools of a foreign MCP server, pinned to their reviewed definitions.
    Upstream,
    /// Nothing is allowed: what follows is added under review.
    Locked,
}

/// A text with a place for the name of the gateway.
const README: &str = include_str!("../carried/templates/new/README.md");
const GITIGNORE: &str = include_str!("../carried/templates/new/gitignore");
/// It names no gateway: the name stands in the manifest.
const WORKFLOW: &str = include_str!("../carried/templates/ci/github/airlock.yml");
const TESTS_MANIFEST: &str = include_str!("../carried/templates/new/policy/manifest.toml");
const TESTS: &str = include_str!("../carried/templates/new/policy/lib.rs");

/// A manifest to start from.
#[derive(Debug)]
pub(crate) struct Start {
    /// Its text.
    pub(crate) manifest: String,
    /// The files that it names, by path.
    pub(crate) files: BTreeMap<String, String>,
}

impl Template {
    /// The manifest of a gateway with this name.
    pub(crate) fn start(self, name: &str) -> Start {
        let mut files = BTreeMap::new();
        let text = match self {
            Self::Weather => include_str!("../carried/templates/new/weather.toml"),
            Self::Rest => include_str!("../carried/templates/new/rest.toml"),
            Self::Upstream => {
                let definitions = include_str!("../carried/templates/new/upstream.json");
                files.insert("airlock-pins/time.json".to_owned(), definitions.to_owned());
                include_str!("../carried/templates/new/upstream.toml")
            }
            Self::Locked => include_str!("../carried/templates/new/locked.toml"),
        };
        Start { manifest: text.replace("{name}", name), files }
    }
}

/// Writes a repository into `dir` (made when absent) and gives the paths of its files.
///
/// # Errors
/// One of the files exists (then none is written), the manifest has errors, or a file operation failed.
pub(crate) fn write(dir: &Path, name: &str, start: Start) -> Result<Vec<PathBuf>, Failure> {
    let files = files(name, start)?;
    let paths: Vec<PathBuf> = files.iter().map(|(file, _)| dir.join(file)).collect();
    if let Some(taken) = paths.iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(
            Failure::new(format_args!("{} exists; nothing was written", taken.display())).help("choose another directory")
        );
    }
    for (path, (_, text)) in paths.iter().zip(&files) {
        place(path, text).map_err(|e| Failure::new(format_args!("cannot write {}: {e}", path.display())))?;
    }
    Ok(paths)
}

/// Writes one file. `create_new`, because it may have appeared since the look before.
fn place(path: &Path, text: &str) -> std::io::Result<()> {
    path.parent().map(fs::create_dir_all).transpose()?;
    fs::OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

fn files(name: &str, start: Start) -> Result<Vec<(String, String)>, Failure> {
    let Start { manifest, files } = start;
    let named = |text: &str| text.replace("{name}", name);
    let Accepted { compiled, text: manifest, files, name: _ } = Manifest::of_text("airlock.toml", manifest, files).accept()?;
    let [policy, decisions] = snapshots(&compiled);
    let own = [
        ("airlock.toml", manifest),
        ("airlock.cases.toml", cases(&compiled)?),
        ("README.md", named(README)),
        (".gitignore", named(GITIGNORE)),
        (".github/workflows/airlock.yml", WORKFLOW.to_owned()),
        ("policy/Cargo.toml", named(TESTS_MANIFEST)),
        ("policy/lib.rs", named(TESTS)),
        ("policy/snapshots/policy.snap", policy),
        ("policy/snapshots/decisions.snap", decisions),
    ];
    Ok(own.map(|(path, text)| (path.to_owned(), text)).into_iter().chain(files).collect())
}

/// Cases for every clause, as `airlock test --generate` writes them.
fn cases(compiled: &Compiled) -> Result<String, Failure> {
    let judge = Judge::of(compiled)?;
    let (cases, _) = cases::generate(&judge, &[], cases::clauses(judge.policy))?;
    cases::fresh(&cases).map_err(Failure::new)
}

/// The snapshots as the tests would write them.
fn snapshots(compiled: &Compiled) -> [String; 2] {
    let report = Report::of(compiled.policy());
    [report.policy(), report.decisions()].map(|text| format!("---\nsource: lib.rs\n---\n{text}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_template_passes_the_check_without_warnings() {
        for template in Template::value_variants() {
            let Start { manifest, files } = template.start("gate-1");
            let manifest = Manifest::of_text("airlock.toml", manifest, files);
            let checked = manifest.check();
            assert_eq!(checked.render(false), "");
            assert_eq!(checked.compiled().expect("compiled").policy().gateway.name, "gate-1");
        }
    }

    #[test]
    fn a_project_never_replaces_a_file() {
        let dir = tempfile::tempdir().expect("directory");
        fs::write(dir.path().join("README.md"), "mine").expect("written");
        assert!(write(dir.path(), "gate", Template::Locked.start("gate")).is_err());
        assert_eq!(fs::read_dir(dir.path()).expect("listing").count(), 1, "nothing else was written");
        assert_eq!(fs::read(dir.path().join("README.md")).expect("read"), b"mine");
    }
}
