//! The command line as data: one variant per verb, each with its arguments beside its code.

use crate::command;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

/// Compile a reviewed policy manifest into a locked-down MCP gateway.
#[derive(Debug, Parser)]
#[command(name = "airlock", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What `airlock --help` lists: every verb once, by who needs it.
const OVERVIEW: &str = "\
To begin:
  new, doctor, demo, completions, man

Policies, for their authors:
  check, explain, test, diff, learn, pin, risk, schema, import

Gateways, for those who build and start them:
  build, inspect, verify-build, sources, vendor, serve, unit, client

Keys and leases, for operators:
  key, issue, run, lease, revoke, approver, approve

Leases, for agents that hold one:
  attenuate, present

Ledgers, for operators and auditors:
  ledger, tail, stats, report, exposure, verify-log, evidence, redact, proof, witness

`airlock help COMMAND` tells more about each.";

/// The page of the whole program. Those of the verbs are as clap makes them.
const PAGE: &str = "{about-with-newline}\n{usage-heading} {usage}\n\n{before-help}Options:\n{options}{after-help}";

impl Cli {
    /// Reads the command line; wrong usage and help end the program.
    pub(crate) fn read() -> Self {
        let matches = Self::overview().get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|fault| fault.exit())
    }

    /// The command line with its overview.
    fn overview() -> clap::Command {
        Self::command().before_help(OVERVIEW).after_help(EXIT_CODES).help_template(PAGE)
    }
}

const EXIT_CODES: &str = "Exit codes: 0 done · 1 the answer is no (a manifest with errors, a tampered ledger, a refused lease) · 2 wrong usage, or a \
    file, process or toolchain failed. `verify-log` has two more, see `airlock verify-log --help`.";

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    New(command::new::New),
    Check(command::check::Check),
    Pin(command::pin::Pin),
    Build(command::build::Build),
    Inspect(command::inspect::Inspect),
    VerifyBuild(command::verify_build::VerifyBuild),
    Sources(command::sources::Sources),
    Vendor(command::vendor::Vendor),
    Diff(command::diff::Diff),
    Serve(command::serve::Serve),
    Unit(command::unit::Unit),
    #[command(subcommand)]
    Key(command::key::Key),
    Issue(command::issue::Issue),
    Attenuate(command::attenuate::Attenuate),
    Present(command::present::Present),
    #[command(subcommand)]
    Approver(command::approver::Approver),
    Approve(command::approve::Approve),
    #[command(subcommand)]
    Lease(command::lease::Lease),
    Revoke(command::revoke::Revoke),
    #[command(subcommand)]
    Ledger(command::ledger::Ledger),
    VerifyLog(command::verify_log::VerifyLog),
    Redact(command::redact::Redact),
    Evidence(command::evidence::Evidence),
    #[command(subcommand)]
    Proof(command::proof::Proof),
    #[command(subcommand)]
    Witness(command::witness::Witness),
    Tail(command::tail::Tail),
    Stats(command::stats::Stats),
    Report(command::report::Report),
    Learn(command::learn::Learn),
    Explain(command::explain::Explain),
    Risk(command::risk::Risk),
    Test(command::test::Test),
    Schema(command::schema::Schema),
    Exposure(command::exposure::Exposure),
    Import(command::import::Import),
    Demo(command::demo::Demo),
    #[command(subcommand)]
    Client(command::client::ClientCommand),
    Run(command::run::Run),
    Doctor(command::doctor::Doctor),
    Completions(command::completions::Completions),
    Man(command::completions::Man),
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For scripts: one JSON value on stdout.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overview_has_every_verb_once_and_fits_a_screen() {
        let mut listed: Vec<&str> =
            OVERVIEW.lines().filter_map(|line| line.strip_prefix("  ")).flat_map(|line| line.split(", ")).collect();
        listed.sort_unstable();
        let command = Cli::command();
        let mut verbs: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        verbs.sort_unstable();
        assert_eq!(listed, verbs, "each verb stands once in the overview");
        let page = Cli::overview().term_width(80).render_long_help().to_string();
        assert!(page.lines().count() <= 40, "{page}");
    }
}
