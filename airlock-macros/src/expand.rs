//! Macro input → policy → tokens, or a compile error that says everything.

use crate::note::Said;
use crate::tables;
use airlock_policy::handover::Handover;
use proc_macro2::TokenStream;
use quote::quote;
use std::path::Path;
use syn::LitStr;

pub(crate) mod compiled;
#[cfg(feature = "manifest")]
pub(crate) mod manifest;

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
pub(crate) struct Given {
    digest: Option<String>,
    build: Option<String>,
    note: Option<String>,
    dependencies: Option<String>,
}

/// What a path relative to `Cargo.toml` leads to.
type Expand = fn(TokenStream, &Path, &Given) -> Result<TokenStream, String>;

/// A macro's whole work.
pub(crate) fn run(input: TokenStream, expand: Expand) -> TokenStream {
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

/// The path in a macro's parentheses.
fn path_of(input: TokenStream, example: &str) -> Result<String, String> {
    let name: LitStr = syn::parse2(input).map_err(|_| format!("write {example}: one path, relative to Cargo.toml"))?;
    Ok(name.value())
}

fn text_of(path: &Path, what: &str) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("cannot read the {what} {}: {e}", path.display()))?;
    String::from_utf8(bytes).map_err(|e| format!("the {what} {} is not UTF-8: {e}", path.display()))
}

/// The gateway, and lines that make cargo compile again when one of the files that it was made from changes, or a variable. (A variable
/// counts whatever the file's time says.)
fn watched(names: &[String], tokens: &TokenStream) -> TokenStream {
    quote! {
        #(const _: &[u8] = ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #names));)*
        const _: [::core::option::Option<&str>; 4] = [
            ::core::option_env!(#DIGEST),
            ::core::option_env!(#BUILD),
            ::core::option_env!(#NOTE),
            ::core::option_env!(#DEPENDENCIES),
        ];
        #tokens
    }
}

/// Does the binary carry the text of its manifest?
fn carries_manifest(given: &Given) -> Result<bool, String> {
    match given.note.as_deref() {
        Some("manifest") => Ok(true),
        None | Some("digest") => Ok(false),
        Some(other) => Err(format!("{NOTE} is {other:?}; it can be `manifest` or `digest`")),
    }
}

/// Tokens for a policy that passed every check. `manifest` and `definitions` become notes.
fn tokens(
    handover: &Handover,
    name: &str,
    manifest: Option<&str>,
    definitions: Option<String>,
    given: &Given,
) -> Result<TokenStream, String> {
    let Given { digest, build, note: _, dependencies } = given;
    if digest.as_ref().is_some_and(|digest| *digest != handover.digest) {
        return Err(format!(
            "{name} compiles to another policy than the one that {DIGEST} names: it has changed since it was checked"
        ));
    }
    let dependencies = dependencies.as_deref().map(|digits| from_hex(digits, DEPENDENCIES)).transpose()?;
    let said = Said { build: build.as_deref(), manifest, definitions, dependencies: dependencies.as_deref() };
    let digest = from_hex(&handover.digest, "the policy digest")?;
    let digest = digest.try_into().map_err(|_| "the policy digest is not 64 hex digits".to_owned())?;
    tables::gateway(handover, &digest, &said)
}

/// Pairs of hex digits as bytes.
pub(crate) fn from_hex(digits: &str, what: &str) -> Result<Vec<u8>, String> {
    let byte = |at| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    bytes.ok_or_else(|| format!("{what} is not pairs of hex digits"))
}

#[cfg(feature = "manifest")]
#[cfg(test)]
mod tests;
