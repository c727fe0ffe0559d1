//! The smallest client that can ask `/health`: over plain TCP or TLS, one request, a short answer.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::patient::local_address;
use crate::causes::with_causes;
use crate::config::Config;

/// Longest that the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(4);

/// Most bytes that are read of an answer.
const LONGEST_ANSWER: u64 = 16 * 1024;

/// Why there was no answer of the right kind.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("no connection")]
    Connect(#[source] io::Error),
    #[error("no TLS")]
    Tls(#[source] io::Error),
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
    #[error("the answer broke off")]
    Broken(#[source] io::Error),
    #[error("no answer in time")]
    Slow,
    #[error("something else answered")]
    Foreign,
}

/// Whom to believe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// Those that this machine trusts, as clients do. `SSL_CERT_FILE` adds a private authority.
    System,
    /// Anybody: to ask on this machine itself, where the certificate is for another name.
    Anybody,
}

/// Whether the server of this configuration answers on this machine.
pub(crate) async fn own_health(config: &Config) -> Result<(), HttpError> {
    let tls = &config.tls;
    let name = tls.acme.domains.first().map_or("localhost", String::as_str);
    let encrypted = does_tls(config).then_some((name, Trust::Anybody));
    ask(local_address(config), encrypted, name, "").await.map(drop)
}

/// Whether the server itself does TLS.
pub(super) fn does_tls(config: &Config) -> bool {
    !config.tls.cert_path.as_os_str().is_empty() || !config.tls.acme.domains.is_empty()
}

/// Asks `/health` at this address, below a path if there is one. A proxy has many sites behind one address, and goes by the
/// name that is asked for. Returns the certificate that was shown.
pub(super) async fn ask(
    address: SocketAddr,
    tls: Option<(&str, Trust)>,
    authority: &str,
    path: &str,
) -> Result<Option<CertificateDer<'static>>, HttpError> {
    timeout(PATIENCE, patiently(address, tls, authority, path)).await.map_err(|_| HttpError::Slow)?
}

async fn patiently(
    address: SocketAddr,
    tls: Option<(&str, Trust)>,
    authority: &str,
    path: &str,
) -> Result<Option<CertificateDer<'static>>, HttpError> {
    let stream = TcpStream::connect(address).await.map_err(HttpError::Connect)?;
    match tls {
        None => health(authority, path, stream).await.map(|()| None),
        Some((name, trust)) => {
            let stream = handshake(stream, name, trust).await?;
            let certificate = certificate(&stream);
            health(authority, path, stream).await.map(|()| certificate)
        }
    }
}

async fn health(authority: &str, path: &str, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), HttpError> {
    let request = format!("GET {path}/health HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(HttpError::Broken)?;
    let mut answer = Vec::new();
    match stream.take(LONGEST_ANSWER).read_to_end(&mut answer).await {
        // A TLS connection that ends without a farewell has said what it had to say.
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(HttpError::Broken(error)),
        _ => {}
    }
    let answer = String::from_utf8_lossy(&answer);
    let well = answer.starts_with("HTTP/1.1 200") && answer.contains("\"status\":\"ok\"");
    if well { Ok(()) } else { Err(HttpError::Foreign) }
}

/// TLS as a client does it.
pub(super) async fn handshake(stream: TcpStream, name: &str, trust: Trust) -> Result<TlsStream<TcpStream>, HttpError> {
    let connector = TlsConnector::from(Arc::new(client(trust).map_err(HttpError::Setup)?));
    let name = ServerName::try_from(name.to_owned()).map_err(|error| HttpError::Tls(io::Error::other(error)))?;
    connector.connect(name, stream).await.map_err(HttpError::Tls)
}

/// Why there is no TLS, in words: what the library says is for those who write programs.
pub(super) fn tls_trouble(error: &HttpError) -> (String, String) {
    let HttpError::Tls(io) = error else { return (with_causes(error), with_causes(error)) };
    let found = io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let (en, ru) = match found {
        Some(rustls::Error::InvalidCertificate(wrong)) => match wrong {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                ("its certificate has expired", "срок его сертификата истёк")
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
                "its certificate is not valid yet; look at the clocks",
                "его сертификат ещё не действует; проверьте часы",
            ),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                ("its certificate is for another name", "его сертификат выдан на другое имя")
            }
            CertificateError::UnknownIssuer => (
                "its certificate is of an authority that clients do not know, or the file holds less than the whole chain",
                "его сертификат выдан неизвестным клиентам центром, или в файле не вся цепочка",
            ),
            CertificateError::Revoked => ("its certificate has been revoked", "его сертификат отозван"),
            // An authority's own certificate in the place of a server's, and the like.
            _ if format!("{wrong:?}").contains("CaUsedAsEndEntity") => (
                "it shows the certificate of an authority in place of one of its own",
                "вместо собственного сертификата он показывает сертификат центра сертификации",
            ),
            _ => ("its certificate is not one for a server", "его сертификат не подходит для сервера"),
        },
        Some(rustls::Error::InvalidMessage(_)) => {
            ("what answers there does not speak TLS", "то, что там отвечает, не говорит на TLS")
        }
        Some(rustls::Error::AlertReceived(_)) => ("it breaks off the handshake", "он прерывает рукопожатие"),
        _ => return (with_causes(error), with_causes(error)),
    };
    (en.to_owned(), ru.to_owned())
}

/// The certificate that the other end has shown.
pub(super) fn certificate(stream: &TlsStream<TcpStream>) -> Option<CertificateDer<'static>> {
    Some(stream.get_ref().1.peer_certificates()?.first()?.clone().into_owned())
}

fn client(trust: Trust) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::System => Arc::new(Verifier::new(provider)?),
        Trust::Anybody => Arc::new(Anybody(provider)),
    };
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Looks at no name and no authority, only at whether the other end has the key of what it shows.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
