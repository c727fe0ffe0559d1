//! Certificates from an ACME authority (RFC 8555), proven by TLS-ALPN-01 (RFC 8737): the authority connects to port 443
//! of the domain and finds a certificate made for that moment. So no other port and no web server is needed.
//!
//! The account's key and the certificate are kept, so that a restart asks the authority for nothing: it gives only so
//! many certificates a week.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::ResolvesServerCert;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_acme::{AccountCache, AcmeConfig, AcmeState, CertCache, EventError, EventOk};
use sha2::{Digest as _, Sha256};

use super::{TlsError, validity};
use crate::clock::{Clock, format_utc};
use crate::config::Acme;
use crate::paths::shown;
use crate::private;

/// Pauses after failures in a row; the last one goes on. Public authorities refuse a domain that has failed five times
/// within an hour.
const PAUSES: [Duration; 3] = [Duration::from_secs(10), Duration::from_secs(60), Duration::from_secs(900)];

/// What an administrator can do about a failure.
const ADVICE: &str = "the authority connects to port 443 of each domain: see that the names lead to this machine and that \
                      port 443 leads to this server; the next attempt comes by itself";

/// The certificate of these domains, and its renewal.
pub(super) struct Authority {
    state: AcmeState<io::Error>,
    domains: String,
}

impl Authority {
    pub(super) fn new(config: &Acme, clock: Clock) -> Result<Self, TlsError> {
        let unusable = |source| TlsError::File { path: shown(&config.cache_path), source };
        private::folder(&config.cache_path).map_err(unusable)?;
        private::restrict(&config.cache_path, 0o700).map_err(unusable)?;
        let cache = Cache { folder: config.cache_path.clone(), clock };
        let acme = if config.ca_path.as_os_str().is_empty() {
            AcmeConfig::new(&config.domains)
        } else {
            AcmeConfig::new_with_client_config(&config.domains, Arc::new(client(&config.ca_path)?))
        };
        let contact = (!config.contact_email.is_empty()).then(|| format!("mailto:{}", config.contact_email));
        let acme = acme.contact(contact).directory(&config.directory_url).cache(cache);
        Ok(Self { state: acme.state(), domains: config.domains.join(", ") })
    }

    pub(super) fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        self.state.resolver()
    }

    /// Settings for connections in which the authority looks for its proof.
    pub(super) fn challenge_config(&self) -> Arc<ServerConfig> {
        self.state.challenge_rustls_config()
    }

    /// Gets the certificate, and renews it when two thirds of its time are over. Never ends.
    pub(super) async fn keep(mut self) {
        let mut failures = 0;
        while let Some(event) = self.state.next().await {
            let domains = &self.domains;
            match event {
                Ok(EventOk::DeployedNewCert) => {
                    failures = 0;
                    tracing::info!(domains, "a new certificate serves from now on; it is renewed by itself");
                }
                Ok(EventOk::DeployedCachedCert) => tracing::info!(domains, "the certificate that was kept serves"),
                Ok(EventOk::CertCacheStore) => tracing::debug!("the certificate is kept"),
                Ok(EventOk::AccountCacheStore) => tracing::info!("a new account for the certificate authority is kept"),
                // Authorities may refuse any request once for the age of its nonce; begun again at once, it works.
                Err(EventError::Order(error)) if error.to_string().contains("error:badNonce") => {
                    tracing::info!(domains, "the authority wants the request once more");
                }
                Err(EventError::Order(error)) => {
                    let pause = *PAUSES.get(failures).unwrap_or(&PAUSES[PAUSES.len() - 1]);
                    failures += 1;
                    tracing::error!(
                        domains,
                        error = &error as &dyn std::error::Error,
                        pause_seconds = pause.as_secs(),
                        "no certificate from the authority: {ADVICE}"
                    );
                    tokio::time::sleep(pause).await;
                }
                Err(error) => {
                    tracing::error!(
                        domains,
                        error = &error as &dyn std::error::Error,
                        "the folder of certificates (tls.acme.cache_path) cannot be used as it should"
                    );
                }
            }
        }
    }
}

/// Trusts only these roots.
fn client(ca_path: &Path) -> Result<ClientConfig, TlsError> {
    let unreadable =
        |error| TlsError::File { path: shown(ca_path), source: io::Error::new(io::ErrorKind::InvalidData, error) };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca_path).map_err(unreadable)? {
        roots.add(certificate.map_err(unreadable)?).map_err(TlsError::Pair)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(TlsError::Library)?.with_root_certificates(roots).with_no_client_auth())
}

/// Two files in a folder that is nobody else's, named by what they are for.
struct Cache {
    folder: PathBuf,
    clock: Clock,
}

impl Cache {
    fn path(&self, kind: &str, names: &[String], directory_url: &str) -> PathBuf {
        let mut hash = Sha256::new();
        for name in names {
            hash.update(name);
            hash.update([0]);
        }
        hash.update(directory_url);
        let digest: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(format!("{kind}-{digest}.pem"))
    }

    async fn load(path: PathBuf) -> io::Result<Option<Vec<u8>>> {
        match tokio::fs::read(path).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// As a whole or not at all.
    async fn store(path: PathBuf, bytes: Vec<u8>) -> io::Result<()> {
        let written = tokio::task::spawn_blocking(move || {
            let part = path.with_extension("part");
            match std::fs::remove_file(&part) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = private::file(&part)?;
            io::Write::write_all(&mut file, &bytes)?;
            file.sync_all()?;
            std::fs::rename(&part, &path)
        });
        written.await.map_err(io::Error::other)?
    }
}

#[async_trait]
impl CertCache for Cache {
    type EC = io::Error;

    async fn load_cert(&self, domains: &[String], directory_url: &str) -> io::Result<Option<Vec<u8>>> {
        let found = Self::load(self.path("certificate", domains, directory_url)).await?;
        let ends = found.as_ref().and_then(|pem| CertificateDer::from_pem_slice(pem).ok());
        if let Some(validity) = ends.and_then(|certificate| validity(&certificate))
            && !validity.covers(self.clock.now())
        {
            // Served until a new one is here: a certificate that is over is no worse than none.
            let until = format_utc(validity.until).unwrap_or_default();
            tracing::warn!(valid_until = until, "the certificate that was kept is over; a new one is asked for");
        }
        Ok(found)
    }

    async fn store_cert(&self, domains: &[String], directory_url: &str, cert: &[u8]) -> io::Result<()> {
        Self::store(self.path("certificate", domains, directory_url), cert.to_vec()).await
    }
}

#[async_trait]
impl AccountCache for Cache {
    type EA = io::Error;

    async fn load_account(&self, contact: &[String], directory_url: &str) -> io::Result<Option<Vec<u8>>> {
        Self::load(self.path("account", contact, directory_url)).await
    }

    async fn store_account(&self, contact: &[String], directory_url: &str, account: &[u8]) -> io::Result<()> {
        Self::store(self.path("account", contact, directory_url), account.to_vec()).await
    }
}
