//! Signing in: wrong, late, twice, killed, elsewhere.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use privmsg_protocol::Secret;
use privmsg_protocol::rest::{Invite, Invited};
use privmsg_testkit::http::Http;
use privmsg_testkit::{Account, Proxy, Server, without_limits};
use serde_json::Value;

use crate::machine::{Machine, code, copy};
use crate::run::{Run, command};

/// Nothing that the next attempt would stumble over.
#[track_caller]
fn assert_untouched(profile: &Path) {
    for file in ["keystore.json", "database.key", "privmsg.db"] {
        assert!(!profile.join(file).exists(), "{file}");
    }
}

/// A server with two users and a folder for profiles; `work` runs beside the server.
async fn on_a_machine(work: impl FnOnce(Machine, Account, Account) + Send + 'static) {
    let mut server = Server::start().await.unwrap();
    server.restart_with(&without_limits()).await.unwrap();
    let (alice, bob) = (server.admin().creates("alice").await.unwrap(), server.admin().creates("bob").await.unwrap());
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine { dir: folder.path().to_owned(), url: server.url() };
    tokio::task::spawn_blocking(move || work(machine, alice, bob)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_leaves_nothing_behind() {
    on_a_machine(|machine, alice, _| {
        let wrong = Account { access_key: Secret::new("a-wrong-key".to_owned()), ..alice.clone() };
        // The passphrase of a slip locks nothing.
        let run = machine.signs_in("p", &wrong, &[("PRIVMSG_PASSPHRASE", "of the first attempt")]);
        assert_eq!((run.code, code(&run).as_str()), (4, "invalid_credentials"), "{}", run.stderr);
        assert_untouched(&machine.profile("p"));
        // An address where nothing answers: the port was free a moment ago.
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let nowhere = Machine { url: format!("http://{gone}"), ..machine.clone() };
        let run = nowhere.signs_in("p", &alice, &[]);
        assert_eq!((run.code, code(&run).as_str()), (5, "network"), "{}", run.stderr);
        assert_untouched(&machine.profile("p"));

        let run = machine.signs_in("p", &alice, &[("PRIVMSG_PASSPHRASE", "open sesame")]).ok();
        assert!(run.objects()[0]["recovery_key"].is_string());
        assert!(!machine.profile("p/database.key").exists());
        for (environment, expected) in
            [(&[][..], "passphrase_needed"), (&[("PRIVMSG_PASSPHRASE", "of the first attempt")], "wrong_passphrase")]
        {
            let run = machine.does("p", &["chats"], environment);
            assert_eq!((run.code, code(&run).as_str()), (4, expected));
        }
        let devices = machine.does("p", &["devices"], &[("PRIVMSG_PASSPHRASE", "open sesame")]).ok();
        assert_eq!(devices.objects().len(), 1, "no attempt has left a device");
    })
    .await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn without_a_passphrase_the_key_is_in_a_file_of_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    on_a_machine(|machine, alice, _| {
        machine.signs_in("p", &alice, &[]).ok();
        let file = |name: &str| machine.profile("p").join(name);
        let mode = |name: &str| std::fs::metadata(file(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("."), 0o700);
        for file in std::fs::read_dir(file(".")).unwrap().map(|file| file.unwrap()).filter(|file| file.path().is_file())
        {
            assert_eq!(mode(file.file_name().to_str().unwrap()), 0o600, "{file:?}");
        }
        std::fs::set_permissions(file("database.key"), std::fs::Permissions::from_mode(0o644)).unwrap();
        let run = machine.does("p", &["chats"], &[]);
        assert_eq!((run.code, code(&run).as_str()), (8, "key_file_open_to_others"));
    })
    .await;
}

/// Who was signed out and mistypes keeps the profile as it was: readable, and theirs.
#[tokio::test(flavor = "multi_thread")]
async fn a_slip_after_signing_out_changes_nothing() {
    on_a_machine(|machine, alice, bob| {
        let words = machine.signs_in("p", &alice, &[]).ok().objects()[0]["recovery_key"].as_str().unwrap().to_owned();
        machine.does("p", &["send", "alice", "a note", "--timeout", "20"], &[]).ok();
        machine.does("p", &["logout"], &[]).ok();
        let wrong = Account { access_key: Secret::new("a-wrong-key".to_owned()), ..alice.clone() };
        assert_eq!(code(&machine.signs_in("p", &wrong, &[])), "invalid_credentials");
        let run = machine.signs_in("p", &bob, &[]);
        assert_eq!(code(&run), "already_signed_in", "nobody takes over somebody's history: {}", run.stderr);
        machine.signs_in("p", &alice, &[("PRIVMSG_RECOVERY_KEY", &words)]).ok();
        let history = machine.does("p", &["history", "alice"], &[]).ok().objects();
        assert_eq!(history[0]["text"], "a note");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_at_once_one_wins() {
    on_a_machine(|machine, alice, _| {
        let words = machine.signs_in("first", &alice, &[]).ok().objects().remove(0)["recovery_key"].clone();
        let key = [("PRIVMSG_RECOVERY_KEY", words.as_str().unwrap())];
        for round in 0..5 {
            let profile = format!("p{round}");
            let login = ["login", "--server", &machine.url, "--user-id", "alice", "--recover"];
            let both = [0, 1].map(|_| machine.starts(&profile, &login, &key));
            let ended = both.map(|child| Run::of(child.wait_with_output().unwrap()));
            let won = ended.iter().filter(|run| run.code == 0).count();
            assert_eq!(won, 1, "{ended:?}");
            let lost = ended.iter().find(|run| run.code != 0).unwrap();
            // At the very same time, or a moment after the other one had finished.
            assert!(["profile_busy", "already_signed_in"].contains(&code(lost).as_str()), "{}", lost.stderr);
            assert_eq!(machine.whoami(&profile)["signed_in"], true);
        }
    })
    .await;
}

/// Moments at which a sign-in is killed.
const PARTS: u32 = 10;

/// Killed at any moment, the next one signs in.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_killed_is_not_in_the_way_of_the_next() {
    on_a_machine(|machine, alice, _| {
        let words = machine.signs_in("first", &alice, &[]).ok().objects().remove(0)["recovery_key"].clone();
        let key = [("PRIVMSG_RECOVERY_KEY", words.as_str().unwrap())];
        let login = ["login", "--server", &machine.url, "--user-id", "alice", "--recover"];
        let started = Instant::now();
        machine.does("whole", &login, &key).ok();
        let whole = started.elapsed();
        // The server hears so many answers to its challenges in a minute.
        for part in 0..PARTS {
            let profile = format!("p{part}");
            let mut child = machine.starts(&profile, &login, &key);
            std::thread::sleep(whole * part / PARTS);
            child.kill().unwrap();
            child.wait().unwrap();
            let run = machine.does(&profile, &login, &key);
            // It may have been finished when it was killed.
            assert!(run.code == 0 || code(&run) == "already_signed_in", "part {part}: {}", run.stderr);
            assert_eq!(machine.whoami(&profile)["signed_in"], true, "part {part}");
            // An account has only so many devices.
            machine.does(&profile, &["logout"], &[]).ok();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_is_taken_as_people_have_it() {
    let server = Server::start().await.unwrap();
    let mut links = Vec::new();
    for name in ["carol", "dave", "erin"] {
        server.admin().creates(name).await.unwrap();
        let admin_key = Some(Secret::new(server.admin().key().to_owned()));
        let request = Invite { admin_key, expires_in_hours: None, server_url: Some(server.url()) };
        let path = format!("/api/v1/admin/users/{name}/invitation");
        let answer = Http::connect(server.address()).await.unwrap().send("POST", &path, None, &request).await.unwrap();
        links.push(answer.json::<Invited>().unwrap().link.expose().to_owned());
    }
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine { dir: folder.path().to_owned(), url: server.url() };
    let work = move || {
        let [carol, dave, erin] = &links[..] else { panic!("{links:?}") };
        // Nobody has an invitation for this key: nothing stays, not even under a passphrase.
        let forged = format!("{}#{}", carol.split('#').next().unwrap(), "x".repeat(43));
        let run = machine.does(
            "p",
            &["login", "--invitation"],
            &[("PRIVMSG_INVITATION", &forged), ("PRIVMSG_PASSPHRASE", "of the first attempt")],
        );
        assert_eq!(run.code, 4, "{}", run.stderr);
        assert_untouched(&machine.profile("p"));

        let (start, end) = carol.split_at(30);
        let wrapped = format!("\u{feff}> \"{start}\r\n> {end}\"\r\n");
        let mut piped = command(&machine.dir, &Machine::arguments("p", &["login", "--invitation"]), &[]);
        let mut piped = piped.stdin(Stdio::piped()).spawn().unwrap();
        piped.stdin.take().unwrap().write_all(wrapped.as_bytes()).unwrap();
        let run = Run::of(piped.wait_with_output().unwrap()).ok();
        assert!(run.objects()[0]["access_key"].is_string());
        assert_eq!(machine.whoami("p")["user_id"], "carol");

        machine.does("q", &["login", "--invitation"], &[("PRIVMSG_INVITATION", &format!("«{dave}».\n"))]).ok();

        // A link that names the server's key is good for no other, and for none without TLS.
        let pinned = "&fingerprint=SHA256%3A47DEQpj8HBSa%2B%2FTImW%2B5JCeuQeRkm5NMpJWZG3hSuFU#";
        let run = machine.does("r", &["login", "--invitation"], &[("PRIVMSG_INVITATION", &erin.replace('#', pinned))]);
        assert_eq!((run.code, code(&run).as_str()), (2, "usage"), "{}", run.stderr);
    };
    tokio::task::spawn_blocking(work).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_goes_where_its_server_goes() {
    let (server, other) = (Server::start().await.unwrap(), Server::start().await.unwrap());
    let new_address = Proxy::start(server.address(), 1).await.unwrap();
    let (alice, bob) = (server.admin().creates("alice").await.unwrap(), server.admin().creates("bob").await.unwrap());
    let namesake = other.admin().creates("alice").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine { dir: folder.path().to_owned(), url: server.url() };
    let (new_url, other_url) = (new_address.url(), other.url());
    let work = move || {
        machine.signs_in("a", &alice, &[]).ok();
        machine.signs_in("b", &bob, &[]).ok();
        let moves = |arguments: &[&str]| {
            machine.does(
                "a",
                &[&["login"], arguments].concat(),
                &[("PRIVMSG_ACCESS_KEY", namesake.access_key.expose())],
            )
        };
        for (arguments, exit, expected) in [
            (&["--server", machine.url.as_str()][..], 1, "already_signed_in"),
            (
                &["--server", &format!("{}/", machine.url.replace("http", "HTTP")), "--user-id", "alice"],
                1,
                "already_signed_in",
            ),
            (&["--server", &new_url, "--user-id", "bob"], 1, "already_signed_in"),
            // Another server that has a user of that name does not know this device.
            (&["--server", &other_url], 6, "other_server"),
            (&["--server", &other_url, "--user-id", "alice"], 6, "other_server"),
            (&["--server", "http://127.0.0.1:1"], 5, "network"),
            (&["--proxy", "socks5h://127.0.0.1:1"], 5, "proxy"),
        ] {
            let run = moves(arguments);
            // A proxy that is not there is one that cannot be reached.
            let said = code(&run).replace("network", if expected == "proxy" { "proxy" } else { "network" });
            assert_eq!((run.code, said.as_str()), (exit, expected), "{arguments:?}: {}", run.stderr);
            let me = machine.whoami("a");
            assert_eq!((&me["server"], &me["proxy"]), (&machine.url.as_str().into(), &Value::Null), "it stays");
        }
        let moved = moves(&["--server", &format!("{new_url}/"), "--proxy", "none"]).ok().objects().remove(0);
        assert_eq!((&moved["server"], &moved["proxy"]), (&new_url.as_str().into(), &"none".into()));
        assert_eq!(machine.whoami("a")["server"], new_url.as_str());
        machine.does("a", &["send", "bob", "from elsewhere", "--timeout", "20"], &[]).ok();
        let heard = machine.does("b", &["listen", "--count", "1", "--timeout", "20"], &[]).ok().objects();
        assert_eq!(heard[0]["text"], "from elsewhere");
        assert_eq!(moves(&["--proxy", "env"]).ok().objects()[0]["proxy"], Value::Null);
    };
    tokio::task::spawn_blocking(work).await.unwrap();
    drop(new_address);
}

/// Somebody who was away for long finds the server elsewhere: the session is over, the device is the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_profile_moves_after_its_session_has_run_out() {
    let mut server = Server::start().await.unwrap();
    let new_address = Proxy::start(server.address(), 1).await.unwrap();
    let alice = server.admin().creates("alice").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine { dir: folder.path().to_owned(), url: server.url() };
    let new_url = new_address.url();
    let before = machine.clone();
    let signed_in = tokio::task::spawn_blocking(move || before.signs_in("p", &alice, &[]).ok().objects().remove(0));
    let device = signed_in.await.unwrap()["device_id"].clone();
    server.outlives_sessions().await.unwrap();
    let work = move || {
        let moved = machine.does("p", &["login", "--server", &new_url], &[]).ok().objects().remove(0);
        assert_eq!(moved["server"], new_url.as_str());
        let devices = machine.does("p", &["devices"], &[]).ok().objects();
        assert_eq!((devices.len(), &devices[0]["device_id"], &devices[0]["current"]), (1, &device, &true.into()));
    };
    tokio::task::spawn_blocking(work).await.unwrap();
    drop(new_address);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_may_leave_a_server_that_is_gone() {
    let mut server = Server::start().await.unwrap();
    let alice = server.admin().creates("alice").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine { dir: folder.path().to_owned(), url: server.url() };
    let (before, mine) = (machine.clone(), alice.clone());
    let signed_in = tokio::task::spawn_blocking(move || before.signs_in("p", &mine, &[]).ok().objects().remove(0));
    let words = signed_in.await.unwrap()["recovery_key"].as_str().unwrap().to_owned();
    server.stop().await.unwrap();
    let away = machine.clone();
    let work = move || {
        assert_eq!(away.does("p", &["logout"], &[]).code, 5);
        assert_eq!(away.whoami("p")["signed_in"], true);
        let left = away.does("p", &["logout", "--local"], &[]).ok().objects().remove(0);
        assert_eq!((&left["user_id"], &left["signed_in"]), (&"alice".into(), &false.into()));
        assert_eq!(away.whoami("p")["signed_in"], false);
        let again = away.does("p", &["logout", "--local"], &[]);
        assert_eq!((again.code, code(&again).as_str()), (3, "not_signed_in"));
    };
    tokio::task::spawn_blocking(work).await.unwrap();
    server.restart_with(&[]).await.unwrap();
    let work = move || {
        machine.signs_in("p", &alice, &[("PRIVMSG_RECOVERY_KEY", &words)]).ok();
        // The server still knows the device that has left without a word.
        assert_eq!(machine.does("p", &["devices"], &[]).ok().objects().len(), 2);
    };
    tokio::task::spawn_blocking(work).await.unwrap();
}

/// Two machines on one profile put each other out, for ever, until somebody looked.
#[tokio::test(flavor = "multi_thread")]
async fn a_copied_profile_ends_with_a_word() {
    on_a_machine(|machine, alice, _| {
        machine.signs_in("p", &alice, &[]).ok();
        copy(&machine.profile("p"), &machine.profile("copy"));
        let first = machine.starts("p", &["listen"], &[]);
        connected(&first);
        let mut second = machine.starts("copy", &["listen"], &[]);
        let run = Run::of(first.wait_with_output().unwrap());
        assert_eq!((run.code, code(&run).as_str()), (1, "taken_over"), "{}", run.stderr);
        std::thread::sleep(Duration::from_secs(1));
        assert!(second.try_wait().unwrap().is_none(), "the newer one goes on");
        second.kill().unwrap();
        second.wait().unwrap();
    })
    .await;
}

/// Waits until a process has a connection to somebody.
fn connected(child: &Child) {
    let started = Instant::now();
    loop {
        let files = std::fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap();
        let is_socket = |path: PathBuf| path.to_string_lossy().starts_with("socket:");
        let sockets = files.flatten().filter(|file| std::fs::read_link(file.path()).is_ok_and(is_socket)).count();
        // One end to hear signals by, the other, and the connection.
        if sockets > 2 {
            // Signing in on it takes a moment more.
            return std::thread::sleep(Duration::from_secs(1));
        }
        assert!(started.elapsed() < Duration::from_secs(20), "no connection");
        std::thread::sleep(Duration::from_millis(20));
    }
}
