//! `weather_hourly`: finds a city in a state or country, then its hourly forecast, both from Open-Meteo.
//!
//! The fetches are in `effect::weather`.

use super::{Definition, schema};
use crate::call::{ArgFault, Args};
use crate::json::json;
use crate::wire::Annotations;

/// Longest forecast in hours, one week: what Open-Meteo gives by default.
const HOURS_MAX: u64 = 168;
/// Hours when the call names none.
const HOURS_DEFAULT: u64 = 24;
/// Characters of a place name; the longest official one has 85.
pub(crate) const NAME_MAX: usize = 100;
/// What is asked for each hour, by Open-Meteo's names.
pub(crate) const VARIABLES: [&str; 6] =
    ["temperature_2m", "relative_humidity_2m", "precipitation_probability", "precipitation", "wind_speed_10m", "weather_code"];

/// A checked call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub(crate) city: String,
    pub(crate) state: String,
    pub(crate) hours: u64,
    urls: [String; 2],
}

impl Plan {
    /// The URLs to be admitted before the decision: geocoding, then forecast. Only the coordinates are added to the second later,
    /// which changes neither host nor path.
    #[must_use]
    pub fn urls(&self) -> [&str; 2] {
        [&self.urls[0], &self.urls[1]]
    }
}

/// Title, description, input schema and annotations as in `tools/list`.
#[must_use]
pub fn definition() -> Definition {
    Definition {
        title: "Hourly weather",
        description: "Hourly weather forecast for a city: temperature, humidity, precipitation, wind and sky, from Open-Meteo. \
                        Times are local to the place.",
        input_schema: json!({
            "type": "object",
            "properties": {
                "city": { "type": "string", "minLength": 1, "maxLength": NAME_MAX, "description": "City, like Austin" },
                "state": {
                    "type": "string", "minLength": 1, "maxLength": NAME_MAX,
                    "description": "State, region or country of the city, like Texas, TX or France"
                },
                "hours": {
                    "type": "integer", "minimum": 1, "maximum": HOURS_MAX, "default": HOURS_DEFAULT,
                    "description": "Hours from now"
                }
            },
            "required": ["city", "state"],
            "additionalProperties": false
        }),
        annotations: Annotations { read_only: true, destructive: false, idempotent: true, open_world: true },
    }
}

/// Checks the arguments and makes the URLs.
///
/// # Errors
/// The argument that is missing, unknown or out of bounds.
pub fn plan(args: &Args) -> Result<Plan, ArgFault> {
    schema::only(args, &["city", "state", "hours"])?;
    let city = schema::line(args, "city", 1..=NAME_MAX)?.trim().to_owned();
    let state = schema::line(args, "state", 1..=NAME_MAX)?.trim().to_owned();
    let hours = schema::integer(args, "hours", 1..=HOURS_MAX)?.unwrap_or(HOURS_DEFAULT);
    let encoded = |pairs: &[(&str, &str)]| url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    // 100 is the most that the service gives: the namesake in the wanted state may stand far down.
    let place = encoded(&[("name", &city), ("count", "100"), ("language", "en"), ("format", "json")]);
    let weather = encoded(&[("hourly", &VARIABLES.join(",")), ("forecast_hours", &hours.to_string()), ("timezone", "auto")]);
    let urls = [
        format!("https://geocoding-api.open-meteo.com/v1/search?{place}"),
        format!("https://api.open-meteo.com/v1/forecast?{weather}"),
    ];
    Ok(Plan { city, state, hours, urls })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn planned(args: &Value) -> Result<Plan, ArgFault> {
        plan(args.as_object().unwrap())
    }

    #[test]
    fn urls_hold_every_argument_encoded() {
        let plan = planned(&json!({"city": " São Paulo&x=1 ", "state": "SP", "hours": 3})).unwrap();
        assert_eq!(
            plan.urls(),
            [
                "https://geocoding-api.open-meteo.com/v1/search?name=S%C3%A3o+Paulo%26x%3D1&count=100&language=en&format=json",
                "https://api.open-meteo.com/v1/forecast?hourly=temperature_2m%2Crelative_humidity_2m%2Cprecipitation_probability%2C\
             precipitation%2Cwind_speed_10m%2Cweather_code&forecast_hours=3&timezone=auto",
            ]
        );
        assert_eq!(planned(&json!({"city": "a", "state": "b"})).unwrap().hours, 24);
    }

    #[test]
    fn faults_name_their_argument() {
        for (args, expected) in [
            (json!({"state": "TX"}), "city"),
            (json!({"city": "Austin"}), "state"),
            (json!({"city": "  ", "state": "TX"}), "city"),
            (json!({"city": "Austin", "state": 7}), "state"),
            (json!({"city": "x".repeat(101), "state": "TX"}), "city"),
            (json!({"city": "Austin", "state": "TX", "hours": 0}), "hours"),
            (json!({"city": "Austin", "state": "TX", "hours": 169}), "hours"),
            (json!({"city": "Austin", "state": "TX", "hours": 1.5}), "hours"),
            (json!({"city": "Austin", "state": "TX", "hours": "3"}), "hours"),
            (json!({"city": "Austin", "state": "TX", "country": "US"}), "arguments"),
        ] {
            assert_eq!(planned(&args).map_err(|fault| fault.arg), Err(expected), "{args}");
        }
    }
}
