//! Does the time of a refusal tell why a lease was refused? The statistic of dudect (Reparaz, Balasch, Verbauwhede 2017): texts of two
//! classes are checked in random order, slow outliers are cut off, and Welch's t says whether the means differ beyond chance.

use airlock_bench::Fault;
use airlock_bench::table::say;
use airlock_runtime::clock::Micros;
use airlock_runtime::lease::{AudienceKey, Caveat, Expect, KeyRing, RootClaims, attenuate, fresh_jti, mint, verify};
use std::hint::black_box;
use std::time::Instant;

/// Checks of each text in one measurement: far above the resolution of the clock.
const CALLS: u32 = 8;
/// Measurements of each class.
const ROUNDS: usize = 40_000;
/// Share of the measurements that is kept, in percent: above it the machine did something else meanwhile.
const KEPT: usize = 90;
/// What dudect takes as evidence of a leak.
const EVIDENT: f64 = 4.5;

/// A kind of text.
struct Class {
    name: &'static str,
    text: String,
    nanos: Vec<f64>,
}

/// Measures refusals and prints what they tell.
///
/// # Errors
/// No lease was made.
pub fn measure() -> Result<(), Fault> {
    let (ring, lease) = scene()?;
    let (root, mac) = lease.rsplit_once('.').ok_or("no MAC")?;
    let with = |mac: String| format!("{root}.{mac}");
    // A changed character of base64url changes one byte of the MAC or two.
    let changed = |at: usize| {
        let other = if mac.as_bytes()[at] == b'A' { "B" } else { "A" };
        with(format!("{}{other}{}", &mac[..at], &mac[at + 1..]))
    };
    let classes = [
        ("wrong first byte of the MAC", changed(0)),
        ("wrong last bytes of the MAC", changed(41)),
        ("wrong MAC of zeros", with("A".repeat(43))),
        ("unknown key id", lease.replacen(".k1.", ".k7.", 1)),
        ("MAC of 31 bytes", with(mac[..42].to_owned())),
        ("MAC with trailing bits", with(format!("{}B", "A".repeat(42)))),
        ("another prefix", lease.replacen("alk1", "alk7", 1)),
        ("caveats beyond eight", format!("{root}{}.{mac}", ".e30".repeat(8))),
        ("one part too few", root.rsplit_once('.').map(|(rest, _)| format!("{rest}=")).ok_or("no block")?),
    ];
    let mut classes = classes.map(|(name, text)| Class { name, text, nanos: Vec::with_capacity(ROUNDS) });
    run(&ring, &mut classes);
    report(&mut classes);
    Ok(())
}

fn scene() -> Result<(KeyRing, String), Fault> {
    let key = || AudienceKey::new("k1", "weather", [7; 32]);
    let (tools, dom) = (vec!["http_get_json".into()], vec!["api.example.com".into()]);
    let (sub, sid, ih) = ("agent:planner".into(), "s-1".into(), [3; 32]);
    let claims = RootClaims { sub, sid, ih, tools, dom, risk: 500, uses: 10, dep: 8, ep: 0, iat: 1, nbf: 1, exp: 2 };
    let lease = mint(&key()?, &claims, fresh_jti()?)?;
    Ok((KeyRing::new(vec![key()?])?, attenuate(&lease, &Caveat { uses: Some(3), ..Caveat::default() })?))
}

fn run(ring: &KeyRing, classes: &mut [Class]) {
    let expect = Expect { aud: "weather", sid: "s-1", intent: [3; 32], now: Micros(1_000_000) };
    let check = |text: &str| {
        let begin = Instant::now();
        for _ in 0..CALLS {
            assert!(black_box(verify(black_box(text), ring, &expect)).is_err(), "only refusals are compared");
        }
        begin.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
    };
    // A fixed generator: the order must be without pattern, not secret.
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let count = classes.len() as u64;
    for _ in 0..ROUNDS as u64 * count {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let class = &mut classes[usize::try_from((state >> 33) % count).unwrap_or(0)];
        class.nanos.push(check(&class.text));
    }
}

fn report(classes: &mut [Class]) {
    for class in classes.iter_mut() {
        class.nanos.sort_by(f64::total_cmp);
        class.nanos.truncate(class.nanos.len() * KEPT / 100);
    }
    let (base, rest) = classes.split_first().expect("classes");
    let (mean, _) = moments(&base.nanos);
    say(&format!(
        "refusals beside \"{}\" ({mean:.0} ns each, {} measurements of {CALLS} of each class)",
        base.name,
        base.nanos.len()
    ));
    for class in rest {
        let (theirs, t) = (moments(&class.nanos).0, welch(&base.nanos, &class.nanos));
        let told = if t.abs() < EVIDENT { "no difference" } else { "differs" };
        say(&format!("  {:<28} {:+7.1} ns   t = {t:+8.1}   {told}", class.name, theirs - mean));
    }
}

/// Mean and variance.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0))
}

/// Welch's t of two samples.
fn welch(one: &[f64], other: &[f64]) -> f64 {
    let ((mean, variance), (theirs, spread)) = (moments(one), moments(other));
    (theirs - mean) / (variance / one.len() as f64 + spread / other.len() as f64).sqrt()
}
