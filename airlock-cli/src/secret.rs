//! What is likely a secret: by the name of a variable or an argument, or by the form of a value.

/// Parts of a name whose value is a secret.
const NAMES: [&str; 8] = ["KEY", "TOKEN", "SECRET", "PASSW", "PASSPHRASE", "CREDENTIAL", "AUTH", "PRIVATE"];

/// Whether a name is that of a secret. `author` is not one, `auth` and `X-Auth-Token` are.
pub(crate) fn is_named(name: &str) -> bool {
    let name = name.to_ascii_uppercase().replace("AUTHOR", "").replace("KEYWORD", "");
    // `authorization` has lost its beginning above.
    name.contains("IZATION") || NAMES.iter().any(|part| name.contains(part))
}

/// Whether a text has the beginning of a token or key of a known service, with enough behind it.
pub(crate) fn has_form(text: &str) -> bool {
    let follows = |text: &str| text.bytes().take_while(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b)).count();
    airlock_policy::secret_prefixes().any(|(prefix, least)| {
        text.match_indices(prefix).any(|(at, _)| follows(text.get(at + prefix.len()..).unwrap_or_default()) >= least)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_name_or_form() {
        for name in ["API_TOKEN", "apiKey", "X-Auth", "Authorization", "password", "private_pem", "passphrase"] {
            assert!(is_named(name), "{name}");
        }
        for name in ["path", "author", "query", "keyword", "region"] {
            assert!(!is_named(name), "{name}");
        }
        assert!(has_form("see ghp_0123456789abcdefghijABCDEFGHIJ012345"));
        assert!(!has_form("ghp_short") && !has_form("a plain text"));
    }
}
