//! The tools that the runtime itself implements.

mod args;
pub mod http_get_json;
pub mod weather_hourly;
