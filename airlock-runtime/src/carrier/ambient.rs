//! The lease of a gateway's surroundings: a file with a lease, its session and its intent, for clients that know nothing of leases.
//!
//! ```json
//! {"lease": "alk1.…", "session": "…", "intent": "…"}
//! ```
//! It is read once, at the start, and it is as private as a key: mode 0600, owned by the user or root, no link.

use super::Carried;
use crate::lease::keysource::KeySource;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Names the file.
pub const LEASE_FILE: &str = "AIRLOCK_LEASE_FILE";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    lease: String,
    session: String,
    intent: String,
}

/// The content of such a file.
#[must_use]
pub fn text(lease: &str, session: &str, intent: &str) -> String {
    let text = Text { lease: lease.to_owned(), session: session.to_owned(), intent: intent.to_owned() };
    // Three strings can always be written.
    serde_json::to_string(&text).unwrap_or_default() + "\n"
}

/// Reads such a file. What the lease is worth is seen with each call.
///
/// # Errors
/// A sentence without any part of the lease.
pub fn read(path: &Path) -> Result<Carried, String> {
    let refused = |problem: &str| format!("the lease file {} cannot be used: {problem}", path.display());
    let bytes = KeySource::File(path.to_owned()).read().map_err(|problem| refused(&problem))?;
    let form = "it is not {\"lease\": \"…\", \"session\": \"…\", \"intent\": \"…\"}, as `airlock run` writes it";
    let Text { lease, session, intent } = serde_json::from_slice(&bytes).map_err(|_| refused(form))?;
    Ok(Carried { lease: Some(lease), session: Some(session), intent: Some(intent) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_file_is_private_and_says_three_things() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lease");
        let write = |text: &str, mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            read(&path)
        };
        let good = text("alk1.secret", "s", "Plan \"a\" picnic\n");
        let whole =
            Carried { lease: Some("alk1.secret".into()), session: Some("s".into()), intent: Some("Plan \"a\" picnic\n".into()) };
        assert!(write(&good, 0o600).is_ok_and(|carried| carried == whole));
        assert!(write(&good, 0o640).unwrap_err().contains("chmod 600"));
        for bad in [
            "",
            "alk1.secret",
            "{\"lease\":\"alk1.secret\",\"session\":\"s\"}",
            "{\"lease\":\"alk1.secret\",\"session\":\"s\",\"intent\":\"i\",\"x\":1}",
            "{\"lease\":\"alk1.secret\",\"lease\":\"alk1.secret\",\"session\":\"s\",\"intent\":\"i\"}",
        ] {
            let said = write(bad, 0o600).unwrap_err();
            assert!(!said.contains("secret"), "{said}");
        }
        write(&good, 0o600).unwrap();
        let link = dir.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(read(&link).is_err());
        assert!(read(&dir.path().join("none")).is_err());
    }
}
