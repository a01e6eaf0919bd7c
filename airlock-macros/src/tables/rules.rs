//! Argument rules as straight code, and the tables that patterns became.

use super::tool::host_rule;
use airlock_policy::automaton::Dfa;
use airlock_policy::ir;
use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};

/// One function `check_args_N` for each tool, and one static for each pattern, however often it is used.
pub(super) fn functions(tools: &[ir::Tool]) -> TokenStream {
    let mut patterns = Vec::new();
    let checks: Vec<TokenStream> = tools.iter().enumerate().map(|(at, tool)| check_args(at, tool, &mut patterns)).collect();
    let patterns = patterns.iter().enumerate().map(|(at, text)| pattern(at, text));
    quote! {
        #(#patterns)*
        #(#checks)*
    }
}

fn check_args<'a>(at: usize, tool: &'a ir::Tool, patterns: &mut Vec<&'a str>) -> TokenStream {
    let function = format_ident!("check_args_{at}");
    let mut rules = Vec::new();
    for ir::ArgRules { arg, rules: of_arg } in &tool.args {
        rules.extend(of_arg.iter().map(|rule| arg_rule(arg, is_number(tool, arg), rule, patterns)));
    }
    let args = if rules.is_empty() { quote!(_args) } else { quote!(args) };
    quote! {
        fn #function(
            #args: &::airlock_runtime::call::Args,
        ) -> ::core::result::Result<(), ::airlock_runtime::call::ArgFault> {
            #(#rules)*
            ::core::result::Result::Ok(())
        }
    }
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

fn arg_rule<'a>(arg: &str, is_number: bool, rule: &'a ir::ArgRule, patterns: &mut Vec<&'a str>) -> TokenStream {
    let (check, bound) = match rule {
        ir::ArgRule::OneOf(accepted) => (quote!(one_of), quote!(&[#(#accepted),*])),
        ir::ArgRule::Prefix(text) => (quote!(prefix), quote!(#text)),
        ir::ArgRule::Suffix(text) => (quote!(suffix), quote!(#text)),
        ir::ArgRule::MinLength(least) => (quote!(min_length), quote!(#least)),
        ir::ArgRule::MaxLength(most) => (quote!(max_length), quote!(#most)),
        ir::ArgRule::Min(least) if is_number => (quote!(min_number), quote!(#least)),
        ir::ArgRule::Max(most) if is_number => (quote!(max_number), quote!(#most)),
        ir::ArgRule::Min(least) => (quote!(min), quote!(#least)),
        ir::ArgRule::Max(most) => (quote!(max), quote!(#most)),
        ir::ArgRule::Matches(text) => {
            let known = patterns.iter().position(|known| known == text);
            let at = known.unwrap_or_else(|| {
                patterns.push(text);
                patterns.len() - 1
            });
            let name = pattern_name(at);
            (quote!(matches), quote!(&#name))
        }
        ir::ArgRule::Under(path) => (quote!(under), quote!(#path)),
        ir::ArgRule::HostIn(rules) => {
            let rules = rules.iter().map(host_rule);
            (quote!(host_in), quote!(&[#(#rules),*]))
        }
        ir::ArgRule::MaxItems(most) => (quote!(max_items), quote!(#most)),
        ir::ArgRule::Forbid => return quote!(::airlock_runtime::call::forbid(args, #arg)?;),
    };
    quote!(::airlock_runtime::call::#check(args, #arg, #bound)?;)
}

fn pattern_name(at: usize) -> Ident {
    format_ident!("PATTERN_{at}")
}

/// The table of a pattern. The checker has made it before; were it impossible, the gateway would not compile.
fn pattern(at: usize, text: &str) -> TokenStream {
    let name = pattern_name(at);
    let Ok(dfa) = Dfa::of_pattern(text) else {
        let problem = format!("the pattern {text:?} has no table");
        return quote!(::core::compile_error! { #problem });
    };
    // As two strings of bytes: the compiler would check the type of every number of an array.
    let classes = Literal::byte_string(dfa.classes());
    let width = Literal::usize_unsuffixed(dfa.width());
    let next: Vec<u8> = dfa.table().iter().flat_map(|state| state.to_le_bytes()).collect();
    let next = Literal::byte_string(&next);
    let accept = dfa.accepting();
    quote! {
        static #name: ::airlock_runtime::call::Pattern = ::airlock_runtime::call::Pattern {
            text: #text,
            classes: #classes,
            width: #width,
            next: #next,
            accept: &[#(#accept),*],
        };
    }
}
