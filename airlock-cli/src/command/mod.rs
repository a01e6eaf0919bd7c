//! One file per verb.

pub(crate) mod approve;
pub(crate) mod approver;
pub(crate) mod attenuate;
pub(crate) mod build;
pub(crate) mod check;
pub(crate) mod client;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod evidence;
pub(crate) mod explain;
pub(crate) mod exposure;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod issue;
pub(crate) mod key;
pub(crate) mod learn;
pub(crate) mod lease;
pub(crate) mod ledger;
pub(crate) mod new;
pub(crate) mod pin;
pub(crate) mod present;
pub(crate) mod proof;
pub(crate) mod redact;
pub(crate) mod report;
pub(crate) mod revoke;
pub(crate) mod risk;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod sources;
pub(crate) mod stats;
pub(crate) mod tail;
pub(crate) mod test;
pub(crate) mod trust;
pub(crate) mod unit;
pub(crate) mod vendor;
pub(crate) mod verify_build;
pub(crate) mod verify_log;
pub(crate) mod witness;

use crate::args::Command;
use crate::render::Outcome;

/// Runs one verb.
pub(crate) fn run(command: Command) -> Outcome {
    match command {
        Command::Approve(verb) => verb.run(),
        Command::Approver(verb) => verb.run(),
        Command::Attenuate(verb) => verb.run(),
        Command::Build(verb) => verb.run(),
        Command::Check(verb) => verb.run(),
        Command::Client(verb) => verb.run(),
        Command::Completions(verb) => verb.run(),
        Command::Demo(verb) => verb.run(),
        Command::Diff(verb) => verb.run(),
        Command::Doctor(verb) => verb.run(),
        Command::Evidence(verb) => verb.run(),
        Command::Explain(verb) => verb.run(),
        Command::Exposure(verb) => verb.run(),
        Command::Import(verb) => verb.run(),
        Command::Inspect(verb) => verb.run(),
        Command::Issue(verb) => verb.run(),
        Command::Key(verb) => verb.run(),
        Command::Learn(verb) => verb.run(),
        Command::Lease(verb) => verb.run(),
        Command::Ledger(verb) => verb.run(),
        Command::Man(verb) => verb.run(),
        Command::New(verb) => verb.run(),
        Command::Pin(verb) => verb.run(),
        Command::Present(verb) => verb.run(),
        Command::Proof(verb) => verb.run(),
        Command::Redact(verb) => verb.run(),
        Command::Report(verb) => verb.run(),
        Command::Risk(verb) => verb.run(),
        Command::Run(verb) => verb.run(),
        Command::Schema(verb) => verb.run(),
        Command::Revoke(verb) => verb.run(),
        Command::Serve(verb) => verb.run(),
        Command::Sources(verb) => verb.run(),
        Command::Stats(verb) => verb.run(),
        Command::Tail(verb) => verb.run(),
        Command::Test(verb) => verb.run(),
        Command::Unit(verb) => verb.run(),
        Command::Vendor(verb) => verb.run(),
        Command::VerifyBuild(verb) => verb.run(),
        Command::VerifyLog(verb) => verb.run(),
        Command::Witness(verb) => verb.run(),
    }
}
