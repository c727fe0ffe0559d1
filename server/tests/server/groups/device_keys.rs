//! Leaves of a device under other keys than it has. Whoever has an account's signing key certifies any number of them.

use privmsg_harness::e2ee::{DeviceKeys, OsRng};
use privmsg_harness::mls::MlsDevice;
use serde_json::{Value, json};

use super::people::{Club, beginning, club};
use super::{Pair, changes, commits, enters, entry, pair};
use crate::support::{Chat, Person, base64, submit};

/// The same device under another key, which its account has certified.
fn under_another_key(of: &Person) -> Person {
    let mls = MlsDevice::with_keys(&of.name, &of.device, DeviceKeys::generate(&mut OsRng)).unwrap();
    Person { mls, ..of.clone() }
}

/// A thief joined as the stolen device under one key after another. Each was remembered as a device of the owner's in the chat, until
/// no later device of theirs was let in any more, the one of their recovery included.
#[tokio::test]
async fn no_leaf_comes_under_another_key_than_its_device_has() {
    let club = club().await;
    let (alice, carol) = (&club.alice, &club.carol);
    let stolen = club.server.device("carol", &carol.access_key).await;
    let thief = under_another_key(&stolen);
    let (_, _, by_itself) = entry(&thief, club.id).await;
    submit(&thief, club.id, &by_itself).await.is("invalid_handshake");
    // Nor by somebody else's hand.
    commits(alice, &club.hers, club.id, &[&thief], &[]).await.0.is("unknown_device");
    club.hers.forgets().unwrap();
    // Nor with a group that begins.
    let (_, _, begun) = beginning(&thief, &club.founding, &club.founding, 2, &[]);
    thief.post("/api/v1/groups", begun).await.is("invalid_handshake");
    let (_, _, begun) = beginning(alice, &club.founding, &club.founding, 2, &[&thief]);
    alice.post("/api/v1/groups", begun).await.is("unknown_device");
    let (_, _, notes) = Chat::notes("carol").begun_by(&thief, &[]);
    thief.post("/api/v1/groups", notes).await.is("invalid_handshake");

    assert_eq!(club.dates_of("carol"), 1);
    enters(&stolen, club.id).await;
    commits(alice, &club.hers, club.id, &[], &[]).await.0.is("stale_epoch");
}

/// It would be refused with every group that somebody makes with the device.
#[tokio::test]
async fn no_key_package_comes_under_another_key_than_its_device_has() {
    let pair = pair().await;
    let (bob, other) = (&pair.bob, under_another_key(&pair.bob));
    let package = |of: &Person| base64(&of.mls.new_key_package().unwrap());
    for body in [
        json!({"key_packages": [package(bob), package(&other)]}),
        json!({"key_packages": [], "last_resort": package(&other)}),
    ] {
        bob.post("/api/v1/key-packages", body).await.is("invalid_request");
    }
    let left = bob.get("/api/v1/key-packages").await.ok();
    assert_eq!(left, json!({"count": 0, "last_resort": false}));
    bob.post("/api/v1/key-packages", json!({"key_packages": [package(bob)]})).await.ok();
}

/// After a restore the tree has leaves of devices that the server does not know any more. Who had signed in under such a name could not
/// be told from them, and the leaf stayed in the group.
#[tokio::test]
async fn a_leaf_goes_although_somebody_else_has_the_name_of_its_device_now() {
    let Pair { mut server, mut alice, bob, id, hers, his, .. } = pair().await;
    let phone = server.device("bob", &bob.access_key).await;
    changes(&alice, &hers, id, &[&his], &[&phone], &[]).await;
    let tablet = server.api.login_with("alice", &alice.access_key, 77).await;
    let database = server.database();
    let of_phone = "(SELECT id FROM device WHERE device_id = ?1)";
    for sql in [
        format!("DELETE FROM grp_leaf WHERE device = {of_phone}"),
        format!("DELETE FROM mailbox WHERE device = {of_phone}"),
        "DELETE FROM device WHERE device_id = ?1".to_owned(),
    ] {
        database.execute(&sql, [&phone.device]).unwrap();
    }
    database.execute("UPDATE device SET device_id = ?1 WHERE device_id = ?2", [&phone.device, &tablet.device]).unwrap();
    drop(database);
    server.restart().await;
    alice.api = server.api;
    let mls = MlsDevice::with_keys("alice", &phone.device, DeviceKeys::from_bytes(&[77; 32])).unwrap();
    let tablet = Person { api: server.api, device: phone.device.clone(), mls, ..tablet };
    let (_, entry, _) = enters(&tablet, id).await;
    hers.follows(&entry.commit).unwrap();
    his.follows(&entry.commit).unwrap();
    changes(&alice, &hers, id, &[&his], &[], &[&phone]).await;
    let group = alice.get(&format!("/api/v1/groups/{id}")).await.ok();
    let left: Vec<_> =
        group["devices"].as_array().unwrap().iter().filter(|one| one["device_id"] == phone.device).collect();
    assert_eq!((left.len(), &left[0]["user_id"], &left[0]["leaf"]), (1, &json!("alice"), &json!(true)));
}

impl Club {
    /// Leaves of this user's devices that are remembered.
    fn dates_of(&self, user: &str) -> i64 {
        let sql = "SELECT count(*) FROM leaf_date l JOIN user u ON u.id = l.user WHERE u.user_id = ?1";
        self.server.database().query_row(sql, [user], |row| row.get(0)).unwrap()
    }

    /// As if that many devices more of this user's had been in the group.
    fn remembers_more(&self, user: &str, devices: u32) {
        let sql = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?2)
            INSERT INTO leaf_date (grp, device_key, user, made_at)
            SELECT g.id, randomblob(32), u.id, 1 FROM n, grp g, user u WHERE u.user_id = ?1";
        self.server.database().execute(sql, rusqlite::params![user, devices]).unwrap();
    }
}

/// Devices that stand in no list any more, however many there have been, keep nobody out who comes later.
#[tokio::test]
async fn devices_that_were_signed_out_keep_no_later_one_out() {
    let club = club().await;
    let (carol, server) = (&club.carol, &club.server);
    let (stolen, found) =
        (server.device("carol", &carol.access_key).await, server.device("carol", &carol.access_key).await);
    carol.begins_with(&[&stolen, &found], 1).await;
    enters(&stolen, club.id).await;
    assert_eq!(club.dates_of("carol"), 2);
    stolen.post("/api/v1/auth/logout", Value::Null).await.ok();
    assert_eq!(club.dates_of("carol"), 1);
    club.remembers_more("carol", 256);
    enters(&found, club.id).await;

    // Whoever has no list comes and goes under as many keys as they like.
    club.remembers_more("bob", 255);
    let more = server.device("bob", &club.bob.access_key).await;
    let (_, _, body) = entry(&more, club.id).await;
    submit(&more, club.id, &body).await.is("invalid_handshake");
}
