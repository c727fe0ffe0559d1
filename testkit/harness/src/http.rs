//! Plain HTTP/1.1 on one kept connection: enough for the server's own JSON, and cheap enough to sign 10,000 users in.

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};

use crate::endpoint::{Endpoint, Stream};

/// A connection to the server.
#[derive(Debug)]
pub struct Http {
    stream: BufReader<Stream>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// JSON, or whatever was sent.
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads the body of a success.
    ///
    /// # Errors
    /// For any other status, with what the server says, or if the body is something else.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        if !(200..300).contains(&self.status) {
            bail!("HTTP {}: {}", self.status, String::from_utf8_lossy(&self.body));
        }
        serde_json::from_slice(&self.body).context("an answer of another shape")
    }
}

impl Http {
    /// Connects.
    ///
    /// # Errors
    /// If nobody listens.
    pub async fn connect(to: impl Into<Endpoint>) -> Result<Self> {
        Ok(Self { stream: BufReader::new(to.into().connect().await?) })
    }

    /// Sends a request with a JSON body and reads the answer.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn send<B: Serialize + Sync>(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &B,
    ) -> Result<Answer> {
        let body = serde_json::to_string(body)?;
        let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{authorization}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Answer> {
        let mut line = String::new();
        self.stream.read_line(&mut line).await?;
        let status = line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).context("no HTTP status")?;
        let mut length = 0;
        loop {
            line.clear();
            self.stream.read_line(&mut line).await?;
            if line.trim().is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().context("a length")?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(Answer { status, body })
    }
}
