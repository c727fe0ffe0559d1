//! HTTP/1.1 messages, whole, to be looked into and changed.

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// No body of a test is larger.
const MOST: usize = 64 << 20;

/// A request or an answer.
#[derive(Debug)]
pub(super) struct Message {
    /// Its first line.
    pub(super) start: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// One direction of a connection, and what was read of it and not used.
pub(super) struct Reader<S> {
    stream: S,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + Unpin> Reader<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// The next message; `None` at the end. An answer to a `HEAD` has no body, whatever its head says.
    pub(super) async fn message(&mut self, has_body: bool) -> Result<Option<Message>> {
        let Some(head) = self.head().await? else { return Ok(None) };
        let mut lines = head.split("\r\n").filter(|line| !line.is_empty());
        let start = lines.next().context("an empty head")?.to_owned();
        let pairs = lines.filter_map(|line| line.split_once(':'));
        let headers = pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        let mut message = Message { start, headers, body: Vec::new() };
        if !has_body {
            return Ok(Some(message));
        }
        if message.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            message.body = self.chunks().await?;
        } else if let Some(length) = message.header("content-length") {
            let length = length.parse().context("a length")?;
            ensure!(length <= MOST, "a body of {length} bytes");
            message.body = self.take(length).await?;
        }
        Ok(Some(message))
    }

    /// What is left when something else than HTTP follows.
    pub(super) fn into_parts(self) -> (S, Vec<u8>) {
        (self.stream, self.buffer)
    }

    async fn head(&mut self) -> Result<Option<String>> {
        loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                return Ok(Some(String::from_utf8(self.take(at + 4).await?)?));
            }
            if !self.read().await? {
                return Ok(None);
            }
        }
    }

    async fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line().await?;
            let size = line.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size.trim(), 16).context("the size of a chunk")?;
            ensure!(body.len() + size <= MOST, "a body of more than {MOST} bytes");
            if size == 0 {
                while !self.line().await?.is_empty() {}
                return Ok(body);
            }
            body.extend(self.take(size).await?);
            self.line().await?;
        }
    }

    async fn line(&mut self) -> Result<String> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line = self.take(at + 2).await?;
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            self.more().await?;
        }
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        while self.buffer.len() < length {
            self.more().await?;
        }
        let rest = self.buffer.split_off(length);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    async fn more(&mut self) -> Result<()> {
        if !self.read().await? {
            bail!("the connection ended in the middle of a message");
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<bool> {
        Ok(self.stream.read_buf(&mut self.buffer).await? > 0)
    }
}

impl Message {
    /// An answer of one's own.
    pub(super) fn answer(status: u16, body: Vec<u8>) -> Self {
        let kind = if status < 400 { "application/json" } else { "application/problem+json" };
        let headers = vec![("Content-Type".to_owned(), kind.to_owned())];
        Self { start: format!("HTTP/1.1 {status} Answer"), headers, body }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Method and target of a request.
    pub(super) fn request_line(&self) -> Result<(&str, &str)> {
        let mut words = self.start.split(' ');
        words.next().zip(words.next()).context("a request line")
    }

    /// Status of an answer.
    pub(super) fn status(&self) -> Result<u16> {
        let status = self.start.split(' ').nth(1).context("a status line")?;
        status.parse().context("a status")
    }

    pub(super) fn is_json(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.contains("json"))
    }

    /// Writes it with the length that its body has. `has_body`: as for [`Reader::message`].
    pub(super) async fn write(&self, to: &mut (impl AsyncWrite + Unpin), has_body: bool) -> Result<()> {
        let mut head = format!("{}\r\n", self.start);
        let is_length =
            |name: &str| name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("transfer-encoding");
        let had_length = self.headers.iter().any(|(name, _)| is_length(name));
        for (name, value) in self.headers.iter().filter(|(name, _)| !has_body || !is_length(name)) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if has_body && (had_length || !self.body.is_empty()) {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        to.write_all(&[head.as_bytes(), &self.body].concat()).await?;
        Ok(to.flush().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_are_told_apart_however_their_bodies_are_sent() {
        let stream =
            b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                       3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n";
        let mut reader = Reader::new(&stream[..]);
        let request = reader.message(true).await.unwrap().unwrap();
        assert_eq!((request.request_line().unwrap(), &*request.body), (("POST", "/a"), &b"{}"[..]));
        let answer = reader.message(true).await.unwrap().unwrap();
        assert_eq!((answer.status().unwrap(), &*answer.body), (200, &b"abcde"[..]));
        let mut written = Vec::new();
        answer.write(&mut written, true).await.unwrap();
        assert_eq!(written, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde");
        let nothing = reader.message(true).await.unwrap().unwrap();
        assert!(nothing.body.is_empty());
        written.clear();
        nothing.write(&mut written, true).await.unwrap();
        assert_eq!(written, b"HTTP/1.1 204 No Content\r\n\r\n");
        assert!(reader.message(true).await.unwrap().is_none());
    }
}
