//! Who asks for much and does not read it.

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpSocket;

use crate::support::{TestServer, new_id, until};

/// An answer of four megabytes.
const PENDING: &str = "/api/v1/messages/pending";

/// Each unread answer stays in the server's memory: a user has few of them, and others are not refused for it.
#[tokio::test]
async fn answers_that_nobody_reads_are_few() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let carol = server.user("carol").await;
    let (mut line, content) = (carol.online().await, "x".repeat(60 * 1024));
    for _ in 0..64 {
        line.deliver(carol.message("alice", new_id(), &content)).await;
        line.deliver(carol.message("bob", new_id(), &content)).await;
    }
    let mut unread = Vec::new();
    for _ in 0..2 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut connection = socket.connect(server.api.address).await.unwrap();
        let head = format!("GET {PENDING} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", alice.token);
        connection.write_all(head.as_bytes()).await.unwrap();
        // The answer has begun.
        connection.readable().await.unwrap();
        unread.push(connection);
    }
    alice.get(PENDING).await.is("rate_limited");
    bob.get(PENDING).await.ok();
    // Small ones are not counted.
    alice.get("/api/v1/messages/pending?limit=1").await.ok();
    drop(unread);
    until("that the answers are given up", async || alice.get(PENDING).await.status == 200).await;
}
