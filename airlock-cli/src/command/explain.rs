//! `airlock explain`.

mod call;
mod sandbox;

use crate::args::Format;
use crate::cases::{self, Case, Expect};
use crate::judge::{Called, Judge, Ruling};
use crate::manifest::{Accepted, policy_of};
use crate::places::{Line, Places};
use crate::render::{Failure, Outcome, say};
use airlock_policy::Report;
use airlock_policy::ir::Policy;
use airlock_runtime::reason::thousandths;
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// Show the whole policy as a readable report, what the kernel leaves to the gateway, or what it would answer to one call, and why.
///
/// The report has every default filled in. A call is decided by the functions of the gateway itself, with a lease signed for the
/// purpose and an empty ledger in memory; nothing is performed and nothing is recorded. Exit codes: 0 shown, whatever the verdict is ·
/// 1 the manifest has errors · 2 something could not be read.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("described").args(["call", "tool"]))]
pub(crate) struct Explain {
    /// The manifest, or a built gateway; `-` reads a manifest from standard input
    #[arg(default_value = "airlock.toml")]
    manifest: PathBuf,
    /// A call as JSON: {"tool", "args", "subject", …} as in a case, or {"name", "arguments"} as in MCP; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "arg")]
    call: Option<PathBuf>,
    /// Tool of the call
    #[arg(long)]
    tool: Option<String>,
    /// Argument of the call; the value is JSON, or else text
    #[arg(long, value_name = "NAME=VALUE", requires = "tool", value_parser = call::argument)]
    arg: Vec<(String, Value)>,
    /// Whose lease the call carries [default: the first subject with a grant for the tool]
    #[arg(long, requires = "described")]
    subject: Option<String>,
    /// Session of the call
    #[arg(long, requires = "described")]
    session: Option<String>,
    /// Intent of the call
    #[arg(long, requires = "described")]
    intent: Option<String>,
    /// What the session has seen before the call: `structured=VALUE`, `trusted=VALUE` or `text=VALUE`; may be given several times
    #[arg(long, value_name = "PLACE=VALUE", requires = "described", value_parser = call::seen)]
    seen: Vec<(call::Place, String)>,
    /// The call carries no lease
    #[arg(long, requires = "described", conflicts_with = "subject")]
    no_lease: bool,
    /// Show what the kernel leaves to each process of the gateway
    #[arg(long, conflicts_with = "described")]
    sandbox: bool,
    /// How the result is printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

impl Explain {
    pub(crate) fn run(self) -> Outcome {
        let accepted = policy_of(&self.manifest)?;
        if self.sandbox {
            sandbox::show(&accepted, self.format)?;
            return Ok(ExitCode::SUCCESS);
        }
        match self.case(accepted.compiled.policy())? {
            None => report(&accepted, self.format),
            Some(case) => explain(&accepted, &case, self.format)?,
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The call to explain, as a case that expects nothing in particular.
    fn case(&self, policy: &Policy) -> Result<Option<Case>, Failure> {
        let mut case = match (&self.call, &self.tool) {
            (None, None) => return Ok(None),
            (Some(path), _) => call::read(path)?,
            (None, Some(tool)) => call::described(json!({"call": {"tool": tool, "args": self.args()?}}))?,
        };
        case.session = self.session.clone().or(case.session);
        case.intent = self.intent.clone().or(case.intent);
        for (place, value) in &self.seen {
            place.of(&mut case.seen).push(value.clone());
        }
        let naming = policy.grants.iter().find(|grant| grant.tools.contains(&case.call.tool));
        let subject = naming.or(policy.grants.first()).map(|grant| grant.subject.clone());
        case.subject = self.subject.clone().or(case.subject).or(subject).filter(|_| !self.no_lease);
        Ok(Some(case))
    }

    /// The arguments of the call. A name that stands twice is refused, as a gateway refuses it.
    fn args(&self) -> Result<Map<String, Value>, Failure> {
        let mut args = Map::new();
        for (name, value) in &self.arg {
            if args.insert(name.clone(), value.clone()).is_some() {
                return Err(Failure::new(format_args!("--arg gives {name:?} twice; an argument has one value")));
            }
        }
        Ok(args)
    }
}

fn report(accepted: &Accepted, format: Format) {
    let compiled = &accepted.compiled;
    match format {
        Format::Json => say(json!({"policy_digest": compiled.digest_hex(), "policy": compiled.policy()})),
        Format::Table => say(format_args!("policy digest {}\n\n{}", compiled.digest_hex(), Report::of(compiled.policy()))),
    }
}

fn explain(accepted: &Accepted, case: &Case, format: Format) -> Result<(), Failure> {
    let judge = Judge::of(&accepted.compiled)?;
    let ruling = cases::play(&judge, case).map_err(Failure::new)?;
    let places = Places::of(&accepted.name, &accepted.text);
    let args = case.call.sent();
    let called = Called { tool: &case.call.tool, args: &args, subject: case.subject.as_deref() };
    let line = judge.line(&places, &called, &ruling)?;
    match format {
        Format::Json => say(self::json(case, &ruling, line.as_ref())),
        Format::Table => say(page(judge.policy, case, &ruling, line.as_ref())),
    }
    Ok(())
}

/// The answer for people.
fn page(policy: &Policy, case: &Case, ruling: &Ruling, line: Option<&Line>) -> String {
    let whose = case.subject.as_ref().map_or("without a lease".to_owned(), |subject| format!("with a lease of {subject}"));
    let mut lines = vec![format!("call      {} {whose}", case.call.tool)];
    lines.push(match ruling.verdict {
        Expect::Allow => "verdict   allow".to_owned(),
        Expect::Ask => "verdict   ask the connected user".to_owned(),
        Expect::Deny => format!("verdict   deny, {}", ruling.reason.code()),
    });
    match ruling.verdict {
        Expect::Allow => {}
        Expect::Ask => lines.extend(ruling.because.iter().map(|because| format!("because   {because}"))),
        Expect::Deny => lines.push(format!("because   {}", ruling.reason.detail())),
    }
    if let Some(Line { file, number, text }) = line {
        lines.push(format!("line      {file}:{number}: {text}"));
    }
    if !policy.tools.iter().any(|tool| tool.name == case.call.tool) {
        let known: Vec<&str> = policy.tools.iter().map(|tool| tool.name.as_str()).collect();
        lines.push(format!("tools     of the manifest: {}", known.join(", ")));
    }
    lines.push("\nchecks".to_owned());
    lines.extend(ruling.checks.iter().map(|check| {
        let word = if check.passed { "pass" } else { "FAIL" };
        format!("  {word}  {:<16}{}", check.name, check.detail).trim_end().to_owned()
    }));
    lines.push(String::new());
    lines.extend(risk(policy, case, ruling));
    lines.push("\nNothing was performed or recorded.".to_owned());
    lines.join("\n")
}

/// Score, bounds and factors.
fn risk(policy: &Policy, case: &Case, ruling: &Ruling) -> Vec<String> {
    let threshold = policy.tools.iter().find(|tool| tool.name == case.call.tool).map(|tool| tool.risk_threshold);
    let bounds = [
        threshold.map(|threshold| format!("denied from {} on", thousandths(threshold))),
        ruling.ceiling.map(|ceiling| format!("the lease allows {}", thousandths(ceiling))),
    ];
    let bounds: Vec<String> = bounds.into_iter().flatten().collect();
    let mut lines = vec![format!("risk {}; {}", thousandths(ruling.risk.score), bounds.join(", "))];
    let factor = |sign: &str, factor: &airlock_runtime::risk::Factor| {
        format!("  {sign}{}  {}: {}", thousandths(factor.points), factor.name, factor.note)
    };
    lines.extend(ruling.risk.factors.iter().map(|one| factor("+", one)));
    lines.extend(ruling.risk.ignored.iter().map(|one| factor("ignored ", one)));
    lines
}

fn json(case: &Case, ruling: &Ruling, line: Option<&Line>) -> Value {
    let factor =
        |factor: &airlock_runtime::risk::Factor| json!({"name": factor.name, "points": factor.points, "note": factor.note});
    let checks: Vec<Value> =
        ruling.checks.iter().map(|check| json!({"check": check.name, "passed": check.passed, "detail": check.detail})).collect();
    json!({
        "tool": case.call.tool,
        "subject": case.subject,
        "verdict": ruling.verdict.word(),
        "reason": ruling.reason.code(),
        "detail": if ruling.verdict == Expect::Deny { json!(ruling.reason.detail()) } else { Value::Null },
        "because": ruling.because,
        "line": line.map(|line| json!({"file": line.file, "line": line.number, "text": line.text})),
        "checks": checks,
        "risk": {
            "score": ruling.risk.score,
            "ceiling": ruling.ceiling,
            "factors": ruling.risk.factors.iter().map(factor).collect::<Vec<_>>(),
            "ignored": ruling.risk.ignored.iter().map(factor).collect::<Vec<_>>(),
        },
    })
}
