//! The command line as data: one variant per verb, each with its arguments beside its code.

use crate::command;
use clap::{Parser, Subcommand, ValueEnum};

/// Compile a reviewed policy manifest into a locked-down MCP gateway.
///
/// Exit codes: 0 done · 1 the answer is no (a manifest with errors, a tampered ledger, a refused lease) · 2 wrong usage, or a
/// file, process or toolchain failed. `verify-log` has two more, see `airlock verify-log --help`.
#[derive(Debug, Parser)]
#[command(name = "airlock", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

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
    Explain(command::explain::Explain),
    Risk(command::risk::Risk),
    Test(command::test::Test),
    Schema(command::schema::Schema),
    Exposure(command::exposure::Exposure),
    Import(command::import::Import),
    Demo(command::demo::Demo),
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
