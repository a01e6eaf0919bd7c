//! `ir::Policy` → the tokens of a gateway's constants.
//!
//! Every struct of the IR is taken apart with all its fields, so a field added there does not compile here until someone
//! decides what it means in a gateway. The output depends on the policy, its digest and what the notes say alone.

use crate::note::{self, Said};
use airlock_policy::handover::Handover;
use airlock_policy::ir;
use proc_macro2::{Literal, TokenStream};
use quote::quote;

pub(crate) mod rest;
mod rules;
mod shared;
mod tool;
mod upstream;

/// Tokens of a whole gateway: `POLICY` and what it points to, the ELF notes, and `main`. Constants stand in a module of their own, where
/// names are short: a path from the root has three times the tokens, and the compiler's work grows with those.
pub(crate) fn gateway(handover: &Handover, digest: &[u8; 32], said: &Said<'_>) -> Result<TokenStream, String> {
    let Handover { digest: _, policy, tables, keys, tokens } = handover;
    if keys.len() != policy.approvers.len() {
        return Err("the policy has not one key for each approver".to_owned());
    }
    let index = tool_index(&policy.tools);
    let mut patterns = rules::Patterns::default();
    let rules: Vec<_> = policy.tools.iter().map(|tool| rules::entries(tool, &mut patterns)).collect();
    let patterns = patterns.statics(tables)?;
    let (notes, kept) = (note::notes(digest, said), note::kept(said));
    let mut shared = shared::Shared::default();
    let policy = table(policy, &rules, digest, (keys, tokens), &mut shared);
    let shared = shared.constants();
    Ok(quote! {
        mod airlock_gateway {
            #[allow(unused_imports)]
            use ::airlock_runtime::{call, policy};
            pub(super) static POLICY: policy::Policy = #policy;
            #index
            #patterns
            #shared
        }
        #notes
        fn main() -> ::std::process::ExitCode {
            #kept
            ::airlock_runtime::run(&airlock_gateway::POLICY)
        }
    })
}

/// `read` is what the checker has read of the policy: the keys of approvers, and how tokens of known services begin.
fn table<'a>(
    policy: &'a ir::Policy,
    rules: &[Vec<TokenStream>],
    digest: &[u8; 32],
    read: (&[[u8; 32]], &[(String, usize)]),
    shared: &mut shared::Shared<'a>,
) -> TokenStream {
    // The language version decided how the manifest was read; nothing of it is left to do at run time.
    // What it requires held when it was compiled.
    let ir::Policy {
        airlock: _,
        gateway,
        keys,
        lease,
        ledger,
        limits,
        sandbox,
        approvers,
        upstreams,
        tools,
        flows,
        grants,
        requires: _,
    } = policy;
    let ir::Gateway { name, instructions, mode } = gateway;
    let compiled_by = env!("CARGO_PKG_VERSION");
    let mode = match mode {
        ir::Mode::Enforce => quote!(::airlock_runtime::policy::Mode::Enforce),
        ir::Mode::Shadow => quote!(::airlock_runtime::policy::Mode::Shadow),
    };
    let keys = keys.iter().map(key);
    let lease = lease_rules(lease);
    let ledger = ledger_rules(ledger, read.1);
    let limits = self::limits(limits);
    let sandbox = self::sandbox(sandbox);
    let approvers = approvers.iter().zip(read.0).map(|(approver, key)| self::approver(approver, key));
    let tools = tools.iter().zip(rules).map(|(tool, rules)| tool::entry(tool, rules, upstreams, shared));
    let upstreams = upstreams.iter().map(upstream::entry);
    let flows = flows.iter().map(flow);
    let grants = grants.iter().map(grant);
    quote! {
        policy::Policy {
            gateway: #name,
            instructions: #instructions,
            mode: #mode,
            digest: [#(#digest),*],
            compiled_by: #compiled_by,
            keys: &[#(#keys),*],
            lease: #lease,
            ledger: #ledger,
            limits: #limits,
            sandbox: #sandbox,
            approvers: &[#(#approvers),*],
            tools: &[#(#tools),*],
            tool_index: policy::ToolIndex(&tool_index),
            upstreams: &[#(#upstreams),*],
            flows: &[#(#flows),*],
            grants: &[#(#grants),*],
        }
    }
}

fn key(key: &ir::Key) -> TokenStream {
    let ir::Key { kid, commitment } = key;
    let commitment = option(commitment.as_deref().map(commitment_bytes));
    quote!(policy::Key { kid: #kid, commitment: #commitment })
}

/// Why somebody may sign is for the reader of the manifest. The checker has read the key.
fn approver(approver: &ir::Approver, key: &[u8; 32]) -> TokenStream {
    let ir::Approver { name, key: _, why: _ } = approver;
    quote!(policy::Approver { name: #name, key: [#(#key),*] })
}

/// Sixteen hex digits as eight bytes. The checker has seen the digits; were it wrong, the array would have another length and
/// the gateway would not compile.
fn commitment_bytes(hex: &str) -> TokenStream {
    let bytes = (0..hex.len()).step_by(2).filter_map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok());
    quote!([#(#bytes),*])
}

fn lease_rules(lease: &ir::Lease) -> TokenStream {
    let ir::Lease { default_ttl, max_ttl, carrier_meta, carrier_arguments, carrier_ambient } = lease;
    quote! {
        policy::LeaseRules {
            default_ttl: #default_ttl,
            max_ttl: #max_ttl,
            carrier_meta: #carrier_meta,
            carrier_arguments: #carrier_arguments,
            carrier_ambient: #carrier_ambient,
        }
    }
}

fn ledger_rules(ledger: &ir::Ledger, tokens: &[(String, usize)]) -> TokenStream {
    let ir::Ledger { dir_env, dir_default, durability, evidence, redact, keep_evidence } = ledger;
    let dir_env = option(dir_env.as_ref().map(|name| quote!(#name)));
    let evidence = self::evidence(*evidence, redact, *keep_evidence, tokens);
    let durability = match durability {
        ir::Durability::Power => quote!(Power),
        ir::Durability::Effect => quote!(Effect),
        ir::Durability::Process => quote!(Process),
    };
    quote! {
        policy::LedgerRules {
            dir_env: #dir_env,
            dir_default: #dir_default,
            durability: policy::Durability::#durability,
            evidence: #evidence,
        }
    }
}

/// The code that makes copies is named only where copies are made; so are the forms of tokens.
fn evidence(evidence: ir::Evidence, removed: &[ir::Removed], keep: Option<u64>, tokens: &[(String, usize)]) -> TokenStream {
    let kept = match evidence {
        ir::Evidence::Hashes => quote!(Hashes),
        ir::Evidence::Full => quote!(Full),
        ir::Evidence::Redacted => {
            let removed = removed.iter().map(|ir::Removed { tool, name }| {
                let tool = option(tool.as_ref().map(|tool| quote!(#tool)));
                quote!(policy::evidence::Removed { tool: #tool, name: #name })
            });
            let tokens = tokens.iter().map(|(prefix, least)| quote!(policy::evidence::Token { prefix: #prefix, least: #least }));
            quote! {
                Redacted(policy::evidence::Redaction {
                    copy: ::airlock_runtime::ledger::evidence::copy::copy,
                    removed: &[#(#removed),*],
                    tokens: &[#(#tokens),*],
                })
            }
        }
    };
    let keep = option(keep.map(|seconds| quote!(#seconds)));
    quote! {
        policy::evidence::Evidence {
            kept: policy::evidence::Kept::#kept,
            keep: #keep,
        }
    }
}

fn sandbox(sandbox: &ir::Sandbox) -> TokenStream {
    // Why is for the reader of the manifest.
    let ir::Sandbox { allow_missing, unconfined, why: _ } = sandbox;
    let allow_missing = allow_missing.iter().map(|part| match part {
        ir::Part::Landlock => quote!(policy::Part::Landlock),
        ir::Part::Seccomp => quote!(policy::Part::Seccomp),
    });
    quote! {
        policy::Sandbox { allow_missing: &[#(#allow_missing),*], unconfined: #unconfined }
    }
}

fn limits(limits: &ir::Limits) -> TokenStream {
    let ir::Limits { max_arguments, in_flight, timeout, approval_timeout, step_ups, quota } = limits;
    // A literal without a type: the gateway's own type decides, on its machine.
    let in_flight = Literal::u64_unsuffixed(*in_flight);
    let quota = self::quota(quota);
    let step_ups = option(step_ups.map(|most| quote!(#most)));
    quote! {
        policy::Limits {
            max_arguments: #max_arguments,
            in_flight: #in_flight,
            timeout: #timeout,
            approval_timeout: #approval_timeout,
            step_ups: #step_ups,
            quota: #quota,
        }
    }
}

fn quota(quota: &ir::Quota) -> TokenStream {
    let ir::Quota { rate, session_rate, session_calls } = quota;
    let rate_of = |rate: &Option<ir::Rate>| {
        option(rate.map(|ir::Rate { calls, seconds }| quote!(policy::Rate { calls: #calls, seconds: #seconds })))
    };
    let (rate, session_rate) = (rate_of(rate), rate_of(session_rate));
    let session_calls = option(session_calls.map(|calls| quote!(#calls)));
    quote! {
        policy::Quota { rate: #rate, session_rate: #session_rate, session_calls: #session_calls }
    }
}

fn flow(flow: &ir::Flow) -> TokenStream {
    let ir::Flow { labels, verdict, why } = flow;
    let verdict = match verdict {
        ir::FlowVerdict::Deny => quote!(Deny),
        ir::FlowVerdict::Ask => quote!(Ask),
    };
    quote! {
        policy::Flow {
            labels: &[#(#labels),*],
            verdict: policy::FlowVerdict::#verdict,
            why: #why,
        }
    }
}

fn grant(grant: &ir::Grant) -> TokenStream {
    let ir::Grant { subject, tools, issue, domains, max_ttl, max_risk, uses, why } = grant;
    let issue = match issue {
        ir::Issue::Operator => quote!(Operator),
        ir::Issue::SelfService => quote!(SelfService),
        ir::Issue::Human => quote!(Human),
    };
    quote! {
        policy::Grant {
            subject: #subject,
            tools: &[#(#tools),*],
            issue: policy::Issue::#issue,
            domains: &[#(#domains),*],
            max_ttl: #max_ttl,
            max_risk: #max_risk,
            uses: #uses,
            why: #why,
        }
    }
}

/// Most tools whose names are told apart by a `match`. It is the fastest for few, and of hundreds the compiler makes one comparison after the
/// other, which its optimiser takes a seventh of a large gateway's time for.
const MATCH_MAX: usize = 64;

/// Name → index: no table to build at start. In a `match` the compiler refuses an unreachable arm; names that are searched are in their order,
/// so none is there twice.
fn tool_index(tools: &[ir::Tool]) -> TokenStream {
    let names = tools.iter().map(|tool| &tool.name);
    let mut sorted: Vec<_> = names.clone().zip(0_usize..).collect();
    sorted.sort_unstable();
    if tools.len() > MATCH_MAX && sorted.is_sorted_by(|one, next| one.0 < next.0) {
        let (count, (names, places)) = (tools.len(), sorted.into_iter().unzip::<_, _, Vec<_>, Vec<_>>());
        return quote! {
            static NAMES: [&str; #count] = [#(#names),*];
            static PLACES: [usize; #count] = [#(#places),*];
            fn tool_index(name: &str) -> Option<usize> {
                NAMES.binary_search(&name).ok().map(|at| PLACES[at])
            }
        };
    }
    let arms = names.enumerate().map(|(at, name)| quote!(#name => Some(#at)));
    quote! {
        fn tool_index(name: &str) -> Option<usize> {
            match name {
                #(#arms,)*
                _ => None,
            }
        }
    }
}

fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(Some(#value)),
        None => quote!(None),
    }
}
