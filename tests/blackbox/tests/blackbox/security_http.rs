//! Requests that no proper client sends. The server may refuse them in any way, but must not be confused, nor fill up.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use privmsg_blackbox::{Running, raw};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::nginx::Nginx;

/// What an attack may leave behind in memory.
const ROOM: u64 = 64 * 1024 * 1024;

/// Checks that the server serves on, and has not grown much.
pub(crate) async fn is_well(server: &Running, before: u64) -> Result<()> {
    let health = raw::request(server.address(), "GET", "/health", &[], b"").await?;
    ensure!(health.status == 200, "{}", health.text());
    let now = server.resident_bytes()?;
    ensure!(now < before + ROOM, "grew from {before} to {now} bytes");
    Ok(())
}

#[tokio::test]
async fn every_answer_carries_protective_headers_and_none_invites_other_sites() -> Result<()> {
    let server = Running::start(&[]).await?;
    let origin = ("Origin", "https://evil.example");
    let preflight = ("Access-Control-Request-Method", "POST");
    for (method, path, body, status) in [
        ("GET", "/health", "", 200),
        ("GET", "/api/v1/users/me", "", 401),
        ("GET", "/nowhere", "", 404),
        ("DELETE", "/health", "", 405),
        ("OPTIONS", "/api/v1/auth/login", "", 405),
        ("POST", "/api/v1/auth/login", "{", 400),
        ("GET", "/ws", "", 400),
    ] {
        let answer = raw::request(server.address(), method, path, &[origin, preflight], body.as_bytes()).await?;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        for (name, value) in
            [("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"), ("cache-control", "no-store")]
        {
            assert_eq!(answer.header(name), Some(value), "{method} {path}");
        }
        let policy = answer.header("content-security-policy").context("a policy")?;
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(answer.headers.iter().all(|(name, _)| !name.starts_with("access-control-")), "{:?}", answer.headers);
    }
    Ok(())
}

/// Requests whose end can be seen in two places, with another request behind the one.
fn smuggled() -> Vec<(&'static str, String)> {
    let inner = "GET /health HTTP/1.1\r\nHost: inner\r\n\r\n";
    let outer = |headers: &str, body: &str| {
        format!("POST /api/v1/auth/login HTTP/1.1\r\nHost: outer\r\n{headers}\r\n\r\n{body}")
    };
    let chunked = format!("0\r\n\r\n{inner}");
    let len = chunked.len();
    vec![
        ("a length, then chunks", outer(&format!("Content-Length: {len}\r\nTransfer-Encoding: chunked"), &chunked)),
        ("chunks, then a length", outer(&format!("Transfer-Encoding: chunked\r\nContent-Length: {len}"), &chunked)),
        ("two lengths", outer(&format!("Content-Length: 0\r\nContent-Length: {}", inner.len()), inner)),
        ("a list of lengths", outer(&format!("Content-Length: 0, {}", inner.len()), inner)),
        ("a signed length", outer("Content-Length: +0", inner)),
        ("a folded header", outer(&format!("Content-Length: {len}\r\nTransfer-Encoding:\r\n chunked"), &chunked)),
        ("a space before the colon", outer(&format!("Content-Length: {len}\r\nTransfer-Encoding : chunked"), &chunked)),
        ("an unknown encoding", outer("Transfer-Encoding: xchunked", &chunked)),
        ("chunked, but not last", outer("Transfer-Encoding: chunked, identity", &chunked)),
        ("twice chunked", outer("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", &chunked)),
        ("a size in another notation", outer("Transfer-Encoding: chunked", &format!("0x0\r\n\r\n{inner}"))),
        ("a signed size", outer("Transfer-Encoding: chunked", &format!("+0\r\n\r\n{inner}"))),
        ("a size that overflows", outer("Transfer-Encoding: chunked", &format!("10000000000000000\r\n\r\n{inner}"))),
        ("a bare line feed in an extension", outer("Transfer-Encoding: chunked", &format!("0;a\nb\r\n\r\n{inner}"))),
        ("a return inside a header", outer(&format!("X: a\rContent-Length: {}", inner.len()), inner)),
        ("nul in a header", outer("X: a\0b", inner)),
    ]
}

#[tokio::test]
async fn no_request_is_smuggled_behind_another() -> Result<()> {
    let server = Running::start(&[]).await?;
    let before = server.resident_bytes()?;
    for (what, request) in smuggled() {
        // Closed by us at the end, so that a server that waits for more has the time to answer what it has.
        let answers = half_closed(server.address(), request.as_bytes()).await?;
        let text = String::from_utf8_lossy(&answers);
        ensure!(!text.contains("\"status\":\"ok\""), "{what}: the inner request was answered:\n{text}");
    }
    is_well(&server, before).await
}

#[tokio::test]
async fn no_request_is_smuggled_through_nginx() -> Result<()> {
    let trusted = ("PRIVMSG_SERVER_TRUSTED_PROXIES", "127.0.0.1".to_owned());
    let server = Running::start(&[trusted]).await?;
    let nginx = Nginx::start(Nginx::shipped_site(), server.address()).await?;
    let before = server.resident_bytes()?;
    for (what, request) in smuggled() {
        let answers = half_closed(nginx.address(), request.as_bytes()).await?;
        let text = String::from_utf8_lossy(&answers);
        // Where both see the first request end at the same place, what follows is a request of its own, from the same
        // client: nothing is smuggled. What counts is that nobody else gets its answer.
        let next = raw::request(nginx.address(), "GET", "/api/v1/users/me", &[], b"").await?;
        ensure!(next.status == 401, "{what}: another client got {}, after {text}", next.text());
    }
    is_well(&server, before).await
}

async fn half_closed(address: SocketAddr, request: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let mut answers = Vec::new();
    let _ = stream.write_all(request).await;
    // What is answered at once is answered within this time; the rest ends with the connection.
    let _ = tokio::time::timeout(Duration::from_millis(400), stream.read_to_end(&mut answers)).await;
    let _ = stream.shutdown().await;
    let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answers)).await;
    Ok(answers)
}

#[tokio::test]
async fn oversize_heads_are_refused() -> Result<()> {
    let server = Running::start(&[]).await?;
    let before = server.resident_bytes()?;
    let large = "a".repeat(300_000);
    let header = format!("GET /health HTTP/1.1\r\nHost: x\r\nX-Large: {large}\r\n\r\n");
    let many = format!("GET /health HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(1000));
    let path = format!("GET /{large} HTTP/1.1\r\nHost: x\r\n\r\n");
    for request in [header, many, path] {
        // Closed before all of it was read, the connection may be reset before the answer has been.
        let answer = raw::bytes(server.address(), request.as_bytes()).await?;
        let text = String::from_utf8_lossy(&answer);
        let is_refused = text.starts_with("HTTP/1.1 414") || text.starts_with("HTTP/1.1 431");
        ensure!(is_refused || text.is_empty(), "{text}");
    }
    // Endless heads from many at once.
    let flood = (0..50).map(|_| async { raw::bytes(server.address(), "A: b\r\n".repeat(200_000).as_bytes()).await });
    for answer in futures_util::future::join_all(flood).await {
        ensure!(!String::from_utf8_lossy(&answer?).contains(" 200 "));
    }
    is_well(&server, before).await
}

#[tokio::test]
async fn slow_heads_and_bodies_are_given_up_and_hinder_nobody() -> Result<()> {
    let server = Running::start(&[]).await?;
    let before = server.resident_bytes()?;
    let start = Instant::now();
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n";
    // Those in chunks do not say how long they become; they must not take the places of large bodies.
    let asks = format!("{head}Expect: 100-continue\r\n");
    let begins = [
        (head.to_owned(), ""),
        (format!("{asks}Content-Length: 10000\r\n\r\n"), "{"),
        (format!("{asks}Transfer-Encoding: chunked\r\n\r\n"), "1\r\n{\r\n"),
    ];
    let mut slow = Vec::new();
    for (begin, body) in begins.iter().cycle().take(150) {
        let mut stream = TcpStream::connect(server.address()).await?;
        stream.write_all(begin.as_bytes()).await?;
        if !body.is_empty() {
            // It has begun to read the body.
            let mut answer = [0; 12];
            let asked = tokio::time::timeout(Duration::from_secs(10), stream.read_exact(&mut answer)).await;
            asked.context("somebody else's slow bodies are in the way")??;
            ensure!(&answer == b"HTTP/1.1 100");
            stream.write_all(body.as_bytes()).await?;
        }
        slow.push(stream);
    }
    is_well(&server, before).await?;
    let alice = server.user("alice").await?;
    let body = json!({"user_id": "alice", "access_key": alice.access_key}).to_string();
    let in_chunks =
        format!("{head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let answer = tokio::time::timeout(Duration::from_secs(10), raw::exchange(server.address(), in_chunks.as_bytes()));
    ensure!(answer.await.context("somebody else's slow bodies are in the way")??.status == 200);
    for mut stream in slow {
        let mut answer = Vec::new();
        let left = Duration::from_secs(60).saturating_sub(start.elapsed());
        let end = tokio::time::timeout(left, stream.read_to_end(&mut answer)).await;
        ensure!(end.is_ok(), "still open: {}", String::from_utf8_lossy(&answer));
    }
    is_well(&server, before).await
}

#[tokio::test]
async fn nothing_is_decompressed() -> Result<()> {
    let server = Running::start(&[]).await?;
    let before = server.resident_bytes()?;
    // The beginning of what becomes gigabytes, and what it claims to be.
    let bomb = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0xff; 4000]].concat();
    for encoding in ["gzip", "deflate", "br", "zstd", "gzip, gzip"] {
        let headers = [("Content-Encoding", encoding), ("Accept-Encoding", "gzip")];
        let answer = raw::request(server.address(), "POST", "/api/v1/auth/login", &headers, &bomb).await?;
        assert_eq!((answer.status, answer.code().as_deref()), (400, Some("malformed_request")), "{encoding}");
        assert_eq!(answer.header("content-encoding"), None);
    }
    is_well(&server, before).await
}

#[tokio::test]
async fn paths_lead_nowhere_else() -> Result<()> {
    let server = Running::start(&[]).await?;
    let alice = server.user("alice").await?;
    let authorization = format!("Bearer {}", alice.token);
    let headers = [("Authorization", authorization.as_str())];
    for path in [
        "/api/v1/files/..%2f..%2fprivmsg.db",
        "/api/v1/files/%2e%2e%2fprivmsg.db",
        "/api/v1/files/../privmsg.db",
        "/api/v1/files/..",
        "/api/v1/files/%2e%2e",
        "/api/v1/files/.",
        "/api/v1/files/privmsg.db",
        "/api/v1/files/%00",
        "/api/v1/files/a%00b",
        "/api/v1/files/%ff%fe",
        "/api/v1/files/a%2fb",
        "/api/v1/files/..\\privmsg.db",
        "/api/v1/files/%252e%252e%252fprivmsg.db",
        "//api/v1/users/me",
        "/api/v1//users/me",
        "/api/v1/users/me/",
        "/api/v1/users/..%2fusers%2fme",
        "/api/v1/users/alice%2f..%2fme",
        "/api/v1/%75sers/me/../../admin/stats",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/../../etc/passwd",
    ] {
        let answer = raw::request(server.address(), "GET", path, &headers, b"").await?;
        ensure!((400..500).contains(&answer.status), "{path}: {} {}", answer.status, answer.text());
        ensure!(!answer.text().contains("SQLite format"), "{path}");
        ensure!(!answer.text().contains("root:"), "{path}");
    }
    Ok(())
}
