//! MLS groups: one conversation per pair, one commit per epoch, numbers without holes.

mod commits;
mod creating;
mod devices;
mod reading;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use privmsg_mls_public::{direct_chat_id, group_chat_id, group_id, self_chat_id};
use privmsg_protocol::{GroupId, Incarnation};
use serde_json::{Value, json};

use crate::support::{Answer, Person, TestServer, new_id};

/// A conversation, in its first group unless it is said otherwise.
#[derive(Clone)]
struct Chat {
    kind: &'static str,
    users: Vec<&'static str>,
    incarnation: u32,
    roster: Option<String>,
}

impl Chat {
    fn direct(a: &'static str, b: &'static str) -> Self {
        Self { kind: "direct", users: vec![a, b], incarnation: 1, roster: None }
    }

    fn notes(user: &'static str) -> Self {
        Self { kind: "self", users: vec![user], incarnation: 1, roster: None }
    }

    /// A group that began with a roster of its own.
    fn group(number: u8, users: &[&'static str]) -> Self {
        let roster = Some(STANDARD.encode([number]));
        Self { kind: "group", users: users.to_vec(), incarnation: 1, roster }
    }

    fn again(&self, incarnation: u32) -> Self {
        Self { incarnation, ..self.clone() }
    }

    fn id(&self) -> GroupId {
        let user = |at: usize| self.users[at].parse().unwrap();
        let chat = match self.kind {
            "direct" => direct_chat_id(&user(0), &user(1)),
            "self" => self_chat_id(&user(0)),
            _ => group_chat_id(&STANDARD.decode(self.roster.as_ref().unwrap()).unwrap()),
        };
        group_id(&chat, Incarnation(self.incarnation))
    }
}

fn state(epoch: u64) -> Value {
    json!({"group_info": format!("info{epoch}"), "ratchet_tree": format!("tree{epoch}")})
}

fn welcomes(devices: &[&Person]) -> Vec<Value> {
    let welcome = |person: &&Person| json!({"device_id": person.device, "welcome": "d2VsY29tZQ=="});
    devices.iter().map(welcome).collect()
}

async fn create(by: &Person, chat: &Chat, joiners: &[&Person]) -> Answer {
    let body = json!({
        "kind": chat.kind, "participants": chat.users, "incarnation": chat.incarnation, "epoch": 1,
        "founding_roster": chat.roster, "welcomes": welcomes(joiners), "state": state(1),
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
    let chat = Chat::direct("alice", "bob");
    create(&alice, &chat, &[&bob]).await.ok();
    (server, alice, bob, chat.id())
}
