//! Bytes over TCP, and answers with all that is in them.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long an exchange may take. Longer than the server's own patience with a slow client.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case, with their values, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// What follows the head, up to the end of the connection.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The code of an error in the documented form; `None` for anything else.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        problem["code"].as_str().map(str::to_owned)
    }
}

/// Sends these bytes and reads until the other end closes. A server that refuses may close before it has read all.
///
/// # Errors
/// If it does not close in a minute, or what comes is not HTTP.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> Result<Answer> {
    let bytes = bytes(address, request).await?;
    parse(&bytes).with_context(|| format!("not an answer: {}", String::from_utf8_lossy(&bytes)))
}

/// As [`exchange`], but whatever comes is given back as it is.
///
/// # Errors
/// If nobody listens, or the other end does not close in a minute.
pub async fn bytes(address: SocketAddr, request: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await.context("connecting")?;
    let mut answer = Vec::new();
    let exchange = async {
        let _ = stream.write_all(request).await;
        // A connection that is reset has still said what was read of it.
        let _ = stream.read_to_end(&mut answer).await;
    };
    tokio::time::timeout(PATIENCE, exchange).await.context("the connection stays open")?;
    Ok(answer)
}

/// One request with a body, after which the connection is closed.
///
/// # Errors
/// As [`exchange`].
pub async fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Answer> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let mut request = head.into_bytes();
    request.extend_from_slice(body);
    exchange(address, &request).await
}

/// Reads an answer that is complete.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some(Answer { status, headers, body: bytes[end + 4..].to_vec() })
}
