//! Sending the one request of a REST tool, and taking from the answer what the manifest selects.

use super::http::{Asked, FetchFault, HttpLimits, send};
use super::resolve::Resolve;
use super::secret::Secret;
use crate::egress::url::Target;
use crate::outside::Outside;
use crate::policy::{Method, Rest, Select};
use crate::rest::Plan;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

/// Sends a planned request with its credential. The result holds `status`, `host`, `bytes` and as `json` what was selected.
///
/// # Errors
/// `select_missing` if the answer lacks what is selected, `secret_in_answer` if it repeats the credential, else see [`FetchFault`].
pub(crate) async fn perform(
    outside: Outside,
    plan: &Plan,
    target: Target,
    secret: Option<&Secret>,
    limits: &HttpLimits,
    resolver: &impl Resolve,
) -> Result<Value, FetchFault> {
    let Rest { method, auth, response, .. } = plan.rest();
    let unsendable = || FetchFault::Unsendable;
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    for (name, value) in plan.headers() {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsendable())?;
        headers.insert(name, HeaderValue::from_str(value).map_err(|_| unsendable())?);
    }
    if plan.body().is_some() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    // Last, so that no header of the manifest stands in its place.
    match (auth, secret) {
        (Some(auth), Some(secret)) => {
            let (name, value) = secret.header(auth.scheme).ok_or_else(unsendable)?;
            headers.insert(name, value);
        }
        (None, None) => {}
        (Some(_), None) | (None, Some(_)) => return Err(unsendable()),
    }
    let asked = Asked { method: verb(*method), headers, body: plan.body().map(str::to_owned), may_be_empty: true, secret };
    let mut fetched = send(outside, target, asked, limits, resolver).await?;
    fetched.value = select(fetched.value, &response.select)?;
    Ok(fetched.into_result())
}

const fn verb(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}

/// The selected part of a document. Pointers are evaluated as RFC 6901 says.
fn select(mut document: Value, select: &Select) -> Result<Value, FetchFault> {
    let missing = |pointer: &'static str| FetchFault::SelectMissing { pointer };
    match *select {
        Select::Whole => Ok(document),
        Select::One(pointer) => document.pointer_mut(pointer).map(Value::take).ok_or_else(|| missing(pointer)),
        Select::Fields(fields) => {
            let found = fields.iter().map(|(name, pointer)| {
                let value = document.pointer(pointer).cloned().ok_or_else(|| missing(pointer))?;
                Ok(((*name).to_owned(), value))
            });
            found.collect::<Result<Map<String, Value>, FetchFault>>().map(Value::Object)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn pointers_select_or_fail() {
        let document = || json!({"id": 7, "a/b": {"m~n": ["x", null]}, "": 1});
        assert_eq!(select(document(), &Select::Whole), Ok(document()));
        assert_eq!(select(document(), &Select::One("/a~1b/m~0n/0")), Ok(json!("x")));
        assert_eq!(select(document(), &Select::One("/a~1b/m~0n/1")), Ok(Value::Null), "a null that is there is found");
        assert_eq!(select(document(), &Select::One("/")), Ok(json!(1)));
        const FIELDS: Select = Select::Fields(&[("id", "/id"), ("first", "/a~1b/m~0n/0"), ("again", "/id")]);
        assert_eq!(select(document(), &FIELDS), Ok(json!({"id": 7, "first": "x", "again": 7})));
        for pointer in ["/nope", "/id/0", "/a~1b/m~0n/2", "/a~1b/m~0n/00", "/a~1b/m~0n/-"] {
            assert_eq!(select(document(), &Select::One(pointer)), Err(FetchFault::SelectMissing { pointer }), "{pointer}");
        }
        assert!(select(Value::Null, &Select::Fields(&[("id", "/id")])).is_err(), "an empty answer has nothing to select");
    }
}
