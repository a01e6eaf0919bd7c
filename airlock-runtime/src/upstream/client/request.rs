//! What an upstream is asked: the method and its parameters, of exactly the arguments that were checked.

use crate::json::json;
use crate::policy::upstream::{Offer, Proxied};
use crate::upstream::uri;
use serde_json::Value;

/// The method by which an upstream is asked, and the members of its parameters: exactly the arguments that were checked.
pub(super) fn request(proxied: &Proxied, arguments: &str) -> (&'static str, String) {
    let named = || format!("\"name\":{},\"arguments\":{arguments}", Value::from(proxied.name));
    match proxied.what {
        Offer::Tool => ("tools/call", named()),
        Offer::Prompt => ("prompts/get", named()),
        Offer::Completion => ("completion/complete", completed(proxied, arguments)),
        // Their one argument is `uri`.
        Offer::Resource | Offer::Subscription => {
            let members = arguments.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let method = if proxied.what == Offer::Resource { "resources/read" } else { "resources/subscribe" };
            (method, members.unwrap_or_default().to_owned())
        }
    }
}

/// The members of a question for what may be put into an argument of a prompt or into a template of URIs.
fn completed(proxied: &Proxied, arguments: &str) -> String {
    let arguments: Value = serde_json::from_str(arguments).unwrap_or_default();
    let reference = match uri::is_template(proxied.name) {
        true => json!({"type": "ref/resource", "uri": proxied.name}),
        false => json!({"type": "ref/prompt", "name": proxied.name}),
    };
    let mut asked =
        format!("\"ref\":{reference},\"argument\":{}", json!({"name": arguments["argument"], "value": arguments["value"]}));
    if let Some(others) = arguments.get("context") {
        asked += &format!(",\"context\":{}", json!({"arguments": others}));
    }
    asked
}

/// The parameters of a request.
pub(super) fn params_of(asked: &str, mut meta: Value, token: Option<i64>) -> String {
    if let Some(token) = token {
        meta["progressToken"] = json!(token);
    }
    let meta = match meta.as_object().is_some_and(|meta| meta.is_empty()) {
        true => String::new(),
        false => format!(",\"_meta\":{meta}"),
    };
    format!("{{{asked}{meta}}}")
}

#[cfg(test)]
mod tests {
    use super::super::handshake;
    use super::*;
    use crate::wire::Able;

    #[test]
    fn a_call_says_what_was_checked() {
        let args = r#"{"a":1.0,"b":"\u2028"}"#;
        let of = |what, name| Proxied {
            upstream: 0,
            what,
            name,
            pin: [0; 32],
            definition: "{}",
            max_result: 1,
            on_risk: crate::policy::upstream::OnRisk::Deny,
            result_threshold: 1,
        };
        let (method, asked) = request(&of(Offer::Tool, "x\"y"), args);
        assert_eq!(
            (method, params_of(&asked, json!({}), None)),
            ("tools/call", format!(r#"{{"name":"x\"y","arguments":{args}}}"#))
        );
        let (method, asked) = request(&of(Offer::Prompt, "p"), args);
        assert_eq!(
            (method, params_of(&asked, json!({}), None)),
            ("prompts/get", format!(r#"{{"name":"p","arguments":{args}}}"#))
        );
        let (method, asked) = request(&of(Offer::Completion, "p"), r#"{"argument":"x","value":"y","context":{"z":"w"}}"#);
        let completed =
            r#"{"ref":{"name":"p","type":"ref/prompt"},"argument":{"name":"x","value":"y"},"context":{"arguments":{"z":"w"}}}"#;
        assert_eq!((method, params_of(&asked, json!({}), None)), ("completion/complete", completed.to_owned()));
        let (_, asked) = request(&of(Offer::Completion, "file:///a/{p}"), r#"{"argument":"p","value":"y"}"#);
        let completed = r#"{"ref":{"type":"ref/resource","uri":"file:///a/{p}"},"argument":{"name":"p","value":"y"}}"#;
        assert_eq!(params_of(&asked, json!({}), None), completed);
        let (method, asked) = request(&of(Offer::Resource, "file:///a/*"), r#"{"uri":"file:///a/b"}"#);
        assert_eq!((method, params_of(&asked, json!({}), None)), ("resources/read", r#"{"uri":"file:///a/b"}"#.to_owned()));
        let modern: Value = serde_json::from_str(&params_of(&asked, handshake::envelope(Able::default()), Some(3))).unwrap();
        assert_eq!(modern["_meta"]["progressToken"], 3);
        assert_eq!(modern["_meta"]["io.modelcontextprotocol/clientCapabilities"], json!({}));
    }
}
