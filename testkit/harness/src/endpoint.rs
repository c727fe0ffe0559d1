//! Where a server listens, with or without TLS.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::MaybeTlsStream;

/// What bytes go over.
pub type Stream = MaybeTlsStream<TcpStream>;

/// The name in the certificate.
const NAME: &str = "localhost";

/// An address, and whom to trust there.
#[derive(Clone)]
pub struct Endpoint {
    address: SocketAddr,
    tls: Option<TlsConnector>,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("address", &self.address).field("tls", &self.tls.is_some()).finish()
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }
}

impl Endpoint {
    /// A server that shows this certificate, and no other.
    ///
    /// # Errors
    /// If the certificate cannot be used.
    pub fn with_tls(address: SocketAddr, certificate: &Certificate) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der.clone())?;
        let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { address, tls: Some(TlsConnector::from(Arc::new(config))) })
    }

    /// The address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connects.
    ///
    /// # Errors
    /// If nobody listens, or it is somebody else.
    pub async fn connect(&self) -> Result<Stream> {
        let stream = TcpStream::connect(self.address).await.context("connecting")?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(MaybeTlsStream::Plain(stream)) };
        let stream = tls.connect(ServerName::try_from(NAME)?, stream).await.context("TLS")?;
        Ok(MaybeTlsStream::Rustls(stream))
    }
}

/// A certificate that vouches for itself, and its key, in files.
#[derive(Debug, Clone)]
pub struct Certificate {
    der: CertificateDer<'static>,
    /// PEM of the certificate.
    pub certificate: PathBuf,
    /// PEM of the key.
    pub key: PathBuf,
}

impl Certificate {
    /// Makes one.
    ///
    /// # Errors
    /// If the files cannot be written.
    pub fn make(dir: &Path) -> Result<Self> {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
        let (certificate, key) = (dir.join("certificate.pem"), dir.join("key.pem"));
        std::fs::write(&certificate, made.cert.pem())?;
        std::fs::write(&key, made.signing_key.serialize_pem())?;
        Ok(Self { der: made.cert.der().clone(), certificate, key })
    }
}
