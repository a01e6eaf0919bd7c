//! Foreign servers and their tools as constants.

use super::option;
use super::tool::egress_entry;
use airlock_policy::ir;
use proc_macro2::TokenStream;
use quote::quote;

pub(super) fn entry(upstream: &ir::Upstream) -> TokenStream {
    let ir::Upstream {
        name,
        command,
        dir,
        env,
        era,
        start_timeout,
        max_message,
        may_ask,
        ask_hosts,
        may_tell,
        log,
        confine,
        why,
    } = upstream;
    let dir = option(dir.as_ref().map(|dir| quote!(#dir)));
    let env = env.iter().map(variable);
    let may_ask = may_ask.iter().map(|question| match question {
        ir::Question::Elicitation => quote!(Elicitation),
        ir::Question::Sampling => quote!(Sampling),
        ir::Question::Roots => quote!(Roots),
    });
    let may_tell = may_tell.iter().map(|list| match list {
        ir::Listed::Tools => quote!(Tools),
        ir::Listed::Resources => quote!(Resources),
        ir::Listed::Prompts => quote!(Prompts),
    });
    let log = option(log.map(|level| {
        let level = quote::format_ident!("{}", format!("{level:?}"));
        quote!(policy::upstream::Level::#level)
    }));
    let confine = option(confine.as_ref().map(confined));
    let era = match era {
        ir::Era::Auto => quote!(Auto),
        ir::Era::Modern => quote!(Modern),
        ir::Era::Legacy => quote!(Legacy),
    };
    quote! {
        policy::upstream::Upstream {
            name: #name,
            command: &[#(#command),*],
            dir: #dir,
            env: &[#(#env),*],
            era: policy::upstream::EraRule::#era,
            start_timeout: #start_timeout,
            max_message: #max_message,
            may_ask: &[#(policy::upstream::Question::#may_ask),*],
            ask_hosts: &[#(#ask_hosts),*],
            may_tell: &[#(policy::upstream::Listed::#may_tell),*],
            log: #log,
            confine: #confine,
            why: #why,
        }
    }
}

/// What the kernel lets its process touch.
fn confined(confine: &ir::Confine) -> TokenStream {
    let ir::Confine { system, read, write, exec, net, limits, allow_missing } = confine;
    let ir::ProcessLimits { data, fsize, cpu, files, processes } = limits;
    let net = match net {
        ir::Net::None => quote!(None),
        ir::Net::Proxy(hosts) => {
            let hosts = hosts.iter().map(egress_entry);
            quote!(Proxy(&[#(#hosts),*]))
        }
    };
    let cpu = option(cpu.map(|cpu| quote!(#cpu)));
    let missing = allow_missing.iter().map(|feature| match feature {
        ir::Feature::Userns => quote!(policy::upstream::Feature::Userns),
    });
    quote! {
        policy::upstream::Confine {
            system: #system,
            read: &[#(#read),*],
            write: &[#(#write),*],
            exec: &[#(#exec),*],
            net: policy::upstream::Net::#net,
            limits: policy::upstream::ProcessLimits { data: #data, fsize: #fsize, cpu: #cpu, files: #files, processes: #processes },
            allow_missing: &[#(#missing),*],
        }
    }
}

fn variable(variable: &ir::Variable) -> TokenStream {
    let ir::Variable { name, value } = variable;
    let value = match value {
        ir::VariableValue::Literal(text) => quote!(Literal(#text)),
        ir::VariableValue::From(source) => quote!(From(#source)),
        ir::VariableValue::Secret(source) => quote!(Secret(#source)),
    };
    quote! {
        policy::upstream::Variable { name: #name, value: policy::upstream::Value::#value }
    }
}

/// What is particular to a tool of an upstream.
pub(super) fn proxied(proxied: &ir::Proxied, upstreams: &[ir::Upstream]) -> TokenStream {
    // Which arguments there are is said by the definition, and rules of them became code; whether the program has secrets decided
    // requirements.
    let ir::Proxied { upstream, what, tool, pin, definition, arguments: _, max_result, on_risk, result_threshold, secrets: _ } =
        proxied;
    let Some(at) = upstreams.iter().position(|known| known.name == *upstream) else {
        let problem = format!("there is no upstream {upstream:?}");
        return quote!(::core::compile_error! { #problem });
    };
    // The checker has made the digits; were they others, the array would have another length and the gateway would not compile.
    let pin = (0..pin.len()).step_by(2).filter_map(|at| u8::from_str_radix(pin.get(at..at + 2)?, 16).ok());
    let what = match what {
        ir::Offer::Tool => quote!(Tool),
        ir::Offer::Resource => quote!(Resource),
        ir::Offer::Prompt => quote!(Prompt),
        ir::Offer::Completion => quote!(Completion),
        ir::Offer::Subscription => quote!(Subscription),
    };
    let on_risk = match on_risk {
        ir::OnRisk::Deny => quote!(Deny),
        ir::OnRisk::Mark => quote!(Mark),
        ir::OnRisk::Strip => quote!(Strip),
    };
    quote! {
        policy::upstream::Proxied {
            upstream: #at,
            what: ::airlock_runtime::policy::upstream::Offer::#what,
            name: #tool,
            pin: [#(#pin),*],
            definition: #definition,
            max_result: #max_result,
            on_risk: policy::upstream::OnRisk::#on_risk,
            result_threshold: #result_threshold,
        }
    }
}
