//! Lists the files below `carried/`: the sources that gateways are compiled from become constants of the program, so that an installed
//! `airlock` needs no checkout. In a checkout they are links to the crates beside this one; `cargo package` puts what they lead to in
//! their place, so there is one way for both.

use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What gateways need; the rest of `carried/` is named where it is used.
const CRATES: [&str; 5] = ["airlock-core", "airlock-chain", "airlock-macros", "airlock-policy", "airlock-runtime"];
const SINGLE: [&str; 5] = ["LICENSE-APACHE", "LICENSE-MIT", "rust-toolchain.toml", "workspace.lock", "workspace.toml"];

fn main() -> Result<()> {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).ok_or_else(|| Error::other(name.to_owned()));
    let root = variable("CARGO_MANIFEST_DIR")?.join("carried");
    let mut files: Vec<PathBuf> = SINGLE.iter().map(|name| root.join(name)).collect();
    for name in CRATES {
        collect(&root.join(name), &mut files)?;
    }
    files.sort();
    let mut table = String::from("&[\n");
    for path in &files {
        // A link's own time says nothing about what it leads to.
        let real = path.canonicalize()?;
        watch(&real);
        let name = path.strip_prefix(&root).map_err(Error::other)?;
        table.push_str(&format!("    ({:?}, include_bytes!({:?})),\n", text(name)?, text(&real)?));
    }
    table.push_str("]\n");
    fs::write(variable("OUT_DIR")?.join("carried.rs"), table)
}

/// Every file of a directory but snapshots, which only tests read.
fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    watch(&dir.canonicalize()?);
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        match path.metadata()?.is_dir() {
            true => collect(&path, files)?,
            false if path.extension().is_some_and(|ending| ending == "snap" || ending == "new") => {}
            false => files.push(path),
        }
    }
    Ok(())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().ok_or_else(|| Error::other(format!("{} is not UTF-8", path.display())))
}

fn watch(path: &Path) {
    println!("cargo::rerun-if-changed={}", path.display());
}
