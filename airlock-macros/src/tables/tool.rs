//! One entry of the tool table.

use super::shared::Shared;
use super::{option, rest, upstream};
use airlock_policy::ir;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

/// `rules` are the constants of its argument rules.
pub(super) fn entry<'a>(
    tool: &'a ir::Tool,
    rules: &[TokenStream],
    upstreams: &[ir::Upstream],
    shared: &mut Shared<'a>,
) -> TokenStream {
    let ir::Tool {
        name,
        kind,
        effect,
        risk_threshold,
        base_risk,
        ignored,
        egress,
        // They became `rules`; what a client is told of them stands in the schema of a REST tool.
        args: _,
        origins,
        trusted,
        result,
        strict,
        labels,
        approval,
        signatures,
        quota,
        timeout,
        why,
    } = tool;
    let kind = match kind {
        ir::ToolKind::Builtin(builtin) => {
            let builtin = self::builtin(*builtin);
            quote!(Builtin(policy::Builtin::#builtin))
        }
        ir::ToolKind::Rest(rest) => {
            let rest = rest::entry(rest, tool);
            quote!(Rest(&#rest))
        }
        ir::ToolKind::Upstream(proxied) => {
            let proxied = upstream::proxied(proxied, upstreams);
            quote!(Upstream(&#proxied))
        }
    };
    let effect = match effect {
        ir::EffectClass::Read => quote!(Read),
        ir::EffectClass::Write => quote!(Write),
        ir::EffectClass::Send => quote!(Send),
    };
    // Why a factor is ignored is for the reader of the manifest.
    let ignored = ignored.iter().map(|ir::IgnoredFactor { factor, why: _ }| factor);
    let egress = shared.egress(egress);
    let approval = option(approval.map(|ir::Approval::Human| quote!(policy::Approval::Human)));
    let signatures = option(signatures.as_ref().map(
        |ir::Signatures { count, of, within }| quote!(policy::Signatures { count: #count, of: &[#(#of),*], within: #within }),
    ));
    let quota = shared.quota(quota);
    let origins = origins.iter().map(origin);
    let result = form(*result);
    quote! {
        policy::Tool {
            name: #name,
            why: #why,
            kind: policy::ToolKind::#kind,
            effect: policy::EffectClass::#effect,
            risk_threshold: #risk_threshold,
            base_risk: #base_risk,
            ignored: &[#(#ignored),*],
            egress: #egress,
            rules: &[#(#rules),*],
            origins: &[#(#origins),*],
            trusted: #trusted,
            result: #result,
            strict: #strict,
            labels: &[#(#labels),*],
            approval: #approval,
            signatures: #signatures,
            quota: #quota,
            timeout: #timeout,
        }
    }
}

const fn builtin_name(builtin: ir::Builtin) -> &'static str {
    match builtin {
        ir::Builtin::AirlockIssueCapability => "IssueCapability",
        ir::Builtin::AirlockAuditTail => "AuditTail",
        ir::Builtin::AirlockUsageStats => "UsageStats",
        ir::Builtin::AirlockExposureReport => "ExposureReport",
        ir::Builtin::HttpGetJson => "HttpGetJson",
        ir::Builtin::WeatherHourly => "WeatherHourly",
    }
}

fn builtin(builtin: ir::Builtin) -> proc_macro2::Ident {
    format_ident!("{}", builtin_name(builtin))
}

fn origin(origin: &ir::Origin) -> TokenStream {
    let ir::Origin { arg, look, from, otherwise } = origin;
    let look = match look {
        ir::Look::Whole(kind) => {
            let kind = format_ident!("{}", kind_name(*kind));
            quote!(Whole(policy::origin::ValueKind::#kind))
        }
        ir::Look::Inside => quote!(Inside),
    };
    let from = from.iter().map(|source| match source {
        ir::Source::Intent => quote!(policy::origin::Source::Intent),
        ir::Source::Trusted => quote!(policy::origin::Source::Trusted),
        ir::Source::Structured => quote!(policy::origin::Source::Structured),
        ir::Source::Screened => quote!(policy::origin::Source::Screened),
        ir::Source::Text => quote!(policy::origin::Source::Text),
    });
    let otherwise = match otherwise {
        ir::Otherwise::Deny => quote!(Deny),
        ir::Otherwise::Ask => quote!(Ask),
    };
    quote! {
        policy::origin::Origin {
            arg: #arg,
            look: policy::origin::Look::#look,
            from: policy::origin::Sources::of(&[#(#from),*]),
            otherwise: policy::origin::Otherwise::#otherwise,
            by: &::airlock_runtime::memory::TRACING,
        }
    }
}

/// A form of results; one that texts are printed in names the code that reads it.
fn form(form: ir::Form) -> TokenStream {
    match form {
        ir::Form::Text => quote!(policy::origin::Form::Text),
        ir::Form::Json => quote!(policy::origin::Form::Json),
        ir::Form::Yaml => quote!(policy::origin::Form::Printed(&::airlock_runtime::memory::YAML)),
        ir::Form::Csv => quote!(policy::origin::Form::Printed(&::airlock_runtime::memory::CSV)),
        ir::Form::Table => quote!(policy::origin::Form::Printed(&::airlock_runtime::memory::TABLE)),
    }
}

const fn kind_name(kind: ir::ValueKind) -> &'static str {
    match kind {
        ir::ValueKind::Email => "Email",
        ir::ValueKind::Iban => "Iban",
        ir::ValueKind::Url => "Url",
        ir::ValueKind::Host => "Host",
        ir::ValueKind::Path => "Path",
        ir::ValueKind::Id => "Id",
        ir::ValueKind::Name => "Name",
        ir::ValueKind::Amount => "Amount",
        ir::ValueKind::Date => "Date",
    }
}

pub(super) fn egress_entry(egress: &ir::Egress) -> TokenStream {
    // Why a host is allowed is for the reader of the manifest; no reply or ledger entry shows it.
    let ir::Egress { host, ports, stand_in, why: _ } = egress;
    let host = host_rule(host);
    let stand_in = option(stand_in.map(|port| quote!(#port)));
    quote! {
        policy::Egress {
            host: #host,
            ports: &[#(#ports),*],
            stand_in: #stand_in,
        }
    }
}

pub(super) fn host_rule(rule: &ir::HostRule) -> TokenStream {
    let rule = match rule {
        ir::HostRule::Exact(name) => quote!(Exact(#name)),
        ir::HostRule::OneLabel(parent) => quote!(OneLabel(#parent)),
        ir::HostRule::AnyPublic => quote!(AnyPublic),
    };
    quote!(policy::HostRule::#rule)
}
