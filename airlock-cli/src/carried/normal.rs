//! A member's `Cargo.toml` without its workspace: what it takes from there is written out, what only tests need is left out.

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

/// Tables of a manifest that hold dependencies of the library itself.
const DEPENDENCIES: [&str; 2] = ["dependencies", "build-dependencies"];
/// What a crate alone cannot have, or only tests use.
const LEFT_OUT: [&str; 3] = ["dev-dependencies", "bench", "test"];

/// The manifest as one that stands alone. Path dependencies lead to the directory beside it.
///
/// # Errors
/// What is wrong, as a sentence: no TOML, or an inherited key that the workspace does not have.
pub(crate) fn standalone(manifest: &str, workspace: &str) -> Result<String, String> {
    let mut document = parse(manifest)?;
    let workspace = parse(workspace)?;
    let shared = workspace.get("workspace").ok_or("no workspace")?;
    for name in LEFT_OUT {
        document.remove(name);
    }
    if let Some(package) = document.get_mut("package").and_then(Item::as_table_like_mut) {
        let inherited: Vec<String> =
            package.iter().filter(|(_, item)| is_inherited(item)).map(|(key, _)| key.to_owned()).collect();
        for key in inherited {
            let value = shared.get("package").and_then(|table| table.get(&key)).ok_or_else(|| format!("no {key}"))?;
            package.insert(&key, value.clone());
        }
    }
    inherit_all(document.as_table_mut(), shared)?;
    // Dependencies of one system alone.
    let systems = document.get_mut("target").and_then(Item::as_table_like_mut);
    for (_, system) in systems.into_iter().flat_map(|systems| systems.iter_mut()) {
        if let Some(table) = system.as_table_like_mut() {
            inherit_all(table, shared)?;
        }
    }
    if document.get("lints").is_some_and(is_inherited) {
        let lints = shared.get("lints").ok_or("no lints")?;
        document.insert("lints", lints.clone());
        place_at_end(&mut document, "lints");
    }
    Ok(document.to_string())
}

/// The release that a `rust-toolchain.toml` names.
///
/// # Errors
/// What is wrong, as a sentence.
pub(crate) fn channel(toolchain: &str) -> Result<String, String> {
    let document = parse(toolchain)?;
    let channel = document.get("toolchain").and_then(|table| table.get("channel")).and_then(Item::as_str);
    channel.map(str::to_owned).ok_or_else(|| "rust-toolchain.toml names no channel".to_owned())
}

/// The names in `[features]`.
///
/// # Errors
/// What is wrong, as a sentence.
pub(crate) fn features(manifest: &str) -> Result<Vec<String>, String> {
    let document = parse(manifest)?;
    let table = document.get("features").and_then(Item::as_table_like).ok_or("no features")?;
    Ok(table.iter().map(|(name, _)| name.to_owned()).collect())
}

fn parse(text: &str) -> Result<DocumentMut, String> {
    text.parse().map_err(|e: toml_edit::TomlError| e.to_string())
}

fn is_inherited(item: &Item) -> bool {
    item.get("workspace").and_then(Item::as_bool) == Some(true)
}

fn inherit_all(above: &mut dyn TableLike, shared: &Item) -> Result<(), String> {
    for name in DEPENDENCIES {
        if let Some(table) = above.get_mut(name).and_then(Item::as_table_like_mut) {
            inherit_dependencies(table, shared)?;
        }
    }
    Ok(())
}

fn inherit_dependencies(table: &mut dyn TableLike, shared: &Item) -> Result<(), String> {
    let inherited: Vec<String> = table.iter().filter(|(_, item)| is_inherited(item)).map(|(key, _)| key.to_owned()).collect();
    for key in inherited {
        let base = shared.get("dependencies").and_then(|all| all.get(&key)).ok_or_else(|| format!("no dependency {key}"))?;
        let own = table.get(&key).map(entries).unwrap_or_default();
        let mut merged = match base.as_str() {
            Some(version) => InlineTable::from_iter([("version", version)]),
            None => entries(base),
        };
        for (name, value) in &own {
            match name {
                "workspace" => {}
                // Features add up; everything else of the member outranks the workspace.
                "features" => {
                    let all: Array = [merged.get("features"), Some(value)]
                        .into_iter()
                        .flatten()
                        .filter_map(Value::as_array)
                        .flatten()
                        .cloned()
                        .collect();
                    merged.insert("features", Value::Array(all));
                }
                other => drop(merged.insert(other, value.clone())),
            }
        }
        if let Some(path) = merged.get("path").and_then(Value::as_str).map(|path| format!("../{path}")) {
            merged.insert("path", path.into());
        }
        merged.fmt();
        table.insert(&key, Item::Value(Value::InlineTable(merged)));
    }
    Ok(())
}

/// The entries of `name = { … }` or `name.key = …` as one inline table.
fn entries(item: &Item) -> InlineTable {
    let pairs = item.as_table_like().into_iter().flat_map(TableLike::iter);
    pairs.filter_map(|(key, item)| Some((key, item.as_value()?.clone()))).collect()
}

/// Tables keep the places they had in another document; this one is told to come last.
fn place_at_end(document: &mut DocumentMut, name: &str) {
    fn clear(table: &mut Table) {
        table.set_position(None);
        for (_, item) in table.iter_mut() {
            if let Item::Table(inner) = item {
                clear(inner);
            }
        }
    }
    if let Some(table) = document.get_mut(name).and_then(Item::as_table_mut) {
        clear(table);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: &str = r#"
[workspace.package]
version = "1.2.3"
edition = "2024"
[workspace.dependencies]
plain = "4"
rich = { version = "1", default-features = false, features = ["a"] }
ours = { path = "ours", version = "1.2.3" }
[workspace.lints.rust]
unsafe_code = "forbid"
"#;

    #[test]
    fn what_a_member_inherits_is_written_out() {
        let member = r#"[package]
name = "member"
version.workspace = true
edition.workspace = true

[features]
x = ["dep:rich"]

[dependencies]
plain.workspace = true
rich = { workspace = true, optional = true, features = ["b"] }
ours.workspace = true
own = "7" # why

[target.'cfg(target_os = "linux")'.dependencies]
rich = { workspace = true, optional = true }

[dev-dependencies]
tests-only.workspace = true

[lints]
workspace = true
"#;
        insta::assert_snapshot!(standalone(member, WORKSPACE).expect("standalone"));
    }

    #[test]
    fn what_cannot_be_inherited_is_an_error() {
        for member in [
            "[package]\nlicense.workspace = true",
            "[dependencies]\nother.workspace = true",
            "[target.x.dependencies]\nother.workspace = true",
            "= 1",
        ] {
            assert!(standalone(member, WORKSPACE).is_err(), "{member}");
        }
        assert!(standalone("", "").is_err());
        assert!(channel("[toolchain]\n").is_err());
    }
}
