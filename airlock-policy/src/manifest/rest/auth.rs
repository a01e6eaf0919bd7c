//! `auth = { … }`: which credential the gateway adds to each request. Only its place is in the manifest, never the secret.

use super::pairs::header_name;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults};
use crate::fields::{At, Field, Fields};
use crate::ir::{Auth, AuthScheme, Pair};
use crate::name;

/// What a reader writes.
const FORMS: &str =
    "write `{ bearer_env = \"NAME\" }`, `{ basic_env = \"NAME\" }` or `{ header = \"x-api-key\", env = \"NAME\" }`";

pub(super) fn read(field: &Field<'_>, headers: &[Pair], faults: &mut Faults) -> Option<At<Auth>> {
    let mut fields = field.table("`auth`", faults)?;
    let bearer = fields.take("bearer_env");
    let basic = fields.take("basic_env");
    let (header, env) = (fields.take("header"), fields.take("env"));
    let span = field.span.clone();
    let auth = match (bearer, basic, header, env) {
        (Some(env), None, None, None) => variable(&env, faults).map(|env| Auth { scheme: AuthScheme::Bearer, env }),
        (None, Some(env), None, None) => variable(&env, faults).map(|env| Auth { scheme: AuthScheme::Basic, env }),
        (None, None, Some(header), Some(env)) => {
            let name = header_of(&header, headers, faults);
            let env = variable(&env, faults);
            name.zip(env).map(|(name, env)| Auth { scheme: AuthScheme::Header(name), env })
        }
        (Some(_) | None, Some(_) | None, Some(_) | None, Some(_) | None) => {
            let message = "`auth` names one credential, in one of three forms";
            faults.push(Diagnostic::new(Code::BadCredential, &span, message, "not one of them").help(FORMS));
            None
        }
    };
    finish(fields, faults);
    auth.map(|value| At { value, span })
}

fn finish(fields: Fields<'_>, faults: &mut Faults) {
    fields.finish(&["oauth", "mtls", "file"], faults);
}

/// The variable that holds the secret. Those of the gateway itself would send its own keys out.
pub(in crate::manifest) fn variable(field: &Field<'_>, faults: &mut Faults) -> Option<String> {
    let name = field.checked(Code::BadName, name::variable, faults)?;
    let problem = match name.value.as_str() {
        own if own.starts_with("AIRLOCK_") => {
            "variables that begin with `AIRLOCK_` are the gateway's own: its key is no credential"
        }
        file if file.ends_with("_FILE") => "name the variable itself: a gateway looks for the name with `_FILE` behind it, too",
        _ => return Some(name.value),
    };
    faults.push(Diagnostic::new(Code::BadCredential, &name.span, problem, "not accepted").help("choose another variable"));
    None
}

fn header_of(field: &Field<'_>, headers: &[Pair], faults: &mut Faults) -> Option<String> {
    let written = field.string(faults)?;
    let name = header_name(&written, faults)?;
    if headers.iter().any(|pair| pair.name == name.value) {
        let message = format!("`headers` sets `{}` as well", name.value);
        faults.push(Diagnostic::new(Code::BadCredential, &name.span, message, "set twice").help("keep one of the two"));
        return None;
    }
    Some(name.value)
}
