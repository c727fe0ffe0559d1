//! What an administrator sees of a running server: readiness, metrics, the log. And what nobody sees in them.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::faults::Binary;
use crate::support::{ADMIN_KEY, Api, TestServer, new_id, until};

/// A server with metrics that has had something of everything to do. Returns what it says about it.
async fn worked() -> (TestServer, String) {
    let folder = tempfile::tempdir().unwrap();
    let backups = folder.path().join("backups");
    std::fs::create_dir(&backups).unwrap();
    std::fs::write(backups.join("privmsg-20240101-120000Z.tar"), "").unwrap();
    let server = TestServer::with(|config| {
        config.metrics.enabled = true;
        config.metrics.port = 0;
        config.backup.folder = backups;
    })
    .await;
    let (alice, bob) = (server.user("alice").await, server.user("bob").await);
    let (mut a, mut b) = (alice.online().await, bob.online().await);
    for _ in 0..3 {
        a.deliver(alice.message("bob", new_id(), "eA==")).await;
        let id = b.message().await.message_id;
        b.ack(&[id]).await;
    }
    a.send(alice.message("nobody", new_id(), "eA==")).await;
    a.error().await;
    a.deliver(alice.message("bob", new_id(), "eA==")).await;
    b.ping_through().await;
    let wrong = json!({"user_id": "alice", "access_key": "wrong"});
    server.api.json("POST", "/api/v1/auth/login", None, &wrong).await.is("invalid_credentials");
    let form = b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nbytes\r\n--x--\r\n";
    let kind = "multipart/form-data; boundary=x";
    let uploaded = server.api.call("POST", "/api/v1/files/upload", Some(&alice.token), kind, form).await.ok();
    let file = format!("/api/v1/files/{}", uploaded["file_id"].as_str().unwrap());
    bob.get(&file).await.ok_bytes(b"bytes");
    let metrics = Api { address: server.metrics.expect("metrics are served") };
    let answer = metrics.raw(b"GET /metrics HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let text = String::from_utf8(answer.body).unwrap();
    drop((a, b));
    (server, text)
}

#[track_caller]
fn figure(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

#[tokio::test]
async fn metrics_count_what_has_happened() {
    let (_server, text) = Box::pin(worked()).await;
    let is = |name: &str, value: f64| assert!((figure(&text, name) - value).abs() < 1e-9, "{name}\n{text}");
    is("privmsg_messages_accepted_total", 4.0);
    is("privmsg_messages_delivered_total", 4.0);
    is("privmsg_messages_acknowledged_total", 3.0);
    is("privmsg_frames_refused_total{code=\"unknown_recipient\"}", 1.0);
    is("privmsg_logins_total{result=\"ok\"}", 2.0);
    is("privmsg_logins_total{result=\"refused\"}", 1.0);
    is("privmsg_users_online", 2.0);
    is("privmsg_devices_online", 2.0);
    is("privmsg_connections", 2.0);
    is("privmsg_users", 2.0);
    is("privmsg_mailbox_messages", 1.0);
    is("privmsg_files", 1.0);
    is("privmsg_download_bytes_total", 5.0);
    is("privmsg_writer_batch_messages_sum", 4.0);
    is("privmsg_http_requests_total{method=\"GET\",route=\"/api/v1/files/{file_id}\",status=\"200\"}", 1.0);
    assert!(figure(&text, "privmsg_upload_bytes_total") > 5.0);
    assert!(figure(&text, "privmsg_disk_free_bytes{folder=\"files\"}") > 1e6);
    assert!(figure(&text, "privmsg_writer_transaction_duration_seconds_count") >= 4.0);
    assert!(figure(&text, "process_resident_memory_bytes") > 1e6);
    assert!(figure(&text, "privmsg_backup_timestamp_seconds") > 1.7e9);
}

#[tokio::test]
async fn metrics_name_nobody() {
    let (server, text) = Box::pin(worked()).await;
    for name in ["alice", "bob", "nobody", "127.0.0.1"] {
        assert!(!text.contains(name), "{name}");
    }
    // And they are on their own listener only.
    server.api.json("GET", "/metrics", None, &Value::Null).await.is("not_found");
}

/// The names of metrics in a text.
fn names(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_part(c))
        .filter(|word| ["privmsg_", "process_"].iter().any(|prefix| word.starts_with(prefix)))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn dashboard_and_alerts_name_what_there_is() {
    let (_server, text) = Box::pin(worked()).await;
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let known: BTreeSet<_> = samples.filter_map(|line| line.split(['{', ' ']).next()).collect();
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    for file in ["grafana/privmsg.json", "prometheus/alerts.yml"] {
        let named = names(&std::fs::read_to_string(deploy.join(file)).unwrap());
        let missing: Vec<_> = named.iter().filter(|name| !known.contains(name.as_str())).collect();
        assert!(named.len() > 5, "{file}");
        assert!(missing.is_empty(), "{file} names {missing:?}");
    }
    let dashboard: Value =
        serde_json::from_str(&std::fs::read_to_string(deploy.join("grafana/privmsg.json")).unwrap()).unwrap();
    assert!(dashboard["panels"].as_array().unwrap().len() > 10);
}

#[tokio::test]
async fn a_server_that_works_is_ready() {
    let server = TestServer::start().await;
    for _ in 0..3 {
        let ready = server.api.json("GET", "/health/ready", None, &Value::Null).await.ok();
        let checks = json!({"database": true, "disk": true, "running": true});
        assert_eq!(ready, json!({"status": "ready", "checks": checks}));
    }
}

/// Somebody else holds the database for longer than a commit may take.
#[tokio::test]
async fn a_server_whose_database_cannot_be_written_is_not_ready() {
    let server = TestServer::start().await;
    let database = rusqlite::Connection::open(&server.config.storage.database_path).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let answer = server.api.json("GET", "/health/ready", None, &Value::Null).await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["status"], "not_ready");
    assert_eq!(answer.json()["checks"], json!({"database": false, "disk": true, "running": true}));
    assert_eq!(server.api.json("GET", "/health", None, &Value::Null).await.status, 200);
    database.execute_batch("ROLLBACK").unwrap();
    until("it is ready again", async || {
        server.api.json("GET", "/health/ready", None, &Value::Null).await.status == 200
    })
    .await;
}

/// The log at its most talkative, after a bit of everything.
#[tokio::test]
async fn the_log_keeps_secrets() {
    for format in ["text", "json"] {
        let folder = tempfile::tempdir().unwrap();
        let config = format!("[log]\nformat = \"{format}\"\n");
        std::fs::write(folder.path().join("config.toml"), config).unwrap();
        let server = Binary::start(folder.path());
        let key = server.api.create_user("alice-of-the-log").await;
        let alice = server.api.login("alice-of-the-log", &key, Some("public key of alice")).await;
        let key = server.api.create_user("bob-of-the-log").await;
        let bob = server.api.login("bob-of-the-log", &key, None).await;
        let (mut a, mut b) = (alice.online().await, bob.online().await);
        let (first, refused) = (new_id(), new_id());
        a.deliver(alice.message("bob-of-the-log", first, "Q29udGVudA==")).await;
        a.send(alice.message("nobody-of-the-log", refused, "Q29udGVudA==")).await;
        a.error().await;
        b.message().await;
        b.ack(&[first]).await;
        b.send_text("{\"type\":\"message\",\"payload\":{\"secret\":\"broken-frame\"}}".into()).await;
        b.error().await;
        alice.get("/api/v1/messages/pending?limit=500&why=query-of-the-log").await.ok();
        alice.get("/api/v1/users/bob-of-the-log").await.ok();
        server
            .api
            .json("GET", "/api/v1/users/me", Some("wrong-token-of-the-log"), &Value::Null)
            .await
            .is("unauthorized");
        let body = json!({"user_id": "alice-of-the-log", "access_key": "wrong-key-of-the-log"});
        server.api.json("POST", "/api/v1/auth/login", None, &body).await.is("invalid_credentials");
        let form = b"--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"plan-of-the-log.pdf\"\r\n\r\nb\r\n--x--\r\n";
        let kind = "multipart/form-data; boundary=x";
        let file = server.api.call("POST", "/api/v1/files/upload", Some(&alice.token), kind, form).await.ok();
        let own = server.api.address.to_string();
        drop((a, b, server));
        let log = std::fs::read_to_string(folder.path().join("server.log")).unwrap();
        assert!(log.contains("/api/v1/users/{user_id}"), "requests are logged: {log}");
        // The server's own address is everybody's to know, and stands where it says what it serves.
        let log = log.replace(&own, "");
        if format == "json" {
            let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
            assert!(lines.iter().any(|line| line["route"] == "/api/v1/auth/login" && line["status"] == 401));
        }
        for hidden in [
            "-of-the-log",
            ADMIN_KEY,
            &alice.token,
            &alice.access_key,
            &bob.token,
            &alice.device,
            &first.to_string(),
            &refused.to_string(),
            file["file_id"].as_str().unwrap(),
            "127.0.0.1",
            "Q29udGVudA",
            "broken-frame",
            "public key of alice",
        ] {
            assert!(!log.contains(hidden), "{hidden} is in the log:\n{log}");
        }
    }
}
