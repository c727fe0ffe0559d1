//! TLS from certificate files.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::Tls;

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing or holds no PEM of the right kind.
    #[error("cannot read {path}")]
    File {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Certificate and key do not fit together.
    #[error("the certificate and the key do not fit together")]
    Pair(#[source] rustls::Error),
}

/// An acceptor with the configured certificate; `None` without one.
pub(crate) fn acceptor(config: &Tls) -> Result<Option<TlsAcceptor>, TlsError> {
    if config.cert_path.as_os_str().is_empty() {
        return Ok(None);
    }
    let certificates = CertificateDer::pem_file_iter(&config.cert_path)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable(&config.cert_path, error))?;
    let key = PrivateKeyDer::from_pem_file(&config.key_path).map_err(|error| unreadable(&config.key_path, error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Pair)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(TlsError::Pair)?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(tls))))
}

fn unreadable(path: &Path, error: rustls::pki_types::pem::Error) -> TlsError {
    TlsError::File { path: path.display().to_string(), source: io::Error::new(io::ErrorKind::InvalidData, error) }
}
