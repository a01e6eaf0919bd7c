//! The crates that are linked into a gateway: from cargo's own resolution, into its `.dep-v0` section and its bill of materials.
//!
//! The section is that of cargo-auditable: zlib-compressed JSON, `{"packages":[{"name","version","source","dependencies","root"}]}`,
//! with indices into the list. Scanners that know the format read gateways as they read any other Rust program.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Largest list that is unpacked from a file, in bytes; ours have some 10 KiB.
const AUDIT_MAX: usize = 8 * 1024 * 1024;
/// How hard zlib tries; the list is packed once for each set of features.
const LEVEL: u8 = 9;

/// One package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// `crates.io`, or `local` for Airlock's own.
    pub(crate) source: String,
    /// `build` for what only runs while compiling: macros, build scripts.
    #[serde(default, skip_serializing_if = "Kind::is_runtime")]
    pub(crate) kind: Kind,
    /// Indices of the packages that it uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) dependencies: Vec<usize>,
    /// The gateway itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) root: bool,
}

/// What a package is there for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Its code is linked.
    #[default]
    Runtime,
    /// Its code ran while the gateway was compiled.
    Build,
}

impl Kind {
    const fn is_runtime(&self) -> bool {
        match self {
            Self::Runtime => true,
            Self::Build => false,
        }
    }
}

/// All packages, sorted by name and version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Crates {
    pub(crate) packages: Vec<Package>,
}

impl Crates {
    /// Reads two outputs of `cargo tree --prefix depth --format " {p}"`: with everything, and with what is linked alone.
    ///
    /// # Errors
    /// A line has another shape.
    pub(crate) fn from_trees(all: &str, linked: &str) -> Result<Self, String> {
        let linked: BTreeSet<Id> = lines(linked)?.into_iter().map(|(_, id)| id).collect();
        let mut uses: BTreeMap<Id, BTreeSet<Id>> = BTreeMap::new();
        let mut above: Vec<Id> = Vec::new();
        for (depth, id) in lines(all)? {
            above.truncate(depth);
            if let Some(user) = above.last() {
                uses.entry(user.clone()).or_default().insert(id.clone());
            }
            uses.entry(id.clone()).or_default();
            above.push(id);
        }
        let ids: Vec<&Id> = uses.keys().collect();
        let index = |id: &Id| ids.binary_search(&id).map_err(|_| format!("{} is not in the list", id.0));
        let package = |(id, dependencies): (&Id, &BTreeSet<Id>)| {
            let Id(name, version, source) = id;
            Ok(Package {
                name: name.clone(),
                // The digest in the gateway's own version must not stand here: the list is part of what the digest is made from.
                version: version.split("+m.").next().unwrap_or(version).to_owned(),
                source: source.clone(),
                kind: if linked.contains(id) { Kind::Runtime } else { Kind::Build },
                dependencies: dependencies.iter().map(index).collect::<Result<_, String>>()?,
                root: name == "gateway" && source == "local",
            })
        };
        Ok(Self { packages: uses.iter().map(package).collect::<Result<_, String>>()? })
    }

    /// Name and version of what is linked, without the gateway itself.
    pub(crate) fn linked(&self) -> BTreeSet<(&str, &str)> {
        let linked = self.packages.iter().filter(|package| package.kind.is_runtime() && !package.root);
        linked.map(|package| (package.name.as_str(), package.version.as_str())).collect()
    }

    /// Content of `.dep-v0`.
    ///
    /// # Errors
    /// Never for these types; the caller reports it as any other fault.
    pub(crate) fn to_audit_data(&self) -> serde_json::Result<Vec<u8>> {
        Ok(miniz_oxide::deflate::compress_to_vec_zlib(&serde_json::to_vec(self)?, LEVEL))
    }

    /// Reads `.dep-v0`.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub(crate) fn from_audit_data(bytes: &[u8]) -> Result<Self, String> {
        let faulty = |e: &dyn std::fmt::Display| format!("the list of crates is unreadable: {e}");
        let json = miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(bytes, AUDIT_MAX).map_err(|e| faulty(&e))?;
        let crates: Self = serde_json::from_slice(&json).map_err(|e| faulty(&e))?;
        match crates.packages.iter().flat_map(|package| &package.dependencies).find(|at| **at >= crates.packages.len()) {
            Some(at) => Err(faulty(&format_args!("there is no package {at}"))),
            None => Ok(crates),
        }
    }
}

/// Name, version, source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Id(String, String, String);

/// `2 serde v1.0.228`, `1 airlock-macros v0.1.0 (proc-macro) (/path)`, `3 syn v3.0.10 (*)`; headings are left out.
fn lines(tree: &str) -> Result<Vec<(usize, Id)>, String> {
    let parse = |line: &str| {
        let mut words = line.split(' ');
        let depth = words.next()?.parse().ok()?;
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        let source = if words.any(|word| word.starts_with("(/")) { "local" } else { "crates.io" };
        Some((depth, Id(name.to_owned(), version.to_owned(), source.to_owned())))
    };
    let is_package = |line: &&str| !line.is_empty() && !line.starts_with('[');
    tree.lines().filter(is_package).map(|line| parse(line).ok_or_else(|| format!("unknown line {line:?}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = "0 gateway v0.0.0+m.00 (/ws)\n1 airlock-macros v0.1.0 (proc-macro) (/ws/a b/airlock-macros)\n2 syn v3.0.10\n\
                       1 airlock-runtime v0.1.0 (/ws/x)\n2 ring v0.17.14\n3 cc v1.2.0\n2 serde v1.0.228\n3 syn v3.0.10 (*)\n\n";
    const LINKED: &str = "0 gateway v0.0.0+m.00 (/ws)\n1 airlock-runtime v0.1.0 (/ws/x)\n2 ring v0.17.14\n2 serde v1.0.228\n";

    #[test]
    fn trees_become_audit_data_and_back() {
        let crates = Crates::from_trees(ALL, LINKED).expect("crates");
        let linked: Vec<&str> = crates.linked().into_iter().map(|(name, _)| name).collect();
        assert_eq!(linked, ["airlock-runtime", "ring", "serde"]);
        let bytes = crates.to_audit_data().expect("packed");
        assert_eq!(Crates::from_audit_data(&bytes), Ok(crates.clone()));
        insta::assert_snapshot!(serde_json::to_string_pretty(&crates).expect("JSON"));
    }

    #[test]
    fn damaged_data_is_refused() {
        let bytes =
            Crates::from_trees(ALL, LINKED).and_then(|crates| crates.to_audit_data().map_err(|e| e.to_string())).expect("packed");
        assert!(Crates::from_audit_data(&bytes[..bytes.len() - 9]).is_err());
        assert!(Crates::from_audit_data(b"").is_err());
        let wrong = br#"{"packages":[{"name":"a","version":"1","source":"local","dependencies":[1]}]}"#;
        assert!(Crates::from_audit_data(&miniz_oxide::deflate::compress_to_vec_zlib(wrong, 1)).is_err());
        assert!(Crates::from_trees("0 gateway", "").is_err());
    }
}
