//! The client as one who is told how far its call is.

use crate::wire::{ProgressToken, Revision};
use tokio::sync::mpsc;

/// Where progress of one call goes. The default is nowhere.
#[derive(Debug, Default)]
pub struct Listener(
    #[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams tell how far they are"))] Option<Wants>,
);

/// What a client wants.
#[derive(Debug, Clone)]
#[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "only upstreams tell how far they are"))]
struct Wants {
    token: ProgressToken,
    revision: Revision,
    output: mpsc::Sender<String>,
}

impl Listener {
    /// The client of a request with this token, if it has one.
    pub(crate) fn new(token: Option<ProgressToken>, revision: Revision, output: &mpsc::Sender<String>) -> Self {
        Self(token.map(|token| Wants { token, revision, output: output.clone() }))
    }
}

#[cfg(feature = "upstream")]
impl Listener {
    /// What takes progress of an upstream, if anybody wants it. Its message is left out where it looks like an injection, with the risk
    /// from which a result of the tool does. A client that does not read misses some.
    pub(crate) fn progress(&self, threshold: u16) -> Option<Box<dyn Fn(crate::upstream::Progress)>> {
        let Wants { token, revision, output } = self.0.clone()?;
        let last = std::cell::Cell::new(f64::NEG_INFINITY);
        Some(Box::new(move |progress| {
            if progress.progress <= last.replace(last.get().max(progress.progress)) {
                return;
            }
            let message = progress.message.as_deref().filter(|text| crate::upstream::is_calm(text, threshold));
            let _ = output.try_send(crate::wire::reply::progress(revision, &token, progress.progress, progress.total, message));
        }))
    }
}
