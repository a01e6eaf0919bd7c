//! Forms in which programs print structured results for people: what in such a text is a value that stands alone.
//!
//! Who writes a message must not be able to write a member. So a text is read whole or not at all: a line that does not fit, a second
//! reading, or a name that stands twice in one place, and it is words like any other. A value that goes over several lines is words too.
//! Each reader takes a subset that printers of such forms write, in one pass and with bounded depth. What a program prints without the
//! quoting of its form cannot be told from its members by anyone; the manifest says the form only of programs that quote.

mod table;
mod yaml;

use super::names_id;
use crate::policy::origin::{Piece, Printed};
use std::borrow::Cow;
use std::collections::HashSet;

/// `result = "yaml"`.
pub static YAML: Printed = Printed { word: "yaml", read: yaml::read };
/// `result = "csv"`.
pub static CSV: Printed = Printed { word: "csv", read: table::csv };
/// `result = "table"`.
pub static TABLE: Printed = Printed { word: "table", read: table::read };

/// Longest name of a member or a column, in bytes.
const NAME_MAX: usize = 128;

/// A member that stands in one line.
fn whole(text: Cow<'_, str>, is_id: bool) -> Piece<'_> {
    Piece { text, is_id, is_whole: true }
}

/// No character that some reader takes for the end of a line and another does not, and none that controls anything.
fn is_plain(text: &str) -> bool {
    let ends = |c: char| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    !text.chars().any(|c| ends(c) || c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// The names of members or columns in one place: each stands there once.
#[derive(Default)]
struct Names<'t>(HashSet<Cow<'t, str>>);

impl<'t> Names<'t> {
    /// Takes a name; `None` where it stands twice, is none, or is too long.
    fn take(&mut self, name: Cow<'t, str>) -> Option<Piece<'t>> {
        let is_name = !name.is_empty() && name.len() <= NAME_MAX;
        (is_name && self.0.insert(name.clone())).then(|| whole(name, false))
    }
}

#[cfg(test)]
mod tests;
