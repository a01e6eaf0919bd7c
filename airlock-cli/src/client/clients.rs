//! The MCP clients that are known, one row for each: where its file is, in which language, and how a server is written there.
//!
//! The rows follow public documentation of November 2026; `docs/client-setup.md` has the same table, and a test compares them.

use std::path::{Path, PathBuf};

/// A client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Client {
    /// Claude Desktop
    ClaudeDesktop,
    /// Claude Code
    ClaudeCode,
    /// Cursor
    Cursor,
    /// Visual Studio Code
    Vscode,
    /// Windsurf
    Windsurf,
    /// Codex CLI
    Codex,
    /// Gemini CLI
    Gemini,
    /// Zed
    Zed,
    /// Goose
    Goose,
}

/// The language of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// JSON; comments and trailing commas are kept where they are.
    Json,
    /// TOML.
    Toml,
    /// YAML, as far as `client::yaml` understands it.
    Yaml,
}

/// How a server is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `command`, `args`, `env`.
    Plain,
    /// The same after `"type": "stdio"`.
    Typed,
    /// Goose: `type`, `name`, `cmd`, `args`, `envs`, `enabled`, `timeout`.
    Goose,
}

/// What is known about a client.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its name, for people.
    pub(crate) title: &'static str,
    /// Language of its file.
    pub(crate) language: Language,
    /// The key that has the servers.
    pub(crate) key: &'static str,
    /// How one is written.
    pub(crate) shape: Shape,
    /// The file of a user on Linux. `~` is the home directory, `$XDG_CONFIG_HOME` has its usual default.
    pub(crate) linux: &'static str,
    /// The same on macOS, where it is another.
    pub(crate) macos: Option<&'static str>,
    /// The file of a project, where there is one.
    pub(crate) project: Option<&'static str>,
}

const PLAIN: Row =
    Row { title: "", language: Language::Json, key: "mcpServers", shape: Shape::Plain, linux: "", macos: None, project: None };

impl Client {
    /// Its row.
    pub(crate) const fn row(self) -> &'static Row {
        match self {
            Self::ClaudeDesktop => &Row {
                title: "Claude Desktop",
                linux: "$XDG_CONFIG_HOME/Claude/claude_desktop_config.json",
                macos: Some("~/Library/Application Support/Claude/claude_desktop_config.json"),
                ..PLAIN
            },
            Self::ClaudeCode => {
                &Row { title: "Claude Code", shape: Shape::Typed, linux: "~/.claude.json", project: Some(".mcp.json"), ..PLAIN }
            }
            Self::Cursor => &Row { title: "Cursor", linux: "~/.cursor/mcp.json", project: Some(".cursor/mcp.json"), ..PLAIN },
            Self::Vscode => &Row {
                title: "Visual Studio Code",
                key: "servers",
                shape: Shape::Typed,
                linux: "$XDG_CONFIG_HOME/Code/User/mcp.json",
                macos: Some("~/Library/Application Support/Code/User/mcp.json"),
                project: Some(".vscode/mcp.json"),
                ..PLAIN
            },
            Self::Windsurf => &Row { title: "Windsurf", linux: "~/.codeium/windsurf/mcp_config.json", ..PLAIN },
            Self::Codex => &Row {
                title: "Codex CLI",
                language: Language::Toml,
                key: "mcp_servers",
                linux: "~/.codex/config.toml",
                project: Some(".codex/config.toml"),
                ..PLAIN
            },
            Self::Gemini => {
                &Row { title: "Gemini CLI", linux: "~/.gemini/settings.json", project: Some(".gemini/settings.json"), ..PLAIN }
            }
            Self::Zed => &Row {
                title: "Zed",
                key: "context_servers",
                linux: "$XDG_CONFIG_HOME/zed/settings.json",
                macos: Some("~/.config/zed/settings.json"),
                project: Some(".zed/settings.json"),
                ..PLAIN
            },
            Self::Goose => &Row {
                title: "Goose",
                language: Language::Yaml,
                key: "extensions",
                shape: Shape::Goose,
                linux: "$XDG_CONFIG_HOME/goose/config.yaml",
                macos: Some("~/.config/goose/config.yaml"),
                ..PLAIN
            },
        }
    }

    /// The name on the command line.
    pub(crate) fn id(self) -> String {
        clap::ValueEnum::to_possible_value(&self).map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The file of the user who runs this. Nothing where there is no home directory to speak of.
    pub(crate) fn user_file(self, variable: &dyn Fn(&str) -> Option<std::ffi::OsString>) -> Option<PathBuf> {
        let row = self.row();
        let place = row.macos.filter(|_| cfg!(target_os = "macos")).unwrap_or(row.linux);
        let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        match place.split_once('/') {
            Some(("~", rest)) => absolute("HOME").map(|home| home.join(rest)),
            Some(("$XDG_CONFIG_HOME", rest)) => {
                let config = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
                config.map(|config| config.join(rest))
            }
            Some(_) | None => None,
        }
    }

    /// The file of a project.
    pub(crate) fn project_file(self, dir: &Path) -> Option<PathBuf> {
        self.row().project.map(|file| dir.join(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_client_has_a_file_and_a_line_in_the_docs() {
        let docs = include_str!("../../../docs/client-setup.md");
        let variable = |name: &str| (name == "HOME").then(|| "/home/me".into());
        for client in Client::value_variants() {
            let row = client.row();
            assert!(client.user_file(&variable).is_some_and(|path| path.starts_with("/home/me")), "{client:?}");
            assert!(client.user_file(&|_| None).is_none());
            let language = match row.language {
                Language::Json => "JSON",
                Language::Toml => "TOML",
                Language::Yaml => "YAML",
            };
            let project = row.project.map_or("–".to_owned(), |file| format!("`{file}`"));
            let same = row.macos.map_or("the same".to_owned(), |file| format!("`{file}`"));
            let line = format!(
                "| `{}` | {} | `{}` | {same} | {project} | {language}, `{}` |",
                client.id(),
                row.title,
                row.linux,
                row.key
            );
            assert!(docs.contains(&line), "docs/client-setup.md lacks\n{line}");
        }
    }

    #[test]
    fn a_relative_place_is_none() {
        let variable = |name: &str| Some(if name == "XDG_CONFIG_HOME" { "config".into() } else { "/home/me".into() });
        assert_eq!(Client::Zed.user_file(&variable), Some("/home/me/.config/zed/settings.json".into()));
    }
}
