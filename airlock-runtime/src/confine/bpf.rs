//! A compiler for filters of system calls, run while the gateway itself is compiled: what is installed is a table of constants.
//!
//! How to use it:
//! - A [`Filter`] has groups of [`Rule`]s, one for each call that is not answered with `otherwise`. [`allow`], [`allow_if`], [`refuse`],
//!   [`refuse_if`] and [`allow_only`] make them; their order is free, a number that stands twice does not compile.
//! - Conditions are alternatives of conjunctions: `&[&[a, b], &[c]]` holds if both `a` and `b` do, or if `c` does.
//! - [`filter!`](crate::confine::bpf::filter) makes the table: `filter! { pub(crate) static TABLE = FILTER; }`, where `FILTER` is a constant.
//! - [`super::install`] puts a table in force, for one thread or for all.
//!
//! An argument of type `int` is a register of which the kernel looks at the lower half alone, so comparing the whole would let the same
//! call through in another guise: [`Is::Int`] and [`Is::IntBut`] look at that half. [`Is::Long`] and [`Is::LongWithin`] are for addresses,
//! lengths and what else fills the register.
//!
//! What every filter does first, whatever its rules: a call of another architecture (`int 0x80` on `x86_64`) ends the process, and so does
//! a number with the bit of x32, whose architecture is said to be the same.

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// The kernel does it.
    Allow,
    /// It fails with this error and does nothing.
    Errno(u16),
    /// The process ends, as by a signal that it cannot catch.
    KillProcess,
}

impl Action {
    /// As the kernel is told.
    pub(crate) const fn code(self) -> u32 {
        match self {
            Self::Allow => 0x7fff_0000,
            Self::Errno(number) => 0x0005_0000 | number as u32,
            Self::KillProcess => 0x8000_0000,
        }
    }

    const fn is(self, other: Self) -> bool {
        self.code() == other.code()
    }
}

/// What an argument must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Is {
    /// The lower half is one of these.
    Int(&'static [u32]),
    /// The lower half, without the bits of `free`, is this.
    IntBut {
        /// Bits that may be as they like.
        free: u32,
        /// The others.
        is: u32,
    },
    /// The whole register is one of these.
    Long(&'static [u32]),
    /// The whole register has no bit but these.
    LongWithin(u32),
}

/// A condition on one argument, counted from 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cond(pub(crate) u8, pub(crate) Is);

/// Alternatives of conditions that hold together.
pub(crate) type When = &'static [&'static [Cond]];

/// What becomes of one call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    /// Number of the call.
    pub(crate) nr: u32,
    /// Without any: always.
    pub(crate) when: When,
    /// If one of them holds.
    pub(crate) then: Action,
    /// If none does; without it, what becomes of calls that have no rule.
    pub(crate) miss: Option<Action>,
}

/// A whole filter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filter {
    /// What is said about some calls, in groups that several filters may share.
    pub(crate) groups: &'static [&'static [Rule]],
    /// What becomes of all others.
    pub(crate) otherwise: Action,
}

/// The call is allowed.
pub(crate) const fn allow(nr: i64) -> Rule {
    Rule { nr: number(nr), when: &[], then: Action::Allow, miss: None }
}

/// The call is allowed with these arguments.
pub(crate) const fn allow_if(nr: i64, when: When) -> Rule {
    Rule { nr: number(nr), when, then: Action::Allow, miss: None }
}

/// The call is allowed with these arguments, and fails with this error otherwise.
pub(crate) const fn allow_only(nr: i64, when: When, errno: i32) -> Rule {
    Rule { nr: number(nr), when, then: Action::Allow, miss: Some(failing(errno)) }
}

/// The call fails with this error.
pub(crate) const fn refuse(nr: i64, errno: i32) -> Rule {
    Rule { nr: number(nr), when: &[], then: failing(errno), miss: None }
}

/// The call fails with this error if its arguments are such.
pub(crate) const fn refuse_if(nr: i64, when: When, errno: i32) -> Rule {
    Rule { nr: number(nr), when, then: failing(errno), miss: None }
}

const fn failing(errno: i32) -> Action {
    assert!(errno > 0 && errno < 4096);
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "asserted above")]
    Action::Errno(errno as u16)
}

const fn number(nr: i64) -> u32 {
    assert!(nr >= 0 && nr < X32 as i64);
    #[allow(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "asserted above")]
    let nr = nr as u32;
    nr
}

/// One instruction, as the kernel takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Insn {
    /// Operation.
    pub(crate) code: u16,
    /// Instructions to skip if a comparison holds.
    pub(crate) jt: u8,
    /// And if it does not.
    pub(crate) jf: u8,
    /// Operand.
    pub(crate) k: u32,
}

/// `ld [k]`: a word of the description of the call.
const LOAD: u16 = 0x20;
/// `and k`.
const AND: u16 = 0x54;
/// `ja k`.
const JUMP: u16 = 0x05;
/// `jeq k`.
const EQUAL: u16 = 0x15;
/// `jge k`.
const NOT_BELOW: u16 = 0x35;
/// `ret k`.
const RETURN: u16 = 0x06;

/// Where the description of a call has its number.
const NR_AT: u32 = 0;
/// Where it has the architecture.
const ARCH_AT: u32 = 4;
/// Where it has the first argument, of eight bytes each; the lower half comes first on the machines that there are.
const ARGS_AT: u32 = 16;
/// Set in numbers of the x32 interface.
const X32: u32 = 0x4000_0000;
/// What this machine is called in the description of a call.
#[cfg(target_arch = "x86_64")]
pub(crate) const ARCH: u32 = 0xc000_003e;
/// What this machine is called in the description of a call.
#[cfg(target_arch = "aarch64")]
pub(crate) const ARCH: u32 = 0xc000_00b7;

/// Most instructions of one of our filters; the kernel takes 4,096.
const INSNS_MAX: usize = 1024;
/// Most rules of one filter.
const RULES_MAX: usize = 192;
/// Stands for "no rule".
const NONE: usize = usize::MAX;

/// A table under construction.
pub(crate) struct Draft {
    insns: [Insn; INSNS_MAX],
    len: usize,
}

impl Draft {
    const fn push(&mut self, code: u16, jt: u8, jf: u8, k: u32) {
        assert!(self.len < INSNS_MAX, "the filter is too long");
        self.insns[self.len] = Insn { code, jt, jf, k };
        self.len += 1;
    }

    /// Number of instructions.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// The finished table.
    pub(crate) const fn cut<const N: usize>(&self) -> [Insn; N] {
        let mut out = [Insn { code: 0, jt: 0, jf: 0, k: 0 }; N];
        let mut at = 0;
        while at < N {
            out[at] = self.insns[at];
            at += 1;
        }
        out
    }
}

/// Numbers from `start` on, up to the next interval, have this rule or none.
#[derive(Clone, Copy)]
struct Interval {
    start: u32,
    rule: usize,
}

/// Compiles a filter.
pub(crate) const fn compile(filter: &Filter) -> Draft {
    let mut draft = Draft { insns: [Insn { code: 0, jt: 0, jf: 0, k: 0 }; INSNS_MAX], len: 0 };
    draft.push(LOAD, 0, 0, ARCH_AT);
    draft.push(EQUAL, 1, 0, ARCH);
    draft.push(RETURN, 0, 0, Action::KillProcess.code());
    draft.push(LOAD, 0, 0, NR_AT);
    draft.push(NOT_BELOW, 0, 1, X32);
    draft.push(RETURN, 0, 0, Action::KillProcess.code());
    let sorted = sorted(filter);
    let (intervals, count) = intervals(&sorted);
    tree(&mut draft, &sorted, &intervals, 0, count);
    draft
}

/// The rules of all groups in the order of their numbers.
pub(crate) struct Sorted {
    rules: [Rule; RULES_MAX],
    len: usize,
    otherwise: Action,
}

const fn sorted(filter: &Filter) -> Sorted {
    let mut out = Sorted { rules: [allow(0); RULES_MAX], len: 0, otherwise: filter.otherwise };
    let mut group = 0;
    while group < filter.groups.len() {
        let mut at = 0;
        while at < filter.groups[group].len() {
            let rule = filter.groups[group][at];
            assert!(out.len < RULES_MAX, "too many rules");
            let mut place = out.len;
            while place > 0 && out.rules[place - 1].nr > rule.nr {
                out.rules[place] = out.rules[place - 1];
                place -= 1;
            }
            assert!(place == 0 || out.rules[place - 1].nr != rule.nr, "a call has two rules");
            out.rules[place] = rule;
            out.len += 1;
            at += 1;
        }
        group += 1;
    }
    out
}

/// The rules with the gaps between them; neighbours that come to the same are one.
const fn intervals(sorted: &Sorted) -> ([Interval; 2 * RULES_MAX + 1], usize) {
    let mut out = [Interval { start: 0, rule: NONE }; 2 * RULES_MAX + 1];
    let (mut count, mut next, mut at) = (1, 0, 0);
    while at < sorted.len {
        let nr = sorted.rules[at].nr;
        if nr > next {
            count = append(sorted, &mut out, count, Interval { start: next, rule: NONE });
        }
        count = append(sorted, &mut out, count, Interval { start: nr, rule: at });
        next = nr + 1;
        at += 1;
    }
    count = append(sorted, &mut out, count, Interval { start: next, rule: NONE });
    (out, count)
}

const fn append(sorted: &Sorted, out: &mut [Interval; 2 * RULES_MAX + 1], count: usize, one: Interval) -> usize {
    if one.start == 0 {
        out[0] = one;
        return 1;
    }
    match (plain(sorted, out[count - 1].rule), plain(sorted, one.rule)) {
        (Some(left), Some(right)) if left.is(right) => count,
        _ => {
            out[count] = one;
            count + 1
        }
    }
}

/// What a rule comes to, whatever the arguments; `None` if they matter.
const fn plain(sorted: &Sorted, rule: usize) -> Option<Action> {
    if rule == NONE {
        return Some(sorted.otherwise);
    }
    match sorted.rules[rule].when.len() {
        0 => Some(sorted.rules[rule].then),
        _ => None,
    }
}

/// Finds the interval of a number by halves.
const fn tree(draft: &mut Draft, sorted: &Sorted, all: &[Interval], low: usize, high: usize) {
    if high - low == 1 {
        return leaf(draft, sorted, all[low].rule);
    }
    let middle = low + (high - low) / 2;
    let at = draft.len;
    // Not below: past the jump that leads to the right half; below: on to the left half.
    draft.push(NOT_BELOW, 0, 1, all[middle].start);
    draft.push(JUMP, 0, 0, 0);
    let left = draft.len;
    tree(draft, sorted, all, low, middle);
    let skip = draft.len - left;
    #[allow(clippy::cast_possible_truncation, reason = "less than INSNS_MAX")]
    if skip <= 254 {
        // The usual case: one comparison that jumps itself. The place of the jump is closed again.
        draft.insns[at] = Insn { code: NOT_BELOW, jt: skip as u8, jf: 0, k: all[middle].start };
        let mut from = left;
        while from < draft.len {
            draft.insns[from - 1] = draft.insns[from];
            from += 1;
        }
        draft.len -= 1;
    } else {
        draft.insns[at + 1].k = skip as u32;
    }
    tree(draft, sorted, all, middle, high);
}

const fn leaf(draft: &mut Draft, sorted: &Sorted, rule: usize) {
    if let Some(action) = plain(sorted, rule) {
        return draft.push(RETURN, 0, 0, action.code());
    }
    let rule = &sorted.rules[rule];
    let mut at = 0;
    while at < rule.when.len() {
        alternative(draft, rule.when[at], rule.then);
        at += 1;
    }
    let miss = match rule.miss {
        Some(action) => action,
        None => sorted.otherwise,
    };
    draft.push(RETURN, 0, 0, miss.code());
}

/// Conditions that hold together, and what then becomes of the call. Where one does not hold, it goes on behind.
const fn alternative(draft: &mut Draft, all: &[Cond], then: Action) {
    assert!(!all.is_empty(), "a conjunction of nothing");
    let mut left = 1;
    let mut at = 0;
    while at < all.len() {
        left += length(&all[at].1);
        at += 1;
    }
    at = 0;
    while at < all.len() {
        left -= length(&all[at].1);
        condition(draft, &all[at], left);
        at += 1;
    }
    draft.push(RETURN, 0, 0, then.code());
}

/// Instructions of one condition.
const fn length(is: &Is) -> usize {
    match is {
        Is::Int(values) => 1 + values.len(),
        Is::IntBut { .. } => 3,
        Is::Long(values) => 3 + values.len(),
        Is::LongWithin(_) => 5,
    }
}

/// Goes on behind itself if it holds, and `after` instructions further if it does not.
const fn condition(draft: &mut Draft, Cond(arg, is): &Cond, after: usize) {
    assert!(*arg < 6, "a call has six arguments");
    let low = ARGS_AT + 8 * *arg as u32;
    match is {
        Is::Int(values) => {
            draft.push(LOAD, 0, 0, low);
            one_of(draft, values, after);
        }
        Is::IntBut { free, is } => {
            assert!(*is & *free == 0, "what is free cannot be demanded");
            draft.push(LOAD, 0, 0, low);
            draft.push(AND, 0, 0, !*free);
            one_of(draft, &[*is], after);
        }
        Is::Long(values) => {
            draft.push(LOAD, 0, 0, low + 4);
            draft.push(EQUAL, 0, short(after + values.len() + 1), 0);
            draft.push(LOAD, 0, 0, low);
            one_of(draft, values, after);
        }
        Is::LongWithin(bits) => {
            draft.push(LOAD, 0, 0, low + 4);
            draft.push(EQUAL, 0, short(after + 3), 0);
            draft.push(LOAD, 0, 0, low);
            draft.push(AND, 0, 0, !*bits);
            one_of(draft, &[0], after);
        }
    }
}

/// Is the accumulator one of these?
const fn one_of(draft: &mut Draft, values: &[u32], after: usize) {
    assert!(!values.is_empty(), "one of nothing");
    let mut at = 0;
    while at < values.len() {
        let rest = values.len() - 1 - at;
        let miss = if rest == 0 { short(after) } else { 0 };
        draft.push(EQUAL, short(rest), miss, values[at]);
        at += 1;
    }
}

const fn short(skip: usize) -> u8 {
    assert!(skip <= 255, "a rule is too long");
    #[allow(clippy::cast_possible_truncation, reason = "asserted above")]
    let skip = skip as u8;
    skip
}

/// Makes the table of a filter: `filter!(pub(crate) static NAME = <a constant Filter>);`
macro_rules! filter {
    ($(#[$doc:meta])* $vis:vis static $name:ident = $filter:expr;) => {
        $(#[$doc])*
        $vis static $name: [$crate::confine::bpf::Insn; $crate::confine::bpf::compile(&$filter).len()] =
            $crate::confine::bpf::compile(&$filter).cut();
    };
}
pub(crate) use filter;

#[cfg(test)]
mod tests;
