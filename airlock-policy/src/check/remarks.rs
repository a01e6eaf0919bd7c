//! What compiles but a reviewer should look at: tools that restrict less than they seem to, or promise what cannot happen.

use crate::amount::{calls_per, risk};
use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::factor;
use crate::fields::At;
use crate::ir::{EffectClass, Method, Quota, Rate, Tool, ToolKind};
use crate::manifest::{ProxiedDraft, QuotaDraft, RestDraft};

/// What a REST tool should have besides its request.
pub(super) fn request(tool: &Tool, draft: &RestDraft, name: &Span, faults: &mut Faults) {
    let ToolKind::Rest(rest) = &tool.kind else { return };
    unguarded(tool, name, faults);
    if tool.effect == EffectClass::Read && rest.method != Method::Get {
        let message = format!("`{}` is said to read, but its method changes things", tool.name);
        let diagnostic = Diagnostic::new(Code::ReadMethod, &draft.method, message, "not a method for reading");
        faults.push(diagnostic.help("say `effect = \"write\"`, or allow this where the service reads by such requests"));
    }
}

/// What a tool of an upstream should have besides its pin.
pub(super) fn proxied(tool: &Tool, draft: &ProxiedDraft, name: &Span, faults: &mut Faults) {
    unguarded(tool, name, faults);
    let Some(definition) = &draft.definition else { return };
    let hints = &definition.value()["annotations"];
    let contradicts = hints["readOnlyHint"] == false || hints["destructiveHint"] == true;
    if tool.effect == EffectClass::Read && contradicts {
        let message = format!("`{}` is said to read, but its own definition says that it changes things", tool.name);
        let diagnostic = Diagnostic::new(Code::EffectHint, name, message, "the server says otherwise");
        faults.push(diagnostic.help(
            "say `effect = \"write\"` or `\"send\"`; a server's hint is no proof, but it has no reason to make itself worse",
        ));
    }
}

/// A tool that sends, unseen by any flow and asked of nobody.
fn unguarded(tool: &Tool, name: &Span, faults: &mut Faults) {
    let sends = tool.labels.iter().any(|label| label.starts_with("sends:"));
    if tool.effect == EffectClass::Send && tool.approval.is_none() && !sends {
        let message = format!("`{}` carries data out, with neither approval nor a label for it", tool.name);
        let diagnostic = Diagnostic::new(Code::UnguardedSend, name, message, "no flow can speak of it");
        faults.push(diagnostic.help(
            "add `labels = [\"sends:external\"]` or `approval = \"human\"`; say `effect = \"read\"` or `\"write\"` if it sends nothing out",
        ));
    }
}

/// Labels that contradict the effect: durability and approval follow the effect, flows follow the labels.
pub(super) fn labels(tool: &Tool, labels: &[At<String>], faults: &mut Faults) {
    for label in labels {
        let least = match label.value.split(':').next() {
            Some("sends") => EffectClass::Send,
            Some("writes") => EffectClass::Write,
            Some(_) | None => EffectClass::Read,
        };
        if least > tool.effect {
            let effect = crate::manifest::effect_word(tool.effect);
            let message = format!("`{}` has the effect `{effect}` and the label `{}`", tool.name, label.value);
            let diagnostic = Diagnostic::new(Code::EffectLabel, &label.span, message, "says more than the effect");
            faults.push(diagnostic.help("correct the one that is wrong"));
        }
    }
}

/// A threshold that no sum of factors can reach.
pub(super) fn threshold(tool: &Tool, place: &Span, faults: &mut Faults) {
    let highest = factor::highest(tool);
    if highest < tool.risk_threshold {
        let message = format!(
            "no call of `{}` is denied for its risk: the highest is {}, the threshold {}",
            tool.name,
            risk(highest),
            risk(tool.risk_threshold)
        );
        let diagnostic = Diagnostic::new(Code::IdleThreshold, place, message, "never reached");
        faults.push(diagnostic.help("ignore fewer factors, or lower `risk_threshold`"));
    }
}

/// Bounds of a tool that never decide, because another one is always met first.
pub(super) fn quota(tool: &Tool, draft: &QuotaDraft, whole: &Quota, faults: &mut Faults) {
    let QuotaDraft { rate, session_rate, session_calls } = draft;
    let mut idle = |at: &Span, what: &str, other: String| {
        let message = format!("`{what}` of `{}` never decides: {other} is always met first", tool.name);
        let diagnostic = Diagnostic::new(Code::IdleQuota, at, message, "has no use");
        faults.push(diagnostic.help("lower it, or remove it"));
    };
    for (own, what, outer) in [(rate, "rate", whole.rate), (session_rate, "session_rate", whole.session_rate)] {
        if let (Some(own), Some(outer)) = (own, outer)
            && within(outer, own.value)
        {
            idle(&own.span, what, format!("`[limits] {what}` of {}", calls_per(outer)));
        }
    }
    if let (Some(session), Some(rate)) = (session_rate, rate)
        && within(rate.value, session.value)
    {
        idle(&session.span, "session_rate", format!("its `rate` of {}", calls_per(rate.value)));
    }
    if let (Some(own), Some(outer)) = (session_calls, whole.session_calls)
        && own.value >= outer
    {
        idle(&own.span, "session_calls", format!("`[limits] session_calls` of {outer}"));
    }
}

/// Whether whoever keeps to `tight` keeps to `loose` as well: any period of `loose` is covered by so many periods of `tight`.
fn within(tight: Rate, loose: Rate) -> bool {
    let periods = u64::from(loose.seconds.div_ceil(tight.seconds));
    u64::from(tight.calls) * periods <= u64::from(loose.calls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_within_another_never_breaks_it() {
        let rate = |calls, seconds| Rate { calls, seconds };
        assert!(within(rate(10, 60), rate(10, 60)) && within(rate(10, 60), rate(20, 120)) && within(rate(10, 60), rate(20, 61)));
        assert!(!within(rate(10, 60), rate(10, 61)) && !within(rate(10, 60), rate(9, 1)) && within(rate(10, 60), rate(10, 1)));
        // By trying: the tight rate at its fullest never exceeds the loose one where this says so.
        for (tight, loose) in [(rate(3, 4), rate(6, 8)), (rate(3, 4), rate(6, 7)), (rate(2, 5), rate(2, 3))] {
            assert!(within(tight, loose));
            let calls: Vec<u32> =
                (0..40).filter(|at| at % tight.seconds == 0).flat_map(|at| vec![at; tight.calls as usize]).collect();
            for start in 0..30 {
                let inside = calls.iter().filter(|at| (start..start + loose.seconds).contains(*at)).count();
                assert!(inside <= loose.calls as usize);
            }
        }
    }
}
