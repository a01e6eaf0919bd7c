//! Where a gateway comes from: an in-toto statement with SLSA provenance (v1), in a DSSE envelope.
//!
//! ```text
//! envelope   {"payloadType":"application/vnd.in-toto+json","payload":base64,"signatures":[{"keyid","sig":base64}]}
//! statement  {"_type":"https://in-toto.io/Statement/v1","subject":[…],"predicateType":"https://slsa.dev/provenance/v1","predicate":{…}}
//! ```
//!
//! Signed with Ed25519 over DSSE's pre-authentication encoding where a key is named; otherwise `signatures` is empty, and whoever reads it is
//! told so. There is no time in it: the same build gives the same statement.

pub(crate) mod compare;

use super::Said;
use super::crates::Crates;
use super::identity::Identity;
use crate::render::Failure;
use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signature, Signer, SigningKey, Verifier, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

pub(crate) const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "https://slsa.dev/provenance/v1";
/// What `externalParameters` and `internalParameters` mean here.
const BUILD_TYPE: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/build/v1");
/// Largest key or envelope file, in bytes.
const FILE_MAX: u64 = 4 * 1024 * 1024;
/// DER of an Ed25519 private key (PKCS#8 v1) and public key (SPKI), up to the 32 bytes of the key (RFC 8410).
const PRIVATE: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const PUBLIC: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// A DSSE envelope.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Envelope {
    #[serde(rename = "payloadType")]
    payload_type: String,
    payload: String,
    signatures: Vec<Signed>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Signed {
    keyid: String,
    sig: String,
}

/// What a statement is about.
#[derive(Debug)]
pub(crate) struct About<'a> {
    /// Name of the gateway.
    pub(crate) name: &'a str,
    /// Its policy digest, 64 hex digits.
    pub(crate) policy: &'a str,
    /// Text of its manifest.
    pub(crate) manifest: &'a str,
    /// The files that it names, by path.
    pub(crate) files: &'a BTreeMap<String, String>,
    /// What it says of the manifest.
    pub(crate) said: Said,
    /// SHA-256 of the file, 64 hex digits.
    pub(crate) sha256: &'a str,
    /// What it was built with.
    pub(crate) identity: &'a Identity,
    /// What is linked.
    pub(crate) crates: &'a Crates,
    /// Versions of the C tools.
    pub(crate) c_tools: &'a [String],
}

/// The statement about a gateway.
pub(crate) fn statement(about: &About<'_>) -> Value {
    let About { name, policy, manifest, files, said, sha256, identity, crates, c_tools } = about;
    let digest = |text: &str| airlock_policy::digest::hex(&Sha256::digest(text).into());
    let manifest = digest(manifest);
    let linked = crates.linked().into_iter().map(|(name, version)| json!({"uri": format!("pkg:cargo/{name}@{version}")}));
    let of = |name: &str, sha256: &str| json!({"name": name, "digest": {"sha256": sha256}});
    let materials = [
        of("manifest", &manifest),
        of("airlock sources", &identity.sources),
        of("Cargo.lock", &identity.lockfile),
        json!({"name": identity.compiler}),
    ];
    let files = files.iter().map(|(path, text)| of(&format!("definitions {path}"), &digest(text)));
    let tools = c_tools.iter().map(|tool| compare::c_tool(tool));
    json!({
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": sha256}}],
        "predicateType": PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "manifest": {"sha256": manifest},
                    "policyDigest": policy,
                    "link": identity.link.word(),
                    "note": said.word(),
                },
                "internalParameters": {"features": identity.features, "target": identity.target},
                "resolvedDependencies": materials.into_iter().chain(files).chain(tools).chain(linked).collect::<Vec<_>>(),
            },
            "runDetails": {"builder": {"id": format!("{BUILD_TYPE}#airlock-{}", identity.airlock)}},
        },
    })
}

impl Envelope {
    /// Wraps a statement; signs it if there is a key.
    pub(crate) fn seal(statement: &Value, key: Option<&SigningKey>) -> Self {
        let payload = statement.to_string();
        let signatures = key.map(|key| Signed {
            keyid: key_id(&key.verifying_key()),
            sig: Base64::encode_string(&key.sign(&encoding(PAYLOAD_TYPE, payload.as_bytes())).to_bytes()),
        });
        Self {
            payload_type: PAYLOAD_TYPE.to_owned(),
            payload: Base64::encode_string(payload.as_bytes()),
            signatures: signatures.into_iter().collect(),
        }
    }

    /// Reads an envelope.
    ///
    /// # Errors
    /// The file cannot be read, or is none.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = bounded(path)?;
        serde_json::from_str(&text).map_err(|e| Failure::new(format_args!("{} is no DSSE envelope: {e}", path.display())))
    }

    /// Whether anybody signed it.
    pub(crate) fn is_signed(&self) -> bool {
        !self.signatures.is_empty()
    }

    /// The statement, if it is provenance and, with a key, signed by it.
    ///
    /// # Errors
    /// A sentence that says what does not hold.
    pub(crate) fn open(&self, key: Option<&VerifyingKey>) -> Result<Value, String> {
        if self.payload_type != PAYLOAD_TYPE {
            return Err(format!("its payload is of type {:?}", self.payload_type));
        }
        let payload = Base64::decode_vec(&self.payload).map_err(|e| format!("its payload is not base64: {e}"))?;
        if let Some(key) = key {
            let message = encoding(&self.payload_type, &payload);
            let is_valid = |signed: &Signed| {
                let bytes = Base64::decode_vec(&signed.sig).ok()?;
                key.verify(&message, &Signature::from_slice(&bytes).ok()?).ok()
            };
            if !self.signatures.iter().any(|signed| is_valid(signed).is_some()) {
                return Err(format!("it is not signed by the key {}", key_id(key)));
            }
        }
        let statement: Value = serde_json::from_slice(&payload).map_err(|e| format!("its payload is not JSON: {e}"))?;
        // A name twice in one object means one thing to this reader and another to the next.
        if statement.to_string().as_bytes() != payload {
            return Err(
                "its payload is not spelled as `airlock build` spells it: a name stands twice, or it was rewritten".to_owned()
            );
        }
        match statement["_type"] == STATEMENT && statement["predicateType"] == PREDICATE {
            true => Ok(statement),
            false => Err("it is no SLSA v1 provenance".to_owned()),
        }
    }
}

/// What a DSSE signature is over.
fn encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut message = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}

/// Names a key: SHA-256 of its public DER, as most tools do.
fn key_id(key: &VerifyingKey) -> String {
    airlock_policy::digest::hex(&Sha256::digest([PUBLIC.as_slice(), key.as_bytes()].concat()).into())
}

/// Reads an Ed25519 private key as `openssl genpkey -algorithm ed25519` writes it.
///
/// # Errors
/// The file cannot be read, or holds something else.
pub(crate) fn signing_key(path: &Path) -> Result<SigningKey, Failure> {
    Ok(SigningKey::from_bytes(&key_in(path, "PRIVATE KEY", &PRIVATE)?))
}

/// Reads an Ed25519 public key as `openssl pkey -pubout` writes it.
///
/// # Errors
/// The file cannot be read, or holds something else.
pub(crate) fn public_key(path: &Path) -> Result<VerifyingKey, Failure> {
    let bytes = key_in(path, "PUBLIC KEY", &PUBLIC)?;
    VerifyingKey::from_bytes(&bytes).map_err(|e| Failure::new(format_args!("{} holds no Ed25519 key: {e}", path.display())))
}

fn key_in(path: &Path, label: &str, prefix: &[u8]) -> Result<[u8; 32], Failure> {
    let shown = path.display();
    let other = || {
        Failure::new(format_args!("{shown} is not an Ed25519 {} in PEM", label.to_lowercase()))
            .help("`openssl genpkey -algorithm ed25519 -out key.pem`; `openssl pkey -in key.pem -pubout -out key.pub`")
    };
    let text = bounded(path)?;
    let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let inner = text.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end)).map(|(inner, _)| inner).ok_or_else(other)?;
    let der = Base64::decode_vec(&inner.split_whitespace().collect::<String>()).map_err(|_| other())?;
    der.strip_prefix(prefix).and_then(|key| key.try_into().ok()).ok_or_else(other)
}

fn bounded(path: &Path) -> Result<String, Failure> {
    let unreadable = |e: &dyn std::fmt::Display| Failure::new(format_args!("cannot read {}: {e}", path.display()));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|e| unreadable(&e))?;
    std::io::Read::read_to_string(&mut std::io::Read::take(file, FILE_MAX), &mut text).map_err(|e| unreadable(&e))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first test vector of the DSSE specification's protocol document.
    #[test]
    fn what_is_signed_is_what_dsse_says() {
        assert_eq!(
            encoding("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    #[test]
    fn only_the_signed_statement_opens_with_the_key() {
        let (key, other) = (SigningKey::from_bytes(&[7; 32]), SigningKey::from_bytes(&[8; 32]));
        let statement = json!({"_type": STATEMENT, "predicateType": PREDICATE, "subject": []});
        let mut sealed = Envelope::seal(&statement, Some(&key));
        assert_eq!(sealed.open(Some(&key.verifying_key())), Ok(statement.clone()));
        assert!(sealed.open(Some(&other.verifying_key())).is_err());
        let unsigned = Envelope::seal(&statement, None);
        assert!(!unsigned.is_signed() && unsigned.open(None).is_ok() && unsigned.open(Some(&key.verifying_key())).is_err());

        let changed = json!({"_type": STATEMENT, "predicateType": PREDICATE, "subject": [1]});
        sealed.payload = Base64::encode_string(changed.to_string().as_bytes());
        assert!(sealed.open(Some(&key.verifying_key())).is_err(), "another payload under the same signature");
        sealed.payload_type = "text/plain".to_owned();
        assert!(sealed.open(None).is_err());
        assert!(Envelope::seal(&json!({"_type": STATEMENT}), None).open(None).is_err());

        let mut twice = unsigned;
        let payload = statement.to_string().replacen('{', "{\"subject\":[1],", 1);
        twice.payload = Base64::encode_string(payload.as_bytes());
        assert!(twice.open(None).is_err_and(|e| e.contains("twice")));
    }
}
