//! What a gateway says of itself without being run: ELF notes, and the list of crates for auditors.
//!
//! | section | type | content |
//! |---|---|---|
//! | `.note.airlock.policy` | 1 | policy digest, 32 bytes |
//! | `.note.airlock.build` | 2 | what it was built with, one JSON object |
//! | `.note.airlock.manifest` | 3 | text of the manifest |
//! | `.note.airlock.definitions` | 4 | the files that the manifest names, one JSON object of path and text; only where it names any |
//! | `.dep-v0` | | crates that are linked, in cargo-auditable's format |
//!
//! The first is in every gateway, the others as far as `airlock build` asks for them. A note is a claim of the file about itself:
//! building it again is what proves it.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};

/// The notes' owner as it stands in the binary: eight bytes with the terminating zero that ELF asks for.
const OWNER: &[u8; 8] = b"Airlock\0";
/// Type of the note that carries a policy digest.
const POLICY_DIGEST: u32 = 1;
/// Type of the note that says what a gateway was built with.
const BUILD: u32 = 2;
/// Type of the note that carries the text of the manifest.
const MANIFEST: u32 = 3;

/// Type of the note that carries the files which the manifest names.
const DEFINITIONS: u32 = 4;

/// What is said beside the policy digest.
#[derive(Debug, Default)]
pub(crate) struct Said<'a> {
    /// What the gateway was built with, as JSON.
    pub(crate) build: Option<&'a str>,
    /// Text of the manifest.
    pub(crate) manifest: Option<&'a str>,
    /// The files that the manifest names, as JSON.
    pub(crate) definitions: Option<String>,
    /// Content of `.dep-v0`.
    pub(crate) dependencies: Option<&'a [u8]>,
}

/// The statics of all notes. `link_section` counts as unsafe since a wrong section can break a program; these hold data that
/// nothing executes or relocates.
pub(crate) fn notes(digest: &[u8; 32], said: &Said<'_>) -> TokenStream {
    let Said { build, manifest, definitions, dependencies } = said;
    let policy = note("policy", POLICY_DIGEST, digest);
    let build = build.map(|text| note("build", BUILD, text.as_bytes()));
    let manifest = manifest.map(|text| note("manifest", MANIFEST, text.as_bytes()));
    let definitions = definitions.as_ref().map(|text| note("definitions", DEFINITIONS, text.as_bytes()));
    let dependencies = dependencies.map(audit_data);
    quote! {
        #[cfg(target_os = "linux")]
        #[repr(C, align(4))]
        struct Note<const N: usize> {
            owner_size: u32,
            content_size: u32,
            kind: u32,
            owner: [u8; 8],
            content: [u8; N],
        }
        #policy
        #build
        #manifest
        #definitions
        #dependencies
    }
}

/// A linker drops sections that nothing refers to, except notes; the statement for `main` that refers to the list of crates.
pub(crate) fn kept(said: &Said<'_>) -> Option<TokenStream> {
    said.dependencies.map(|_| quote!(::core::hint::black_box(&DEPENDENCIES);))
}

fn note(name: &str, kind: u32, content: &[u8]) -> TokenStream {
    let section = format!(".note.airlock.{name}");
    let symbol = format_ident!("{}_NOTE", name.to_uppercase());
    // Content is padded to whole words; its size is told without the padding. The checker bounds a manifest far below 4 GiB.
    let size = u32::try_from(content.len()).unwrap_or(u32::MAX);
    let padded: Vec<u8> =
        content.iter().copied().chain(std::iter::repeat_n(0, content.len().next_multiple_of(4) - content.len())).collect();
    let length = padded.len();
    let (owner, content) = (Literal::byte_string(OWNER), Literal::byte_string(&padded));
    quote! {
        #[cfg(target_os = "linux")]
        #[used]
        #[unsafe(link_section = #section)]
        static #symbol: Note<#length> =
            Note { owner_size: 8, content_size: #size, kind: #kind, owner: *#owner, content: *#content };
    }
}

fn audit_data(bytes: &[u8]) -> TokenStream {
    let (length, content) = (bytes.len(), Literal::byte_string(bytes));
    quote! {
        #[cfg_attr(target_os = "linux", unsafe(link_section = ".dep-v0"))]
        #[used]
        static DEPENDENCIES: [u8; #length] = *#content;
    }
}
