//! A manifest, checked and compiled where the macro is expanded.

use super::{Given, carries_manifest, path_of, text_of, tokens, watched};
use airlock_policy::handover::Handover;
use proc_macro2::TokenStream;
use std::path::Path;

pub(crate) fn expand(input: TokenStream, dir: &Path, given: &Given) -> Result<TokenStream, String> {
    let name = path_of(input, "gateway!(\"airlock.toml\")")?;
    let path = dir.join(&name);
    let text = text_of(&path, "manifest")?;
    let (tokens, files) = compile(&text, &name, path.parent().unwrap_or(dir), given)?;
    let folder = name.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let names: Vec<String> = [name].into_iter().chain(files.iter().map(|file| format!("{folder}{file}"))).collect();
    Ok(watched(&names, &tokens))
}

/// Tokens for the text of a manifest with the files beside it, and the paths of those that it names.
pub(super) fn compile(text: &str, name: &str, beside: &Path, given: &Given) -> Result<(TokenStream, Vec<String>), String> {
    let checked = airlock_policy::compile_with(text, name, &airlock_policy::beside(beside));
    let Some(compiled) = checked.compiled() else {
        return Err(format!("the manifest has errors; `airlock check` shows them too\n\n{}", checked.render(false)));
    };
    let handover = Handover::of(compiled).ok_or("a key or a pattern of the policy is not what the checker lets through")?;
    let manifest = carries_manifest(given)?.then_some(text);
    let files = checked.files();
    let definitions = manifest.filter(|_| !files.is_empty()).map(|_| serde_json::to_string(files)).transpose();
    let definitions = definitions.map_err(|fault| format!("cannot write the definitions into a note: {fault}"))?;
    Ok((tokens(&handover, name, manifest, definitions, given)?, files.keys().cloned().collect()))
}
