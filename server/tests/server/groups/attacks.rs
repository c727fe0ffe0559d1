//! Whoever wants that a conversation is of no use to the others any more, or gets at what is not theirs: with bytes that are
//! nothing, and with real ones in the wrong place. An honest server takes none of it, and the group goes on.

use privmsg_harness::e2ee::CommitBundle;
use privmsg_harness::mls::{MlsDevice, MlsGroup};
use serde_json::{Value, json};

use super::{Pair, changes, enters, entry, pair, state, submission, submit};
use crate::support::{Chat, Person, TestServer, base64, create};

const NOTHING: &[u8] = b"nothing of any kind";

impl Pair {
    /// Nothing has changed, and both can still commit, and read each other's commits.
    async fn goes_on(&self, epoch: u64) {
        let group = self.alice.get(&format!("/api/v1/groups/{}", self.id)).await.ok();
        assert_eq!(group["epoch"], epoch, "{group}");
        let leaves = group["devices"].as_array().unwrap().iter().filter(|device| device["leaf"] == true).count();
        assert_eq!(leaves, self.hers.leaves().unwrap());
        for group in [&self.hers, &self.his] {
            group.forgets().unwrap();
        }
        changes(&self.alice, &self.hers, self.id, &[&self.his], &[], &[]).await;
        changes(&self.bob, &self.his, self.id, &[&self.hers], &[], &[]).await;
    }

    async fn refuses(&self, by: &Person, body: &Value) {
        let problem = submit(by, self.id, body).await.is("invalid_handshake");
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
}

fn with(body: &Value, change: impl FnOnce(&mut Value)) -> Value {
    let mut changed = body.clone();
    changed["message_id"] = json!(crate::support::new_id());
    change(&mut changed);
    changed
}

/// A Welcome for a device that has nothing to do with it.
fn welcome_of(person: &Person) -> Value {
    let secrets = [[1, b'r'], [1, b'k'], [1, b'c']].concat();
    json!({"group_info": "eA==", "secrets": [{"device_id": person.device, "secrets": base64(&secrets)}]})
}

fn cut(bytes: &[u8]) -> Value {
    base64(&bytes[..bytes.len() - 1])
}

/// A member commits what the others cannot follow, or describes it so that nobody can join.
#[tokio::test]
async fn a_member_commits_nothing_but_what_holds() {
    let pair = pair().await;
    let (bob, hers, his) = (&pair.bob, &pair.hers, &pair.his);
    let bundle = his.commits(&[], &[]).unwrap();
    let body = submission(&bundle);
    let other = hers.commits(&[], &[]).unwrap();
    let mut spoiled = bundle.commit.clone();
    *spoiled.last_mut().unwrap() ^= 1;
    let mut signed = bundle.group_info.clone();
    *signed.last_mut().unwrap() ^= 1;
    for wrong in [
        with(&body, |body| body["commit"] = base64(NOTHING)),
        with(&body, |body| body["commit"] = json!("not base64")),
        with(&body, |body| body["commit"] = base64(b"")),
        with(&body, |body| body["commit"] = cut(&bundle.commit)),
        with(&body, |body| body["commit"] = base64(&[&bundle.commit[..], b"x"].concat())),
        with(&body, |body| body["commit"] = base64(&bundle.group_info)),
        with(&body, |body| body["group_info"] = base64(NOTHING)),
        with(&body, |body| body["group_info"] = cut(&bundle.group_info)),
        with(&body, |body| body["group_info"] = base64(&signed)),
        with(&body, |body| body["group_info"] = base64(&pair.begun.group_info)),
        // Of the same epoch, and right by itself.
        with(&body, |body| body["group_info"] = base64(&other.group_info)),
        // Somebody else's.
        submission(&other),
        with(&body, |body| body["welcome"] = welcome_of(&pair.alice)),
    ] {
        pair.refuses(bob, &wrong).await;
    }
    // The tag of the membership is the one thing that only members can check. It says again what the signature says.
    submit(bob, pair.id, &with(&body, |body| body["commit"] = base64(&spoiled))).await.ok();
    assert!(hers.follows(&spoiled).is_err());
}

/// What the request says of a commit is not believed.
#[tokio::test]
async fn welcomes_go_to_those_whom_the_commit_adds() {
    let pair = pair().await;
    let (server, alice, bob) = (&pair.server, &pair.alice, &pair.bob);
    let (tablet, phone) =
        (server.device("bob", &bob.access_key).await, server.device("alice", &alice.access_key).await);
    let body = submission(&pair.his.commits(&[&tablet.mls], &[]).unwrap());
    let secrets = body["welcome"]["secrets"][0].clone();
    let of = |person: &Person| json!({"device_id": person.device, "secrets": secrets["secrets"]});
    pair.refuses(bob, &with(&body, |body| body["welcome"] = Value::Null)).await;
    for others in [
        json!([]),
        json!([of(&phone)]),
        json!([secrets, of(&phone)]),
        json!([secrets, secrets]),
        json!([secrets, of(alice)]),
        json!([secrets, of(bob)]),
        // No part of a Welcome.
        json!([{"device_id": tablet.device, "secrets": "eA=="}]),
    ] {
        pair.refuses(bob, &with(&body, |body| body["welcome"]["secrets"] = others)).await;
    }
    // A device of somebody else under the name of one's own, and one that nobody has.
    pair.his.forgets().unwrap();
    for name in [&phone.device, "nobodys"] {
        let posing = MlsDevice::of("bob", name).unwrap();
        let body = submission(&pair.his.commits(&[&posing], &[]).unwrap());
        submit(bob, pair.id, &body).await.is("unknown_device");
        pair.his.forgets().unwrap();
    }
    assert_eq!(pair.hers.leaves().unwrap(), 2);
    pair.goes_on(1).await;
}

/// With an access key alone: the device that it opens has no certificate of the account's identity. Once, one commit of
/// nothing, by which all devices left, ended a conversation for good.
#[tokio::test]
async fn an_access_key_alone_gets_nobody_into_a_group() {
    let pair = pair().await;
    let vandal = pair.server.device("bob", &pair.bob.access_key).await;
    let garbage = json!({
        "message_id": crate::support::new_id(), "epoch": 1, "commit": base64(NOTHING), "group_info": base64(NOTHING),
        "external": true, "removed": [pair.alice.device, pair.bob.device],
    });
    pair.refuses(&vandal, &garbage).await;
    // As another device than its own, and with somebody else's commit. With its own it would need bob's identity key.
    let other = MlsDevice::of("bob", "another").unwrap();
    let (_, posing) = other.enters(&pair.begun.group_info, &pair.begun.ratchet_tree, None).unwrap();
    submit(&vandal, pair.id, &submission(&posing)).await.is("not_a_member");
    submit(&vandal, pair.id, &submission(&pair.his.commits(&[], &[]).unwrap())).await.is("not_a_member");
    pair.goes_on(1).await;
}

/// Somebody who takes no part has no business in a group, whatever they hold in their hands.
#[tokio::test]
async fn strangers_change_nothing() {
    let pair = pair().await;
    let eve = pair.server.user("eve").await;
    let theirs = submission(&pair.his.commits(&[], &[]).unwrap());
    submit(&eve, pair.id, &theirs).await.is("unknown_group");
    let (_, _, next) = Chat::direct("alice", "bob").again(2).begun_by(&pair.alice, &[&pair.bob]);
    eve.post("/api/v1/groups", next).await.is("invalid_handshake");
    pair.goes_on(1).await;
}

/// A commit of another epoch under the number of the current one.
#[tokio::test]
async fn a_commit_of_the_past_is_none_of_today() {
    let pair = pair().await;
    let old = pair.his.commits(&[], &[]).unwrap();
    pair.his.forgets().unwrap();
    changes(&pair.alice, &pair.hers, pair.id, &[&pair.his], &[], &[]).await;
    let problem = submit(&pair.bob, pair.id, &submission(&old)).await.is("stale_epoch");
    assert_eq!(problem["epoch"], 2);
    let relabelled = with(&submission(&old), |body| body["epoch"] = json!(2));
    assert_eq!(submit(&pair.bob, pair.id, &relabelled).await.is("stale_epoch")["epoch"], 2);
    pair.goes_on(2).await;
}

/// Whoever comes by themselves takes the place of their own former leaf, and nobody else's.
#[tokio::test]
async fn whoever_joins_displaces_nobody() {
    let pair = pair().await;
    let tablet = pair.server.device("bob", &pair.bob.access_key).await;
    let (_, bundle, body) = entry(&tablet, pair.id).await;
    for welcomed in [&pair.alice, &tablet] {
        pair.refuses(&tablet, &with(&body, |body| body["welcome"] = welcome_of(welcomed))).await;
    }
    submit(&tablet, pair.id, &body).await.ok();
    for group in [&pair.hers, &pair.his] {
        group.follows(&bundle.commit).unwrap();
        assert_eq!(group.leaves().unwrap(), 3);
    }
    let (_, again, _) = enters(&tablet, pair.id).await;
    for group in [&pair.hers, &pair.his] {
        group.follows(&again.commit).unwrap();
        assert_eq!(group.leaves().unwrap(), 3);
    }
    pair.goes_on(3).await;
}

/// A conversation does not begin, or go on, with nothing. Once, it then existed, and no other could be made in its place.
#[tokio::test]
async fn no_conversation_begins_with_garbage() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let chat = Chat::direct("alice", "bob");
    let (_, bundle, body) = chat.begun_by(&bob, &[&alice]);
    let (_, alone, _) = chat.begun_by(&bob, &[]);
    let (_, notes, _) = Chat::notes("bob").begun_by(&bob, &[]);
    let mut tree = bundle.ratchet_tree.clone();
    let middle = tree.len() / 2;
    tree[middle] ^= 1;
    let changed = |name: &str, value: Value| with(&body, |body| body["state"][name] = value);
    for wrong in [
        changed("group_info", base64(NOTHING)),
        changed("group_info", cut(&bundle.group_info)),
        changed("group_info", base64(&alone.group_info)),
        changed("ratchet_tree", base64(NOTHING)),
        changed("ratchet_tree", base64(&tree)),
        changed("ratchet_tree", cut(&bundle.ratchet_tree)),
        changed("ratchet_tree", base64(&alone.ratchet_tree)),
        with(&body, |body| body["state"] = state(&alone)),
        with(&body, |body| body["state"] = state(&notes)),
        with(&body, |body| body["welcome"] = Value::Null),
        with(&body, |body| body["welcome"] = welcome_of(&bob)),
        later_epoch(&chat, &alice, &bob, &body),
    ] {
        bob.post("/api/v1/groups", wrong).await.is("invalid_handshake");
    }
    // Made by another device than the one that is signed in, and by somebody else.
    server.device("bob", &bob.access_key).await.post("/api/v1/groups", body.clone()).await.is("invalid_handshake");
    alice.post("/api/v1/groups", body).await.is("invalid_handshake");
    assert_eq!(alice.get("/api/v1/groups").await.ok()["groups"], json!([]));
    create(&alice, &chat, &[&bob]).await.ok();
    let (_, _, next) = chat.again(2).begun_by(&bob, &[&alice]);
    bob.post("/api/v1/groups", with(&next, |next| next["state"]["ratchet_tree"] = base64(NOTHING)))
        .await
        .is("invalid_handshake");
    let group = alice.get(&format!("/api/v1/groups/{}", chat.id())).await.ok();
    assert_eq!(group["incarnation"], 1);
}

/// A group whose first epoch that the server would see is not its first.
fn later_epoch(chat: &Chat, alice: &Person, bob: &Person, body: &Value) -> Value {
    let (group, ..): (MlsGroup, CommitBundle, _) = chat.begun_by(bob, &[alice]);
    let next = group.commits(&[], &[]).unwrap();
    with(body, |body| body["state"] = state(&next))
}

/// What is longer than a group of so many leaves needs is meant to fill disks.
#[tokio::test]
async fn pieces_are_as_long_as_leaves_need() {
    let pair = pair().await;
    let body = submission(&pair.his.commits(&[], &[]).unwrap());
    let of = |len: usize| base64(&vec![0; len]);
    for large in [
        with(&body, |body| body["commit"] = of(16 * 1024)),
        with(&body, |body| body["group_info"] = of(5 * 1024)),
        with(&body, |body| body["welcome"] = json!({"group_info": of(5 * 1024), "secrets": []})),
        with(&body, |body| {
            let secrets = json!([{"device_id": pair.alice.device, "secrets": of(3 * 1024)}]);
            body["welcome"] = json!({"group_info": "eA==", "secrets": secrets});
        }),
    ] {
        submit(&pair.bob, pair.id, &large).await.is("handshake_too_large");
    }
    let (_, _, next) = Chat::direct("alice", "bob").again(2).begun_by(&pair.bob, &[&pair.alice]);
    for (name, len) in [("group_info", 5 * 1024), ("ratchet_tree", 16 * 1024)] {
        let large = with(&next, |next| next["state"][name] = of(len));
        pair.bob.post("/api/v1/groups", large).await.is("handshake_too_large");
    }
    pair.goes_on(1).await;
}

/// A blank node is one byte, and trees are padded to a power of two, with two hashes for each node, before anything of them
/// is checked. Once, a body of 3 MB took 2 GB of memory, and as many times as somebody liked.
#[tokio::test]
async fn a_tree_of_blanks_is_refused_before_it_is_built() {
    const BLANKS: usize = 3_000_001;
    const GIGABYTE: u64 = 1 << 30;
    let server = TestServer::with(|config| config.limits.rate_limit_new_groups_per_hour = 4).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let (_, begun, body) = Chat::direct("alice", "bob").begun_by(&alice, &[&bob]);
    let nodes = nodes_of(&begun.ratchet_tree);
    let sparse = tree_of(&[nodes, &vec![0; BLANKS], nodes].concat());
    let gap = tree_of(&[nodes, &[0, 0, 0], nodes].concat());
    let joiner = |at: usize| json!({"device_id": format!("device{at:010}"), "secrets": "eA=="});
    let joiners: Vec<Value> = (0..900).map(joiner).collect();
    for (tree, times) in [(&sparse, 2), (&gap, 2)] {
        let attack = with(&body, |body| {
            body.as_object_mut().unwrap().remove("message_id");
            body["state"]["ratchet_tree"] = base64(tree);
            body["welcome"]["secrets"] = json!(joiners);
        });
        for _ in 0..times {
            alice.post("/api/v1/groups", attack.clone()).await.is("invalid_handshake");
        }
    }
    let peak = privmsg_harness::procfs::peak_resident_bytes(std::process::id()).unwrap();
    assert!(peak < GIGABYTE, "{peak} bytes");
    alice.post("/api/v1/groups", body.clone()).await.is("rate_limited");
    // It was nobody else's.
    let (_, _, body) = Chat::direct("alice", "bob").begun_by(&bob, &[&alice]);
    bob.post("/api/v1/groups", body).await.ok();
}

/// A vector of TLS without its length (RFC 9420, section 2.1.2).
fn nodes_of(tree: &[u8]) -> &[u8] {
    let len_of_len = 1 << (tree[0] >> 6);
    &tree[len_of_len..]
}

fn tree_of(nodes: &[u8]) -> Vec<u8> {
    let len = u32::try_from(nodes.len()).unwrap() | 2 << 30;
    [&len.to_be_bytes()[..], nodes].concat()
}

/// A member could send what says that it is of an epoch to come: the others kept it for ever, and believed to be behind.
#[tokio::test]
async fn a_message_says_of_itself_what_it_is_sent_as() {
    let Pair { server: _server, alice, bob, id, .. } = pair().await;
    let mut a = alice.online().await;
    let good = alice.group_message(id, 1, crate::support::new_id());
    let of = |other: &Value| other["payload"]["encrypted_content"].clone();
    let others = [
        of(&alice.group_message(id, 2, crate::support::new_id())),
        of(&alice.group_message(Chat::notes("alice").id(), 1, crate::support::new_id())),
        json!("Y2lwaGVy"),
        json!(""),
    ];
    for content in others {
        let mut message = good.clone();
        message["payload"]["encrypted_content"] = content;
        a.send(message).await;
        assert_eq!(a.error().await.code.as_str(), "invalid_request");
    }
    a.deliver(good).await;
    let waiting = bob.get("/api/v1/messages/pending").await.ok();
    assert_eq!(waiting["messages"].as_array().unwrap().len(), 2, "the welcome, and the good one");
}

/// Each costs the server as much to look at as a good one.
#[tokio::test]
async fn whoever_hands_in_what_does_not_hold_may_do_it_less_often() {
    let pair =
        super::pair_on(TestServer::with(|config| config.limits.rate_limit_handshakes_per_minute = 12).await).await;
    let body = submission(&pair.his.commits(&[], &[]).unwrap());
    let nonsense = || with(&body, |body| body["commit"] = base64(NOTHING));
    for _ in 0..3 {
        pair.refuses(&pair.bob, &nonsense()).await;
    }
    submit(&pair.bob, pair.id, &nonsense()).await.is("rate_limited");
    // What is owed is paid before anything else is taken.
    pair.server.clock.advance(5);
    pair.refuses(&pair.bob, &nonsense()).await;
    pair.server.clock.advance(10);
    submit(&pair.bob, pair.id, &nonsense()).await.is("rate_limited");
    pair.server.clock.advance(60);
    submit(&pair.bob, pair.id, &body).await.ok();
    // Nobody else has paid for it.
    pair.his.merges().unwrap();
}
