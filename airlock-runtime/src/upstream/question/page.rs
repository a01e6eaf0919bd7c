//! Pages to which a server of 2025-11-25 leads its user, until it says that one is done with (`notifications/elicitation/complete`).
//!
//! The server names a page by an id of its own, which no client sees: a client knows a page by the number of the question that led there, and
//! hears of its end only where it was asked that question by a request. So a server can end nothing but what it asked here, and each but once.

use serde_json::{Map, Value};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use tokio::sync::Notify;

/// Most pages of one run of a server that are remembered; then the oldest is forgotten. A user has a handful open.
const PAGES_MAX: usize = 64;
/// Longest id of a page, bytes.
const ID_MAX: usize = 128;

/// A page.
#[derive(Debug)]
pub(crate) struct Page {
    id: String,
    /// The question that led there, once a client was asked it by a request.
    number: Cell<Option<u64>>,
    is_done: Cell<bool>,
    done: Notify,
}

impl Page {
    /// The page that the parameters of a question name. One without an id has no end that could be told.
    pub(super) fn of(params: &Map<String, Value>) -> Option<Rc<Self>> {
        let id = params.get("elicitationId").and_then(Value::as_str).filter(|id| id.len() <= ID_MAX)?.to_owned();
        Some(Rc::new(Self { id, number: Cell::new(None), is_done: Cell::new(false), done: Notify::new() }))
    }

    /// A client has the question under this number.
    pub(crate) fn asked(&self, number: u64) {
        self.number.set(Some(number));
    }

    /// Waits until the server says that it is done with.
    pub(crate) async fn until_done(&self) {
        loop {
            let done = self.done.notified();
            if self.is_done.get() {
                return;
            }
            done.await;
        }
    }
}

/// The pages that are open at one run of a server.
#[derive(Debug, Default)]
pub(crate) struct Pages(RefCell<VecDeque<Rc<Page>>>);

impl Pages {
    /// Somebody is led there.
    pub(crate) fn open(&self, page: &Rc<Page>) {
        let mut pages = self.0.borrow_mut();
        if pages.len() >= PAGES_MAX {
            pages.pop_front();
        }
        pages.push_back(Rc::clone(page));
    }

    /// The server is done with a page; the questions of which clients are told so.
    pub(crate) fn complete(&self, id: &str) -> Vec<u64> {
        let (done, open): (VecDeque<_>, _) = self.0.take().into_iter().partition(|page| page.id == id);
        *self.0.borrow_mut() = open;
        for page in &done {
            page.is_done.set(true);
            page.done.notify_waiters();
        }
        done.iter().filter_map(|page| page.number.get()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::json;

    fn page(id: &str) -> Rc<Page> {
        Page::of(json!({"elicitationId": id}).as_object().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_page_ends_once_and_only_where_somebody_was_led_there() {
        let pages = Pages::default();
        let (asked, answered_in_a_result, other) = (page("a"), page("a"), page("b"));
        [&asked, &answered_in_a_result, &other].into_iter().for_each(|page| pages.open(page));
        asked.asked(7);
        other.asked(8);
        assert_eq!(pages.complete("c"), [0; 0], "nobody was led there");
        assert_eq!(pages.complete("a"), [7], "the other one has no number");
        assert_eq!(pages.complete("a"), [0; 0]);
        asked.until_done().await;
        answered_in_a_result.until_done().await;
        let waits = tokio::time::timeout(std::time::Duration::from_millis(20), other.until_done()).await;
        assert!(waits.is_err());
        assert_eq!(pages.complete("b"), [8]);
    }

    #[test]
    fn pages_without_end_are_not_remembered() {
        let pages = Pages::default();
        for n in 0..=u64::try_from(PAGES_MAX).unwrap() {
            let one = page(&n.to_string());
            one.asked(n);
            pages.open(&one);
        }
        assert_eq!((pages.complete("0"), pages.complete("1")), (vec![], vec![1]));
        for bad in [json!({}), json!({"elicitationId": 7}), json!({"elicitationId": "x".repeat(ID_MAX + 1)})] {
            assert!(Page::of(bad.as_object().unwrap()).is_none());
        }
    }
}
