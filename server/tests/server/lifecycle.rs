//! Starting and stopping, as whoever supervises the server sees it.

use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use privmsg_protocol::closing;
use tokio_tungstenite::tungstenite::Message;

use crate::faults::Binary;
use crate::support::{CONTINUE, TestServer, until};

const PATIENCE: Duration = Duration::from_secs(20);

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

fn exit_code(child: &mut Child) -> Option<i32> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        assert!(start.elapsed() < PATIENCE, "it does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What the supervisor is told next, but for signs of life.
fn told(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 1024];
    loop {
        let length = socket.recv(&mut buffer).unwrap();
        let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
        if text.trim() != "WATCHDOG=1" {
            return text;
        }
    }
}

#[test]
fn the_supervisor_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut server = Binary::start_with(folder.path(), |command| {
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000");
    });
    let ready = told(&socket);
    assert!(ready.contains("READY=1") && ready.contains("STATUS=listening on http://127.0.0.1:"), "{ready}");
    let mut buffer = [0; 64];
    let length = socket.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"WATCHDOG=1\n");
    signal(&server.child, "TERM");
    assert!(told(&socket).contains("STOPPING=1"));
    assert_eq!(exit_code(&mut server.child), Some(0));
}

/// The first signal waits for requests under way, the second one does not.
#[tokio::test]
async fn a_second_signal_ends_the_server_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Binary::start(folder.path());
    let head = "POST /api/v1/admin/users HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\nexpect: 100-continue\r\n\r\n";
    let mut stream = std::net::TcpStream::connect(server.api.address).unwrap();
    std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
    let mut go_on = [0; CONTINUE.len()];
    std::io::Read::read_exact(&mut stream, &mut go_on).unwrap();
    assert_eq!(&go_on, CONTINUE, "the request is under way");
    signal(&server.child, "TERM");
    until("no further request is taken", async || std::net::TcpStream::connect(server.api.address).is_err()).await;
    assert!(server.child.try_wait().unwrap().is_none(), "it waits for the request");
    let asked = Instant::now();
    signal(&server.child, "TERM");
    assert_eq!(exit_code(&mut server.child), Some(1));
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn each_client_is_asked_back_at_a_moment_of_its_own() {
    let mut server = TestServer::start().await;
    let mut lines = Vec::new();
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        lines.push(server.user(name).await.online().await);
    }
    server.stop().await;
    let mut pauses = Vec::new();
    for line in &mut lines {
        let frame = loop {
            match line.stream.next().await {
                Some(Ok(Message::Close(Some(frame)))) => break frame,
                Some(Ok(_)) => {}
                other => panic!("ended without a close frame: {other:?}"),
            }
        };
        assert_eq!(u16::from(frame.code), closing::GOING_AWAY);
        pauses.push(closing::retry_after_ms(&frame.reason).unwrap_or_else(|| panic!("no figure: {}", frame.reason)));
    }
    assert!(pauses.iter().all(|pause| (500..=1_500).contains(pause)), "{pauses:?}");
    pauses.sort_unstable();
    pauses.dedup();
    // The same millisecond for two of eight happens; for most of them it does not.
    assert!(pauses.len() > 4, "{pauses:?}");
}

/// "Stop the server and copy the file" is how people make copies. Whoever closed the database last decided whether anything
/// was in that file: two of three times it was empty.
#[tokio::test]
async fn after_a_stop_all_data_is_in_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("data/privmsg.db");
    for round in 0..6 {
        let mut server = Binary::start(folder.path());
        for name in 0..4 {
            server.api.create_user(&format!("user-{round}-{name}")).await;
        }
        signal(&server.child, "TERM");
        until("it has stopped", async || exit_code(&mut server.child).is_some()).await;
        let left = ["privmsg.db-wal", "privmsg.db-shm"].map(|name| database.with_file_name(name).exists());
        assert_eq!(left, [false, false], "round {round}");
        let alone = folder.path().join("copy.db");
        std::fs::copy(&database, &alone).unwrap();
        let users: i64 = rusqlite::Connection::open(&alone)
            .unwrap()
            .query_row("SELECT count(*) FROM user", [], |row| row.get(0))
            .unwrap();
        assert_eq!(users, 4 * (round + 1));
    }
}
