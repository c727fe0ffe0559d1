//! Certificates from a real ACME authority (`pebble`), which looks for its proof on the server's own port.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use privmsg_blackbox::{Program, find, free_port};
use privmsg_harness::wait::{PATIENCE, until};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::version;
use serde_json::json;

use super::tls::{Authority, Server, connect, get, shown};

const NAME: &str = "chat.privmsg.test";

/// The authority, and the names that it looks up.
struct Pebble {
    _names: Program,
    program: Program,
    directory_url: String,
    management: u16,
    own: Authority,
}

impl Pebble {
    /// Looks for proofs on `port`. Its certificates are valid for `validity` seconds; of all requests it refuses
    /// `refusals` per cent at first, as the protocol allows it to.
    async fn start(folder: &Path, port: u16, validity: u64, refusals: u8) -> Result<Self> {
        let (listen, management, dns) = (free_port()?, free_port()?, free_port()?);
        let own = Authority::new()?;
        let (cert, key) = own.pair("localhost", 2090)?;
        std::fs::write(folder.join("pebble-cert.pem"), cert)?;
        std::fs::write(folder.join("pebble-key.pem"), key)?;
        std::fs::write(folder.join("pebble-ca.pem"), own.pem())?;
        let config = json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{listen}"),
            "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": folder.join("pebble-cert.pem"),
            "privateKey": folder.join("pebble-key.pem"),
            "httpPort": free_port()?,
            "tlsPort": port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": false,
            "certificateValidityPeriod": validity,
        }});
        std::fs::write(folder.join("pebble.json"), config.to_string())?;
        let mut names = Command::new(find("pebble-challtestsrv", "pebble")?);
        names.args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", ""]);
        names.arg("-dns01").arg(format!("127.0.0.1:{dns}"));
        names.arg("-management").arg(format!("127.0.0.1:{}", free_port()?));
        let mut names = Program::start(&mut names, &folder.join("names.log"))?;
        names.listens(dns).await?;
        let mut command = Command::new(find("pebble", "pebble")?);
        command.arg("-config").arg(folder.join("pebble.json"));
        command.arg("-dnsserver").arg(format!("127.0.0.1:{dns}"));
        command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_WFE_NONCEREJECT", refusals.to_string());
        let mut program = Program::start(&mut command, &folder.join("pebble.log"))?;
        program.listens(listen).await?;
        program.listens(management).await?;
        let directory_url = format!("https://localhost:{listen}/dir");
        Ok(Self { _names: names, program, directory_url, management, own })
    }

    /// The root of the certificates that it gives.
    async fn root(&self) -> Result<CertificateDer<'static>> {
        let address = ([127, 0, 0, 1], self.management).into();
        let mut stream = connect(address, "localhost", &[self.own.root()], &[&version::TLS13]).await?;
        let pem = get(&mut stream, "localhost", "/roots/0").await?;
        Ok(CertificateDer::from_pem_slice(pem.as_bytes())?)
    }
}

fn settings(folder: &Path, directory_url: &str) -> Vec<(&'static str, String)> {
    vec![
        ("PRIVMSG_TLS_ACME_DOMAINS", NAME.to_owned()),
        ("PRIVMSG_TLS_ACME_CONTACT_EMAIL", "admin@privmsg.test".to_owned()),
        ("PRIVMSG_TLS_ACME_CACHE_PATH", folder.join("acme").display().to_string()),
        ("PRIVMSG_TLS_ACME_DIRECTORY_URL", directory_url.to_owned()),
        ("PRIVMSG_TLS_ACME_CA_PATH", folder.join("pebble-ca.pem").display().to_string()),
    ]
}

#[tokio::test]
async fn a_certificate_comes_by_itself_and_is_kept() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    let mut pebble = Pebble::start(folder.path(), port, 86_400, 0).await?;
    let settings = settings(folder.path(), &pebble.directory_url);
    let mut server = Server::start(folder.path(), port, &settings).await?;
    server.logs("a new certificate serves from now on").await.with_context(|| pebble.program.log())?;
    let roots = [pebble.root().await?];
    let mut stream = connect(server.address, NAME, &roots, &[&version::TLS13]).await?;
    let first = shown(&stream)?;
    assert!(get(&mut stream, NAME, "/health").await?.contains("ok"));
    let stream = connect(server.address, NAME, &roots, &[&version::TLS12]).await?;
    let (_socket, answer) = tokio_tungstenite::client_async(format!("wss://{NAME}/ws"), stream).await?;
    assert_eq!(answer.status(), 101);

    // The secrets are for nobody else, and a start asks the authority, which is not even there, for nothing.
    until("the certificate is kept", PATIENCE, || async {
        Ok((std::fs::read_dir(folder.path().join("acme"))?.count() == 2).then_some(()))
    })
    .await?;
    #[cfg(unix)]
    for entry in std::fs::read_dir(folder.path().join("acme"))? {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(entry?.metadata()?.permissions().mode() & 0o777, 0o600);
    }
    server.program.stop().await?;
    pebble.program.stop().await?;
    let server = Server::start(folder.path(), port, &settings).await?;
    server.logs("the certificate that was kept serves").await?;
    assert_eq!(shown(&connect(server.address, NAME, &roots, &[&version::TLS13]).await?)?, first);
    Ok(())
}

/// The certificates are valid for half a minute, and some requests are refused at first, so the server has to ask again.
#[tokio::test]
async fn a_certificate_is_renewed_in_time() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    let pebble = Pebble::start(folder.path(), port, 30, 5).await?;
    let server = Server::start(folder.path(), port, &settings(folder.path(), &pebble.directory_url)).await?;
    server.logs("a new certificate serves from now on").await.with_context(|| pebble.program.log())?;
    let roots = [pebble.root().await?];
    let first = shown(&connect(server.address, NAME, &roots, &[&version::TLS13]).await?)?;
    let renewed = until("another certificate", PATIENCE * 2, || async {
        let Ok(stream) = connect(server.address, NAME, &roots, &[&version::TLS13]).await else { return Ok(None) };
        Ok(Some(shown(&stream)?).filter(|now| *now != first))
    });
    renewed.await.with_context(|| server.program.log()).map(drop)
}

#[tokio::test]
async fn what_fails_is_said_with_what_to_do() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // The authority looks elsewhere, as it does where a port is not mapped.
    let pebble = Pebble::start(folder.path(), free_port()?, 86_400, 0).await?;
    let server = Server::start(folder.path(), free_port()?, &settings(folder.path(), &pebble.directory_url)).await?;
    server.logs("port 443").await
}
