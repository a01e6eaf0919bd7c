//! Argument rules as constants, and the tables that patterns became.

use super::tool::host_rule;
use crate::expand::from_hex;
use airlock_policy::handover::Table;
use airlock_policy::ir;
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};
use std::collections::{BTreeMap, HashMap};

/// The tables of the patterns of all tools, each once, however often it is used.
#[derive(Default)]
pub(super) struct Patterns<'a> {
    /// Their texts in the order of their numbers.
    texts: Vec<&'a str>,
    numbers: HashMap<&'a str, usize>,
}

impl<'a> Patterns<'a> {
    fn number(&mut self, text: &'a str) -> usize {
        *self.numbers.entry(text).or_insert_with(|| {
            self.texts.push(text);
            self.texts.len() - 1
        })
    }

    /// One static for each.
    pub(super) fn statics(&self, tables: &BTreeMap<String, Table>) -> Result<TokenStream, String> {
        let one = |(at, text): (usize, &&str)| {
            let table = tables.get(*text).ok_or_else(|| format!("the pattern {text:?} has no table"))?;
            pattern(at, text, table)
        };
        self.texts.iter().enumerate().map(one).collect()
    }
}

/// The rules of a tool as constants, in the order in which they are asked.
pub(super) fn entries<'a>(tool: &'a ir::Tool, patterns: &mut Patterns<'a>) -> Vec<TokenStream> {
    let of_arg = |ir::ArgRules { arg, rules }: &'a ir::ArgRules| {
        let is_number = is_number(tool, arg);
        let entries = rules.iter().map(|rule| {
            let demand = demand(is_number, rule, patterns);
            quote!(call::Rule { arg: #arg, demand: call::Demand::#demand })
        });
        entries.collect::<Vec<_>>()
    };
    tool.args.iter().flat_map(of_arg).collect()
}

/// Is this an input that may have a fraction? Its bounds are integers all the same.
fn is_number(tool: &ir::Tool, arg: &str) -> bool {
    match &tool.kind {
        ir::ToolKind::Builtin(_) => false,
        ir::ToolKind::Upstream(proxied) => {
            proxied.arguments.iter().any(|argument| argument.name == arg && argument.kind == ir::ArgumentKind::Number)
        }
        ir::ToolKind::Rest(rest) => rest.input.iter().any(|input| input.name == arg && input.kind == ir::InputKind::Number),
    }
}

fn demand<'a>(is_number: bool, rule: &'a ir::ArgRule, patterns: &mut Patterns<'a>) -> TokenStream {
    match rule {
        ir::ArgRule::OneOf(accepted) => quote!(OneOf(&[#(#accepted),*])),
        ir::ArgRule::Prefix(text) => quote!(Prefix(#text)),
        ir::ArgRule::Suffix(text) => quote!(Suffix(#text)),
        ir::ArgRule::MinLength(least) => quote!(MinLength(#least)),
        ir::ArgRule::MaxLength(most) => quote!(MaxLength(#most)),
        ir::ArgRule::Min(least) if is_number => quote!(MinNumber(#least)),
        ir::ArgRule::Max(most) if is_number => quote!(MaxNumber(#most)),
        ir::ArgRule::Min(least) => quote!(Min(#least)),
        ir::ArgRule::Max(most) => quote!(Max(#most)),
        ir::ArgRule::Matches(text) => {
            let name = pattern_name(patterns.number(text));
            quote!(Matches(&#name))
        }
        ir::ArgRule::Under(path) => quote!(Under(#path)),
        ir::ArgRule::HostIn(rules) => {
            let rules = rules.iter().map(host_rule);
            quote!(HostIn(&[#(#rules),*]))
        }
        ir::ArgRule::MaxItems(most) => quote!(MaxItems(#most)),
        ir::ArgRule::Forbid => quote!(Forbid),
    }
}

fn pattern_name(at: usize) -> Ident {
    format_ident!("PATTERN_{at}")
}

/// The table of a pattern, which the checker has made.
fn pattern(at: usize, text: &str, table: &Table) -> Result<TokenStream, String> {
    let Table { classes, width, next, accept } = table;
    let name = pattern_name(at);
    // As texts and strings of bytes: the compiler would check the type of every number of an array.
    let classes = Literal::byte_string(&from_hex(classes, "a table of classes")?);
    let width = Literal::usize_unsuffixed(*width);
    let next = Literal::byte_string(&from_hex(next, "a table of states")?);
    Ok(quote! {
        static #name: call::Pattern = call::Pattern {
            text: #text,
            classes: #classes,
            width: #width,
            next: #next,
            accept: #accept,
        };
    })
}
