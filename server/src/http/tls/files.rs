//! A certificate from files, read again when they change.
//!
//! Programs that renew certificates replace the two files one after the other, or a link to them, while the server
//! runs. So the contents are compared, not names or times; what does not fit together is left alone until it does, and
//! the certificate of before serves on. Connections that are open keep the keys that they have.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};

use super::{TlsError, Validity, validity};
use crate::clock::{Clock, format_utc};
use crate::paths::shown;

/// Days before its end at which the log begins to ask for a new certificate: those who renew by themselves have done so
/// by then.
const SHORT: i64 = 14;

/// How often the log says so.
const REMINDER: i64 = 24 * 3600;

/// What was in the two files.
type Print = [u8; 32];

/// A pair of files and the certificate that serves.
#[derive(Debug)]
pub(super) struct CertificateFiles {
    cert_path: PathBuf,
    key_path: PathBuf,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    serving: Arc<CertifiedKey>,
    validity: Option<Validity>,
    /// The contents that were looked at last, whether they were taken or not.
    seen: Option<Print>,
    reminded_at: i64,
}

/// A pair that fits together.
struct Pair {
    certified: CertifiedKey,
    validity: Option<Validity>,
}

/// What a look at the files has shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Look {
    Same,
    Taken,
    Refused,
}

impl CertificateFiles {
    pub(super) fn open(cert_path: &Path, key_path: &Path, clock: Clock) -> Result<Self, TlsError> {
        let (cert, key) = (read(cert_path)?, read(key_path)?);
        let pair = pair(cert_path, &cert, key_path, &key)?;
        let state = State {
            serving: Arc::new(pair.certified),
            validity: pair.validity,
            seen: Some(print(&cert, &key)),
            reminded_at: i64::MIN,
        };
        let files =
            Self { cert_path: cert_path.to_owned(), key_path: key_path.to_owned(), clock, state: Mutex::new(state) };
        files.remind();
        Ok(files)
    }

    /// Takes what is in the files if that is new and good.
    pub(super) fn look(&self) -> Look {
        let read = read(&self.cert_path).and_then(|cert| Ok((cert, read(&self.key_path)?)));
        let (seen, pair) = match &read {
            Ok((cert, key)) => {
                let seen = print(cert, key);
                if self.state().seen == Some(seen) {
                    return Look::Same;
                }
                (Some(seen), pair(&self.cert_path, cert, &self.key_path, key))
            }
            // Said once, and again when it has been there in between.
            Err(_) if self.state().seen.is_none() => return Look::Same,
            Err(error) => {
                self.state().seen = None;
                refuse(error);
                return Look::Refused;
            }
        };
        let mut state = self.state();
        state.seen = seen;
        let now = self.clock.now();
        match pair {
            Ok(pair) if over(pair.validity, now) && !over(state.validity, now) => {
                tracing::error!("the new certificate is not valid now; the one of before serves on");
                Look::Refused
            }
            Ok(pair) => {
                state.serving = Arc::new(pair.certified);
                state.validity = pair.validity;
                state.reminded_at = i64::MIN;
                let until = pair.validity.and_then(|validity| format_utc(validity.until)).unwrap_or_default();
                tracing::info!(valid_until = until, "a new certificate serves from now on");
                Look::Taken
            }
            Err(error) => {
                refuse(&error);
                Look::Refused
            }
        }
    }

    /// Asks for a new certificate while there is still time, once a day.
    pub(super) fn remind(&self) {
        let now = self.clock.now();
        let mut state = self.state();
        let Some(validity) = state.validity else { return };
        let days_left = validity.days_left(now);
        if days_left >= SHORT || now < state.reminded_at.saturating_add(REMINDER) {
            return;
        }
        state.reminded_at = now;
        let until = format_utc(validity.until).unwrap_or_default();
        if validity.covers(now) {
            tracing::warn!(valid_until = until, days_left, "the certificate ends soon: renew it");
        } else {
            tracing::error!(valid_until = until, "the certificate is not valid now; clients refuse it: renew it");
        }
    }

    /// The certificate for the next handshake.
    pub(super) fn serving(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.state().serving)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for CertificateFiles {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.serving())
    }
}

/// Looks at the files again and again, and when the process gets SIGHUP. Never ends.
pub(super) async fn keep(files: Arc<CertificateFiles>, every: Duration) {
    let mut signals = Hangups::new();
    loop {
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = signals.next() => tracing::info!("asked to read the certificate again"),
        }
        let files = Arc::clone(&files);
        let looked = tokio::task::spawn_blocking(move || {
            files.look();
            files.remind();
        });
        if looked.await.is_err() {
            tracing::error!("looking at the certificate failed");
        }
    }
}

/// Takes SIGHUP, and does nothing about it.
pub(super) async fn absorb_signals() {
    let mut signals = Hangups::new();
    loop {
        signals.next().await;
        tracing::info!("SIGHUP: there are no certificate files to read again");
    }
}

#[cfg(unix)]
struct Hangups(Option<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Hangups {
    fn new() -> Self {
        let signal = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup());
        if let Err(error) = &signal {
            tracing::warn!(error = error as &dyn std::error::Error, "SIGHUP will not be noticed");
        }
        Self(signal.ok())
    }

    async fn next(&mut self) {
        if let Some(signal) = &mut self.0
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}

#[cfg(not(unix))]
struct Hangups;

#[cfg(not(unix))]
impl Hangups {
    const fn new() -> Self {
        Self
    }

    async fn next(&mut self) {
        std::future::pending().await
    }
}

fn refuse(error: &TlsError) {
    tracing::error!(
        error = error as &dyn std::error::Error,
        "the new certificate cannot be used; the one of before serves on"
    );
}

/// Whether a certificate is known not to hold now.
fn over(validity: Option<Validity>, now: i64) -> bool {
    validity.is_some_and(|validity| !validity.covers(now))
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::File { path: shown(path), source })
}

fn pair(cert_path: &Path, cert: &[u8], key_path: &Path, key: &[u8]) -> Result<Pair, TlsError> {
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(cert).collect::<Result<_, _>>().map_err(|error| not_pem(cert_path, error))?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| not_pem(key_path, error))?;
    let Some(validity) = certificates.first().map(validity) else {
        return Err(not_pem(cert_path, rustls::pki_types::pem::Error::NoItemsFound));
    };
    let certified = CertifiedKey::new(certificates, any_supported_type(&key).map_err(TlsError::Pair)?);
    certified.keys_match().map_err(TlsError::Pair)?;
    Ok(Pair { certified, validity })
}

fn not_pem(path: &Path, error: rustls::pki_types::pem::Error) -> TlsError {
    let source = std::io::Error::new(std::io::ErrorKind::InvalidData, error);
    TlsError::File { path: shown(path), source }
}

/// The contents, shortened; of the key too, so it is compared and not kept.
fn print(cert: &[u8], key: &[u8]) -> Print {
    let mut hash = Sha256::new();
    hash.update(u64::try_from(cert.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(cert);
    hash.update(key);
    hash.finalize().into()
}
