//! Encryption of connections by the server itself: with certificates from files ([`files`]), or with certificates that
//! it gets from an authority ([`acme`]).

mod acme;
mod certificate;
mod files;
mod pin;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::server::{Acceptor as HelloReader, NoServerSessionStorage, ResolvesServerCert};
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

pub(crate) use certificate::{Validity, validity};
pub(crate) use pin::own_fingerprint;

use self::acme::Authority;
use self::files::CertificateFiles;
use crate::clock::Clock;
use crate::config;

/// How often the files of the certificate are looked at: a renewed certificate is valid for weeks beside the old one,
/// and reading two small files costs nothing.
const LOOK: Duration = Duration::from_secs(30);

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
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
    /// The cryptographic library refuses.
    #[error("TLS cannot be set up")]
    Library(#[source] rustls::Error),
}

/// What encrypts connections, and what keeps its certificate fresh.
pub(crate) struct Tls {
    acceptor: Acceptor,
    upkeep: Upkeep,
}

enum Upkeep {
    Files(Arc<CertificateFiles>),
    Authority(Box<Authority>),
}

impl Tls {
    /// As configured; `None` for plain HTTP.
    pub(crate) fn new(config: &config::Tls, clock: &Clock) -> Result<Option<Self>, TlsError> {
        if !config.acme.domains.is_empty() {
            let authority = Authority::new(&config.acme, clock.clone())?;
            let acceptor = Acceptor {
                serving: Arc::new(serving(authority.resolver())?),
                challenge: Some(authority.challenge_config()),
            };
            return Ok(Some(Self { acceptor, upkeep: Upkeep::Authority(Box::new(authority)) }));
        }
        if config.cert_path.as_os_str().is_empty() {
            return Ok(None);
        }
        let files = Arc::new(CertificateFiles::open(&config.cert_path, &config.key_path, clock.clone())?);
        let acceptor = Acceptor { serving: Arc::new(serving(Arc::clone(&files) as _)?), challenge: None };
        Ok(Some(Self { acceptor, upkeep: Upkeep::Files(files) }))
    }

    pub(crate) fn acceptor(&self) -> Acceptor {
        self.acceptor.clone()
    }
}

/// Keeps the certificate fresh until the server stops. Also without TLS it is this that takes SIGHUP, whose default is
/// to end the process: whoever reloads everything after a renewal must not stop a server behind a proxy by it.
pub(crate) async fn keep(tls: Option<Tls>, stopping: &CancellationToken) {
    let upkeep = async {
        match tls.map(|tls| tls.upkeep) {
            None => files::absorb_signals().await,
            Some(Upkeep::Files(files)) => files::keep(files, LOOK).await,
            Some(Upkeep::Authority(authority)) => {
                tokio::join!(authority.keep(), files::absorb_signals());
            }
        }
    };
    tokio::select! {
        () = stopping.cancelled() => {}
        () = upkeep => {}
    }
}

/// Takes handshakes.
#[derive(Clone)]
pub(crate) struct Acceptor {
    serving: Arc<ServerConfig>,
    /// For the authority that looks whether the domain is ours.
    challenge: Option<Arc<ServerConfig>>,
}

impl Acceptor {
    /// The encrypted connection; `None` if it was the authority's, which has seen what it wanted.
    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<Option<TlsStream<TcpStream>>> {
        let hello = LazyConfigAcceptor::new(HelloReader::default(), stream).await?;
        if let Some(challenge) = &self.challenge
            && rustls_acme::is_tls_alpn_challenge(&hello.client_hello())
        {
            tracing::info!("the certificate authority has looked whether the domain is this server's");
            let mut stream = hello.into_stream(Arc::clone(challenge)).await?;
            tokio::io::AsyncWriteExt::shutdown(&mut stream).await?;
            return Ok(None);
        }
        hello.into_stream(Arc::clone(&self.serving)).await.map(Some)
    }
}

/// Settings for clients. Sessions are resumed by tickets that the client keeps, so that nothing is kept here for clients
/// that may never come back.
fn serving(certificates: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, TlsError> {
    let mut tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Library)?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    tls.session_storage = Arc::new(NoServerSessionStorage {});
    tls.ticketer = rustls::crypto::ring::Ticketer::new().map_err(TlsError::Library)?;
    tls.send_tls13_tickets = 1;
    Ok(tls)
}
