//! Constants that many tools have alike, each once: the compiler's work grows with the number of constants.

use super::quota;
use super::tool::egress_entry;
use airlock_policy::ir;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

/// How many of the newest constants are compared with the next: tools that have something alike stand together, and to compare all with all
/// would take as long as it spares.
const NEAR: usize = 8;

/// What tools have had so far.
#[derive(Default)]
pub(super) struct Shared<'a> {
    quotas: Vec<&'a ir::Quota>,
    hosts: Vec<&'a [ir::Egress]>,
}

impl<'a> Shared<'a> {
    /// The name of the constant of a quota.
    pub(super) fn quota(&mut self, quota: &'a ir::Quota) -> TokenStream {
        let name = format_ident!("QUOTA_{}", number(&mut self.quotas, quota));
        quote!(#name)
    }

    /// A slice of hosts.
    pub(super) fn egress(&mut self, egress: &'a [ir::Egress]) -> TokenStream {
        if egress.is_empty() {
            return quote!(&[]);
        }
        let name = format_ident!("EGRESS_{}", number(&mut self.hosts, egress));
        quote!(&#name)
    }

    /// The constants.
    pub(super) fn constants(&self) -> TokenStream {
        let quotas = self.quotas.iter().enumerate().map(|(at, one)| {
            let (name, one) = (format_ident!("QUOTA_{at}"), quota(one));
            quote!(const #name: policy::Quota = #one;)
        });
        let hosts = self.hosts.iter().enumerate().map(|(at, all)| {
            let (name, count, all) = (format_ident!("EGRESS_{at}"), all.len(), all.iter().map(egress_entry));
            quote!(static #name: [policy::Egress; #count] = [#(#all),*];)
        });
        quotas.chain(hosts).collect()
    }
}

/// Which of the known ones this is; a new one becomes the last.
fn number<'a, T: PartialEq + ?Sized>(known: &mut Vec<&'a T>, one: &'a T) -> usize {
    let near = known.len().saturating_sub(NEAR);
    known[near..].iter().position(|before| *before == one).map_or_else(
        || {
            known.push(one);
            known.len() - 1
        },
        |at| near + at,
    )
}
