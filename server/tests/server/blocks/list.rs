//! The list itself: whose it is, what stands in it, and how much.

use privmsg_protocol::limits::MAX_BLOCKED_USERS;
use serde_json::json;

use super::{acquainted, blocked, blocks, empties, notice, path, puts, sends, unblocks, waiting, withheld};
use crate::support::{ADMIN_KEY, TestServer, new_id};

#[tokio::test]
async fn the_list_is_the_users_and_lasts() {
    let (mut server, mut alice, mut mallory, id) = acquainted().await;
    let phone = server.device("alice", &alice.access_key).await;
    server.user("bob").await;
    blocks(&alice, "mallory").await;
    blocks(&phone, "bob").await;
    blocks(&alice, "mallory").await;
    let mut both = blocked(&phone).await;
    both.sort();
    assert_eq!(both, ["bob", "mallory"]);
    assert_eq!(blocked(&alice).await, blocked(&phone).await);
    assert!(blocked(&mallory).await.is_empty(), "it is nobody else's");
    // All devices are told, with one notice.
    let told = phone.get("/api/v1/messages/pending").await.ok();
    assert_eq!(told["messages"].as_array().unwrap().len(), 1);
    assert_eq!(told["messages"][0]["message_type"], "account_sync");

    server.restart().await;
    (alice.api, mallory.api) = (server.api, server.api);
    assert_eq!(blocked(&alice).await.len(), 2);
    let mut m = mallory.online().await;
    sends(&mut m, mallory.group_message(id, 1, new_id())).await;
    sends(&mut m, mallory.message("alice", new_id(), "eA==")).await;
    assert_eq!(waiting(&alice).await.iter().map(notice).collect::<Vec<_>>(), [withheld(4, 4)]);
}

#[tokio::test]
async fn what_cannot_be_blocked_is_named() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    puts(&alice, "nobody").await.is("unknown_user");
    alice.delete(&path("nobody")).await.is("unknown_user");
    puts(&alice, "alice").await.is("invalid_request");
    unblocks(&alice, "alice").await;
}

/// Somebody else who is given the name is not the one who was blocked.
#[tokio::test]
async fn a_deleted_user_leaves_nothing_behind() {
    let (server, alice, mallory, _) = acquainted().await;
    blocks(&alice, "mallory").await;
    blocks(&mallory, "alice").await;
    let gone = json!({"admin_key": ADMIN_KEY});
    server.api.json("DELETE", "/api/v1/admin/users/mallory", None, &gone).await.ok();
    assert!(blocked(&alice).await.is_empty());
    let other = server.user("mallory").await;
    assert!(blocked(&other).await.is_empty());
    empties(&alice).await;
    let id = new_id();
    sends(&mut other.online().await, other.message("alice", id, "eA==")).await;
    assert_eq!(waiting(&alice).await[0]["message_id"], json!(id));
}

#[tokio::test]
async fn so_many_and_no_more() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    server.user("mallory").await;
    let database = rusqlite::Connection::open(&server.config.storage.database_path).unwrap();
    let known = "SELECT id FROM user WHERE user_id = 'alice'";
    let user: i64 = database.query_row(known, [], |row| row.get(0)).unwrap();
    for peer in 0..MAX_BLOCKED_USERS {
        let add = "INSERT INTO block (user, peer, blocked_at, seen_at) VALUES (?1, ?2, 0, 0)";
        database.execute(add, (user, 1_000_000 + i64::try_from(peer).unwrap())).unwrap();
    }
    puts(&alice, "mallory").await.is("invalid_request");
    database.execute("DELETE FROM block WHERE peer = 1000000", []).unwrap();
    blocks(&alice, "mallory").await;
}
