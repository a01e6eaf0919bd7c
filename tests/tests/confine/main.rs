//! The gateway's own processes, confined by the kernel: what code can do that took one over, and what happens where the kernel cannot confine.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod attacks;
mod missing;
mod running;
mod unit;
