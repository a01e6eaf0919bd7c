//! Replays published attacks through the decision of a gateway: `cargo run --release -p airlock-evals -- --data DIR`.
//!
//! Nothing is asserted here and no model runs. What the figures mean, who wrote the leases and what may be put beside them is in
//! `docs/evaluation.md`.

mod adaptive;
mod agentdojo;
mod count;
mod data;
mod evasion;
mod injecagent;
mod judge;
mod learn;
mod play;
mod poison;
mod render;
mod results;
mod suite;
mod table;
mod texts;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
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
    /// Learn the weights of the score and write them here, and nothing else.
    train: Option<PathBuf>,
}

const USAGE: &str = "airlock-evals [--data DIR] [--format table|json] [--tell] [--manifest SUITE] [--train FILE]
  --data DIR        where the JSON Lines are [default: ../shared/data]; any of the files may be absent
  --format FORMAT   table or json [default: table]
  --tell            also every call that was asked about or denied, and every attack that passed
  --manifest SUITE  the policy of an AgentDojo suite, as it is compiled
  --train FILE      learn the weights of the risk score from the labelled texts, write them, and say their digest";

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
    let mut wanted = Wanted { data: PathBuf::from("../shared/data"), json: false, tell: false, manifest: None, train: None };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value\n{USAGE}"));
        match word.as_str() {
            "--data" => wanted.data = value()?.into(),
            "--manifest" => wanted.manifest = Some(value()?),
            "--train" => wanted.train = Some(value()?.into()),
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
    let dir = wanted.data.as_path();
    if let Some(file) = &wanted.train {
        return train(dir, file);
    }
    let dojo = agentdojo::Data::read(dir)?;
    if let (Some(name), Some(dojo)) = (&wanted.manifest, &dojo) {
        table::say(&dojo.suite(name, Rules::Structured)?.manifest);
        return Ok(());
    }
    let mut told = json!({});
    let has_words = words(wanted, &mut told)?;
    let has_calls = calls(wanted, dojo.as_ref(), &mut told)?;
    if !has_words && !has_calls {
        return Err(format!("{} has none of the files", dir.display()));
    }
    match wanted.json {
        true => {
            told["evasion"] = table::words::evasion_json();
            told["adaptive"] = table::words::adaptive_json()?;
            table::say(&format!("{told:#}"));
        }
        false => {
            table::words::evasion();
            table::words::adaptive()?;
        }
    }
    Ok(())
}

/// Learns the weights, writes them, and says their digest.
fn train(dir: &Path, file: &Path) -> Result<(), String> {
    let texts = texts::read(dir)?.ok_or(format!("{} has no injection_text.jsonl", dir.display()))?;
    let table = learn::Learner::new(&texts).table()?;
    std::fs::write(file, &table).map_err(|fault| format!("{}: {fault}", file.display()))?;
    table::say(&airlock_policy::digest::hex(&Sha256::digest(&table).into()));
    Ok(())
}

/// Texts and descriptions of tools; whether there are any.
fn words(wanted: &Wanted, told: &mut Value) -> Result<bool, String> {
    let texts = texts::read(&wanted.data)?;
    if let Some(texts) = &texts {
        let figures = texts::play(&wanted.data, texts, wanted.tell)?;
        let learner = learn::Learner::new(texts);
        let unseen: Vec<learn::Unseen> = learn::Left::ALL.into_iter().map(|left| learner.unseen(left)).collect();
        if wanted.json {
            told["texts"] = json!(figures);
            told["unseen_sources"] = json!(unseen);
        } else {
            table::words::texts(&figures);
            table::words::unseen(&unseen);
        }
    }
    let poison = poison::play(&wanted.data, wanted.tell)?;
    if let Some(figures) = &poison {
        match wanted.json {
            true => told["tool_descriptions"] = json!(figures),
            false => table::words::poison(figures),
        }
    }
    Ok(texts.is_some() || poison.is_some())
}

/// Calls of AgentDojo and InjecAgent; whether there are any.
fn calls(wanted: &Wanted, dojo: Option<&agentdojo::Data>, told: &mut Value) -> Result<bool, String> {
    if let Some(dojo) = dojo {
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
    Ok(dojo.is_some() || injecagent.is_some())
}
