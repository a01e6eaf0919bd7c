//! The report of a ledger: what is gathered in one pass over its entries, and the one page that shows it.

pub(crate) mod chart;
pub(crate) mod gather;
pub(crate) mod idle;
pub(crate) mod page;
