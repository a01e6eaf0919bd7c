//! The sum: walks the arguments, reads every string in every form, and adds the factors up.

use super::decode::{CODES_MIN, MARKED, RUN_MIN, decode_codes, decode_runs, unescape, unhyphenate, unmark};
use super::learned::{FULL, peak};
use super::normalise::{Clean, Traces, clean};
use super::phrases::PHRASES;
use super::places::{SECRET_MIN, hosts, secret};
use super::reading::{Hit, Places};
use super::signatures::{Family, MARKERS, PATTERNS, TURNED_MARKERS};
use super::words::{Way, Words};
use super::{Factor, Input, Risk};
use crate::limits::RISK_MAX;
use serde_json::Value;

const BASE: &str = "base";
const LEARNED: &str = "reads_like_an_injection";
const OBFUSCATION: &str = "obfuscation";
const UNLISTED_DOMAIN: &str = "unlisted_domain";
const SECRET_SHAPE: &str = "secret_shape";
const OVERSIZED: &str = "oversized_arguments";
const NESTING: &str = "deep_nesting";

/// The names of all factors, in the order in which a decision lists them. The compiler has a list of its own, which a test holds to
/// this one.
pub const FACTORS: [&str; 14] = {
    let [a, b, c, d, e, f, g] = Family::ALL;
    [
        BASE,
        a.name(),
        b.name(),
        c.name(),
        d.name(),
        e.name(),
        f.name(),
        g.name(),
        LEARNED,
        OBFUSCATION,
        UNLISTED_DOMAIN,
        SECRET_SHAPE,
        OVERSIZED,
        NESTING,
    ]
};

/// Layers of encoding that are taken off: two are seen in real requests, a third leaves room.
const LAYERS_MAX: usize = 3;
/// Bytes of derived readings examined in one call: far more than an ordinary call has, and some milliseconds of work.
const DERIVED_MAX: usize = 256 * 1024;
/// Shortest text turned round or rotated: shorter ones cannot hold a phrase.
const TURN_MIN: usize = 12;
/// Argument bytes from which each step of `oversized_arguments` counts, largest first.
const SIZE_STEPS: [(usize, u16); 4] = [(1024 * 1024, 500), (256 * 1024, 300), (64 * 1024, 150), (16 * 1024, 50)];
/// Nesting from which each step of `deep_nesting` counts, largest first. Schemas in use stay under ten levels.
const DEPTH_STEPS: [(usize, u16); 2] = [(32, 150), (16, 50)];
/// Names of members that stand in nearly every result, in which there is nothing to be found. None is so long that it is turned round.
const USUAL_NAMES: [&str; 12] =
    ["content", "data", "isError", "mimeType", "name", "resource", "resultType", "role", "text", "title", "type", "uri"];
/// Values of a usual call, for the room to be made.
const OPEN_USUAL: usize = 32;
/// Points for words that read like an injection: as many as the weakest phrase.
const LEARNED_POINTS: u16 = 450;
/// Points for a signature that was found only behind a disguise.
const DISGUISED: u16 = 250;
/// Points for signs of disguise without a signature, and for layered escapes.
const TRACES: u16 = 150;
/// Points for text spelled in characters that show nothing: no honest sender writes it.
const HIDDEN: u16 = 450;
/// Points for readings left unexamined.
const UNEXAMINED: u16 = 200;
/// Points for one host outside the egress list, and for several.
const UNLISTED: (u16, u16) = (200, 300);

/// Scores the arguments of one call.
#[must_use]
pub fn score(input: &Input<'_>) -> Risk {
    let mut tally = Tally::new(input.listed);
    let mut open: Vec<(&Value, usize)> = Vec::with_capacity(OPEN_USUAL);
    for (name, value) in input.args {
        tally.name(name);
        open.push((value, 1));
    }
    let mut depth = 0;
    while let Some((value, level)) = open.pop() {
        depth = depth.max(level);
        match value {
            Value::String(text) => tally.text(text),
            Value::Array(items) => open.extend(items.iter().map(|item| (item, level + 1))),
            Value::Object(entries) => {
                for (name, item) in entries {
                    tally.name(name);
                    open.push((item, level + 1));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let mut factors = Vec::new();
    let mut add = |name, points: u16, note: String| {
        if points > 0 {
            factors.push(Factor { name, points, note });
        }
    };
    add(BASE, input.base, "every call of this tool".to_owned());
    tally.add_to(&mut add);
    let step = |steps: &[(usize, u16)], size| steps.iter().find(|(from, _)| size >= *from).map_or(0, |(_, points)| *points);
    add(OVERSIZED, step(&SIZE_STEPS, input.args_bytes), format!("{} bytes of arguments", input.args_bytes));
    add(NESTING, step(&DEPTH_STEPS, depth), format!("arguments nested {depth} deep"));
    let sum = factors.iter().fold(0u16, |sum, factor| sum.saturating_add(factor.points));
    Risk { score: sum.min(RISK_MAX), factors, ignored: Vec::new() }
}

/// A risk of these factors beside a base, as if a text had been found to have them. Names that no factor has are left out.
#[cfg(feature = "explain")]
pub fn supposed(base: u16, given: &[(String, u16)]) -> Risk {
    let known = FACTORS.into_iter().filter(|name| *name != BASE).filter_map(|name| {
        let (_, points) = given.iter().find(|(given, _)| given == name)?;
        Some(Factor { name, points: *points, note: "supposed".to_owned() })
    });
    let base = Factor { name: BASE, points: base, note: "every call of this tool".to_owned() };
    let factors: Vec<Factor> = [base].into_iter().chain(known).filter(|factor| factor.points > 0).collect();
    let sum = factors.iter().fold(0u16, |sum, factor| sum.saturating_add(factor.points));
    Risk { score: sum.min(RISK_MAX), factors, ignored: Vec::new() }
}

/// What a function makes of the words of each form in which a text is read straight on.
#[cfg(feature = "explain")]
pub(super) fn readings<T>(text: &str, of_words: &dyn Fn(&Words) -> T) -> Vec<T> {
    let kept = std::cell::RefCell::new(Vec::new());
    let mut tally = Tally::new(&|_| true);
    let keep = |words: &Words| kept.borrow_mut().push(of_words(words));
    tally.tell = Some(&keep);
    tally.text(text);
    kept.into_inner()
}

/// How a reading came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Plain,
    Unescaped,
    Decoded,
    Hidden,
    Turned,
}

impl Reading {
    const fn words(self) -> &'static str {
        match self {
            Self::Plain => "disguised letters",
            Self::Unescaped => "escapes",
            Self::Decoded => "an encoded run",
            Self::Hidden => "invisible characters",
            Self::Turned => "rotated, reversed or broken letters",
        }
    }
}

/// What was found so far.
struct Tally<'a> {
    listed: &'a dyn Fn(&str) -> bool,
    families: [Option<(u16, &'static str)>; Family::ALL.len()],
    /// Phrases that stand in the current text as they are, so that meeting them again in another reading means nothing.
    plain: Vec<&'static str>,
    disguise: Option<Reading>,
    traces: Traces,
    unlisted: usize,
    secret: Option<(&'static str, u16)>,
    derived: usize,
    unexamined: bool,
    places: Places,
    words: Words,
    work: u64,
    /// The highest of the learned sums.
    learned: i32,
    /// Is told the words of each form in which a text is read.
    #[cfg(feature = "explain")]
    tell: Option<&'a dyn Fn(&Words)>,
}

impl<'a> Tally<'a> {
    fn new(listed: &'a dyn Fn(&str) -> bool) -> Self {
        Self {
            listed,
            families: [None; Family::ALL.len()],
            plain: Vec::new(),
            disguise: None,
            traces: Traces::default(),
            unlisted: 0,
            secret: None,
            derived: 0,
            unexamined: false,
            places: Places::default(),
            words: Words::default(),
            work: 0,
            learned: 0,
            #[cfg(feature = "explain")]
            tell: None,
        }
    }

    /// Reads the name of a member.
    fn name(&mut self, name: &str) {
        if !USUAL_NAMES.contains(&name) {
            self.text(name);
        }
    }

    /// Reads one string as it stands and in every form that it may be meant in.
    fn text(&mut self, raw: &str) {
        let cleaned = clean(raw);
        self.plain.clear();
        if cleaned.text != raw {
            self.hosts(raw);
        }
        let mut open = Vec::new();
        let mut next = Some((cleaned, Reading::Plain, 0));
        while let Some((Clean { text, hidden, traces }, reading, layer)) = next {
            self.traces.join(traces);
            self.words.fill(&text, &PHRASES);
            // Of the text itself, also where another one is taken apart below.
            let seen = self.words.seen;
            self.read(&text, Way::Straight, reading);
            if seen.www || seen.any(b":") {
                self.hosts(&text);
            }
            if seen.secret >= SECRET_MIN || seen.any(b"-") {
                self.secret = self.secret.max(secret(&text));
            }
            if !hidden.is_empty() && self.afford(&hidden) {
                open.push((clean(hidden), Reading::Hidden, LAYERS_MAX));
            }
            if layer == 0 && text.len() >= TURN_MIN && text.len() <= DERIVED_MAX - self.derived {
                self.derived += text.len();
                // Without a Latin letter there is nothing to rotate, and everything was found as it stands.
                if seen.latin {
                    self.read(&text, Way::Rotated, Reading::Turned);
                }
                self.read(&text, Way::Reversed, Reading::Turned);
                let joined = seen.any(b"-").then(|| unhyphenate(&text)).flatten();
                let unmarked = seen.any(MARKED).then(|| unmark(&text)).flatten();
                for derived in [joined, unmarked].into_iter().flatten() {
                    self.words.fill(&derived, &PHRASES);
                    self.read(&derived, Way::Straight, Reading::Turned);
                }
            }
            if layer < LAYERS_MAX {
                let unescaped = seen.any(b"%&\\").then(|| unescape(&text)).flatten();
                let decoded = (seen.digits >= RUN_MIN).then(|| decode_runs(&text)).flatten();
                let codes = (seen.codes >= CODES_MIN).then(|| decode_codes(&text)).flatten();
                for (derived, how) in [(unescaped, Reading::Unescaped), (decoded, Reading::Decoded), (codes, Reading::Decoded)] {
                    let Some(derived) = derived.filter(|derived| self.afford(derived)) else { continue };
                    self.traces.layered |= how == Reading::Unescaped && reading == Reading::Unescaped;
                    let how = if matches!(reading, Reading::Plain | Reading::Unescaped) { how } else { reading };
                    open.push((clean(derived), how, layer + 1));
                }
            }
            next = open.pop();
        }
    }

    /// Takes a derived reading off the allowance.
    fn afford(&mut self, reading: &str) -> bool {
        let affordable = reading.len() <= DERIVED_MAX - self.derived;
        if affordable {
            self.derived += reading.len();
        }
        self.unexamined |= !affordable;
        affordable
    }

    /// Reads a text whose words were taken apart before.
    fn read(&mut self, text: &str, way: Way, reading: Reading) {
        let (families, disguise, traces, plain) = (&mut self.families, &mut self.disguise, &mut self.traces, &mut self.plain);
        let mut count = |family: Family, points: u16, phrase: &'static str, hidden: bool| {
            if let Some(place) = families.get_mut(family as usize)
                && place.is_none_or(|(highest, _)| points > highest)
            {
                *place = Some((points, phrase));
            }
            let hidden = hidden && !plain.contains(&phrase);
            if hidden && disguise.is_none() {
                *disguise = Some(reading);
            } else if !hidden && !plain.contains(&phrase) {
                plain.push(phrase);
            }
        };
        // One layer of escapes is how a URL carries text; everything else that hides a phrase was chosen to hide it.
        let hiding = !matches!(reading, Reading::Plain | Reading::Unescaped);
        if way == Way::Straight {
            self.learned = self.learned.max(peak(&self.words));
            #[cfg(feature = "explain")]
            if let Some(tell) = self.tell {
                tell(&self.words);
            }
        }
        self.work += PHRASES.read(&self.words, way, &mut self.places, &mut |hit| match hit {
            Hit::Pattern { index, disguised } => {
                if let Some(pattern) = PATTERNS.get(index) {
                    count(pattern.family, pattern.points, pattern.text, hiding || disguised);
                }
            }
            Hit::MixedScript => traces.mixed |= !hiding,
        });
        // Most texts lack the punctuation of every marker and are not searched.
        let possible = self.words.seen.markers();
        if possible != 0 {
            let (lower, turned) = (text.to_ascii_lowercase(), &TURNED_MARKERS[way as usize]);
            let tried = MARKERS.iter().enumerate().filter(|(at, _)| possible >> at & 1 == 1);
            let stands = |at: usize| turned.get(at).is_some_and(|marker| lower.contains(marker.as_str()));
            for (_, (family, points, marker)) in tried.filter(|(at, _)| stands(*at)) {
                count(*family, *points, marker, hiding);
            }
        }
    }

    fn hosts(&mut self, text: &str) {
        let (listed, unlisted) = (self.listed, &mut self.unlisted);
        hosts(text, &mut |host| *unlisted += usize::from(!host.is_some_and(listed)));
    }

    /// Lists the factors in their fixed order.
    fn add_to(&self, add: &mut dyn FnMut(&'static str, u16, String)) {
        for (family, found) in Family::ALL.into_iter().zip(self.families) {
            if let Some((points, phrase)) = found {
                add(family.name(), points, format!("phrase `{phrase}`"));
            }
        }
        if self.learned >= FULL {
            let percent = self.learned * 100 / FULL;
            add(LEARNED, LEARNED_POINTS, format!("words like those of known injections, at {percent} % of what it takes"));
        }
        let signs = [
            (self.traces.zero_width, "invisible characters within words"),
            (self.traces.bidi, "changed writing direction"),
            (self.traces.hidden, "hidden tag characters"),
            (self.traces.ansi, "terminal control sequences"),
            (self.traces.mixed, "words of mixed scripts"),
            (self.traces.layered, "escapes within escapes"),
            (self.unexamined, "more encoded text than is examined"),
        ];
        let mut notes: Vec<String> = signs.into_iter().filter(|(seen, _)| *seen).map(|(_, note)| note.to_owned()).collect();
        let mut points = if notes.is_empty() { 0 } else { TRACES };
        points = points.max(if self.unexamined { UNEXAMINED } else { 0 });
        points = points.max(if self.traces.hidden { HIDDEN } else { 0 });
        if let Some(reading) = self.disguise {
            points += DISGUISED;
            notes.insert(0, format!("a phrase behind {}", reading.words()));
        }
        add(OBFUSCATION, points, notes.join(", "));
        let points = match self.unlisted {
            0 => 0,
            1 => UNLISTED.0,
            _ => UNLISTED.1,
        };
        add(UNLISTED_DOMAIN, points, format!("{} mention(s) of hosts outside the tool's egress", self.unlisted));
        if let Some((what, points)) = self.secret {
            add(SECRET_SHAPE, points, format!("a string that looks like {what}"));
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
