//! Replays published attacks through the decision of a gateway: `cargo run --release -p airlock-evals -- --data DIR`.
//!
//! Nothing is asserted here and no model runs. What the figures mean, who wrote the leases and what may be put beside them is in
//! `docs/evaluation.md`.

mod agentdojo;
mod count;
mod data;
mod injecagent;
mod judge;
mod play;
mod render;
mod results;
mod suite;
mod table;

use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use suite::Rules;

/// What was asked for.
struct Wanted {
    data: PathBuf,
    json: bool,
    /// Also print every call that was asked about or denied, and every attack that passed.
    tell: bool,
    /// Print the manifest of this suite and nothing else.
    manifest: Option<String>,
}

const USAGE: &str = "airlock-evals [--data DIR] [--format table|json] [--tell] [--manifest SUITE]
  --data DIR        where the JSON Lines are [default: ../shared/data]; any of the files may be absent
  --format FORMAT   table or json [default: table]
  --tell            also every call that was asked about or denied, and every attack that passed
  --manifest SUITE  the policy of an AgentDojo suite, as it is compiled";

fn main() -> ExitCode {
    let ended = wanted(std::env::args().skip(1)).and_then(|wanted| run(&wanted));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            table::complain(&problem);
            ExitCode::from(2)
        }
    }
}

fn wanted(mut words: impl Iterator<Item = String>) -> Result<Wanted, String> {
    let mut wanted = Wanted { data: PathBuf::from("../shared/data"), json: false, tell: false, manifest: None };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value\n{USAGE}"));
        match word.as_str() {
            "--data" => wanted.data = value()?.into(),
            "--manifest" => wanted.manifest = Some(value()?),
            "--tell" => wanted.tell = true,
            "--format" => match value()?.as_str() {
                "json" => wanted.json = true,
                "table" => wanted.json = false,
                other => return Err(format!("a format is table or json, not {other:?}")),
            },
            other => return Err(format!("there is no option {other:?}\n{USAGE}")),
        }
    }
    Ok(wanted)
}

fn run(wanted: &Wanted) -> Result<(), String> {
    let dojo = agentdojo::Data::read(&wanted.data)?;
    if let (Some(name), Some(dojo)) = (&wanted.manifest, &dojo) {
        table::say(&dojo.suite(name, Rules::Structured)?.manifest);
        return Ok(());
    }
    let mut told = json!({});
    if let Some(dojo) = &dojo {
        let mut all = Vec::new();
        for rules in Rules::ALL {
            let mut suites = Vec::new();
            for name in dojo.suites() {
                if wanted.tell {
                    table::say(&format!("{name}, {}", rules.name()));
                }
                suites.push((name.to_owned(), dojo.play(name, rules, wanted.tell)?));
            }
            all.push((rules, suites));
        }
        match wanted.json {
            true => told["agentdojo"] = table::dojo_json(&all),
            false => table::dojo(&all),
        }
    }
    let injecagent = injecagent::play(&wanted.data)?;
    if let Some(figures) = &injecagent {
        match wanted.json {
            true => told["injecagent"] = serde_json::to_value(figures).unwrap_or(Value::Null),
            false => table::injecagent(figures),
        }
    }
    if dojo.is_none() && injecagent.is_none() {
        return Err(format!("{} has neither agentdojo.jsonl nor injecagent.jsonl", wanted.data.display()));
    }
    if wanted.json {
        table::say(&format!("{told:#}"));
    }
    Ok(())
}
