//! Files of MCP clients: finding them, reading the servers in them, changing one server and nothing else.

pub(crate) mod clients;
pub(crate) mod diff;
pub(crate) mod file;
pub(crate) mod jsonc;
pub(crate) mod mask;
pub(crate) mod place;
pub(crate) mod server;
pub(crate) mod toml;
pub(crate) mod yaml;

pub(crate) use clients::{Client, Language};
pub(crate) use server::Server;

use place::Fault;
use std::collections::{BTreeSet, HashSet};
use std::hash::Hash;

impl Client {
    /// The servers of its file, in the order of the file.
    ///
    /// # Errors
    /// The text is not understood.
    pub(crate) fn servers(self, text: &str) -> Result<Vec<Server>, Fault> {
        let row = self.row();
        let found = match row.language {
            Language::Json => jsonc::servers(text, row.key),
            Language::Toml => toml::servers(text, row.key),
            Language::Yaml => yaml::servers(text, row.key),
        }?;
        Ok(found.into_iter().map(|(name, value)| Server::read(name, &value, row.shape)).collect())
    }

    /// The text with this server; the same text if it has it.
    ///
    /// # Errors
    /// The text is not understood.
    pub(crate) fn with(self, text: &str, server: &Server) -> Result<String, Fault> {
        let row = self.row();
        let value = server.written(row.shape);
        match row.language {
            Language::Json => jsonc::with(text, row.key, &server.name, &value),
            Language::Toml => toml::with(text, row.key, &server.name, &value),
            Language::Yaml => yaml::with(text, row.key, &server.name, &value),
        }
    }

    /// The text without the server of this name; `None` if it has none.
    ///
    /// # Errors
    /// The text is not understood.
    pub(crate) fn without(self, text: &str, name: &str) -> Result<Option<String>, Fault> {
        let row = self.row();
        match row.language {
            Language::Json => jsonc::without(text, row.key, name),
            Language::Toml => toml::without(text, row.key, name),
            Language::Yaml => yaml::without(text, row.key, name),
        }
    }
}

/// The values of gateways that may be shown beside others: programs, and places of files. The variables that `adopt` moved into an entry
/// are not among them.
pub(crate) fn open_values(servers: &[Server]) -> BTreeSet<String> {
    let gateways = servers.iter().filter(|server| server.is_gateway());
    let places = |server: &Server| {
        let own = server.env.iter().filter(|(name, _)| name.starts_with("AIRLOCK_")).map(|(_, value)| value.clone());
        server.command.iter().cloned().chain(own).collect::<Vec<_>>()
    };
    gateways.flat_map(places).chain(["stdio".to_owned()]).collect()
}

/// The place of the first key that stands there for the second time. Each key is looked up once.
fn first_twin<K: Eq + Hash>(keys: impl IntoIterator<Item = K>) -> Option<usize> {
    let mut seen = HashSet::new();
    keys.into_iter().position(|key| !seen.insert(key))
}

/// How the lines of a text end.
fn line_end(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

#[cfg(test)]
mod tests;
