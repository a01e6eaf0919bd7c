//! What of this machine beside Rust decides a gateway's bytes: the C compiler, the linker and the C library.

use super::toolchain::{answer, clean};
use crate::gateway::identity::digest_of;
use std::path::{Path, PathBuf};

/// Start files and static libraries that `cc` puts into a gateway, as `cc -print-file-name` knows them.
const LINKED: [&str; 8] = ["crt1.o", "rcrt1.o", "Scrt1.o", "crti.o", "crtbeginS.o", "libc.a", "libgcc.a", "libgcc_eh.a"];
/// A C library that knows packed relocations has this name in it (glibc from 2.36). The start code of another one would leave them
/// undone, and the gateway would crash.
const PACKS: &[u8] = b"GLIBC_ABI_DT_RELR";
/// The C library of which `templates/gateway/static.ld` knows what a gateway runs; its version is in it in these words. Another one stays as
/// it is, and the gateway is larger.
const KNOWN: &[u8] = b"stable release version 2.36.";

/// The C compiler, the linker and the C library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CTools {
    /// First line of the version of each that says one, for people.
    pub(crate) versions: Vec<String>,
    /// Over the versions and the content of what is linked from there, 64 hex digits: after an upgrade of either it is another one,
    /// also where the version stays.
    pub(crate) digest: String,
    /// Whether the static C library applies packed relocations.
    pub(crate) packs: bool,
    /// Whether it is the static C library whose inner functions are known.
    pub(crate) known: bool,
}

impl CTools {
    /// Those of this machine. What is absent counts as such; linking says what it misses.
    pub(crate) fn find() -> Self {
        Self::of(Path::new("cc"))
    }

    fn of(cc: &Path) -> Self {
        let said = |program: &Path, arguments: &[&str]| answer(clean(program).args(arguments), "cc").ok();
        let first = |text: String| text.lines().next().map(str::to_owned);
        let versions: Vec<String> =
            [said(cc, &["--version"]), said(cc, &["-Wl,--version"]), said(Path::new("ldd"), &["--version"])]
                .into_iter()
                .filter_map(|text| text.and_then(first))
                .collect();
        let content = |name: &str| {
            // A name that `cc` does not know comes back as it was asked.
            let path = said(cc, &[&format!("-print-file-name={name}")]).map(|path| PathBuf::from(path.trim()));
            path.filter(|path| path.is_absolute()).and_then(|path| std::fs::read(path).ok()).unwrap_or_default()
        };
        let mut parts: Vec<Vec<u8>> = versions.iter().map(|line| line.clone().into_bytes()).collect();
        parts.extend(LINKED.map(content));
        let digest = digest_of(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let has = |mark: &[u8]| parts.iter().any(|part| part.windows(mark.len()).any(|window| window == mark));
        let (packs, known) = (has(PACKS), has(KNOWN));
        Self { versions, digest, packs, known }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn another_compiler_or_library_has_another_digest() {
        let dir = tempfile::tempdir().expect("directory");
        let (cc, libc) = (dir.path().join("cc"), dir.path().join("libc.a"));
        let script = |version: &str| {
            let text = format!(
                "#!/bin/sh\ncase $1 in\n--version) echo {version};;\n-print-file-name=libc.a) echo {};;\n*) echo x;;\nesac\n",
                libc.display()
            );
            // A file of its own each time: a program that runs elsewhere in this process may hold the old one open.
            write(dir.path().join("new"), text).expect("written");
            set_permissions(dir.path().join("new"), Permissions::from_mode(0o755)).expect("mode");
            std::fs::rename(dir.path().join("new"), &cc).expect("renamed");
            CTools::of(&cc)
        };
        write(&libc, "one").expect("written");
        let first = script("cc-1");
        assert_eq!(first, script("cc-1"));
        assert_eq!(first.versions.first().map(String::as_str), Some("cc-1"));
        assert_ne!(first.digest, script("cc-2").digest);
        write(&libc, "two").expect("written");
        let upgraded = script("cc-1");
        assert_eq!(upgraded.versions, first.versions);
        assert_ne!(upgraded.digest, first.digest, "an upgrade that keeps the version");
        assert!(!upgraded.packs, "it does not say that it could");
        write(&libc, "…GLIBC_ABI_DT_RELR…").expect("written");
        let packing = script("cc-1");
        assert!(packing.packs && !packing.known);
        write(&libc, "GNU C Library (…) stable release version 2.36.\n").expect("written");
        assert!(script("cc-1").known);
        write(&libc, "GNU C Library (…) stable release version 2.41.\n").expect("written");
        assert!(!script("cc-1").known, "nobody has looked at it");
    }
}
