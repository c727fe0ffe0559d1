//! From an empty folder to a server with a relay for calls: `init`, a real coturn with the file that it wrote, and
//! `doctor`, which tries the relay as a client does.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use privmsg_blackbox::{Program, find, free_port};
use privmsg_harness::binaries;
use privmsg_harness::http::Http;
use privmsg_harness::wait::{PATIENCE, until};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// A folder that has been set up, the ports of its programs, and what `init` said.
struct Setup {
    folder: TempDir,
    port: u16,
    turn: u16,
    turns: u16,
    said: Value,
}

impl Setup {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
        let (chain, key) = (folder.path().join("chain.pem"), folder.path().join("key.pem"));
        std::fs::write(&chain, certificate.cert.pem())?;
        std::fs::write(&key, certificate.signing_key.serialize_pem())?;
        let output = Command::new(binaries::server()?)
            .args(["init", "--native", "--yes", "--json", "--dir"])
            .arg(folder.path())
            .arg("--data")
            .arg(folder.path().join("data"))
            .arg("--turn-cert")
            .arg(&chain)
            .arg("--turn-key")
            .arg(&key)
            .output()?;
        ensure!(output.status.success(), "{output:?}");
        let said = serde_json::from_slice(&output.stdout)?;
        Ok(Self { folder, port: free_port()?, turn: free_port()?, turns: free_port()?, said })
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// The program with the written configuration, but for the ports, which the tests share with everything else here.
    fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(binaries::server()?);
        let (turn, turns) = (self.turn, self.turns);
        let urls = format!(
            "turn:localhost:{turn}?transport=udp,turn:localhost:{turn}?transport=tcp,turns:localhost:{turns}?transport=tcp"
        );
        command
            .args(arguments)
            .arg("--config")
            .arg(self.path("config/server/config.toml"))
            .env("LC_ALL", "C")
            .env("PRIVMSG_SERVER_PORT", self.port.to_string())
            .env("PRIVMSG_SERVER_PUBLIC_URL", format!("http://localhost:{}", self.port))
            .env("PRIVMSG_TURN_URLS", urls)
            .env("SSL_CERT_FILE", self.path("chain.pem"));
        Ok(command)
    }

    /// coturn with this configuration, on this machine alone.
    async fn coturn(&self, file: &Path) -> Result<Program> {
        let mut command = Command::new(find("turnserver", "coturn")?);
        command
            .arg("-c")
            .arg(file)
            .arg("--verbose")
            .args(["--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1"])
            .args(["--listening-port", &self.turn.to_string(), "--tls-listening-port", &self.turns.to_string()])
            .arg("--pidfile")
            .arg(self.path("turn.pid"))
            .arg("--userdb")
            .arg(self.path("turn.sqlite"))
            .current_dir(self.folder.path());
        let mut coturn = Program::start(&mut command, &self.path("coturn.log"))?;
        coturn.listens(self.turn).await?;
        coturn.listens(self.turns).await?;
        self.relay_answers().await?;
        Ok(coturn)
    }

    /// What listens may still take longer for its first answer than the doctor waits, on a busy machine: asks by STUN
    /// (RFC 8489, a binding request) until something comes.
    async fn relay_answers(&self) -> Result<()> {
        let mut request = [7; 20];
        request[..8].copy_from_slice(&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42]);
        let socket = UdpSocket::bind(("127.0.0.1", 0)).await?;
        until("the relay to answer", PATIENCE, || async {
            socket.send_to(&request, ("127.0.0.1", self.turn)).await?;
            let answer = timeout(Duration::from_secs(1), socket.recv(&mut [0; 512])).await;
            Ok(matches!(answer, Ok(Ok(1..))).then_some(()))
        })
        .await
    }

    async fn server(&self) -> Result<Program> {
        let mut server = Program::start(&mut self.command(&["run"])?, &self.path("server.log"))?;
        server.listens(self.port).await?;
        Ok(server)
    }

    fn doctor(&self, arguments: &[&str]) -> Result<(Output, Value)> {
        let output = self.command(&[&["doctor", "--json"], arguments].concat())?.output()?;
        let report = serde_json::from_slice(&output.stdout).with_context(|| format!("{output:?}"))?;
        Ok((output, report))
    }
}

/// The check of this name, or the first whose name begins so.
fn check<'a>(report: &'a Value, id: &str) -> &'a Value {
    let checks = report["checks"].as_array().expect("a list of checks");
    checks.iter().find(|check| check["id"].as_str().is_some_and(|name| name.starts_with(id))).unwrap_or(&Value::Null)
}

/// All is well, but for the backups, which are the administrator's to decide.
fn is_well(report: &Value) -> bool {
    let passes = |check: &Value| check["status"] == if check["id"] == "backup" { "warn" } else { "pass" };
    report["checks"].as_array().is_some_and(|checks| checks.iter().all(passes))
}

#[tokio::test]
async fn what_init_writes_works_and_the_doctor_finds_all_well() -> Result<()> {
    let setup = Setup::new()?;
    let coturn = setup.coturn(&setup.path("config/coturn/turnserver.conf")).await?;
    let mut server = setup.server().await?;

    let (output, report) = setup.doctor(&[])?;
    ensure!(output.status.success() && is_well(&report), "{report:#}\n{}", coturn.log());
    for way in ["udp", "tcp", "tls"] {
        let checks = report["checks"].as_array().context("checks")?;
        let tried = checks.iter().filter(|check| check["id"].as_str().is_some_and(|id| id.ends_with(way))).count();
        ensure!(tried == 1, "{way}: {report:#}");
    }
    // It gave back what it had allocated: the relay says so of all three.
    ensure!(coturn.log().matches("lifetime=0").count() >= 3, "{}", coturn.log());

    // The console gets the same from the server itself.
    let key = setup.said["admin_key"].as_str().context("an admin key")?;
    let address: std::net::SocketAddr = ([127, 0, 0, 1], setup.port).into();
    let asked = |key: String| async move {
        Http::connect(address).await?.send("GET", "/api/v1/admin/doctor", Some(&key), &json!({})).await
    };
    let inside: Value = asked(key.to_owned()).await?.json()?;
    ensure!(is_well(&inside), "{inside:#}");
    ensure!(check(&inside, "turns:")["summary"]["ru"].as_str().is_some_and(|text| text.contains("отвечает")));
    ensure!(asked("wrong".to_owned()).await?.status == 403 || asked("wrong".to_owned()).await?.status == 401);

    // The first user, and then the health check of a container.
    let made =
        setup.command(&["generate-key", "--user-id", "alice", "--json"])?.env("PRIVMSG_ADMIN_KEY", key).output()?;
    ensure!(made.status.success(), "{made:?}");
    ensure!(setup.command(&["health"])?.output()?.status.success());
    server.stop().await?;
    let silent = setup.command(&["health"])?.output()?;
    ensure!(silent.status.code() == Some(7), "{silent:?}");
    let (output, report) = setup.doctor(&[])?;
    ensure!(output.status.success(), "a server that is not running is no fault: {report:#}");
    Ok(())
}

/// Whoever has an account could reach this machine and the networks behind it through the relay: as the file once shipped, by
/// every address of IPv4 that is written as one of IPv6. `doctor` asks the relay itself.
#[tokio::test]
async fn a_relay_that_lets_through_to_its_own_networks_is_found() -> Result<()> {
    let setup = Setup::new()?;
    let written = std::fs::read_to_string(setup.path("config/coturn/turnserver.conf"))?;
    let without = |unwanted: &str| -> String {
        written.lines().filter(|line| !line.starts_with(unwanted)).map(|line| format!("{line}\n")).collect()
    };
    for (unwanted, finds) in [("denied-peer-ip=10.", "10.0.0.1"), ("denied-peer-ip=169.254.", "169.254.169.254")] {
        let file = setup.path("open.conf");
        std::fs::write(&file, without(unwanted))?;
        let coturn = setup.coturn(&file).await?;
        let (output, report) = setup.doctor(&[])?;
        let found = check(&report, "relayed");
        ensure!(output.status.code() == Some(7) && found["status"] == "fail", "{unwanted}: {report:#}");
        ensure!(found["summary"]["en"].as_str().is_some_and(|text| text.ends_with(finds)), "{unwanted}: {found:#}");
        drop(coturn);
    }
    // To coturn `::` is any address: with such a line there is no call at all.
    let file = setup.path("shut.conf");
    std::fs::write(&file, format!("{written}denied-peer-ip=::-::ffff:ffff:ffff\n"))?;
    let _coturn = setup.coturn(&file).await?;
    let (_, report) = setup.doctor(&[])?;
    let found = check(&report, "relayed");
    ensure!(found["status"] == "fail" && found["summary"]["en"].to_string().contains("9.9.9.9"), "{found:#}");
    Ok(())
}

#[tokio::test]
async fn different_secrets_are_found_in_the_files_and_by_the_relay() -> Result<()> {
    let setup = Setup::new()?;
    let written = std::fs::read_to_string(setup.path("config/coturn/turnserver.conf"))?;
    let lines = written.lines().map(|line| match line.split_once('=') {
        Some(("static-auth-secret", _)) => "static-auth-secret=another secret of another file",
        _ => line,
    });
    let other = setup.path("other.conf");
    std::fs::write(&other, lines.collect::<Vec<_>>().join("\n"))?;
    let coturn = setup.coturn(&other).await?;

    let (output, report) = setup.doctor(&["--coturn", other.to_str().context("a path")?])?;
    ensure!(output.status.code() == Some(7) && report["status"] == "fail", "{report:#}");
    ensure!(check(&report, "secrets")["status"] == "fail", "{report:#}");
    for id in ["turn:", "turns:"] {
        let refused = check(&report, id);
        ensure!(refused["status"] == "fail", "{report:#}\n{}", coturn.log());
        ensure!(refused["summary"]["en"].as_str().is_some_and(|text| text.contains("secret")), "{refused:#}");
        ensure!(
            refused["advice"]["en"].as_str().is_some_and(|text| text.contains("static-auth-secret")),
            "{refused:#}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_relay_that_is_off_is_named_with_what_to_do() -> Result<()> {
    let setup = Setup::new()?;
    let (output, report) = setup.doctor(&[])?;
    ensure!(output.status.code() == Some(7), "{report:#}");
    ensure!(check(&report, "secrets")["status"] == "pass", "{report:#}");
    for id in ["turn:", "turns:"] {
        let silent = check(&report, id);
        ensure!(silent["status"] == "fail", "{report:#}");
        ensure!(silent["advice"]["en"].as_str().is_some_and(|text| text.contains("Start coturn")), "{silent:#}");
    }
    let russian = setup.command(&["doctor"])?.env("LC_ALL", "ru_RU.UTF-8").output()?;
    let text = String::from_utf8(russian.stdout)?;
    ensure!(text.contains("Запустите coturn") && !text.contains('\u{1b}'), "{text}");
    Ok(())
}

/// TLS with a certificate that nobody vouches for is not what a client would use.
#[tokio::test]
async fn an_untrusted_certificate_of_the_relay_is_found() -> Result<()> {
    let setup = Setup::new()?;
    let _coturn = setup.coturn(&setup.path("config/coturn/turnserver.conf")).await?;
    let empty = setup.path("nobody.pem");
    std::fs::write(&empty, "")?;
    let output = setup.command(&["doctor", "--json"])?.env("SSL_CERT_FILE", &empty).output()?;
    let report: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(check(&report, "turn:")["status"] == "pass", "{report:#}");
    ensure!(check(&report, "turns:")["status"] == "fail", "{report:#}");
    ensure!(check(&report, "turns:")["summary"]["en"].as_str().is_some_and(|text| text.contains("TLS")), "{report:#}");
    Ok(())
}

#[test]
fn init_overwrites_nothing_but_untouched_examples() -> Result<()> {
    let setup = Setup::new()?;
    let file = setup.path("config/server/config.toml");
    let before = std::fs::read(&file)?;
    let again = |folder: &Path| {
        Command::new(binaries::server()?)
            .args(["init", "--native", "--yes", "--dir"])
            .arg(folder)
            .env("LC_ALL", "C")
            .output()
            .map_err(anyhow::Error::from)
    };
    let refused = again(setup.folder.path())?;
    ensure!(refused.status.code() == Some(6), "{refused:?}");
    ensure!(String::from_utf8_lossy(&refused.stderr).contains("config.toml"), "{refused:?}");
    ensure!(std::fs::read(&file)? == before);

    // As in a fresh copy of the repository.
    let fresh = tempfile::tempdir()?;
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for name in ["config/server/config.toml", "config/coturn/turnserver.conf"] {
        let to = fresh.path().join(name);
        std::fs::create_dir_all(to.parent().context("a folder")?)?;
        std::fs::copy(repository.join(name), &to)?;
    }
    let written = again(fresh.path())?;
    ensure!(written.status.success(), "{written:?}");
    for name in ["config/server/config.toml", "config/coturn/turnserver.conf"] {
        let path = fresh.path().join(name);
        ensure!(!std::fs::read_to_string(&path)?.contains("PUT_YOUR"), "{name}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            ensure!(path.metadata()?.permissions().mode() & 0o777 == 0o600, "{name}");
        }
    }
    Ok(())
}
