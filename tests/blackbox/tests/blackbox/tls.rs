//! Encryption by the server itself, with certificates from files.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use privmsg_blackbox::{Program, free_port, raw};
use privmsg_harness::binaries;
use privmsg_harness::wait::{PATIENCE, until};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::Message;

/// A certificate authority of the test's own.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    pub(crate) fn root(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Certificate and key for a name, valid until the beginning of that year.
    pub(crate) fn pair(&self, name: &str, until: i32) -> Result<(String, String)> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        Ok((params.signed_by(&key, &self.0)?.pem(), key.serialize_pem()))
    }
}

/// The built server with a configuration of its own, on a port of the loopback interface.
pub(crate) struct Server {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
}

impl Server {
    pub(crate) async fn start(folder: &Path, port: u16, settings: &[(&str, String)]) -> Result<Self> {
        let mut command = Command::new(binaries::server()?);
        command
            .arg("run")
            .current_dir(folder)
            .env("PRIVMSG_SERVER_PORT", port.to_string())
            .envs(settings.iter().map(|(name, value)| (name, value)));
        let mut program = Program::start(&mut command, &folder.join("server.log"))?;
        program.listens(port).await?;
        Ok(Self { program, address: SocketAddr::from(([127, 0, 0, 1], port)) })
    }

    /// Waits until its log has this.
    pub(crate) async fn logs(&self, text: &str) -> Result<()> {
        until("a line in the log", PATIENCE, || async { Ok(self.program.log().contains(text).then_some(())) })
            .await
            .with_context(|| format!("{text:?} is not in the log:\n{}", self.program.log()))
    }

    fn hang_up(&self) -> Result<()> {
        self.program.hangs_up()
    }
}

/// Connects as a client that trusts only these roots.
pub(crate) async fn connect(
    address: SocketAddr,
    name: &str,
    roots: &[CertificateDer<'static>],
    versions: &[&'static SupportedProtocolVersion],
) -> Result<TlsStream<TcpStream>> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.clone())?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)?
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(name.to_owned())?;
    Ok(TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
}

/// The certificate that the other end has shown.
pub(crate) fn shown(stream: &TlsStream<TcpStream>) -> Result<Vec<u8>> {
    Ok(stream.get_ref().1.peer_certificates().and_then(|chain| chain.first()).context("a certificate")?.to_vec())
}

/// One request; the answer as text.
pub(crate) async fn get(stream: &mut TlsStream<TcpStream>, name: &str, path: &str) -> Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = raw::parse(&answer).context("an answer")?;
    if answer.status != 200 {
        bail!("{path} is answered with {}", answer.status);
    }
    Ok(answer.text())
}

fn put(folder: &Path, (cert, key): &(String, String)) -> Result<()> {
    for (name, text) in [("cert.pem", cert), ("key.pem", key)] {
        std::fs::write(folder.join("new"), text)?;
        std::fs::rename(folder.join("new"), folder.join(name))?;
    }
    Ok(())
}

fn settings(folder: &Path) -> Vec<(&'static str, String)> {
    let path = |name: &str| -> String { PathBuf::from(folder).join(name).display().to_string() };
    vec![("PRIVMSG_TLS_CERT_PATH", path("cert.pem")), ("PRIVMSG_TLS_KEY_PATH", path("key.pem"))]
}

const NAME: &str = "chat.example";

#[tokio::test]
async fn a_new_certificate_serves_without_a_restart() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let authority = Authority::new()?;
    let roots = [authority.root()];
    put(folder.path(), &authority.pair(NAME, 2090)?)?;
    let server = Server::start(folder.path(), free_port()?, &settings(folder.path())).await?;
    for version in [&version::TLS13, &version::TLS12] {
        let mut stream = connect(server.address, NAME, &roots, &[version]).await?;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
        assert!(get(&mut stream, NAME, "/health").await?.contains("ok"));
    }
    let stream = connect(server.address, NAME, &roots, &[&version::TLS13]).await?;
    let first = shown(&stream)?;
    let (mut socket, _) = tokio_tungstenite::client_async(format!("wss://{NAME}/ws"), stream).await?;

    put(folder.path(), &authority.pair(NAME, 2091)?)?;
    server.hang_up()?;
    server.logs("a new certificate serves from now on").await?;
    let second = shown(&connect(server.address, NAME, &roots, &[&version::TLS13]).await?)?;
    assert_ne!(first, second);
    socket.send(Message::Ping("still there?".into())).await?;
    let pong = tokio::time::timeout(PATIENCE, socket.next()).await?.context("an answer")??;
    assert_eq!(pong, Message::Pong("still there?".into()), "an open connection lives on");

    std::fs::write(folder.path().join("key.pem"), "half a k")?;
    server.hang_up()?;
    server.logs("the new certificate cannot be used").await?;
    put(folder.path(), &authority.pair(NAME, 2021)?)?;
    server.hang_up()?;
    server.logs("the new certificate is not valid now").await?;
    let third = shown(&connect(server.address, NAME, &roots, &[&version::TLS13]).await?)?;
    assert_eq!(second, third, "the good one serves on");
    Ok(())
}

#[tokio::test]
async fn what_is_no_handshake_is_given_up() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let authority = Authority::new()?;
    put(folder.path(), &authority.pair(NAME, 2090)?)?;
    let server = Server::start(folder.path(), free_port()?, &settings(folder.path())).await?;
    let plain = raw::bytes(server.address, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
    assert!(!String::from_utf8_lossy(&plain).contains("HTTP"), "plain HTTP is closed");
    let begun = Instant::now();
    assert_eq!(raw::bytes(server.address, &[0x16, 0x03, 0x01]).await?, b"");
    let took = begun.elapsed();
    assert!(took > Duration::from_secs(5) && took < Duration::from_secs(30), "given up after {took:?}");
    let mut stream = connect(server.address, NAME, &[authority.root()], &[&version::TLS13]).await?;
    get(&mut stream, NAME, "/health").await.map(drop)
}

/// Renewal programs may tell every service to read again; one without certificates must not end by it.
#[tokio::test]
async fn a_server_without_tls_lives_through_a_hangup() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path(), free_port()?, &[]).await?;
    // It listens a moment before it takes signals.
    assert_eq!(raw::request(server.address, "GET", "/health", &[], b"").await?.status, 200);
    server.hang_up()?;
    server.logs("SIGHUP").await?;
    assert_eq!(raw::request(server.address, "GET", "/health", &[], b"").await?.status, 200);
    Ok(())
}
