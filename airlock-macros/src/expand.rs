//! Macro input → manifest → policy → tokens, or a compile error that says everything.

use crate::tables;
use proc_macro2::TokenStream;
use quote::quote;
use std::path::Path;
use syn::LitStr;

/// Environment variable in which `airlock build` gives the digest of the policy that it checked.
const DIGEST_VARIABLE: &str = "AIRLOCK_POLICY_DIGEST";

/// The macro's whole work.
pub(crate) fn gateway(input: TokenStream) -> TokenStream {
    let dir = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let expected = std::env::var(DIGEST_VARIABLE).ok();
    expand(input, Path::new(&dir), expected.as_deref()).unwrap_or_else(|problem| refused(&problem))
}

/// A compile error. Without a `main`, the compiler would report its absence too and hide what matters.
fn refused(problem: &str) -> TokenStream {
    quote! {
        ::core::compile_error! { #problem }
        fn main() {}
    }
}

fn expand(input: TokenStream, dir: &Path, expected: Option<&str>) -> Result<TokenStream, String> {
    let name: LitStr =
        syn::parse2(input).map_err(|_| "write gateway!(\"airlock.toml\"): one path, relative to Cargo.toml".to_owned())?;
    let name = name.value();
    let path = dir.join(&name);
    let bytes = std::fs::read(&path).map_err(|e| format!("cannot read the manifest {}: {e}", path.display()))?;
    let text = String::from_utf8(bytes).map_err(|e| format!("the manifest {} is not UTF-8: {e}", path.display()))?;
    let tokens = compile(&text, &name, expected)?;
    // The bytes were read above; these lines make cargo compile again when the manifest or the digest changes. (A digest counts
    // whatever the file's time says.)
    Ok(quote! {
        const _: &[u8] = ::core::include_bytes!(::core::concat!(::core::env!("CARGO_MANIFEST_DIR"), "/", #name));
        const _: ::core::option::Option<&str> = ::core::option_env!(#DIGEST_VARIABLE);
        #tokens
    })
}

/// Tokens for the text of a manifest.
fn compile(text: &str, name: &str, expected: Option<&str>) -> Result<TokenStream, String> {
    let checked = airlock_policy::compile(text, name);
    let Some(compiled) = checked.compiled() else {
        return Err(format!("the manifest has errors; `airlock check` shows them too\n\n{}", checked.render(false)));
    };
    match expected {
        Some(expected) if expected != compiled.digest_hex() => Err(format!(
            "{name} compiles to another policy than the one that {DIGEST_VARIABLE} names: it has changed since it was checked"
        )),
        Some(_) | None => Ok(tables::gateway(compiled.policy(), compiled.digest())),
    }
}

#[cfg(test)]
mod tests;
