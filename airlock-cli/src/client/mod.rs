//! Files of MCP clients: finding them, reading the servers in them, changing one server and nothing else.

pub(crate) mod clients;
pub(crate) mod diff;
pub(crate) mod file;
pub(crate) mod jsonc;
pub(crate) mod place;
pub(crate) mod server;
pub(crate) mod toml;
pub(crate) mod yaml;

pub(crate) use clients::{Client, Language};
pub(crate) use server::Server;

use place::Fault;

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

#[cfg(test)]
mod tests;
