//! One commit for each epoch.

use privmsg_protocol::frames::ServerFrame;
use serde_json::json;

use super::{Pair, changes, commits, enters, pair, pair_on, state, submission, submit};
use crate::support::{Person, TestServer, new_id};

#[tokio::test]
async fn one_commit_is_taken_for_each_epoch() {
    let Pair { server: _server, alice, bob, id, hers, his, .. } = pair().await;
    let (a, b) = (hers.commits(&[], &[]).unwrap(), his.commits(&[], &[]).unwrap());
    let (first, second) = (submission(&a), submission(&b));
    let (a, b) = tokio::join!(submit(&alice, id, &first), submit(&bob, id, &second));
    let (winner, loser, body, by, group) =
        if a.status == 200 { (a, b, first, &alice, &hers) } else { (b, a, second, &bob, &his) };
    assert_eq!(winner.ok(), json!({"epoch": 2, "seq": 2}));
    assert_eq!(loser.is("stale_epoch")["epoch"], 2);
    // The winner asks again, having missed the answer.
    assert_eq!(submit(by, id, &body).await.ok(), json!({"epoch": 2, "seq": 2}));
    // The same id for another epoch is another commit.
    group.merges().unwrap();
    let mut other = submission(&group.commits(&[], &[]).unwrap());
    other["message_id"] = body["message_id"].clone();
    submit(by, id, &other).await.is("message_id_conflict");
}

#[tokio::test]
async fn many_concurrent_commits_leave_one_per_epoch() {
    const EPOCHS: u64 = 10;
    let Pair { server: _server, alice, bob, id, hers, his, .. } = pair().await;
    for epoch in 1..=EPOCHS {
        let ((a, by_her), (b, by_him)) =
            tokio::join!(commits(&alice, &hers, id, &[], &[]), commits(&bob, &his, id, &[], &[]));
        let (loser, winners, losers, taken) =
            if a.status == 200 { (b, &hers, &his, by_her) } else { (a, &his, &hers, by_him) };
        assert_eq!(loser.is("stale_epoch")["epoch"], epoch + 1);
        winners.merges().unwrap();
        losers.forgets().unwrap();
        losers.follows(&taken.commit).unwrap();
    }
    let group = alice.get(&format!("/api/v1/groups/{id}")).await.ok();
    assert_eq!((&group["epoch"], &group["seq"]), (&json!(EPOCHS + 1), &json!(EPOCHS + 1)));
}

#[tokio::test]
async fn a_further_device_is_added_or_adds_itself() {
    let Pair { server, alice, bob, id, hers, his, .. } = pair().await;
    let tablet = server.device("alice", &alice.access_key).await;
    let mut t = tablet.online().await;
    t.send(tablet.group_message(id, 1, new_id())).await;
    assert_eq!(t.error().await.code.as_str(), "not_a_member");

    changes(&bob, &his, id, &[&hers], &[&tablet], &[]).await;
    let welcome = t.message().await;
    assert_eq!((welcome.epoch.unwrap().0, welcome.seq.unwrap().0), (2, 2));
    t.deliver(tablet.group_message(id, 2, new_id())).await;

    let phone = server.device("alice", &alice.access_key).await;
    let (_, _, external) = enters(&phone, id).await;
    assert_eq!(t.message().await.message_id, serde_json::from_value(external["message_id"].clone()).unwrap());
    phone.online().await.deliver(phone.group_message(id, 3, new_id())).await;
    // It missed the answer.
    assert_eq!(submit(&phone, id, &external).await.ok()["epoch"], 3);
}

#[tokio::test]
async fn the_state_of_an_epoch_is_kept_while_its_welcome_waits() {
    let Pair { server: _server, alice, bob, id, hers, his, begun } = pair().await;
    let next = changes(&alice, &hers, id, &[&his], &[], &[]).await;
    let at = async |who: &Person, query: &str| who.get(&format!("/api/v1/groups/{id}/state{query}")).await;
    let current = at(&bob, "").await.ok();
    assert_eq!((&current["epoch"], &current["seq"]), (&json!(2), &json!(2)));
    assert_eq!(current["state"], state(&next), "the tree that the server derives is the committer's");
    let earlier = at(&bob, "?epoch=1").await.ok();
    assert_eq!((&earlier["seq"], &earlier["state"]), (&json!(1), &state(&begun)));
    at(&alice, "?epoch=1").await.is("stale_epoch");
    let mut b = bob.connect().await;
    let welcome = b.message().await.message_id;
    b.ack(&[welcome]).await;
    b.ping_through().await;
    // The acknowledgement is in effect when the next connection stands.
    bob.connect().await;
    at(&bob, "?epoch=1").await.is("stale_epoch");
    assert_eq!(at(&bob, "").await.ok()["state"], state(&next));
}

#[tokio::test]
async fn a_device_removed_by_a_commit_learns_it_and_may_come_back() {
    let Pair { server, alice, bob, id, hers, his, .. } = pair().await;
    let tablet = server.device("bob", &bob.access_key).await;
    let bundle = changes(&bob, &his, id, &[&hers], &[&tablet], &[]).await;
    let tablets = tablet.mls.joins(&bundle).unwrap();
    changes(&tablet, &tablets, id, &[&hers], &[], &[&bob]).await;
    let mut b = bob.connect().await;
    assert_eq!(b.message().await.seq.unwrap().0, 1, "the welcome");
    assert_eq!(b.message().await.seq.unwrap().0, 3, "the commit that removes it");
    assert_eq!(b.next().await, ServerFrame::CaughtUp);
    b.send(bob.group_message(id, 3, new_id())).await;
    assert_eq!(b.error().await.code.as_str(), "not_a_member");
    let (his, entry, _) = enters(&bob, id).await;
    hers.follows(&entry.commit).unwrap();
    b.deliver(bob.group_message(id, 4, new_id())).await;
    // Anew, its former leaf goes by the same commit: there is no other.
    drop(his);
    let (his, entry, _) = enters(&bob, id).await;
    hers.follows(&entry.commit).unwrap();
    assert_eq!((his.leaves().unwrap(), hers.leaves().unwrap()), (3, 3));
    let group = alice.get(&format!("/api/v1/groups/{id}")).await.ok();
    assert_eq!(group["devices"].as_array().unwrap().iter().filter(|device| device["leaf"] == true).count(), 3);
}

/// Whatever a group needs, the administrator's limit counts.
#[tokio::test]
async fn handshakes_have_a_limit_of_their_own() {
    let server = TestServer::with(|config| {
        config.limits.max_message_size_kb = 1;
        config.limits.max_handshake_size_kb = 16;
    })
    .await;
    let Pair { server, alice, id, hers, .. } = pair_on(server).await;
    let first = server.device("alice", &alice.access_key).await;
    changes(&alice, &hers, id, &[], &[&first], &[]).await;
    let further = async || server.device("alice", &alice.access_key).await;
    let (a, b, c) = (further().await, further().await, further().await);
    commits(&alice, &hers, id, &[&a, &b, &c], &[]).await.0.is("handshake_too_large");
}
