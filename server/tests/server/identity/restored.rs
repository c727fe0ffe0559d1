//! What a restored server still knows of identities: nothing that a thief has lost comes back.

use std::path::Path;

use privmsg_mls_public::IdentityAction;
use serde_json::{Value, json};

use super::{Identity, Keyed, Owner, by_device_key, by_words, challenge, enrolment, etag, keys, person, put, put_list};
use crate::faults::Binary;
use crate::restore::done;

const BACKUP: &str = "/api/v1/users/me/backup";

/// Alice with a device that is going to be stolen, and a backup of when that stood in her list.
async fn before(server: &Binary, folder: &Path) -> (Owner, Keyed) {
    let mut alice = Owner::at(server.api, "alice").await;
    let stolen = Keyed::new("stolen0123456789", 12);
    alice.lets_in(&stolen).await;
    by_device_key(server.api, "alice", &stolen).await.ok();
    done(folder, &["backup", "then.tar"]);
    (alice, stolen)
}

/// Alice has noticed: another generation without the device, and other words.
async fn called_back(alice: &mut Owner) -> Identity {
    let next = alice.identity.in_generation(2).under_words(77);
    alice.publishes(next.list(1, &[&alice.key]), json!([])).await;
    let body = [b"sealed anew", &keys::unbase64(&next.recovery_key())[..]].concat();
    let challenge = challenge(alice.person.api, "alice", json!({"identity": "seal_identity"})).await;
    let sealed = json!({
        "backup": keys::base64(b"sealed anew"), "recovery_key": next.recovery_key(),
        "challenge": keys::base64(&challenge), "signature": next.asks(IdentityAction::SealIdentity, challenge, &body),
    });
    put(&alice.person, BACKUP, &sealed).await.ok();
    next
}

/// A restore gave the thief's device its place in the list back, and the stolen words their account.
#[tokio::test]
async fn a_device_that_a_generation_has_left_out_stays_out() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path());
    let (mut alice, stolen) = before(&server, folder.path()).await;
    let next = called_back(&mut alice).await;
    drop(server);
    let said: Value =
        serde_json::from_str(&done(folder.path(), &["restore", "then.tar", "--force", "--json"])).unwrap();
    assert_eq!((&said["taken_back"]["lists"], &said["taken_back"]["seals"]), (&json!(["alice"]), &json!(["alice"])));
    let server = Binary::start(folder.path());
    let thief = by_device_key(server.api, "alice", &stolen).await;
    assert_eq!(thief.ok()["waiting"], true);
    let thief = person(server.api, &thief);
    thief.get("/api/v1/groups").await.is("device_not_listed");
    // The signing key that he has is worth nothing, however high he counts.
    let forged = alice.identity.list(900, &[&stolen]);
    put_list(&thief, &forged, Some(&etag(&alice.list)), json!([])).await.is("list_not_newer");
    by_words(server.api, &alice.identity, &Keyed::new("found01234567890", 13)).await.is("invalid_credentials");
    let found = by_words(server.api, &next, &Keyed::new("found01234567890", 13)).await;
    let sealed = person(server.api, &found).get(BACKUP).await.ok();
    assert_eq!(sealed["backup"], keys::base64(b"sealed anew"));
    let hers = by_device_key(server.api, "alice", &alice.key).await.ok();
    assert_eq!(hers["waiting"], Value::Null);
}

/// A list may go on naming a device that the administrator has signed out: the record of that is the later word.
#[tokio::test]
async fn a_list_revives_nobody_who_was_signed_out() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path());
    let mut alice = Owner::at(server.api, "alice").await;
    done(folder.path(), &["backup", "then.tar"]);
    let lost = Keyed::new("lost012345678901", 12);
    alice.lets_in(&lost).await;
    by_device_key(server.api, "alice", &lost).await.ok();
    done(folder.path(), &["sign-out", "--user-id", "alice", "--device-id", "lost012345678901"]);
    let third = Keyed::new("third01234567890", 13);
    let list = alice.identity.list(3, &[&alice.key, &lost, &third]);
    alice.publishes(list, json!([enrolment(&third)])).await;
    drop(server);
    done(folder.path(), &["restore", "then.tar", "--force"]);
    let server = Binary::start(folder.path());
    by_device_key(server.api, "alice", &lost).await.is("device_removed");
    by_device_key(server.api, "alice", &third).await.ok();
}

/// By whom or why is in the record, too.
#[tokio::test]
async fn why_a_device_is_signed_out_is_known_after_a_restore() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path());
    let mut alice = Owner::at(server.api, "alice").await;
    let (lost, laptop) = (Keyed::new("lost012345678901", 12), Keyed::new("laptop0123456789", 13));
    alice.lets_in(&lost).await;
    by_device_key(server.api, "alice", &lost).await.ok();
    done(folder.path(), &["backup", "then.tar"]);
    done(folder.path(), &["sign-out", "--user-id", "alice", "--device-id", "lost012345678901"]);
    let list = alice.identity.list(3, &[&alice.key, &laptop]);
    alice.publishes(list, json!([enrolment(&laptop)])).await;
    by_device_key(server.api, "alice", &laptop).await.ok();
    let list = alice.identity.list(4, &[&alice.key]);
    alice.publishes(list, json!([])).await;
    drop(server);
    for _ in 0..2 {
        done(folder.path(), &["restore", "then.tar", "--force"]);
        let server = Binary::start(folder.path());
        let told = by_device_key(server.api, "alice", &lost).await.is("device_removed");
        assert_eq!((&told["reason"], &told["device_id"]), (&json!("administrator"), &Value::Null));
        let told = by_device_key(server.api, "alice", &laptop).await.is("device_removed");
        assert_eq!((&told["reason"], &told["device_id"]), (&Value::Null, &json!(alice.person.device.as_str())));
    }
}

/// A device of after the backup comes in again where the record is there; where it is not, it is told to wait, and comes in
/// once another one has brought the list in which it stands.
#[tokio::test]
async fn a_device_of_after_the_backup_is_not_signed_out() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path());
    let mut alice = Owner::at(server.api, "alice").await;
    done(folder.path(), &["backup", "then.tar"]);
    let (first, laptop) = (alice.list.clone(), Keyed::new("laptop0123456789", 12));
    alice.lets_in(&laptop).await;
    by_device_key(server.api, "alice", &laptop).await.ok();
    drop(server);
    done(folder.path(), &["restore", "then.tar", "--force"]);
    let server = Binary::start(folder.path());
    assert_eq!(by_device_key(server.api, "alice", &laptop).await.ok()["waiting"], Value::Null);

    let elsewhere = tempfile::tempdir().unwrap();
    done(elsewhere.path(), &["restore", &folder.path().join("then.tar").display().to_string()]);
    let server = Binary::start(elsewhere.path());
    by_device_key(server.api, "alice", &laptop).await.is("server_restored");
    by_device_key(server.api, "nobody", &laptop).await.is("server_restored");
    let forged = Keyed::new(alice.key.device_id.as_str(), 99);
    by_device_key(server.api, "alice", &forged).await.is("server_restored");
    let hers = person(server.api, &by_device_key(server.api, "alice", &alice.key).await);
    put_list(&hers, &alice.list, Some(&etag(&first)), json!([enrolment(&laptop)])).await.ok();
    by_device_key(server.api, "alice", &laptop).await.ok();
}

/// A disk was full while devices were signed out and lists were published: what the record lacks is in the database.
#[tokio::test]
async fn what_a_full_disk_kept_from_the_record_is_not_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path());
    let (mut alice, stolen) = before(&server, folder.path()).await;
    let record = folder.path().join("data/privmsg.db.revocations");
    let kept = std::fs::read(&record).unwrap();
    // Nothing can be added to it.
    std::fs::remove_file(&record).unwrap();
    std::fs::create_dir(&record).unwrap();
    called_back(&mut alice).await;
    done(folder.path(), &["reset-key", "--user-id", "alice"]);
    drop(server);
    std::fs::remove_dir(&record).unwrap();
    std::fs::write(&record, kept).unwrap();
    let said: Value =
        serde_json::from_str(&done(folder.path(), &["restore", "then.tar", "--force", "--json"])).unwrap();
    let back = &said["taken_back"];
    assert_eq!((&back["lists"], &back["access_keys"]), (&json!(["alice"]), &json!(["alice"])), "{said}");
    let server = Binary::start(folder.path());
    assert_eq!(by_device_key(server.api, "alice", &stolen).await.ok()["waiting"], true);
    // Nor by the next restore.
    drop(server);
    let said = done(folder.path(), &["restore", "then.tar", "--force"]);
    assert!(said.contains("device lists newer than in the backup: alice"), "{said}");
    // The data that is there cannot be read: said, and no reason not to restore.
    std::fs::write(folder.path().join("data/privmsg.db"), b"nothing that SQLite could read").unwrap();
    let said = done(folder.path(), &["restore", "then.tar", "--force"]);
    assert!(said.contains("cannot be read: what a full disk"), "{said}");
}

/// A device that was signed out was told for a month after a restore that it had not been, as if it had come after the backup.
#[tokio::test]
async fn who_was_signed_out_is_told_so() {
    for with_generation in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let server = Binary::start(folder.path());
        let (mut alice, stolen) = before(&server, folder.path()).await;
        let later = Keyed::new("later01234567890", 13);
        let three = alice.identity.list(8, &[&alice.key, &stolen, &later]);
        alice.publishes(three, json!([enrolment(&later)])).await;
        by_device_key(server.api, "alice", &later).await.ok();
        let device = |who: &Keyed| format!("/api/v1/users/me/devices/{}", who.device_id.as_str());
        if with_generation {
            let next = alice.identity.in_generation(2);
            alice.publishes(next.list(1, &[&alice.key]), json!([])).await;
            for gone in [&stolen, &later] {
                assert_eq!(alice.person.delete(&device(gone)).await.status, 204);
            }
        } else {
            alice.publishes(alice.identity.list(9, &[&alice.key]), json!([])).await;
        }
        for gone in [&stolen, &later] {
            by_device_key(server.api, "alice", gone).await.is("device_removed");
        }
        drop(server);
        done(folder.path(), &["restore", "then.tar", "--force"]);
        let server = Binary::start(folder.path());
        for gone in [&stolen, &later] {
            by_device_key(server.api, "alice", gone).await.is("device_removed");
        }
        let guess = Keyed::new(later.device_id.as_str(), 99);
        by_device_key(server.api, "alice", &guess).await.is("server_restored");
        by_device_key(server.api, "alice", &alice.key).await.ok();
    }
}
