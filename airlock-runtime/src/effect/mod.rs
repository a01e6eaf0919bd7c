//! What a permitted call does to the world.

pub mod addr;
pub mod http;
pub mod resolve;
pub mod tls;
pub mod url;
