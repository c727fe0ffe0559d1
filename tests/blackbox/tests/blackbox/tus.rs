//! Resumable uploads with the client of the tus project, which knows nothing of this server.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use privmsg_blackbox::{Device, Running, find, raw};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const SIZE: usize = 24 * 1024 * 1024;
const CHUNK: usize = 512 * 1024;

/// The program that drives the client, and what it says.
struct Client {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Client {
    async fn start(server: &Running, device: &Device, file: &Path, mode: &str) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web");
        ensure!(
            folder.join("node_modules/tus-js-client").is_dir(),
            "this test needs the packages of tests/web; `scripts/setup.sh test` installs them"
        );
        let mut child = Command::new(find("node", "nodejs")?)
            .arg("tus.mjs")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let endpoint = format!("{}/api/v1/files/uploads", server.url());
        let task = json!({"endpoint": endpoint, "token": device.token, "file": file, "chunk": CHUNK, "mode": mode});
        let mut stdin = child.stdin.take().context("its standard input")?;
        stdin.write_all(format!("{task}\n").as_bytes()).await?;
        let stdout = child.stdout.take().context("its standard output")?;
        Ok(Self { child, lines: BufReader::new(stdout).lines() })
    }

    /// What it says next, which must be this.
    async fn says(&mut self, event: &str) -> Result<Value> {
        let line = self.lines.next_line().await?.with_context(|| format!("it ended before `{event}`"))?;
        let said: Value = serde_json::from_str(&line)?;
        ensure!(said["event"] == event, "{said} instead of {event}");
        Ok(said)
    }

    async fn ends(mut self) -> Result<()> {
        ensure!(self.child.wait().await?.success(), "the client failed");
        Ok(())
    }
}

fn file(server: &Running) -> Result<(PathBuf, Vec<u8>)> {
    let bytes: Vec<u8> =
        (0..SIZE).map(|n| u8::try_from(n.wrapping_mul(2_654_435_761) >> 7 & 0xff)).collect::<Result<_, _>>()?;
    let path = server.folder().join("to be uploaded");
    std::fs::write(&path, &bytes)?;
    Ok((path, bytes))
}

async fn ask(server: &Running, device: &Device, method: &str, path: &str) -> Result<raw::Answer> {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ntus-resumable: 1.0.0\r\n\
         authorization: Bearer {}\r\n\r\n",
        device.token
    );
    raw::exchange(server.address(), request.as_bytes()).await
}

async fn is_stored(server: &Running, device: &Device, said: &Value, bytes: &[u8]) -> Result<()> {
    let id = said["file_id"].as_str().context("the id of the file")?;
    let answer = ask(server, device, "GET", &format!("/api/v1/files/{id}")).await?;
    ensure!(answer.status == 200 && answer.body == bytes, "{}: {} bytes", answer.status, answer.body.len());
    Ok(())
}

#[tokio::test]
async fn an_upload_outlives_a_pause_and_a_killed_server() -> Result<()> {
    let mut server = Running::start(&[]).await?;
    let alice = server.user("alice").await?;
    let (path, bytes) = file(&server)?;
    let mut client = Client::start(&server, &alice, &path, "resume").await?;
    client.says("paused").await?;
    client.says("halfway").await?;
    server.kill()?;
    server.restart().await?;
    let said = client.says("done").await?;
    client.ends().await?;
    is_stored(&server, &alice, &said, &bytes).await?;
    // Once more into the database: what was named beside the bytes is nowhere.
    server.kill()?;
    for entry in std::fs::read_dir(server.folder())? {
        let entry = entry?.path();
        let name = b"tax return";
        let found = entry.is_file() && std::fs::read(&entry)?.windows(name.len()).any(|window| window == name);
        ensure!(!found, "a file name is in {}", entry.display());
    }
    Ok(())
}

#[tokio::test]
async fn an_upload_in_one_request_comes_with_its_creation() -> Result<()> {
    let server = Running::start(&[]).await?;
    let alice = server.user("alice").await?;
    let (path, bytes) = file(&server)?;
    let mut client = Client::start(&server, &alice, &path, "whole").await?;
    let said = client.says("done").await?;
    client.ends().await?;
    is_stored(&server, &alice, &said, &bytes).await
}

#[tokio::test]
async fn an_upload_that_is_given_up_leaves_nothing() -> Result<()> {
    let server = Running::start(&[]).await?;
    let alice = server.user("alice").await?;
    let (path, _) = file(&server)?;
    let mut client = Client::start(&server, &alice, &path, "terminate").await?;
    let said = client.says("ended").await?;
    client.ends().await?;
    let upload = said["url"].as_str().and_then(|url| url.find("/api/").map(|at| &url[at..])).context("its address")?;
    ensure!(ask(&server, &alice, "HEAD", upload).await?.status == 404, "the upload is still there");
    ensure!(std::fs::read_dir(server.folder().join("files"))?.count() == 0, "its bytes are still there");
    Ok(())
}
