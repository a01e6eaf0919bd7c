//! The manifest of MCP Airlock: text → checked → [`ir::Policy`], with every mistake reported at its place.

pub mod ir;
