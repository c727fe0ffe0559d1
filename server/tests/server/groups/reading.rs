//! Who asks for much and does not read it.

use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpSocket;

use crate::support::{TestServer, until};

/// Each unread answer stays in the server's memory: a user has few of them, and others are not refused for it.
#[tokio::test]
async fn answers_that_nobody_reads_are_few() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let large = "x".repeat(4 * 1024 * 1024);
    let mut paths = Vec::new();
    for (person, name) in [(&alice, "alice"), (&bob, "bob")] {
        let body = json!({
            "kind": "self", "participants": [name], "incarnation": 1, "epoch": 1, "welcomes": [],
            "state": {"group_info": large, "ratchet_tree": large},
        });
        let made = person.post("/api/v1/groups", body).await.ok();
        paths.push(format!("/api/v1/groups/{}/state", made["group_id"].as_str().unwrap()));
    }
    let mut unread = Vec::new();
    for _ in 0..2 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut connection = socket.connect(server.api.address).await.unwrap();
        let head = format!("GET {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", paths[0], alice.token);
        connection.write_all(head.as_bytes()).await.unwrap();
        // The answer has begun.
        connection.readable().await.unwrap();
        unread.push(connection);
    }
    alice.get(&paths[0]).await.is("rate_limited");
    bob.get(&paths[1]).await.ok();
    // Small ones are not counted.
    alice.get("/api/v1/messages/pending").await.ok();
    drop(unread);
    until("that the answers are given up", async || alice.get(&paths[0]).await.status == 200).await;
}
