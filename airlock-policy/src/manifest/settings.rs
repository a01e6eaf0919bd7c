//! `[gateway]`, `[keys]`, `[lease]`, `[risk]` and `[ledger]`.

use super::default_at;
use super::evidence::{self, LedgerDraft};
use crate::amount::duration;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::fields::{At, Field, Fields, refuse_twice};
use crate::ir::{Durability, Evidence, Gateway, Key, Ledger, Mode};
use crate::limits::{DEFAULT_TTL_S, INSTRUCTIONS_MAX, KEYS_MAX, MAX_TTL_S, RISK_THRESHOLD};
use crate::name;

/// Everything but hosts, tools and grants.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) gateway: Gateway,
    /// Where the manifest says `mode`.
    pub(crate) mode: Option<Span>,
    pub(crate) keys: Vec<Key>,
    pub(crate) lease: LeaseDraft,
    pub(crate) threshold: At<u16>,
    pub(crate) ledger: LedgerDraft,
}

/// `[lease]` with the places that grants are compared with.
#[derive(Debug)]
pub(crate) struct LeaseDraft {
    pub(crate) default_ttl: u64,
    pub(crate) max_ttl: At<u64>,
    pub(crate) carrier_meta: bool,
    pub(crate) carrier_arguments: bool,
    pub(crate) carrier_ambient: bool,
}

/// Where a lease may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Carrier {
    Meta,
    Arguments,
    Ambient,
}

/// What `[gateway] mode` can be.
const MODES: [(&str, Mode); 2] = [("enforce", Mode::Enforce), ("shadow", Mode::Shadow)];

pub(super) fn read(root: &mut Fields<'_>, faults: &mut Faults) -> Settings {
    let gateway = root.need("gateway", "[gateway]", faults);
    let gateway = gateway.and_then(|field| field.table("`[gateway]`", faults)).map(|fields| self::gateway(fields, faults));
    let keys = root.need("keys", "[keys]", faults);
    let keys = keys.and_then(|field| field.table("`[keys]`", faults)).map(|fields| self::keys(fields, faults));
    let lease = root.take("lease").and_then(|field| field.table("`[lease]`", faults));
    let risk = root.take("risk").and_then(|field| field.table("`[risk]`", faults));
    let ledger = root.take("ledger").and_then(|field| field.table("`[ledger]`", faults));
    let nothing = Gateway { name: String::new(), instructions: String::new(), mode: Mode::default() };
    let (gateway, mode) = gateway.unwrap_or((nothing, None));
    Settings {
        gateway,
        mode,
        keys: keys.unwrap_or_default(),
        lease: self::lease(lease, faults),
        threshold: threshold(risk, faults),
        ledger: self::ledger(ledger, faults),
    }
}

fn gateway(mut fields: Fields<'_>, faults: &mut Faults) -> (Gateway, Option<Span>) {
    let name =
        fields.need("name", "name = \"weather\"", faults).and_then(|field| field.checked(Code::BadName, name::gateway, faults));
    let instructions = fields.take("instructions").and_then(|field| field.prose(INSTRUCTIONS_MAX, true, faults));
    let mode = fields.take("mode").and_then(|field| field.word(&MODES, &[], faults));
    fields.finish(&[], faults);
    let text = |at: Option<At<String>>| at.map(|at| at.value).unwrap_or_default();
    let value = mode.as_ref().map(|at| at.value).unwrap_or_default();
    (Gateway { name: text(name), instructions: text(instructions), mode: value }, mode.map(|at| at.span))
}

fn keys(mut fields: Fields<'_>, faults: &mut Faults) -> Vec<Key> {
    let accept = fields.need("accept", "accept = [\"k1\"]", faults).and_then(|field| field.list(1, KEYS_MAX, faults));
    let (mut ids, mut keys) = (Vec::new(), Vec::new());
    for entry in accept.unwrap_or_default() {
        let (id, commitment) = key(&entry, faults);
        if let Some(id) = id {
            keys.push(Key { kid: id.value.clone(), commitment });
            ids.push(id);
        }
    }
    refuse_twice(&ids, String::clone, faults);
    fields.finish(&[], faults);
    keys.sort_by(|a, b| a.kid.cmp(&b.kid));
    keys
}

/// `"k1"` or `{ id = "k1", commitment = "…" }`.
fn key(entry: &Field<'_>, faults: &mut Faults) -> (Option<At<String>>, Option<String>) {
    if !entry.value.is_table() {
        return (entry.checked(Code::BadName, name::kid, faults), None);
    }
    let Some(mut fields) = entry.table("an accepted key", faults) else {
        return (None, None);
    };
    let id = fields.need("id", "id = \"k1\"", faults).and_then(|field| field.checked(Code::BadName, name::kid, faults));
    let commitment = fields.take("commitment").and_then(|field| field.checked(Code::BadCommitment, name::commitment, faults));
    fields.finish(&[], faults);
    (id, commitment.map(|at| at.value))
}

fn lease(fields: Option<Fields<'_>>, faults: &mut Faults) -> LeaseDraft {
    let Some(mut fields) = fields else {
        let max_ttl = At { value: MAX_TTL_S, span: 0..0 };
        return LeaseDraft {
            default_ttl: DEFAULT_TTL_S,
            max_ttl,
            carrier_meta: true,
            carrier_arguments: false,
            carrier_ambient: false,
        };
    };
    let default_ttl = fields.take("default_ttl").and_then(|field| field.seconds(faults));
    let max_ttl = fields.take("max_ttl").and_then(|field| field.seconds(faults)).unwrap_or(default_at(MAX_TTL_S, &fields.span));
    let words = [("meta", Carrier::Meta), ("arguments", Carrier::Arguments), ("ambient", Carrier::Ambient)];
    let carriers = fields.take("carriers").and_then(|field| field.list(1, 3, faults)).map(|list| {
        let carriers: Vec<_> = list.iter().filter_map(|entry| entry.word(&words, &[], faults)).collect();
        refuse_twice(&carriers, |carrier| format!("{carrier:?}").to_lowercase(), faults);
        carriers
    });
    fields.finish(&["require_pop", "revocations"], faults);
    if let Some(ttl) = &default_ttl {
        ttl_order(ttl, "default_ttl", &max_ttl, faults);
    }
    let carrier = |wanted| carriers.as_ref().map_or(wanted == Carrier::Meta, |list| list.iter().any(|at| at.value == wanted));
    LeaseDraft {
        default_ttl: default_ttl.map_or(DEFAULT_TTL_S.min(max_ttl.value), |ttl| ttl.value),
        carrier_meta: carrier(Carrier::Meta),
        carrier_arguments: carrier(Carrier::Arguments),
        carrier_ambient: carrier(Carrier::Ambient),
        max_ttl,
    }
}

/// Reports a life that is longer than `[lease] max_ttl`.
pub(crate) fn ttl_order(ttl: &At<u64>, name: &str, longest: &At<u64>, faults: &mut Faults) {
    if ttl.value <= longest.value {
        return;
    }
    let message = format!("`{name}` is {}, but `[lease] max_ttl` is {}", duration(ttl.value), duration(longest.value));
    let mut diagnostic = Diagnostic::new(Code::TtlOrder, &ttl.span, message, "longer than any lease may live");
    if longest.span != (0..0) {
        diagnostic = diagnostic.also(&longest.span, "the longest life is set here");
    }
    faults.push(diagnostic.help(format!("write at most \"{}\", or raise `max_ttl`", duration(longest.value))));
}

fn threshold(fields: Option<Fields<'_>>, faults: &mut Faults) -> At<u16> {
    let nowhere: Span = 0..0;
    let Some(mut fields) = fields else {
        return default_at(RISK_THRESHOLD, &nowhere);
    };
    let threshold = fields.take("threshold").and_then(|field| field.risk(faults));
    fields.finish(&["factors", "weights"], faults);
    threshold.unwrap_or(default_at(RISK_THRESHOLD, &nowhere))
}

fn ledger(fields: Option<Fields<'_>>, faults: &mut Faults) -> LedgerDraft {
    let standard = Ledger {
        dir_env: Some("AIRLOCK_LEDGER_DIR".to_owned()),
        dir_default: "./airlock-ledger".to_owned(),
        durability: Durability::Power,
        evidence: Evidence::Hashes,
        redact: Vec::new(),
        keep_evidence: None,
    };
    let Some(mut fields) = fields else {
        return LedgerDraft { ledger: standard, redact: Vec::new() };
    };
    let words = [("power", Durability::Power), ("effect", Durability::Effect), ("process", Durability::Process)];
    let durability = fields.take("durability").and_then(|field| field.word(&words, &[], faults));
    let dir = fields.take("dir").map(|field| directory(&field, faults));
    let (evidence, redact, keep_evidence) = evidence::read(&mut fields, faults);
    fields.finish(&["witness", "checkpoint", "rotate"], faults);
    let (dir_env, dir_default) = dir.unwrap_or((standard.dir_env, standard.dir_default));
    let durability = durability.map_or(standard.durability, |at| at.value);
    // What is removed is known once the tools are.
    LedgerDraft { ledger: Ledger { dir_env, dir_default, durability, evidence, redact: Vec::new(), keep_evidence }, redact }
}

/// `"path"` or `{ env = "NAME", default = "path" }`.
fn directory(field: &Field<'_>, faults: &mut Faults) -> (Option<String>, String) {
    let path = |field: &Field<'_>, faults: &mut Faults| {
        field.checked(Code::BadName, name::directory, faults).map(|at| at.value).unwrap_or_default()
    };
    if !field.value.is_table() {
        return (None, path(field, faults));
    }
    let Some(mut fields) = field.table("`dir`", faults) else {
        return (None, String::new());
    };
    let env = fields
        .need("env", "env = \"AIRLOCK_LEDGER_DIR\"", faults)
        .and_then(|field| field.checked(Code::BadName, name::variable, faults));
    let default = fields.need("default", "default = \"./airlock-ledger\"", faults).map(|field| path(&field, faults));
    fields.finish(&[], faults);
    (env.map(|at| at.value), default.unwrap_or_default())
}
