//! An MCP Airlock gateway: the manifest in `policy/`, checked and compiled. `main` is in the macro.

airlock_macros::gateway!("policy/airlock.toml");
