//! The request of a REST tool, and what kind a tool is.

use super::convert::{impossible, list, text};
use crate::render::Failure;
use airlock_policy::ir;
use airlock_policy::limits::{ITEMS_DEFAULT, RULE_TEXT_MAX};
use airlock_runtime::policy as rt;

/// What a call of a tool does.
///
/// # Errors
/// A value that no checked policy has.
pub(super) fn kind(kind: &ir::ToolKind, args: &[ir::ArgRules], upstreams: &[ir::Upstream]) -> Result<rt::ToolKind, Failure> {
    Ok(match kind {
        ir::ToolKind::Builtin(builtin) => rt::ToolKind::Builtin(self::builtin(*builtin)),
        ir::ToolKind::Rest(rest) => rt::ToolKind::Rest(Box::leak(Box::new(self::rest(rest, args)?))),
        ir::ToolKind::Upstream(proxied) => {
            rt::ToolKind::Upstream(Box::leak(Box::new(super::foreign::proxied(proxied, upstreams)?)))
        }
    })
}

const fn builtin(builtin: ir::Builtin) -> rt::Builtin {
    match builtin {
        ir::Builtin::AirlockIssueCapability => rt::Builtin::IssueCapability,
        ir::Builtin::AirlockAuditTail => rt::Builtin::AuditTail,
        ir::Builtin::AirlockUsageStats => rt::Builtin::UsageStats,
        ir::Builtin::AirlockExposureReport => rt::Builtin::ExposureReport,
        ir::Builtin::HttpGetJson => rt::Builtin::HttpGetJson,
        ir::Builtin::WeatherHourly => rt::Builtin::WeatherHourly,
    }
}

fn rest(rest: &ir::Rest, args: &[ir::ArgRules]) -> Result<rt::Rest, Failure> {
    let ir::Rest { title, description, input, method, host, port, path, query, headers, body, auth, response } = rest;
    let method = match method {
        ir::Method::Get => rt::Method::Get,
        ir::Method::Post => rt::Method::Post,
        ir::Method::Put => rt::Method::Put,
        ir::Method::Patch => rt::Method::Patch,
        ir::Method::Delete => rt::Method::Delete,
    };
    Ok(rt::Rest {
        title: text(title),
        description: text(description),
        input: list(input.iter().map(|input| self::input(input, args)).collect()),
        // What clients are shown decides nothing.
        schema: "{}",
        method,
        host: text(host),
        port: *port,
        path: list(path.iter().map(piece).collect()),
        query: pairs(query),
        headers: pairs(headers),
        body: pairs(body),
        auth: auth.as_ref().map(self::auth),
        response: self::response(response)?,
    })
}

/// An input with the bounds that hold without a rule, or with a narrower one.
fn input(input: &ir::Input, args: &[ir::ArgRules]) -> rt::Input {
    let ir::Input { name, kind, required, description: _ } = input;
    let rules = args.iter().find(|rules| rules.arg == *name).map_or(&[][..], |rules| &rules.rules);
    let most = rules.iter().find_map(|rule| if let ir::ArgRule::MaxLength(most) = rule { Some(*most) } else { None });
    let items = rules.iter().find_map(|rule| if let ir::ArgRule::MaxItems(most) = rule { Some(*most) } else { None });
    let most = most.unwrap_or(RULE_TEXT_MAX as u64);
    let kind = match kind {
        ir::InputKind::String => rt::InputKind::String { most },
        ir::InputKind::Integer => rt::InputKind::Integer,
        ir::InputKind::Number => rt::InputKind::Number,
        ir::InputKind::Boolean => rt::InputKind::Boolean,
        ir::InputKind::Array => rt::InputKind::Array { items: items.unwrap_or(ITEMS_DEFAULT.unsigned_abs()), most },
    };
    rt::Input { name: text(name), kind, required: *required }
}

fn piece(piece: &ir::Piece) -> rt::Piece {
    match piece {
        ir::Piece::Literal(literal) => rt::Piece::Literal(text(literal)),
        ir::Piece::Input(name) => rt::Piece::Input(text(name)),
    }
}

fn pairs(pairs: &[ir::Pair]) -> &'static [rt::Pair] {
    let slot = |slot: &ir::Slot| match slot {
        ir::Slot::Input(name) => rt::Slot::Input(text(name)),
        ir::Slot::Text(fixed) => rt::Slot::Text(text(fixed)),
        ir::Slot::Integer(number) => rt::Slot::Integer(*number),
        ir::Slot::Boolean(truth) => rt::Slot::Boolean(*truth),
    };
    list(pairs.iter().map(|ir::Pair { name, value }| rt::Pair { name: text(name), value: slot(value) }).collect())
}

fn auth(auth: &ir::Auth) -> rt::Auth {
    let ir::Auth { scheme, env } = auth;
    let scheme = match scheme {
        ir::AuthScheme::Bearer => rt::AuthScheme::Bearer,
        ir::AuthScheme::Basic => rt::AuthScheme::Basic,
        ir::AuthScheme::Header(name) => rt::AuthScheme::Header(text(name)),
    };
    rt::Auth { scheme, env: text(env) }
}

fn response(response: &ir::Response) -> Result<rt::Response, Failure> {
    let ir::Response { select, max_bytes } = response;
    let select = match select {
        ir::Select::Whole => rt::Select::Whole,
        ir::Select::One(pointer) => rt::Select::One(text(pointer)),
        ir::Select::Fields(fields) => {
            rt::Select::Fields(list(fields.iter().map(|(name, pointer)| (text(name), text(pointer))).collect()))
        }
    };
    let max_bytes = usize::try_from(*max_bytes).map_err(|_| impossible("an answer larger than this machine's memory"))?;
    Ok(rt::Response { select, max_bytes })
}
