//! Two people, two profiles, the real server.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::Child;

use privmsg_testkit::{Account, Server};
use serde_json::Value;

use crate::people::{Person, Two, aside, signal, texts};
use crate::run::{Run, privmsg};

#[tokio::test(flavor = "multi_thread")]
async fn the_recovery_key_is_shown_once() {
    let server = Server::start().await.unwrap();
    let (account, url) = (server.admin().creates("alice").await.unwrap(), server.url());
    let folder = tempfile::tempdir().unwrap();
    let alice = Person::new(folder.path(), "alice", "a");
    aside(move || the_recovery_key_calls_the_others_back(&alice, &url, &account)).await;
}

fn the_recovery_key_calls_the_others_back(alice: &Person, url: &str, account: &Account) {
    let first = alice.signs_in(url, account, &[]);
    let words = first["recovery_key"].as_str().unwrap();
    assert_eq!(words.split(' ').count(), 12);
    let key = [("PRIVMSG_ACCESS_KEY", account.access_key.expose())];
    let again = ["--profile", "a", "--json", "login", "--server", url, "--user-id", "alice"];
    let again = privmsg(&alice.dir, &again, &key);
    assert_eq!((again.code, again.error()["code"].as_str()), (1, Some("already_signed_in")));

    let further = Person { profile: "a2", ..alice.clone() };
    let login = further.with_profile(&["login", "--json", "--recover", "--server", url, "--user-id", "alice"]);
    let second = privmsg(&alice.dir, &login, &[("PRIVMSG_RECOVERY_KEY", words)]).ok().objects().remove(0);
    assert_eq!(second["recovery_key"], Value::Null);
    assert_ne!(second["device_id"], first["device_id"]);
    assert_eq!(further.does(&["devices", "--json"]).ok().objects().len(), 2);
    let waiting = alice.does(&["devices", "--json"]);
    assert_eq!((waiting.code, waiting.error()["code"].as_str()), (3, Some("device_not_listed")));
    let waiting = alice.does(&["listen", "--timeout", "3"]).ok();
    assert!(waiting.stderr.contains("waits to be let in"), "{}", waiting.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_further_device_is_let_in_by_its_code() {
    let server = Server::start().await.unwrap();
    let (account, url) = (server.admin().creates("alice").await.unwrap(), server.url());
    let folder = tempfile::tempdir().unwrap();
    let alice = Person::new(folder.path(), "alice", "a");
    aside(move || {
        let first = alice.signs_in(&url, &account, &[]);
        let further = Person { profile: "a2", ..alice.clone() };
        let mut login = further.starts(&[
            "login",
            "--json",
            "--link",
            "--server",
            &url,
            "--user-id",
            "alice",
            "--device-name",
            "b",
        ]);
        let mut lines = BufReader::new(login.stdout.take().unwrap()).lines();
        let shown: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        let code = shown["link_code"].as_str().unwrap();
        let wrong = privmsg(&alice.dir, &alice.with_profile(&["devices", "link"]), &[("PRIVMSG_LINK_CODE", "x")]);
        assert_eq!(wrong.code, 2, "{}", wrong.stderr);
        let let_in = alice.with_profile(&["devices", "link", "--json"]);
        let linked = privmsg(&alice.dir, &let_in, &[("PRIVMSG_LINK_CODE", code)]).ok().objects().remove(0);
        let second: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert!(login.wait().unwrap().success());
        assert_eq!((&second["device_id"], &linked["key_told"]), (&linked["linked"], &true.into()));
        assert_ne!(second["device_id"], first["device_id"]);
        let devices = alice.does(&["devices", "--json"]).ok().objects();
        let named: Vec<_> = devices.iter().map(|device| device["device_name"].as_str().unwrap()).collect();
        assert_eq!(named, ["terminal", "b"]);
        let again = privmsg(&alice.dir, &alice.with_profile(&["devices", "link"]), &[("PRIVMSG_LINK_CODE", code)]).ok();
        assert!(again.stderr.contains("among your devices already"), "{}", again.stderr);
        alice.does(&["devices", "remove", "--wiped", second["device_id"].as_str().unwrap()]).ok();
        assert_eq!(further.does(&["listen", "--timeout", "10"]).code, 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_files_arrive() {
    Two::play(|alice, bob| {
        let mut sent = alice.does(&["send", "bob", "Hello, Bob", "--json"]).ok().objects().remove(0);
        assert_eq!(sent.as_object_mut().unwrap().remove("state"), Some("sent".into()));
        let mut received = bob.hears(1).remove(0);
        assert_eq!(received.as_object_mut().unwrap().remove("request"), Some(true.into()));
        assert_eq!((&sent["conversation"], &received["conversation"]), (&"bob".into(), &"alice".into()));
        received["conversation"] = "bob".into();
        assert_eq!(sent, received);
        bob.does(&["accept", "alice"]).ok();

        std::fs::write(alice.dir.join("plans.pdf"), [7; 300_000]).unwrap();
        alice.does(&["send", "bob", "The plans", "--file", "plans.pdf"]).ok();
        let message = bob.hears(1).remove(0);
        assert_eq!(message["type"], "file");
        assert_eq!(
            message["attachments"],
            serde_json::json!([{"name": "plans.pdf", "size": 300_000, "mime": "application/pdf"}])
        );
        let id = message["message_id"].as_str().unwrap();
        bob.does(&["download", id, "--out", "copy.pdf"]).ok();
        assert_eq!(std::fs::read(bob.dir.join("copy.pdf")).unwrap(), [7; 300_000]);

        let mut piped = alice.starts_with_input(&["send", "bob", "-"]);
        piped.stdin.take().unwrap().write_all("two\nlines\n".as_bytes()).unwrap();
        Run::of(piped.wait_with_output().unwrap()).ok();
        assert_eq!(texts(&bob.hears(1)), ["two\nlines"]);

        let history = bob.does(&["history", "alice", "--json", "--limit", "2"]).ok().objects();
        assert_eq!(texts(&history), ["The plans", "two\nlines"]);
        assert_eq!(bob.does(&["chats", "--json"]).ok().objects()[0]["conversation"], "alice");
        assert_eq!(history[0].get("state"), None, "of somebody else's nothing is known");
        // His receipts leave with what he does, and wait for her.
        let delivered = || {
            bob.does(&["listen", "--timeout", "1"]).ok();
            alice.does(&["listen", "--timeout", "1"]).ok();
            alice.does(&["history", "bob", "--json"]).ok().objects()
        };
        let mut looks = std::iter::repeat_with(delivered).take(20);
        let history = looks.find(|history| history[0]["delivered_at"].is_i64()).expect("it is never delivered");
        assert!(history.iter().all(|message| message["state"] == "sent"), "{history:?}");
        assert!(history[0].get("failure").is_none(), "{history:?}");
        let nobody = alice.does(&["send", "nobody", "hi", "--json"]);
        assert_eq!((nobody.code, nobody.error()["code"].as_str()), (6, Some("unknown_recipient")));
        assert_eq!(alice.does(&["chats", "--json"]).ok().objects().len(), 1, "a slip is no chat");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_text_does_not_drive_the_terminal() {
    Two::play(|alice, bob| {
        let hostile = "\x1b]0;owned\x07\x1b[2J\u{9b}31m\u{202e}\n2026-01-01 00:00  alice: forged";
        alice.does(&["send", "bob", hostile]).ok();
        let live = bob.does(&["listen", "--count", "1", "--timeout", "20"]).ok().stdout;
        let past = bob.does(&["history", "alice", "--limit", "1"]).ok().stdout;
        for shown in [live, past] {
            assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
            assert!(!shown.contains('\u{202e}'));
            // A second line stands behind a bar, so that it cannot look like another message.
            assert!(shown.contains("\n    | 2026-01-01 00:00  alice: forged"), "{shown}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_and_a_sender_share_a_profile() {
    Two::play(|alice, bob| {
        let mut listener = bob.starts(&["listen", "--json"]);
        let mut lines = BufReader::new(listener.stdout.take().unwrap()).lines();
        alice.does(&["send", "bob", "are you there?"]).ok();
        assert!(lines.next().unwrap().unwrap().contains("are you there?"));
        // The listener runs the engine; it sends what this process queues.
        bob.does(&["send", "alice", "yes", "--timeout", "20"]).ok();
        assert_eq!(texts(&alice.hears(1)), ["yes"]);
        signal(&listener, "-TERM");
        assert_eq!(listener.wait().unwrap().code(), Some(0));
    })
    .await;
}

/// It began while another process ran the engine, and would otherwise wait for a message for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_listener_takes_over_from_one_that_was_killed() {
    Two::play(|alice, bob| {
        let mut first = bob.starts(&["listen", "--json"]);
        alice.does(&["send", "bob", "to the first"]).ok();
        let mut lines = BufReader::new(first.stdout.take().unwrap()).lines();
        assert!(lines.next().unwrap().unwrap().contains("to the first"));
        let mut second = bob.starts(&["listen", "--json", "--timeout", "20"]);
        // Only when it has found the seat taken. Both look at the same messages; this one is for either.
        alice.does(&["send", "bob", "to either"]).ok();
        while !has_open(&second, "privmsg.db") {
            std::thread::yield_now();
        }
        alice.does(&["send", "bob", "to either"]).ok();
        signal(&first, "-KILL");
        first.wait().unwrap();
        alice.does(&["send", "bob", "to the second"]).ok();
        let mut lines = BufReader::new(second.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("to the second")));
        signal(&second, "-TERM");
        second.wait().unwrap();
    })
    .await;
}

fn has_open(child: &Child, name: &str) -> bool {
    let files = std::fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap();
    files.flatten().any(|file| std::fs::read_link(file.path()).is_ok_and(|path| path.ends_with(name)))
}

#[tokio::test(flavor = "multi_thread")]
async fn both_see_the_same_safety_number() {
    Two::play(|alice, bob| {
        let number = |person: &Person, of: &str, change: &[&str]| {
            let arguments: Vec<_> = ["safety-number", of, "--json"].into_iter().chain(change.iter().copied()).collect();
            person.does(&arguments).ok().objects().remove(0)
        };
        alice.does(&["send", "bob", "Hi"]).ok();
        bob.hears(1);
        // Nobody confirms what they have not seen.
        let unseen = alice.does(&["safety-number", "bob", "--mark-verified"]);
        assert_eq!(unseen.code, 9);
        let seen = number(alice, "bob", &[]);
        assert_eq!(seen["verified"], false);
        let digits = seen["safety_number"].as_str().unwrap();
        assert!(digits.len() == 60 && digits.bytes().all(|b| b.is_ascii_digit()));
        assert_eq!(number(bob, "alice", &[])["safety_number"], digits);
        assert_eq!(seen["verified"], false);
        assert_eq!(number(alice, "bob", &["--mark-verified"])["verified"], true);
        assert_eq!(number(alice, "bob", &["--unverify"])["verified"], false);
        assert_eq!(alice.does(&["safety-number", "nobody"]).code, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_has_gone_is_no_failure() {
    Two::play(|alice, _bob| {
        alice.does(&["send", "bob", "Hi"]).ok();
        let mut history = alice.starts(&["history", "bob"]);
        drop(history.stdout.take());
        let mut said = String::new();
        history.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((history.wait().unwrap().code(), said.as_str()), (Some(0), ""));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_does_not_take_stays_queued() {
    let mut server = Server::start().await.unwrap();
    let (admin, url) = (server.admin(), server.url());
    let (alices, bobs) = (admin.creates("alice").await.unwrap(), admin.creates("bob").await.unwrap());
    let folder = tempfile::tempdir().unwrap();
    let people = (Person::new(folder.path(), "alice", "a"), Person::new(folder.path(), "bob", "b"));
    let (alice, bob) = people.clone();
    aside(move || {
        alice.signs_in(&url, &alices, &[]);
        bob.signs_in(&url, &bobs, &[]);
    })
    .await;

    server.stop().await.unwrap();
    let (alice, bob) = people.clone();
    aside(move || {
        // Who is to wait is told for what, also where nobody watches.
        let mut listener = bob.starts(&["listen"]);
        let mut stderr = BufReader::new(listener.stderr.take().unwrap()).lines();
        assert!(stderr.next().unwrap().unwrap().starts_with("no connection"));
        signal(&listener, "-INT");
        assert_eq!(listener.wait().unwrap().code(), Some(0));
        let late = alice.does(&["send", "bob", "patience", "--timeout", "1", "--json"]);
        assert_eq!((late.code, late.error()["code"].as_str()), (5, Some("timeout")), "{}", late.stderr);
        assert!(late.stderr.contains("'privmsg listen', 'send' or 'chat'"), "{}", late.stderr);
        let queued = alice.does(&["history", "bob", "--json"]).ok().objects().remove(0);
        assert_eq!((&queued["state"], &queued["message_id"]), (&"queued".into(), &late.error()["message_id"]));
        let none = bob.does(&["listen", "--count", "1", "--timeout", "1"]);
        assert_eq!((none.code, none.stdout.as_str()), (7, ""));
        // Without a number of messages, the time that was asked for is over.
        bob.does(&["listen", "--timeout", "0"]).ok();
        let mut interrupted = alice.starts(&["send", "bob", "in time"]);
        // The reason is said once it waits.
        let mut stderr = BufReader::new(interrupted.stderr.take().unwrap()).lines();
        assert!(stderr.next().unwrap().unwrap().contains("waiting"));
        signal(&interrupted, "-INT");
        assert_eq!(interrupted.wait().unwrap().code(), Some(130));
    })
    .await;

    server.restart_with(&[]).await.unwrap();
    let (alice, bob) = people.clone();
    aside(move || {
        alice.does(&["send", "bob", "at last", "--timeout", "20"]).ok();
        assert_eq!(texts(&bob.hears(3)), ["patience", "in time", "at last"]);
    })
    .await;

    let bob = people.1.clone();
    let listener = aside(move || bob.starts(&["listen", "--json"])).await;
    server.admin().revokes(&"bob".parse().unwrap()).await.unwrap();
    let ended = aside(move || Run::of(listener.wait_with_output().unwrap())).await;
    assert_eq!(ended.code, 3, "{}", ended.stderr);
}
