//! Credentials of REST tools: read once at start, added to a request when it is sent, and looked for in every answer.
//!
//! No lease, log, ledger line or message has one: the type cannot be shown or copied, and its memory is overwritten at its end.

use super::Failure;
use crate::credential::{self, forms_of};
use crate::policy::{Auth, AuthScheme, Policy, Rest, ToolKind};
use crate::rest::decoded;
use base64ct::{Base64, Encoding};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::OsString;
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// Shortest password that is looked for by itself in answers; a shorter one stands in ordinary text.
const PASSWORD_MIN: usize = 8;

/// A credential.
pub struct Secret {
    text: Zeroizing<String>,
    /// What must not stand in an answer, with or without percent escapes: the credential as it is, and in the forms in which a server may
    /// repeat it.
    forms: Vec<Zeroizing<String>>,
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// All credentials of a gateway, by the variable that holds each.
#[derive(Debug, Default)]
pub struct Secrets(BTreeMap<&'static str, Secret>);

impl Secrets {
    /// Reads what the tools of a policy need: `$NAME`, or the file that `$NAME_FILE` names.
    ///
    /// # Errors
    /// A sentence that names the variable and what is wrong, never a value.
    pub fn read(policy: &'static Policy, variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, String> {
        let mut secrets: BTreeMap<&'static str, Secret> = BTreeMap::new();
        for tool in policy.tools {
            let ToolKind::Rest(Rest { auth: Some(auth), .. }) = tool.kind else { continue };
            let secret =
                Secret::read(auth, &variable).map_err(|problem| format!("the credential of {}: {problem}", tool.name))?;
            match secrets.entry(auth.env) {
                Entry::Vacant(entry) => drop(entry.insert(secret)),
                // Two tools may send one credential in two ways; an answer to either must have no form of it.
                Entry::Occupied(mut entry) => entry.get_mut().forms.extend(secret.forms),
            }
        }
        Ok(Self(secrets))
    }

    /// The credential of a tool, if it has one.
    pub(crate) fn of(&self, rest: &'static Rest) -> Result<Option<&Secret>, Failure> {
        let Some(auth) = rest.auth else { return Ok(None) };
        let absent = || Failure { code: "no_credential", detail: "The gateway has no credential for this tool.".into() };
        self.0.get(auth.env).map(Some).ok_or_else(absent)
    }
}

impl Secret {
    fn read(auth: &Auth, variable: &impl Fn(&str) -> Option<OsString>) -> Result<Self, String> {
        let Auth { scheme, env } = auth;
        let text = credential::read(env, variable)?;
        Self::new(text, *scheme).map_err(|problem| format!("{env} {problem}"))
    }

    fn new(text: Zeroizing<String>, scheme: AuthScheme) -> Result<Self, &'static str> {
        credential::check(&text)?;
        let mut forms = forms_of(&text);
        match (scheme, text.split_once(':')) {
            (AuthScheme::Basic, None) => return Err("is not of the form user:password"),
            (AuthScheme::Basic, Some((_, password))) if password.len() >= PASSWORD_MIN => {
                forms.extend(forms_of(password));
            }
            (AuthScheme::Basic | AuthScheme::Bearer | AuthScheme::Header(_), _) => {}
        }
        Ok(Self { text, forms })
    }

    /// The header that carries it.
    pub(super) fn header(&self, scheme: AuthScheme) -> Option<(HeaderName, HeaderValue)> {
        let (name, mut text) = match scheme {
            AuthScheme::Bearer => (AUTHORIZATION, format!("Bearer {}", self.text.as_str())),
            AuthScheme::Basic => (AUTHORIZATION, format!("Basic {}", Base64::encode_string(self.text.as_bytes()))),
            AuthScheme::Header(name) => (HeaderName::from_bytes(name.as_bytes()).ok()?, self.text.as_str().to_owned()),
        };
        let value = HeaderValue::from_str(&text).ok();
        text.zeroize();
        let mut value = value?;
        value.set_sensitive(true);
        Some((name, value))
    }

    /// Does it stand in these bytes, in any of its forms?
    pub(super) fn stands_in(&self, bytes: &[u8]) -> bool {
        // Every form is ASCII, so bytes that are no UTF-8 cannot hide one by being replaced.
        let text = String::from_utf8_lossy(bytes);
        let holds = |text: &str| self.forms.iter().any(|form| text.contains(form.as_str()));
        // Escapes are taken away rather than made: their digits have two cases, and which characters have one is up to the server.
        holds(&text) || (text.contains('%') && holds(&decoded(&text)))
    }

    /// Does it stand in a string or a name of this document?
    pub(super) fn stands_in_document(&self, document: &serde_json::Value) -> bool {
        use serde_json::Value;
        match document {
            Value::Null | Value::Bool(_) | Value::Number(_) => self.stands_in(document.to_string().as_bytes()),
            Value::String(text) => self.stands_in(text.as_bytes()),
            Value::Array(items) => items.iter().any(|item| self.stands_in_document(item)),
            Value::Object(members) => {
                members.iter().any(|(name, value)| self.stands_in(name.as_bytes()) || self.stands_in_document(value))
            }
        }
    }
}

#[cfg(test)]
mod tests;
