//! `env.<NAME>`: the whole environment of an upstream. A secret is named, never written.

use super::one_key;
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults};
use crate::fields::{At, Field};
use crate::ir::{Variable, VariableValue};
use crate::limits::{COMMAND_TEXT_MAX, VARIABLES_MAX};
use crate::manifest::rest::credential;
use crate::name;

/// All variables, sorted by name.
pub(super) fn read(field: &Field<'_>, faults: &mut Faults) -> Vec<Variable> {
    let Some(fields) = field.table("`env`", faults) else { return Vec::new() };
    let entries = fields.entries();
    if entries.len() > VARIABLES_MAX {
        let message = format!("`env` has {} variables; at most {VARIABLES_MAX} are allowed", entries.len());
        faults.error(Code::Count, &field.key, message, "too many");
        return Vec::new();
    }
    let mut variables: Vec<Variable> = entries.iter().filter_map(|(name, field)| variable(name, field, faults)).collect();
    variables.sort_by(|a, b| a.name.cmp(&b.name));
    variables
}

fn variable(name: &str, field: &Field<'_>, faults: &mut Faults) -> Option<Variable> {
    if let Err(problem) = name::any_variable(name) {
        faults.error(Code::BadName, &field.key, problem, "not accepted");
        return None;
    }
    let value = match field.value.as_table() {
        None => VariableValue::Literal(literal(field, faults)?),
        Some(_) => {
            let mut fields = field.table(format!("the variable `{name}`"), faults)?;
            let source = one_key(&mut fields, ["from", "secret"]);
            fields.finish(&["file"], faults);
            match source {
                Some(("from", source)) => VariableValue::From(credential(&source, faults)?),
                Some((_, source)) => VariableValue::Secret(credential(&source, faults)?),
                None => {
                    let message = format!("`{name}` has one source");
                    let diagnostic = Diagnostic::new(Code::BadCredential, &field.span, message, "not one of the forms");
                    faults.push(diagnostic.help("write a text, `{ from = \"VARIABLE\" }` or `{ secret = \"VARIABLE\" }`"));
                    return None;
                }
            }
        }
    };
    Some(Variable { name: name.to_owned(), value })
}

/// A text; it may be empty, as the value of a variable may.
fn literal(field: &Field<'_>, faults: &mut Faults) -> Option<String> {
    let text: At<&str> = field.string(faults)?;
    if text.value.is_empty() {
        return Some(String::new());
    }
    field.prose(COMMAND_TEXT_MAX, false, faults).map(|at| at.value)
}
