//! The shipped tables, run call by call: against what their rules say, and against the same rules compiled by `seccompiler`.

use super::*;
use crate::confine::profile;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
    sock_filter,
};
use std::collections::BTreeMap;

/// Numbers that are tried: more than any kernel has.
const NUMBERS: u32 = 1024;
/// Sets of arguments for a number without a rule, and for one with.
const TRIES: (usize, usize) = (20, 4000);

/// Every shipped filter with its table.
fn shipped() -> [(&'static str, Filter, &'static [Insn]); 7] {
    [
        ("judge", profile::JUDGE_RULES, &profile::JUDGE),
        ("judge with upstreams", profile::JUDGE_UPSTREAMS_RULES, &profile::JUDGE_UPSTREAMS),
        ("clerk", profile::CLERK_RULES, &profile::CLERK),
        ("egress", profile::EGRESS_RULES, &profile::EGRESS),
        ("egress with a proxy", profile::EGRESS_PROXY_RULES, &profile::EGRESS_PROXY),
        ("launcher", profile::LAUNCHER_RULES, &profile::LAUNCHER),
        ("server", profile::SERVER_RULES, &profile::SERVER),
    ]
}

/// What a table answers to a call, as the kernel would run it.
fn run(table: &[Insn], arch: u32, nr: u32, args: &[u64; 6]) -> u32 {
    let word = |at: u32| match at {
        NR_AT => nr,
        ARCH_AT => arch,
        at if (ARGS_AT..ARGS_AT + 48).contains(&at) && at % 4 == 0 => {
            let arg = args[((at - ARGS_AT) / 8) as usize];
            u32::try_from(if at % 8 == 0 { arg & 0xffff_ffff } else { arg >> 32 }).unwrap()
        }
        _ => panic!("nothing is at {at}"),
    };
    let (mut accumulator, mut at) = (0, 0);
    for _ in 0..=table.len() {
        let Insn { code, jt, jf, k } = table[at];
        at += 1;
        let mut choose = |holds: bool| at += usize::from(if holds { jt } else { jf });
        match code {
            LOAD => accumulator = word(k),
            AND => accumulator &= k,
            EQUAL => choose(accumulator == k),
            0x25 => choose(accumulator > k),
            NOT_BELOW => choose(accumulator >= k),
            JUMP => at += k as usize,
            RETURN => return k,
            _ => panic!("no such operation: {code:#x}"),
        }
    }
    panic!("a table that does not end");
}

fn holds(Cond(arg, is): &Cond, args: &[u64; 6]) -> bool {
    let whole = args[usize::from(*arg)];
    let half = u32::try_from(whole & 0xffff_ffff).unwrap();
    match is {
        Is::Int(values) => values.contains(&half),
        Is::IntBut { free, is } => half & !free == *is,
        Is::Long(values) => values.iter().any(|value| u64::from(*value) == whole),
        Is::LongWithin(bits) => whole & !u64::from(*bits) == 0,
    }
}

fn rules(filter: &Filter) -> BTreeMap<u32, Rule> {
    filter.groups.iter().flat_map(|group| group.iter()).map(|rule| (rule.nr, *rule)).collect()
}

/// What becomes of a call whose conditions hold, or do not.
fn outcome(filter: &Filter, rule: Option<&Rule>, matches: bool) -> Action {
    match rule {
        None => filter.otherwise,
        Some(rule) if matches => rule.then,
        Some(rule) => rule.miss.unwrap_or(filter.otherwise),
    }
}

/// The conditions of every rule, compiled by the other compiler: it allows a call whose conditions hold, and kills otherwise.
fn other(filter: &Filter) -> Vec<Insn> {
    let condition = |arg: u8, length: SeccompCmpArgLen, op, value: u64| SeccompCondition::new(arg, length, op, value).unwrap();
    let choices = |Cond(arg, is): &Cond| -> Vec<SeccompCondition> {
        let equal = |values: &[u32], length: fn() -> SeccompCmpArgLen| {
            values.iter().map(|value| condition(*arg, length(), SeccompCmpOp::Eq, u64::from(*value))).collect()
        };
        match is {
            Is::Int(values) => equal(values, || SeccompCmpArgLen::Dword),
            Is::Long(values) => equal(values, || SeccompCmpArgLen::Qword),
            Is::IntBut { free, is } => {
                vec![condition(*arg, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(u64::from(!free)), u64::from(*is))]
            }
            Is::LongWithin(bits) => {
                vec![condition(*arg, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(!u64::from(*bits)), 0)]
            }
        }
    };
    let every = |when: When| -> Vec<SeccompRule> {
        let mut all = Vec::new();
        for alternative in when {
            let mut combinations: Vec<Vec<SeccompCondition>> = vec![Vec::new()];
            for cond in *alternative {
                let with = |so_far: &Vec<SeccompCondition>| {
                    choices(cond).into_iter().map(|one| [so_far.clone(), vec![one]].concat()).collect::<Vec<_>>()
                };
                combinations = combinations.iter().flat_map(with).collect();
            }
            all.extend(combinations.into_iter().map(|conditions| SeccompRule::new(conditions).unwrap()));
        }
        all
    };
    let all = rules(filter).into_values().map(|rule| (i64::from(rule.nr), every(rule.when))).collect();
    let arch = TargetArch::try_from(std::env::consts::ARCH).unwrap();
    let compiled = SeccompFilter::new(all, SeccompAction::KillProcess, SeccompAction::Allow, arch).unwrap();
    let program = BpfProgram::try_from(compiled).unwrap();
    program.into_iter().map(|sock_filter { code, jt, jf, k }| Insn { code, jt, jf, k }).collect()
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// Values around everything that a rule speaks of.
fn corpus(rule: Option<&Rule>) -> Vec<u64> {
    let mut all = vec![0, 1, 2, 3, 4, 7, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1 << 32, u64::MAX, 0x4000_0000, 0x100];
    let when = rule.map_or(&[][..], |rule| rule.when);
    for Cond(_, is) in when.iter().copied().flatten() {
        let values: Vec<u64> = match is {
            Is::Int(values) | Is::Long(values) => values.iter().map(|value| u64::from(*value)).collect(),
            Is::IntBut { free, is } => vec![u64::from(*is), u64::from(is | free), u64::from(!free), u64::from(is | 1)],
            Is::LongWithin(bits) => vec![u64::from(*bits), u64::from(!bits)],
        };
        all.extend(
            values
                .iter()
                .flat_map(|value| [*value, value ^ 1, value.wrapping_add(1), value | 1 << 32, value | 1 << 31, value ^ 2]),
        );
    }
    all.sort_unstable();
    all.dedup();
    all
}

#[test]
fn every_decision_is_what_the_rules_say_and_what_another_compiler_makes_of_them() {
    let mut dice = Dice(7);
    for (name, filter, table) in shipped() {
        let (rules, other) = (rules(&filter), other(&filter));
        let mut seen = BTreeMap::<u32, usize>::new();
        for nr in 0..NUMBERS {
            let rule = rules.get(&nr);
            let corpus = corpus(rule);
            let tries = if rule.is_some() { TRIES.1 } else { TRIES.0 };
            for attempt in 0..tries {
                let mut args = [(); 6].map(|()| corpus[dice.roll(corpus.len())]);
                // Calls that are nearly right would come rarely by chance.
                if let Some(when) = rule.map(|rule| rule.when).filter(|when| !when.is_empty() && attempt % 2 == 0) {
                    for Cond(arg, is) in when[dice.roll(when.len())] {
                        args[usize::from(*arg)] = match is {
                            Is::Int(values) | Is::Long(values) => u64::from(values[dice.roll(values.len())]),
                            Is::IntBut { is, .. } => u64::from(*is),
                            Is::LongWithin(bits) => u64::from(*bits),
                        };
                    }
                    if attempt % 4 == 0 {
                        args[dice.roll(6)] = corpus[dice.roll(corpus.len())];
                    }
                }
                let matches = rule.is_some_and(|rule| {
                    rule.when.is_empty() || rule.when.iter().any(|all| all.iter().all(|one| holds(one, &args)))
                });
                let wanted = outcome(&filter, rule, matches).code();
                let theirs = run(&other, ARCH, nr, &args) == Action::Allow.code();
                assert_eq!(theirs, matches, "{name}: the other compiler on call {nr} {args:x?}");
                assert_eq!(run(table, ARCH, nr, &args), wanted, "{name}: call {nr} {args:x?}");
                *seen.entry(wanted).or_default() += 1;
            }
        }
        assert!(seen.len() >= 2 && seen.values().all(|count| *count > 100), "{name}: {seen:?}");
    }
}

#[test]
fn other_interfaces_of_the_kernel_end_the_process() {
    for (name, _, table) in shipped() {
        for nr in 0..NUMBERS {
            // The number of `write` elsewhere is that of something else here.
            for (arch, nr) in [(0x4000_0003, nr), (0xc000_003f, nr), (0, nr), (ARCH, nr | X32), (ARCH, nr | 0x8000_0000)] {
                assert_eq!(run(table, arch, nr, &[0; 6]), Action::KillProcess.code(), "{name}: {arch:#x} {nr:#x}");
            }
        }
    }
}

#[test]
fn a_long_filter_jumps_far() {
    const NEAR: When = &[&[Cond(0, Is::Int(&[1; 60])), Cond(1, Is::Int(&[2; 60])), Cond(2, Is::Long(&[3; 60]))]];
    const FAR: Filter = Filter {
        groups: &[&[
            allow_if(9, NEAR),
            refuse_if(5, NEAR, 1),
            allow_if(30, NEAR),
            allow_only(7, NEAR, 2),
            allow(100),
            refuse(101, 38),
        ]],
        otherwise: Action::KillProcess,
    };
    filter! { static TABLE = FAR; }
    assert!(TABLE.len() > 700);
    let answer = |nr, args| run(&TABLE, ARCH, nr, &args);
    let (right, wrong) = ([1, 2, 3, 0, 0, 0], [1, 2, 3 | 1 << 32, 0, 0, 0]);
    let allow = Action::Allow.code();
    assert_eq!([9, 30, 7, 100].map(|nr| answer(nr, right)), [allow; 4]);
    assert_eq!([answer(5, right), answer(101, right)], [Action::Errno(1).code(), Action::Errno(38).code()]);
    assert_eq!([answer(9, wrong), answer(5, wrong), answer(8, right)], [Action::KillProcess.code(); 3]);
    assert_eq!(answer(7, wrong), Action::Errno(2).code());
    // An `int` of which the kernel sees the lower half is the same whatever stands above.
    assert_eq!(answer(9, [1 | 1 << 40, 2, 3, 0, 0, 0]), allow);
}
