//! The compiler of manifests: what `airlock check` waits for, without reading the file.

use airlock_bench::table::{Bar, begin, row};
use airlock_bench::{Fault, cpu};
use airlock_policy::authority::{Status, diff};
use airlock_policy::ir::Policy;
use std::hint::black_box;

#[path = "../../airlock-policy/tests/large/mod.rs"]
pub(crate) mod large;

/// Tools of the large manifest; each has four argument rules.
const TOOLS: usize = 500;

/// Comparisons of two large policies that are measured.
const TIMES: usize = 5;

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
    difference()
}

/// Two large policies compared: nothing differs, one rule, one rule of every tool.
fn difference() -> Result<(), Fault> {
    let text = large::manifest(TOOLS);
    let compiled =
        |text: &str| airlock_policy::compile(text, "large.toml").into_compiled().ok_or("the large manifest does not compile");
    let one = compiled(&text.replace("'[A-Z]{2,8}-321'", "'[A-Z]{2,9}-321'"))?;
    let every = compiled(&text.replace("'[A-Z]{2,8}-", "'[A-Z]{1,8}-"))?;
    let old = compiled(&text)?;
    for (what, new, gained) in
        [("nothing differs", &old, 0), ("one pattern is wider", &one, 1), ("every pattern is wider", &every, TOOLS)]
    {
        if diff(old.policy(), new.policy()).count(Status::Gained) != gained {
            return Err(format!("the difference is wrong where {what}").into());
        }
        row(&format!("diff of {TOOLS} tools, {what}"), milliseconds(old.policy(), new.policy()), "ms", Bar::Most(1000.0));
    }
    Ok(())
}

/// Median CPU time of a comparison.
fn milliseconds(old: &Policy, new: &Policy) -> f64 {
    let once = || {
        let begin = cpu::thread();
        drop(black_box(diff(old, new)));
        cpu::thread().saturating_sub(begin).as_secs_f64() * 1000.0
    };
    cpu::median(&mut (0..TIMES).map(|_| once()).collect::<Vec<_>>())
}
