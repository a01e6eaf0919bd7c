//! From text to the sections of a manifest: shape, types and every rule that needs one section alone.
//!
//! A faulty value is reported and replaced by a placeholder, so that reading goes on. Placeholders never reach a policy: one
//! error anywhere and none is made.

mod approvers;
mod contradictions;
mod egress;
mod evidence;
mod flows;
mod grants;
mod groups;
mod lints;
mod origin;
mod pattern;
mod quota;
mod requires;
mod rest;
mod rules;
mod sandbox;
mod settings;
mod tools;
mod upstreams;

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::fields::{Field, Fields};
use crate::files::Files;
use crate::limits::MANIFEST_MAX;
use toml::de::DeTable;

pub(crate) use approvers::{ApprovalDraft, Approvers, SignaturesDraft};
pub(crate) use egress::{EgressDraft, Egresses};
pub(crate) use evidence::LedgerDraft;
pub(crate) use flows::FlowDraft;
pub(crate) use grants::GrantDraft;
pub(crate) use groups::Groups;
pub(crate) use origin::{form_word, kind_word};
pub(crate) use quota::{LimitsDraft, QuotaDraft};
pub(crate) use requires::RequireDraft;
pub(crate) use rest::RestDraft;
pub(crate) use sandbox::CONSENT;
pub(crate) use settings::{LeaseDraft, Settings, ttl_order};
pub(crate) use tools::{KindDraft, ToolDraft, Tools, effect_word};
pub(crate) use upstreams::{ConfineDraft, ProxiedDraft, UpstreamDraft, holds};

/// The language version that this compiler reads.
pub(crate) const LANGUAGE: i64 = 1;

/// A manifest whose sections are read, but not yet checked against each other.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) settings: Settings,
    pub(crate) limits: LimitsDraft,
    pub(crate) sandbox: crate::ir::Sandbox,
    pub(crate) groups: Groups,
    pub(crate) approvers: Approvers,
    pub(crate) egress: Egresses,
    pub(crate) upstreams: Vec<UpstreamDraft>,
    pub(crate) tools: Tools,
    pub(crate) flows: Vec<FlowDraft>,
    pub(crate) grants: Vec<GrantDraft>,
    pub(crate) requires: Vec<RequireDraft>,
}

impl Manifest {
    /// The upstreams for those who ask them.
    pub(crate) fn declared(&self) -> Vec<crate::Declared> {
        let declared = |draft: &UpstreamDraft| crate::Declared {
            upstream: draft.upstream.clone(),
            definitions: draft.definitions.clone(),
            tools: draft.tools.iter().map(|tool| tool.value.clone()).collect(),
        };
        self.upstreams.iter().map(declared).collect()
    }
}

/// Parses a manifest. Nothing is returned when its text gives no document to read on.
pub(crate) fn parse(text: &str, files: &Files<'_>, faults: &mut Faults) -> Option<Manifest> {
    if text.len() > MANIFEST_MAX {
        let message = format!("the manifest has {} bytes; at most {MANIFEST_MAX} are read", text.len());
        faults.error(Code::FileTooLarge, &(0..0), message, "");
        return None;
    }
    let (document, mistakes) = DeTable::parse_recoverable(text);
    syntax(text, &mistakes, faults);
    // After a double key the rest of the document is still what was written; after any other mistake it is a guess.
    let manifest = match mistakes.iter().all(is_duplicate) {
        true => read(document.get_ref(), files, faults),
        false => None,
    };
    hidden_characters(text, faults);
    manifest
}

fn is_duplicate(mistake: &toml::de::Error) -> bool {
    mistake.message() == "duplicate key"
}

/// Reports what is not TOML: one mistake per line, because what follows on the line is mostly its consequence.
fn syntax(text: &str, mistakes: &[toml::de::Error], faults: &mut Faults) {
    let mut line_end = None;
    for mistake in mistakes {
        let span = mistake.span().unwrap_or(text.len()..text.len());
        if line_end.is_some_and(|end| span.start <= end) {
            continue;
        }
        let rest = text.get(span.start..).and_then(|rest| rest.find('\n'));
        line_end = Some(rest.map_or(text.len(), |length| span.start + length));
        faults.push(match is_duplicate(mistake) {
            true => Diagnostic::new(Code::DuplicateKey, &span, "this key or table is given twice", "again here")
                .help("keep one of the two"),
            false => Diagnostic::new(Code::Syntax, &span, format!("not TOML: {}", mistake.message()), "here"),
        });
    }
}

/// Reports characters that hide or reorder what a reviewer sees, wherever they stand: comments are read as well. Those inside a
/// value that is already refused are not reported again.
fn hidden_characters(text: &str, faults: &mut Faults) {
    for (at, c) in text.char_indices().filter(|(_, c)| crate::text::hidden(*c) || ('\u{80}'..='\u{9f}').contains(c)) {
        // Some editors begin a file with this mark.
        if at == 0 && c == '\u{feff}' || faults.covers(Code::BadText, at) {
            continue;
        }
        let message = format!("the manifest has the invisible or direction-changing character U+{:04X}", u32::from(c));
        let diagnostic = Diagnostic::new(Code::BadText, &(at..at + c.len_utf8()), message, "here");
        faults.push(diagnostic.help("remove it: what a reviewer reads must be what is compiled"));
    }
}

fn read(document: &DeTable<'_>, files: &Files<'_>, faults: &mut Faults) -> Option<Manifest> {
    let mut root = Fields::new(document, 0..0, "the manifest");
    if !language(&mut root, faults) {
        return None;
    }
    // Before anything that can warn.
    if let Some(field) = root.take("lints") {
        lints::read(&field, faults);
    }
    let settings = settings::read(&mut root, faults);
    let limits = quota::read(root.take("limits"), faults);
    let sandbox = sandbox::read(root.take("sandbox"), faults);
    let groups = groups::read(&mut root, faults);
    let approvers = root.take("approvers").map(|field| approvers::read(&field, faults)).unwrap_or_default();
    let egress = root.take("egress").map(|field| egress::read(&field, faults)).unwrap_or_default();
    let (tools, upstreams) = all_tools(&mut root, &groups, files, faults);
    let flows = root.take("flow").map(|field| flows::read(&field, faults)).unwrap_or_default();
    let grants = root.need("grant", "[[grant]]", faults).map(|field| grants::read(&field, &groups, faults)).unwrap_or_default();
    let requires = root.take("require").map(|field| requires::read(&field, faults)).unwrap_or_default();
    root.finish(&["tls", "confine", "approval", "labels"], faults);
    Some(Manifest { settings, limits, sandbox, groups, approvers, egress, upstreams, tools, flows, grants, requires })
}

/// `[tools.*]` and `[upstreams.*]`: a gateway has one or the other, or both.
fn all_tools(root: &mut Fields<'_>, groups: &Groups, files: &Files<'_>, faults: &mut Faults) -> (Tools, Vec<UpstreamDraft>) {
    let given = root.take("upstreams");
    let own = match given {
        None => root.need("tools", "[tools.weather_hourly]", faults),
        Some(_) => root.take("tools"),
    };
    let mut tools = own.as_ref().map(|field| tools::read(field, groups, faults)).unwrap_or_default();
    let upstreams = given.as_ref().map(|field| upstreams::read(field, groups, files, &mut tools, faults)).unwrap_or_default();
    let place = own.or(given).map_or(0..0, |field| field.key);
    tools::together(&tools, &place, faults);
    upstreams::remark(&tools.known, faults);
    (tools, upstreams)
}

/// Whether the manifest is in the language that this compiler reads. Keys of another version are not judged.
fn language(root: &mut Fields<'_>, faults: &mut Faults) -> bool {
    let Some(field) = root.need("airlock", "airlock = 1", faults) else {
        return true;
    };
    let Some(version) = field.integer(0, i64::MAX, faults) else {
        return true;
    };
    if version.value != LANGUAGE {
        let message = format!("this compiler reads language version {LANGUAGE}, not {}", version.value);
        let diagnostic = Diagnostic::new(Code::LanguageVersion, &version.span, message, "not readable");
        faults.push(diagnostic.help("use the release of Airlock that the manifest was written for"));
    }
    version.value == LANGUAGE
}

/// The tables of a `[[section]]`.
fn sections<'t>(field: &Field<'t>, header: &str, most: usize, faults: &mut Faults) -> Vec<Fields<'t>> {
    if !field.value.is_array() {
        field.wrong_type(&format!("a list of tables, each under `{header}`"), faults);
        return Vec::new();
    }
    let list = field.list(1, most, faults).unwrap_or_default();
    list.iter().filter_map(|entry| entry.table(format!("`{header}`"), faults)).collect()
}

/// `why`, which every grant of power must have.
fn why(fields: &mut Fields<'_>, faults: &mut Faults) -> String {
    let field = fields.need("why", "why = \"…\"", faults);
    field.and_then(|field| field.prose(crate::limits::WHY_MAX, false, faults)).map(|text| text.value).unwrap_or_default()
}

/// Reads a host pattern and reports what is wrong with it.
fn host(field: &Field<'_>, faults: &mut Faults) -> Option<crate::fields::At<crate::ir::HostRule>> {
    let text = field.string(faults)?;
    match crate::host::rule(text.value) {
        Ok(rule) => Some(text.map(|_| rule)),
        Err(fault) => {
            faults.push(Diagnostic::new(fault.code, &text.span, fault.message, "not accepted").help(fault.help));
            None
        }
    }
}

/// A default where the manifest is silent: it has the place of what it belongs to.
fn default_at<T>(value: T, span: &Span) -> crate::fields::At<T> {
    crate::fields::At { value, span: span.clone() }
}
