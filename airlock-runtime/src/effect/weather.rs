//! The two fetches of `weather_hourly`: the place, then its forecast.
//!
//! Shapes: <https://open-meteo.com/en/docs/geocoding-api> and <https://open-meteo.com/en/docs>. Only numbers, times and short names
//! are taken from the answers, so they leave little room for text that a model would take for an order.

use super::http::{FetchFault, HttpLimits, get_json, line};
use super::resolve::Resolve;
use crate::builtin::weather_hourly::{NAME_MAX, Plan, VARIABLES};
use crate::egress::url::Target;
use crate::json::json;
use crate::outside::Outside;
use serde::Deserialize;
use serde_json::{Map, Value};
use words::{US_STATES, sky};

mod words;

/// Characters of a unit.
const UNIT_MAX: usize = 16;

/// Fetches place and forecast from the admitted URLs of a plan, in the order of [`Plan::urls`].
/// The result holds `summary`, `place`, `units` and `hours`, a row for each hour.
///
/// # Errors
/// `not_found` if no place of that name lies in that state, else see [`FetchFault`].
pub async fn perform(
    outside: Outside,
    plan: &Plan,
    targets: [Target; 2],
    limits: &HttpLimits,
    resolver: &impl Resolve,
) -> Result<Value, FetchFault> {
    let [geocoding, forecast] = targets;
    let found = get_json(outside, geocoding, limits, resolver).await?.value;
    let place = choose(found, &plan.city, &plan.state)?;
    let (latitude, longitude) = (place.latitude.to_string(), place.longitude.to_string());
    let forecast = forecast.and_query(&[("latitude", &latitude), ("longitude", &longitude)]);
    let weather = get_json(outside, forecast, limits, resolver).await?.value;
    report(&place, &weather, plan.hours)
}

/// The geocoding answer; `results` is absent when nothing matches.
#[derive(Deserialize)]
struct Geocoding {
    #[serde(default)]
    results: Vec<Place>,
}

/// The fields of a geocoding result that are used.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Place {
    name: String,
    latitude: f64,
    longitude: f64,
    #[serde(default)]
    country: String,
    #[serde(default)]
    country_code: String,
    #[serde(default)]
    admin1: String,
}

fn bad(problem: &str) -> FetchFault {
    FetchFault::BadJson { problem: problem.to_owned() }
}

/// The best result in the wanted state: the service orders by relevance, and a name that is exactly the asked one comes first.
fn choose(found: Value, city: &str, state: &str) -> Result<Place, FetchFault> {
    let Geocoding { results } = serde_json::from_value(found).map_err(|_| bad("the geocoding service changed its format"))?;
    let mut inside: Vec<Place> = Vec::new();
    // From the narrowest meaning of `state` to the widest: CA is California before it is Canada.
    for meaning in [in_region, in_abbreviated_region, in_country] {
        inside = results.iter().filter(|place| meaning(place, state)).cloned().collect();
        if !inside.is_empty() {
            break;
        }
    }
    let exact = inside.iter().position(|place| same(&place.name, city)).unwrap_or_default();
    let place = inside.into_iter().nth(exact).ok_or_else(|| FetchFault::NotFound { what: format!("{city} in {state}") })?;
    if !(-90.0..=90.0).contains(&place.latitude) || !(-180.0..=180.0).contains(&place.longitude) {
        return Err(bad("the place has impossible coordinates"));
    }
    Ok(place)
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

fn in_region(place: &Place, state: &str) -> bool {
    same(&place.admin1, state)
}

fn in_abbreviated_region(place: &Place, state: &str) -> bool {
    let full = US_STATES.iter().find(|(short, _)| short.eq_ignore_ascii_case(state)).map(|(_, full)| *full);
    place.country_code == "US" && full.is_some_and(|full| same(&place.admin1, full))
}

fn in_country(place: &Place, state: &str) -> bool {
    same(&place.country, state) || same(&place.country_code, state)
}

/// Turns the forecast's columns into rows.
fn report(place: &Place, weather: &Value, hours: u64) -> Result<Value, FetchFault> {
    let changed = || bad("the forecast service changed its format");
    let hourly = weather["hourly"].as_object().ok_or_else(changed)?;
    let column = |name: &str| hourly.get(name).and_then(Value::as_array).ok_or_else(changed);
    let times = column("time")?;
    let columns = VARIABLES.iter().map(|name| column(name)).collect::<Result<Vec<_>, _>>()?;
    if times.is_empty() || columns.iter().any(|values| values.len() != times.len()) {
        return Err(changed());
    }
    let mut rows = Vec::new();
    for (i, time) in times.iter().enumerate().take(usize::try_from(hours).unwrap_or(usize::MAX)) {
        let mut row = Map::new();
        let time = time.as_str().filter(|text| is_local_time(text)).ok_or_else(changed)?;
        row.insert("time".to_owned(), json!(time));
        for (name, values) in VARIABLES.iter().zip(&columns) {
            let value = values.get(i).filter(|value| value.is_number() || value.is_null()).ok_or_else(changed)?;
            row.insert((*name).to_owned(), value.clone());
        }
        row.insert("weather".to_owned(), json!(sky(row["weather_code"].as_u64())));
        rows.push(row);
    }
    let unit = |name: &str| line(weather["hourly_units"][name].as_str().unwrap_or_default(), UNIT_MAX);
    let units: Map<String, Value> = VARIABLES.iter().map(|name| ((*name).to_owned(), json!(unit(name)))).collect();
    let short = |text: &str| line(text, NAME_MAX);
    Ok(json!({
        "summary": summary(place, &rows, &unit),
        "place": {
            "name": short(&place.name), "region": short(&place.admin1), "country": short(&place.country),
            "latitude": place.latitude, "longitude": place.longitude,
            "timezone": short(weather["timezone"].as_str().unwrap_or_default()),
        },
        "units": units,
        "hours": rows,
    }))
}

/// `2026-11-22T05:00`.
fn is_local_time(text: &str) -> bool {
    let form = "0000-00-00T00:00";
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(|(b, f)| if f == b'0' { b.is_ascii_digit() } else { b == f })
}

/// One sentence with what people ask first.
fn summary(place: &Place, rows: &[Map<String, Value>], unit: &dyn Fn(&str) -> String) -> String {
    let values = |name: &'static str| rows.iter().filter_map(move |row| row[name].as_f64());
    let bounds = |name| {
        values(name).fold(None, |seen: Option<(f64, f64)>, v| Some(seen.map_or((v, v), |(lo, hi)| (lo.min(v), hi.max(v)))))
    };
    let region = if place.admin1.is_empty() { &place.country } else { &place.admin1 };
    let mut text = format!("{}, {}, next {} h:", line(&place.name, NAME_MAX), line(region, NAME_MAX), rows.len());
    if let Some((low, high)) = bounds("temperature_2m") {
        text += &format!(" {low:.0} to {high:.0} {},", unit("temperature_2m"));
    }
    if let Some((_, chance)) = bounds("precipitation_probability") {
        text += &format!(" at most {chance:.0} % chance of precipitation,");
    }
    text += &format!(" {:.1} {} in all,", values("precipitation").sum::<f64>(), unit("precipitation"));
    if let Some((_, wind)) = bounds("wind_speed_10m") {
        text += &format!(" wind up to {wind:.0} {},", unit("wind_speed_10m"));
    }
    text + &format!(" now {}.", rows.first().and_then(|row| row["weather"].as_str()).unwrap_or("unknown"))
}

#[cfg(test)]
mod tests;
