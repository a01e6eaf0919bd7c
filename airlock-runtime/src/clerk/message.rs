//! What the judge and its clerk say to each other: packets of a socket pair, each one message, an order and its report by turns.

use crate::ledger::folder::{LISTED_MAX, Order, Place, Report};
use crate::passing;
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Longest sentence of a report, in bytes.
const WHY_MAX: usize = 300;
/// Longest packet, in bytes: the longest list, which is longer than the longest sentence.
pub(super) const PACKET_MAX: usize = 2 + 8 * LISTED_MAX;
const _: () = assert!(PACKET_MAX > 1 + 4 + WHY_MAX, "a sentence fits");
/// What stands with the directory, which is the first thing that a clerk gets.
pub(super) const DIRECTORY: &[u8] = b"directory";
/// The errors of the system are sent by their number; this one says that there is a sentence alone.
const NO_NUMBER: i32 = 0;

/// What a clerk answers.
#[derive(Debug)]
pub(super) enum Said {
    /// It has the directory, and is confined.
    Ready,
    /// It cannot serve: the exit code that the gateway ends with, and a sentence.
    Unready(u8, String),
    /// What came of an order.
    Report(io::Result<Report>),
}

/// Bytes of an order: its kind, the kind of the file, the three numbers of its name, and one more.
pub(super) const ORDER: usize = 1 + 1 + 4 * 8;

/// As it is sent.
pub(super) fn write_order(order: Order) -> [u8; ORDER] {
    let nowhere = (0, [0; 3]);
    let (kind, (place, numbers), number) = match order {
        Order::Read(place) => (1, numbers(place), 0),
        Order::Grow(place) => (2, numbers(place), 0),
        Order::Begin(place) => (3, numbers(place), 0),
        Order::Empty(place) => (4, numbers(place), 0),
        Order::Cut(place, length) => (5, numbers(place), length),
        Order::Draft(place) => (6, numbers(place), 0),
        Order::Publish => (7, nowhere, 0),
        Order::List(from) => (8, nowhere, from),
        Order::IsKilled => (9, nowhere, 0),
        Order::Sync => (10, nowhere, 0),
        Order::IsUsedUp => (11, nowhere, 0),
    };
    let mut out = [0; ORDER];
    (out[0], out[1]) = (kind, place);
    for (at, number) in numbers.into_iter().chain([number]).enumerate() {
        out[2 + 8 * at..10 + 8 * at].copy_from_slice(&number.to_le_bytes());
    }
    out
}

/// `None` for bytes that are no order.
pub(super) fn read_order(bytes: &[u8]) -> Option<Order> {
    let bytes: &[u8; ORDER] = bytes.try_into().ok()?;
    let number = |at: usize| bytes[2 + 8 * at..].first_chunk().copied().map_or(0, u64::from_le_bytes);
    let place = place_of(bytes[1], [number(0), number(1), number(2)]);
    let order = match bytes[0] {
        1 => Order::Read(place?),
        2 => Order::Grow(place?),
        3 => Order::Begin(place?),
        4 => Order::Empty(place?),
        5 => Order::Cut(place?, number(3)),
        6 => Order::Draft(place?),
        7 => Order::Publish,
        8 => Order::List(number(3)),
        9 => Order::IsKilled,
        10 => Order::Sync,
        11 => Order::IsUsedUp,
        _ => return None,
    };
    // One order has one form.
    (write_order(order) == *bytes).then_some(order)
}

const fn numbers(place: Place) -> (u8, [u64; 3]) {
    match place {
        Place::Segment(first) => (1, [first, 0, 0]),
        Place::Evidence(first) => (2, [first, 0, 0]),
        Place::Checkpoint => (3, [0; 3]),
        Place::Seals => (4, [0; 3]),
        Place::Reserve => (5, [0; 3]),
        Place::Torn(first, at, digest) => (6, [first, at, digest]),
    }
}

const fn place_of(kind: u8, [first, at, digest]: [u64; 3]) -> Option<Place> {
    match kind {
        1 => Some(Place::Segment(first)),
        2 => Some(Place::Evidence(first)),
        3 => Some(Place::Checkpoint),
        4 => Some(Place::Seals),
        5 => Some(Place::Reserve),
        6 => Some(Place::Torn(first, at, digest)),
        _ => None,
    }
}

impl Said {
    /// Sends it.
    ///
    /// # Errors
    /// Those of the socket.
    pub(super) fn send(&self, socket: impl AsFd) -> Result<(), Errno> {
        let sentence = |kind: u8, number: &[u8], why: &str| {
            let mut packet = vec![kind];
            packet.extend(number);
            packet.extend(why.bytes().take(WHY_MAX));
            packet
        };
        let packet = match self {
            Self::Report(Ok(Report::File(file))) => return passing::send(socket, &[2], &[file.as_fd()]),
            Self::Report(Ok(Report::Done)) => vec![1],
            Self::Report(Ok(Report::Is(is))) => vec![3, u8::from(*is)],
            Self::Report(Ok(Report::Segments(firsts, more))) => {
                [4, u8::from(*more)].into_iter().chain(firsts.iter().flat_map(|first| first.to_le_bytes())).collect()
            }
            Self::Report(Err(fault)) => match fault.raw_os_error() {
                Some(number) => sentence(5, &number.to_le_bytes(), ""),
                None => sentence(5, &NO_NUMBER.to_le_bytes(), &fault.to_string()),
            },
            Self::Ready => vec![6],
            Self::Unready(code, why) => sentence(7, &[*code], why),
        };
        passing::send(socket, &packet, &[])
    }

    /// `None` for a packet that no clerk sends.
    pub(super) fn read(packet: &[u8], descriptors: Vec<OwnedFd>) -> Option<Self> {
        let (kind, rest) = packet.split_first()?;
        let mut files = descriptors.into_iter();
        let said = match (kind, rest) {
            (1, []) => Self::Report(Ok(Report::Done)),
            (2, []) => Self::Report(Ok(Report::File(File::from(files.next()?)))),
            (3, [is @ (0 | 1)]) => Self::Report(Ok(Report::Is(*is == 1))),
            (4, [more @ (0 | 1), firsts @ ..]) => {
                let (firsts, []) = firsts.as_chunks::<8>() else { return None };
                let firsts: Vec<u64> = firsts.iter().map(|first| u64::from_le_bytes(*first)).collect();
                let is_list = firsts.len() <= LISTED_MAX && firsts.is_sorted_by(|one, next| one < next);
                is_list.then_some(Self::Report(Ok(Report::Segments(firsts, *more == 1))))?
            }
            (5, rest) => {
                let (number, why) = rest.split_first_chunk()?;
                let fault = match i32::from_le_bytes(*number) {
                    NO_NUMBER => io::Error::other(sentence(why)?),
                    number => io::Error::from_raw_os_error(number),
                };
                Self::Report(Err(fault))
            }
            (6, []) => Self::Ready,
            (7, [code, why @ ..]) => Self::Unready(*code, sentence(why)?),
            _ => return None,
        };
        files.next().is_none().then_some(said)
    }
}

/// A text as one sentence, if it is one.
fn sentence(text: &[u8]) -> Option<String> {
    let is_one = text.len() <= WHY_MAX && !text.iter().any(u8::is_ascii_control);
    is_one.then(|| String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Read;

    fn orders() -> Vec<Order> {
        let places =
            [Place::Segment(7), Place::Evidence(u64::MAX), Place::Checkpoint, Place::Seals, Place::Reserve, Place::Torn(1, 2, 3)];
        let of = |place| {
            [
                Order::Read(place),
                Order::Grow(place),
                Order::Begin(place),
                Order::Empty(place),
                Order::Cut(place, 9),
                Order::Draft(place),
            ]
        };
        let others = [Order::Publish, Order::List(5), Order::IsKilled, Order::Sync, Order::IsUsedUp];
        places.into_iter().flat_map(of).chain(others).collect()
    }

    #[test]
    fn an_order_has_one_form_and_is_read_as_it_was_written() {
        for order in orders() {
            let written = write_order(order);
            assert_eq!(read_order(&written), Some(order));
            assert_eq!(read_order(&written[1..]), None);
            assert_eq!(read_order(&[&written[..], &[0]].concat()), None);
        }
        // What an order does not need is nothing.
        let mut idle = write_order(Order::Publish);
        idle[30] = 1;
        assert_eq!(read_order(&idle), None);
    }

    fn through(said: &Said) -> Option<Said> {
        let (ours, theirs) = passing::pair().unwrap();
        said.send(&theirs).unwrap();
        let mut packet = [0; PACKET_MAX];
        let (length, descriptors) = passing::receive(&ours, &mut packet).unwrap();
        Said::read(&packet[..length], descriptors)
    }

    #[test]
    fn reports_are_read_as_they_were_sent() {
        let list: Vec<u64> = (0..LISTED_MAX as u64).collect();
        let report = |report| Said::Report(Ok(report));
        for said in [
            report(Report::Done),
            report(Report::Is(true)),
            report(Report::Is(false)),
            report(Report::Segments(list, true)),
            report(Report::Segments(Vec::new(), false)),
            Said::Report(Err(io::Error::from_raw_os_error(28))),
            Said::Report(Err(io::Error::other("seg is not a regular file"))),
            Said::Ready,
            Said::Unready(7, "this kernel has none".into()),
        ] {
            assert_eq!(format!("{:?}", through(&said).unwrap()), format!("{said:?}"));
        }
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, b"a line").unwrap();
        let Some(Said::Report(Ok(Report::File(passed)))) = through(&report(Report::File(file))) else { panic!("a file") };
        let mut text = String::new();
        std::io::Seek::rewind(&mut &passed).unwrap();
        (&passed).read_to_string(&mut text).unwrap();
        assert_eq!(text, "a line");
    }

    #[test]
    fn reports_that_are_none_are_refused() {
        let file = || OwnedFd::from(tempfile::tempfile().unwrap());
        assert!(Said::read(&[2], Vec::new()).is_none(), "a file without one");
        assert!(Said::read(&[1], vec![file()]).is_none(), "one too many");
        assert!(Said::read(&[2], vec![file(), file()]).is_none(), "two");
        let unsorted = [&[4, 0][..], &2_u64.to_le_bytes(), &1_u64.to_le_bytes()].concat();
        for strange in [&[][..], &[0], &[3, 2], &[4, 0, 1], &unsorted, &[5, 1], &[5, 0, 0, 0, 0, 10], &[6, 0], &[7], &[8]] {
            assert!(Said::read(strange, Vec::new()).is_none(), "{strange:?}");
        }
    }

    proptest! {
        /// No packet makes a reader panic.
        #[test]
        fn garbage_is_refused_or_read(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = (read_order(&bytes), Said::read(&bytes, Vec::new()));
        }
    }
}
