//! Who asks for much and does not read it.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Person, TestServer, new_id, time_passes, until};

/// A large answer.
const PENDING: &str = "/api/v1/messages/pending";

/// So many of these are written at once.
const PLACES: usize = 8;

/// Begins a request, and reads no answer.
async fn asks(who: &Person, path: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut connection = socket.connect(who.api.address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", who.token);
    connection.write_all(head.as_bytes()).await.unwrap();
    // The answer has begun.
    connection.readable().await.unwrap();
    connection
}

/// Each unread answer stays in the server's memory: a user has few of them, and others are not refused for it.
#[tokio::test]
async fn answers_that_nobody_reads_are_few() {
    // More than the system takes from the server before anybody reads.
    let server = TestServer::with(|config| config.limits.max_message_size_kb = 8192).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let carol = server.user("carol").await;
    let (mut line, content) = (carol.online().await, "x".repeat(4 << 20));
    for name in ["alice", "bob"] {
        line.deliver(carol.message(name, new_id(), &content)).await;
    }
    let mut unread = Vec::new();
    for _ in 0..2 {
        unread.push(asks(&alice, PENDING).await);
    }
    alice.get(PENDING).await.is("rate_limited");
    bob.get(PENDING).await.ok();
    // Small ones are not counted.
    alice.get("/api/v1/users/me").await.ok();
    drop(unread);
    until("that the answers are given up", async || alice.get(PENDING).await.status == 200).await;
}

/// A few accounts take no more of the memory than that: the places are counted over all of them.
#[tokio::test]
async fn answers_that_nobody_reads_are_few_in_all() {
    let server = TestServer::with(|config| config.limits.max_message_size_kb = 8192).await;
    let carol = server.user("carol").await;
    let (mut line, content) = (carol.online().await, "x".repeat(4 << 20));
    let mut unread = Vec::new();
    for n in 0..PLACES {
        let name = format!("mallory{n}");
        let mallory = server.user(&name).await;
        line.deliver(carol.message(&name, new_id(), &content)).await;
        for _ in 0..2 {
            unread.push(asks(&mallory, PENDING).await);
        }
    }
    let alice = server.user("alice").await;
    line.deliver(carol.message("alice", new_id(), &content)).await;
    alice.get(PENDING).await.is("rate_limited");
    drop(unread);
    until("that the answers are given up", async || alice.get(PENDING).await.status == 200).await;
}

/// Whoever takes a byte now and then kept a place for as long as they liked; with a few accounts, all of them.
#[tokio::test]
async fn who_reads_too_slowly_is_given_up() {
    let server = TestServer::with(|config| config.limits.max_transfers_per_user = 1).await;
    let alice = server.user("alice").await;
    let form = [&b"--x\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n"[..], &[7; 8 << 20], b"\r\n--x--\r\n"]
        .concat();
    let upload = "/api/v1/files/upload";
    let kind = "multipart/form-data; boundary=x";
    let stored = server.api.call("POST", upload, Some(&alice.token), kind, &form).await.ok();
    let path = format!("/api/v1/files/{}", stored["file_id"].as_str().unwrap());
    let mut slow = asks(&alice, &path).await;
    alice.get(&path).await.is("rate_limited");
    for _ in 0..9 {
        time_passes(Duration::from_secs(10)).await;
        slow.read_exact(&mut [0; 100]).await.unwrap();
    }
    until("the place is free", async || alice.get(&path).await.status == 200).await;
}

/// The last places are not for those who have some already.
#[tokio::test]
async fn a_few_do_not_take_all_places() {
    let server = TestServer::with(|config| {
        config.limits.max_transfers = 8;
        config.limits.max_transfers_per_user = 4;
    })
    .await;
    let alice = server.user("alice").await;
    let form = [&b"--x\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n"[..], &[7; 8 << 20], b"\r\n--x--\r\n"]
        .concat();
    let kind = "multipart/form-data; boundary=x";
    let stored = server.api.call("POST", "/api/v1/files/upload", Some(&alice.token), kind, &form).await.ok();
    let path = format!("/api/v1/files/{}", stored["file_id"].as_str().unwrap());
    let mut held = Vec::new();
    for name in ["mallory", "eve", "oscar"] {
        let thief = server.user(name).await;
        for _ in 0..4 {
            held.push(asks(&thief, &path).await);
        }
    }
    alice.get(&path).await.ok_bytes(&[7; 8 << 20]);
    drop(held);
}
