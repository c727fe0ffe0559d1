//! One TLS configuration for REST and WebSocket.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::error::ClientError;

/// TLS 1.2 and 1.3 by rustls and ring, certificates judged by the operating system's trust store: an authority that
/// an administrator has installed there is good here too.
pub(crate) fn client_config() -> Result<Arc<ClientConfig>, ClientError> {
    let failed = |e: rustls::Error| ClientError::Network(format!("TLS cannot be set up: {e}"));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_platform_verifier()
        .map_err(failed)?
        .with_no_client_auth();
    Ok(Arc::new(config))
}
