//! A real nginx in front of the server: with the configuration of the documentation, and with the one in `deploy/`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use privmsg_blackbox::raw::{self, Answer};
use privmsg_blackbox::{Device, Program, Running, find, free_port};
use privmsg_harness::wait::{PATIENCE, until};
use serde_json::{Value, json};

use crate::line::Line;

/// As the documentation has always shown it.
const DOCUMENTED: &str = "server {
    listen 80;
    server_name YOUR_DOMAIN;
    location / {
        proxy_pass http://127.0.0.1:9443;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection \"upgrade\";
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_connect_timeout 7d;
        proxy_send_timeout 7d;
        proxy_read_timeout 7d;
    }
}
";

const SHIPPED: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/nginx/privmsg.conf"));

/// nginx on a free port of the loopback interface.
pub(crate) struct Nginx {
    program: Program,
    port: u16,
    folder: tempfile::TempDir,
    binary: PathBuf,
}

impl Nginx {
    /// Starts it with this `server` block, whose ports are replaced.
    pub(crate) async fn start(site: &str, server: SocketAddr) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let port = free_port()?;
        let site = site
            .replace("listen 80;", &format!("listen 127.0.0.1:{port};"))
            .replace("http://127.0.0.1:9443", &format!("http://{server}"));
        std::fs::write(folder.path().join("nginx.conf"), main_configuration(folder.path(), &site))?;
        let binary = find("nginx", "nginx-light")?;
        let program = launch(&binary, folder.path())?;
        let mut nginx = Self { program, port, folder, binary };
        nginx.program.listens(port).await?;
        Ok(nginx)
    }

    pub(crate) fn shipped_site() -> &'static str {
        SHIPPED
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// What it has written down of the requests.
    fn logged(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default()
    }

    async fn restart(&mut self) -> Result<()> {
        self.program.stop().await?;
        self.program = launch(&self.binary, self.folder.path())?;
        self.program.listens(self.port).await
    }
}

fn launch(binary: &Path, folder: &Path) -> Result<Program> {
    let mut command = Command::new(binary);
    command.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
    command.args(["-e", "stderr", "-g", "daemon off;"]);
    Program::start(&mut command, &folder.join("nginx.log"))
}

/// What a distribution's nginx.conf does around a site, with everything that it writes in a folder of the test's.
fn main_configuration(folder: &Path, site: &str) -> String {
    let folder = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("    {kind}_temp_path {folder}/{kind};\n"))
        .concat();
    format!(
        "worker_processes 1;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{ worker_connections 512; }}\n\
         http {{\n    access_log {folder}/access.log;\n    server_names_hash_bucket_size 128;\n{temporary}{site}}}\n"
    )
}

/// A server that trusts a proxy on this machine.
async fn server(more: &[privmsg_harness::Setting]) -> Result<Running> {
    let mut settings = vec![("PRIVMSG_SERVER_TRUSTED_PROXIES", "127.0.0.1".to_owned())];
    settings.extend_from_slice(more);
    Running::start(&settings).await
}

async fn upload(address: SocketAddr, who: &Device, bytes: &[u8]) -> Result<Answer> {
    let mut body = b"--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n".to_vec();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--B--\r\n");
    let authorization = format!("Bearer {}", who.token);
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "multipart/form-data; boundary=B")];
    raw::request(address, "POST", "/api/v1/files/upload", &headers, &body).await
}

async fn get(address: SocketAddr, who: &Device, path: &str) -> Result<Answer> {
    let authorization = format!("Bearer {}", who.token);
    raw::request(address, "GET", path, &[("Authorization", authorization.as_str())], b"").await
}

async fn talk_through(nginx: &Nginx, server: &Running) -> Result<()> {
    let health = raw::request(nginx.address(), "GET", "/health", &[], b"").await?;
    ensure!(health.status == 200, "{}", health.text());
    ensure!(health.header("x-content-type-options") == Some("nosniff"));
    let alice = server.user("alice").await?;
    let login = json!({"user_id": "alice", "access_key": alice.access_key});
    let login = login.to_string();
    let answer = raw::request(nginx.address(), "POST", "/api/v1/auth/login", &[], login.as_bytes()).await?;
    ensure!(answer.status == 200, "{}", answer.text());
    let bob = server.user("bob").await?;
    let mut one = Line::signed_in(nginx.address(), &alice.token).await?;
    let mut other = Line::signed_in(nginx.address(), &bob.token).await?;
    for (from, to, sender, recipient) in [(0, 1, "alice", "bob"), (1, 0, "bob", "alice")] {
        let lines = [&mut one, &mut other];
        let id = lines[from].says(sender, recipient, "Y2lwaGVy").await?;
        lines[from].until("ack").await?;
        let message = lines[to].until("message").await?;
        ensure!(message["payload"]["message_id"] == id, "{message}");
    }
    Ok(())
}

#[tokio::test]
async fn the_documented_configuration_relays() -> Result<()> {
    let server = server(&[]).await?;
    let nginx = Nginx::start(DOCUMENTED, server.address()).await?;
    talk_through(&nginx, &server).await?;
    // Why the shipped one has a line more.
    let carol = server.user("carol").await?;
    let large = upload(nginx.address(), &carol, &vec![7; 2 * 1024 * 1024]).await?;
    assert_eq!(large.status, 413);
    assert_eq!(large.code(), None, "nginx's own refusal");
    // And another one: paths hold names of users and files.
    ensure!(nginx.logged().contains("GET /health"), "{}", nginx.logged());
    Ok(())
}

#[tokio::test]
async fn the_shipped_configuration_relays_and_takes_large_files() -> Result<()> {
    let server = server(&[]).await?;
    let nginx = Nginx::start(SHIPPED, server.address()).await?;
    talk_through(&nginx, &server).await?;
    let carol = server.user("carol").await?;
    let bytes: Vec<u8> = (0..5_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let uploaded = upload(nginx.address(), &carol, &bytes).await?;
    ensure!(uploaded.status == 200, "{}", uploaded.text());
    let uploaded: Value = serde_json::from_slice(&uploaded.body)?;
    let path = format!("/api/v1/files/{}", uploaded["file_id"].as_str().context("a file id")?);
    let fetched = get(nginx.address(), &carol, &path).await?;
    ensure!(fetched.status == 200 && fetched.body == bytes, "{} bytes", fetched.body.len());
    ensure!(nginx.logged().is_empty(), "it writes down who asks for what: {}", nginx.logged());
    Ok(())
}

#[tokio::test]
async fn clients_come_back_after_nginx_was_restarted() -> Result<()> {
    let server = server(&[]).await?;
    let mut nginx = Nginx::start(SHIPPED, server.address()).await?;
    let bob = server.user("bob").await?;
    let alice = server.user("alice").await?;
    let mut before = Line::signed_in(nginx.address(), &bob.token).await?;
    nginx.restart().await?;
    before.ends().await?;
    let mut direct = Line::signed_in(server.address(), &alice.token).await?;
    let id = direct.says("alice", "bob", "Y2lwaGVy").await?;
    let mut after = Line::signed_in(nginx.address(), &bob.token).await?;
    let message = after.until("message").await?;
    assert_eq!(message["payload"]["message_id"], id, "what was sent meanwhile is there");
    Ok(())
}

#[tokio::test]
async fn a_quiet_connection_stays_open_through_nginx() -> Result<()> {
    let server = server(&[]).await?;
    let nginx = Nginx::start(SHIPPED, server.address()).await?;
    let bob = server.user("bob").await?;
    let mut line = Line::signed_in(nginx.address(), &bob.token).await?;
    line.until("caught_up").await?;
    // Longer than the server's silence of 75 seconds, after which it asks; the answer goes through as well.
    line.stays_quiet(Duration::from_secs(80)).await?;
    line.sends(&json!({"type": "ping", "payload": {}})).await?;
    line.until("pong").await?;
    Ok(())
}

#[tokio::test]
async fn limits_are_those_of_the_real_address() -> Result<()> {
    let limit = ("PRIVMSG_LIMITS_MAX_CONNECTIONS_PER_ADDRESS", "2".to_owned());
    let server = server(&[limit]).await?;
    let nginx = Nginx::start(SHIPPED, server.address()).await?;
    let bob = server.user("bob").await?;
    // This machine has many addresses: 127.0.0.0/8. nginx sees from which one a client comes.
    let first = Line::open_from([127, 0, 0, 2], nginx.address()).await?;
    let _second = Line::open_from([127, 0, 0, 2], nginx.address()).await?;
    let refused = Line::open_from([127, 0, 0, 2], nginx.address()).await;
    ensure!(refused.is_err_and(|error| format!("{error:#}").contains("429")), "a third one is too many");
    let mut other = Line::open_from([127, 0, 0, 3], nginx.address()).await?;
    other.authenticates(&bob.token).await?;
    drop(first);
    until("its place is free", PATIENCE, || async {
        Ok(Line::open_from([127, 0, 0, 2], nginx.address()).await.ok().map(drop))
    })
    .await
}
