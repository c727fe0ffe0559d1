//! MLS groups: one conversation per pair, one commit per epoch, numbers without holes.

mod asking;
mod attacks;
mod commits;
mod creating;
mod declined;
mod device_keys;
mod devices;
mod full;
mod keeping_out;
mod large;
mod leaf_dates;
mod leaving;
mod lifetimes;
mod looking;
mod people;
mod restored;
mod roster_attacks;
mod rosters;
mod unusable;

use privmsg_harness::e2ee::CommitBundle;
use privmsg_harness::mls::MlsGroup;
use privmsg_mls_public::Roster;
use privmsg_protocol::GroupId;
use serde_json::Value;

use crate::support::{Answer, Chat, Person, TestServer, devices, state, submission, submit};

/// Alice and bob in a direct conversation, bob's welcome still in his mailbox.
struct Pair {
    server: TestServer,
    alice: Person,
    bob: Person,
    id: GroupId,
    /// The group as each of them has it.
    hers: MlsGroup,
    his: MlsGroup,
    /// What it began with.
    begun: CommitBundle,
}

async fn pair() -> Pair {
    pair_on(TestServer::start().await).await
}

async fn pair_on(server: TestServer) -> Pair {
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let chat = Chat::direct("alice", "bob");
    let (hers, begun, body) = chat.begun_by(&alice, &[&bob]);
    alice.post("/api/v1/groups", body).await.ok();
    let his = bob.mls.joins(&begun).unwrap();
    Pair { server, alice, bob, id: chat.id(), hers, his, begun }
}

/// Makes a commit and hands it in.
async fn commits(
    by: &Person,
    group: &MlsGroup,
    id: GroupId,
    add: &[&Person],
    gone: &[&Person],
) -> (Answer, CommitBundle) {
    let bundle = group.commits(&devices(add), &devices(gone)).unwrap();
    (submit(by, id, &submission(&bundle)).await, bundle)
}

/// Makes a commit that is taken, and goes on with the others.
async fn changes(
    by: &Person,
    group: &MlsGroup,
    id: GroupId,
    others: &[&MlsGroup],
    add: &[&Person],
    gone: &[&Person],
) -> CommitBundle {
    let (answer, bundle) = commits(by, group, id, add, gone).await;
    answer.ok();
    group.merges().unwrap();
    for other in others {
        other.follows(&bundle.commit).unwrap();
    }
    bundle
}

/// What the server shows of a group to a device that joins by itself: GroupInfo, tree and roster.
async fn shown(by: &Person, id: GroupId) -> (Vec<u8>, Vec<u8>, Option<Roster>) {
    let at = by.get(&format!("/api/v1/groups/{id}/state")).await.ok();
    let piece = |name: &str| {
        let text = at["state"][name].as_str().unwrap();
        privmsg_protocol::Opaque::from_base64(text).decode().unwrap()
    };
    let roster = at["roster"].as_str().map(|text| {
        let bytes = privmsg_protocol::Opaque::from_base64(text).decode().unwrap();
        Roster::decode(&bytes).unwrap()
    });
    (piece("group_info"), piece("ratchet_tree"), roster)
}

/// The request of a device that joins by itself.
async fn entry(by: &Person, id: GroupId) -> (MlsGroup, CommitBundle, Value) {
    let (group_info, ratchet_tree, roster) = shown(by, id).await;
    let (group, bundle) = by.mls.enters(&group_info, &ratchet_tree, roster.as_ref()).unwrap();
    let body = submission(&bundle);
    (group, bundle, body)
}

async fn enters(by: &Person, id: GroupId) -> (MlsGroup, CommitBundle, Value) {
    let (group, bundle, body) = entry(by, id).await;
    submit(by, id, &body).await.ok();
    (group, bundle, body)
}
