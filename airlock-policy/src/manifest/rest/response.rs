//! `response = { select = …, max_bytes = … }`: what becomes of the answer.

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults};
use crate::fields::Field;
use crate::ir::{Response, Select};
use crate::limits::{POINTER_MAX, RESPONSE_DEFAULT, RESPONSE_MAX, RESPONSE_MIN, SELECT_MAX, TOOL_NAME_MAX};

pub(super) fn read(field: Option<Field<'_>>, faults: &mut Faults) -> Response {
    let mut response = Response { select: Select::Whole, max_bytes: RESPONSE_DEFAULT };
    let Some(mut fields) = field.and_then(|field| field.table("`response`", faults)) else {
        return response;
    };
    if let Some(field) = fields.take("select") {
        response.select = select(&field, faults);
    }
    let bytes = fields.take("max_bytes").and_then(|field| field.size(RESPONSE_MIN, RESPONSE_MAX, faults));
    response.max_bytes = bytes.map_or(response.max_bytes, |at| at.value);
    fields.finish(&["redact", "schema"], faults);
    response
}

/// One pointer, or names with their pointers. The empty pointer alone is the whole document.
fn select(field: &Field<'_>, faults: &mut Faults) -> Select {
    if !field.value.is_table() {
        return match pointer(field, faults) {
            Some(pointer) if !pointer.is_empty() => Select::One(pointer),
            Some(_) | None => Select::Whole,
        };
    }
    let Some(fields) = field.table("`select`", faults) else {
        return Select::Whole;
    };
    let entries = fields.entries();
    if !(1..=SELECT_MAX).contains(&entries.len()) {
        let message = format!("`select` has {} names; 1 to {SELECT_MAX} are allowed", entries.len());
        faults.error(Code::Count, &field.span, message, "this table");
        return Select::Whole;
    }
    let mut selected = Vec::new();
    for (name, field) in entries {
        if let Some(problem) = crate::text::fault(name, TOOL_NAME_MAX, false) {
            faults.error(Code::BadText, &field.key, format!("this name {problem}"), "not accepted");
        }
        selected.extend(pointer(&field, faults).map(|pointer| (name.to_owned(), pointer)));
    }
    selected.sort();
    Select::Fields(selected)
}

/// A JSON pointer (RFC 6901): nothing, or `/` before each step, where `~` stands only in `~0` and `~1`.
fn pointer(field: &Field<'_>, faults: &mut Faults) -> Option<String> {
    let text = field.string(faults)?;
    let pointer = text.value;
    let shape = pointer.is_empty() || pointer.starts_with('/');
    let escapes = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    let plain = pointer.len() <= POINTER_MAX && !pointer.chars().any(|c| c.is_control() || crate::text::hidden(c));
    if shape && escapes && plain {
        return Some(pointer.to_owned());
    }
    let message = "a JSON pointer begins with `/`, and has `~` only in `~0` and `~1`";
    let diagnostic = Diagnostic::new(Code::BadPointer, &text.span, message, "not accepted");
    faults.push(diagnostic.help("write \"/items/0/id\" for the `id` of the first of `items`"));
    None
}
