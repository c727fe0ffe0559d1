//! Blocking, as it is typed.

use crate::people::{Two, aside, texts};
use crate::run::is_russian;

#[tokio::test(flavor = "multi_thread")]
async fn the_blocked_are_not_heard_and_are_heard_again() {
    Two::play(|alice, bob| {
        let before = bob.does(&["send", "alice", "before", "--json"]).ok().objects().remove(0);
        alice.hears(1);
        assert_eq!(alice.does(&["blocks"]).ok().stdout, "You have blocked nobody.\n");
        assert_eq!(alice.does(&["block", "bob"]).ok().stdout, "bob is blocked.\n");
        bob.does(&["send", "alice", "unheard"]).ok();
        bob.does(&["react", before["message_id"].as_str().unwrap(), "👍"]).ok();
        assert_eq!(alice.does(&["listen", "--timeout", "3"]).ok().stdout, "");

        for language in ["en", "ru"] {
            let refused = alice.does(&["send", "bob", "hi", "--lang", language]);
            assert_eq!(refused.code, 1);
            assert_eq!(is_russian(&refused.stderr), language == "ru", "{}", refused.stderr);
            assert!(refused.stderr.contains("privmsg unblock bob"), "{}", refused.stderr);
        }
        let refused = alice.does(&["send", "bob", "hi", "--json"]);
        assert_eq!((refused.code, refused.error()["code"].as_str()), (1, Some("user_blocked")));

        let listed = alice.does(&["blocks", "--json"]).ok().objects();
        assert_eq!((listed.len(), listed[0]["user_id"].as_str()), (1, Some("bob")));
        assert!(listed[0]["blocked_at"].is_i64());
        let shown = alice.does(&["blocks"]).ok().stdout;
        assert!(shown.starts_with("USER") && shown.lines().nth(1).unwrap().starts_with("bob "), "{shown}");

        let unblocked = alice.does(&["unblock", "bob", "--json"]).ok().objects();
        assert_eq!(unblocked, [serde_json::json!({"user_id": "bob", "blocked": false})]);
        bob.does(&["send", "alice", "after"]).ok();
        assert_eq!(texts(&alice.hears(1)), ["after"]);
        alice.does(&["send", "bob", "hello again"]).ok();
        assert_eq!(texts(&bob.hears(1)), ["hello again"]);
        let history = alice.does(&["history", "bob", "--json"]).ok().objects();
        assert_eq!(texts(&history), ["before", "after", "hello again"]);
        assert!(history.iter().all(|line| line.get("reactions").is_none()), "{history:?}");
    })
    .await;
}

/// What had not gone out is held, shown as such, and goes only by the user's word.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_the_blocked_is_held_and_said() {
    let mut two = Two::signed_in().await;
    let (alice, bob) = (two.alice.clone(), two.bob.clone());
    let known = move || {
        alice.does(&["send", "bob", "hello"]).ok();
        bob.hears(1);
    };
    aside(known).await;
    two.server.stop().await.unwrap();
    let alice = two.alice.clone();
    aside(move || {
        let queued = alice.does(&["send", "bob", "written in anger", "--timeout", "1"]);
        assert_eq!(queued.code, 5, "{}", queued.stderr);
    })
    .await;
    two.server.restart_with(&[]).await.unwrap();
    let (alice, bob) = (two.alice.clone(), two.bob.clone());
    aside(move || {
        let blocked = alice.does(&["block", "bob"]).ok().stdout;
        assert!(blocked.contains("held") && blocked.contains('1'), "{blocked}");
        let held = |alice: &crate::people::Person| {
            let history = alice.does(&["history", "bob", "--json"]).ok().objects();
            assert_eq!(history.last().unwrap()["state"], "held", "{history:?}");
        };
        held(&alice);
        alice.does(&["listen", "--timeout", "3"]).ok();
        let unblocked = alice.does(&["unblock", "bob", "--json"]).ok().objects();
        assert_eq!(unblocked, [serde_json::json!({"user_id": "bob", "blocked": false, "held": 1})]);
        held(&alice);
        for language in ["en", "ru"] {
            let still = alice.does(&["unblock", "bob", "--lang", language]).ok().stdout;
            assert!(is_russian(&still) == (language == "ru") && still.contains("--send"), "{still}");
            let shown = alice.does(&["history", "bob", "--lang", language]).ok().stdout;
            assert!(shown.contains(if language == "ru" { "задержано" } else { "held" }), "{shown}");
        }
        alice.does(&["send", "bob", "let us talk"]).ok();
        assert_eq!(texts(&bob.hears(1)), ["let us talk"]);
        let sent = alice.does(&["unblock", "bob", "--send", "--json"]).ok().objects();
        assert_eq!(sent, [serde_json::json!({"user_id": "bob", "blocked": false})]);
        alice.does(&["listen", "--timeout", "5"]).ok();
        assert_eq!(texts(&bob.hears(1)), ["written in anger"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_blocked_is_said() {
    Two::play(|alice, _| {
        let own = alice.does(&["block", "alice", "--json"]);
        assert_eq!((own.code, own.error()["code"].as_str()), (2, Some("usage")));
        let nobody = alice.does(&["block", "nobody", "--json"]);
        assert_eq!((nobody.code, nobody.error()["code"].as_str()), (6, Some("unknown_user")));
        assert_eq!(alice.does(&["block"]).code, 2);
        for language in ["en", "ru"] {
            let help = alice.does(&["block", "--help", "--lang", language]).ok().stdout;
            assert_eq!(is_russian(&help), language == "ru");
            assert!(help.contains("privmsg unblock"), "{help}");
        }
    })
    .await;
}
