//! The gateway may be linked from no other versions of crates than the lockfile of the sources names.

use crate::render::Failure;
use std::collections::BTreeSet;
use std::path::Path;
use toml_edit::DocumentMut;

/// Name, version, and for crates from a registry where it came from and its SHA-256.
type Locked = (String, String, Option<String>, Option<String>);

/// Checks that every package of the lockfile `used` stands in the lockfile `pinned`, but for the generated crate itself.
/// Cargo adds that one and drops what it does not need; a `[patch]` in a user's configuration would show here.
///
/// # Errors
/// A package differs, or a file cannot be read.
pub(crate) fn check(used: &Path, pinned: &Path) -> Result<(), Failure> {
    let pinned_packages = packages(pinned)?;
    match packages(used)?.into_iter().find(|package| package.0 != "gateway" && !pinned_packages.contains(package)) {
        None => Ok(()),
        Some((name, version, _, _)) => {
            Err(Failure::new(format_args!("cargo used {name} {version}, which is not what {} pins", pinned.display()))
                .help("look for `[patch]` or `[source]` in your cargo configuration; nothing was written"))
        }
    }
}

fn packages(path: &Path) -> Result<BTreeSet<Locked>, Failure> {
    let unreadable = |e: &dyn std::fmt::Display| Failure::new(format_args!("cannot read {}: {e}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|e| unreadable(&e))?;
    let document: DocumentMut = text.parse().map_err(|e: toml_edit::TomlError| unreadable(&e))?;
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
        let (used, pinned) = (dir.path().join("used"), dir.path().join("pinned"));
        std::fs::write(&pinned, PINNED).expect("written");
        let gateway = "[[package]]\nname = \"gateway\"\nversion = \"0.0.0+m.00\"\n";
        let a = &PINNED[..PINNED.find("[[package]]\nname = \"b\"").expect("b")];
        std::fs::write(&used, format!("{a}{gateway}")).expect("written");
        assert!(check(&used, &pinned).is_ok());
        for (from, to) in [("1.0.0", "1.0.1"), ("\"11\"", "\"12\""), ("registry+x", "git+x"), ("name = \"a\"", "name = \"c\"")] {
            let other = a.replace(from, to);
            assert_ne!(other, a);
            std::fs::write(&used, format!("{other}{gateway}")).expect("written");
            assert!(check(&used, &pinned).is_err(), "{to} passed");
        }
    }
}
