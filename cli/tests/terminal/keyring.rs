//! A session bus that accepts connections and says nothing.

use std::io::Read as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use privmsg_testkit::Server;

use crate::run::{Run, is_russian, privmsg};

/// The client waits 10 s for a keyring.
const AT_MOST: Duration = Duration::from_secs(30);

/// Runs a command whose session bus is silent.
fn beside_a_silent_bus(dir: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Run {
    let socket = dir.join("bus");
    let bus = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for connection in bus.incoming() {
            let mut connection = connection.unwrap();
            std::thread::spawn(move || connection.read_to_end(&mut Vec::new()));
        }
    });
    let address = format!("unix:path={}", socket.display());
    let mut environment = environment.to_vec();
    environment.push(("DBUS_SESSION_BUS_ADDRESS", &address));
    let started = Instant::now();
    let run = privmsg(dir, arguments, &environment);
    assert!(started.elapsed() < AT_MOST, "{:?}", started.elapsed());
    run
}

/// Such a socket kept every command for ever.
#[test]
fn a_profile_in_a_keyring_that_says_nothing_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("p")).unwrap();
    let keystore = r#"{"version": 1, "key": {"kind": "keyring", "entry": "AQIDBAUGBwgJCgsM"}}"#;
    std::fs::write(dir.path().join("p/keystore.json"), keystore).unwrap();
    let run = beside_a_silent_bus(dir.path(), &["--json", "--profile", "p", "chats"], &[]);
    assert_eq!((run.code, run.error()["code"].as_str()), (4, Some("keyring")), "{}", run.stderr);
    assert!(run.stderr.contains("no answer within 10 s"), "{}", run.stderr);
}

/// It is asked once the server has said yes: a slip in the access key makes nobody wait for a keyring.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_profile_passes_such_a_keyring_over_and_says_so() {
    let server = Server::start().await.unwrap();
    let alice = server.admin().creates("alice").await.unwrap();
    let url = server.url();
    let work = move || {
        let dir = tempfile::tempdir().unwrap();
        let login = ["--profile", "p", "--lang", "ru", "login", "--server", &url, "--user-id", "alice"];
        let key = [("PRIVMSG_ACCESS_KEY", alice.access_key.expose())];
        let run = beside_a_silent_bus(dir.path(), &login, &key).ok();
        assert!(run.stderr.contains("нет ответа за 10 с") && is_russian(&run.stderr), "{}", run.stderr);
        assert!(dir.path().join("p/database.key").exists());
    };
    tokio::task::spawn_blocking(work).await.unwrap();
}
