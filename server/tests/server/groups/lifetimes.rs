//! How long the key packages are good that devices come by.

use privmsg_harness::mls::MlsDevice;
use serde_json::{Value, json};

use super::people::club;
use super::{Pair, pair};
use crate::support::{Person, TestServer, base64, submission, submit};

const DAY: i64 = 86_400;

/// How long one is good after it is made.
const GOOD: i64 = 77 * DAY;

fn made(mls: &MlsDevice, at: i64) -> Value {
    base64(&mls.key_package_of(at.unsigned_abs()).unwrap())
}

async fn publishes(by: &Person, key_packages: &[Value], last_resort: Option<Value>) -> crate::support::Answer {
    let mut body = json!({"key_packages": key_packages});
    if let Some(last_resort) = last_resort {
        body["last_resort"] = last_resort;
    }
    by.post("/api/v1/key-packages", body).await
}

async fn claims(by: &Person, of: &Person) -> Vec<Value> {
    let claimed = by.post(&format!("/api/v1/users/{}/key-packages/claim", of.name), Value::Null).await.ok();
    claimed["key_packages"].as_array().unwrap().iter().map(|one| one["key_package"].clone()).collect()
}

/// A newcomer came by a key package that was good for some seconds more: whoever followed the commit later took it for a forgery of
/// the honest admin's, and was out of the group.
#[tokio::test]
async fn nobody_comes_by_a_key_package_that_is_over_before_all_have_followed() {
    let club = club().await;
    let tablet = club.server.device("bob", &club.bob.access_key).await;
    let now = club.server.clock.now();
    let adds = |made: i64| {
        let package = tablet.mls.old_key_package(made.unsigned_abs()).unwrap();
        club.hers.commits_with(&[package]).unwrap()
    };
    // It is good for a day more by the system's clock, which may be another time of the day than the server's.
    for made in [now - GOOD + DAY, now - GOOD + 29 * DAY] {
        let refused = submit(&club.alice, club.id, &submission(&adds(made))).await.is("invalid_handshake");
        assert!(refused.to_string().contains("key package"), "{refused}");
        club.hers.forgets().unwrap();
    }
    // A client adds one that is good for 31 days. Its clock may be another one.
    let late = adds(now - GOOD + 30 * DAY);
    submit(&club.alice, club.id, &submission(&late)).await.ok();
    club.bobs.follows(&late.commit).unwrap();
}

/// The oldest of a stock is handed out first: a device that was seldom added could not be, although its newer ones were good.
#[tokio::test]
async fn a_key_package_that_is_over_soon_is_not_handed_out() {
    let Pair { server, alice, bob, .. } = pair().await;
    let now = server.clock.now();
    // Handed out as long as 32 days are left.
    let old: Vec<Value> = (0..100).map(|_| made(&bob.mls, now - 40 * DAY)).collect();
    let last_resort = made(&bob.mls, now - 30 * DAY);
    let stock = publishes(&bob, &old, Some(last_resort.clone())).await.ok();
    assert_eq!(stock, json!({"count": 100, "last_resort": true}));
    assert_eq!(claims(&alice, &bob).await, old[..1]);
    server.clock.advance(5 * DAY);
    assert_eq!(bob.get("/api/v1/key-packages").await.ok(), json!({"count": 0, "last_resort": true}));
    assert_eq!(claims(&alice, &bob).await, [last_resort]);
    // They take no place of others.
    let new: Vec<Value> = (0..100).map(|_| made(&bob.mls, server.clock.now())).collect();
    assert_eq!(publishes(&bob, &new, None).await.ok(), json!({"count": 100, "last_resort": true}));
    assert_eq!(claims(&alice, &bob).await, new[..1]);
    let kept: i64 = server.database().query_row("SELECT count(*) FROM key_package", [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 100);
    server.clock.advance(20 * DAY);
    assert_eq!(bob.get("/api/v1/key-packages").await.ok(), json!({"count": 99, "last_resort": false}));
}

#[tokio::test]
async fn a_key_package_that_nobody_could_add_the_device_by_is_not_taken() {
    let server = TestServer::start().await;
    let bob = server.user("bob").await;
    let now = server.clock.now();
    let good = made(&bob.mls, now);
    for made_at in [now - 45 * DAY, now - GOOD, now - 2 * GOOD, now + 6 * DAY + 1, now + 365 * DAY] {
        let bad = made(&bob.mls, made_at);
        publishes(&bob, &[good.clone(), bad.clone()], None).await.is("invalid_request");
        publishes(&bob, &[], Some(bad)).await.is("invalid_request");
    }
    assert_eq!(bob.get("/api/v1/key-packages").await.ok(), json!({"count": 0, "last_resort": false}));
    publishes(&bob, &[made(&bob.mls, now - 45 * DAY + 1), made(&bob.mls, now + 6 * DAY)], Some(good)).await.ok();
}

/// The server's clock was far ahead when they were made, and was put right.
#[tokio::test]
async fn a_key_package_that_has_not_begun_is_none_in_stock() {
    let Pair { server, alice, bob, .. } = pair().await;
    server.clock.jump(20 * DAY);
    let ahead = made(&bob.mls, server.clock.now());
    publishes(&bob, std::slice::from_ref(&ahead), Some(ahead.clone())).await.ok();
    server.clock.jump(-20 * DAY);
    assert_eq!(bob.get("/api/v1/key-packages").await.ok(), json!({"count": 0, "last_resort": false}));
    assert_eq!(claims(&alice, &bob).await, [] as [Value; 0]);
}
