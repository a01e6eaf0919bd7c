//! Pins in the manifest, and the files of definitions beside it.

use super::Asked;
use crate::render::Failure;
use crate::scaffold::replace;
use std::collections::BTreeMap;
use std::path::Path;
use toml_edit::{DocumentMut, Item, Value, value};

/// Pins by upstream and tool.
pub(super) type Pins = BTreeMap<(String, String), String>;

/// The pins that stand in a manifest.
///
/// # Errors
/// It is not TOML.
pub(super) fn pins(text: &str, path: &Path) -> Result<Pins, Failure> {
    let document = parse(text, path)?;
    let mut pins = Pins::new();
    let upstreams = document.get("upstreams").and_then(Item::as_table_like);
    for (upstream, item) in upstreams.into_iter().flat_map(|table| table.iter()) {
        let tools = item.as_table_like().and_then(|table| table.get("tools")).and_then(Item::as_table_like);
        for (tool, item) in tools.into_iter().flat_map(|table| table.iter()) {
            let pin = item.as_table_like().and_then(|table| table.get("pin")).and_then(Item::as_str);
            pins.extend(pin.map(|pin| ((upstream.to_owned(), tool.to_owned()), pin.to_owned())));
        }
    }
    Ok(pins)
}

fn parse(text: &str, path: &Path) -> Result<DocumentMut, Failure> {
    text.parse().map_err(|fault| Failure::new(format_args!("{} is not TOML: {fault}", path.display())))
}

/// The manifest with these pins. Comments and everything else stay.
pub(super) fn pinned(text: &str, path: &Path, asked: &[Asked]) -> Result<String, Failure> {
    let mut document = parse(text, path)?;
    for upstream in asked {
        for tool in &upstream.tools {
            let (Some(pin), false) = (&tool.pin, tool.is_pinned) else { continue };
            let path = ["upstreams", &upstream.name, "tools", &tool.name];
            let table = path.into_iter().try_fold(document.as_item_mut(), |item, key| item.as_table_like_mut()?.get_mut(key));
            let set = table.and_then(|table| set(table, pin));
            set.ok_or_else(|| Failure::new(format_args!("there is no place for the pin of {:?}", tool.name)))?;
        }
    }
    Ok(document.to_string())
}

/// Puts the pin where it stands; a new one before all other keys, where a reader looks for it.
fn set(tool: &mut Item, pin: &str) -> Option<()> {
    let known = tool.as_table_like_mut()?.get_mut("pin").and_then(Item::as_value_mut);
    if let Some(known) = known {
        let decor = known.decor().clone();
        *known = pin.into();
        *known.decor_mut() = decor;
        return Some(());
    }
    let first = |key: &str| key != "pin";
    match tool {
        Item::Table(table) => {
            table.insert("pin", value(pin));
            table.sort_values_by(|a, _, b, _| first(a.get()).cmp(&first(b.get())));
        }
        Item::Value(Value::InlineTable(table)) => {
            table.insert("pin", pin.into());
            table.sort_values_by(|a, _, b, _| first(a.get()).cmp(&first(b.get())));
        }
        Item::None | Item::Value(_) | Item::ArrayOfTables(_) => return None,
    }
    Some(())
}

/// Writes the definitions, then the manifest that pins them: a manifest never pins what is not there.
///
/// # Errors
/// A file operation failed, or the manifest has changed while the servers were asked.
pub(super) fn all(manifest: &Path, text: &str, asked: &[Asked]) -> Result<(), Failure> {
    let cannot = |path: &Path, e: std::io::Error| Failure::new(format_args!("cannot write {}: {e}", path.display()));
    let new = pinned(text, manifest, asked)?;
    let now =
        std::fs::read_to_string(manifest).map_err(|e| Failure::new(format_args!("cannot read {}: {e}", manifest.display())))?;
    if now != text {
        return Err(Failure::new(format_args!(
            "{} has changed while the servers were asked; nothing was written",
            manifest.display()
        ))
        .help("run the command again"));
    }
    for upstream in asked.iter().filter(|upstream| !upstream.is_written) {
        let path = manifest.with_file_name(&upstream.file);
        path.parent().map(std::fs::create_dir_all).transpose().map_err(|e| cannot(&path, e))?;
        replace(&path, upstream.definitions.as_bytes()).map_err(|e| cannot(&path, e))?;
    }
    replace(manifest, new.as_bytes()).map_err(|e| cannot(manifest, e))
}

#[cfg(test)]
mod tests {
    use super::super::{State, Tool};
    use super::*;

    #[test]
    fn pins_are_put_in_their_place_and_comments_stay() {
        let text = "airlock = 1 # one\n[upstreams.a]\ncommand = [\"/a\"]\n# about x\n[upstreams.a.tools.x] # head\n# why\nwhy = \"x\"\n\
                    [upstreams.a.tools.y]\npin = \"sha256:old\" # pinned\nwhy = \"y\"\n[upstreams.a.tools]\nz = { why = \"z\" }\n";
        let tool = |name: &str| Tool {
            name: name.to_owned(),
            state: State::Same,
            remarks: Vec::new(),
            pin: Some(format!("sha256:{name}")),
            is_pinned: false,
        };
        let asked = Asked {
            name: "a".to_owned(),
            revision: "2025-11-25",
            stray: 0,
            file: "airlock-pins/a.json".to_owned(),
            tools: ["x", "y", "z"].map(tool).into(),
            others: Vec::new(),
            definitions: String::new(),
            is_written: true,
        };
        let path = Path::new("airlock.toml");
        let new = pinned(text, path, &[asked]).expect("pinned");
        insta::assert_snapshot!(new);
        let found = pins(&new, path).expect("pins");
        assert_eq!(found.into_values().collect::<Vec<_>>(), ["sha256:x", "sha256:y", "sha256:z"]);
    }
}
