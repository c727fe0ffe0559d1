//! What `listen` prints besides messages, and what is said of what changes nothing.

use serde_json::Value;

use crate::people::{Person, Two, texts};

/// What there is to be printed within two seconds.
fn listens(who: &Person) -> Vec<Value> {
    who.does(&["listen", "--json", "--timeout", "2"]).ok().objects()
}

fn kinds(objects: &[Value]) -> Vec<&str> {
    objects.iter().map(|object| object["type"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_deletions_and_reactions_are_printed_once() {
    Two::play(|alice, bob| {
        let sent = alice.does(&["send", "bob", "typo hree", "--json"]).ok().objects().remove(0);
        let id = sent["message_id"].as_str().unwrap();
        assert_eq!(texts(&bob.hears(1)), ["typo hree"]);
        bob.does(&["send", "alice", "what?"]).ok();
        alice.hears(1);

        alice.does(&["edit", id, "typo here"]).ok();
        let edited = listens(bob);
        assert_eq!(kinds(&edited), ["edited"]);
        assert_eq!((&edited[0]["message_id"], &edited[0]["text"]), (&id.into(), &"typo here".into()));
        assert!(listens(bob).is_empty(), "once");

        bob.does(&["react", id, "👍"]).ok();
        bob.does(&["react", id, "👍", "--remove"]).ok();
        let reactions = listens(alice);
        assert_eq!(kinds(&reactions), ["reaction", "reaction"]);
        assert_eq!((&reactions[0]["emoji"], &reactions[0]["sender_id"]), (&"👍".into(), &"bob".into()));
        assert_eq!(reactions[1]["removed"], true);

        alice.does(&["edit", id, "a secret"]).ok();
        alice.does(&["delete", id]).ok();
        let said = bob.does(&["listen", "--timeout", "2"]).ok().stdout;
        assert!(said.contains("alice has deleted the message of") && !said.contains("secret"), "{said}");

        // What is printed for the first time shows what has become of it.
        let sent = alice.does(&["send", "bob", "first", "--json"]).ok().objects().remove(0);
        alice.does(&["edit", sent["message_id"].as_str().unwrap(), "second"]).ok();
        let heard = listens(bob);
        assert_eq!((heard.len(), texts(&heard)), (1, vec!["second"]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_nothing_says_so() {
    Two::play(|alice, bob| {
        let sent = alice.does(&["send", "bob", "hello", "--json"]).ok().objects().remove(0);
        let id = sent["message_id"].as_str().unwrap();
        bob.hears(1);
        let twice: [(&Person, &[&str]); 5] = [
            (bob, &["accept", "alice"]),
            (bob, &["react", id, "👍"]),
            (bob, &["react", id, "👍", "--remove"]),
            (bob, &["block", "alice"]),
            (bob, &["unblock", "alice"]),
        ];
        for (who, command) in twice {
            let command = [command, &["--json"]].concat();
            let first = who.does(&command).ok().objects().remove(0);
            assert_eq!(first.get("unchanged"), None, "{command:?}");
            let second = who.does(&command).ok().objects().remove(0);
            assert_eq!(second["unchanged"], true, "{command:?}");
        }
        let same = alice.does(&["edit", id, "hello", "--json"]).ok().objects().remove(0);
        assert_eq!(same["unchanged"], true);
        for command in [["read", "nobody"], ["history", "nobody"]] {
            let none = bob.does(&command);
            assert_eq!(none.code, 2, "{command:?}: {}", none.stderr);
        }
        assert!(bob.does(&["history", "self"]).ok().stderr.contains("No notes yet"));
    })
    .await;
}
