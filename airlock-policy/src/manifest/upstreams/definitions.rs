//! The file of definitions that an upstream's tools are pinned to.

use crate::code::Code;
use crate::definitions::Definitions;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::fields::Field;
use crate::files::Files;
use crate::name;

/// Where the definitions are.
pub(super) struct File<'a, 'r> {
    pub(super) path: &'a str,
    pub(super) place: &'a Span,
    pub(super) files: &'a Files<'r>,
}

/// Path of the file and the place that messages about it name; no path when it was refused.
pub(super) fn place(name: &str, field: Option<&Field<'_>>, header: &Span, faults: &mut Faults) -> (Option<String>, Span) {
    match field {
        None => (Some(format!("airlock-pins/{name}.json")), header.clone()),
        Some(field) => {
            let path = field.checked(Code::BadDefinitions, name::beside, faults);
            (path.map(|at| at.value), field.span.clone())
        }
    }
}

/// The definitions in the file.
pub(super) fn read(upstream: &str, file: &File<'_, '_>, faults: &mut Faults) -> Option<Definitions> {
    let File { path, place, files } = file;
    let read =
        files.read(path).map_err(|problem| format!("the definitions of `{upstream}` cannot be read from `{path}`: {problem}"));
    let parsed = read
        .and_then(|text| Definitions::parse(&text).map_err(|problem| format!("`{path}` is no file of definitions: {problem}")));
    parsed
        .map_err(|message| {
            let diagnostic = Diagnostic::new(Code::BadDefinitions, place, message, "its tools are defined nowhere");
            faults.push(diagnostic.help("`airlock pin` asks the server for them and writes the file"));
        })
        .ok()
}
