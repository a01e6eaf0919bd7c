//! `airlock`: checks a policy manifest, builds a gateway from it, issues leases and verifies ledgers.

mod args;
mod cargo;
mod carried;
mod cases;
mod client;
mod command;
#[cfg(test)]
mod counted;
mod demo;
mod gateway;
mod judge;
mod learn;
mod manifest;
mod places;
mod project;
mod render;
mod report;
mod scaffold;
mod secret;
mod shown;
mod standin;
mod upstream;

use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = args::Cli::read();
    match command::run(cli.command) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
