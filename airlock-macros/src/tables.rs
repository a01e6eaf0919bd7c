//! `ir::Policy` → the tokens of a gateway's constants.
//!
//! Every struct of the IR is taken apart with all its fields, so a field added there does not compile here until someone
//! decides what it means in a gateway. The output depends on the policy and the digest alone.

use airlock_policy::ir;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

/// The note's owner as it stands in the binary: eight bytes with the terminating zero that ELF asks for.
const NOTE_OWNER: &[u8; 8] = b"Airlock\0";
/// Type of the note that carries a policy digest.
const NOTE_POLICY_DIGEST: u32 = 1;

/// Tokens of a whole gateway: `POLICY`, what it points to, the ELF note, and `main`.
pub(crate) fn gateway(policy: &ir::Policy, digest: &[u8; 32]) -> TokenStream {
    let index = tool_index(&policy.tools);
    let checks = policy.tools.iter().enumerate().map(|(at, tool)| check_args(at, &tool.args));
    let note = note(digest);
    let policy = table(policy, digest);
    quote! {
        static POLICY: ::airlock_runtime::policy::Policy = #policy;
        #index
        #(#checks)*
        #note
        fn main() -> ::std::process::ExitCode {
            ::airlock_runtime::run(&POLICY)
        }
    }
}

fn table(policy: &ir::Policy, digest: &[u8; 32]) -> TokenStream {
    // The language version decided how the manifest was read; nothing of it is left to do at run time.
    let ir::Policy { airlock: _, gateway, keys, lease, ledger, limits: _, tools, flows: _, grants, requires: _ } = policy;
    let ir::Gateway { name, instructions } = gateway;
    let compiled_by = env!("CARGO_PKG_VERSION");
    let keys = keys.iter().map(key);
    let lease = lease_rules(lease);
    let ledger = ledger_rules(ledger);
    let tools = tools.iter().enumerate().map(|(at, tool)| tool_entry(at, tool));
    let grants = grants.iter().map(grant);
    quote! {
        ::airlock_runtime::policy::Policy {
            gateway: #name,
            instructions: #instructions,
            digest: [#(#digest),*],
            compiled_by: #compiled_by,
            keys: &[#(#keys),*],
            lease: #lease,
            ledger: #ledger,
            tools: &[#(#tools),*],
            tool_index: ::airlock_runtime::policy::ToolIndex(&tool_index),
            grants: &[#(#grants),*],
        }
    }
}

fn key(key: &ir::Key) -> TokenStream {
    let ir::Key { kid, commitment } = key;
    let commitment = option(commitment.as_deref().map(commitment_bytes));
    quote!(::airlock_runtime::policy::Key { kid: #kid, commitment: #commitment })
}

/// Sixteen hex digits as eight bytes. The checker has seen the digits; were it wrong, the array would have another length and
/// the gateway would not compile.
fn commitment_bytes(hex: &str) -> TokenStream {
    let bytes = (0..hex.len()).step_by(2).filter_map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok());
    quote!([#(#bytes),*])
}

fn lease_rules(lease: &ir::Lease) -> TokenStream {
    let ir::Lease { default_ttl, max_ttl, carrier_meta, carrier_arguments } = lease;
    quote! {
        ::airlock_runtime::policy::LeaseRules {
            default_ttl: #default_ttl,
            max_ttl: #max_ttl,
            carrier_meta: #carrier_meta,
            carrier_arguments: #carrier_arguments,
        }
    }
}

fn ledger_rules(ledger: &ir::Ledger) -> TokenStream {
    let ir::Ledger { dir_env, dir_default, durability } = ledger;
    let dir_env = option(dir_env.as_ref().map(|name| quote!(#name)));
    let durability = match durability {
        ir::Durability::Power => quote!(Power),
        ir::Durability::Effect => quote!(Effect),
        ir::Durability::Process => quote!(Process),
    };
    quote! {
        ::airlock_runtime::policy::LedgerRules {
            dir_env: #dir_env,
            dir_default: #dir_default,
            durability: ::airlock_runtime::policy::Durability::#durability,
        }
    }
}

fn tool_entry(at: usize, tool: &ir::Tool) -> TokenStream {
    // `args` became the function `check_args_N`.
    let ir::Tool { name, kind, effect, risk_threshold, base_risk, egress, why, .. } = tool;
    let builtin = match kind {
        ir::ToolKind::Builtin(ir::Builtin::AirlockIssueCapability) => quote!(IssueCapability),
        ir::ToolKind::Builtin(ir::Builtin::AirlockAuditTail) => quote!(AuditTail),
        ir::ToolKind::Builtin(ir::Builtin::AirlockUsageStats) => quote!(UsageStats),
        ir::ToolKind::Builtin(ir::Builtin::AirlockExposureReport) => quote!(ExposureReport),
        ir::ToolKind::Builtin(ir::Builtin::HttpGetJson) => quote!(HttpGetJson),
        ir::ToolKind::Builtin(ir::Builtin::WeatherHourly) => quote!(WeatherHourly),
        ir::ToolKind::Rest(_) => quote!(Rest),
    };
    let effect = match effect {
        ir::EffectClass::Read => quote!(Read),
        ir::EffectClass::Write => quote!(Write),
        ir::EffectClass::Send => quote!(Send),
    };
    let egress = egress.iter().map(egress_entry);
    let check_args = format_ident!("check_args_{at}");
    quote! {
        ::airlock_runtime::policy::Tool {
            name: #name,
            why: #why,
            builtin: ::airlock_runtime::policy::Builtin::#builtin,
            effect: ::airlock_runtime::policy::EffectClass::#effect,
            risk_threshold: #risk_threshold,
            base_risk: #base_risk,
            egress: &[#(#egress),*],
            check_args: ::airlock_runtime::policy::CheckArgs(&#check_args),
        }
    }
}

fn egress_entry(egress: &ir::Egress) -> TokenStream {
    // Why a host is allowed is for the reader of the manifest; no reply or ledger entry shows it.
    let ir::Egress { host, ports, stand_in, why: _ } = egress;
    let host = match host {
        ir::HostRule::Exact(name) => quote!(Exact(#name)),
        ir::HostRule::OneLabel(parent) => quote!(OneLabel(#parent)),
        ir::HostRule::AnyPublic => quote!(AnyPublic),
    };
    let stand_in = option(stand_in.map(|port| quote!(#port)));
    quote! {
        ::airlock_runtime::policy::Egress {
            host: ::airlock_runtime::policy::HostRule::#host,
            ports: &[#(#ports),*],
            stand_in: #stand_in,
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
        ::airlock_runtime::policy::Grant {
            subject: #subject,
            tools: &[#(#tools),*],
            issue: ::airlock_runtime::policy::Issue::#issue,
            domains: &[#(#domains),*],
            max_ttl: #max_ttl,
            max_risk: #max_risk,
            uses: #uses,
            why: #why,
        }
    }
}

/// Name → index as a `match`: no table to build at start, and the compiler refuses an unreachable arm.
fn tool_index(tools: &[ir::Tool]) -> TokenStream {
    let arms = tools.iter().enumerate().map(|(at, tool)| {
        let name = &tool.name;
        quote!(#name => ::core::option::Option::Some(#at))
    });
    quote! {
        fn tool_index(name: &str) -> ::core::option::Option<usize> {
            match name {
                #(#arms,)*
                _ => ::core::option::Option::None,
            }
        }
    }
}

/// The argument rules of one tool as straight code.
fn check_args(at: usize, args: &[ir::ArgRules]) -> TokenStream {
    let function = format_ident!("check_args_{at}");
    let rules = args.iter().flat_map(|ir::ArgRules { arg, rules }| rules.iter().map(move |rule| arg_rule(arg, rule)));
    let args = if args.is_empty() { quote!(_args) } else { quote!(args) };
    quote! {
        fn #function(
            #args: &::airlock_runtime::call::Args,
        ) -> ::core::result::Result<(), ::airlock_runtime::call::ArgFault> {
            #(#rules)*
            ::core::result::Result::Ok(())
        }
    }
}

fn arg_rule(arg: &str, rule: &ir::ArgRule) -> TokenStream {
    let (check, bound) = match rule {
        ir::ArgRule::OneOf(accepted) => (quote!(one_of), quote!(&[#(#accepted),*])),
        ir::ArgRule::Prefix(text) => (quote!(prefix), quote!(#text)),
        ir::ArgRule::Suffix(text) => (quote!(suffix), quote!(#text)),
        ir::ArgRule::MinLength(least) => (quote!(min_length), quote!(#least)),
        ir::ArgRule::MaxLength(most) => (quote!(max_length), quote!(#most)),
        ir::ArgRule::Min(least) => (quote!(min), quote!(#least)),
        ir::ArgRule::Max(most) => (quote!(max), quote!(#most)),
        ir::ArgRule::Matches(pattern) => (quote!(matches), quote!(#pattern)),
        ir::ArgRule::Under(path) => (quote!(under), quote!(#path)),
        ir::ArgRule::HostIn(_) => (quote!(host_in), quote!(&[])),
        ir::ArgRule::MaxItems(most) => (quote!(max_items), quote!(#most)),
        ir::ArgRule::Forbid => (quote!(forbid), quote!(())),
    };
    quote!(::airlock_runtime::call::#check(args, #arg, #bound)?;)
}

/// The digest as an ELF note, so that it can be read from the file without running it. `link_section` counts as unsafe since a
/// wrong section can break a program; this one is data that nothing executes or relocates.
fn note(digest: &[u8; 32]) -> TokenStream {
    let owner = NOTE_OWNER;
    quote! {
        #[cfg(target_os = "linux")]
        #[repr(C, align(4))]
        struct PolicyNote {
            owner_size: u32,
            digest_size: u32,
            kind: u32,
            owner: [u8; 8],
            digest: [u8; 32],
        }
        #[cfg(target_os = "linux")]
        #[used]
        #[unsafe(link_section = ".note.airlock.policy")]
        static POLICY_NOTE: PolicyNote = PolicyNote {
            owner_size: 8,
            digest_size: 32,
            kind: #NOTE_POLICY_DIGEST,
            owner: [#(#owner),*],
            digest: [#(#digest),*],
        };
    }
}

fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
