//! `gateway!("airlock.toml")`: a manifest becomes the main program of a gateway.
