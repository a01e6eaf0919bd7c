//! What judge and egress say to each other: frames of a stream, each a length and one message. Neither side believes the other.

use super::{CODES, UNREADY};
use crate::effect::Failure;
use crate::limits::LINE_MAX;

/// Longest answer, in bytes of JSON: what is longer, no client takes.
pub(super) const ANSWER_MAX: usize = LINE_MAX;
/// Longest sentence of a failure, in bytes: a note of a service, and names of 100 characters.
const DETAIL_MAX: usize = 4 * 1024;
/// Bytes in front of what an order or a report carries: kind, call, tool or place of the code.
const HEAD: usize = 1 + 8 + 4;
/// Bytes of a length.
const LENGTH: usize = 4;
/// Room for a frame that has begun to come, before there is any of it. A length is only a claim.
const ROOM: usize = 64 * 1024;

/// Longest frame that is read from egress, in bytes without its length.
pub(super) const REPORT_MAX: usize = HEAD + ANSWER_MAX;

/// Longest frame that is read from the judge, in bytes without its length.
pub(super) fn order_max(arguments: u64) -> usize {
    usize::try_from(arguments).unwrap_or(LINE_MAX).min(LINE_MAX) + HEAD
}

/// From the judge.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Order<'a> {
    /// Make the call of the tool at this place of the policy with these arguments.
    Call { id: u64, tool: u32, arguments: &'a [u8] },
    /// Nobody waits for it any longer.
    Cancel { id: u64 },
    /// The gateway ends: tell what is not told yet.
    Last,
}

/// From egress.
#[derive(Debug)]
pub(super) enum Report {
    /// It has what it needs.
    Ready,
    /// It does not serve: the exit code for the gateway, and why.
    Unready(u8, String),
    /// The result of a call, as JSON.
    Done { id: u64, result: String },
    /// A call gave none.
    Failed { id: u64, failure: Failure },
    /// Connections of foreign servers, counted, as [`super::tally`] writes them.
    Connections(String),
    /// Everything is told.
    Last,
}

impl<'a> Order<'a> {
    /// The frame of it.
    pub(super) fn write(&self) -> Vec<u8> {
        match self {
            Self::Call { id, tool, arguments } => frame(1, *id, *tool, arguments),
            Self::Cancel { id } => frame(2, *id, 0, &[]),
            Self::Last => frame(3, 0, 0, &[]),
        }
    }

    /// `None` for a message that no judge sends.
    pub(super) fn read(message: &'a [u8]) -> Option<Self> {
        match split(message)? {
            (1, id, tool, arguments) => Some(Self::Call { id, tool, arguments }),
            (2, id, 0, []) => Some(Self::Cancel { id }),
            (3, 0, 0, []) => Some(Self::Last),
            _ => None,
        }
    }
}

impl Report {
    /// The frame of it. An answer that no judge would take becomes a failure that says so.
    pub(super) fn write(&self) -> Vec<u8> {
        match self {
            Self::Ready => frame(1, 0, 0, &[]),
            Self::Unready(code, why) => frame(2, 0, u32::from(*code), cut(why).as_bytes()),
            Self::Done { id, result } => frame(3, *id, 0, result.as_bytes()),
            Self::Failed { id, failure } => {
                let code = CODES.iter().position(|code| *code == failure.code).unwrap_or(CODES.len());
                frame(4, *id, u32::try_from(code).unwrap_or(u32::MAX), cut(&failure.detail).as_bytes())
            }
            Self::Connections(rows) => frame(5, 0, 0, rows.as_bytes()),
            Self::Last => frame(6, 0, 0, &[]),
        }
    }

    /// `None` for a message that no egress sends.
    pub(super) fn read(message: &[u8]) -> Option<Self> {
        let (kind, id, code, rest) = split(message)?;
        let text = std::str::from_utf8(rest).ok()?;
        match (kind, id, code) {
            (1, 0, 0) if rest.is_empty() => Some(Self::Ready),
            (2, 0, code) => Some(Self::Unready(UNREADY.into_iter().find(|known| u32::from(*known) == code)?, sentence(text)?)),
            (3, _, 0) => Some(Self::Done { id, result: text.to_owned() }),
            (4, _, _) => {
                let code = CODES.get(usize::try_from(code).ok()?)?;
                Some(Self::Failed { id, failure: Failure { code, detail: sentence(text)? } })
            }
            (5, 0, 0) => Some(Self::Connections(text.to_owned())),
            (6, 0, 0) if rest.is_empty() => Some(Self::Last),
            _ => None,
        }
    }
}

/// A text as one sentence of a failure, if it is one.
fn sentence(text: &str) -> Option<String> {
    let is_one = text.len() <= DETAIL_MAX && !text.chars().any(char::is_control);
    is_one.then(|| text.to_owned())
}

/// As much of a text as a failure may say.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(DETAIL_MAX)]
}

fn frame(kind: u8, id: u64, number: u32, rest: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEAD + rest.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(LENGTH + HEAD + rest.len());
    frame.extend(length.to_le_bytes());
    frame.push(kind);
    frame.extend(id.to_le_bytes());
    frame.extend(number.to_le_bytes());
    frame.extend(rest);
    frame
}

fn split(message: &[u8]) -> Option<(u8, u64, u32, &[u8])> {
    let (kind, rest) = message.split_first()?;
    let (id, rest) = rest.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    Some((*kind, u64::from_le_bytes(*id), u32::from_le_bytes(*number), rest))
}

/// The frames of a stream, put together from what arrives.
pub(super) struct Frames {
    max: usize,
    length: Vec<u8>,
    frame: Vec<u8>,
}

/// A frame that says it is longer than any may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Frames {
    /// `max`: longest frame without its length, in bytes.
    pub(super) const fn with_max(max: usize) -> Self {
        Self { max, length: Vec::new(), frame: Vec::new() }
    }

    /// Takes bytes away from `chunk` up to the end of a frame; `None` when there is no end in it.
    ///
    /// # Errors
    /// The frame is longer than any may be.
    pub(super) fn feed(&mut self, chunk: &mut &[u8]) -> Result<Option<Vec<u8>>, TooLong> {
        take(&mut self.length, LENGTH, chunk);
        let Ok(length) = <[u8; LENGTH]>::try_from(&self.length[..]) else { return Ok(None) };
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        if length > self.max {
            return Err(TooLong);
        }
        if self.frame.capacity() == 0 {
            self.frame.reserve(length.min(ROOM));
        }
        take(&mut self.frame, length, chunk);
        if self.frame.len() < length {
            return Ok(None);
        }
        self.length.clear();
        Ok(Some(std::mem::take(&mut self.frame)))
    }
}

/// Moves bytes until `to` has `length`.
fn take(to: &mut Vec<u8>, length: usize, from: &mut &[u8]) {
    let (taken, rest) = from.split_at(length.saturating_sub(to.len()).min(from.len()));
    to.extend_from_slice(taken);
    *from = rest;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outside::NO_CREDENTIAL;
    use proptest::prelude::*;

    fn message(frame: &[u8]) -> &[u8] {
        &frame[LENGTH..]
    }

    #[test]
    fn orders_are_read_as_they_were_written() {
        for order in [Order::Call { id: 70_000_000_000, tool: 3, arguments: b"{\"a\":1}" }, Order::Cancel { id: 7 }, Order::Last]
        {
            assert_eq!(Order::read(message(&order.write())).as_ref(), Some(&order));
        }
        for strange in [
            &[][..],
            b"\x01",
            message(&frame(2, 7, 1, b"")),
            message(&frame(2, 7, 0, b"x")),
            message(&frame(3, 7, 0, b"")),
            message(&frame(3, 0, 0, b"x")),
        ] {
            assert_eq!(Order::read(strange), None, "{strange:?}");
        }
    }

    #[test]
    fn reports_are_read_as_they_were_written() {
        assert!(matches!(Report::read(message(&Report::Ready.write())), Some(Report::Ready)));
        let told = Report::read(message(&Report::Unready(NO_CREDENTIAL, "TOKEN is not set".into()).write()));
        assert!(matches!(told, Some(Report::Unready(NO_CREDENTIAL, why)) if why == "TOKEN is not set"));
        let told = Report::read(message(&Report::Done { id: 9, result: "[1]".into() }.write()));
        assert!(matches!(told, Some(Report::Done { id: 9, result }) if result == "[1]"));
        assert!(matches!(Report::read(message(&Report::Last.write())), Some(Report::Last)));
        for code in CODES {
            let failure = Failure { code, detail: "é".repeat(DETAIL_MAX) };
            let Some(Report::Failed { id: 1, failure }) = Report::read(message(&Report::Failed { id: 1, failure }.write()))
            else {
                panic!("{code}")
            };
            assert_eq!((failure.code, failure.detail.len()), (code, DETAIL_MAX));
        }
        let nobody_knows = u32::try_from(CODES.len()).unwrap();
        let long = "x".repeat(DETAIL_MAX + 1);
        for strange in [
            frame(4, 1, nobody_knows, b"x"),
            frame(4, 1, 0, b"two\nlines"),
            frame(4, 1, 0, long.as_bytes()),
            frame(3, 1, 0, b"\xff"),
            frame(1, 1, 0, b""),
            frame(5, 1, 0, b""),
            frame(6, 1, 0, b""),
            frame(6, 0, 0, b"x"),
            frame(7, 0, 0, b""),
        ] {
            assert!(Report::read(message(&strange)).is_none(), "{strange:?}");
        }
    }

    #[test]
    fn a_length_is_only_a_claim() {
        let mut frames = Frames::with_max(1 << 30);
        assert_eq!(frames.feed(&mut &[0, 0, 0, 0x3f, 1][..]), Ok(None));
        assert!(frames.frame.capacity() <= ROOM);
        assert_eq!(Frames::with_max(9).feed(&mut &10_u32.to_le_bytes()[..]), Err(TooLong));
        assert_eq!(Frames::with_max(9).feed(&mut &u32::MAX.to_le_bytes()[..]), Err(TooLong));
    }

    proptest! {
        /// However a stream is cut, the same frames come out of it.
        #[test]
        fn a_stream_has_one_reading(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6), cut in 1_usize..50) {
            let orders: Vec<Order<'_>> = bodies.iter().enumerate().map(|(id, arguments)| Order::Call { id: id as u64, tool: 1, arguments }).collect();
            let stream: Vec<u8> = orders.iter().flat_map(Order::write).collect();
            let (mut frames, mut found) = (Frames::with_max(HEAD + 40), Vec::new());
            for mut chunk in stream.chunks(cut) {
                while let Some(frame) = frames.feed(&mut chunk).unwrap() {
                    found.push(frame);
                }
            }
            prop_assert_eq!(found.iter().map(|frame| Order::read(frame).unwrap()).collect::<Vec<_>>(), orders);
        }

        /// No message makes a reader panic.
        #[test]
        fn garbage_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = (Order::read(&bytes), Report::read(&bytes));
            let mut frames = Frames::with_max(16);
            let mut chunk = &bytes[..];
            while let Ok(Some(_)) = frames.feed(&mut chunk) {}
        }
    }
}
