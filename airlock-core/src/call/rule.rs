//! The argument rules of a tool as constants, and the one function that asks them.

#[cfg(feature = "plan-http")]
use super::place::host_in;
use super::{ArgFault, Args, Pattern, number, pattern, place, text};

/// One rule for one argument. The manifest's compiler has checked that it makes sense for the argument's type.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Argument name as in the schema.
    pub arg: &'static str,
    /// What must hold of it.
    pub demand: Demand,
}

/// What a rule demands of an argument that is there. Bounds are inclusive; lengths count Unicode scalar values.
#[derive(Debug, Clone, Copy)]
pub enum Demand {
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// A string that starts so.
    Prefix(&'static str),
    /// A string that ends so.
    Suffix(&'static str),
    /// A string of at least so many characters.
    MinLength(u64),
    /// A string of at most so many characters.
    MaxLength(u64),
    /// An integer of at least this.
    Min(i64),
    /// An integer of at most this.
    Max(i64),
    /// A number, with a fraction or without, of at least this.
    MinNumber(i64),
    /// A number, with a fraction or without, of at most this.
    MaxNumber(i64),
    /// A string that matches from end to end.
    Matches(&'static Pattern),
    /// An absolute path in normal form: this one or below it.
    Under(&'static str),
    /// A host name, or an `https` URL, whose host one of these covers.
    #[cfg(feature = "plan-http")]
    HostIn(&'static [crate::policy::HostRule]),
    /// A list of at most so many items.
    MaxItems(u64),
    /// Absent.
    Forbid,
}

impl Rule {
    /// Checks the rule.
    ///
    /// # Errors
    /// The argument is there and is not what the rule demands.
    pub fn check(&self, args: &Args) -> Result<(), ArgFault> {
        let Self { arg, demand } = *self;
        match demand {
            Demand::OneOf(accepted) => text::one_of(args, arg, accepted),
            Demand::Prefix(start) => text::prefix(args, arg, start),
            Demand::Suffix(end) => text::suffix(args, arg, end),
            Demand::MinLength(least) => text::min_length(args, arg, least),
            Demand::MaxLength(most) => text::max_length(args, arg, most),
            Demand::Min(least) => number::min(args, arg, least),
            Demand::Max(most) => number::max(args, arg, most),
            Demand::MinNumber(least) => number::min_number(args, arg, least),
            Demand::MaxNumber(most) => number::max_number(args, arg, most),
            Demand::Matches(pattern) => pattern::matches(args, arg, pattern),
            Demand::Under(root) => place::under(args, arg, root),
            #[cfg(feature = "plan-http")]
            Demand::HostIn(hosts) => host_in(args, arg, hosts),
            Demand::MaxItems(most) => text::max_items(args, arg, most),
            Demand::Forbid => text::forbid(args, arg),
        }
    }
}

/// Checks arguments against every rule.
///
/// # Errors
/// The first rule that does not hold.
pub fn check(rules: &[Rule], args: &Args) -> Result<(), ArgFault> {
    rules.iter().try_for_each(|rule| rule.check(args))
}
