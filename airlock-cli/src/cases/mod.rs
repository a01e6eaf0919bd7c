//! Cases: calls, and what a gateway must say to them.

mod coverage;
mod file;
mod generate;
mod instance;
mod junit;
mod run;
mod samples;

pub(crate) use coverage::{Clause, Tried, clauses, note};
pub(crate) use file::{Call, Carrier, Case, Earlier, Expect, Placed, Seen, Terms, extended, fresh, read};
pub(crate) use generate::generate;
pub(crate) use junit::{report, write};
pub(crate) use run::{Judged, judge, play};
pub(crate) use samples::{arguments, good};
