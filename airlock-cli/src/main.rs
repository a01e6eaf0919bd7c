//! `airlock`: checks a policy manifest, builds a gateway from it, issues leases and verifies ledgers.

mod args;
mod cargo;
mod carried;
mod command;
mod demo;
mod gateway;
mod manifest;
mod render;
mod scaffold;
mod standin;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    match command::run(cli.command) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
