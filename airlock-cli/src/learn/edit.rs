//! Changing the text of a manifest: comments and everything that nobody speaks of stay as they are.

use crate::render::Failure;
use toml_edit::{DocumentMut, Item, Table, TableLike};

/// Parses a manifest for changes.
///
/// # Errors
/// It is no TOML.
pub(crate) fn parse(text: &str, name: &str) -> Result<DocumentMut, Failure> {
    text.parse().map_err(|fault| Failure::new(format_args!("{name} is not TOML: {fault}")))
}

/// The table at a path.
pub(crate) fn at<'d>(document: &'d mut DocumentMut, path: &[&str]) -> Option<&'d mut dyn TableLike> {
    let item = path.iter().try_fold(document.as_item_mut(), |item, key| item.as_table_like_mut()?.get_mut(key))?;
    item.as_table_like_mut()
}

/// Puts lines of comment above a table, below what stands there.
pub(crate) fn comment(document: &mut DocumentMut, path: &[&str], lines: &[String]) {
    let Some((name, parents)) = path.split_last() else { return };
    let Some(parent) = at(document, parents) else { return };
    let text: String = lines.iter().map(|line| format!("# {line}\n")).collect();
    match parent.get_mut(name) {
        Some(Item::Table(table)) if !table.is_dotted() => above(table, &text),
        Some(_) => {
            if let Some(mut key) = parent.key_mut(name) {
                let before = key.leaf_decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default().to_owned();
                key.leaf_decor_mut().set_prefix(format!("{before}{text}"));
            }
        }
        None => {}
    }
}

/// As [`comment`], for the table itself.
pub(crate) fn above(table: &mut Table, text: &str) {
    let before = table.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or("\n").to_owned();
    table.decor_mut().set_prefix(format!("{before}{text}"));
}

/// Takes a table out; its text, with the path that it had.
pub(crate) fn cut(document: &mut DocumentMut, path: &[&str]) -> Option<String> {
    let (name, parents) = path.split_last()?;
    let item = at(document, parents)?.remove(name)?;
    let mut alone = DocumentMut::new();
    let mut place: &mut Table = alone.as_table_mut();
    for parent in parents {
        let mut table = Table::new();
        table.set_implicit(true);
        place = place.entry(parent).or_insert(Item::Table(table)).as_table_mut()?;
    }
    place.insert(name, item);
    Some(alone.to_string())
}

/// A text as lines of comment.
pub(crate) fn commented(text: &str) -> String {
    let line = |line: &str| if line.is_empty() { "#\n".to_owned() } else { format!("# {line}\n") };
    text.trim_matches('\n').lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "a = 1 # one\n\n# about x\n[u.f.tools.x] # head\nwhy = \"x\" # because\n[u.f.tools]\nz = { why = \"z\" }\n";

    #[test]
    fn what_is_cut_can_be_put_back() {
        let mut document = parse(TEXT, "t").unwrap();
        let cut = cut(&mut document, &["u", "f", "tools", "x"]).unwrap();
        assert_eq!(cut, "\n# about x\n[u.f.tools.x] # head\nwhy = \"x\" # because\n");
        assert_eq!(document.to_string(), "a = 1 # one\n[u.f.tools]\nz = { why = \"z\" }\n");
        assert_eq!(commented(&cut), "# # about x\n# [u.f.tools.x] # head\n# why = \"x\" # because\n");
    }

    #[test]
    fn a_comment_stands_above_and_loses_nothing() {
        let mut document = parse(TEXT, "t").unwrap();
        comment(&mut document, &["u", "f", "tools", "x"], &["seen".to_owned()]);
        comment(&mut document, &["u", "f", "tools", "z"], &["seen too".to_owned()]);
        let text = document.to_string();
        assert!(text.contains("# about x\n# seen\n[u.f.tools.x] # head\n") && text.contains("# seen too\nz = {"), "{text}");
    }
}
