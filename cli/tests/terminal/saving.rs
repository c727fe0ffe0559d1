//! Where `download` puts things, and files that are not what they were when they were queued.

use std::io::Read as _;

use crate::people::{Person, Two, aside};
use crate::run::Run;

/// Alice sends a file; the id of its message, as Bob has it.
fn sends_a_file(alice: &Person, bob: &Person) -> String {
    std::fs::write(alice.dir.join("plans.txt"), "the plans").unwrap();
    alice.does(&["send", "bob", "--file", "plans.txt"]).ok();
    bob.hears(1)[0]["message_id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_where_it_is_sent_and_destroys_nothing() {
    Two::play(|alice, bob| {
        let id = sends_a_file(alice, bob);
        let download = |out: &str| bob.does(&["download", &id, "--out", out, "--json"]);
        let read = |name: &str| std::fs::read_to_string(bob.dir.join(name)).unwrap();

        std::fs::create_dir(bob.dir.join("folder")).unwrap();
        for out in ["folder", "folder/"] {
            download(out).ok();
        }
        assert_eq!(
            (read("folder/plans.txt").as_str(), read("folder/2-plans.txt").as_str()),
            ("the plans", "the plans")
        );

        let missing = download("missing/plans.txt");
        assert_eq!((missing.code, missing.error()["code"].as_str()), (8, Some("file")), "{}", missing.stderr);

        let printed = bob.does(&["download", &id, "--out", "-"]).ok();
        assert_eq!(printed.stdout, "the plans");
        assert!(!bob.dir.join("-").exists());

        download("/dev/null").ok();
        assert!(!std::fs::metadata("/dev/null").unwrap().is_file());

        bob.does(&["download", &id, "--out", "hers", "--from", "alice"]).ok();
        assert_eq!(read("hers"), "the plans");
        let his = bob.does(&["download", &id, "--out", "his", "--from", "bob", "--json"]);
        assert_eq!((his.code, his.error()["code"].as_str()), (8, Some("no_attachment")));

        std::fs::write(bob.dir.join("mine.part"), "mine").unwrap();
        download("mine").ok();
        assert_eq!((read("mine").as_str(), read("mine.part").as_str()), ("the plans", "mine"));
    })
    .await;
}

/// Into a folder in which whoever knows the name has put something in the way: nothing is written through it, or over it. And a name as long
/// as file systems take it has no room for anything behind it.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_download_into_a_folder_goes_around_what_is_there() {
    use std::os::unix::fs::symlink;

    Two::play(|alice, bob| {
        let id = sends_a_file(alice, bob);
        let folder = bob.dir.join("folder");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("plans.txt.part"), "mine").unwrap();
        symlink(bob.dir.join("elsewhere"), folder.join("plans.txt")).unwrap();
        symlink(bob.dir.join("elsewhere.part"), folder.join("2-plans.txt.part")).unwrap();
        bob.does(&["download", &id, "--out", "folder"]).ok();
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!((read("2-plans.txt").as_str(), read("plans.txt.part").as_str()), ("the plans", "mine"));
        assert!(!bob.dir.join("elsewhere").exists() && !bob.dir.join("elsewhere.part").exists());
        let there = std::fs::read_dir(&folder).unwrap().count();
        assert_eq!(there, 4, "nothing else is left");

        let long = format!("{}.txt", "x".repeat(251));
        std::fs::write(alice.dir.join(&long), "at length").unwrap();
        alice.does(&["send", "bob", "--file", &long]).ok();
        let id = bob.hears(1)[0]["message_id"].as_str().unwrap().to_owned();
        for _ in 0..2 {
            bob.does(&["download", &id, "--out", "folder"]).ok();
        }
        let again = format!("2-{}.txt", "x".repeat(249));
        assert_eq!((read(&long).as_str(), read(&again).as_str()), ("at length", "at length"));
    })
    .await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_download_keeps_permissions_and_says_what_it_may_not_do() {
    use std::os::unix::fs::PermissionsExt as _;

    Two::play(|alice, bob| {
        let id = sends_a_file(alice, bob);
        let out = bob.dir.join("private");
        std::fs::write(&out, "before").unwrap();
        std::fs::set_permissions(&out, std::fs::Permissions::from_mode(0o600)).unwrap();
        bob.does(&["download", &id, "--out", "private"]).ok();
        assert_eq!(std::fs::read_to_string(&out).unwrap(), "the plans");
        assert_eq!(out.metadata().unwrap().permissions().mode() & 0o777, 0o600);

        let closed = bob.dir.join("closed");
        std::fs::create_dir(&closed).unwrap();
        std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o500)).unwrap();
        // Whoever may do everything is refused nothing.
        if std::fs::write(closed.join("probe"), "").is_err() {
            let refused = bob.does(&["download", &id, "--out", "closed", "--json"]);
            assert_eq!((refused.code, refused.stderr.contains("plans.txt")), (8, true), "{}", refused.stderr);
        }
    })
    .await;
}

/// What was queued without a connection is kept as it was: the file may go. What the server does not take then is said by
/// whoever runs the engine, and kept in the history.
#[tokio::test(flavor = "multi_thread")]
async fn a_queued_file_may_go_and_one_that_is_refused_is_said_to_be() {
    let mut two = Two::signed_in().await;
    two.server.stop().await.unwrap();
    let alice = two.alice.clone();
    let refused = aside(move || {
        let queue = |name: &str, size: usize| {
            std::fs::write(alice.dir.join(name), vec![7; size]).unwrap();
            let queued = alice.does(&["send", "bob", name, "--file", name, "--timeout", "1", "--json"]);
            assert_eq!(queued.code, 5, "{}", queued.stderr);
            std::fs::remove_file(alice.dir.join(name)).unwrap();
            queued.error()["message_id"].as_str().unwrap().to_owned()
        };
        queue("small", 7);
        queue("large", 2_000_000)
    })
    .await;
    two.server.restart_with(&[("PRIVMSG_LIMITS_MAX_FILE_SIZE_MB", "1".to_owned())]).await.unwrap();
    let (alice, bob) = (two.alice.clone(), two.bob.clone());
    aside(move || {
        let listened = alice.does(&["listen", "--timeout", "8"]).ok();
        let why = "the file is larger than the server allows";
        assert!(
            listened.stderr.contains(&format!("Message {refused} to bob was not sent: {why}")),
            "{}",
            listened.stderr
        );
        let history = alice.does(&["history", "bob"]).ok().stdout;
        assert!(history.contains(why), "{history}");
        let message = bob.hears(1).remove(0);
        assert_eq!((&message["text"], &message["attachments"][0]["size"]), (&"small".into(), &7.into()));
    })
    .await;
}

/// A pipe has neither a length nor an end that is known: it is refused at once, and Ctrl-C is not needed.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_is_refused_at_once() {
    Two::play(|alice, _bob| {
        let pipe = alice.dir.join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for (path, said) in [("pipe", "not a file"), (".", "not a file"), ("missing", "missing")] {
            let mut child = alice.starts(&["send", "bob", "--file", path, "--json"]);
            let mut stderr = String::new();
            child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
            let ended = Run { code: child.wait().unwrap().code().unwrap(), stdout: String::new(), stderr };
            assert_eq!(ended.code, 8, "{}", ended.stderr);
            assert!(ended.stderr.contains(said), "{}", ended.stderr);
        }
    })
    .await;
}

/// Bob forwards what Alice has said to his notes: it is his own there, and its file is the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_is_forwarded() {
    Two::play(|alice, bob| {
        let id = sends_a_file(alice, bob);
        let forwarded = bob.does(&["forward", &id, "self", "--json"]).ok().objects().remove(0);
        let named = (forwarded["conversation"].as_str(), forwarded["sender_id"].as_str());
        assert_eq!(named, (Some("bob"), Some("bob")), "{forwarded}");
        let own = forwarded["message_id"].as_str().unwrap();
        assert_ne!(own, id);
        bob.does(&["download", own, "--out", "again"]).ok();
        assert_eq!(std::fs::read_to_string(bob.dir.join("again")).unwrap(), "the plans");
        alice.does(&["delete", &id]).ok();
        bob.does(&["listen", "--timeout", "2"]).ok();
        let gone = bob.does(&["forward", &id, "self", "--json"]);
        assert_eq!((gone.code, gone.error()["code"].as_str()), (1, Some("not_forwardable")), "{}", gone.stderr);
    })
    .await;
}
