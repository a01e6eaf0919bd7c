pub mod http_get_json;
pub mod weather_hourly;
