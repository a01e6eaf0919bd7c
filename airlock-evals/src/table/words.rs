//! The tables of texts, descriptions and adaptive cases.

use super::say;
use crate::adaptive::{self, CASES};
use crate::count::Share;
use crate::evasion::{EVASIONS, Evasion};
use crate::learn::Unseen;
use crate::play::Ruling;
use crate::{poison, texts};
use serde_json::{Value, json};

pub(crate) fn texts(figures: &texts::Figures) {
    say("## Labelled texts, by the score as it is compiled in\n");
    say("Phrases and weights were made with these texts in view: how well they fit, not what they find elsewhere.\n");
    say("| texts | flagged at 450 points | at 700 | phrases and structure alone | learned part alone |");
    say("|---|---|---|---|---|");
    for (name, flagged) in &figures.shares {
        let [at_450, at_700] = flagged.whole;
        say(&format!("| {name} | {at_450} | {at_700} | {} | {} |", flagged.phrases, flagged.learned));
    }
    if !figures.disguises.is_empty() {
        let told: Vec<String> = figures.disguises.iter().map(|(name, score)| format!("{name} {score}")).collect();
        say(&format!("\nOne attack in {} disguises, points: {}", told.len(), told.join(" · ")));
    }
}

pub(crate) fn unseen(all: &[Unseen]) {
    say("\n## Sources that were left out of learning: the learned part alone\n");
    for Unseen { left, at } in all {
        say(&format!("{}:\n", left.name()));
        for at in at {
            let alarms = at.alarms.map_or("at the point compiled in".to_owned(), |alarms| {
                format!("at {}.{} % false positives", alarms / 10, alarms % 10)
            });
            let sources: Vec<String> = at.sources.iter().map(|(name, share)| format!("{name} {:.0}", share.percent())).collect();
            say(&format!(
                "- {alarms}: mean **{:.1} %** ({}); harmless {}; texts about injections {}",
                at.mean,
                sources.join(" · "),
                at.harmless,
                at.mention
            ));
        }
        say("");
    }
}

pub(crate) fn poison(figures: &poison::Figures) {
    say("\n## Descriptions of tools\n");
    say("| descriptions | flagged | by form | by words |");
    say("|---|---|---|---|");
    let row = |name: &str, flagged: &poison::Flagged| {
        say(&format!("| {name} | {} | {} | {} |", flagged.either, flagged.form, flagged.words))
    };
    row("poisoned", &figures.poisoned);
    row("… whose text can tell", &figures.detectable);
    figures.by_source.iter().for_each(|(name, flagged)| row(&format!("… {name}"), flagged));
    figures.honest.iter().for_each(|(name, flagged)| row(&format!("honest, {name}"), flagged));
}

pub(crate) fn evasion() {
    say("\n## Attacks written anew, by the score\n");
    for (is_worded, what) in [(true, "in other words"), (false, "in disguise")] {
        let of = |evasion: &&Evasion| evasion.is_worded == is_worded;
        let (mut share, mut missed) = (Share::default(), Vec::new());
        for evasion in EVASIONS.iter().filter(of) {
            share.note(evasion.is_flagged());
            missed.extend((!evasion.is_flagged()).then(|| format!("{} ({})", evasion.name, evasion.score())));
        }
        say(&format!("- {what}: flagged at 450 points {share}; not: {}", missed.join(" · ")));
    }
}

pub(crate) fn evasion_json() -> Value {
    EVASIONS.iter().map(|it| json!({"name": it.name, "is_worded": it.is_worded, "points": it.score()})).collect()
}

/// # Errors
/// A case cannot be played.
pub(crate) fn adaptive() -> Result<(), String> {
    say("\n## Attackers who know the rules\n");
    say("| case | rules | attack | becomes |");
    say("|---|---|---|---|");
    for case in CASES {
        let attack = if case.is_attack { "yes" } else { "no" };
        say(&format!("| {} | {} | {attack} | {} |", case.name, case.rules.name(), word(adaptive::play(case)?)));
    }
    Ok(())
}

/// # Errors
/// A case cannot be played.
pub(crate) fn adaptive_json() -> Result<Value, String> {
    let told = |case: &adaptive::Case| {
        adaptive::play(case).map(
            |ruling| json!({"case": case.name, "rules": case.rules.name(), "is_attack": case.is_attack, "ruling": word(ruling), "written_down": word(case.ruling)}),
        )
    };
    CASES.iter().map(told).collect()
}

const fn word(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Allowed => "allowed",
        Ruling::Asked => "asked about",
        Ruling::Denied => "denied",
    }
}
