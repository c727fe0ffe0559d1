//! Conversations, as the devices in them make them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use privmsg_harness::e2ee::{CommitBundle, ConversationInfo};
use privmsg_harness::mls::{MlsDevice, MlsGroup};
use privmsg_protocol::{GroupId, Incarnation};
use serde_json::{Value, json};

use super::{Answer, Person, new_id};

/// A conversation, in its first group unless it is said otherwise.
#[derive(Clone)]
pub(crate) struct Chat {
    kind: &'static str,
    users: Vec<String>,
    incarnation: u32,
}

impl Chat {
    pub(crate) fn direct(a: &str, b: &str) -> Self {
        Self { kind: "direct", users: vec![a.to_owned(), b.to_owned()], incarnation: 1 }
    }

    pub(crate) fn notes(user: &str) -> Self {
        Self { kind: "self", users: vec![user.to_owned()], incarnation: 1 }
    }

    pub(crate) fn again(&self, incarnation: u32) -> Self {
        Self { incarnation, ..self.clone() }
    }

    fn info(&self) -> ConversationInfo {
        let people: Vec<_> = self.users.iter().map(|user| MlsDevice::of(user, "any").unwrap().person()).collect();
        let incarnation = Incarnation(self.incarnation);
        match &*people {
            [own] => ConversationInfo::notes(own.clone(), incarnation),
            [a, b] => ConversationInfo::direct(a.clone(), b.clone(), incarnation).unwrap(),
            _ => panic!("no such conversation"),
        }
    }

    pub(crate) fn id(&self) -> GroupId {
        self.info().group_id()
    }

    /// A device's request to begin it with these others, and the group that it is about.
    pub(crate) fn begun_by(&self, by: &Person, others: &[&Person]) -> (MlsGroup, CommitBundle, Value) {
        let (group, bundle) = by.mls.founds(self.info(), &devices(others)).unwrap();
        let body = json!({
            "kind": self.kind, "participants": self.users, "incarnation": self.incarnation,
            "welcome": welcome(&bundle), "state": state(&bundle),
        });
        (group, bundle, body)
    }
}

/// Begins a conversation.
pub(crate) async fn create(by: &Person, chat: &Chat, others: &[&Person]) -> Answer {
    let (_, _, body) = chat.begun_by(by, others);
    by.post("/api/v1/groups", body).await
}

pub(crate) fn devices<'a>(people: &[&'a Person]) -> Vec<&'a MlsDevice> {
    people.iter().map(|person| &person.mls).collect()
}

pub(crate) fn base64(bytes: &[u8]) -> Value {
    json!(STANDARD.encode(bytes))
}

/// The state after a commit, as whoever joins is given it.
pub(crate) fn state(bundle: &CommitBundle) -> Value {
    json!({"group_info": base64(&bundle.group_info), "ratchet_tree": base64(&bundle.ratchet_tree)})
}

pub(crate) fn welcome(bundle: &CommitBundle) -> Value {
    let Some(welcome) = &bundle.welcome else { return Value::Null };
    let one = |(device, secrets): &(_, Vec<u8>)| json!({"device_id": device, "secrets": base64(secrets)});
    json!({"group_info": base64(&welcome.group_info), "secrets": welcome.secrets.iter().map(one).collect::<Vec<_>>()})
}

/// The request that hands a commit in.
pub(crate) fn submission(bundle: &CommitBundle) -> Value {
    json!({
        "message_id": new_id(), "epoch": bundle.epoch, "commit": base64(&bundle.commit),
        "welcome": welcome(bundle), "group_info": base64(&bundle.group_info),
    })
}

pub(crate) async fn submit(by: &Person, id: GroupId, body: &Value) -> Answer {
    by.post(&format!("/api/v1/groups/{id}/commits"), body.clone()).await
}
