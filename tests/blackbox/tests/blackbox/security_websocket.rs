//! WebSocket frames that no proper client sends.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use privmsg_blackbox::Running;
use privmsg_harness::Setting;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::line::Line;
use crate::security_http::is_well;

const TEXT: u8 = 1;
const CONTINUATION: u8 = 0;
const PING: u8 = 9;
const FINAL: u8 = 0x80;

/// The limit as it is by default; the tests' own servers have none.
fn limited() -> [Setting; 1] {
    [("PRIVMSG_LIMITS_MAX_FRAMES_PER_SECOND", "50".to_owned())]
}

/// A connection after the handshake, without anything that could set frames right.
async fn upgraded(address: SocketAddr) -> Result<(TcpStream, String)> {
    let mut stream = TcpStream::connect(address).await?;
    let request = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.context("the handshake")?);
    }
    let head = String::from_utf8(head)?.to_lowercase();
    ensure!(head.starts_with("http/1.1 101"), "{head}");
    Ok((stream, head))
}

/// A frame as a client sends it; masked with zeros, which is as good as any.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | u8::try_from(len).unwrap_or_default()),
        len @ 126..=65535 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&u16::try_from(len).unwrap_or_default().to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

/// Writes the same again and again until the server ends the connection. Returns how many times, and what it said.
async fn insists(mut stream: TcpStream, piece: &[u8], most: usize) -> Result<(usize, Vec<u8>)> {
    let (mut reader, mut writer) = stream.split();
    let mut said = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    for round in 0..most {
        let step = async {
            tokio::select! {
                biased;
                read = reader.read(&mut buffer) => read.map(Some),
                written = writer.write_all(piece) => written.map(|()| None),
            }
        };
        match tokio::time::timeout(Duration::from_secs(30), step).await.context("the server takes nothing")? {
            Ok(Some(0)) => return Ok((round, said)),
            Err(_) => {
                // What it has said before it ended the connection is still there.
                let _ = tokio::time::timeout(Duration::from_secs(30), reader.read_to_end(&mut said)).await;
                return Ok((round, said));
            }
            Ok(Some(read)) => said.extend_from_slice(&buffer[..read]),
            Ok(None) => {}
        }
    }
    Ok((most, said))
}

async fn authenticated(server: &Running, token: &str) -> Result<TcpStream> {
    let (mut stream, _) = upgraded(server.address()).await?;
    let text = json!({"type": "authenticate", "payload": {"token": token}}).to_string();
    stream.write_all(&frame(FINAL | TEXT, text.as_bytes())).await?;
    Ok(stream)
}

#[tokio::test]
async fn no_compression_is_agreed_on() -> Result<()> {
    let server = Running::start(&[]).await?;
    let (_stream, head) = upgraded(server.address()).await?;
    assert!(!head.contains("sec-websocket-extensions"), "{head}");
    Ok(())
}

#[tokio::test]
async fn a_message_in_endless_pieces_ends_the_connection() -> Result<()> {
    let server = Running::start(&limited()).await?;
    let alice = server.user("alice").await?;
    let before = server.resident_bytes()?;
    let piece = frame(CONTINUATION, &[b'a'; 60_000]);
    for is_signed_in in [false, true] {
        let mut stream = if is_signed_in {
            authenticated(&server, &alice.token).await?
        } else {
            upgraded(server.address()).await?.0
        };
        stream.write_all(&frame(TEXT, b"{")).await?;
        let (rounds, _) = insists(stream, &piece, 2000).await?;
        assert!(rounds < 2000, "120 MB of one message were taken");
    }
    // One frame that claims to be enormous.
    let (mut stream, _) = upgraded(server.address()).await?;
    stream.write_all(&[FINAL | TEXT, 0x80 | 127, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]).await?;
    let (rounds, _) = insists(stream, &[b'a'; 60_000], 2000).await?;
    assert!(rounds < 2000);
    is_well(&server, before).await
}

#[tokio::test]
async fn frames_against_the_rules_end_the_connection() -> Result<()> {
    let server = Running::start(&limited()).await?;
    let before = server.resident_bytes()?;
    for (what, bytes) in [
        ("not masked", vec![FINAL | TEXT, 2, b'{', b'}']),
        ("not UTF-8", frame(FINAL | TEXT, &[0xff, 0xfe, 0x80])),
        ("reserved bits", frame(FINAL | TEXT | 0x40, b"{}")),
        ("a reserved kind", frame(FINAL | 3, b"{}")),
        ("a long ping", frame(FINAL | PING, &[0; 126])),
        ("a ping in pieces", frame(PING, b"a")),
        ("a continuation of nothing", frame(FINAL | CONTINUATION, b"a")),
    ] {
        let (mut stream, _) = upgraded(server.address()).await?;
        stream.write_all(&bytes).await?;
        let mut said = Vec::new();
        let end = tokio::time::timeout(Duration::from_secs(8), stream.read_to_end(&mut said)).await;
        // Ten seconds are what anybody has to authenticate.
        ensure!(end.is_ok(), "{what}: still open");
    }
    is_well(&server, before).await
}

#[tokio::test]
async fn floods_of_frames_are_told_to_wait_and_then_ended() -> Result<()> {
    let server = Running::start(&limited()).await?;
    let alice = server.user("alice").await?;
    let before = server.resident_bytes()?;
    for (what, piece) in [
        ("pings of the protocol", frame(FINAL | PING, b"")),
        ("pings", frame(FINAL | TEXT, br#"{"type":"ping","payload":{}}"#)),
        ("nonsense", frame(FINAL | TEXT, b"nonsense")),
        ("foreign acknowledgements", frame(FINAL | TEXT, br#"{"type":"ack","payload":{"message_ids":[]}}"#)),
    ] {
        let stream = authenticated(&server, &alice.token).await?;
        let (rounds, said) = insists(stream, &piece, 100_000).await?;
        ensure!(rounds < 100_000, "{what}: all were taken");
        let said = String::from_utf8_lossy(&said).into_owned();
        ensure!(what.contains("protocol") || said.contains("rate_limited"), "{what}: not told to wait");
    }
    // Before signing in too.
    let (stream, _) = upgraded(server.address()).await?;
    let (rounds, _) = insists(stream, &frame(FINAL | TEXT, br#"{"type":"ping","payload":{}}"#), 100_000).await?;
    ensure!(rounds < 100_000);
    is_well(&server, before).await
}

#[tokio::test]
async fn whoever_waits_when_told_so_is_not_ended() -> Result<()> {
    let settings = [("PRIVMSG_LIMITS_MAX_FRAMES_PER_SECOND", "5".to_owned())];
    let server = Running::start(&settings).await?;
    let alice = server.user("alice").await?;
    let mut line = Line::signed_in(server.address(), &alice.token).await?;
    line.until("caught_up").await?;
    let ping = json!({"type": "ping", "payload": {}});
    // Twenty seconds' worth at once are welcome, what is beyond has to wait.
    for _ in 0..103 {
        line.sends(&ping).await?;
    }
    let refused = line.until("error").await?;
    assert_eq!(refused["payload"]["code"], "rate_limited");
    let wait = refused["payload"]["retry_after_ms"].as_u64().context("how long")?;
    ensure!((1..5000).contains(&wait), "{wait}");
    tokio::time::sleep(Duration::from_millis(wait + 2000)).await;
    line.sends(&ping).await?;
    while line.next().await?.context("ended")?["type"] != "pong" {}
    Ok(())
}
