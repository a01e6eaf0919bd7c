//! Being told of changes of resources. What a server says of them is a sign and no text: who is told hears that the resource which was asked for
//! changed, once however often it was said meanwhile.

use super::handshake::envelope;
use super::link::{Beside, End, Link, Reply};
use super::request::params_of;
use super::{Inner, unavailable};
use crate::effect::{Failure, Listener};
use crate::json::json;
use crate::policy::upstream::{Listed, Proxied, Upstream};
use crate::start::warn;
use crate::upstream::{Answer, result};
use crate::wire::Able;
use crate::wire::foreign::ForeignResult;
use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// How long a server may take to end a subscription, after which nobody waits for its word.
const END_MAX: Duration = Duration::from_secs(2);

/// What a client is told of that did not ask about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// A list is another one.
    List(Listed),
    /// The page to which the question of this number led is done with.
    Page(u64),
}

/// Changes of which nobody was told yet.
#[derive(Debug, Default)]
pub(super) struct Changes {
    lists: [Cell<bool>; Listed::ALL.len()],
    /// No more than there were questions.
    pages: RefCell<Vec<u64>>,
    more: Notify,
}

impl Changes {
    pub(super) fn add(&self, list: Listed) {
        if let Some((cell, _)) = self.lists.iter().zip(Listed::ALL).find(|(_, one)| *one == list) {
            cell.set(true);
            self.more.notify_one();
        }
    }

    pub(super) fn add_page(&self, number: u64) {
        self.pages.borrow_mut().push(number);
        self.more.notify_one();
    }

    /// Waits until there is any.
    pub(super) async fn taken(&self) -> Vec<Change> {
        loop {
            let lists = self.lists.iter().zip(Listed::ALL).filter(|(cell, _)| cell.take());
            let pages = self.pages.take().into_iter().map(Change::Page);
            let all: Vec<Change> = lists.map(|(_, list)| Change::List(list)).chain(pages).collect();
            if !all.is_empty() {
                return all;
            }
            self.more.notified().await;
        }
    }
}

/// Whoever is told of changes of one resource. However many there were since it looked, they are one.
#[derive(Debug, Default)]
pub(super) struct Told {
    more: Notify,
    over: Cell<bool>,
}

impl Told {
    pub(super) fn tell(&self) {
        self.more.notify_one();
    }

    fn end(&self) {
        self.over.set(true);
        self.more.notify_one();
    }
}

/// A listen of ours for one resource.
#[derive(Debug)]
pub(super) struct Watching {
    pub(super) uri: String,
    pub(super) told: Rc<Told>,
    honoured: Option<oneshot::Sender<bool>>,
}

impl Watching {
    /// The server says which resources it tells of.
    pub(super) fn acknowledge(&mut self, uris: &[String]) {
        if let Some(honoured) = self.honoured.take() {
            let _ = honoured.send(uris.contains(&self.uri));
        }
    }
}

/// Is what a server says of this URI about the resource that somebody watches, or about what is below it?
pub(super) fn is_about(watched: &str, uri: &str) -> bool {
    let rest = uri.strip_prefix(watched);
    rest.is_some_and(|rest| rest.is_empty() || watched.ends_with('/') || rest.starts_with(['/', '?', '#']))
}

/// A subscription that holds until this is dropped, also over ends and starts of its server.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The resource, as it was asked for.
    pub(crate) uri: String,
    told: Rc<Told>,
    _alive: oneshot::Sender<()>,
}

impl Watch {
    /// Waits for a change. False when nothing more will come.
    pub(crate) async fn changed(&self) -> bool {
        self.told.more.notified().await;
        !self.told.over.get()
    }
}

/// A subscription at one run of a server. It ends there when this is dropped.
struct Held {
    link: Rc<Link>,
    uri: String,
    told: Rc<Told>,
    /// May the server think that it holds?
    holds: bool,
    /// Of a listen: it goes on as long as this does.
    listen: Option<tokio::task::JoinHandle<()>>,
}

impl Held {
    /// Asks a server of 2026-07-28. What it answers at the end, and whether it honours the resource.
    fn listen(&mut self) -> (oneshot::Receiver<Result<Reply, End>>, oneshot::Receiver<bool>) {
        let ((honoured, is_honoured), (reply, ends)) = (oneshot::channel(), oneshot::channel());
        let watch = Watching { uri: self.uri.clone(), told: Rc::clone(&self.told), honoured: Some(honoured) };
        let wanted = format!("\"notifications\":{}", json!({"resourceSubscriptions": [self.uri]}));
        let params = params_of(&wanted, envelope(Able::default()), None);
        let link = Rc::clone(&self.link);
        self.listen = Some(tokio::task::spawn_local(async move {
            let beside = Beside { watch: Some(watch), ..Beside::default() };
            let _ = reply.send(link.ask("subscriptions/listen", |_| params, beside).await);
        }));
        (ends, is_honoured)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(listen) = &self.listen {
            // Its request is dropped with it, which cancels it.
            return listen.abort();
        }
        let mut watched = self.link.watched.borrow_mut();
        watched.retain(|(_, told)| !Rc::ptr_eq(told, &self.told));
        // Others may be told of the same one still.
        if !self.holds || watched.iter().any(|(uri, _)| *uri == self.uri) || self.link.ended().is_some() {
            return;
        }
        let (link, params) = (Rc::clone(&self.link), json!({"uri": self.uri}).to_string());
        tokio::task::spawn_local(async move {
            let asked = link.ask("resources/unsubscribe", |_| params, Beside::default());
            let _ = tokio::time::timeout(END_MAX, asked).await;
        });
    }
}

impl Inner {
    /// Subscribes to a resource, and hands the subscription to the listener.
    pub(super) async fn subscribe(
        self: &Rc<Self>,
        proxied: &'static Proxied,
        arguments: &str,
        link: Rc<Link>,
        patience: Duration,
        listener: &Listener,
    ) -> Result<Answer, Failure> {
        let (upstream, _) = self.at(proxied.upstream)?;
        let arguments: Value = serde_json::from_str(arguments).unwrap_or_default();
        let uri = arguments["uri"].as_str().unwrap_or_default().to_owned();
        let told = Rc::new(Told::default());
        let held = hold(upstream, proxied, &link, &uri, &told, patience).await?;
        let (alive, ended) = oneshot::channel();
        tokio::task::spawn_local(Rc::clone(self).keep(proxied, held, ended, patience));
        listener.keep(Watch { uri, told, _alive: alive });
        let nothing = || unavailable(upstream, "its answer cannot be read");
        Ok(Answer::new(json!({}), ForeignResult::new("{}").ok_or_else(nothing)?))
    }

    /// Renews a subscription when a call has started its server anew. What changed meanwhile nobody knows, so that is told as a change.
    async fn keep(
        self: Rc<Self>,
        proxied: &'static Proxied,
        mut held: Held,
        mut ended: oneshot::Receiver<()>,
        patience: Duration,
    ) {
        let told = Rc::clone(&held.told);
        loop {
            let (link, uri) = (Rc::clone(&held.link), held.uri.clone());
            let next = async {
                match held.listen.as_mut() {
                    Some(listen) => {
                        let _ = listen.await;
                    }
                    None => drop(link.until_ended().await),
                }
                // A server that ends the subscription and goes on wants nothing more of it.
                link.ended()?;
                Some(self.started(proxied.upstream, &link).await)
            };
            let next = tokio::select! {
                _ = &mut ended => return,
                next = next => next,
            };
            let (Some(next), Ok((upstream, _))) = (next, self.at(proxied.upstream)) else { break };
            let renewed = tokio::select! {
                _ = &mut ended => return,
                renewed = hold(upstream, proxied, &next, &uri, &told, patience) => renewed,
            };
            match renewed {
                Ok(renewed) => {
                    held = renewed;
                    told.tell();
                }
                Err(failure) => {
                    // One that ends at once is looked at again when it is started the next time.
                    if next.ended().is_none() {
                        warn(&format!("a subscription at the upstream {} is over: {}", upstream.name, failure.detail));
                        break;
                    }
                    held = Held { link: next, uri, told: Rc::clone(&told), holds: false, listen: None };
                }
            }
        }
        told.end();
    }

    /// Waits until another run of an upstream than this one is ready. It is not started for that.
    async fn started(&self, index: usize, before: &Rc<Link>) -> Rc<Link> {
        loop {
            let Some(slot) = self.slots.get(index) else { return std::future::pending().await };
            let begun = slot.begun.notified();
            let ready = slot.ready().filter(|link| !Rc::ptr_eq(link, before) && link.ended().is_none());
            if let Some(link) = ready {
                return link;
            }
            begun.await;
        }
    }
}

/// Subscribes at one run of a server.
async fn hold(
    upstream: &'static Upstream,
    proxied: &'static Proxied,
    link: &Rc<Link>,
    uri: &str,
    told: &Rc<Told>,
    patience: Duration,
) -> Result<Held, Failure> {
    let mut held = Held { link: Rc::clone(link), uri: uri.to_owned(), told: Rc::clone(told), holds: true, listen: None };
    let failed = |code, what: &str| Failure { code, detail: format!("The upstream {} gave no result: {what}.", upstream.name) };
    let late = || failed("timeout", &format!("it took longer than {} s", patience.as_secs()));
    let replied = if link.is_modern.get() {
        let (ends, honoured) = held.listen();
        match tokio::time::timeout(patience, honoured).await.map_err(|_| late())? {
            Ok(true) => return Ok(held),
            Ok(false) => return Err(failed("upstream_refused", "it does not tell of changes of this resource")),
            // Answered without that, or not at all.
            Err(_) => ends.await.unwrap_or(Err(End::Gone)),
        }
    } else {
        link.watched.borrow_mut().push((uri.to_owned(), Rc::clone(told)));
        let params = json!({"uri": uri}).to_string();
        let asked = link.ask("resources/subscribe", |_| params, Beside::default());
        let replied = tokio::time::timeout(patience, asked).await.map_err(|_| late())?;
        if let Ok(Reply::Result(..)) = replied {
            return Ok(held);
        }
        held.holds = false;
        replied
    };
    Err(match replied {
        Ok(Reply::Error(fault)) => match result::error(proxied, fault.code, &fault.message, &link.secrets) {
            Err(failure) => failure,
            // Only a tool says so in a result.
            Ok(_) => failed("upstream_error", "it answered with an error"),
        },
        Ok(Reply::Result(..)) => failed("upstream_error", "it ended the subscription at once"),
        Ok(Reply::Unusable(why)) => failed("result_unusable", why),
        Err(end) => failed("upstream_ended", end.words()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_about_what_is_watched_or_below_it() {
        for (watched, uri, is) in [
            ("file:///a/b", "file:///a/b", true),
            ("file:///a/b", "file:///a/b/c", true),
            ("file:///a/b", "file:///a/b?x", true),
            ("file:///a/", "file:///a/b", true),
            ("file:///a/b", "file:///a/bc", false),
            ("file:///a/b", "file:///a", false),
            ("file:///a/b", "", false),
        ] {
            assert_eq!(is_about(watched, uri), is, "{watched} {uri}");
        }
    }

    #[tokio::test]
    async fn many_changes_are_one_and_an_end_is_heard() {
        let told = Rc::new(Told::default());
        let (alive, _ended) = oneshot::channel();
        let watch = Watch { uri: String::new(), told: Rc::clone(&told), _alive: alive };
        (0..1000).for_each(|_| told.tell());
        assert!(watch.changed().await);
        let waits = tokio::time::timeout(Duration::from_millis(20), watch.changed()).await;
        assert!(waits.is_err(), "there was one");
        told.end();
        assert!(!watch.changed().await);
    }

    #[tokio::test]
    async fn lists_that_changed_and_pages_are_told_once_each() {
        let changes = Changes::default();
        for list in [Listed::Prompts, Listed::Tools, Listed::Prompts] {
            changes.add(list);
        }
        [7, 8].into_iter().for_each(|number| changes.add_page(number));
        let all = [Change::List(Listed::Tools), Change::List(Listed::Prompts), Change::Page(7), Change::Page(8)];
        assert_eq!(changes.taken().await, all);
        assert!(tokio::time::timeout(Duration::from_millis(20), changes.taken()).await.is_err());
    }
}
