//! Questions that wait for an answer: what makes an answer count once, over all processes and starts.
//!
//! An answer counts only while its question stands here, so whatever is missing (never asked, asked in another ledger, answered,
//! too old) is refused.

use super::entry::{Verdict, clip};
use super::facts::Unmet;
use serde::Deserialize;
use std::collections::HashMap;

/// Most questions that wait at once, over all sessions.
const QUESTIONS_MAX: usize = 4096;
/// Most in one session that wait or were not answered with yes, each until its time is over: who is asked again and again stops to
/// read, so a no does not make room for the next question at once.
pub const SESSION_QUESTIONS_MAX: usize = 16;
/// Most of one subject over all its sessions, counted in the same way. Who obtains leases chooses the sessions, so without a bound one
/// subject would wear out its user and take the room of all: this is what four busy sessions may ask, and a sixty-fourth of the whole.
pub const SUBJECT_QUESTIONS_MAX: usize = 64;

/// How the body of such an entry begins.
pub(super) const APPROVE: &[u8] = b"\"t\":\"approve\",";

/// Questions by id, until their time is over or they are answered with yes.
#[derive(Debug, Default)]
pub(super) struct Questions {
    asked: HashMap<String, Asked>,
    /// Of each session with a lease: questions that it was asked, and the time from which they count no more.
    counts: HashMap<String, (u64, u64)>,
}

/// Sessions whose questions are counted. Beyond it no session without a count may ask where questions are bounded.
const COUNTED_MAX: usize = 65_536;
/// How long questions of a session count after the newest, seconds: no lease lives longer, and a start looks back as far.
const COUNTED_S: u64 = 25 * 3600;

#[derive(Debug)]
struct Asked {
    by: Asker,
    /// Unix seconds.
    exp: u64,
    /// How: what answers a question of one kind answers none of the other.
    how: String,
    /// It waits for an answer.
    waits: bool,
}

/// On whose behalf a question is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// Session id.
    pub sid: String,
    /// Subject.
    pub sub: String,
    /// The call has a lease of this session and subject. Without one anybody may have named them, so such questions take no room from
    /// those with a lease.
    pub leased: bool,
}

/// An entry of type `approve`.
#[derive(Deserialize)]
pub(super) struct Approved {
    v: String,
    question: String,
    sid: String,
    sub: String,
    /// Public id of the lease; empty without one.
    rid: String,
    exp: Option<u64>,
    how: String,
}

impl Questions {
    /// Takes in an entry: `asked` opens a question, every other verdict closes it. `now` is the time of the entry, unix seconds.
    pub(super) fn absorb(&mut self, entry: Approved, now: u64) {
        let Approved { v, question, sid, sub, rid, exp, how } = entry;
        if v == Verdict::Asked.word() {
            self.asked.retain(|_, asked| asked.exp > now);
            if !rid.is_empty() {
                self.count(&sid, now);
            }
            if let Some(exp) = exp.filter(|_| self.asked.len() < QUESTIONS_MAX) {
                let by = Asker { sid, sub, leased: !rid.is_empty() };
                self.asked.insert(question, Asked { by, exp, how, waits: true });
            }
        } else if v == Verdict::Accepted.word() {
            self.asked.remove(&question);
        } else if let Some(asked) = self.asked.get_mut(&question) {
            asked.waits = false;
        }
    }

    fn count(&mut self, sid: &str, now: u64) {
        if self.counts.len() >= COUNTED_MAX {
            self.counts.retain(|_, (_, until)| *until > now);
        }
        if self.counts.len() < COUNTED_MAX || self.counts.contains_key(sid) {
            let (count, until) = self.counts.entry(sid.to_owned()).or_default();
            *count = if *until > now { *count + 1 } else { 1 };
            *until = now.saturating_add(COUNTED_S);
        }
    }

    /// Was the session asked fewer questions than this?
    pub(super) fn below(&self, sid: &str, most: u64, at: u64) -> Result<(), Unmet> {
        let count = self.counts.get(sid).filter(|(_, until)| *until > at).map(|(count, _)| *count);
        let is_below = match count {
            Some(count) => count < most,
            None => most > 0 && self.counts.len() < COUNTED_MAX,
        };
        if is_below { Ok(()) } else { Err(Unmet::Questions(sid.to_owned())) }
    }

    /// May one more question be asked on behalf of `by` at this time, unix seconds?
    pub(super) fn room(&self, by: &Asker, at: u64) -> Result<(), Unmet> {
        let (sid, sub) = (clip(&by.sid), clip(&by.sub));
        let recent = || self.asked.values().filter(|asked| asked.exp > at);
        let alike = || recent().map(|asked| &asked.by).filter(|other| other.leased == by.leased);
        let of_session = alike().filter(|other| other.sid == sid).count();
        let of_subject = alike().filter(|other| other.sub == sub).count();
        if of_session >= SESSION_QUESTIONS_MAX || of_subject >= SUBJECT_QUESTIONS_MAX || recent().count() >= QUESTIONS_MAX {
            return Err(Unmet::Questions(by.sid.clone()));
        }
        Ok(())
    }

    /// Does this question, asked in this way, wait for an answer at this time, unix seconds?
    pub(super) fn waits(&self, question: &str, how: &str, at: u64) -> Result<(), Unmet> {
        match self.asked.get(question).filter(|asked| asked.waits && asked.how == how) {
            Some(asked) if asked.exp > at => Ok(()),
            Some(_) => Err(Unmet::Late(question.to_owned())),
            None => Err(Unmet::Closed(question.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A moment, unix seconds.
    const T: u64 = 1_795_326_600;
    const HOW: &str = "elicitation";

    fn entry(v: &str, question: &str, sid: &str, exp: Option<u64>) -> Approved {
        of(&by("agent:a", sid), v, question, exp)
    }

    fn of(by: &Asker, v: &str, question: &str, exp: Option<u64>) -> Approved {
        let rid = if by.leased { "00ff".into() } else { String::new() };
        Approved { v: v.into(), question: question.into(), sid: by.sid.clone(), sub: by.sub.clone(), rid, exp, how: HOW.into() }
    }

    /// Who asks with a lease.
    fn by(sub: &str, sid: &str) -> Asker {
        Asker { sid: sid.into(), sub: sub.into(), leased: true }
    }

    fn asked(count: usize, sid: &str) -> Questions {
        let mut questions = Questions::default();
        for n in 0..count {
            questions.absorb(entry("asked", &n.to_string(), sid, Some(T + 60)), T);
        }
        questions
    }

    #[test]
    fn a_question_is_answered_once_and_in_time() {
        let mut questions = asked(2, "s");
        assert_eq!(questions.waits("0", HOW, T + 59), Ok(()));
        assert_eq!(questions.waits("0", HOW, T + 60), Err(Unmet::Late("0".into())));
        assert_eq!(questions.waits("2", HOW, T), Err(Unmet::Closed("2".into())), "it was never asked");
        assert_eq!(questions.waits("0", "signature", T), Err(Unmet::Closed("0".into())), "a signature answers no elicitation");
        questions.absorb(entry("accepted", "0", "s", None), T);
        questions.absorb(entry("declined", "1", "s", None), T);
        for answered in ["0", "1"] {
            assert_eq!(questions.waits(answered, HOW, T), Err(Unmet::Closed(answered.into())));
        }
    }

    /// Whatever the answers were: who is asked again and again stops to read.
    #[test]
    fn questions_of_a_session_are_counted_and_end_with_the_day() {
        let mut questions = asked(3, "s");
        questions.absorb(entry("accepted", "0", "s", None), T);
        questions.absorb(entry("declined", "1", "s", None), T);
        assert_eq!(questions.below("s", 4, T), Ok(()));
        assert_eq!(questions.below("s", 3, T), Err(Unmet::Questions("s".into())));
        assert_eq!(questions.below("t", 1, T), Ok(()));
        assert_eq!(questions.below("t", 0, T), Err(Unmet::Questions("t".into())));
        assert_eq!(questions.below("s", 3, T + COUNTED_S), Ok(()));
    }

    #[test]
    fn an_answer_with_an_expiry_opens_nothing() {
        let mut questions = Questions::default();
        questions.absorb(entry("accepted", "0", "s", Some(T + 60)), T);
        questions.absorb(entry("asked", "1", "s", None), T);
        assert!(questions.asked.is_empty());
    }

    #[test]
    fn a_session_has_so_many_open_questions_and_no_more() {
        let mut questions = asked(SESSION_QUESTIONS_MAX, "s");
        let room = |questions: &Questions, sid: &str, at| questions.room(&by("agent:a", sid), at);
        assert_eq!(room(&questions, "s", T), Err(Unmet::Questions("s".into())));
        assert_eq!(room(&questions, "t", T), Ok(()), "another session is not held back");
        assert_eq!(room(&questions, "s", T + 60), Ok(()), "what is late does not count");
        questions.absorb(entry("declined", "3", "s", None), T);
        assert_eq!(room(&questions, "s", T), Err(Unmet::Questions("s".into())), "who says no is not asked again at once");
        questions.absorb(entry("accepted", "4", "s", None), T);
        assert_eq!(room(&questions, "s", T), Ok(()));
    }

    /// A new session for each question, as who asks for a lease may name it: the share of the subject ends it, and holds back
    /// nobody else, nor the subject where it has a lease.
    #[test]
    fn a_subject_has_so_many_open_questions_over_all_sessions() {
        let unleased = |sub: &str, sid: &str| Asker { leased: false, ..by(sub, sid) };
        let mut questions = Questions::default();
        for n in 0..SUBJECT_QUESTIONS_MAX {
            let asker = unleased("agent:a", &n.to_string());
            assert_eq!(questions.room(&asker, T), Ok(()), "{n}");
            questions.absorb(of(&asker, "asked", &n.to_string(), Some(T + 60)), T);
        }
        assert_eq!(questions.room(&unleased("agent:a", "new"), T), Err(Unmet::Questions("new".into())));
        for other in [unleased("agent:b", "new"), by("agent:a", "new"), by("agent:a", "0")] {
            assert_eq!(questions.room(&other, T), Ok(()), "{other:?}");
        }
        assert_eq!(questions.room(&unleased("agent:a", "new"), T + 60), Ok(()), "what is late does not count");
    }

    /// Whoever names a session of others without a lease takes none of its room.
    #[test]
    fn questions_without_a_lease_do_not_fill_the_session_of_who_has_one() {
        let stranger = Asker { leased: false, ..by("agent:b", "s") };
        let mut questions = Questions::default();
        for n in 0..SESSION_QUESTIONS_MAX {
            questions.absorb(of(&stranger, "asked", &n.to_string(), Some(T + 60)), T);
        }
        assert_eq!(questions.room(&stranger, T), Err(Unmet::Questions("s".into())));
        assert_eq!(questions.room(&by("agent:a", "s"), T), Ok(()));
    }

    #[test]
    fn a_flood_over_many_sessions_is_refused_and_ends_by_itself() {
        let mut questions = Questions::default();
        for n in 0..QUESTIONS_MAX + 10 {
            let asker = by(&n.to_string(), &n.to_string());
            questions.absorb(of(&asker, "asked", &n.to_string(), Some(T + 60)), T);
        }
        assert_eq!(questions.asked.len(), QUESTIONS_MAX);
        let new = by("new", "new");
        assert_eq!(questions.room(&new, T + 59), Err(Unmet::Questions("new".into())));
        assert_eq!(questions.room(&new, T + 60), Ok(()));
        questions.absorb(entry("asked", "new", "new", Some(T + 120)), T + 60);
        assert_eq!(questions.asked.len(), 1, "the old ones are forgotten");
    }
}
