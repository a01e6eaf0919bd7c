//! The egress side: requests are admitted, made, and answered, many at once, until the judge is gone.

use super::admit::{self, Job};
use super::link::Link;
use super::message::{ANSWER_MAX, Order, Report, order_max};
#[cfg(feature = "upstream")]
use super::tally::TOLD_EVERY;
use super::tally::{self, Tally};
use super::{Outside, client};
use crate::decide::Tempo;
use crate::effect::http::{FetchFault, Fetched, HttpLimits, get_json};
use crate::effect::resolve::SystemResolver;
use crate::effect::secret::Secrets;
use crate::effect::{Failure, rest, weather};
use crate::limits::IN_FLIGHT_MAX;
use crate::policy::{Policy, Tool};
use crate::start::warn;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::AbortHandle;

/// What egress has from its start.
pub(super) struct Sockets {
    pub(super) judge: OwnedFd,
    /// The way from servers with a network. Without any it leads nowhere.
    #[cfg_attr(not(feature = "upstream"), allow(dead_code, reason = "such a gateway has no server"))]
    pub(super) doors: OwnedFd,
}

/// What every call needs.
struct Serving {
    policy: &'static Policy,
    secrets: Secrets,
    outside: Outside,
    link: Rc<Link>,
    open: RefCell<HashMap<u64, AbortHandle>>,
    /// Connections of foreign servers, where there are any.
    tally: Rc<Tally>,
}

/// Serves until the judge is gone, or says what no judge says. Requests that are under way are given up. `ready` is called when the process
/// has all that it needs; what it gives is reported, and ends it where it says so.
///
/// # Errors
/// The socket is none, or signals cannot be heard.
pub(super) async fn serve(
    policy: &'static Policy,
    secrets: Secrets,
    outside: Outside,
    sockets: Sockets,
    ready: impl FnOnce() -> Option<Report>,
) -> std::io::Result<()> {
    let Sockets { judge, doors } = sockets;
    let link = Link::new(judge)?;
    let tally = Rc::new(Tally::default());
    #[cfg(feature = "upstream")]
    if policy.upstreams.iter().any(|upstream| upstream.proxied().is_some()) {
        tokio::task::spawn_local(super::proxy::Doors::new(doors)?.serve(policy.upstreams, outside, Rc::clone(&tally)));
        tokio::task::spawn_local(tell(Rc::clone(&tally), Rc::clone(&link)));
    }
    #[cfg(not(feature = "upstream"))]
    drop(doors);
    let serving = Rc::new(Serving { policy, secrets, outside, link: Rc::clone(&link), open: RefCell::default(), tally });
    // Whoever asks egress to end means the gateway, which closes the socket when it does.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    if let Some(report) = ready() {
        link.send(report.write());
        if matches!(report, Report::Unready(..)) {
            return Ok(());
        }
    }
    let mut read = std::pin::pin!(link.read(order_max(policy.limits.max_arguments), |frame| serving.obey(&frame)));
    loop {
        tokio::select! {
            () = &mut read => break,
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    for (_, open) in serving.open.borrow_mut().drain() {
        open.abort();
    }
    Ok(())
}

/// Tells the judge of connections, some times a second at most.
#[cfg(feature = "upstream")]
async fn tell(tally: Rc<Tally>, link: Rc<Link>) {
    loop {
        let rows = tally.some().await;
        link.send(Report::Connections(tally::write(&rows)).write());
        // Also as long as the judge has not taken what it was told.
        while {
            tokio::time::sleep(TOLD_EVERY).await;
            link.waiting().0 > 0
        } {}
    }
}

impl Serving {
    /// `None` for what no judge says: it is not listened to any longer.
    fn obey(self: &Rc<Self>, frame: &[u8]) -> Option<()> {
        match Order::read(frame) {
            Some(Order::Call { id, tool, arguments }) => self.begin(id, tool, arguments),
            Some(Order::Cancel { id }) => {
                // It may have been answered just now.
                if let Some(open) = self.open.borrow_mut().remove(&id) {
                    open.abort();
                }
                Some(())
            }
            Some(Order::Last) => {
                let rows = self.tally.take();
                if !rows.is_empty() {
                    self.link.send(Report::Connections(tally::write(&rows)).write());
                }
                self.link.send(Report::Last.write());
                Some(())
            }
            None => {
                warn("the process for requests was sent what no gateway sends, and ends");
                None
            }
        }
    }

    fn begin(self: &Rc<Self>, id: u64, tool: u32, arguments: &[u8]) -> Option<()> {
        // Answers that are not taken count, too: for one of a judge in order there is always room.
        if self.open.borrow().contains_key(&id) || self.open.borrow().len() + self.link.waiting().0 >= 2 * IN_FLIGHT_MAX {
            warn("the process for requests was sent more than a gateway sends, and ends");
            return None;
        }
        match admit::admit(self.policy, tool, arguments) {
            Ok((tool, job)) => {
                let call = Rc::clone(self).call(id, tool, job);
                self.open.borrow_mut().insert(id, tokio::task::spawn_local(call).abort_handle());
            }
            Err(refusal) => {
                warn(&format!("the process for requests refused one that the gateway had allowed: {}", refusal.words()));
                let detail =
                    "The process that makes requests refused this one, although it was allowed. The operator must look into it.";
                self.answer(id, Err(Failure { code: "egress_refused", detail: detail.into() }));
            }
        }
        Some(())
    }

    async fn call(self: Rc<Self>, id: u64, tool: &'static Tool, job: Job) {
        let result = self.perform(tool, job).await;
        self.open.borrow_mut().remove(&id);
        self.answer(id, result);
    }

    fn answer(&self, id: u64, result: Result<Value, Failure>) {
        let text = result.map(|value| value.to_string());
        // The judge would not take it.
        let text = text.and_then(|text| if client::is_takeable(&text) { Ok(text) } else { Err(failure(&TOO_LARGE)) });
        let report = match text {
            Ok(result) => Report::Done { id, result },
            Err(failure) => Report::Failed { id, failure },
        };
        self.link.send(report.write());
    }

    async fn perform(&self, tool: &'static Tool, job: Job) -> Result<Value, Failure> {
        let (limits, resolver) = (HttpLimits::within(Tempo(tool.timeout)), SystemResolver::new(self.outside));
        let fetched = match job {
            Job::Get(target) => get_json(self.outside, target, &limits, &resolver).await.map(Fetched::into_result),
            Job::Weather(plan, targets) => weather::perform(self.outside, &plan, targets, &limits, &resolver).await,
            Job::Rest(plan, target) => {
                let limits = HttpLimits { body: plan.rest().response.max_bytes, ..limits };
                let secret = self.secrets.of(plan.rest())?;
                rest::perform(self.outside, &plan, target, secret, &limits, &resolver).await
            }
        };
        fetched.map_err(|fault| failure(&fault))
    }
}

/// An answer of a service that fits its own bound, and not that of an answer.
const TOO_LARGE: FetchFault = FetchFault::TooLarge { limit: ANSWER_MAX };

fn failure(fault: &FetchFault) -> Failure {
    Failure { code: fault.code(), detail: format!("The fetch failed: {fault}.") }
}
