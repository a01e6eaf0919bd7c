//! Where a lease travels: `params._meta` or the arguments `_capability` and `_context`. Both are taken out here, so that no tool,
//! digest or ledger line ever sees them. A call that carries nothing may have the lease of the gateway's surroundings.

pub mod ambient;

use crate::call::Args;
use crate::json::json;
use crate::policy::LeaseRules;
use crate::reason::Reason;
pub use crate::wire::Carried;
use serde_json::Value;

/// The argument that carries a lease.
pub const CAPABILITY: &str = "_capability";
/// The argument that carries session and intent.
pub const CONTEXT: &str = "_context";

/// Characters of a signature in base64url: 32 bytes.
const SIGNATURE_MIN: usize = 43;
/// Characters of `alk1.` and `alp1.`, with which leases begin.
const PREFIX: usize = 5;

/// Takes the carriers out of the arguments and joins them with what `_meta` carried.
///
/// # Errors
/// A carrier that the manifest does not accept, of a wrong shape, or two that disagree. The arguments are clean in any case.
pub fn take(meta: Carried, args: &mut Args, rules: &LeaseRules) -> Result<Carried, Reason> {
    let capability = args.remove(CAPABILITY);
    let context = args.remove(CONTEXT);
    if meta != Carried::default() && !rules.carrier_meta {
        return Err(Reason::CarrierRefused { carrier: "_meta" });
    }
    if (capability.is_some() || context.is_some()) && !rules.carrier_arguments {
        return Err(Reason::CarrierRefused { carrier: "arguments" });
    }
    let context = from_context(context)?;
    Ok(Carried {
        lease: agree(meta.lease, capability.map(from_capability).transpose()?)?,
        session: agree(meta.session, context.session)?,
        intent: agree(meta.intent, context.intent)?,
    })
}

/// What a call has that carries nothing at all, where the manifest has the carrier `ambient`. A call that carries something is judged by
/// that alone, so whoever narrows a lease for it is not overruled by the wider one.
#[must_use]
pub fn or_ambient(carried: Carried, ambient: &Carried, rules: &LeaseRules) -> Carried {
    if rules.carrier_ambient && carried == Carried::default() { ambient.clone() } else { carried }
}

fn agree(meta: Option<String>, argument: Option<String>) -> Result<Option<String>, Reason> {
    match (meta, argument) {
        (Some(one), Some(other)) if one != other => Err(Reason::CarrierConflict),
        (one, other) => Ok(one.or(other)),
    }
}

fn from_capability(value: Value) -> Result<String, Reason> {
    match value {
        Value::String(lease) => Ok(lease),
        _ => Err(Reason::CarrierShape { problem: "_capability must be a string, the lease" }),
    }
}

fn from_context(value: Option<Value>) -> Result<Carried, Reason> {
    let fault =
        Reason::CarrierShape { problem: "_context must be an object with the strings session_id and intent, and nothing else" };
    let Some(value) = value else { return Ok(Carried::default()) };
    let Value::Object(mut given) = value else { return Err(fault) };
    match (given.remove("session_id"), given.remove("intent"), given.is_empty()) {
        (Some(Value::String(session)), Some(Value::String(intent)), true) => {
            Ok(Carried { lease: None, session: Some(session), intent: Some(intent) })
        }
        _ => Err(fault),
    }
}

/// Does the carried lease, or its signature alone, stand in the arguments that the tool would get? `args` is their JSON: no character
/// of a lease is escaped in it. This catches accidents and simple theft; text that was encoded on purpose is not recognised.
#[must_use]
pub fn stands_in(carried: &Carried, args: &[u8]) -> bool {
    let Some(lease) = carried.lease.as_deref() else { return false };
    let signature = lease.rsplit('.').next().unwrap_or(lease);
    // Anything shorter is no signature, and the lease is refused for its form.
    signature.len() >= SIGNATURE_MIN && std::str::from_utf8(args).is_ok_and(|args| args.contains(signature))
}

/// Does something with the form of a lease stand in the arguments, whoever's it is? `args` is their JSON. Where calls are let through without a
/// lease, one that came in a wrong place must not go on to a stranger.
#[must_use]
pub fn has_lease_form(args: &[u8]) -> bool {
    let is_of_lease = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let is_long = |behind: &[u8]| behind.iter().take_while(is_of_lease).take(SIGNATURE_MIN).count() == SIGNATURE_MIN;
    let begins = |start: &[u8]| start == b"alk1." || start == b"alp1.";
    args.windows(PREFIX).zip(PREFIX..).any(|(start, end)| begins(start) && is_long(args.get(end..).unwrap_or_default()))
}

/// Adds the two carrier arguments to a listed input schema. They are required where arguments are the only carrier.
pub fn announce(schema: &mut Value, rules: &LeaseRules) {
    if !rules.carrier_arguments {
        return;
    }
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert(CAPABILITY.into(), json!({"type": "string", "description": "The capability lease for this call."}));
        properties.insert(
            CONTEXT.into(),
            json!({"type": "object", "additionalProperties": false, "required": ["session_id", "intent"],
                   "description": "What the lease is bound to.",
                   "properties": {"session_id": {"type": "string"}, "intent": {"type": "string"}}}),
        );
    }
    if !rules.carrier_meta && !rules.carrier_ambient {
        let object = schema.as_object_mut();
        let required = object.and_then(|o| o.entry("required").or_insert_with(|| json!([])).as_array_mut());
        if let Some(required) = required {
            required.extend([json!(CAPABILITY), json!(CONTEXT)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: LeaseRules =
        LeaseRules { default_ttl: 1, max_ttl: 1, carrier_meta: true, carrier_arguments: true, carrier_ambient: false };

    fn meta(lease: &str) -> Carried {
        Carried { lease: Some(lease.into()), session: Some("s".into()), intent: Some("i".into()) }
    }

    fn args(value: Value) -> Args {
        value.as_object().cloned().unwrap()
    }

    fn code(result: Result<Carried, Reason>) -> &'static str {
        result.map_or_else(|reason| reason.code(), |_| "ok")
    }

    #[test]
    fn arguments_are_clean_afterwards_even_when_refused() {
        for bad in [json!(5), json!({"session_id": "s"}), json!({"session_id": "s", "intent": "i", "x": 1})] {
            let mut given = args(json!({"url": "u", "_capability": "L", "_context": bad}));
            assert_eq!(code(take(Carried::default(), &mut given, &BOTH)), "carrier_shape");
            assert_eq!(given, args(json!({"url": "u"})));
        }
    }

    #[test]
    fn both_carriers_may_agree_but_not_differ() {
        let with = |lease: &str| args(json!({"_capability": lease, "_context": {"session_id": "s", "intent": "i"}}));
        assert!(take(meta("L"), &mut with("L"), &BOTH).is_ok_and(|carried| carried == meta("L")));
        assert_eq!(code(take(meta("L"), &mut with("M"), &BOTH)), "carrier_conflict");
    }

    #[test]
    fn what_surrounds_a_gateway_counts_only_for_calls_that_carry_nothing() {
        let rules = LeaseRules { carrier_ambient: true, ..BOTH };
        let around = meta("A");
        assert!(or_ambient(Carried::default(), &around, &rules) == around);
        assert!(or_ambient(Carried::default(), &around, &BOTH) == Carried::default(), "not compiled in");
        assert!(or_ambient(meta("L"), &around, &rules) == meta("L"));
        for part in [
            Carried { lease: Some("L".into()), ..Carried::default() },
            Carried { session: Some("s".into()), ..Carried::default() },
            Carried { intent: Some("i".into()), ..Carried::default() },
        ] {
            assert!(or_ambient(part.clone(), &around, &rules) == part, "a half that a call carries is not made whole");
        }
        let mut schema = json!({"type": "object", "properties": {}});
        announce(&mut schema, &LeaseRules { carrier_meta: false, ..rules });
        assert_eq!(schema["required"], Value::Null, "a client that knows nothing of leases may leave them out");
    }

    #[test]
    fn a_lease_is_known_by_its_form_wherever_it_stands() {
        let long = "A".repeat(SIGNATURE_MIN);
        for (text, is_one) in [
            (format!("alk1.{long}"), true),
            (format!("see alp1.k1.{long} there"), true),
            (format!("alk1. {long}"), false),
            (format!("alk1.{}", &long[1..]), false),
            (format!("alk2.{long}"), false),
            ("alk1.".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(has_lease_form(json!({"text": text}).to_string().as_bytes()), is_one, "{text}");
        }
    }

    #[test]
    fn a_lease_among_the_arguments_is_seen() {
        let signature = "S".repeat(43);
        let carried = meta(&format!("alk1.k1.AAAA.{signature}"));
        let holds = |args: Value| stands_in(&carried, &serde_json::to_vec(&args).unwrap());
        assert!(holds(json!({"query": {"q": format!("alk1.k1.AAAA.{signature}")}})));
        assert!(holds(json!({"url": format!("https://a.org/?x={signature}&y")})));
        assert!(holds(json!({(signature.as_str()): 1})));
        assert!(!holds(json!({"url": "https://a.org/", "q": "S".repeat(42)})));
        assert!(!stands_in(&meta("x"), b"{\"q\":\"x\"}"), "a text that is no lease is refused as such");
    }

    #[test]
    fn a_carrier_that_is_not_compiled_in_is_refused() {
        let no_meta = LeaseRules { carrier_meta: false, ..BOTH };
        let no_arguments = LeaseRules { carrier_arguments: false, ..BOTH };
        assert_eq!(code(take(meta("L"), &mut args(json!({})), &no_meta)), "carrier_refused");
        assert_eq!(code(take(Carried::default(), &mut args(json!({"_capability": "L"})), &no_arguments)), "carrier_refused");
        let mut schema = json!({"type": "object", "properties": {}});
        announce(&mut schema, &no_arguments);
        assert_eq!(schema, json!({"type": "object", "properties": {}}));
        announce(&mut schema, &no_meta);
        assert_eq!(schema["required"], json!(["_capability", "_context"]));
    }
}
