//! Declarative REST tools, quotas, flows and questions, over the wire, against a service that keeps every request.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod bounds;
mod requests;
mod scene;
