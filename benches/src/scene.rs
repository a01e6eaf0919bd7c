//! One allowed call of the weather gateway, by the functions that the gateway itself calls and in its order (`serve.rs`).

use airlock_runtime::call::{Args, Call};
use airlock_runtime::carrier;
use airlock_runtime::clock::Micros;
use airlock_runtime::decide::{Decision, Facts, assess, decide};
use airlock_runtime::lease::{self, AudienceKey, Authority, Caveat, Expect, KeyRing, RootClaims, attenuate, intent_hash, mint};
use airlock_runtime::memory::Seen;
use airlock_runtime::policy::Policy;
use airlock_runtime::wire::{CallRequest, Carried, Connection, Received, ServerInfo};
use serde_json::{Value, json};

/// The gateway of `examples/weather`, compiled in as in its own program.
mod weather {
    airlock_macros::gateway!("../examples/weather/airlock.toml");

    pub(super) fn policy() -> &'static airlock_runtime::policy::Policy {
        let _serve: fn() -> std::process::ExitCode = main;
        &airlock_gateway::POLICY
    }
}

/// Key of the gateway in every measurement.
pub const KEY: [u8; 32] = [7; 32];
/// Session of every lease.
pub const SESSION: &str = "5f0c1c1e-2f0e-4d1b-9f57-0a2f4c8f2d11";
/// Intent of every lease.
pub const INTENT: &str = "Plan a picnic for Saturday";

/// The policy of the weather gateway.
#[must_use]
pub fn policy() -> &'static Policy {
    weather::policy()
}

/// A lease for tools of a grant, narrowed `caveats` times.
#[must_use]
pub fn lease(subject: &str, uses: u64, caveats: u64) -> String {
    let key = AudienceKey::new("k1", policy().gateway, KEY).expect("a key");
    let grant = policy().grants.iter().find(|grant| grant.subject == subject).expect("a grant");
    let now = Micros::now().seconds();
    let claims = RootClaims {
        sub: subject.into(),
        sid: SESSION.into(),
        ih: intent_hash(INTENT).expect("an intent"),
        tools: grant.tools.iter().map(|&tool| tool.into()).collect(),
        dom: grant.domains.iter().map(|&host| host.into()).collect(),
        risk: grant.max_risk,
        uses: uses.min(grant.uses),
        dep: 8,
        ep: 0,
        iat: now,
        nbf: now,
        exp: now + grant.max_ttl,
    };
    let jti = lease::fresh_jti().expect("random bytes");
    let root = mint(&key, &claims, jti).expect("a lease");
    (0..caveats).fold(root, |lease, n| {
        // What a delegating agent narrows: the host and the number of calls.
        let caveat = Caveat {
            dom: grant.domains.first().map(|&host| vec![host.into()]),
            uses: Some(claims.uses - n),
            ..Caveat::default()
        };
        attenuate(&lease, &caveat).expect("a narrower lease")
    })
}

/// Arguments of about 1 KB, all of them used by the tool.
#[must_use]
pub fn query() -> Value {
    let hourly = "temperature_2m,relative_humidity_2m,dew_point_2m,apparent_temperature,precipitation_probability,precipitation,rain,\
                  showers,snowfall,snow_depth,weather_code,pressure_msl,surface_pressure,cloud_cover,cloud_cover_low,cloud_cover_mid,\
                  cloud_cover_high,visibility,evapotranspiration,vapour_pressure_deficit,wind_speed_10m,wind_direction_10m,wind_gusts_10m";
    let daily = "weather_code,temperature_2m_max,temperature_2m_min,apparent_temperature_max,apparent_temperature_min,sunrise,sunset,\
                 daylight_duration,sunshine_duration,uv_index_max,precipitation_sum,rain_sum,showers_sum,snowfall_sum";
    json!({"url": "https://api.open-meteo.com/v1/forecast", "query": {
        "latitude": 30.2672, "longitude": -97.7431, "hourly": hourly, "daily": daily, "timezone": "America/Chicago",
        "start_date": "2026-11-22", "end_date": "2026-11-29", "past_hours": 6, "forecast_hours": 168, "cell_selection": "land",
        "temperature_unit": "fahrenheit", "wind_speed_unit": "mph", "precipitation_unit": "inch", "elevation": 149.5, "tilt": 35}})
}

/// Arguments of about 1 KB that are English sentences: the dearest ordinary text for the risk score.
#[must_use]
pub fn prose() -> Value {
    let note = "The team meets at the north gate of the park on Saturday morning and walks along the lake to the old mill, where lunch \
                is served around noon. Please look up whether rain is likely after two in the afternoon, because the boats are open and \
                the children will want to use them before the cake is cut. Last year a storm came over the hills with little warning, so \
                wind matters more to us than temperature. If it looks doubtful we move everything to Sunday and tell the musicians, who \
                need a day of notice and a dry place for their instruments. Bring the large blankets either way; the grass is wet in the \
                morning at this time of the year. Somebody should also ask the forester about the path behind the mill, which was closed \
                in spring for repairs, and count how many guests come by train, since the last one leaves at half past eight in the evening.";
    json!({"url": "https://api.open-meteo.com/v1/forecast", "query": {"note": note}})
}

/// A judge with its keys and an open connection.
pub struct Judge {
    keys: KeyRing,
    connection: Connection,
}

impl Default for Judge {
    fn default() -> Self {
        let key = AudienceKey::new("k1", policy().gateway, KEY).expect("a key");
        let server = ServerInfo { name: "bench".into(), version: "0".into(), instructions: None };
        Self { keys: KeyRing::new(vec![key]).expect("a ring"), connection: Connection::new(server, Vec::new()) }
    }
}

/// The line of a call as a modern client sends it.
#[must_use]
pub fn line(id: u64, tool: &str, arguments: &Value, lease: Option<&str>) -> String {
    let mut meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
                          "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "0"}});
    if let Some(lease) = lease {
        meta["dev.airlock/lease"] = lease.into();
        meta["dev.airlock/session"] = SESSION.into();
        meta["dev.airlock/intent"] = INTENT.into();
    }
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool, "arguments": arguments, "_meta": meta}})
        .to_string()
}

impl Judge {
    /// From a line to a call request.
    ///
    /// # Panics
    /// The line is no call.
    pub fn receive(&mut self, line: &str) -> CallRequest {
        match self.connection.receive(line.as_bytes()) {
            Received::Call(request) => {
                assert!(self.connection.finish(&request.id), "nobody cancelled it");
                *request
            }
            other => panic!("not a call: {other:?}"),
        }
    }

    /// From the raw arguments and carriers to a decision.
    pub fn decide(&self, name: &str, raw: &str, meta: Carried) -> Decision {
        let policy = policy();
        let mut args: Args = serde_json::from_str(raw).expect("arguments");
        let carried = carrier::take(meta, &mut args, &policy.lease).expect("carriers");
        let args_bytes = serde_json::to_vec(&args).expect("arguments");
        let tool = policy.tool(name);
        let call = Call { id: String::new(), name: name.to_owned(), tool, args, args_bytes };
        let now = Micros::now();
        let authority = self.authority(&carried, now);
        decide(
            policy,
            &call,
            Ok(&authority),
            &assess(&call),
            &Facts { now, newest_entry: now, drift: None, seen: Seen::default() },
        )
    }

    /// Checks a carried lease.
    ///
    /// # Panics
    /// The lease is refused.
    pub fn authority(&self, carried: &Carried, now: Micros) -> Authority {
        let intent = intent_hash(carried.intent.as_deref().expect("an intent")).expect("an intent");
        let sid = carried.session.as_deref().expect("a session");
        let expect = Expect { aud: policy().gateway, sid, intent, now };
        lease::verify(carried.lease.as_deref().expect("a lease"), &self.keys, &expect).expect("a good lease")
    }

    /// Checks a lease text alone.
    ///
    /// # Panics
    /// The lease is refused.
    pub fn verify(&self, lease: &str, intent: [u8; 32], now: Micros) -> Authority {
        lease::verify(lease, &self.keys, &Expect { aud: policy().gateway, sid: SESSION, intent, now }).expect("a good lease")
    }
}

/// What every decision that is measured must be.
#[must_use]
pub fn is_allow(decision: &Decision) -> bool {
    matches!(decision, Decision::Allow(_))
}

/// The carriers of a call in `_meta`.
#[must_use]
pub fn carried(lease: &str) -> Carried {
    Carried { lease: Some(lease.into()), session: Some(SESSION.into()), intent: Some(INTENT.into()) }
}
