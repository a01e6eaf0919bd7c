//! TLS of outgoing requests: rustls with the ring provider and Mozilla's roots compiled in.
//!
//! The system's certificate store is never read and no variable can name another one, so whoever controls the environment
//! cannot add a root. The roots age with the binary; a rebuild renews them.

use std::sync::{Arc, OnceLock};

/// The client configuration, made at the first use (an idle gateway has none) and shared afterwards.
///
/// # Errors
/// The provider offers no protocol version; cannot happen with the features that this crate compiles in.
pub fn client_config() -> Result<rustls::ClientConfig, rustls::Error> {
    static CONFIG: OnceLock<rustls::ClientConfig> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let built = build(rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })?;
    Ok(CONFIG.get_or_init(|| built).clone())
}

/// TLS 1.2 and 1.3, server certificate always verified against `roots`, no client certificate.
pub(super) fn build(roots: rustls::RootCertStore) -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
