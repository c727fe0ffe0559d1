//! What is asked of groups at once: what has changed since, and many people's key packages.

use privmsg_protocol::frames::ServerFrame;
use serde_json::{Value, json};

use super::people::{club, member};
use super::{changes, pair};
use crate::support::{Person, TestServer, new_id};

struct Seen {
    groups: Vec<Value>,
    unchanged: Vec<Value>,
    cursor: String,
}

async fn since(who: &Person, cursor: &str) -> Seen {
    let answer = who.get(&format!("/api/v1/groups?since={cursor}")).await.ok();
    let list = |name: &str| answer[name].as_array().cloned().unwrap_or_default();
    Seen { groups: list("groups"), unchanged: list("unchanged"), cursor: answer["cursor"].as_str().unwrap().to_owned() }
}

impl Seen {
    /// Only this has changed.
    fn shows(&self, id: impl serde::Serialize) {
        let names: Vec<_> = self.groups.iter().map(|group| &group["group_id"]).collect();
        assert_eq!(names, [&json!(id)]);
    }

    fn shows_nothing(&self) {
        assert!(self.groups.is_empty(), "{:?}", self.groups);
    }
}

#[tokio::test]
async fn only_what_has_changed_is_told_again() {
    let club = club().await;
    let (alice, bob, id) = (&club.alice, &club.bob, club.id);
    let all = alice.get("/api/v1/groups").await.ok();
    assert_eq!(all["groups"].as_array().unwrap().len(), 1);
    let first = since(alice, all["cursor"].as_str().unwrap()).await;
    first.shows_nothing();
    assert_eq!(first.unchanged, [json!({"group_id": id, "epoch": 1, "seq": 1})]);

    // A message changes nothing but `seq`.
    let mut line = bob.connect().await;
    while line.next().await != ServerFrame::CaughtUp {}
    line.deliver(bob.group_message(id, 1, new_id())).await;
    let seen = since(alice, &first.cursor).await;
    seen.shows_nothing();
    assert_eq!(seen.unchanged, [json!({"group_id": id, "epoch": 1, "seq": 2})]);
    changes(bob, &club.bobs, id, &[&club.hers, &club.carols], &[], &[]).await;
    let seen = since(alice, &seen.cursor).await;
    seen.shows(id);
    assert_eq!(seen.groups[0]["epoch"], 2);
    let seen = since(alice, &seen.cursor).await;
    seen.shows_nothing();
    // A device comes, and goes.
    let tablet = club.server.device("carol", &club.carol.access_key).await;
    let seen = since(alice, &seen.cursor).await;
    seen.shows(id);
    tablet.post("/api/v1/auth/logout", Value::Null).await.ok();
    let seen = since(alice, &seen.cursor).await;
    seen.shows(id);
    // Somebody leaves, and is deleted.
    let step = club.carol.mls.changes(&club.founding, &club.carol.mls, None).unwrap();
    let hers = since(&club.carol, "").await;
    club.leaves(&club.carol, &step).await.ok();
    let seen = since(alice, &seen.cursor).await;
    seen.shows(id);
    let gone = since(&club.carol, &hers.cursor).await;
    assert!(gone.groups.is_empty() && gone.unchanged.is_empty());
    club.server
        .api
        .json("DELETE", "/api/v1/admin/users/bob", None, &json!({"admin_key": crate::support::ADMIN_KEY}))
        .await
        .ok();
    since(alice, &seen.cursor).await.shows(id);
}

/// Whoever has nothing to do with a group hears nothing of it, and a cursor is nobody's secret.
#[tokio::test]
async fn a_cursor_that_is_none_tells_everything() {
    let pair = pair().await;
    let known = since(&pair.alice, "").await;
    let (lineage, number) = known.cursor.split_once('.').unwrap();
    for cursor in
        ["nonsense", "a.b", ".", &format!("{lineage}.999999"), &format!("{lineage}."), &format!("x{lineage}.{number}")]
    {
        since(&pair.alice, cursor).await.shows(pair.id);
    }
    since(&pair.alice, &known.cursor).await.shows_nothing();
    let eve = pair.server.user("eve").await;
    let seen = since(&eve, &format!("{lineage}.0")).await;
    assert!(seen.groups.is_empty() && seen.unchanged.is_empty());
}

/// What a member is told who comes back to a hundred groups in which nothing has happened.
#[tokio::test]
async fn nothing_new_is_little_to_read() {
    let server = TestServer::with(|config| config.limits.rate_limit_new_groups_per_hour = 0).await;
    let (alice, bob) = (member(&server, "alice").await, member(&server, "bob").await);
    let answer = bob.message("alice", new_id(), "eA==");
    bob.connect().await.deliver_through(answer).await;
    for _ in 0..100 {
        let founding = alice.mls.roster_with(&[&bob.mls]).unwrap();
        let (_, _, body) = super::people::beginning(&alice, &founding, &founding, 1, &[]);
        alice.post("/api/v1/groups", body).await.ok();
    }
    let cursor = since(&bob, "").await.cursor;
    let answer = bob.get(&format!("/api/v1/groups?since={cursor}")).await;
    assert_eq!(answer.ok()["unchanged"].as_array().unwrap().len(), 100);
    assert!(answer.body.len() < 8_000, "{}", answer.body.len());
}

#[tokio::test]
async fn key_packages_of_many_are_claimed_at_once() {
    let server = TestServer::start().await;
    let (alice, bob, carol) = (server.user("alice").await, server.user("bob").await, server.user("carol").await);
    let tablet = server.device("bob", &bob.access_key).await;
    for (device, package) in [(&bob, "b1"), (&tablet, "b2"), (&carol, "c1")] {
        device.post("/api/v1/key-packages", json!({"key_packages": [package]})).await.ok();
    }
    server.api.create_user("dave").await;
    let claim = async |claims: Value| alice.post("/api/v1/key-packages/claim", json!({"claims": claims})).await;
    let of = |person: &Person, package: &str| json!({"device_id": person.device, "key_package": package});
    let claimed = claim(json!([
        {"user_id": "carol"}, {"user_id": "nobody"}, {"user_id": "bob", "device_ids": [tablet.device]},
        {"user_id": "dave"}, {"user_id": "alice"},
    ]));
    assert_eq!(
        claimed.await.ok()["users"],
        json!([
            {"user_id": "carol", "key_packages": [of(&carol, "c1")]},
            {"user_id": "nobody", "key_packages": [], "refused": "unknown_recipient"},
            {"user_id": "bob", "key_packages": [of(&tablet, "b2")]},
            {"user_id": "dave", "key_packages": [], "refused": "recipient_has_no_devices"},
            {"user_id": "alice", "key_packages": []},
        ])
    );
    // Taken is taken; what was not asked for is there.
    let again = claim(json!([{"user_id": "carol"}, {"user_id": "bob"}])).await.ok();
    assert_eq!(again["users"][0]["key_packages"], json!([]));
    assert_eq!(again["users"][1]["key_packages"], json!([of(&bob, "b1")]));
    let many: Vec<_> = (0..251).map(|n| json!({"user_id": format!("user{n}")})).collect();
    for wrong in [json!([]), json!([{"user_id": "bob"}, {"user_id": "bob"}]), json!(many)] {
        claim(wrong).await.is("invalid_request");
    }
}

/// As often as one by one, and no more.
#[tokio::test]
async fn many_claims_at_once_are_many_claims() {
    let server = TestServer::with(|config| {
        config.limits.rate_limit_claims_per_minute = 6;
        config.limits.rate_limit_claims_of_one_per_minute = 2;
    });
    let server = server.await;
    let (alice, bob, _carol) = (server.user("alice").await, server.user("bob").await, server.user("carol").await);
    bob.post("/api/v1/key-packages", json!({"key_packages": [], "last_resort": "last"})).await.ok();
    let claim = async |users: &[&str]| {
        let claims: Vec<_> = users.iter().map(|user| json!({"user_id": user})).collect();
        alice.post("/api/v1/key-packages/claim", json!({"claims": claims})).await
    };
    for _ in 0..2 {
        assert_eq!(claim(&["bob"]).await.ok()["users"][0]["key_packages"].as_array().unwrap().len(), 1);
    }
    let third = claim(&["bob", "carol"]).await.ok();
    assert_eq!(third["users"][0], json!({"user_id": "carol", "key_packages": []}));
    assert_eq!(third["users"][1], json!({"user_id": "bob", "key_packages": [], "refused": "rate_limited"}));
    claim(&["alice", "bob", "carol"]).await.is("rate_limited");
    claim(&["carol"]).await.ok();
}
