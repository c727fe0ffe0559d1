//! Uploaded files: through and through in pieces, deleted from the disk as well.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Answer, Person, TestServer, until};

const BOUNDARY: &str = "boundary-of-the-test";

fn form(field: &str, content: &[u8]) -> Vec<u8> {
    let mut body = format!(
        "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{field}\"; \
         filename=\"tax return 2026.pdf\"\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(content);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    body
}

async fn send(person: &Person, body: &[u8]) -> Answer {
    let kind = format!("multipart/form-data; boundary={BOUNDARY}");
    let token = Some(person.token.as_str());
    person.api.call("POST", "/api/v1/files/upload", token, &kind, body).await
}

async fn upload(person: &Person, content: &[u8]) -> String {
    let answer = send(person, &form("file", content)).await.ok();
    answer["file_id"].as_str().unwrap().to_owned()
}

fn on_disk(server: &TestServer) -> usize {
    std::fs::read_dir(&server.config.storage.files_path).unwrap().count()
}

/// Waits until the number of files on the disk is this.
async fn await_on_disk(server: &TestServer, count: usize) {
    until("so many files", async || on_disk(server) == count).await;
}

#[tokio::test]
async fn a_file_goes_up_and_down_again() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(|n| n.to_le_bytes()).take(3_000_001).collect();
    let id = upload(&alice, &content).await;
    assert_eq!(id.len(), 43);
    let answer = bob.get(&format!("/api/v1/files/{id}")).await;
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("content-length: 3000001"), "{}", answer.head);
    assert!(answer.head.contains("application/octet-stream"));
    assert!(answer.body == content);

    let path = format!("/api/v1/files/{id}");
    bob.delete(&path).await.is("unknown_file");
    assert_eq!(alice.delete(&path).await.status, 204);
    bob.get(&path).await.is("unknown_file");
    alice.delete(&path).await.is("unknown_file");
    assert_eq!(on_disk(&server), 0);
    alice.get("/api/v1/files/..%2Fprivmsg.db").await.is("unknown_file");
}

#[tokio::test]
async fn a_file_over_the_limit_leaves_nothing_behind() {
    let server = TestServer::with(|config| config.limits.max_file_size_mb = 1).await;
    let alice = server.user("alice").await;
    upload(&alice, &vec![1; 1024 * 1024]).await;
    send(&alice, &form("file", &vec![1; 1024 * 1024 + 1])).await.is("file_too_large");
    assert_eq!(on_disk(&server), 1);
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing_behind() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let whole = form("file", &vec![1; 200_000]);
    send(&alice, &whole[..100_000]).await.is("malformed_request");
    send(&alice, &form("other", b"x")).await.is("invalid_request");
    alice.post("/api/v1/files/upload", Value::Null).await.is("malformed_request");
    assert_eq!(on_disk(&server), 0);
}

#[tokio::test]
async fn a_file_begins_soon() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let before = |padding: usize| {
        let mut body = format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"note\"\r\n\r\n").into_bytes();
        body.extend(vec![b'x'; padding]);
        body.extend_from_slice(b"\r\n");
        body.extend(form("file", &vec![7; 300_000]));
        body
    };
    send(&alice, &before(4_000)).await.ok();
    send(&alice, &before(9_000)).await.is("malformed_request");
    let long_name = form(&"n".repeat(9_000), b"x");
    send(&alice, &long_name).await.is("malformed_request");
    assert_eq!(on_disk(&server), 1);
}

#[tokio::test]
async fn one_users_files_have_a_quota() {
    let server = TestServer::with(|config| config.limits.max_stored_mb_per_user = 1).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let half = vec![1; 512 * 1024];
    let first = upload(&alice, &half).await;
    upload(&alice, &half).await;
    let problem = send(&alice, &form("file", b"x")).await.is("storage_full");
    assert!(problem["detail"].as_str().unwrap().contains("one user"), "{problem}");
    upload(&bob, &half).await;
    assert_eq!(on_disk(&server), 3);
    alice.delete(&format!("/api/v1/files/{first}")).await.ok();
    upload(&alice, &half).await;
    // Both begin while there is room for one.
    server.api.json("DELETE", "/api/v1/admin/users/bob", Some(crate::support::ADMIN_KEY), &Value::Null).await.ok();
    let carol = server.user("carol").await;
    let (much, whole) = (vec![1; 700 * 1024], form("file", &vec![1; 700 * 1024]));
    let (a, b) = tokio::join!(send(&carol, &whole), send(&carol, &whole));
    let statuses = [a.status, b.status];
    assert!(statuses.contains(&200) && statuses.contains(&507), "{statuses:?}");
    send(&carol, &form("file", &much)).await.is("storage_full");
}

/// What stands before a form of that length.
fn head(person: &Person, body: &[u8]) -> String {
    format!(
        "POST /api/v1/files/upload HTTP/1.1\r\nhost: test\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: multipart/form-data; boundary={BOUNDARY}\r\ncontent-length: {}\r\n\r\n",
        person.token,
        body.len()
    )
}

/// Whoever is still sending would lose the answer with the connection: what they send, far more than lies in buffers between the two, is
/// read for a while.
#[tokio::test]
async fn who_sends_too_much_is_told_though_they_are_still_sending() {
    let server = TestServer::with(|config| config.limits.max_file_size_mb = 1).await;
    let alice = server.user("alice").await;
    let body = form("file", &vec![1; 24 * 1024 * 1024]);
    let mut stream = tokio::net::TcpStream::connect(server.api.address).await.unwrap();
    stream.write_all(head(&alice, &body).as_bytes()).await.unwrap();
    stream.write_all(&body).await.expect("it is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("file_too_large"), "{answer}");
}

#[tokio::test]
async fn an_upload_that_outlives_its_user_leaves_nothing_behind() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let body = form("file", &vec![1; 100_000]);
    let head = head(&alice, &body);
    let mut stream = tokio::net::TcpStream::connect(server.api.address).await.unwrap();
    stream.write_all(&[head.as_bytes(), &body[..50_000]].concat()).await.unwrap();
    await_on_disk(&server, 1).await;
    let key = Some(crate::support::ADMIN_KEY);
    server.api.json("DELETE", "/api/v1/admin/users/alice", key, &Value::Null).await.ok();
    stream.write_all(&body[50_000..]).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert_eq!(on_disk(&server), 0);
}

#[tokio::test]
async fn old_files_go_from_the_disk_too() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let id = upload(&alice, b"old").await;
    server.clock.advance(71 * 3600);
    let younger = upload(&alice, b"young").await;
    server.clock.advance(3600);
    alice.get(&format!("/api/v1/files/{id}")).await.is("unknown_file");
    await_on_disk(&server, 1).await;
    alice.get(&format!("/api/v1/files/{younger}")).await.ok_bytes(b"young");
}

#[tokio::test]
async fn what_a_crash_left_behind_is_swept_up() {
    let mut server = TestServer::start().await;
    let alice = server.user("alice").await;
    upload(&alice, b"kept").await;
    server.stop().await;
    let folder = server.config.storage.files_path.clone();
    let generated = "A".repeat(43);
    std::fs::write(folder.join(format!("{generated}.part")), "x").unwrap();
    std::fs::write(folder.join(generated), "x").unwrap();
    server.restart().await;
    await_on_disk(&server, 1).await;
}

#[tokio::test]
async fn what_is_not_the_servers_is_left_alone() {
    let mut server = TestServer::start().await;
    let alice = server.user("alice").await;
    upload(&alice, b"kept").await;
    server.stop().await;
    let folder = server.config.storage.files_path.clone();
    let foreign = ["privmsg.db", "privmsg.db-wal", "notes.txt", "download.part"];
    for name in foreign {
        std::fs::write(folder.join(name), "precious").unwrap();
    }
    std::fs::write(folder.join("A".repeat(43)), "left behind").unwrap();
    server.restart().await;
    await_on_disk(&server, 1 + foreign.len()).await;
    for name in foreign {
        assert_eq!(std::fs::read(folder.join(name)).unwrap(), b"precious");
    }
}

#[tokio::test]
async fn files_of_a_deleted_user_go() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    upload(&alice, b"mine").await;
    let key = Some(crate::support::ADMIN_KEY);
    let path = "/api/v1/admin/users/alice";
    server.api.json("DELETE", path, key, &Value::Null).await.ok();
    assert_eq!(on_disk(&server), 0);
}

async fn get(person: &Person, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\nauthorization: Bearer {}\r\n",
        person.token
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    person.api.raw((request + "\r\n").as_bytes()).await
}

#[tokio::test]
async fn a_part_of_a_file_can_be_fetched() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let content: Vec<u8> = (0..400_000_u32).map(|n| u8::try_from(n % 253).unwrap()).collect();
    let path = format!("/api/v1/files/{}", upload(&alice, &content).await);
    let whole = get(&alice, "GET", &path, &[]).await;
    assert!(whole.head.contains("accept-ranges: bytes"), "{}", whole.head);
    whole.ok_bytes(&content);

    let part = get(&alice, "GET", &path, &[("range", "bytes=100000-399998")]).await;
    assert_eq!((part.status, part.body.len()), (206, 299_999));
    assert!(part.body == content[100_000..399_999]);
    assert!(part.head.contains("content-range: bytes 100000-399998/400000"), "{}", part.head);
    assert!(part.head.contains("content-length: 299999"), "{}", part.head);
    let end = get(&alice, "GET", &path, &[("range", "bytes=-3")]).await;
    assert_eq!((end.status, end.body.as_slice()), (206, &content[399_997..]));
    get(&alice, "GET", &path, &[("range", "bytes=0-1,5-6")]).await.ok_bytes(&content);
    let behind = get(&alice, "GET", &path, &[("range", "bytes=400000-")]).await;
    behind.is("range_not_satisfiable");
    assert!(behind.head.contains("content-range: bytes */400000"), "{}", behind.head);

    let head = get(&alice, "HEAD", &path, &[("range", "bytes=0-1")]).await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(head.head.contains("content-length: 400000"), "{}", head.head);
}

#[tokio::test]
async fn a_file_that_is_known_is_not_sent_again() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let id = upload(&alice, b"content").await;
    let path = format!("/api/v1/files/{id}");
    let tag = format!("\"{id}\"");
    let first = get(&alice, "GET", &path, &[]).await;
    assert!(first.head.contains(&format!("etag: {}", tag.to_lowercase())), "{}", first.head);
    let same = get(&alice, "GET", &path, &[("if-none-match", &tag)]).await;
    assert_eq!((same.status, same.body.len()), (304, 0));
    assert!(same.head.contains("etag: "), "{}", same.head);
    get(&alice, "GET", &path, &[("if-none-match", "\"other\"")]).await.ok_bytes(b"content");
    get(&alice, "GET", &path, &[("if-match", "\"other\"")]).await.is("precondition_failed");
    let range = ("range", "bytes=1-2");
    let part = get(&alice, "GET", &path, &[("if-range", &tag), range]).await;
    assert_eq!((part.status, part.body.as_slice()), (206, b"on".as_slice()));
    get(&alice, "GET", &path, &[("if-range", "\"other\""), range]).await.ok_bytes(b"content");
}

#[tokio::test]
async fn a_picture_stays_until_another_takes_its_place() {
    let mut server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let (picture, other) = (upload(&alice, b"picture").await, upload(&alice, b"other").await);
    let show = |id: &str| json!({"avatar_file_id": id});
    alice.post("/api/v1/users/me/profile", show(&picture)).await.ok();
    bob.post("/api/v1/users/me/profile", show(&picture)).await.is("unknown_file");
    server.clock.advance(100 * 3600);
    server.restart().await;
    await_on_disk(&server, 1).await;
    let alice = Person { api: server.api, ..alice };
    alice.get(&format!("/api/v1/files/{picture}")).await.ok_bytes(b"picture");
    alice.get(&format!("/api/v1/files/{other}")).await.is("unknown_file");

    let newer = upload(&alice, b"newer").await;
    let profile = alice.post("/api/v1/users/me/profile", show(&newer)).await.ok();
    assert_eq!(profile["avatar_file_id"], newer.as_str());
    alice.get(&format!("/api/v1/files/{picture}")).await.is("unknown_file");
    assert_eq!(on_disk(&server), 1);
    alice.post("/api/v1/users/me/profile", show(&newer)).await.ok();
    alice.delete(&format!("/api/v1/files/{newer}")).await.ok();
    let profile = alice.get("/api/v1/users/me").await.ok();
    assert!(profile["avatar_file_id"].is_null(), "{profile}");
    assert_eq!(on_disk(&server), 0);
}

#[tokio::test]
async fn uploads_leave_room_on_the_disk() {
    let server = TestServer::with(|config| config.limits.min_free_disk_mb = 1 << 40).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    send(&alice, &form("file", b"x")).await.is("storage_full");
    let mut line = alice.online().await;
    line.deliver(alice.message("bob", crate::support::new_id(), "aGVsbG8=")).await;
    bob.connect().await.message().await;
    assert_eq!(on_disk(&server), 0);
}
