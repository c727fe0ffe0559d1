//! Finding what was said.

use crate::people::{Two, texts};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_said_is_found_by_its_words() {
    Two::play(|alice, bob| {
        let said = alice.does(&["send", "bob", "Привет, под Ёлкой лежит подарок", "--json"]).ok().objects().remove(0);
        alice.does(&["send", "bob", "\" OR secret* NOT"]).ok();
        bob.hears(2);
        let finds = |arguments: &[&str]| {
            let all: Vec<_> = ["search", "--json"].into_iter().chain(arguments.iter().copied()).collect();
            bob.does(&all).ok().objects()
        };
        assert!(finds(&["прив"]).is_empty(), "nobody has accepted it");
        assert_eq!(finds(&["прив", "--chat", "alice"]).len(), 1);
        bob.does(&["accept", "alice"]).ok();
        let found = finds(&["ПРИВ", "елк"]);
        assert_eq!(texts(&found), ["Привет, под Ёлкой лежит подарок"]);
        assert_eq!((&found[0]["message_id"], &found[0]["conversation"]), (&said["message_id"], &"alice".into()));
        assert_eq!(texts(&finds(&["\"secret", "--from", "alice"])), ["\" OR secret* NOT"]);
        assert!(finds(&["\"", "*"]).is_empty());
        assert!(finds(&["прив", "--from", "bob"]).is_empty());
        assert!(finds(&["прив", "--until", "2020-01-01"]).is_empty());
        assert_eq!(finds(&["прив", "--since", "2020-01-01"]).len(), 1);

        std::fs::write(alice.dir.join("House_plans.pdf"), [7; 300]).unwrap();
        alice.does(&["send", "bob", "--file", "House_plans.pdf"]).ok();
        alice.does(&["edit", said["message_id"].as_str().unwrap(), "Hello"]).ok();
        bob.does(&["listen", "--count", "1", "--timeout", "20"]).ok();
        bob.does(&["listen", "--timeout", "1"]).ok();
        assert_eq!(finds(&["plans"])[0]["attachments"][0]["name"], "House_plans.pdf");
        assert_eq!(finds(&["--files"]).len(), 1);
        assert!(finds(&["прив"]).is_empty(), "it says something else by now");
        assert_eq!(texts(&finds(&["hello"])), ["Hello"]);
        alice.does(&["delete", said["message_id"].as_str().unwrap()]).ok();
        bob.does(&["listen", "--timeout", "1"]).ok();
        assert!(finds(&["hello"]).is_empty());

        let shown = bob.does(&["search", "secret"]).ok();
        assert!(shown.stdout.contains("alice\n    | \" OR secret* NOT"), "{}", shown.stdout);
        let nothing = bob.does(&["search", "nothing-like-it"]).ok();
        assert!(nothing.stdout.is_empty() && nothing.stderr.contains("Nothing was found"), "{}", nothing.stderr);
        let more = bob.does(&["search", "secret", "--limit", "1"]).ok();
        assert!(!more.stderr.contains("There is more"), "{}", more.stderr);
        for bad in [&["search"][..], &["search", "x", "--since", "soon"], &["search", "x", "--chat", "nobody"]] {
            assert_eq!(bob.does(bad).code, 2, "{bad:?}");
        }
    })
    .await;
}
