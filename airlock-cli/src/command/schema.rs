//! `airlock schema`.

use crate::render::{Outcome, say};
use airlock_policy::keys;
use std::process::ExitCode;

/// Print the JSON Schema of manifests, for editors.
///
/// Needs no manifest. For editors with Taplo (Even Better TOML among them): `airlock schema > airlock.schema.json`, and
/// `#:schema ./airlock.schema.json` as the first line of airlock.toml. The schema sees keys, types and forms; `airlock check` sees the
/// rest.
#[derive(Debug, clap::Args)]
pub(crate) struct Schema {
    /// What is printed
    #[arg(long, value_enum, default_value = "json")]
    format: SchemaFormat,
}

/// What is made from the table of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum SchemaFormat {
    /// JSON Schema, draft 7.
    Json,
    /// The reference of all keys (docs/manifest.md).
    Markdown,
}

impl Schema {
    pub(crate) fn run(self) -> Outcome {
        match self.format {
            SchemaFormat::Json => say(format_args!("{:#}", keys::schema())),
            SchemaFormat::Markdown => say(keys::page().trim_end()),
        }
        Ok(ExitCode::SUCCESS)
    }
}
