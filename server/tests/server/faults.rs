//! Slow readers, age, sudden death.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use privmsg_protocol::MessageId;
use privmsg_protocol::frames::ServerFrame;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{ADMIN_KEY, Api, TestServer, new_id, time_passes, until};

/// The real binary on a folder of its own; killed when dropped.
pub(crate) struct Binary {
    pub(crate) child: Child,
    pub(crate) api: Api,
}

impl Binary {
    pub(crate) fn start(folder: &std::path::Path) -> Self {
        Self::start_with(folder, |_| {})
    }

    pub(crate) fn start_with(folder: &std::path::Path, change: impl FnOnce(&mut Command)) -> Self {
        let log = std::fs::File::options().create(true).append(true).open(folder.join("server.log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_privmsg-server"));
        change(&mut command);
        Self::spawn(command.current_dir(folder).stderr(log))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .env("PRIVMSG_SERVER_PORT", "0")
            .env("PRIVMSG_ADMIN_MASTER_KEY", ADMIN_KEY)
            .env("PRIVMSG_LIMITS_RATE_LIMIT_MESSAGES_PER_MINUTE", "0")
            .env("PRIVMSG_LIMITS_MAX_FRAMES_PER_SECOND", "0")
            .env("PRIVMSG_LIMITS_MAX_REQUEST_MESSAGES_PER_DAY", "0")
            .env("PRIVMSG_LIMITS_MAX_REQUEST_KB_PER_DAY", "0")
            .env("RUST_LOG", "trace")
            .env("LC_ALL", "C")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit_once("http://").expect("an address").1;
        Self { child, api: Api { address: address.parse().unwrap() } }
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_sudden_deaths() {
    const DEATHS: usize = 5;
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        Binary::start_with(folder.path(), |command| {
            command.env("PRIVMSG_LIMITS_MAX_PENDING_MESSAGES", "0");
        })
    };
    let mut server = start();
    let key = server.api.create_user("alice").await;
    let mut alice = server.api.login("alice", &key, None).await;
    let key = server.api.create_user("bob").await;
    let mut bob = server.api.login("bob", &key, None).await;
    let mut acknowledged: HashSet<MessageId> = HashSet::new();
    let mut sent: HashSet<MessageId> = HashSet::new();
    for death in 0..DEATHS {
        let mut line = alice.connect().await;
        // Killed after a different time in each round, in the middle of the stream.
        let mut until = tokio::time::Instant::now() + Duration::from_millis(20 + 37 * death as u64);
        loop {
            for _ in 0..20 {
                let id = new_id();
                sent.insert(id);
                line.send(alice.message("bob", id, "eA==")).await;
            }
            if let ServerFrame::Ack(ack) = line.next().await {
                acknowledged.extend(ack.message_ids);
            }
            if tokio::time::Instant::now() >= until && acknowledged.len() > 20 * (death + 1) {
                break;
            }
            until = until.max(tokio::time::Instant::now());
        }
        server.child.kill().unwrap();
        server.child.wait().unwrap();
        server = start();
        (alice.api, bob.api) = (server.api, server.api);
    }
    let mut line = bob.connect().await;
    let mut received = Vec::new();
    loop {
        match line.next().await {
            ServerFrame::Message(message) => {
                received.push(message.message_id);
                line.ack(&[message.message_id]).await;
            }
            ServerFrame::CaughtUp => break,
            other => panic!("{other:?}"),
        }
    }
    let once: HashSet<MessageId> = received.iter().copied().collect();
    assert_eq!(once.len(), received.len(), "nothing comes twice");
    assert!(acknowledged.is_subset(&once), "nothing acknowledged is lost: {} of {}", once.len(), acknowledged.len());
    assert!(once.is_subset(&sent));
}

#[tokio::test]
async fn a_slow_reader_gets_everything_in_order_in_the_end() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let mut b = bob.online().await;
    let mut a = alice.online().await;
    // Far more than a queue, a socket's buffers and the unacknowledged together.
    let content = "x".repeat(8 * 1024);
    let ids: Vec<_> = (0..2_000).map(|_| new_id()).collect();
    let mut acked = 0;
    for chunk in ids.chunks(100) {
        for id in chunk {
            a.send(alice.message("bob", *id, &content)).await;
        }
        while acked < chunk.len() {
            acked += a.acked().await.len();
        }
        acked = 0;
    }
    // Nothing acknowledged: only so many are delivered.
    for id in &ids[..1024] {
        assert_eq!(b.message().await.message_id, *id);
    }
    b.is_quiet().await;
    b.ack(&ids[..1024]).await;
    for id in &ids[1024..] {
        assert_eq!(b.message().await.message_id, *id);
    }
    b.is_quiet().await;
}

#[tokio::test]
async fn a_reader_that_stopped_is_given_up() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let _stuck = bob.online().await;
    let mut a = alice.online().await;
    let content = "x".repeat(60 * 1024);
    for _ in 0..500 {
        a.deliver(alice.message("bob", new_id(), &content)).await;
    }
    let online = async || {
        let key = json!({"admin_key": ADMIN_KEY});
        server.api.json("GET", "/api/v1/admin/stats", None, &key).await.ok()["online_users"].clone()
    };
    assert_eq!(online().await, 2);
    // Three minutes, in which alice gives signs of life.
    for _ in 0..18 {
        time_passes(Duration::from_secs(10)).await;
        a.ping().await;
    }
    until("bob is given up", async || online().await == 1).await;
    a.ping().await;
}

#[tokio::test]
async fn old_messages_and_their_states_go() {
    let server = TestServer::start().await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let mut a = alice.online().await;
    a.deliver(alice.message("bob", new_id(), "eA==")).await;
    server.clock.advance(167 * 3600);
    let younger = new_id();
    a.deliver(alice.message("bob", younger, "eA==")).await;
    server.clock.advance(3601);
    let stats = async || {
        let key = json!({"admin_key": ADMIN_KEY});
        server.api.json("GET", "/api/v1/admin/stats", None, &key).await.ok()
    };
    until("the old one goes", async || stats().await["pending_messages"] == 1).await;
    let mut b = bob.connect().await;
    assert_eq!(b.message().await.message_id, younger);
    assert_eq!(b.next().await, ServerFrame::CaughtUp);
}

#[tokio::test]
async fn a_stopping_server_says_goodbye() {
    let mut server = TestServer::start().await;
    let alice = server.user("alice").await;
    let mut line = alice.online().await;
    server.stop().await;
    assert_eq!(line.closed().await, 1001);
}

/// A request whose body comes so late that the data is closed by then gets an answer all the same: to come back.
#[tokio::test]
async fn who_comes_too_late_is_told_that_the_server_stops() {
    let mut server = TestServer::start().await;
    let key = server.api.create_user("alice").await;
    let body = json!({"user_id": "alice", "access_key": key}).to_string();
    let mut late = TcpStream::connect(server.api.address).await.unwrap();
    let head = format!("POST /api/v1/auth/login HTTP/1.1\r\nHost: test\r\nContent-Length: {}\r\n\r\n", body.len());
    late.write_all(head.as_bytes()).await.unwrap();
    late.write_all(&body.as_bytes()[..1]).await.unwrap();
    // The request is under way before the server stops.
    server.api.json("GET", "/health", None, &json!(null)).await.ok();
    server.stop().await;
    late.write_all(&body.as_bytes()[1..]).await.unwrap();
    let mut answer = String::new();
    late.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains(r#""shutting_down""#), "{answer}");
}

#[tokio::test]
async fn data_and_log_hold_no_key_and_no_file_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut secrets = vec![ADMIN_KEY.to_owned(), "tax return".to_owned()];
    {
        let server = Binary::start(folder.path());
        let key = server.api.create_user("alice").await;
        let alice = server.api.login("alice", &key, None).await;
        let body =
            "--B\r\ncontent-disposition: form-data; name=\"file\"; filename=\"tax return.pdf\"\r\n\r\nx\r\n--B--\r\n";
        let kind = "multipart/form-data; boundary=B";
        let token = Some(alice.token.as_str());
        let upload = "/api/v1/files/upload";
        server.api.call("POST", upload, token, kind, body.as_bytes()).await.ok();
        let mut line = alice.online().await;
        line.deliver(alice.message("alice", new_id(), "bm90aGluZw==")).await;
        secrets.extend([key, alice.token.clone()]);
    }
    let mut files = vec![folder.path().to_owned()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for secret in &secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds a secret", path.display());
        }
    }
}

/// On a disk of 3 MB, in a mount namespace of its own.
#[tokio::test]
async fn a_full_disk_is_told_and_survived() {
    let folder = tempfile::tempdir().unwrap();
    let small_disk = ["--map-root-user", "--mount", "--kill-child", "bash", "-c"];
    let mount = format!("mount -t tmpfs -o size=3m tmpfs '{}'", folder.path().display());
    let possible = Command::new("unshare").args(small_disk).arg(&mount).status();
    assert!(possible.is_ok_and(|status| status.success()), "needs `unshare`, and user and mount namespaces");
    let run = format!("{mount} && cd '{}' && exec \"$0\"", folder.path().display());
    let mut command = Command::new("unshare");
    command.args(small_disk).arg(run).arg(env!("CARGO_BIN_EXE_privmsg-server"));
    let server = Binary::spawn(command.stderr(Stdio::null()));

    let key = server.api.create_user("alice").await;
    let alice = server.api.login("alice", &key, None).await;
    let key = server.api.create_user("bob").await;
    let bob = server.api.login("bob", &key, None).await;
    let mut file = b"--B\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n".to_vec();
    file.extend_from_slice(&vec![0; 4 * 1024 * 1024]);
    file.extend_from_slice(b"\r\n--B--\r\n");
    let upload = ("/api/v1/files/upload", "multipart/form-data; boundary=B");
    let answer = server.api.call("POST", upload.0, Some(&alice.token), upload.1, &file).await;
    answer.is("storage_full");

    // Much less than the reserve is free: nothing large is begun, and messages still go.
    let group = json!({
        "kind": "self", "participants": ["alice"], "incarnation": 1, "epoch": 1,
        "state": {"group_info": "eA==", "ratchet_tree": "eA=="},
    });
    alice.post("/api/v1/groups", group).await.is("storage_full");

    let mut a = alice.online().await;
    let content = "x".repeat(60 * 1024);
    let mut stored = Vec::new();
    let refused = loop {
        let id = new_id();
        a.send(alice.message("bob", id, &content)).await;
        match a.next().await {
            ServerFrame::Ack(_) => stored.push(id),
            ServerFrame::Error(error) => break error,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused.code.as_str(), "storage_full");
    assert!(!stored.is_empty(), "the upload that did not fit has left its room");
    a.ping().await;
    let pending = bob.get("/api/v1/messages/pending").await.ok();
    assert_eq!(pending["messages"].as_array().unwrap().len(), stored.len());
}
