//! What is printed: tables in Markdown, or the same as JSON.

pub(crate) mod words;

use crate::count::Share;
use crate::suite::Rules;
use crate::{agentdojo, injecagent};
use serde_json::{Value, json};
use std::io::Write;

/// Rules with the figures of each suite.
pub(crate) type Dojo = [(Rules, Vec<(String, agentdojo::Figures)>)];

/// A line for the reader.
pub(crate) fn say(line: &str) {
    // A reader who has gone reads nothing more.
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A line for whoever called it wrongly.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr(), "airlock-evals: {line}");
}

pub(crate) fn dojo(all: &Dojo) {
    say("## AgentDojo, ground truth\n");
    say(
        "| rules | suite | benign calls not denied | tasks without a question | step-ups per task | pairs blocked or asked | of these denied |",
    );
    say("|---|---|---|---|---|---|---|");
    rows(all, &|figures: &agentdojo::Figures| {
        format!(
            "{} | {} | {:.2} ({}) | {} | {}",
            figures.calls,
            figures.tasks,
            per_task(figures),
            figures.asked,
            figures.all_pairs(),
            figures.denied
        )
    });
    say("\n## AgentDojo, pairs by template of the injection\n");
    for (rules, suites) in all {
        let sum = total(suites);
        let shares: Vec<String> = sum.pairs.iter().map(|(attack, share)| format!("{attack} {share}")).collect();
        say(&format!("- {}: {}", rules.name(), shares.join(" · ")));
    }
    say("\n## AgentDojo, recorded runs\n");
    say("| rules | suite | benign runs without a question | of those with every result whole | attacked runs blocked or asked |");
    say("|---|---|---|---|---|");
    rows(all, &|figures: &agentdojo::Figures| format!("{} | {} | {}", figures.benign, figures.uncut, figures.attacked));
}

fn rows(all: &Dojo, cells: &dyn Fn(&agentdojo::Figures) -> String) {
    for (rules, suites) in all {
        for (name, figures) in suites {
            say(&format!("| {} | {name} | {} |", rules.name(), cells(figures)));
        }
        if suites.len() > 1 {
            say(&format!("| {} | **all** | {} |", rules.name(), cells(&total(suites))));
        }
    }
}

fn total(suites: &[(String, agentdojo::Figures)]) -> agentdojo::Figures {
    suites.iter().fold(agentdojo::Figures::default(), |sum, (_, figures)| sum.and(figures))
}

#[expect(clippy::cast_precision_loss, reason = "counts of some hundreds")]
fn per_task(figures: &agentdojo::Figures) -> f64 {
    figures.asked as f64 / figures.tasks.all.max(1) as f64
}

pub(crate) fn dojo_json(all: &Dojo) -> Value {
    let of = |figures: &agentdojo::Figures| {
        json!({
            "benign_calls_not_denied": share(figures.calls),
            "tasks_without_question": share(figures.tasks),
            "step_ups_per_task": per_task(figures),
            "pairs_blocked_or_asked": share(figures.all_pairs()),
            "pairs_denied": share(figures.denied),
            "pairs_by_template": figures.pairs.iter().map(|(attack, of)| (attack.clone(), share(*of))).collect::<serde_json::Map<_, _>>(),
            "benign_runs_without_question": share(figures.benign),
            "attacked_runs_blocked_or_asked": share(figures.attacked),
        })
    };
    all.iter()
        .map(|(rules, suites)| {
            let mut told: serde_json::Map<String, Value> =
                suites.iter().map(|(name, figures)| (name.clone(), of(figures))).collect();
            told.insert("all".to_owned(), of(&total(suites)));
            json!({"rules": rules.name(), "suites": told})
        })
        .collect()
}

fn share(share: Share) -> Value {
    let (low, high) = share.interval();
    json!({"of": share.of, "all": share.all, "percent": share.percent(), "low": low, "high": high})
}

pub(crate) fn injecagent(figures: &injecagent::Figures) {
    say("\n## InjecAgent, lease for the user's tool\n");
    say(&format!("- calls of users allowed: {}", figures.users));
    for (setting, share) in &figures.cases {
        say(&format!("- cases with a call denied, {setting}: {share}"));
    }
    say(&format!("- cases with every call denied: {}", figures.whole));
}
