//! A gateway as its operator and its clients meet it: every refusal, every way in which it does not start.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod refusals;
mod start;
mod streams;
