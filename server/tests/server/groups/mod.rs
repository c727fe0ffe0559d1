//! MLS groups: one conversation per pair, one commit per epoch, numbers without holes.

mod commits;
mod creating;
mod devices;

use privmsg_protocol::GroupId;
use serde_json::{Value, json};

use crate::support::{Answer, Person, TestServer, new_id};

fn group_id(byte: u8) -> GroupId {
    GroupId::from_bytes([byte; 16])
}

fn state(epoch: u64) -> Value {
    json!({"group_info": format!("info{epoch}"), "ratchet_tree": format!("tree{epoch}")})
}

fn welcomes(devices: &[&Person]) -> Vec<Value> {
    let welcome = |person: &&Person| json!({"device_id": person.device, "welcome": "d2VsY29tZQ=="});
    devices.iter().map(welcome).collect()
}

async fn create(by: &Person, id: GroupId, kind: &str, users: &[&str], joiners: &[&Person]) -> Answer {
    let body = json!({
        "group_id": id, "kind": kind, "participants": users, "epoch": 1,
        "welcomes": welcomes(joiners), "state": state(1),
    });
    by.post("/api/v1/groups", body).await
}

fn commit(epoch: u64, joiners: &[&Person], removed: &[&Person]) -> Value {
    let removed: Vec<_> = removed.iter().map(|person| &person.device).collect();
    json!({
        "message_id": new_id(), "epoch": epoch, "commit": "Y29tbWl0",
        "welcomes": welcomes(joiners), "removed": removed, "state": state(epoch + 1),
    })
}

async fn submit(by: &Person, id: GroupId, body: &Value) -> Answer {
    by.post(&format!("/api/v1/groups/{id}/commits"), body.clone()).await
}

/// Alice and bob in a direct conversation, bob's welcome still in his mailbox.
async fn direct() -> (TestServer, Person, Person, GroupId) {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let id = group_id(1);
    create(&alice, id, "direct", &["alice", "bob"], &[&bob]).await.ok();
    (server, alice, bob, id)
}
