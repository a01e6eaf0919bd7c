//! Telling the client of changes: of resources that it subscribed to, each judged and recorded like a call, of lists, and of pages.
//!
//! What is told is that something changed, in words of the gateway. A subscription holds as long as its lease: before each line it is looked at
//! whether that is revoked or over. Lines for one resource, or one list, come at most every [`EVERY`], however often a server says it, and a
//! client that does not read them holds up nobody but itself.

use super::ask::Desk;
use super::question::standing;
use super::{Gateway, Limits, Share};
use crate::decide::Permit;
use crate::json::json;
use crate::ledger::Require;
use crate::policy::upstream::Listed;
use crate::reply::{self, Judged};
use crate::upstream::{Change, Watch};
use crate::wire::listen::{self, LISTENS_MAX, WATCHED_MAX};
use crate::wire::mcp::Era;
use crate::wire::question::completed;
use crate::wire::{CallRequest, Code, Id, ListenRequest, Target};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

/// Shortest time between two lines about one thing. A client that reads anew at each line makes two reads a second; a person sees no delay.
const EVERY: Duration = Duration::from_millis(500);

/// Whether something is told still.
#[derive(Debug, Default)]
pub(super) struct Live {
    over: Cell<bool>,
    ends: Notify,
}

impl Live {
    fn end(&self) {
        self.over.set(true);
        self.ends.notify_waiters();
    }

    async fn ended(&self) {
        loop {
            let ends = self.ends.notified();
            if self.over.get() {
                return;
            }
            ends.await;
        }
    }
}

/// A `subscriptions/listen` that is open.
#[derive(Debug)]
struct Listen {
    lists: Vec<Listed>,
    live: Rc<Live>,
}

/// What the client is told of.
#[derive(Debug)]
pub(super) struct Watches {
    /// Resources, of a client before 2026-07-28.
    single: RefCell<HashMap<String, Rc<Live>>>,
    listens: RefCell<HashMap<Id, Listen>>,
    room: Arc<Semaphore>,
    listen_room: Arc<Semaphore>,
    /// Until the client has gone.
    live: Live,
}

impl Watches {
    pub(super) fn new() -> Self {
        Self {
            single: RefCell::default(),
            listens: RefCell::default(),
            room: Arc::new(Semaphore::new(WATCHED_MAX)),
            listen_room: Arc::new(Semaphore::new(LISTENS_MAX)),
            live: Live::default(),
        }
    }

    /// The client has gone: nothing more is told.
    pub(super) fn close(&self) {
        self.live.end();
        self.single.borrow_mut().drain().for_each(|(_, live)| live.end());
        self.listens.borrow().values().for_each(|listen| listen.live.end());
    }

    /// Room for one more resource.
    fn room(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.room).try_acquire_owned().ok()
    }

    /// Tells no more of a resource.
    fn end(&self, uri: &str) {
        if let Some(live) = self.single.borrow_mut().remove(uri) {
            live.end();
        }
    }
}

/// A resource of which the client is told.
struct Told {
    watch: Watch,
    /// What must hold for each line.
    standing: Vec<Require>,
    live: Rc<Live>,
    /// The request that it is for, in revision 2026-07-28.
    listen: Option<Id>,
    _room: OwnedSemaphorePermit,
}

const TOO_MANY: &str = "There are as many subscriptions as one client may have. End one first.";

/// Is this a subscription to a resource, which goes on after its reply?
pub(super) const fn is_asked(request: &CallRequest) -> bool {
    matches!(request.target, Target::Subscription(_))
}

impl Desk<'_> {
    /// Keeps what must hold of the lease as long as a subscription lasts.
    pub(super) fn stand(&mut self, permit: &Permit) {
        if matches!(self.target, Target::Subscription(_)) {
            self.standing = standing(permit.require());
        }
    }
}

impl Gateway {
    /// Tells no more of a resource; the reply to who wanted that.
    pub(super) fn unwatch(&self, uri: &str, reply: String) -> String {
        self.watches.end(uri);
        reply
    }

    /// One `resources/subscribe` from request to reply, and what comes after it.
    pub(super) async fn subscribe(
        self: Rc<Self>,
        mut request: CallRequest,
        stop: Rc<Notify>,
        share: Share,
        limits: Limits,
        output: mpsc::Sender<String>,
    ) {
        let id = request.id.clone();
        let Some(room) = self.watches.room() else { return self.refuse_listen(&id, &output).await };
        let (revision, target) = (request.revision, request.target.clone());
        let mut desk = Desk::new(&mut request, &stop, share, &limits, &output);
        let judged = self.judged(request, &mut desk).await;
        self.open.borrow_mut().remove(&id);
        let watch = desk.listener.kept();
        let standing = std::mem::take(&mut desk.standing);
        drop(desk);
        let reply = {
            let mut connection = self.connection.borrow_mut();
            connection.finish(&id).then(|| reply::render(&connection, revision, &id, &target, judged))
        };
        // Whoever cancelled it has no subscription.
        let Some(reply) = reply else { return };
        let live = Rc::new(Live::default());
        if let Some(watch) = &watch {
            self.watches.end(&watch.uri);
            self.watches.single.borrow_mut().insert(watch.uri.clone(), Rc::clone(&live));
        }
        let _ = output.send(reply).await;
        if let Some(watch) = watch {
            let told = Told { watch, standing, live, listen: None, _room: room };
            tokio::task::spawn_local(self.tell_of(told, output));
        }
    }

    /// One `subscriptions/listen`, from its request to its end.
    pub(super) async fn listen(
        self: Rc<Self>,
        request: ListenRequest,
        stop: Rc<Notify>,
        share: Share,
        limits: Limits,
        output: mpsc::Sender<String>,
    ) {
        let ListenRequest { id, lists, watches, memory: _ } = request;
        let Ok(_room) = Arc::clone(&self.watches.listen_room).try_acquire_owned() else {
            return self.refuse_listen(&id, &output).await;
        };
        let live = Rc::new(Live::default());
        let (mut told, mut refused) = (Vec::new(), None);
        let mut share = Some(share);
        for mut watch in watches {
            let Some(room) = self.watches.room() else { return self.refuse_listen(&id, &output).await };
            let target = watch.target.clone();
            let Some(own) = share.take() else { break };
            let mut desk = Desk::new(&mut watch, &stop, own, &limits, &output);
            let judged = self.judged(watch, &mut desk).await;
            if !self.connection.borrow().is_working(&id) {
                break;
            }
            match desk.listener.kept() {
                Some(watch) => {
                    let standing = std::mem::take(&mut desk.standing);
                    told.push(Told { watch, standing, live: Rc::clone(&live), listen: Some(id.clone()), _room: room });
                }
                None => drop(refused.get_or_insert((target, judged))),
            }
            share = desk.share.take();
        }
        drop(share);
        match refused {
            // Nothing of what it asked for is honoured; the first reason is told.
            Some((target, judged)) if told.is_empty() && lists.is_empty() => {
                self.refused_listen(&id, &target, judged, &output).await
            }
            Some(_) | None => self.listening(id, (lists, told), live, &stop, &output).await,
        }
    }

    /// Acknowledges a listen, and tells it of changes until it ends.
    async fn listening(
        self: Rc<Self>,
        id: Id,
        (lists, told): (Vec<Listed>, Vec<Told>),
        live: Rc<Live>,
        stop: &Notify,
        output: &mpsc::Sender<String>,
    ) {
        let uris: Vec<String> = told.iter().map(|told| told.watch.uri.clone()).collect();
        let acknowledged = listen::acknowledged(&id, &lists, &uris);
        if self.say(output, acknowledged, || self.connection.borrow().is_working(&id)).await {
            let waits_for_lists = !lists.is_empty();
            self.watches.listens.borrow_mut().insert(id.clone(), Listen { lists, live: Rc::clone(&live) });
            let mut open = tokio::task::JoinSet::new();
            for told in told {
                open.spawn_local(Rc::clone(&self).tell_of(told, output.clone()));
            }
            let all_over = async {
                while open.join_next().await.is_some() {}
                // A list may change as long as anybody listens.
                if waits_for_lists {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = stop.notified() => {}
                () = live.ended() => {}
                () = self.watches.live.ended() => {}
                () = output.closed() => {}
                () = all_over => {}
            }
            live.end();
            self.watches.listens.borrow_mut().remove(&id);
            // Each upstream is told before the client is.
            open.shutdown().await;
        }
        self.open.borrow_mut().remove(&id);
        let last = {
            let mut connection = self.connection.borrow_mut();
            connection.finish(&id).then(|| connection.reply_listened(&id))
        };
        if let Some(last) = last {
            let _ = output.send(last).await;
        }
    }

    async fn refuse_listen(&self, id: &Id, output: &mpsc::Sender<String>) {
        self.open.borrow_mut().remove(id);
        let reply = {
            let mut connection = self.connection.borrow_mut();
            let data = json!({"reason": "too_many", "detail": TOO_MANY});
            connection.finish(id).then(|| connection.reply_error(id, Code::InvalidParams, TOO_MANY, Some(data)))
        };
        if let Some(reply) = reply {
            let _ = output.send(reply).await;
        }
    }

    async fn refused_listen(&self, id: &Id, target: &Target, judged: Judged, output: &mpsc::Sender<String>) {
        self.open.borrow_mut().remove(id);
        let reply = {
            let mut connection = self.connection.borrow_mut();
            connection.finish(id).then(|| reply::render(&connection, crate::wire::Revision::MODERN, id, target, judged))
        };
        if let Some(reply) = reply {
            let _ = output.send(reply).await;
        }
    }

    /// Says something while that is wanted: nothing that was ended meanwhile is said. False when it was not.
    async fn say(&self, output: &mpsc::Sender<String>, line: String, is_wanted: impl Fn() -> bool) -> bool {
        let Ok(room) = output.reserve().await else { return false };
        let is_wanted = is_wanted();
        if is_wanted {
            room.send(line);
        }
        is_wanted
    }

    /// Tells of changes of one resource until its subscription ends.
    async fn tell_of(self: Rc<Self>, told: Told, output: mpsc::Sender<String>) {
        let Told { watch, standing, live, listen, _room } = told;
        let tell = async {
            while watch.changed().await {
                if self.world.ledger.test(standing.clone()).await.is_err() {
                    return;
                }
                let is_wanted = || !live.over.get() && listen.as_ref().is_none_or(|id| self.connection.borrow().is_working(id));
                if !self.say(&output, listen::updated(&watch.uri, listen.as_ref()), is_wanted).await {
                    return;
                }
                tokio::time::sleep(EVERY).await;
            }
        };
        tokio::select! {
            () = tell => {}
            () = live.ended() => {}
            () = output.closed() => {}
        }
        if listen.is_none() {
            let mut single = self.watches.single.borrow_mut();
            if single.get(&watch.uri).is_some_and(|other| Rc::ptr_eq(other, &live)) {
                single.remove(&watch.uri);
            }
        }
    }

    /// Tells the client of lists that changed, a client before 2026-07-28 in any case, a later one where it listens; and of pages that are done with.
    pub(super) async fn tell_of_changes(self: Rc<Self>, output: mpsc::Sender<String>) {
        let tell = async {
            loop {
                for change in self.world.upstreams.changes().await {
                    match change {
                        Change::List(list) => self.tell_of_list(list, &output).await,
                        // Who was asked by a request that leads to a page is of the one revision that has this.
                        Change::Page(number) => drop(self.say(&output, completed(number), || true).await),
                    }
                }
                tokio::time::sleep(EVERY).await;
            }
        };
        tokio::select! {
            () = tell => {}
            () = self.watches.live.ended() => {}
            () = output.closed() => {}
        }
    }

    async fn tell_of_list(&self, list: Listed, output: &mpsc::Sender<String>) {
        if matches!(self.connection.borrow().era(), Era::Legacy(_)) {
            let _ = self.say(output, listen::list_changed(list, None), || true).await;
            return;
        }
        let wants = |listen: &Listen| listen.lists.contains(&list);
        let ids: Vec<Id> =
            self.watches.listens.borrow().iter().filter(|(_, listen)| wants(listen)).map(|(id, _)| id.clone()).collect();
        for id in ids {
            let is_wanted = || self.connection.borrow().is_working(&id) && self.watches.listens.borrow().contains_key(&id);
            let _ = self.say(output, listen::list_changed(list, Some(&id)), is_wanted).await;
        }
    }
}
