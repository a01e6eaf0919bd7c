//! The factors of risk by their names, with the most that each can add.

use crate::ir::Tool;
use crate::limits::RISK_MAX;

/// A factor that a gateway may count.
#[derive(Debug)]
pub struct Factor {
    /// Name as in a decision.
    pub name: &'static str,
    /// Most points it adds to one call, thousandths.
    pub most: u16,
}

/// Every factor that a tool may ignore; `base` is none of them, since the manifest itself sets it. Their meaning stands in
/// `docs/risk.md`; a test holds this list and that page together.
pub const ALL: &[Factor] = &[
    Factor { name: "override_instructions", most: 700 },
    Factor { name: "false_authority", most: 500 },
    Factor { name: "role_play", most: 500 },
    Factor { name: "exfiltrate_secret", most: 500 },
    Factor { name: "hidden_action", most: 500 },
    Factor { name: "prompt_leak", most: 500 },
    Factor { name: "tool_abuse", most: 500 },
    Factor { name: "reads_like_an_injection", most: 450 },
    Factor { name: "obfuscation", most: 700 },
    Factor { name: "unlisted_domain", most: 300 },
    Factor { name: "secret_shape", most: 500 },
    Factor { name: "oversized_arguments", most: 500 },
    Factor { name: "deep_nesting", most: 150 },
];

/// The highest risk that a call of a tool can have, thousandths.
pub(crate) fn highest(tool: &Tool) -> u16 {
    let counted = |factor: &&Factor| !tool.ignored.iter().any(|ignored| ignored.factor == factor.name);
    let sum = ALL.iter().filter(counted).fold(tool.base_risk, |sum, factor| sum.saturating_add(factor.most));
    sum.min(RISK_MAX)
}
