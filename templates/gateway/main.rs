//! An MCP Airlock gateway: the manifest beside `Cargo.toml`, checked and compiled. `main` is in the macro.

airlock_macros::gateway!("airlock.toml");
