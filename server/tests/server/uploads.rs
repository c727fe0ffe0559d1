//! Resumable uploads by the tus protocol.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{ADMIN_KEY, Answer, CONTINUE, Person, TestServer, time_passes, until};

const UPLOADS: &str = "/api/v1/files/uploads";

/// A header of an answer.
fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn request(person: &Person, method: &str, path: &str, headers: &[(&str, &str)], len: usize) -> String {
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\ntus-resumable: 1.0.0\r\n\
         authorization: Bearer {}\r\ncontent-length: {len}\r\n",
        person.token
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head + "\r\n"
}

async fn send(person: &Person, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut raw = request(person, method, path, headers, body.len()).into_bytes();
    raw.extend_from_slice(body);
    person.api.raw(&raw).await
}

/// Begins an upload and returns its path as the server says it, in its own letters.
async fn begin(person: &Person, len: usize) -> String {
    let raw = request(person, "POST", UPLOADS, &[("upload-length", &len.to_string())], 0);
    let mut stream = TcpStream::connect(person.api.address).await.unwrap();
    stream.write_all(raw.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let path = answer.lines().find_map(|line| line.strip_prefix("location: ")).expect("a location");
    // As a client resolves it against the address that it has asked.
    format!("/api/v1/files/{path}")
}

const BYTES: (&str, &str) = ("content-type", "application/offset+octet-stream");

async fn add(person: &Person, path: &str, offset: usize, body: &[u8]) -> Answer {
    send(person, "PATCH", path, &[BYTES, ("upload-offset", &offset.to_string())], body).await
}

async fn offset(person: &Person, path: &str) -> usize {
    let answer = send(person, "HEAD", path, &[], b"").await;
    assert_eq!(answer.status, 200, "{}", answer.head);
    assert_eq!(header(&answer, "cache-control"), Some("no-store"));
    header(&answer, "upload-offset").unwrap().parse().unwrap()
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|n| u8::try_from(n * 31 % 251).unwrap()).collect()
}

fn download_path(upload: &str) -> String {
    upload.replace("/uploads/", "/")
}

fn on_disk(server: &TestServer) -> usize {
    std::fs::read_dir(&server.config.storage.files_path).unwrap().count()
}

/// Sends the head and a part of a body, and then nothing. The request is under way when this returns: the server has
/// asked for the body.
async fn half_open(
    person: &Person,
    path: &str,
    offset: usize,
    len: usize,
    part: &[u8],
    more: &[(&str, &str)],
) -> TcpStream {
    let offset = offset.to_string();
    let headers = [&[BYTES, ("upload-offset", offset.as_str()), ("expect", "100-continue")], more].concat();
    let mut stream = TcpStream::connect(person.api.address).await.unwrap();
    stream.write_all(request(person, "PATCH", path, &headers, len).as_bytes()).await.unwrap();
    let mut go_on = [0; CONTINUE.len()];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, CONTINUE);
    stream.write_all(part).await.unwrap();
    stream
}

#[tokio::test]
async fn an_upload_goes_on_where_it_stopped_also_after_a_restart() {
    let mut server = TestServer::start().await;
    let alice = server.user("alice").await;
    let whole = content(3_000_000);
    let path = begin(&alice, whole.len()).await;
    assert_eq!(offset(&alice, &path).await, 0);
    let answer = add(&alice, &path, 0, &whole[..1_000_000]).await;
    assert_eq!((answer.status, header(&answer, "upload-offset")), (204, Some("1000000")));
    assert!(header(&answer, "x-privmsg-file-id").is_none());
    alice.get(&download_path(&path)).await.is("unknown_file");

    server.restart().await;
    let alice = Person { api: server.api, ..alice };
    assert_eq!(offset(&alice, &path).await, 1_000_000);
    add(&alice, &path, 0, &whole[..1_000_000]).await.is("upload_offset_mismatch");
    add(&alice, &path, 2_000_000, b"x").await.is("upload_offset_mismatch");
    let answer = add(&alice, &path, 1_000_000, &whole[1_000_000..]).await;
    assert_eq!(answer.status, 204, "{}", answer.head);
    let id = path.rsplit('/').next().unwrap();
    assert_eq!(header(&answer, "x-privmsg-file-id"), Some(id.to_lowercase().as_str()));
    alice.get(&download_path(&path)).await.ok_bytes(&whole);

    // The answer may have been lost.
    let answer = send(&alice, "HEAD", &path, &[], b"").await;
    assert_eq!(header(&answer, "upload-offset"), Some("3000000"));
    assert_eq!(header(&answer, "upload-length"), Some("3000000"));
    assert_eq!(header(&answer, "x-privmsg-file-id"), Some(id.to_lowercase().as_str()));
    assert_eq!(add(&alice, &path, 3_000_000, b"").await.status, 204);
    add(&alice, &path, 3_000_000, b"more").await.is("file_too_large");
}

#[tokio::test]
async fn what_came_before_a_connection_broke_counts() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let whole = content(900_000);
    let path = begin(&alice, whole.len()).await;
    drop(half_open(&alice, &path, 0, whole.len(), &whole[..600_000], &[]).await);
    until("what has come", async || offset(&alice, &path).await == 600_000).await;
    assert_eq!(add(&alice, &path, 600_000, &whole[600_000..]).await.status, 204);
    alice.get(&download_path(&path)).await.ok_bytes(&whole);
}

#[tokio::test]
async fn a_silent_request_is_taken_over_by_the_next() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let whole = content(500_000);
    let path = begin(&alice, whole.len()).await;
    let mut silent = half_open(&alice, &path, 0, whole.len(), &whole[..100_000], &[]).await;
    // While it is fresh it has the upload; the offset can be asked for all the same.
    let problem = add(&alice, &path, 0, b"x").await.is("upload_locked");
    assert!(problem["retry_after_ms"].as_u64().unwrap() <= 2_000, "{problem}");
    assert!(offset(&alice, &path).await <= 100_000);
    time_passes(Duration::from_secs(2)).await;
    add(&alice, &path, 100_001, b"x").await.is("upload_offset_mismatch");
    let mut answer = String::new();
    silent.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("upload_locked"), "{answer}");
    // Of what was sent, as much as had come by then.
    let known = offset(&alice, &path).await;
    assert!(known <= 100_000, "{known}");
    assert_eq!(add(&alice, &path, known, &whole[known..]).await.status, 204);
    alice.get(&download_path(&path)).await.ok_bytes(&whole);
}

#[tokio::test]
async fn bytes_with_a_wrong_checksum_or_none_in_time_are_not_kept() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let path = begin(&alice, 16).await;
    assert_eq!(add(&alice, &path, 0, b"begin").await.status, 204);
    let right = ("upload-checksum", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=");
    let at_five = ("upload-offset", "5");
    let wrong = send(&alice, "PATCH", &path, &[BYTES, at_five, right], b"hello_world").await;
    assert_eq!(wrong.status, 460);
    wrong.is("checksum_mismatch");
    assert_eq!(offset(&alice, &path).await, 5);
    let unknown = ("upload-checksum", "md5 XrY7u+Ae7tCTyyK7j1rNww==");
    send(&alice, "PATCH", &path, &[BYTES, at_five, unknown], b"hello world").await.is("malformed_request");
    // Broken off: nobody can say whether what came is right.
    drop(half_open(&alice, &path, 5, 11, b"hello w", &[right]).await);
    // Taken at five, so no byte of it is there any more.
    until("the broken request has let go", async || {
        let answer = send(&alice, "PATCH", &path, &[BYTES, at_five, right], b"hello world").await;
        if answer.status == 423 {
            answer.is("upload_locked");
            return false;
        }
        assert_eq!((answer.status, header(&answer, "upload-offset")), (204, Some("16")));
        true
    })
    .await;
    alice.get(&download_path(&path)).await.ok_bytes(b"beginhello world");
}

#[tokio::test]
async fn the_protocol_says_what_it_offers_and_refuses_the_rest() {
    let server = TestServer::with(|config| config.limits.max_file_size_mb = 1).await;
    let alice = server.user("alice").await;
    let options =
        server.api.raw(format!("OPTIONS {UPLOADS} HTTP/1.1\r\nhost: t\r\nconnection: close\r\n\r\n").as_bytes()).await;
    assert_eq!(options.status, 204);
    assert_eq!(header(&options, "tus-version"), Some("1.0.0"));
    assert_eq!(header(&options, "tus-max-size"), Some("1048576"));
    assert_eq!(
        header(&options, "tus-extension"),
        Some("creation,creation-with-upload,termination,expiration,checksum")
    );
    assert_eq!(header(&options, "tus-checksum-algorithm"), Some("sha256,sha1"));

    let path = begin(&alice, 10).await;
    let other_version = alice.delete(&path).await;
    other_version.is("unsupported_tus_version");
    assert_eq!(header(&other_version, "tus-version"), Some("1.0.0"));
    assert_eq!(header(&other_version, "tus-resumable"), Some("1.0.0"));
    let len = |len| ("upload-length", len);
    send(&alice, "POST", UPLOADS, &[], b"").await.is("malformed_request");
    send(&alice, "POST", UPLOADS, &[len("-1")], b"").await.is("malformed_request");
    send(&alice, "POST", UPLOADS, &[("upload-defer-length", "1")], b"").await.is("malformed_request");
    send(&alice, "POST", UPLOADS, &[len("5"), ("upload-concat", "partial")], b"").await.is("malformed_request");
    send(&alice, "POST", UPLOADS, &[len("1048577")], b"").await.is("file_too_large");
    send(&alice, "PATCH", &path, &[("upload-offset", "0")], b"x").await.is("unsupported_media_type");
    send(&alice, "PATCH", &path, &[BYTES], b"x").await.is("malformed_request");
    add(&alice, &path, 0, b"more than ten").await.is("file_too_large");
    assert_eq!(offset(&alice, &path).await, 0);
    let patched = [BYTES, ("upload-offset", "0"), ("x-http-method-override", "PATCH")];
    assert_eq!(send(&alice, "POST", &path, &patched, b"0123456789").await.status, 204);
    alice.get(&download_path(&path)).await.ok_bytes(b"0123456789");
}

#[tokio::test]
async fn a_body_without_a_length_ends_at_the_uploads() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let path = begin(&alice, 10).await;
    let chunked = |body: &str| {
        let head = request(&alice, "PATCH", &path, &[BYTES, ("upload-offset", "0")], 0);
        head.replace("content-length: 0", "transfer-encoding: chunked") + body
    };
    alice.api.raw(chunked("6\r\n012345\r\n6\r\n6789ab\r\n0\r\n\r\n").as_bytes()).await.is("file_too_large");
    let known = offset(&alice, &path).await;
    assert_eq!(known, 6, "what fitted is kept");
    assert_eq!(add(&alice, &path, 6, b"6789").await.status, 204);
    alice.get(&download_path(&path)).await.ok_bytes(b"0123456789");
}

#[tokio::test]
async fn a_file_may_come_with_its_creation_and_its_name_stays_away() {
    let mut server = TestServer::start().await;
    let alice = server.user("alice").await;
    let name = ("upload-metadata", "filename dGF4IHJldHVybi5wZGY=,relativePath dGF4IHJldHVybi5wZGY=");
    let answer = send(&alice, "POST", UPLOADS, &[BYTES, ("upload-length", "5"), name], b"hello").await;
    assert_eq!((answer.status, header(&answer, "upload-offset")), (201, Some("5")));
    assert!(header(&answer, "x-privmsg-file-id").is_some());
    let part = send(&alice, "POST", UPLOADS, &[BYTES, ("upload-length", "5"), name], b"hel").await;
    assert_eq!((part.status, header(&part, "upload-offset")), (201, Some("3")));
    let empty = send(&alice, "POST", UPLOADS, &[("upload-length", "0")], b"").await;
    assert!(empty.status == 201 && header(&empty, "x-privmsg-file-id").is_some());
    let wrong = [BYTES, ("upload-length", "5"), ("upload-checksum", "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=")];
    send(&alice, "POST", UPLOADS, &wrong, b"hello").await.is("checksum_mismatch");
    assert_eq!(on_disk(&server), 3);
    server.stop().await;
    for entry in std::fs::read_dir(server.config.storage.database_path.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            for name in ["tax return.pdf", "dGF4IHJldHVybi5wZGY"] {
                assert!(!bytes.windows(name.len()).any(|window| window == name.as_bytes()), "{}", path.display());
            }
        }
    }
}

#[tokio::test]
async fn an_upload_is_its_users_alone() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let path = begin(&alice, 10).await;
    let head = send(&bob, "HEAD", &path, &[], b"").await;
    assert_eq!(head.status, 404);
    add(&bob, &path, 0, b"0123456789").await.is("unknown_upload");
    send(&bob, "DELETE", &path, &[], b"").await.is("unknown_upload");
    let another_device = server.device("alice", &alice.access_key).await;
    assert_eq!(offset(&another_device, &path).await, 0);
    let stranger = Person { token: "x".to_owned(), ..bob };
    send(&stranger, "POST", UPLOADS, &[("upload-length", "1")], b"").await.is("unauthorized");
    // Terminated in the middle of a request.
    let _going_on = half_open(&alice, &path, 0, 10, b"01234", &[]).await;
    assert_eq!(send(&alice, "DELETE", &path, &[], b"").await.status, 204);
    assert_eq!(send(&alice, "HEAD", &path, &[], b"").await.status, 404);
    assert_eq!(on_disk(&server), 0);
}

#[tokio::test]
async fn unfinished_uploads_are_counted_and_expire() {
    let mut server = TestServer::with(|config| {
        config.limits.max_unfinished_uploads = 2;
        config.limits.max_stored_mb_per_user = 1;
    })
    .await;
    let alice = server.user("alice").await;
    let first = begin(&alice, 900_000).await;
    // Declared bytes count before they have come.
    send(&alice, "POST", UPLOADS, &[("upload-length", "200000")], b"").await.is("storage_full");
    let second = begin(&alice, 10).await;
    let third = send(&alice, "POST", UPLOADS, &[("upload-length", "10")], b"").await;
    assert_eq!(third.status, 429);
    third.is("too_many_uploads");
    add(&alice, &first, 0, &content(1_000)).await;
    assert_eq!(add(&alice, &second, 0, b"0123456789").await.status, 204);
    server.clock.advance(23 * 3600);
    assert_eq!(offset(&alice, &first).await, 1_000);
    server.clock.advance(3600);
    assert_eq!(send(&alice, "HEAD", &first, &[], b"").await.status, 404);
    server.restart().await;
    let alice = Person { api: server.api, ..alice };
    until("only the finished one is left", async || on_disk(&server) == 1).await;
    alice.get(&download_path(&second)).await.ok_bytes(b"0123456789");
    begin(&alice, 900_000).await;
}

#[tokio::test]
async fn uploads_of_a_deleted_user_go() {
    let server = TestServer::start().await;
    let alice = server.user("alice").await;
    let path = begin(&alice, 100_000).await;
    add(&alice, &path, 0, &content(1_000)).await;
    let mut going_on = half_open(&alice, &path, 1_000, 99_000, &content(50_000), &[]).await;
    server.api.json("DELETE", "/api/v1/admin/users/alice", Some(ADMIN_KEY), &json!(null)).await.ok();
    assert_eq!(on_disk(&server), 0);
    going_on.write_all(&content(49_000)).await.unwrap();
    let mut answer = String::new();
    going_on.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert_eq!(on_disk(&server), 0);
}

#[tokio::test]
async fn one_user_has_so_many_transfers_at_once() {
    let server = TestServer::with(|config| config.limits.max_transfers_per_user = 1).await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let (path, other) = (begin(&alice, 10).await, begin(&alice, 10).await);
    let going_on = half_open(&alice, &path, 0, 10, b"01234", &[]).await;
    add(&alice, &other, 0, b"x").await.is("rate_limited");
    begin(&bob, 10).await;
    drop(going_on);
    until("the place is free", async || {
        let answer = add(&alice, &other, 0, b"0123456789").await;
        if answer.status == 429 {
            answer.is("rate_limited");
            return false;
        }
        assert_eq!(answer.status, 204);
        true
    })
    .await;
}
