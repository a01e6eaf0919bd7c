//! The gateway may be linked from no other versions of crates than the lockfile of the sources names.

use crate::render::Failure;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use toml_edit::DocumentMut;

/// Name, version, and for crates from a registry where it came from and its SHA-256.
type Locked = (String, String, Option<String>, Option<String>);

/// Checks that every package of the lockfile `used` stands in the lockfile `pinned`, but for the generated crate itself.
/// Cargo adds that one and drops what it does not need; anything else that stood in for a crate would show here.
///
/// # Errors
/// A package differs, or a file cannot be read.
pub(crate) fn check(used: &Path, pinned: &[u8]) -> Result<(), Failure> {
    let unreadable = |e: &dyn std::fmt::Display| Failure::new(format_args!("cannot read {}: {e}", used.display()));
    let pinned_packages = packages(&String::from_utf8_lossy(pinned)).map_err(|e| unreadable(&e))?;
    let used_text = std::fs::read_to_string(used).map_err(|e| unreadable(&e))?;
    match packages(&used_text)
        .map_err(|e| unreadable(&e))?
        .into_iter()
        .find(|package| package.0 != "gateway" && !pinned_packages.contains(package))
    {
        None => Ok(()),
        Some((name, version, _, _)) => {
            Err(Failure::new(format_args!("cargo used {name} {version}, which is not what the lockfile of airlock pins"))
                .help("look for other crates in the directory of `--vendor`; nothing was written"))
        }
    }
}

/// Name and version of each crate from a registry, with its SHA-256.
///
/// # Errors
/// The text is no lockfile.
pub(crate) fn checksums(lock: &[u8]) -> Result<BTreeMap<(String, String), String>, Failure> {
    let packages = packages(&String::from_utf8_lossy(lock))
        .map_err(|e| Failure::new(format_args!("the lockfile in this program is faulty: {e}")))?;
    Ok(packages.into_iter().filter_map(|(name, version, _, checksum)| Some(((name, version), checksum?))).collect())
}

fn packages(text: &str) -> Result<BTreeSet<Locked>, toml_edit::TomlError> {
    let document: DocumentMut = text.parse()?;
    let tables = document.get("package").and_then(|item| item.as_array_of_tables());
    let locked = tables.into_iter().flatten().map(|table| {
        let field = |name: &str| table.get(name).and_then(|item| item.as_str()).map(str::to_owned);
        (field("name").unwrap_or_default(), field("version").unwrap_or_default(), field("source"), field("checksum"))
    });
    Ok(locked.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PINNED: &str = "version = 4\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry+x\"\nchecksum = \"11\"\n\
                          [[package]]\nname = \"b\"\nversion = \"0.1.0\"\n";

    #[test]
    fn fewer_packages_pass_and_other_ones_do_not() {
        let dir = tempfile::tempdir().expect("directory");
        let used = dir.path().join("used");
        let gateway = "[[package]]\nname = \"gateway\"\nversion = \"0.0.0+m.00\"\n";
        let a = &PINNED[..PINNED.find("[[package]]\nname = \"b\"").expect("b")];
        std::fs::write(&used, format!("{a}{gateway}")).expect("written");
        assert!(check(&used, PINNED.as_bytes()).is_ok());
        for (from, to) in [("1.0.0", "1.0.1"), ("\"11\"", "\"12\""), ("registry+x", "git+x"), ("name = \"a\"", "name = \"c\"")] {
            let other = a.replace(from, to);
            assert_ne!(other, a);
            std::fs::write(&used, format!("{other}{gateway}")).expect("written");
            assert!(check(&used, PINNED.as_bytes()).is_err(), "{to} passed");
        }
    }
}
