//! `airlock test`.

use crate::args::Format;
use crate::cases::{self, Judged, Placed, Tried};
use crate::judge::Judge;
use crate::manifest::policy_of;
use crate::places::Places;
use crate::render::{Failure, NO, Outcome, note, say};
use airlock_policy::ir::Policy;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Hold a policy to its cases: calls that it must allow, ask about or deny.
///
/// Each call is decided by the functions of the gateway itself, with a lease signed for the purpose and a ledger in memory; nothing is
/// performed and no gateway is built. The format of the cases: docs/policy-tests.md. Exit codes: 0 every case is as expected, and
/// enough is covered · 1 a case is not, too little is covered, or the manifest has errors · 2 something could not be read or written.
/// While a case fails, --generate adds none.
#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// The manifest, or a built gateway
    #[arg(default_value = "airlock.toml")]
    policy: PathBuf,
    /// File of cases [default: beside the manifest, `airlock.cases.toml` for `airlock.toml`]
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// Also write the results as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Fail when less than this share of the policy's clauses is covered
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
    /// Write cases for what the file does not cover yet: one that passes and one that is stopped, for each clause
    #[arg(long, conflicts_with_all = ["min_coverage", "junit", "format"])]
    generate: bool,
    /// How the results are printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Test {
    pub(crate) fn run(self) -> Outcome {
        let accepted = policy_of(&self.policy)?;
        let path = self.cases.clone().unwrap_or_else(|| beside(&self.policy));
        let judge = Judge::of(&accepted.compiled)?;
        if self.generate {
            return generate(&judge, &path);
        }
        let placed = cases::read(&path)?;
        let judged: Vec<Judged<'_>> = placed.iter().map(|placed| cases::judge(&judge, placed)).collect();
        let tried = tried(judge.policy, &judged)?;
        if let Some(junit) = &self.junit {
            cases::write(junit, &cases::report(&judge.policy.gateway.name, &path.display().to_string(), &judged))?;
        }
        let places = Places::of(&accepted.name, &accepted.text);
        match self.format {
            Format::Table => table(judge.policy, &path, &judged, &tried, &places),
            Format::Json => say(self::json(judge.policy, &judged, &tried)),
        }
        let fails = judged.iter().any(|judged| judged.fault.is_some());
        let is_short = self.min_coverage.is_some_and(|least| u64::from(least) > percent(&tried));
        if let (Some(least), true) = (self.min_coverage, is_short) {
            note(format_args!("{}% of the clauses are covered; --min-coverage demands {least}%", percent(&tried)));
        }
        Ok(if fails || is_short { ExitCode::from(NO) } else { ExitCode::SUCCESS })
    }
}

/// `airlock.cases.toml` beside `airlock.toml`, `weather.cases.toml` beside a gateway `weather`. A manifest on standard input stands nowhere:
/// its cases are looked for where a manifest is by default.
fn beside(policy: &Path) -> PathBuf {
    let policy = if policy == Path::new("-") { Path::new("airlock.toml") } else { policy };
    policy.with_extension("cases.toml")
}

fn tried(policy: &Policy, judged: &[Judged<'_>]) -> Result<Vec<Tried>, Failure> {
    let mut all = cases::clauses(policy);
    judged.iter().try_for_each(|judged| cases::note(policy, &mut all, judged))?;
    Ok(all)
}

/// Covered clauses of a hundred, rounded down: all is all.
fn percent(tried: &[Tried]) -> u64 {
    let covered = tried.iter().filter(|tried| tried.is_covered()).count() as u64;
    (covered * 100).checked_div(tried.len() as u64).unwrap_or(100)
}

fn table(policy: &Policy, path: &Path, judged: &[Judged<'_>], tried: &[Tried], places: &Places<'_>) {
    for Judged { placed: Placed { case, line }, ruling: _, fault } in judged {
        match fault {
            None => say(format_args!("ok    {}", case.name)),
            Some(fault) => say(format_args!("FAIL  {}\n      {}:{line}: {fault}", case.name, path.display())),
        }
    }
    let failed = judged.iter().filter(|judged| judged.fault.is_some()).count();
    let covered = tried.iter().filter(|tried| tried.is_covered()).count();
    say(format_args!(
        "\n{} of {} cases are as expected; {covered} of {} clauses are covered ({}%)",
        judged.len() - failed,
        judged.len(),
        tried.len(),
        percent(tried)
    ));
    for tried in tried.iter().filter(|tried| !tried.is_covered()) {
        let line = places.line(&tried.clause.path(policy)).map(|line| format!("{}:{}: ", line.file, line.number));
        say(format_args!("  {}{} lacks {}", line.unwrap_or_default(), tried.clause.words(policy), lacks(tried)));
    }
}

/// What a clause has not had.
fn lacks(tried: &Tried) -> &'static str {
    match (tried.passed == Some(false), tried.stopped == Some(false)) {
        (true, true) => "any case",
        (true, false) => "a case that passes",
        (false, true) => "a case that it stops",
        (false, false) => "nothing",
    }
}

fn json(policy: &Policy, judged: &[Judged<'_>], tried: &[Tried]) -> serde_json::Value {
    let cases: Vec<_> = judged
        .iter()
        .map(|Judged { placed: Placed { case, line }, ruling, fault }| {
            let verdict = ruling.as_ref().map(|ruling| ruling.verdict.word());
            let reason = ruling.as_ref().map(|ruling| ruling.reason.code());
            json!({"name": case.name, "line": line, "verdict": verdict, "reason": reason, "fault": fault})
        })
        .collect();
    let missing: Vec<_> = tried
        .iter()
        .filter(|tried| !tried.is_covered())
        .map(|tried| json!({"clause": tried.clause.words(policy), "lacks": lacks(tried)}))
        .collect();
    json!({"cases": cases, "clauses": tried.len(), "coverage": percent(tried), "missing": missing})
}

/// Adds generated cases to the file. While a case fails nothing is added: what the policy does today would stand beside what it should do,
/// and one of the two is wrong.
fn generate(judge: &Judge<'_>, path: &Path) -> Outcome {
    let before = if path.exists() { cases::read(path)? } else { Vec::new() };
    let judged: Vec<Judged<'_>> = before.iter().map(|placed| cases::judge(judge, placed)).collect();
    let failing: Vec<&str> =
        judged.iter().filter(|judged| judged.fault.is_some()).map(|judged| judged.placed.case.name.as_str()).collect();
    if let Some(first) = failing.first() {
        let problem =
            format!("{}: {} of {} cases fail, first {first:?}; no case was added", path.display(), failing.len(), judged.len());
        return Err(Failure::no(problem).help("`airlock test` shows each; mend the policy or the case, then generate"));
    }
    let (new, left) = cases::generate(judge, &before, tried(judge.policy, &judged)?)?;
    let text = cases::extended(path, &new).map_err(|problem| Failure::new(format_args!("{}: {problem}", path.display())))?;
    if !new.is_empty() {
        std::fs::write(path, text).map_err(|e| Failure::new(format_args!("cannot write {}: {e}", path.display())))?;
    }
    say(format_args!("{}: {} new cases, {} there before", path.display(), new.len(), before.len()));
    for tried in &left {
        note(format_args!("no case was found for {}: it lacks {}", tried.clause.words(judge.policy), lacks(tried)));
    }
    Ok(ExitCode::SUCCESS)
}
