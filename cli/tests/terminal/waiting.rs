//! A device that its account has left behind, and what takes the recovery key.

use privmsg_testkit::Server;
use serde_json::Value;

use crate::machine::{Machine, code};
use crate::people::aside;
use crate::run::{Run, is_russian, privmsg};

/// Alice and Bob, who have talked, and Alice's words.
pub(crate) async fn two(story: impl FnOnce(Machine, String) + Send + 'static) {
    let server = Server::start().await.unwrap();
    let (alice, bob) = (server.admin().creates("alice").await.unwrap(), server.admin().creates("bob").await.unwrap());
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine { dir: folder.path().to_owned(), url: server.url() };
    aside(move || {
        let words = machine.signs_in("alice", &alice, &[]).ok().objects().remove(0)["recovery_key"].clone();
        machine.signs_in("bob", &bob, &[]).ok();
        machine.does("alice", &["send", "bob", "hello"], &[]).ok();
        story(machine, words.as_str().unwrap().to_owned());
    })
    .await;
}

fn said(run: &Run) -> Value {
    run.error()["message"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_waits_says_so_at_once_whatever_it_is_asked() {
    two(|machine, words| {
        let recovered = ["--profile", "new", "login", "--recover", "--server", &machine.url, "--user-id", "alice"];
        let login = privmsg(&machine.dir, &recovered, &[("PRIVMSG_RECOVERY_KEY", &words)]).ok();
        let old = machine.whoami("alice")["device_id"].as_str().unwrap().to_owned();
        for wanted in ["only one now", &format!("privmsg devices remove {old}")] {
            assert!(login.stderr.contains(wanted), "{}", login.stderr);
        }

        let sent = machine.does("alice", &["send", "bob", "kept"], &[]);
        assert_eq!((sent.code, code(&sent).as_str()), (3, "device_not_listed"), "{}", sent.stderr);
        assert!(sent.error()["message_id"].is_string(), "{}", sent.stderr);
        let id = machine.whoami("new")["device_id"].as_str().unwrap().to_owned();
        let commands: [&[&str]; 6] = [
            &["contact", "link"],
            &["devices"],
            &["devices", "link"],
            &["devices", "remove", &id, "--wiped"],
            &["block", "bob"],
            &["recovery", "new-words"],
        ];
        let sentence = said(&machine.does("alice", &["devices"], &[]));
        for command in commands {
            let refused = machine.does("alice", command, &[]);
            assert_eq!((refused.code, code(&refused).as_str()), (3, "device_not_listed"), "{command:?}");
            assert_eq!(said(&refused), sentence, "{command:?}");
        }
        // It is said once, and waited for.
        let listened = machine.does("alice", &["listen", "--timeout", "2"], &[]).ok();
        assert_eq!(listened.stderr.matches("\"device_not_listed\"").count(), 1, "{}", listened.stderr);
        let stolen = ["--profile", "alice", "devices", "remove", &id, "--stolen"];
        let stolen = privmsg(&machine.dir, &stolen, &[]);
        assert_eq!(stolen.code, 3, "{}", stolen.stderr);
        assert!(stolen.stderr.contains("privmsg login --recover"), "{}", stolen.stderr);
        let me = machine.whoami("alice");
        assert_eq!((&me["signed_in"], &me["waiting"]), (&true.into(), &true.into()));

        // It is let in again: nothing has to be run in between.
        machine.lets_in("new", "alice", "alice");
        machine.does("alice", &["contact", "link"], &[]).ok();
        assert_eq!(machine.whoami("alice")["waiting"], Value::Null);
        machine.does("alice", &["listen", "--timeout", "2"], &[]).ok();
        let heard = machine.does("bob", &["listen", "--count", "2", "--timeout", "20"], &[]).ok().objects();
        assert_eq!(heard[1]["text"], "kept");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_the_recovery_key_says_that_and_no_generation_begins_for_nobody() {
    two(|machine, words| {
        let id = machine.whoami("alice")["device_id"].as_str().unwrap().to_owned();
        for command in [&["identity", "replacement", "--end"][..], &["access-key", "change", "--recover"]] {
            for lang in ["en", "ru"] {
                let refused = machine.does("alice", &[command, &["--lang", lang]].concat(), &[]);
                assert_eq!((refused.code, code(&refused).as_str()), (4, "recovery_key_needed"), "{}", refused.stderr);
                let said = said(&refused).as_str().unwrap().to_owned();
                assert!(said.contains("PRIVMSG_RECOVERY_KEY") && !said.contains("--new-identity"), "{said}");
                assert_eq!(is_russian(&said), lang == "ru");
            }
        }
        let before = machine.does("alice", &["contact", "link"], &[]).ok().objects().remove(0);
        let key = [("PRIVMSG_RECOVERY_KEY", words.as_str())];
        for how in ["--stolen", "--wiped"] {
            let refused = machine.does("alice", &["devices", "remove", "nosuchdevice", how], &key);
            assert_eq!((refused.code, code(&refused).as_str()), (6, "unknown_device"), "{}", refused.stderr);
        }
        let own = machine.does("alice", &["devices", "remove", &id, "--stolen"], &key);
        assert_eq!(code(&own), "usage");
        // The link names the generation, which is the same.
        assert_eq!(machine.does("alice", &["contact", "link"], &[]).ok().objects().remove(0), before);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_is_about_what_was_asked() {
    two(|machine, _| {
        let wrong = [("PRIVMSG_ACCESS_KEY", "A".repeat(43))];
        let wrong: Vec<_> = wrong.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let refused = machine.does("alice", &["access-key", "change"], &wrong);
        assert_eq!((refused.code, code(&refused).as_str()), (4, "invalid_credentials"), "{}", refused.stderr);
        assert!(said(&refused).as_str().unwrap().contains("present access key"), "{}", refused.stderr);

        let text = machine.does("bob", &["listen", "--count", "1"], &[]).ok().objects().remove(0);
        let id = text["message_id"].as_str().unwrap();
        let refused = machine.does("bob", &["edit", id, "other"], &[]);
        assert!(code(&refused) == "not_the_author" && !refused.stderr.contains("--for-me"), "{}", refused.stderr);

        machine.does("alice", &["delete", id], &[]).ok();
        for (who, what) in [("alice", id), ("bob", id)] {
            machine.does(who, &["listen", "--timeout", "1"], &[]).ok();
            let refused = machine.does(who, &["download", what, "--out", "f"], &[]);
            assert_eq!((refused.code, code(&refused).as_str()), (8, "no_attachment"));
            assert!(said(&refused).as_str().unwrap().contains("was deleted"), "{}", refused.stderr);
        }
        let nobody = machine.does("alice", &["send", "carol", "hello"], &[]);
        assert_eq!(nobody.code, 6, "{}", nobody.stderr);
    })
    .await;
}
