//! `airlock new`.

pub(crate) mod from_server;
mod sandbox;

use crate::args::Format;
use crate::project::{self, Start, Template};
use crate::render::{Failure, Outcome, say};
use crate::shown;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

/// Write a new policy repository: manifest, cases, snapshot tests, a workflow for a build server.
///
/// The gateway is named like the directory. Existing files are never replaced. With --from-server the manifest is made from a live MCP
/// server: it is started once and asked for its tools; those that it calls read-only are allowed (a hint, no proof), the others stand in
/// the manifest as comments, and definitions and pins are written.
#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// Directory of the repository; made when absent
    dir: PathBuf,
    /// What to start from
    #[arg(long, value_enum, default_value = "weather", conflicts_with = "from_server")]
    template: Template,
    #[command(flatten)]
    asked: Asked,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// A live server to start from.
#[derive(Debug, clap::Args)]
struct Asked {
    /// Start from the MCP server whose command stands behind `--`
    #[arg(long, requires = "command")]
    from_server: bool,
    /// Name of the server in the manifest [default: made from its command]
    #[arg(long, value_name = "NAME", requires = "from_server")]
    upstream: Option<String>,
    /// A variable of this environment that the server gets
    #[arg(long, value_name = "NAME", requires = "from_server")]
    env: Vec<String>,
    /// A variable of this environment with a secret that the server gets
    #[arg(long, value_name = "NAME", requires = "from_server")]
    secret: Vec<String>,
    /// Program and arguments of the server
    #[arg(last = true, requires = "from_server")]
    command: Vec<String>,
}

impl New {
    pub(crate) fn run(self) -> Outcome {
        let full =
            std::path::absolute(&self.dir).map_err(|e| Failure::new(format_args!("cannot use {}: {e}", self.dir.display())))?;
        let name = full.file_name().unwrap_or_default().to_string_lossy();
        if !is_name(&name) {
            let problem = format!("{name:?} cannot be the name of a gateway");
            return Err(
                Failure::new(problem).help("name the directory with a-z, 0-9 and '-', a letter first; `airlock` itself is taken")
            );
        }
        let start = match self.asked.from_server {
            true => from_server::start(&name, &self.asked)?,
            false => self.template.start(&name),
        };
        let files = project::write(&self.dir, &name, start)?;
        match self.format {
            Format::Json => say(json!({"gateway": name, "directory": self.dir, "files": files})),
            Format::Table => {
                files.iter().for_each(|path| say(shown::path(path)));
                let dir = shown::command([self.dir.display().to_string().as_str()]);
                say(format_args!("\nNext: cd {dir} && airlock check && airlock test && airlock build"));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Whether the manifest language accepts it. The characters are checked here, so that the name stays one TOML string; the rest is
/// the checker's business.
pub(crate) fn is_name(name: &str) -> bool {
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let Start { manifest, files: _ } = Template::Locked.start(name);
    plain && airlock_policy::compile(&manifest, "airlock.toml").compiled().is_some()
}
