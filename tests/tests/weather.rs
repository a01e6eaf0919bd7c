//! The weather tool against the stand-in over real sockets, from arguments to result.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test stops at the first surprise and prints its counts")]

#[path = "../../airlock-cli/src/standin.rs"]
mod standin;

use airlock_runtime::builtin::weather_hourly::plan;
use airlock_runtime::effect::http::{FetchFault, HttpLimits};
use airlock_runtime::effect::resolve::SystemResolver;
use airlock_runtime::effect::weather::perform;
use airlock_runtime::egress::url::{UrlRules, admit};
use airlock_runtime::outside::Outside;
use airlock_runtime::policy::{Egress, HostRule};
use serde_json::{Value, json};

fn weather(args: &Value, port: u16) -> Result<Value, FetchFault> {
    let egress = ["geocoding-api.open-meteo.com", "api.open-meteo.com"].map(|host| Egress {
        host: HostRule::Exact(host),
        ports: &[443],
        stand_in: Some(port),
    });
    let plan = plan(args.as_object().unwrap()).unwrap();
    let targets = plan.urls().map(|url| admit(url, &UrlRules::https(&egress)).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(perform(
        Outside::rehearsed(),
        &plan,
        targets,
        &HttpLimits::default(),
        &SystemResolver::new(Outside::rehearsed()),
    ))
}

#[test]
fn a_known_city_has_weather() {
    let stand_in = standin::StandIn::start(0, 10).unwrap();
    for (city, state) in [("Austin", "TX"), ("seattle", "Washington"), ("Boston", "massachusetts")] {
        let report = weather(&json!({"city": city, "state": state, "hours": 6}), stand_in.port()).unwrap();
        assert_eq!(report["hours"].as_array().unwrap().len(), 6);
        assert!(report["hours"][5]["temperature_2m"].is_number(), "{report}");
        assert_eq!(report["place"]["country"], "United States");
        assert!(report["summary"].as_str().unwrap().contains("next 6 h: "), "{report}");
    }
}

#[test]
fn an_unknown_place_is_an_error() {
    let stand_in = standin::StandIn::start(0, 10).unwrap();
    for (city, state) in [("Atlantis", "TX"), ("Austin", "Minnesota")] {
        let fault = weather(&json!({"city": city, "state": state}), stand_in.port()).unwrap_err();
        assert_eq!(fault.detail(), format!("{city} in {state} was not found"));
    }
}

#[test]
fn a_service_that_is_gone_is_an_error() {
    let port = standin::StandIn::start(0, 1).unwrap().port();
    let fault = weather(&json!({"city": "Austin", "state": "TX"}), port).unwrap_err();
    assert_eq!(fault.code(), "connect_failed");
}
