//! Secrets in the text of a manifest. A manifest is reviewed, kept in repositories and sent to build machines: a secret in it is
//! one that everybody has. What is found is masked before anything else reads the text, so no diagnostic repeats it.

use crate::code::Code;
use crate::diagnostic::{Diagnostic, Faults, Span};
use crate::limits::MANIFEST_MAX;
use toml::de::{DeTable, DeValue};

/// Something that looks like a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) span: Span,
    /// For messages: `a GitHub token`.
    pub(crate) what: &'static str,
}

/// A form of token: how it begins, and what follows.
struct Form {
    what: &'static str,
    prefix: &'static str,
    /// Least characters after the prefix; more may follow.
    least: usize,
}

/// Forms that their makers document, or that their scanners look for. Longer prefixes come before shorter ones.
const FORMS: &[Form] = &[
    Form { what: "a GitHub token", prefix: "github_pat_", least: 22 },
    Form { what: "a GitHub token", prefix: "ghp_", least: 36 },
    Form { what: "a GitHub token", prefix: "gho_", least: 36 },
    Form { what: "a GitHub token", prefix: "ghu_", least: 36 },
    Form { what: "a GitHub token", prefix: "ghs_", least: 36 },
    Form { what: "a GitHub token", prefix: "ghr_", least: 36 },
    Form { what: "a GitLab token", prefix: "glpat-", least: 20 },
    Form { what: "a GitLab token", prefix: "gldt-", least: 20 },
    Form { what: "a GitLab token", prefix: "glrt-", least: 20 },
    Form { what: "a Slack token", prefix: "xoxb-", least: 20 },
    Form { what: "a Slack token", prefix: "xoxp-", least: 20 },
    Form { what: "a Slack token", prefix: "xoxa-", least: 20 },
    Form { what: "a Slack token", prefix: "xoxs-", least: 20 },
    Form { what: "a Slack token", prefix: "xoxr-", least: 20 },
    Form { what: "a Slack token", prefix: "xapp-", least: 20 },
    Form { what: "a Google API key", prefix: "AIza", least: 35 },
    Form { what: "a Google OAuth secret", prefix: "GOCSPX-", least: 24 },
    Form { what: "a Google access token", prefix: "ya29.", least: 20 },
    Form { what: "an Anthropic key", prefix: "sk-ant-", least: 20 },
    Form { what: "an API key", prefix: "sk-proj-", least: 20 },
    Form { what: "an API key", prefix: "sk-svcacct-", least: 20 },
    Form { what: "a Stripe key", prefix: "sk_live_", least: 16 },
    Form { what: "a Stripe key", prefix: "sk_test_", least: 16 },
    Form { what: "a Stripe key", prefix: "rk_live_", least: 16 },
    Form { what: "a Stripe key", prefix: "rk_test_", least: 16 },
    Form { what: "a Stripe secret", prefix: "whsec_", least: 24 },
    Form { what: "an npm token", prefix: "npm_", least: 36 },
    Form { what: "a PyPI token", prefix: "pypi-", least: 50 },
    Form { what: "a Hugging Face token", prefix: "hf_", least: 34 },
    Form { what: "a SendGrid key", prefix: "SG.", least: 40 },
    Form { what: "a DigitalOcean token", prefix: "dop_v1_", least: 64 },
];

/// Key ids of AWS: these four letters and sixteen capitals or digits, no more.
const AWS: &[&str] = &["AKIA", "ASIA"];
const AWS_REST: usize = 16;
/// A token of JSON: three parts, of which the first two are objects in base64.
const JWT: &str = "eyJ";
/// How a private key in PEM begins, and how long its first line can be.
const PEM: &str = "-----BEGIN ";
const PEM_LINE_MAX: usize = 80;
/// Least characters of a JSON web token: shorter, no signature fits.
const JWT_MIN: usize = 40;
/// A secret key without a prefix of its own: these letters and then only letters and digits.
const PLAIN_KEY: &str = "sk-";
const PLAIN_KEY_MIN: usize = 32;
/// Bytes that are looked at to judge the form of a token, so that the work grows with the text and no faster.
const LOOK_MAX: usize = 2048;
/// Places of one word where a token may begin, for the same reason.
const STARTS_MAX: usize = 64;
/// Bytes that are looked at to tell a token from a placeholder.
const MIXED_MAX: usize = 64;
/// Least characters of a value that is judged by its entropy alone.
const RANDOM_MIN: usize = 16;
/// Least entropy of such a value, in thousandths of a bit for each character: words and names have less, random text has more.
const RANDOM_BITS: f64 = 3.4;
/// Parts of a key's name after which a value is expected to be a secret.
const NAMES: &[&str] = &["token", "secret", "passw", "api-key", "api_key", "apikey", "credential", "private_key", "auth"];
/// Keys of the language that name such things, and never hold them.
const OURS: &[&str] = &["bearer_env", "basic_env", "env", "credentials", "why", "description", "title", "url", "auth"];

/// How tokens begin that a gateway takes out of copies, each with the least characters that follow. It needs no more of their form, since
/// removing too much does no harm there.
pub(crate) fn prefixes() -> impl Iterator<Item = (&'static str, usize)> {
    let named = FORMS.iter().map(|form| (form.prefix, form.least));
    let others = [(JWT, JWT_MIN - JWT.len()), (PLAIN_KEY, PLAIN_KEY_MIN)];
    named.chain(AWS.iter().map(|prefix| (*prefix, AWS_REST))).chain(others)
}

/// Reports every secret; gives the text without them if there are any.
pub(crate) fn masked(text: &str, faults: &mut Faults) -> Option<String> {
    if text.len() > MANIFEST_MAX {
        return None;
    }
    let (document, _) = DeTable::parse_recoverable(text);
    let found = find(text, Some(document.get_ref()));
    for one in &found {
        let message = format!("this looks like {}", one.what);
        let diagnostic = Diagnostic::new(Code::Secret, &one.span, message, "a secret does not belong here");
        faults.push(diagnostic.help(
            "remove it here and withdraw it where it was issued: name a variable in `auth`, or in the `env` of an upstream, which the gateway reads when it starts",
        ));
    }
    // What else is wrong with a masked value is the mask's doing.
    faults.excuse(found.iter().map(|one| one.span.clone()).collect());
    (!found.is_empty()).then(|| mask(text, &found))
}

/// Everything in the text that looks like a secret, in order, without overlaps.
pub(crate) fn find(text: &str, document: Option<&DeTable<'_>>) -> Vec<Found> {
    let mut found = Vec::new();
    words(text, &mut found);
    private_keys(text, &mut found);
    users(text, &mut found);
    if let Some(document) = document {
        // What stands in the text as it is has been found at its exact place.
        let mut values = Vec::new();
        table(text, document, &mut values);
        found.sort_by_key(|one| one.span.start);
        values.retain(|value| {
            let next = found.partition_point(|one| one.span.start < value.span.end);
            found.get(..next).and_then(|before| before.last()).is_none_or(|one| one.span.end <= value.span.start)
        });
        found.extend(values);
    }
    found.sort_by_key(|one| (one.span.start, one.span.end));
    let mut end = 0;
    found.retain(|one| {
        let apart = one.span.start >= end;
        end = end.max(one.span.end);
        apart
    });
    found
}

/// The text with every secret replaced by asterisks, byte for byte, so that all places stay as they are.
pub(crate) fn mask(text: &str, found: &[Found]) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for one in found {
        masked.push_str(text.get(at..one.span.start).unwrap_or_default());
        // A line end stays, so that lines keep their numbers.
        let hidden = text.get(one.span.clone()).unwrap_or_default();
        hidden.bytes().for_each(|byte| masked.push(if byte == b'\n' { '\n' } else { '*' }));
        at = one.span.end;
    }
    masked.push_str(text.get(at..).unwrap_or_default());
    masked
}

/// A character that tokens are made of.
const fn in_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Words that have the form of a token.
fn words(text: &str, found: &mut Vec<Found>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !in_token(bytes[at]) {
            at += 1;
            continue;
        }
        let end = bytes[at..].iter().position(|byte| !in_token(*byte)).map_or(bytes.len(), |length| at + length);
        if let Some((start, what)) = text.get(at..end).and_then(token) {
            found.push(Found { span: at + start..end, what });
        }
        at = end;
    }
}

/// Where a token begins in a word, and what it is.
fn token(word: &str) -> Option<(usize, &'static str)> {
    // A dot or hyphen before it is no part of a token; a letter is.
    let starts = std::iter::once(0).chain(word.match_indices(['.', '-', '_']).map(|(at, _)| at + 1));
    starts.take(STARTS_MAX).find_map(|start| Some((start, token_at(word.get(start..)?)?)))
}

fn token_at(word: &str) -> Option<&'static str> {
    let form =
        FORMS.iter().find(|form| word.strip_prefix(form.prefix).is_some_and(|rest| rest.len() >= form.least && mixed(rest)));
    if let Some(form) = form {
        return Some(form.what);
    }
    if AWS.iter().any(|prefix| {
        word.strip_prefix(prefix)
            .is_some_and(|rest| rest.len() == AWS_REST && rest.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()))
    }) {
        return Some("an AWS key id");
    }
    if word.starts_with(JWT) && word.len() >= JWT_MIN && word.bytes().take(LOOK_MAX).filter(|byte| *byte == b'.').count() == 2 {
        return Some("a JSON web token");
    }
    let plain = word.strip_prefix(PLAIN_KEY)?;
    (plain.len() >= PLAIN_KEY_MIN && plain.bytes().all(|b| b.is_ascii_alphanumeric()) && mixed(plain)).then_some("an API key")
}

/// Not one character over and over, nor one written to show the form (`ghp_xxxx…`).
fn mixed(text: &str) -> bool {
    let mut seen: Vec<u8> = text.bytes().take(MIXED_MAX).collect();
    seen.sort_unstable();
    seen.dedup();
    seen.len() >= 5
}

/// Private keys in PEM: from the first line to the last, or the first line alone where the last is missing.
fn private_keys(text: &str, found: &mut Vec<Found>) {
    let mut at = 0;
    let mut ends = true;
    while let Some(start) = text.get(at..).and_then(|rest| Some(at + rest.find(PEM)?)) {
        let rest = text.get(start..).unwrap_or_default();
        let line = rest.get(..rest.floor_char_boundary(PEM_LINE_MAX)).unwrap_or_default().lines().next().unwrap_or_default();
        at = start + PEM.len();
        let Some(named) = line.find("PRIVATE KEY-----") else { continue };
        let end = if ends { rest.find("-----END ").and_then(|end| Some(end + rest.get(end..)?.find("KEY-----")?)) } else { None };
        ends = end.is_some();
        let length = end.map_or(named + "PRIVATE KEY-----".len(), |end| end + "KEY-----".len());
        found.push(Found { span: start..start + length, what: "a private key" });
        at = start + length;
    }
}

/// `://user:password@` in a URL.
fn users(text: &str, found: &mut Vec<Found>) {
    for (at, opening) in text.match_indices("://") {
        let start = at + opening.len();
        let rest = text.get(start..).unwrap_or_default();
        let authority = rest.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '\'' | '`' | '?' | '#' | '<' | '>'));
        let authority = rest.get(..authority.unwrap_or(rest.len())).unwrap_or_default();
        let Some((user, _)) = authority.rsplit_once('@') else { continue };
        if let Some((_, password)) = user.split_once(':')
            && !password.is_empty()
        {
            found.push(Found { span: start..start + user.len(), what: "a password in a URL" });
        }
    }
}

/// Values whose key says that they are secret, and whose letters say that they are random; and tokens that are spelled with escapes.
fn table(text: &str, document: &DeTable<'_>, found: &mut Vec<Found>) {
    let mut open: Vec<(&str, Span, &DeValue<'_>)> = entries(document).collect();
    while let Some((name, span, value)) = open.pop() {
        match value {
            DeValue::String(value) => {
                let secret = !OURS.contains(&name) && says_secret(name);
                let escaped = || value.as_bytes().split(|byte| !in_token(*byte)).any(is_token);
                // An argument of a command: `--api-key=…`.
                let flag = value.split_once('=').filter(|(flag, given)| {
                    flag.starts_with('-') && says_secret(flag) && !given.starts_with('/') && random(given)
                });
                if secret && random(value) || flag.is_some() {
                    found.push(Found { span: unquoted(text, span), what: "a random value under a name for secrets" });
                } else if escaped() {
                    found.push(Found { span: unquoted(text, span), what: "a token" });
                }
            }
            DeValue::Array(list) => open.extend(list.iter().map(|item| (name, item.span(), item.get_ref()))),
            DeValue::Table(table) => open.extend(entries(table)),
            DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
        }
    }
}

/// Whether a name is one for something secret.
fn says_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    NAMES.iter().any(|part| lower.contains(part))
}

fn entries<'d>(table: &'d DeTable<'d>) -> impl Iterator<Item = (&'d str, Span, &'d DeValue<'d>)> {
    table.iter().map(|(name, value)| (name.get_ref().as_ref(), value.span(), value.get_ref()))
}

fn is_token(word: &[u8]) -> bool {
    std::str::from_utf8(word).is_ok_and(|word| token(word).is_some())
}

/// The place of a string without its quotes, so that the masked text is still TOML.
fn unquoted(text: &str, span: Span) -> Span {
    let value = text.get(span.clone()).unwrap_or_default();
    let quotes =
        ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quotes| value.starts_with(quotes) && value.len() >= 2 * quotes.len());
    let width = quotes.map_or(0, str::len);
    span.start + width..span.end - width
}

/// Letters and digits in a row that no language writes. The name of a variable is none of them.
fn random(text: &str) -> bool {
    let shape = text.len() >= RANDOM_MIN
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=_-.~!@#$%^&*".contains(&b))
        && text.bytes().any(|b| b.is_ascii_digit())
        && text.bytes().any(|b| b.is_ascii_alphabetic());
    let variable = text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    shape && !variable && bits(text) >= RANDOM_BITS
}

/// Entropy in bits for each character, from how often each occurs.
fn bits(text: &str) -> f64 {
    let mut counts = [0u32; 256];
    text.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let length = text.len() as f64;
    let part = |count: &u32| {
        let share = f64::from(*count) / length;
        -share * share.log2()
    };
    counts.iter().filter(|count| **count > 0).map(part).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Made here, so that no scanner takes this file for a leak.
    fn body(length: usize) -> String {
        "a1B2c3D4e5F6g7H8i9J0".chars().cycle().take(length).collect()
    }

    fn what(text: &str) -> Option<&'static str> {
        find(text, None).first().map(|one| one.what)
    }

    #[test]
    fn every_form_is_found_and_masked() {
        for form in FORMS {
            let token = format!("{}{}", form.prefix, body(form.least));
            let text = format!("x = \"{token}\" # {token}\n");
            let found = find(&text, None);
            assert_eq!(found.iter().map(|one| one.what).collect::<Vec<_>>(), [form.what, form.what], "{}", form.prefix);
            let masked = mask(&text, &found);
            assert!(masked.len() == text.len() && !masked.contains(&token) && masked.ends_with("*\n"), "{masked}");
            assert_eq!(what(&format!("\"{}{}\"", form.prefix, "x".repeat(form.least))), None, "a placeholder");
        }
        assert_eq!(what(&format!("AKIA{}", "ABCDEFGH12345678")), Some("an AWS key id"));
        assert_eq!(what(&format!("eyJ{}.eyJ{}.{}", body(20), body(20), body(20))), Some("a JSON web token"));
        assert_eq!(what(&format!("sk-{}", body(40))), Some("an API key"));
        assert_eq!(what("https://user:hunter2@api.example.com/x"), Some("a password in a URL"));
        let key = format!("-----BEGIN RSA {0}-----\n{1}\n-----END RSA {0}-----", "PRIVATE KEY", body(64));
        let found = find(&key, None);
        assert_eq!(found.len(), 1);
        assert!(mask(&key, &found).chars().all(|c| c == '*' || c == '\n'));
    }

    #[test]
    fn ordinary_words_are_no_secrets() {
        for text in [
            "bearer_env = \"TICKETS_TOKEN\"",
            "tools = [\"airlock_issue_capability\"]",
            "why = \"sk-learn and task-based-things-that-are-long-enough-to-matter\"",
            "https://api.example.com:8443/v1/{project}/issues?mail=a@b.c",
            "why = \"ask user:group@host\"",
            "matches = \"eyJ[a-z]+\"",
            "npm_config_registry",
            "hf_transformers",
        ] {
            assert_eq!(what(text), None, "{text}");
        }
    }

    #[test]
    fn random_values_are_secrets_only_under_such_names() {
        let find = |text: &str| find(text, DeTable::parse(text).ok().as_ref().map(|document| document.get_ref()));
        let value = body(24);
        assert_eq!(find(&format!("api_key = \"{value}\"")).len(), 1);
        assert_eq!(find(&format!("headers = {{ \"X-Auth-Token\" = \"{value}\" }}")).len(), 1);
        assert_eq!(find(&format!("commitment = \"{value}\"")).len(), 0);
        assert_eq!(find("api_key = \"TICKETS_TOKEN_V2_PRODUCTION\"").len(), 0);
        // Of an upstream: an argument of its command, a variable of its environment.
        assert_eq!(find(&format!("command = [\"/x\", \"--api-key={value}\"]")).len(), 1);
        assert_eq!(find(&format!("env.SERVICE_TOKEN = \"{value}\"")).len(), 1);
        assert_eq!(find(&format!("command = [\"/x\", \"--root={value}\", \"--token-file=/run/x/token\"]")).len(), 0);
        assert_eq!(find("password = \"the user types it in\"").len(), 0);
        // Escapes do not hide a token.
        assert_eq!(find(&format!("a = \"\\u0067hp_{}\"", body(36))).len(), 1);
    }

    proptest! {
        #[test]
        fn any_text_is_masked_in_place(text in "(?s).{0,80}(://[a-z]{0,3}:?[a-zü]{0,3}@|-----BEGIN PRIVATE KEY-----|ghp_[a-zA-Z0-9]{30,40})?.{0,80}") {
            let found = find(&text, None);
            let masked = mask(&text, &found);
            prop_assert_eq!(masked.len(), text.len());
            prop_assert_eq!(masked.matches('\n').count(), text.matches('\n').count());
        }
    }
}
