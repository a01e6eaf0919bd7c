//! Macro input → manifest → policy → tokens, or a compile error that says everything.

use crate::note::Said;
use crate::tables;
use proc_macro2::TokenStream;
use quote::quote;
use std::path::Path;
use syn::LitStr;

/// Environment variable in which `airlock build` gives the digest of the policy that it checked.
const DIGEST: &str = "AIRLOCK_POLICY_DIGEST";
/// What the gateway is built with, as one JSON object: content of a note.
const BUILD: &str = "AIRLOCK_BUILD";
/// `manifest`: the text of the manifest becomes a note.
const NOTE: &str = "AIRLOCK_NOTE";
/// Content of the section `.dep-v0`, as hex digits.
const DEPENDENCIES: &str = "AIRLOCK_DEPENDENCIES";

/// What `airlock build` says through the environment; a crate of somebody's own need not say anything.
#[derive(Debug, Default)]
struct Given {
    digest: Option<String>,
    build: Option<String>,
    note: Option<String>,
    dependencies: Option<String>,
}

/// The macro's whole work.
pub(crate) fn gateway(input: TokenStream) -> TokenStream {
    let dir = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let given = |name: &str| std::env::var(name).ok();
    let given = Given { digest: given(DIGEST), build: given(BUILD), note: given(NOTE), dependencies: given(DEPENDENCIES) };
    expand(input, Path::new(&dir), &given).unwrap_or_else(|problem| refused(&problem))
}

/// A compile error. Without a `main`, the compiler would report its absence too and hide what matters.
fn refused(problem: &str) -> TokenStream {
    quote! {
        ::core::compile_error! { #problem }
        fn main() {}
    }
}

fn expand(input: TokenStream, dir: &Path, given: &Given) -> Result<TokenStream, String> {
    let name: LitStr =
        syn::parse2(input).map_err(|_| "write gateway!(\"airlock.toml\"): one path, relative to Cargo.toml".to_owned())?;
    let name = name.value();
    let path = dir.join(&name);
    let bytes = std::fs::read(&path).map_err(|e| format!("cannot read the manifest {}: {e}", path.display()))?;
    let text = String::from_utf8(bytes).map_err(|e| format!("the manifest {} is not UTF-8: {e}", path.display()))?;
    let beside = path.parent().unwrap_or(dir);
    let (tokens, files) = compile(&text, &name, beside, given)?;
    let folder = name.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
    let names = [name.clone()].into_iter().chain(files.iter().map(|file| format!("{folder}{file}")));
    // The bytes were read above; these lines make cargo compile again when the manifest, a file that it names or a variable changes. (A variable counts
    // whatever the file's time says.)
    Ok(quote! {
        #(const _: &[u8] = ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #names));)*
        const _: [::core::option::Option<&str>; 4] = [
            ::core::option_env!(#DIGEST),
            ::core::option_env!(#BUILD),
            ::core::option_env!(#NOTE),
            ::core::option_env!(#DEPENDENCIES),
        ];
        #tokens
    })
}

/// Tokens for the text of a manifest with the files beside it, and the paths of those that it names.
fn compile(text: &str, name: &str, beside: &Path, given: &Given) -> Result<(TokenStream, Vec<String>), String> {
    let Given { digest, build, note, dependencies } = given;
    let checked = airlock_policy::compile_with(text, name, &airlock_policy::beside(beside));
    let Some(compiled) = checked.compiled() else {
        return Err(format!("the manifest has errors; `airlock check` shows them too\n\n{}", checked.render(false)));
    };
    if digest.as_ref().is_some_and(|digest| *digest != compiled.digest_hex()) {
        return Err(format!(
            "{name} compiles to another policy than the one that {DIGEST} names: it has changed since it was checked"
        ));
    }
    let manifest = match note.as_deref() {
        Some("manifest") => Some(text),
        None | Some("digest") => None,
        Some(other) => return Err(format!("{NOTE} is {other:?}; it can be `manifest` or `digest`")),
    };
    let dependencies = dependencies.as_deref().map(from_hex).transpose()?;
    let files = checked.files();
    let definitions = manifest.filter(|_| !files.is_empty()).map(|_| serde_json::to_string(files)).transpose();
    let definitions = definitions.map_err(|fault| format!("cannot write the definitions into a note: {fault}"))?;
    let said = Said { build: build.as_deref(), manifest, definitions, dependencies: dependencies.as_deref() };
    Ok((tables::gateway(compiled.policy(), compiled.digest(), &said), files.keys().cloned().collect()))
}

fn from_hex(digits: &str) -> Result<Vec<u8>, String> {
    let byte = |at| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    bytes.ok_or_else(|| format!("{DEPENDENCIES} is not pairs of hex digits"))
}

#[cfg(test)]
mod tests;
