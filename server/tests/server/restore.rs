//! What was revoked stays revoked, whatever is restored.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::faults::Binary;
use crate::support::{ADMIN_KEY, Chat, create};

fn run(folder: &Path, arguments: &[&str]) -> Output {
    run_in("C", folder, arguments)
}

fn run_in(locale: &str, folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_privmsg-server"));
    command
        .current_dir(folder)
        .env("LC_ALL", locale)
        .env("PRIVMSG_ADMIN_MASTER_KEY", ADMIN_KEY)
        .env("RUST_LOG", "warn");
    command.env("PRIVMSG_STORAGE_DATABASE_PATH", folder.join("data/privmsg.db"));
    command.args(arguments).output().unwrap()
}

pub(crate) fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What of a past life a server that has forgotten nothing refuses.
struct Past {
    /// Of a device that was signed out.
    stolen: String,
    /// Of one that was not.
    kept: String,
    /// An access key that was reset.
    old_key: String,
    /// An invitation that was withdrawn.
    invitation: String,
}

impl Past {
    /// Three people, a thief, and a backup of when all of that was good; then all of it is revoked.
    async fn make(server: &Binary, folder: &Path) -> Self {
        let keys = [
            server.api.create_user("alice").await,
            server.api.create_user("bob").await,
            server.api.create_user("carol").await,
        ];
        server.api.create_user("dora").await;
        let thief = server.api.login("alice", &keys[0], Some("stolen")).await;
        let alice = server.api.login("alice", &keys[0], Some("kept")).await;
        let invite = ["invite", "--user-id", "dora", "--server-url", "http://x.org", "--json"];
        let invited: Value = serde_json::from_str(&done(folder, &invite)).unwrap();
        let invitation = invited["link"].as_str().unwrap().rsplit_once('#').unwrap().1.to_owned();
        done(folder, &["backup", "then.tar"]);

        alice.delete(&format!("/api/v1/users/me/devices/{}", thief.device)).await.ok();
        done(folder, &["reset-key", "--user-id", "alice"]);
        done(folder, &["revoke-key", "--user-id", "bob"]);
        done(folder, &["delete-user", "--user-id", "carol", "--yes"]);
        done(folder, &["withdraw-invitation", "--user-id", "dora"]);
        Self { stolen: thief.token, kept: alice.token, old_key: keys[0].clone(), invitation }
    }

    /// Nothing of it is good.
    async fn is_over(&self, server: &Binary) {
        let me = "/api/v1/users/me";
        let stolen = server.api.call("GET", me, Some(&self.stolen), "", b"").await;
        stolen.is("token_expired");
        let kept = server.api.call("GET", me, Some(&self.kept), "", b"").await;
        kept.is("token_expired");
        let login = json!({"user_id": "alice", "access_key": self.old_key});
        server.api.json("POST", "/api/v1/auth/login", None, &login).await.is("invalid_credentials");
        let key = "A".repeat(43);
        let redeem = json!({"user_id": "dora", "invitation_key": self.invitation, "access_key": key});
        server.api.json("POST", "/api/v1/auth/redeem", None, &redeem).await.is("invalid_credentials");
    }
}

fn users(folder: &Path) -> Vec<(String, bool, u64)> {
    let listed: Value = serde_json::from_str(&done(folder, &["list-keys", "--json"])).unwrap();
    let user = |user: &Value| {
        let (name, active) = (user["user_id"].as_str().unwrap().to_owned(), user["active"].as_bool().unwrap());
        (name, active, user["devices"].as_u64().unwrap())
    };
    listed.as_array().unwrap().iter().map(user).collect()
}

/// A restore gave a thief the device back that had been signed out, with its token, and made old keys and invitations good.
#[tokio::test]
async fn a_restore_brings_nothing_back_that_was_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path());
    let past = Past::make(&server, folder.path()).await;
    drop(server);
    let said = done(folder.path(), &["restore", "then.tar", "--force", "--verify", "--json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    let back = &said["taken_back"];
    assert_eq!((&back["sessions"], &back["journal"]), (&json!(2), &json!(true)), "{said}");
    assert_eq!(back["invitations"], json!(["dora"]));
    assert_eq!(back["signed_out"].as_array().unwrap().len(), 1, "{said}");
    assert_eq!(back["access_keys"], json!(["alice"]));
    assert_eq!(back["deactivated"], json!(["bob"]));
    assert_eq!(back["deleted"], json!(["carol"]));
    let server = Binary::start(folder.path());
    past.is_over(&server).await;
    let expected = [("alice", true, 1), ("bob", false, 0), ("dora", true, 0)];
    assert_eq!(users(folder.path()), expected.map(|(name, active, devices)| (name.to_owned(), active, devices)));
    assert!(done(folder.path(), &["audit"]).contains("restore"));

    // Once more, onto what has been restored: the record is still there.
    drop(server);
    let text = done(folder.path(), &["restore", "then.tar", "--force"]);
    for said in ["sessions ended: 2", "access keys changed since: alice", "deleted since: carol"] {
        assert!(text.contains(said), "{text}");
    }
    past.is_over(&Binary::start(folder.path())).await;
}

/// A client that has renewed its token since the backup is not signed out by a restore: it signs in anew, as the same device.
#[tokio::test]
async fn tokens_of_after_the_backup_are_told_to_sign_in_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path());
    let key = server.api.create_user("alice").await;
    let alice = server.api.login("alice", &key, Some("phone")).await;
    done(folder.path(), &["backup", "then.tar"]);
    let renewed = alice.post("/api/v1/auth/refresh", json!({})).await.ok();
    drop(server);
    done(folder.path(), &["restore", "then.tar", "--force"]);
    let server = Binary::start(folder.path());
    let me = |token: String| {
        let api = server.api;
        async move { api.call("GET", "/api/v1/users/me", Some(&token), "", b"").await }
    };
    me(renewed["token"].as_str().unwrap().to_owned()).await.is("token_expired");
    let again = server.api.login("alice", &key, Some("phone")).await;
    assert_eq!(again.device, alice.device);
    me(again.token).await.ok();
}

/// The same, where somebody puts a copy of the file back by hand.
#[tokio::test]
async fn an_older_file_in_its_place_brings_nothing_back_either() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path());
    let past = Past::make(&server, folder.path()).await;
    drop(server);
    let data = folder.path().join("data");
    done(folder.path(), &["restore", "then.tar", "--force"]);
    let journal = std::fs::read(data.join("privmsg.db.revocations")).unwrap();
    // A copy of then, as it was: made by a server without a record of what came later.
    let elsewhere = tempfile::tempdir().unwrap();
    let archive = folder.path().join("then.tar").display().to_string();
    let text = done(elsewhere.path(), &["restore", &archive]);
    assert!(text.contains("is not known, for there is no"), "{text}");
    for name in ["privmsg.db-wal", "privmsg.db-shm"] {
        let _ = std::fs::remove_file(data.join(name));
    }
    std::fs::copy(elsewhere.path().join("data/privmsg.db"), data.join("privmsg.db")).unwrap();
    std::fs::write(data.join("privmsg.db.revocations"), journal).unwrap();
    let server = Binary::start(folder.path());
    past.is_over(&server).await;
    assert_eq!(users(folder.path()).len(), 3, "carol is deleted");
}

/// On another machine, without the record, sessions and invitations end all the same, and the rest is said.
#[tokio::test]
async fn a_restore_without_a_record_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path());
    let past = Past::make(&server, folder.path()).await;
    drop(server);
    let elsewhere = tempfile::tempdir().unwrap();
    let archive = folder.path().join("then.tar").display().to_string();
    let said: Value = serde_json::from_str(&done(elsewhere.path(), &["restore", &archive, "--json"])).unwrap();
    assert_eq!((&said["taken_back"]["journal"], &said["taken_back"]["sessions"]), (&json!(false), &json!(2)), "{said}");
    // What is there by now is not written over, in either language.
    for (locale, says) in [("C", "There is data already"), ("ru_RU.UTF-8", "Данные уже есть")] {
        let refused = run_in(locale, elsewhere.path(), &["restore", &archive]);
        let says_why = String::from_utf8(refused.stderr).unwrap();
        assert!(!refused.status.success(), "{says_why}");
        assert!(says_why.contains(says) && says_why.contains("data/privmsg.db"), "{says_why}");
    }
    let server = Binary::start(elsewhere.path());
    for token in [&past.stolen, &past.kept] {
        server.api.call("GET", "/api/v1/users/me", Some(token), "", b"").await.is("token_expired");
    }
}

/// What somebody has declined does not come back to them, and what they have let in since is let in.
#[tokio::test]
async fn what_is_declined_stays_declined() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path());
    let mut people = Vec::new();
    for name in ["alice", "bob", "carol"] {
        let key = server.api.create_user(name).await;
        people.push(server.api.login_with(name, &key, name.as_bytes()[0]).await);
    }
    let chats = ["bob", "carol"].map(|name| Chat::direct("alice", name));
    for (chat, other) in chats.iter().zip(&people[1..]) {
        create(other, chat, &[&people[0]]).await.ok();
    }
    let [of_bob, of_carol] = chats.map(|chat| chat.id());
    let says = async |id, what: &str| people[0].post(&format!("/api/v1/groups/{id}/{what}"), Value::Null).await.ok();
    says(of_bob, "decline").await;
    done(folder.path(), &["backup", "then.tar"]);
    says(of_bob, "accept").await;
    says(of_carol, "decline").await;
    drop(server);
    let said: Value =
        serde_json::from_str(&done(folder.path(), &["restore", "then.tar", "--force", "--json"])).unwrap();
    assert_eq!(said["taken_back"]["declined"], 2);
    let server = Binary::start(folder.path());
    let alice = server.api.login_with("alice", &people[0].access_key, b'a').await;
    let requests = alice.get("/api/v1/users/me/requests").await.ok();
    assert_eq!(requests, json!({"unanswered": [], "declined": [of_carol]}));
}

/// A restore forgot whom people had blocked, and with it brought those back who pester them.
#[tokio::test]
async fn who_is_blocked_stays_blocked() {
    let folder = tempfile::tempdir().unwrap();
    let server = Binary::start(folder.path());
    let mut people = Vec::new();
    for name in ["alice", "bob", "mallory"] {
        let key = server.api.create_user(name).await;
        people.push(server.api.login_with(name, &key, name.as_bytes()[0]).await);
    }
    let path = |user: &str| format!("/api/v1/users/me/blocks/{user}");
    let api = server.api;
    api.call("PUT", &path("bob"), Some(&people[0].token), "", b"").await.ok();
    done(folder.path(), &["backup", "then.tar"]);
    people[0].delete(&path("bob")).await.ok();
    api.call("PUT", &path("mallory"), Some(&people[0].token), "", b"").await.ok();
    drop(server);
    let said: Value =
        serde_json::from_str(&done(folder.path(), &["restore", "then.tar", "--force", "--json"])).unwrap();
    let changed = json!([{"user_id": "alice", "peer": "bob"}, {"user_id": "alice", "peer": "mallory"}]);
    assert_eq!(said["taken_back"]["blocks"], changed);
    let server = Binary::start(folder.path());
    let alice = server.api.login_with("alice", &people[0].access_key, b'a').await;
    let listed = alice.get("/api/v1/users/me/blocks").await.ok();
    let blocked: Vec<_> = listed["blocked"].as_array().unwrap().iter().map(|one| one["user_id"].clone()).collect();
    assert_eq!(blocked, [json!("mallory")]);
}
