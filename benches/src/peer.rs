//! The peer of a lease: a Biscuit that says the same (subject, tool, host, expiry; each added block narrows) and is checked from
//! its bytes to the answer. Biscuits are signed with public keys, which costs more and lets anybody check them; the figures say
//! what that is worth where issuer and gateway share a secret.

use crate::Fault;
use biscuit_auth::builder::{Algorithm, AuthorizerBuilder, BiscuitBuilder, BlockBuilder};
use biscuit_auth::{Biscuit, KeyPair, PublicKey};

/// A token, the key to check it with, and an authorizer for one call, parsed beforehand.
pub struct Token {
    bytes: Vec<u8>,
    key: PublicKey,
    authorizer: AuthorizerBuilder,
}

/// A token with `caveats` added blocks, each with one check.
///
/// # Errors
/// From the library, or the token allows what it should not.
pub fn token(caveats: usize) -> Result<Token, Fault> {
    let root = KeyPair::new_with_algorithm(Algorithm::Ed25519);
    let source = r#"subject("agent:planner"); right("http_get_json"); check if time($t), $t < 2030-01-01T00:00:00Z;"#;
    let mut token = BiscuitBuilder::new().code(source)?.build(&root)?;
    for _ in 0..caveats {
        token = token.append(BlockBuilder::new().code(r#"check if host("api.open-meteo.com");"#)?)?;
    }
    let (bytes, key) = (token.to_vec()?, root.public());
    let other = Token { bytes: bytes.clone(), key, authorizer: call("weather_hourly")? };
    if other.authorize() {
        return Err("the peer allows a tool that its token does not name".into());
    }
    let token = Token { bytes, key, authorizer: call("http_get_json")? };
    if token.authorize() { Ok(token) } else { Err("the peer refuses its token".into()) }
}

fn call(tool: &str) -> Result<AuthorizerBuilder, Fault> {
    let facts = format!(
        r#"tool("{tool}"); host("api.open-meteo.com"); time(2026-11-22T05:50:00Z); allow if right("{tool}"), subject("agent:planner");"#
    );
    Ok(AuthorizerBuilder::new().code(facts)?)
}

impl Token {
    /// Parses the bytes, checks every signature and authorizes the call.
    #[must_use]
    pub fn authorize(&self) -> bool {
        let Ok(token) = Biscuit::from(&self.bytes, self.key) else { return false };
        self.authorizer.clone().build(&token).is_ok_and(|mut authorizer| authorizer.authorize().is_ok())
    }
}
