//! What strangers begin, and what is said to it, as it is typed.

use serde_json::json;

use crate::people::{Two, aside, texts};
use crate::run::is_russian;

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_shown_as_one_and_is_told_nothing_until_let_in() {
    Two::play(|alice, bob| {
        assert_eq!(alice.does(&["requests"]).ok().stdout, "");
        bob.does(&["send", "alice", "hello"]).ok();
        let heard = alice.does(&["listen", "--count", "1", "--timeout", "20"]).ok();
        assert!(heard.stdout.contains("bob (request): hello"), "{}", heard.stdout);
        assert!(heard.stderr.contains("privmsg accept bob"), "{}", heard.stderr);
        bob.does(&["send", "alice", "are you there?"]).ok();
        let heard = alice.hears(1);
        assert_eq!((texts(&heard), &heard[0]["request"]), (vec!["are you there?"], &json!(true)));

        let listed = alice.does(&["requests", "--json"]).ok().objects();
        assert_eq!(listed.len(), 1);
        assert_eq!(
            (&listed[0]["conversation"], &listed[0]["kind"], &listed[0]["from"]),
            (&json!("bob"), &json!("direct"), &json!("bob"))
        );
        assert_eq!((&listed[0]["messages"], &listed[0]["unread"]), (&json!(2), &json!(2)));
        for language in ["en", "ru"] {
            let shown = alice.does(&["requests", "--lang", language]).ok().stdout;
            assert_eq!(is_russian(&shown), language == "ru");
            assert!(shown.contains("are you there?") && shown.contains("privmsg decline bob"), "{shown}");
        }
        assert_eq!(alice.does(&["chats", "--json"]).ok().objects()[0]["request"], true);
        let history = alice.does(&["history", "bob"]).ok();
        assert!(
            history.stderr.contains("This is a request") && !history.stdout.contains("This is"),
            "{}",
            history.stderr
        );

        let fate = || bob.does(&["history", "alice", "--json"]).ok().objects().remove(0);
        bob.does(&["listen", "--timeout", "2"]).ok();
        assert_eq!(fate().get("delivered_at"), None, "she has read it, and has not answered");
        let accepted = alice.does(&["accept", "bob", "--json"]).ok().objects();
        assert_eq!(accepted, [json!({"conversation": "bob", "consent": "open"})]);
        alice.does(&["listen", "--timeout", "3"]).ok();
        bob.does(&["listen", "--timeout", "3"]).ok();
        assert!(fate()["delivered_at"].is_i64(), "what was held goes out");
        assert!(alice.does(&["requests", "--json"]).ok().objects().is_empty());
        assert_eq!(alice.does(&["chats", "--json"]).ok().objects()[0].get("request"), None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_declined_or_left_does_not_come_until_one_writes() {
    Two::play(|alice, bob| {
        bob.does(&["send", "alice", "hello"]).ok();
        alice.hears(1);
        let declined = alice.does(&["decline", "bob"]).ok().stdout;
        assert_eq!(declined, "Nothing that bob sends to you there arrives any more. They are not told.\n");
        bob.does(&["send", "alice", "unheard"]).ok();
        assert_eq!(alice.does(&["listen", "--timeout", "3"]).ok().stdout, "");
        assert_eq!(alice.does(&["chats", "--json"]).ok().objects()[0]["declined"], true);
        assert!(alice.does(&["history", "bob"]).ok().stderr.contains("You have declined this chat"));

        alice.does(&["send", "bob", "after all"]).ok();
        assert_eq!(texts(&bob.hears(1)), ["after all"]);
        bob.does(&["send", "alice", "thanks"]).ok();
        assert_eq!(texts(&alice.hears(1)), ["thanks"]);
        // Now she talks to him: it takes another word to be rid of him.
        for language in ["en", "ru"] {
            let refused = alice.does(&["decline", "bob", "--lang", language]);
            assert_eq!((refused.code, is_russian(&refused.stderr)), (2, language == "ru"));
            assert!(refused.stderr.contains("privmsg leave bob"), "{}", refused.stderr);
        }
        let left = alice.does(&["leave", "bob", "--json"]).ok().objects();
        assert_eq!(left, [json!({"conversation": "bob", "consent": "declined"})]);
        bob.does(&["send", "alice", "unheard, too"]).ok();
        assert_eq!(alice.does(&["listen", "--timeout", "3"]).ok().stdout, "");
        let history = alice.does(&["history", "bob", "--json"]).ok().objects();
        assert_eq!(texts(&history), ["hello", "after all", "thanks"], "nothing is shown as missing");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_strangers_asks_and_is_accepted_or_left() {
    Two::play(|alice, bob| {
        let group = bob.does(&["group", "create", "--title", "Prizes", "alice", "--json"]).ok().objects().remove(0);
        let group = group["group"].as_str().unwrap();
        bob.does(&["send", group, "You have won"]).ok();
        let heard = alice.hears(3);
        assert!(heard.iter().all(|line| line["request"] == true), "{heard:?}");
        let listed = alice.does(&["requests", "--json"]).ok().objects();
        assert_eq!((&listed[0]["conversation"], &listed[0]["from"]), (&json!(group), &json!("bob")));
        assert_eq!((&listed[0]["title"], &listed[0]["people"]), (&json!("Prizes"), &json!(["alice", "bob"])));
        let shown = alice.does(&["requests"]).ok().stdout;
        assert!(
            shown.starts_with("bob has brought you into the group 'Prizes'\n") && shown.contains("You have won"),
            "{shown}"
        );
        // By the beginning of its id, as it is shown.
        let short = &group[..14];
        assert!(shown.contains(&format!("privmsg accept {short} ")), "{shown}");
        assert_eq!(alice.does(&["accept", short]).ok().stdout, "You have let in the group 'Prizes'.\n");
        assert_eq!(alice.does(&["decline", short]).code, 2);
        let left = alice.does(&["leave", short, "--json"]).ok().objects().remove(0);
        assert_eq!((&left["group"], &left["gone"]), (&json!(group), &json!("left")));

        let other =
            bob.does(&["group", "create", "--title", "More prizes", "alice", "--json"]).ok().objects().remove(0);
        alice.does(&["listen", "--timeout", "3"]).ok();
        let declined = alice.does(&["decline", other["group"].as_str().unwrap(), "--json"]).ok().objects().remove(0);
        assert_eq!(declined["gone"], "left");
        assert!(alice.does(&["requests", "--json"]).ok().objects().is_empty());
    })
    .await;
}

/// Whoever has not answered is named, and what was not taken goes out with the answer.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_answered_is_named() {
    let limit = ("PRIVMSG_LIMITS_MAX_REQUEST_MESSAGES_PER_DAY", "2".to_owned());
    Two::play_with(&[limit], |alice, bob| {
        for text in ["one", "two"] {
            bob.does(&["send", "alice", text]).ok();
        }
        let waits = bob.does(&["send", "alice", "three"]);
        assert_eq!(waits.code, 5);
        assert!(waits.stderr.contains("alice has not answered yet"), "{}", waits.stderr);
        let waits = bob.does(&["send", "alice", "four", "--json", "--lang", "ru"]);
        assert_eq!((waits.code, waits.error()["code"].as_str()), (5, Some("awaits_answer")));
        assert!(waits.error()["message"].as_str().unwrap().starts_with("alice: ответа ещё нет"), "{}", waits.stderr);
        assert_eq!(texts(&alice.hears(2)), ["one", "two"]);
        alice.does(&["send", "bob", "enough"]).ok();
        assert_eq!(texts(&bob.hears(1)), ["enough"]);
        bob.does(&["listen", "--timeout", "3"]).ok();
        assert_eq!(texts(&alice.hears(2)), ["three", "four"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_answered_is_said_and_an_answer_without_a_server_is_kept() {
    let two = Two::signed_in().await;
    let (mut server, alice, bob) = (two.server, two.alice.clone(), two.bob.clone());
    let (her, his) = (alice.clone(), bob.clone());
    aside(move || {
        for arguments in [["accept", "self"], ["decline", "alice"], ["accept", "nobody"], ["leave", "bob"]] {
            let refused = her.does(&[arguments[0], arguments[1], "--json"]);
            assert_eq!((refused.code, refused.error()["code"].as_str()), (2, Some("usage")), "{arguments:?}");
        }
        let nobody = her.does(&["accept", "group:aaaaaaaa", "--json"]);
        assert_eq!((nobody.code, nobody.error()["code"].as_str()), (2, Some("no_such_group")));
        for command in ["requests", "accept", "decline", "leave"] {
            for language in ["en", "ru"] {
                let help = her.does(&[command, "--help", "--lang", language]).ok().stdout;
                assert_eq!(is_russian(&help), language == "ru");
                assert!(
                    help.replace('\n', " ").contains("privmsg accept")
                        && help.lines().all(|line| line.chars().count() <= 100),
                    "{help}"
                );
            }
        }
        his.does(&["send", "alice", "hello"]).ok();
        her.hears(1);
        her.does(&["block", "bob"]).ok();
        let blocked = her.does(&["accept", "bob", "--json"]);
        assert_eq!((blocked.code, blocked.error()["code"].as_str()), (1, Some("user_blocked")));
        assert!(her.does(&["requests", "--json"]).ok().objects().is_empty());
        her.does(&["unblock", "bob"]).ok();
    })
    .await;
    server.stop().await.unwrap();
    let her = alice.clone();
    aside(move || {
        let kept = her.does(&["decline", "bob"]);
        assert_eq!(kept.code, 5);
        assert!(kept.stderr.contains("It holds on this device"), "{}", kept.stderr);
    })
    .await;
    server.restart_with(&[]).await.unwrap();
    aside(move || {
        alice.does(&["listen", "--timeout", "3"]).ok();
        bob.does(&["send", "alice", "unheard"]).ok();
        assert_eq!(alice.does(&["listen", "--timeout", "3"]).ok().stdout, "");
        assert_eq!(
            texts(&alice.does(&["history", "bob", "--json"]).ok().objects()),
            ["hello"],
            "and nothing is missing"
        );
    })
    .await;
}

/// Once, who never ran `listen` was told that nobody waits.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_asked_shows_to_somebody_who_never_listens() {
    Two::play(|alice, bob| {
        bob.does(&["send", "alice", "hello"]).ok();
        let listed = alice.does(&["requests", "--json"]).ok().objects();
        assert_eq!(listed.iter().map(|request| &request["from"]).collect::<Vec<_>>(), [&json!("bob")]);
        assert_eq!(bob.does(&["history", "alice", "--json"]).ok().objects()[0]["state"], "sent");
    })
    .await;
}
