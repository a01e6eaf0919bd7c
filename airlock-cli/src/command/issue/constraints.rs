//! `--constraints`: narrower terms, in the JSON of the tool `airlock_issue_capability`.

use serde::Deserialize;

/// What the caller asks for; nothing = what the grant allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Constraints {
    /// Hosts.
    pub(crate) domains: Option<Vec<String>>,
    /// Risk ceiling, thousandths.
    pub(crate) max_risk: Option<u16>,
    /// Number of calls.
    pub(crate) uses: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    domains: Option<Vec<String>>,
    max_risk: Option<f64>,
    uses: Option<u64>,
}

impl Constraints {
    /// # Errors
    /// A sentence that says what is wrong and what would be accepted.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let raw: Raw = serde_json::from_str(text).map_err(|e| {
            format!("--constraints is not JSON of the form {{\"domains\":[\"…\"],\"max_risk\":0.5,\"uses\":10}}: {e}")
        })?;
        Ok(Self { domains: raw.domains, max_risk: raw.max_risk.map(thousandths).transpose()?, uses: raw.uses })
    }
}

/// 0 to 1 with at most three decimals. Going through the decimal text keeps 0.29 from becoming 289.
pub(crate) fn thousandths(risk: f64) -> Result<u16, String> {
    let text = format!("{risk:.3}");
    let exact = text.parse() == Ok(risk) && (0.0..=1.0).contains(&risk);
    let digits = text.replace('.', "").parse();
    match (exact, digits) {
        (true, Ok(value)) => Ok(value),
        (true, Err(_)) | (false, _) => Err(format!("max_risk must be 0 to 1 with at most three decimals, not {risk}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_originals_form_is_read() {
        let all = Constraints::parse(r#"{"domains":["a.b"],"max_risk":0.55,"uses":10}"#);
        assert_eq!(all, Ok(Constraints { domains: Some(vec!["a.b".into()]), max_risk: Some(550), uses: Some(10) }));
        assert_eq!(Constraints::parse("{}"), Ok(Constraints::default()));
        for thousandth in 0..=1000u16 {
            let text = format!("{{\"max_risk\":{}}}", f64::from(thousandth) / 1000.0);
            assert_eq!(Constraints::parse(&text).map(|c| c.max_risk), Ok(Some(thousandth)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "[]",
            "null",
            "{\"domain\":[]}",
            "{\"domains\":\"a\"}",
            "{\"uses\":-1}",
            "{\"uses\":1.5}",
            "{\"uses\":1,\"uses\":2}",
            "{\"max_risk\":1.001}",
            "{\"max_risk\":-0.1}",
            "{\"max_risk\":0.5555}",
            "{\"max_risk\":\"0.5\"}",
            "{} x",
        ] {
            assert!(Constraints::parse(text).is_err(), "{text}");
        }
    }
}
