//! Where values come from.

use super::*;
use ir::{Approval, Form, Look, Origin, Otherwise, Source, ValueKind};

pub(crate) const LOOKS: [Look; 3] = [Look::Whole(ValueKind::Email), Look::Whole(ValueKind::Name), Look::Inside];

pub(crate) fn origin(arg: &'static str) -> impl Strategy<Value = Option<Origin>> {
    let from = prop::sample::subsequence(
        vec![Source::Intent, Source::Trusted, Source::Structured, Source::Screened, Source::Text],
        1..=5,
    );
    let otherwise = prop_oneof![Just(Otherwise::Deny), Just(Otherwise::Ask)];
    let rule = (from, otherwise, prop::sample::select(LOOKS.to_vec()));
    prop::option::weighted(
        0.8,
        rule.prop_map(move |(from, otherwise, look)| Origin { arg: arg.to_owned(), look, from, otherwise }),
    )
}

pub(crate) fn world() -> impl Strategy<Value = Policy> {
    let approval = prop::option::weighted(0.2, Just(Approval::Human));
    let form = || prop::sample::select(vec![Form::Text, Form::Json, Form::Json, Form::Yaml, Form::Csv, Form::Table]);
    let results = [(any::<bool>(), form()), (any::<bool>(), form())];
    (origin("limit"), origin("other"), results, approval).prop_map(|(one, two, results, approval)| {
        let origins = one.into_iter().chain(two).collect();
        let mut tools = vec![
            Tool { origins, approval, ..tool_of("airlock_audit_tail", Builtin::AirlockAuditTail) },
            tool_of("airlock_usage_stats", Builtin::AirlockUsageStats),
        ];
        for (tool, (trusted, result)) in tools.iter_mut().zip(results) {
            (tool.trusted, tool.result) = (trusted, result);
        }
        policy(tools, vec![grant_of("a", &["airlock_audit_tail", "airlock_usage_stats"], &[])])
    })
}
