//! Limits: each says when to try again, and stops nobody else.

use anyhow::{Context as _, Result, ensure};
use privmsg_blackbox::raw::{self, Answer};
use privmsg_blackbox::{Device, Running};
use privmsg_harness::Setting;
use serde_json::{Value, json};

use crate::line::Line;

fn settings(pairs: &[(&'static str, &str)]) -> Vec<Setting> {
    pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

async fn call(server: &Running, who: Option<&Device>, from: Option<&str>, path: &str) -> Result<Answer> {
    let authorization = who.map(|who| format!("Bearer {}", who.token)).unwrap_or_default();
    let mut headers = Vec::new();
    if who.is_some() {
        headers.push(("Authorization", authorization.as_str()));
    }
    headers.extend(from.map(|from| ("X-Forwarded-For", from)));
    raw::request(server.address(), "GET", path, &headers, b"").await
}

/// Checks the form of a refusal. Returns the milliseconds to wait.
fn wait(answer: &Answer) -> Result<u64> {
    let is_named = matches!(answer.code().as_deref(), Some("rate_limited" | "too_many_wrong_keys"));
    ensure!(answer.status == 429 && is_named, "{}", answer.text());
    let problem: Value = serde_json::from_slice(&answer.body)?;
    let milliseconds = problem["retry_after_ms"].as_u64().context("retry_after_ms")?;
    let seconds: u64 = answer.header("retry-after").context("Retry-After")?.parse()?;
    ensure!(seconds == milliseconds.div_ceil(1000), "{seconds} s, {milliseconds} ms");
    Ok(milliseconds)
}

#[tokio::test]
async fn requests_of_a_user() -> Result<()> {
    let server = Running::start(&settings(&[("PRIVMSG_LIMITS_RATE_LIMIT_REQUESTS_PER_MINUTE", "5")])).await?;
    let alice = server.user("alice").await?;
    let bob = server.user("bob").await?;
    for _ in 0..5 {
        ensure!(call(&server, Some(&alice), None, "/api/v1/users/me").await?.status == 200);
    }
    let milliseconds = wait(&call(&server, Some(&alice), None, "/api/v1/users/me").await?)?;
    ensure!((1..=12_000).contains(&milliseconds), "{milliseconds}");
    ensure!(call(&server, Some(&bob), None, "/api/v1/users/me").await?.status == 200, "others have their own");
    Ok(())
}

#[tokio::test]
async fn requests_of_an_address_that_only_a_trusted_proxy_can_tell() -> Result<()> {
    let limits = [
        ("PRIVMSG_LIMITS_RATE_LIMIT_REQUESTS_PER_ADDRESS_PER_MINUTE", "3"),
        ("PRIVMSG_SERVER_TRUSTED_PROXIES", "127.0.0.1"),
    ];
    let server = Running::start(&settings(&limits)).await?;
    let alice = server.user("alice").await?;
    let ask = async |from: &str| call(&server, None, Some(from), "/api/v1/users/me").await;
    for forged in ["1.1.1.1, 203.0.113.7", "2.2.2.2, 203.0.113.7", "203.0.113.7"] {
        ensure!(ask(forged).await?.status == 401);
    }
    wait(&ask("9.9.9.9, 203.0.113.7").await?)?;
    ensure!(ask("203.0.113.8").await?.status == 401, "another address has its own");
    // Whoever has a session is not a stranger, wherever they come from.
    let me = call(&server, Some(&alice), Some("203.0.113.7"), "/api/v1/users/me").await?;
    ensure!(me.status == 200, "{}", me.text());
    let body = json!({"user_id": "alice", "access_key": alice.access_key}).to_string();
    let headers = [("X-Forwarded-For", "203.0.113.7")];
    let login = raw::request(server.address(), "POST", "/api/v1/auth/login", &headers, body.as_bytes()).await?;
    ensure!(login.status == 200, "a log-in with the right key passes: {}", login.text());
    // A token that never was is as good as none.
    let invented = Device { token: "A".repeat(43), ..alice.clone() };
    wait(&call(&server, Some(&invented), Some("203.0.113.7"), "/api/v1/users/me").await?)?;
    Ok(())
}

#[tokio::test]
async fn without_a_trusted_proxy_nobody_is_believed() -> Result<()> {
    let limits = [("PRIVMSG_LIMITS_MAX_WRONG_KEYS", "2"), ("PRIVMSG_LIMITS_MAX_WRONG_KEY_DELAY_SECONDS", "60")];
    let server = Running::start(&settings(&limits)).await?;
    let guess = async |from: &str, user: &str| {
        let body = json!({"user_id": user, "access_key": "guess"}).to_string();
        let headers = [("X-Forwarded-For", from), ("X-Real-IP", from), ("Forwarded", "for=203.0.113.9")];
        raw::request(server.address(), "POST", "/api/v1/auth/login", &headers, body.as_bytes()).await
    };
    for number in 0..2 {
        ensure!(guess(&format!("203.0.113.{number}"), &format!("user{number}")).await?.status == 401);
    }
    let milliseconds = wait(&guess("203.0.113.77", "user77").await?)?;
    assert_eq!(milliseconds, 2000, "all came from the same address, whatever they say");
    assert_eq!(wait(&guess("203.0.113.78", "user78").await?)?, 4000);
    for _ in 0..6 {
        wait(&guess("203.0.113.79", "user79").await?)?;
    }
    assert_eq!(wait(&guess("203.0.113.79", "user80").await?)?, 60_000, "the longest");
    // The administrator's right key passes, a wrong one waits.
    let alice = server.user("alice").await?;
    let wrong = json!({"admin_key": "guess"}).to_string();
    wait(&raw::request(server.address(), "POST", "/api/v1/admin/users", &[], wrong.as_bytes()).await?)?;
    server.device("alice", &alice.access_key).await.map(drop)
}

#[tokio::test]
async fn sockets_that_do_not_say_who_they_are() -> Result<()> {
    let limits =
        [("PRIVMSG_LIMITS_MAX_UNAUTHENTICATED_PER_ADDRESS", "2"), ("PRIVMSG_SERVER_TRUSTED_PROXIES", "127.0.0.1")];
    let server = Running::start(&settings(&limits)).await?;
    let upgrade = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let open = async |from: &str| {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(server.address()).await?;
        stream.write_all(format!("{upgrade}X-Forwarded-For: {from}\r\n\r\n").as_bytes()).await?;
        let mut answer = vec![0; 2048];
        let read = stream.read(&mut answer).await?;
        anyhow::Ok((stream, String::from_utf8_lossy(&answer[..read]).into_owned()))
    };
    let (_one, first) = open("203.0.113.1").await?;
    let (_two, second) = open("203.0.113.1").await?;
    ensure!(first.starts_with("HTTP/1.1 101") && second.starts_with("HTTP/1.1 101"), "{first}{second}");
    let (_three, third) = open("203.0.113.1").await?;
    ensure!(third.starts_with("HTTP/1.1 429") && third.contains("retry_after_ms"), "{third}");
    let (_other, fourth) = open("203.0.113.2").await?;
    ensure!(fourth.starts_with("HTTP/1.1 101"), "{fourth}");
    Ok(())
}

#[tokio::test]
async fn sockets_of_a_device() -> Result<()> {
    let server = Running::start(&settings(&[("PRIVMSG_LIMITS_RATE_LIMIT_CONNECTS_PER_MINUTE", "2")])).await?;
    let alice = server.user("alice").await?;
    let mut first = Line::signed_in(server.address(), &alice.token).await?;
    let _second = Line::signed_in(server.address(), &alice.token).await?;
    assert_eq!(first.closed().await?, Some(4002), "one at a time");
    let mut third = Line::open(server.address()).await?;
    third.sends(&json!({"type": "authenticate", "payload": {"token": alice.token}})).await?;
    let refused = third.until("error").await?;
    assert_eq!(refused["payload"]["code"], "rate_limited");
    ensure!(refused["payload"]["retry_after_ms"].as_u64().is_some_and(|ms| ms <= 30_000), "{refused}");
    assert_eq!(third.closed().await?, Some(4004));
    Ok(())
}

#[tokio::test]
async fn uploads_and_handshakes_of_a_user() -> Result<()> {
    let limits = [
        ("PRIVMSG_LIMITS_RATE_LIMIT_UPLOADS_PER_MINUTE", "1"),
        ("PRIVMSG_LIMITS_RATE_LIMIT_HANDSHAKES_PER_MINUTE", "1"),
    ];
    let server = Running::start(&settings(&limits)).await?;
    let alice = server.user("alice").await?;
    let authorization = format!("Bearer {}", alice.token);
    let form = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nx\r\n--B--\r\n";
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "multipart/form-data; boundary=B")];
    let upload =
        async || raw::request(server.address(), "POST", "/api/v1/files/upload", &headers, form.as_bytes()).await;
    ensure!(upload().await?.status == 200);
    wait(&upload().await?)?;
    let packages = json!({"key_packages": ["cGFja2FnZQ=="]}).to_string();
    let headers = [("Authorization", authorization.as_str())];
    let publish =
        async || raw::request(server.address(), "POST", "/api/v1/key-packages", &headers, packages.as_bytes()).await;
    ensure!(publish().await?.status == 200);
    wait(&publish().await?)?;
    Ok(())
}

#[tokio::test]
async fn devices_and_free_space() -> Result<()> {
    let limits = [("PRIVMSG_LIMITS_MAX_DEVICES_PER_USER", "2"), ("PRIVMSG_LIMITS_MIN_FREE_DISK_MB", "1000000000")];
    let server = Running::start(&settings(&limits)).await?;
    let alice = server.user("alice").await?;
    server.device("alice", &alice.access_key).await?;
    let third = server.device("alice", &alice.access_key).await;
    ensure!(third.is_err_and(|error| format!("{error:#}").contains("2 devices")));
    let authorization = format!("Bearer {}", alice.token);
    let form = "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nx\r\n--B--\r\n";
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "multipart/form-data; boundary=B")];
    let full = raw::request(server.address(), "POST", "/api/v1/files/upload", &headers, form.as_bytes()).await?;
    assert_eq!((full.status, full.code().as_deref()), (507, Some("storage_full")));
    // What is small goes on.
    let mut line = Line::signed_in(server.address(), &alice.token).await?;
    line.says("alice", "alice", "Y2lwaGVy").await?;
    line.until("ack").await.map(drop)
}

#[tokio::test]
async fn zero_switches_every_limit_off() -> Result<()> {
    let off = [
        "PRIVMSG_LIMITS_MAX_FILE_SIZE_MB",
        "PRIVMSG_LIMITS_MAX_MESSAGE_SIZE_KB",
        "PRIVMSG_LIMITS_MAX_HANDSHAKE_SIZE_KB",
        "PRIVMSG_LIMITS_MAX_PENDING_MESSAGES",
        "PRIVMSG_LIMITS_MAX_STORED_MB_PER_USER",
        "PRIVMSG_LIMITS_MAX_DEVICES_PER_USER",
        "PRIVMSG_LIMITS_MIN_FREE_DISK_MB",
        "PRIVMSG_LIMITS_RATE_LIMIT_HANDSHAKES_PER_MINUTE",
        "PRIVMSG_LIMITS_RATE_LIMIT_SIGNALS_PER_MINUTE",
        "PRIVMSG_LIMITS_RATE_LIMIT_CLAIMS_PER_MINUTE",
        "PRIVMSG_LIMITS_RATE_LIMIT_CLAIMS_OF_ONE_PER_MINUTE",
        "PRIVMSG_LIMITS_RATE_LIMIT_UPLOADS_PER_MINUTE",
        "PRIVMSG_LIMITS_RATE_LIMIT_NEW_DEVICES_PER_MINUTE",
        "PRIVMSG_LIMITS_RATE_LIMIT_NEW_GROUPS_PER_HOUR",
        "PRIVMSG_LIMITS_RATE_LIMIT_CONNECTS_PER_MINUTE",
        "PRIVMSG_LIMITS_RATE_LIMIT_REQUESTS_PER_MINUTE",
        "PRIVMSG_LIMITS_RATE_LIMIT_REQUESTS_PER_ADDRESS_PER_MINUTE",
        "PRIVMSG_LIMITS_MAX_CONNECTIONS_PER_ADDRESS",
        "PRIVMSG_LIMITS_MAX_UNAUTHENTICATED_PER_ADDRESS",
        "PRIVMSG_LIMITS_MAX_WRONG_KEYS",
        "PRIVMSG_LIMITS_MAX_WRONG_KEY_DELAY_SECONDS",
    ];
    let server = Running::start(&settings(&off.map(|name| (name, "0")))).await?;
    let alice = server.user("alice").await?;
    for _ in 0..40 {
        // More devices, and faster, than the defaults allow.
        server.device("alice", &alice.access_key).await?;
        let body = json!({"user_id": "alice", "access_key": "guess"}).to_string();
        let guess = raw::request(server.address(), "POST", "/api/v1/auth/login", &[], body.as_bytes()).await?;
        assert_eq!(guess.status, 401);
    }
    Ok(())
}
