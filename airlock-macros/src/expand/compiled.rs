//! A policy that `airlock build` has checked and compiled, as JSON in the crate that it generated.

use super::{Given, carries_manifest, path_of, text_of, tokens, watched};
use airlock_policy::handover::Handover;
use proc_macro2::TokenStream;
use std::path::Path;

/// The text of the manifest beside the policy, for a note.
const MANIFEST: &str = "airlock.toml";
/// The files that the manifest names, one JSON object of path and text; absent where it names none.
const DEFINITIONS: &str = "definitions.json";

pub(crate) fn expand(input: TokenStream, dir: &Path, given: &Given) -> Result<TokenStream, String> {
    let name = path_of(input, "compiled!(\"policy.json\")")?;
    let path = dir.join(&name);
    let text = text_of(&path, "policy")?;
    let handover: Handover = serde_json::from_str(&text)
        .map_err(|e| format!("{} is not what `airlock build` of this version writes: {e}", path.display()))?;
    let beside = path.parent().unwrap_or(dir);
    let folder = name.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let mut names = vec![name.clone()];
    let mut note = |file: &str, what: &str| {
        names.push(format!("{folder}{file}"));
        text_of(&beside.join(file), what)
    };
    let carries = carries_manifest(given)?;
    let manifest = carries.then(|| note(MANIFEST, "manifest")).transpose()?;
    let has_definitions = carries && beside.join(DEFINITIONS).exists();
    let definitions = has_definitions.then(|| note(DEFINITIONS, "definitions")).transpose()?;
    Ok(watched(&names, &tokens(&handover, &name, manifest.as_deref(), definitions, given)?))
}
