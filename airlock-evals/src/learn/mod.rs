//! Learns the weights of the score's learned part, and tells what the same learning finds in sources that it has not seen.

mod model;

use crate::count::Share;
use crate::texts::Text;
use airlock_runtime::risk::learning::features;
use model::{Example, Model};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The score from which a text counts in full. Chosen by leave-one-source-out: see `docs/evaluation.md`.
const FULL_AT: f32 = 0.9;
/// How much the number of a source's texts counts: 0 not at all, 1 in full. Sources are of very different sizes.
const SIZE_COUNTS: f32 = 0.7;
/// False positives at which recall is told, of a thousand.
const ALARMS: [usize; 3] = [5, 10, 20];

/// Which texts are learned from.
fn is_learned(text: &Text) -> bool {
    text.is_headline() || text.tier == "mention" && !text.is_attack
}

/// How texts are left out together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) enum Left {
    /// The attacks of one source, and a part of the groups of harmless texts.
    Source,
    /// The attacks of all sources that share authors or templates, and a part of the groups of harmless texts.
    Family,
    /// The attacks of one source, and whole sources of harmless texts.
    Both,
}

impl Left {
    pub(crate) const ALL: [Self; 3] = [Self::Source, Self::Family, Self::Both];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Source => "one source of attacks unseen, harmless texts by group",
            Self::Family => "all related sources of attacks unseen, harmless texts by group",
            Self::Both => "one source of attacks unseen, harmless texts by source",
        }
    }

    fn family(self, source: &str) -> &str {
        match (self, source) {
            (Self::Source | Self::Both, source) => source,
            (Self::Family, source) if source.starts_with("authored") => "authored",
            (Self::Family, source) if source.starts_with("cyberseceval") => "cyberseceval",
            (Self::Family, "giskard" | "promptinject") => "kill all humans",
            (Self::Family, source) => source,
        }
    }
}

/// What is found of unseen sources.
#[derive(Debug, Serialize)]
pub(crate) struct Unseen {
    pub(crate) left: Left,
    /// By false positives, of a thousand: mean over the sources, percent; by source; and texts about injections that are flagged.
    pub(crate) at: Vec<At>,
}

/// At one share of false positives.
#[derive(Debug, Serialize)]
pub(crate) struct At {
    /// Harmless texts flagged, of a thousand; `None`: at the point that is compiled in.
    pub(crate) alarms: Option<usize>,
    pub(crate) harmless: Share,
    pub(crate) mean: f64,
    pub(crate) sources: BTreeMap<String, Share>,
    pub(crate) mention: Share,
}

/// Texts made ready once for all models.
pub(crate) struct Learner<'t> {
    texts: &'t [Text],
    examples: Vec<Example>,
}

impl<'t> Learner<'t> {
    pub(crate) fn new(texts: &'t [Text]) -> Self {
        let example = |text: &Text| Example { readings: features(&text.text), is_attack: text.is_attack };
        Self { texts, examples: texts.iter().map(example).collect() }
    }

    /// The table of weights, learned from everything.
    ///
    /// # Errors
    /// The point where texts count in full cannot be reached.
    pub(crate) fn table(&self) -> Result<Vec<u8>, String> {
        self.model(&|_| false).table(FULL_AT)
    }

    /// A model of all texts but these.
    fn model(&self, is_out: &dyn Fn(&Text) -> bool) -> Model {
        let pairs = self.texts.iter().zip(&self.examples);
        let kept: Vec<(&Text, &Example)> = pairs.filter(|(text, _)| is_learned(text) && !is_out(text)).collect();
        let mut sizes: BTreeMap<(bool, &str), f32> = BTreeMap::new();
        for (text, _) in &kept {
            *sizes.entry((text.is_attack, text.source.as_str())).or_default() += 1.0;
        }
        let raw = |text: &Text| sizes[&(text.is_attack, text.source.as_str())].powf(SIZE_COUNTS - 1.0);
        let mut sums = [0.0_f32; 2];
        for (text, _) in &kept {
            sums[usize::from(text.is_attack)] += raw(text);
        }
        #[expect(clippy::cast_precision_loss, reason = "some thousands of texts")]
        let half = kept.len() as f32 / 2.0;
        let weight = |text: &Text| raw(text) / sums[usize::from(text.is_attack)] * half;
        Model::of(&kept.into_iter().map(|(text, example)| (example, weight(text))).collect::<Vec<_>>())
    }

    /// Leaves out one source after the other and looks for it with what the others taught.
    pub(crate) fn unseen(&self, left: Left) -> Unseen {
        let headline = |text: &&Text| text.is_headline();
        let attacks: BTreeSet<&str> =
            self.texts.iter().filter(headline).filter(|text| text.is_attack).map(|text| text.source.as_str()).collect();
        let calm: Vec<&str> = self
            .texts
            .iter()
            .filter(|text| !text.is_attack)
            .map(|text| text.source.as_str())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let folds = attacks.len().max(1);
        let mut scores = Vec::new();
        for (fold, source) in attacks.iter().enumerate() {
            let is_out = |text: &Text| match (text.is_attack, left) {
                (true, left) => left.family(&text.source) == left.family(source),
                (false, Left::Both) => calm.iter().position(|calm| *calm == text.source).is_some_and(|at| at % folds == fold),
                (false, Left::Source | Left::Family) => part(&text.group) % folds == fold,
            };
            let model = self.model(&is_out);
            for (text, example) in self.texts.iter().zip(&self.examples) {
                if is_out(text) && (!text.is_attack || text.source == *source) {
                    scores.push((text, model.score(&example.readings)));
                }
            }
        }
        let mut harmless: Vec<f32> =
            scores.iter().filter(|(text, _)| text.is_headline() && !text.is_attack).map(|(_, score)| *score).collect();
        harmless.sort_by(|one, other| other.total_cmp(one));
        let point = |alarms: usize| harmless.get(harmless.len() * alarms / 1000).copied().unwrap_or(f32::MAX);
        let points = ALARMS.iter().map(|alarms| (Some(*alarms), point(*alarms))).chain([(None, FULL_AT)]);
        Unseen { left, at: points.map(|(alarms, point)| at(&scores, alarms, point)).collect() }
    }
}

fn at(scores: &[(&Text, f32)], alarms: Option<usize>, point: f32) -> At {
    let mut sources: BTreeMap<String, Share> = BTreeMap::new();
    let (mut mention, mut harmless) = (Share::default(), Share::default());
    for (text, score) in scores {
        let share = match (text.is_attack, text.is_headline()) {
            (true, true) => sources.entry(text.source.clone()).or_default(),
            (false, true) => &mut harmless,
            (false, false) if text.tier == "mention" => &mut mention,
            (_, false) => continue,
        };
        share.note(*score > point);
    }
    #[expect(clippy::cast_precision_loss, reason = "a dozen sources")]
    let mean = sources.values().map(|share| share.percent()).sum::<f64>() / sources.len().max(1) as f64;
    At { alarms, harmless, mean, sources, mention }
}

/// A number of a group's name, so that its texts stay together.
fn part(group: &str) -> usize {
    let hash =
        group.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    usize::try_from(hash >> 33).unwrap_or_default()
}
