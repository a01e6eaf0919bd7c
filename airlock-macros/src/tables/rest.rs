//! REST tools as constants.

use super::option;
use crate::schema;
use airlock_policy::ir;
use proc_macro2::{Literal, TokenStream};
use quote::quote;

/// Characters of a string when no rule bounds it.
const STRING_DEFAULT: u64 = 8192;
/// Items of a list when no rule bounds them.
const ITEMS_DEFAULT: u64 = 64;

pub(super) fn entry(rest: &ir::Rest, tool: &ir::Tool) -> TokenStream {
    let ir::Rest { title, description, input, method, host, port, path, query, headers, body, auth, response } = rest;
    let schema = schema::of_inputs(rest, tool).to_string();
    let input = input.iter().map(|input| self::input(input, &tool.args));
    let method = match method {
        ir::Method::Get => quote!(Get),
        ir::Method::Post => quote!(Post),
        ir::Method::Put => quote!(Put),
        ir::Method::Patch => quote!(Patch),
        ir::Method::Delete => quote!(Delete),
    };
    let path = path.iter().map(|piece| match piece {
        ir::Piece::Literal(text) => quote!(policy::Piece::Literal(#text)),
        ir::Piece::Input(name) => quote!(policy::Piece::Input(#name)),
    });
    let [query, headers, body] = [query, headers, body].map(|pairs| pairs.iter().map(pair).collect::<Vec<_>>());
    let auth = option(auth.as_ref().map(self::auth));
    let response = self::response(response);
    quote! {
        policy::Rest {
            title: #title,
            description: #description,
            input: &[#(#input),*],
            schema: #schema,
            method: policy::Method::#method,
            host: #host,
            port: #port,
            path: &[#(#path),*],
            query: &[#(#query),*],
            headers: &[#(#headers),*],
            body: &[#(#body),*],
            auth: #auth,
            response: #response,
        }
    }
}

fn input(input: &ir::Input, args: &[ir::ArgRules]) -> TokenStream {
    // What the model reads stands in the schema.
    let ir::Input { name, kind, required, description: _ } = input;
    let most = most_characters(name, args);
    let kind = match kind {
        ir::InputKind::String => quote!(String { most: #most }),
        ir::InputKind::Integer => quote!(Integer),
        ir::InputKind::Number => quote!(Number),
        ir::InputKind::Boolean => quote!(Boolean),
        ir::InputKind::Array => {
            let items = most_items(name, args);
            quote!(Array { items: #items, most: #most })
        }
    };
    quote! {
        policy::Input {
            name: #name,
            kind: policy::InputKind::#kind,
            required: #required,
        }
    }
}

/// The bound of a rule, or that of every string: also where the rules are looked at after the type.
pub(crate) fn most_characters(name: &str, args: &[ir::ArgRules]) -> u64 {
    let bound = |rule: &ir::ArgRule| if let ir::ArgRule::MaxLength(most) = rule { Some(*most) } else { None };
    rules(name, args).filter_map(bound).min().unwrap_or(STRING_DEFAULT)
}

/// As [`most_characters`], for the items of a list.
pub(crate) fn most_items(name: &str, args: &[ir::ArgRules]) -> u64 {
    let bound = |rule: &ir::ArgRule| if let ir::ArgRule::MaxItems(most) = rule { Some(*most) } else { None };
    rules(name, args).filter_map(bound).min().unwrap_or(ITEMS_DEFAULT)
}

/// All rules for an argument.
pub(crate) fn rules<'a>(name: &'a str, args: &'a [ir::ArgRules]) -> impl Iterator<Item = &'a ir::ArgRule> {
    args.iter().filter(move |of_arg| of_arg.arg == name).flat_map(|of_arg| &of_arg.rules)
}

fn pair(pair: &ir::Pair) -> TokenStream {
    let ir::Pair { name, value } = pair;
    let value = match value {
        ir::Slot::Input(input) => quote!(Input(#input)),
        ir::Slot::Text(text) => quote!(Text(#text)),
        ir::Slot::Integer(number) => quote!(Integer(#number)),
        ir::Slot::Boolean(flag) => quote!(Boolean(#flag)),
    };
    quote!(policy::Pair { name: #name, value: policy::Slot::#value })
}

fn auth(auth: &ir::Auth) -> TokenStream {
    let ir::Auth { scheme, env } = auth;
    let scheme = match scheme {
        ir::AuthScheme::Bearer => quote!(Bearer),
        ir::AuthScheme::Basic => quote!(Basic),
        ir::AuthScheme::Header(name) => quote!(Header(#name)),
    };
    quote!(policy::Auth { scheme: policy::AuthScheme::#scheme, env: #env })
}

fn response(response: &ir::Response) -> TokenStream {
    let ir::Response { select, max_bytes } = response;
    let select = match select {
        ir::Select::Whole => quote!(Whole),
        ir::Select::One(pointer) => quote!(One(#pointer)),
        ir::Select::Fields(fields) => {
            let fields = fields.iter().map(|(name, pointer)| quote!((#name, #pointer)));
            quote!(Fields(&[#(#fields),*]))
        }
    };
    // A literal without a type: the gateway's own type decides.
    let max_bytes = Literal::u64_unsuffixed(*max_bytes);
    quote! {
        policy::Response { select: policy::Select::#select, max_bytes: #max_bytes }
    }
}
