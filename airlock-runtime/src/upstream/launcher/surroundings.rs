//! The environment of an upstream: what the manifest names, and nothing else.

use crate::credential;
use crate::policy::upstream::{PROXY_URL, Upstream, Value, Variable};
use crate::upstream::fingerprint::Fingerprint;
use std::ffi::OsString;
use zeroize::Zeroizing;

/// Shortest secret, in bytes: a shorter one stands in ordinary text, so it could not be kept out of results.
const SECRET_MIN: usize = 8;
/// Most secrets of one upstream: their fingerprints fit one packet.
const SECRETS_MAX: usize = 16;

/// How a server with a network learns of its only way out. Node heeds such variables only where it is told to.
const PROXY: &[(&str, &str)] = &[
    ("HTTPS_PROXY", PROXY_URL),
    ("https_proxy", PROXY_URL),
    ("HTTP_PROXY", PROXY_URL),
    ("http_proxy", PROXY_URL),
    ("NODE_USE_ENV_PROXY", "1"),
];

/// Variables for one upstream, and its secrets.
pub(super) struct Surroundings {
    pub(super) variables: Vec<(&'static str, OsString)>,
    /// Every form of a secret that must not stand in a result or a log.
    pub(super) secrets: Vec<Zeroizing<String>>,
}

impl Surroundings {
    /// Reads what the manifest names from the gateway's own environment.
    ///
    /// # Errors
    /// A sentence that names the variable and what is wrong, never a value.
    pub(super) fn read(upstream: &Upstream, outer: &impl Fn(&str) -> Option<OsString>) -> Result<Self, String> {
        let (mut variables, mut secrets) = (Vec::new(), Vec::new());
        for Variable { name, value } in upstream.env {
            let value = match value {
                Value::Literal(text) => OsString::from(text),
                Value::From(variable) => outer(variable).ok_or_else(|| format!("{variable} is not set"))?,
                Value::Secret(variable) => {
                    let text = credential::read(variable, outer)?;
                    credential::check(&text).map_err(|problem| format!("{variable} {problem}"))?;
                    if text.len() < SECRET_MIN {
                        return Err(format!(
                            "{variable} has fewer than {SECRET_MIN} characters, too few to be kept out of results"
                        ));
                    }
                    secrets.extend(credential::forms_of(&text));
                    secrets.push(Zeroizing::new(percent_encoded(&text)));
                    OsString::from(text.as_str())
                }
            };
            variables.push((*name, value));
        }
        let through = if upstream.proxied().is_some() { PROXY } else { &[] };
        let named = |name: &str| upstream.env.iter().any(|variable| variable.name == name);
        variables.extend(through.iter().filter(|(name, _)| !named(name)).map(|(name, value)| (*name, OsString::from(value))));
        secrets.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        secrets.dedup_by(|one, other| one.as_str() == other.as_str());
        if secrets.len() > SECRETS_MAX * 4 {
            return Err(format!("it has more than {SECRETS_MAX} secrets"));
        }
        Ok(Self { variables, secrets })
    }

    /// What the judge is told of the secrets.
    pub(super) fn fingerprints(&self) -> Vec<Fingerprint> {
        self.secrets.iter().filter_map(|secret| Fingerprint::of(secret.as_bytes())).collect()
    }
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(env: &'static [Variable], outer: &[(&str, &str)]) -> Result<Surroundings, String> {
        let outer = |name: &str| outer.iter().find(|(other, _)| *other == name).map(|(_, value)| OsString::from(value));
        Surroundings::read(&Upstream { env, ..Upstream::SAMPLE }, &outer)
    }

    #[test]
    fn an_upstream_has_what_the_manifest_names() {
        const ENV: &[Variable] = &[
            Variable { name: "LANG", value: Value::Literal("C.UTF-8") },
            Variable { name: "HOME", value: Value::From("MCP_HOME") },
            Variable { name: "TOKEN", value: Value::Secret("MCP_TOKEN") },
        ];
        let outer = [("MCP_HOME", "/srv"), ("MCP_TOKEN", "a+b/c=d?e"), ("PATH", "/bin")];
        let found = read(ENV, &outer).ok().unwrap();
        assert_eq!(found.variables, [("LANG", "C.UTF-8".into()), ("HOME", "/srv".into()), ("TOKEN", "a+b/c=d?e".into())]);
        let forms: Vec<&str> = found.secrets.iter().map(|form| form.as_str()).collect();
        assert!(
            forms.contains(&"a+b/c=d?e") && forms.contains(&"a%2Bb%2Fc%3Dd%3Fe") && forms.contains(&"YStiL2M9ZD9l"),
            "{forms:?}"
        );
        assert_eq!(found.fingerprints().len(), found.secrets.len());
        assert_eq!(read(ENV, &outer[1..]).err().unwrap(), "MCP_HOME is not set");
        assert_eq!(read(ENV, &outer[..1]).err().unwrap(), "MCP_TOKEN is not set, and neither is MCP_TOKEN_FILE");
    }

    #[test]
    fn what_cannot_be_kept_out_of_results_is_no_secret() {
        const ENV: &[Variable] = &[Variable { name: "PIN", value: Value::Secret("PIN") }];
        let told = read(ENV, &[("PIN", "1234567")]).err().unwrap();
        assert!(told.contains("fewer than 8") && !told.contains("1234567"), "{told}");
    }
}
