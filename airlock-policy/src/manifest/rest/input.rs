//! `input.<name> = { type = "string", … }`: what a call of a REST tool may say.

use super::InputDraft;
use crate::code::Code;
use crate::diagnostic::Faults;
use crate::fields::{At, Field, Fields};
use crate::ir::InputKind;
use crate::limits::{DESCRIPTION_MAX, INPUTS_MAX};
use crate::manifest::groups::Groups;
use crate::manifest::{origin, rules};
use crate::name;

/// The types, in the words of JSON Schema.
const KINDS: &[(&str, InputKind)] = &[
    ("string", InputKind::String),
    ("integer", InputKind::Integer),
    ("number", InputKind::Number),
    ("boolean", InputKind::Boolean),
    ("array", InputKind::Array),
];

/// As the manifest writes it.
pub(super) const fn word(kind: InputKind) -> &'static str {
    match kind {
        InputKind::String => "string",
        InputKind::Integer => "integer",
        InputKind::Number => "number",
        InputKind::Boolean => "boolean",
        InputKind::Array => "array",
    }
}

/// All inputs, in the order of the file.
pub(super) fn read(field: &Field<'_>, groups: &Groups, faults: &mut Faults) -> Vec<InputDraft> {
    let Some(fields) = field.table("`input`", faults) else {
        return Vec::new();
    };
    let entries = fields.entries();
    if entries.len() > INPUTS_MAX {
        let message = format!("the tool has {} inputs; at most {INPUTS_MAX} are allowed", entries.len());
        faults.error(Code::Count, &field.key, message, "too many");
        return Vec::new();
    }
    entries.iter().filter_map(|(name, field)| input(name, field, groups, faults)).collect()
}

fn input(name: &str, field: &Field<'_>, groups: &Groups, faults: &mut Faults) -> Option<InputDraft> {
    if let Err(problem) = name::input(name) {
        faults.error(Code::BadName, &field.key, problem, "not accepted");
        return None;
    }
    let mut fields: Fields<'_> = field.table(format!("the input `{name}`"), faults)?;
    let kind = fields.need("type", "type = \"string\"", faults).and_then(|field| field.word(KINDS, &[], faults));
    let required = fields.take("required").and_then(|field| field.boolean(faults)).is_none_or(|at| at.value);
    let description = fields.take("description").and_then(|field| field.prose(DESCRIPTION_MAX, true, faults));
    let rules = rules::with_set(&mut fields, groups, faults);
    let origin = origin::take(&mut fields, faults);
    fields.finish(&[], faults);
    Some(InputDraft {
        name: At { value: name.to_owned(), span: field.key.clone() },
        kind: kind?.value,
        required,
        description: description.map(|at| at.value).unwrap_or_default(),
        rules,
        origin,
    })
}
