//! The compiler of manifests: what `airlock check` waits for, without reading the file.

use airlock_bench::table::{Bar, begin, row};
use airlock_bench::{Fault, cpu};

#[path = "../../airlock-policy/tests/large/mod.rs"]
mod large;

/// Tools of the large manifest; each has four argument rules.
const TOOLS: usize = 500;

/// From text to checked policy with its digest.
pub(crate) fn check() -> Result<(), Fault> {
    begin("Policy, CPU time");
    for (tools, bar) in [(10, Bar::None), (TOOLS, Bar::Most(100.0))] {
        let text = large::manifest(tools);
        let checked = airlock_policy::compile(&text, "large.toml");
        let policy = checked.compiled().ok_or("the large manifest does not compile")?.policy();
        let rules: usize = policy.tools.iter().flat_map(|tool| &tool.args).map(|arg| arg.rules.len()).sum();
        let what = format!("checking {tools} tools with {rules} argument rules, {} KiB", text.len() / 1024);
        row(&what, cpu::micros(|| airlock_policy::compile(&text, "large.toml").omitted()) / 1000.0, "ms", bar);
    }
    Ok(())
}
