//! A stand-in for Open-Meteo on a loopback port, so that `airlock demo` and tests work without a network.
//!
//! It is not the service: places are real, the weather values under `standin/` are made up, and only their form is that of the real
//! answers (<https://open-meteo.com/en/docs>). Times are counted from the current hour. It knows three cities; for others it answers
//! as the service does when nothing matches. A gateway reaches it only through an egress entry that names the port.

use airlock_runtime::clock::Micros;
use serde_json::{Map, Value, json};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const CITIES: [&str; 3] =
    [include_str!("../standin/austin.json"), include_str!("../standin/boston.json"), include_str!("../standin/seattle.json")];
/// Units as the service names them.
const UNITS: [(&str, &str); 6] = [
    ("temperature_2m", "°C"),
    ("relative_humidity_2m", "%"),
    ("precipitation_probability", "%"),
    ("precipitation", "mm"),
    ("wind_speed_10m", "km/h"),
    ("weather_code", "wmo code"),
];
/// Longest request head read; a gateway's own is below 1 KiB.
const HEAD_MAX: usize = 8 * 1024;
/// Longest wait for one read or write, so that a silent client cannot hold the single thread.
const PATIENCE: Duration = Duration::from_secs(2);
/// Longest forecast, as in the real service: 16 days.
const HOURS_MAX: usize = 16 * 24;
/// Hours when the request names none, as in the real service: 7 days.
const HOURS_DEFAULT: usize = 7 * 24;
/// How far from a known place a forecast is still given, degrees.
const NEAR: f64 = 0.05;

/// A running stand-in; it ends when this value is dropped or its requests are used up.
#[derive(Debug)]
pub(crate) struct StandIn {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl StandIn {
    /// Starts on this loopback port, or on a free one if it is taken (or 0), and answers at most `max_requests` requests.
    pub(crate) fn start(wanted: u16, max_requests: usize) -> std::io::Result<Self> {
        let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = bind(wanted).or_else(|_| bind(0))?;
        let address = listener.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("stand-in".into()).spawn(move || {
            for stream in listener.incoming().take(max_requests) {
                if stopping.load(Ordering::SeqCst) {
                    return;
                }
                // A client that leaves early is its own business.
                let _ = stream.and_then(|stream| answer(stream, Micros::now()));
            }
        })?;
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// The loopback port.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread; it fails if the thread has ended already.
        let _ = TcpStream::connect_timeout(&self.address, PATIENCE);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Reads one request and writes one answer.
fn answer(mut stream: TcpStream, now: Micros) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let read = stream.read(&mut piece)?;
        if read == 0 || head.len() + read > HEAD_MAX {
            return Ok(());
        }
        head.extend_from_slice(&piece[..read]);
    }
    let (status, body) = respond(&String::from_utf8_lossy(&head), now);
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body.as_bytes())
}

/// Status line and body for a request head.
fn respond(head: &str, now: Micros) -> (&'static str, Value) {
    let mut lines = head.lines();
    let target = lines.next().and_then(|line| line.strip_prefix("GET ")?.strip_suffix(" HTTP/1.1")).unwrap_or_default();
    let header = |line: &str| {
        line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("host")).map(|(_, host)| host.trim().to_owned())
    };
    let host = lines.find_map(header).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let pairs: Vec<(String, String)> =
        query.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (decode(name), decode(value))).collect();
    let parameter = |name: &str| pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str());
    match (host.as_str(), path) {
        ("geocoding-api.open-meteo.com", "/v1/search") => search(parameter("name").unwrap_or_default()),
        ("api.open-meteo.com", "/v1/forecast") => forecast(&parameter, now),
        _ => ("404 Not Found", json!({ "error": true, "reason": "Not Found" })),
    }
}

fn cities() -> impl Iterator<Item = Value> {
    CITIES.iter().filter_map(|text| serde_json::from_str(text).ok())
}

/// As the service does it: `results` is absent when nothing matches.
fn search(name: &str) -> (&'static str, Value) {
    let matches = |city: &Value| city["place"]["name"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(name.trim()));
    let found: Vec<Value> = cities().filter(matches).map(|city| city["place"].clone()).collect();
    let mut body = json!({ "generationtime_ms": 0.5 });
    if !found.is_empty() {
        body["results"] = Value::Array(found);
    }
    ("200 OK", body)
}

fn forecast<'a>(parameter: &dyn Fn(&str) -> Option<&'a str>, now: Micros) -> (&'static str, Value) {
    let refuse = |reason: &str| ("400 Bad Request", json!({ "error": true, "reason": reason }));
    let number = |name: &str| parameter(name)?.parse::<f64>().ok();
    let (Some(latitude), Some(longitude)) = (number("latitude"), number("longitude")) else {
        return refuse("Parameter 'latitude' and 'longitude' must be numbers");
    };
    let near = |value: &Value, wanted: f64| value.as_f64().is_some_and(|known| (known - wanted).abs() <= NEAR);
    let here = |city: &Value| near(&city["place"]["latitude"], latitude) && near(&city["place"]["longitude"], longitude);
    let Some(city) = cities().find(here) else {
        return refuse("This stand-in has no data for these coordinates");
    };
    let hours = parameter("forecast_hours").map_or(Some(HOURS_DEFAULT), |text| text.parse().ok());
    let Some(hours) = hours.filter(|hours| (1..=HOURS_MAX).contains(hours)) else {
        return refuse("Forecast hours is invalid");
    };
    let offset = city["utc_offset_seconds"].as_i64().unwrap_or_default();
    let first = now.seconds().saturating_add_signed(offset) / 3600;
    let local_hours: Vec<u64> = (first..).take(hours).collect();
    let time = |hour: &u64| Micros(hour * 3_600_000_000).rfc3339()[..16].to_owned();
    let mut columns = Map::new();
    let mut units = Map::new();
    columns.insert("time".to_owned(), local_hours.iter().map(time).collect());
    units.insert("time".to_owned(), json!("iso8601"));
    for wanted in parameter("hourly").unwrap_or_default().split(',') {
        let Some((name, unit)) = UNITS.iter().find(|(name, _)| *name == wanted) else {
            return refuse("Data corrupted at path ''. Cannot initialize from invalid variable name.");
        };
        // The made-up day repeats: the value belongs to the hour of the local day.
        let values =
            local_hours.iter().map(|hour| city["by_local_hour"][name][usize::try_from(hour % 24).unwrap_or_default()].clone());
        columns.insert((*name).to_owned(), values.collect());
        units.insert((*name).to_owned(), json!(unit));
    }
    let body = json!({
        "latitude": city["place"]["latitude"], "longitude": city["place"]["longitude"], "generationtime_ms": 0.1,
        "utc_offset_seconds": offset, "timezone": city["place"]["timezone"], "timezone_abbreviation": city["timezone_abbreviation"],
        "elevation": city["place"]["elevation"], "hourly_units": units, "hourly": columns,
    });
    ("200 OK", body)
}

/// Percent-decoding with `+` as a space; a broken escape stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut i = 0;
    while i < bytes.len() {
        let escaped =
            (bytes[i] == b'%').then(|| text.get(i + 1..i + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok())).flatten();
        out.push(escaped.unwrap_or(if bytes[i] == b'+' { b' ' } else { bytes[i] }));
        i += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(host: &str, target: &str) -> (&'static str, Value) {
        respond(&format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"), Micros(1_795_326_600_000_000))
    }

    #[test]
    fn answers_have_the_services_form() {
        let (status, found) = get("geocoding-api.open-meteo.com", "/v1/search?name=aus%74in&count=10");
        assert_eq!((status, &found["results"][0]["admin1"]), ("200 OK", &json!("Texas")));
        let (status, weather) = get(
            "api.open-meteo.com",
            "/v1/forecast?latitude=30.26715&longitude=-97.74306&hourly=temperature_2m%2Cweather_code&forecast_hours=3&timezone=auto",
        );
        assert_eq!(status, "200 OK");
        // 05:50 UTC is 23:50 of the day before, six hours west.
        assert_eq!(weather["hourly"]["time"], json!(["2026-11-21T23:00", "2026-11-22T00:00", "2026-11-22T01:00"]));
        assert_eq!(weather["hourly"]["temperature_2m"], json!([13.9, 13.1, 12.6]));
        assert_eq!(weather["hourly_units"]["weather_code"], "wmo code");
    }

    #[test]
    fn what_it_does_not_know_it_says() {
        let (status, found) = get("geocoding-api.open-meteo.com", "/v1/search?name=Atlantis");
        assert_eq!((status, found.get("results")), ("200 OK", None));
        for (host, target, expected) in [
            ("api.open-meteo.com", "/v1/forecast?latitude=1&longitude=2&hourly=temperature_2m", "400 Bad Request"),
            ("api.open-meteo.com", "/v1/forecast?latitude=x", "400 Bad Request"),
            ("api.open-meteo.com", "/v1/forecast?latitude=30.27&longitude=-97.74&hourly=secrets", "400 Bad Request"),
            (
                "api.open-meteo.com",
                "/v1/forecast?latitude=30.27&longitude=-97.74&hourly=precipitation&forecast_hours=0",
                "400 Bad Request",
            ),
            ("api.open-meteo.com", "/v1/search?name=Austin", "404 Not Found"),
            ("evil.com", "/v1/forecast", "404 Not Found"),
            ("api.open-meteo.com", "", "404 Not Found"),
        ] {
            assert_eq!(get(host, target).0, expected, "{host}{target}");
        }
    }

    #[test]
    fn it_stops_when_dropped_and_when_used_up() {
        let stand_in = StandIn::start(0, 1000).unwrap();
        let address = stand_in.address;
        drop(stand_in);
        assert!(is_deaf(address), "it still listens");
        let mut stand_in = StandIn::start(0, 1).unwrap();
        drop(TcpStream::connect(stand_in.address).unwrap());
        stand_in.thread.take().unwrap().join().unwrap();
        assert!(is_deaf(stand_in.address), "it still listens");
    }

    /// Nobody listens there, at once or soon: a process that another test of this program starts has every descriptor until it runs its own program.
    fn is_deaf(address: SocketAddr) -> bool {
        (0..100).any(|_| {
            TcpStream::connect(address).is_err() || {
                std::thread::sleep(Duration::from_millis(50));
                false
            }
        })
    }

    #[test]
    fn a_taken_port_is_replaced() {
        let first = StandIn::start(0, 1).unwrap();
        let second = StandIn::start(first.port(), 1).unwrap();
        assert_ne!(first.port(), second.port());
    }

    #[test]
    fn decoding() {
        assert_eq!(decode("a+b%20c%C3%BC%zz%"), "a b cü%zz%");
    }
}
