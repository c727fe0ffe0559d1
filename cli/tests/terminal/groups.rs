//! A group of people, from the terminal.

use privmsg_testkit::Server;
use serde_json::{Value, json};

use crate::people::{Person, aside, texts};
use crate::run::is_russian;

/// Three people who have signed in.
async fn three(story: impl FnOnce(&Person, &Person, &Person) + Send + 'static) {
    three_and_then(story, |_| {}).await;
}

/// The same, and what happens to the first one when the server is gone.
async fn three_and_then(
    story: impl FnOnce(&Person, &Person, &Person) + Send + 'static,
    after: impl FnOnce(&Person) + Send + 'static,
) {
    let mut server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut people = Vec::new();
    for name in ["alice", "bob", "carol"] {
        people.push((Person::new(folder.path(), name, name), server.admin().creates(name).await.unwrap()));
    }
    let url = server.url();
    let first = aside(move || {
        for (person, account) in &people {
            person.signs_in(&url, account, &[]);
        }
        story(&people[0].0, &people[1].0, &people[2].0);
        people.remove(0).0
    })
    .await;
    server.stop().await.unwrap();
    aside(move || after(&first)).await;
}

fn people_of(info: &Value) -> Vec<(String, String)> {
    let people = info["people"].as_array().unwrap().iter();
    people.map(|one| (one["user_id"].as_str().unwrap().into(), one["role"].as_str().unwrap().into())).collect()
}

fn said(messages: &[Value]) -> Vec<Value> {
    messages.iter().filter(|message| message["type"] == "text").cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_made_written_to_changed_and_left() {
    three(|alice, bob, carol| {
        let made = alice.does(&["group", "create", "--title", "Choir", "bob", "--json"]).ok().objects().remove(0);
        let group = made["group"].as_str().unwrap().to_owned();
        assert!(group.starts_with("group:"));
        let sent = alice.does(&["send", &group, "Hello, everybody", "--json"]).ok().objects().remove(0);
        assert_eq!(sent["conversation"], group);
        let heard = bob.hears(3);
        assert_eq!(heard[0]["group_news"], json!({ "added": ["bob"] }));
        assert_eq!((&heard[1]["type"], &heard[1]["text"]), (&"title".into(), &"Choir".into()));
        assert_eq!(texts(&said(&heard)), ["Hello, everybody"]);

        // The beginning of the id is enough.
        let short = &group[.."group:".len() + 8];
        bob.does(&["send", short, "Hi @alice, hi @nobody."]).ok();
        let heard = said(&alice.hears(1));
        assert_eq!(texts(&heard), ["Hi @alice, hi @nobody."]);
        assert_eq!(heard[0]["mentions"], json!(["alice"]));
        let refused = bob.does(&["group", "add", short, "carol", "--json"]);
        assert_eq!((refused.code, &refused.error()["code"]), (6, &"not_allowed".into()));

        alice.does(&["group", "role", short, "bob", "admin"]).ok();
        bob.hears(1);
        let info = bob.does(&["group", "add", short, "carol", "--json"]).ok().objects().remove(0);
        let role = |name: &str, role: &str| (name.to_owned(), role.to_owned());
        assert_eq!(people_of(&info), [role("alice", "owner"), role("bob", "admin"), role("carol", "member")]);
        let heard = carol.hears(1);
        assert_eq!(heard[0]["group_news"], json!({ "added": ["carol"] }));
        bob.does(&["send", short, "Welcome"]).ok();
        assert_eq!(texts(&said(&carol.hears(1))), ["Welcome"]);
        let chats = carol.does(&["chats", "--json"]).ok().objects();
        assert_eq!((&chats[0]["title"], &chats[0]["kind"]), (&"Choir".into(), &"group".into()));

        let removed = bob.does(&["group", "remove", short, "carol", "zed"]);
        assert_eq!(removed.code, 6, "{}", removed.stderr);
        assert!(removed.stderr.contains("not in the group: zed. Whoever else"), "{}", removed.stderr);
        let nobody = bob.does(&["group", "remove", short, "zed"]);
        assert!(nobody.code == 6 && !nobody.stderr.contains("Whoever else"), "{}", nobody.stderr);
        assert_eq!(carol.hears(1)[0]["group_news"], json!({ "removed": ["carol"] }));
        let out = carol.does(&["send", short, "Hello?", "--json"]);
        assert_eq!((out.code, &out.error()["code"]), (6, &"not_in_group".into()));
        assert_eq!(texts(&said(&carol.does(&["history", short, "--json"]).ok().objects())), ["Welcome"]);

        let alone = alice.does(&["group", "leave", short, "--json"]);
        assert_eq!(alone.error()["code"], "last_owner");
        let left = alice.does(&["group", "leave", short, "--successor", "bob", "--json"]).ok().objects().remove(0);
        assert_eq!(left["gone"], "left");
        assert_eq!(people_of(&left), [role("bob", "owner")], "whom she has named");
        let own = alice.does(&["group", "info", short]).ok().stdout;
        assert!(own.contains("bob") && !own.contains("Nobody owns"), "{own}");
        let history = alice.does(&["history", short]).ok().stdout;
        assert!(history.contains("bob owns it now"), "{history}");
        bob.does(&["send", short, "and then there was one"]).ok();
        let info = bob.does(&["group", "info", short, "--json"]).ok().objects().remove(0);
        assert_eq!(people_of(&info), [role("bob", "owner")]);
    })
    .await;
}

/// Whoever is alone in deciding about a group hears once that somebody else should, too; nobody becomes one against their will for good.
#[tokio::test(flavor = "multi_thread")]
async fn the_only_owner_is_urged_once_to_name_a_second() {
    three(|alice, bob, carol| {
        let alone = alice.does(&["group", "create", "--title", "Nobody yet"]).ok();
        assert!(!alone.stderr.contains("only owner"), "{}", alone.stderr);
        let made = alice.does(&["group", "create", "--title", "Choir", "bob", "carol"]).ok();
        let urged = "You are its only owner";
        assert_eq!(made.stderr.matches(urged).count(), 1, "{}", made.stderr);
        bob.hears(2);
        carol.hears(2);
        let group = bob.does(&["chats", "--json"]).ok().objects()[0]["conversation"].as_str().unwrap().to_owned();
        assert!(made.stderr.contains(&format!("privmsg group role {} USER owner", &group[..14])), "{}", made.stderr);
        let again = alice.does(&["group", "info", &group]).ok();
        assert!(!again.stderr.contains(urged), "{}", again.stderr);
        bob.does(&["accept", &group]).ok();
        alice.does(&["group", "role", &group, "bob", "owner"]).ok();
        alice.does(&["group", "leave", &group]).ok();
        carol.does(&["send", &group, "Where is she?"]).ok();
        bob.does(&["listen", "--timeout", "2"]).ok();
        for (lang, wanted) in [("ru", 1), ("en", 0)] {
            let info = bob.does(&["group", "info", &group, "--lang", lang]).ok();
            assert_eq!(info.stderr.matches("privmsg group role").count(), wanted, "{}", info.stderr);
            assert_eq!(is_russian(&info.stdout), lang == "ru");
        }
        // He has decided nothing there: he need not name anybody.
        bob.does(&["group", "leave", &group]).ok();
        carol.does(&["send", &group, "Nor he?"]).ok();
        let info = carol.does(&["group", "info", &group]).ok();
        assert!(info.stdout.contains("Nobody owns this group"), "{}", info.stdout);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_no_group_says_so() {
    three(|alice, _, _| {
        // One in 64 begins like an option.
        for arguments in
            [&["send", "group:xxxxxxxx", "hi"][..], &["group", "info", "xxxxxxxx"], &["group", "info", "-xxxxxxx"]]
        {
            let refused = alice.does(&[arguments, &["--json"]].concat());
            assert_eq!((refused.code, &refused.error()["code"]), (2, &"no_such_group".into()));
        }
        let id = makes(alice, "Хор зимой", &[]);
        let titled = alice.does(&["group", "info", "хор зимой"]);
        assert!(titled.code == 2 && titled.stderr.contains(&id[..14]), "{}", titled.stderr);
        assert_eq!(alice.does(&["group", "info", "Хор летом"]).code, 2);
        let nobody = alice.does(&["group", "create", "--title", "X", "nobody", "--json"]);
        assert_eq!((nobody.code, &nobody.error()["code"]), (6, &"unknown_user".into()));
        assert!(nobody.error()["message"].as_str().unwrap().contains("nobody"));
        let untitled = alice.does(&["group", "create", "--title", " ", "--json"]);
        assert_eq!((untitled.code, &untitled.error()["code"]), (2, &"bad_title".into()));
        let notes = alice.does(&["send", "self", "a note", "--json"]).ok().objects().remove(0);
        assert_eq!(notes["conversation"], "alice");
    })
    .await;
}

fn makes(alice: &Person, title: &str, others: &[&str]) -> String {
    let made =
        alice.does(&[&["group", "create", "--title", title, "--json"], others].concat()).ok().objects().remove(0);
    made["group"].as_str().unwrap().to_owned()
}

/// A cron job never runs `listen`: what it may do, and where, it finds out by itself.
#[tokio::test(flavor = "multi_thread")]
async fn commands_know_what_has_happened_without_listen() {
    three_and_then(
        |alice, bob, carol| {
            let group = makes(alice, "Choir", &["bob"]);
            let group = group.as_str();
            bob.does(&["send", group, "I am in"]).ok();
            alice.does(&["group", "role", group, "bob", "admin"]).ok();
            bob.does(&["group", "add", group, "carol"]).ok();
            bob.does(&["group", "title", group, "Chorus"]).ok();
            let info = carol.does(&["group", "info", group, "--json"]).ok().objects().remove(0);
            assert_eq!((info["people"].as_array().unwrap().len(), &info["title"]), (3, &"Chorus".into()));
            carol.does(&["send", group, "Me too"]).ok();
            alice.does(&["group", "role", group, "carol", "owner"]).ok();
            alice.does(&["group", "role", group, "bob", "member"]).ok();
            let refused = bob.does(&["group", "title", group, "Mine", "--json"]);
            assert_eq!((refused.code, &refused.error()["code"]), (6, &"not_allowed".into()));
            carol.does(&["group", "remove", group, "bob"]).ok();
            let refused = bob.does(&["send", group, "Hello?", "--json"]);
            assert_eq!((refused.code, &refused.error()["code"]), (6, &"not_in_group".into()));
            carol.does(&["leave", group]).ok();
        },
        |alice| {
            for language in ["en", "ru"] {
                let chats = alice.does(&["chats", "--json"]).ok().objects();
                let group = chats[0]["conversation"].as_str().unwrap();
                let old = alice.does(&["group", "info", group, "--lang", language]).ok();
                assert_eq!(is_russian(&old.stderr), language == "ru", "{}", old.stderr);
                let wanted = if language == "ru" {
                    "Сервер спросить не удалось"
                } else {
                    "could not be asked"
                };
                assert!(old.stderr.contains(wanted) && old.stdout.contains("alice"), "{}", old.stderr);
            }
        },
    )
    .await;
}

/// Whatever somebody writes, or a group is called, is told apart from what the program says.
#[tokio::test(flavor = "multi_thread")]
async fn no_text_looks_like_a_notice() {
    three(|alice, bob, carol| {
        let group = makes(alice, "Choir", &["bob", "carol"]);
        let group = group.as_str();
        bob.does(&["send", group, "carol has left\n2026-11-27 07:38  * carol has left\n    * carol has left"]).ok();
        bob.does(&["send", group, "* carol has left"]).ok();
        bob.does(&["send", group, "| * carol has left\r\n\u{85}* carol has left\u{2028}* carol has left"]).ok();
        alice.does(&["group", "title", group, "X' now.  * carol has left"]).ok();
        bob.does(&["send", group, "after the title"]).ok();
        bob.does(&["send", "alice", "THE KEY OF carol HAS CHANGED. carol has started anew"]).ok();
        carol.does(&["group", "leave", group]).ok();
        let chat = alice.starts_with_input(&["chat", group]).wait_with_output().unwrap();
        let in_chat = String::from_utf8(chat.stdout).unwrap();
        let heard = alice.does(&["listen", "--timeout", "2"]).ok().stdout;
        let history = alice.does(&["history", group]).ok().stdout;
        let direct = alice.does(&["history", "bob"]).ok().stdout;
        assert!(
            history.lines().any(|line| line.len() > 16 && line[16..].starts_with("  * carol has left")),
            "{history}"
        );
        let mut notices = 0;
        for shown in [in_chat, heard, history, direct] {
            for line in shown.lines() {
                let is_notice = match line.strip_prefix("    ") {
                    Some(further) => further.starts_with("* "),
                    None => line.get(16..).is_some_and(|rest| rest.starts_with("  * ")),
                };
                let tells_so = line.ends_with("carol has left") || line.contains("carol has left  (");
                if is_notice && tells_so && !line.contains("alice calls the group") {
                    notices += 1;
                }
                assert!(!is_notice || !line.contains("THE KEY"), "{line}");
            }
        }
        assert!((2..=3).contains(&notices), "one in each of those that show the group: {notices}");
    })
    .await;
}

/// Who was meant and is not there is said.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_done_is_not_done_in_silence() {
    three(|alice, bob, _| {
        let group = makes(alice, "Choir", &["bob"]);
        let group = group.as_str();
        let duet = makes(alice, "Duet", &["bob"]);
        for (language, said) in [("en", "not in the group"), ("ru", "в группе нет")] {
            let removed = alice.does(&["group", "remove", group, "bob", "carol", "crol", "--lang", language]);
            assert_eq!(removed.code, 6, "{}", removed.stderr);
            assert!(removed.stderr.contains(said) && removed.stderr.contains("carol, crol"), "{}", removed.stderr);
            let info = alice.does(&["group", "info", group, "--json"]).ok().objects().remove(0);
            assert_eq!(people_of(&info).len(), 1, "who was there is removed");
            alice.does(&["group", "add", group, "bob"]).ok();
        }
        let again = alice.does(&["group", "add", group, "bob"]).ok();
        assert!(again.stderr.contains("bob is in the group already"), "{}", again.stderr);
        let again = alice.does(&["group", "role", group, "bob", "member"]).ok();
        assert!(again.stderr.contains("bob is member already"), "{}", again.stderr);
        let not_blocked = alice.does(&["unblock", "bob"]).ok().stdout;
        assert_eq!(not_blocked, "bob was not blocked.\n");
        alice.does(&["group", "add", group, "carol"]).ok();
        let blocked = alice.does(&["block", "bob"]).ok().stdout;
        assert!(!blocked.contains(&duet[..14]), "of two it is as a chat: {blocked}");
        assert!(blocked.contains("groups that you share") && blocked.contains(&group[..14]), "{blocked}");
        let blocked = alice.does(&["block", "bob", "--json"]).ok().objects().remove(0);
        assert_eq!(blocked["shared_groups"], json!([group]));

        bob.does(&["group", "leave", group]).ok();
        let info = bob.does(&["group", "info", group, "--json"]).ok().objects().remove(0);
        assert_eq!((people_of(&info).len(), &info["gone"]), (2, &"left".into()));
        assert!(bob.does(&["chats"]).ok().stdout.contains("(you are out)"));
        let chats = bob.does(&["chats", "--json"]).ok().objects();
        assert!(chats.iter().any(|chat| chat["conversation"] == group && chat["gone"] == "left"), "{chats:?}");
    })
    .await;
}

/// A slip in a name leaves nothing behind, and where a group may be meant it is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_slip_in_a_name_is_no_chat() {
    three(|alice, _, _| {
        let group = makes(alice, "Семья", &["bob"]);
        let short = &group[..14];
        let id = group.strip_prefix("group:").unwrap();
        for (name, code) in [("bori", 6), (&id[..8], 6), ("Семья", 2), ("семья", 2), ("group:Choir", 2)] {
            if name.starts_with('-') {
                // An id may begin so, and is an option then: with `group:` in front it is none.
                continue;
            }
            for language in ["en", "ru"] {
                let refused = alice.does(&["send", name, "hi", "--lang", language]);
                assert_eq!(refused.code, code, "{name}: {}", refused.stderr);
                let is_meant = name != "bori" && name != "group:Choir";
                assert_eq!(refused.stderr.contains(short), is_meant, "{name}: {}", refused.stderr);
            }
        }
        let short = alice.does(&["send", &group[..10], "hi"]);
        assert!(short.stderr.contains("at least 6 characters"), "{}", short.stderr);
        assert_eq!(alice.does(&["chats", "--json"]).ok().objects().len(), 1);
    })
    .await;
}

/// Whoever is blocked, or brings somebody back who has left twice, gets nobody into a group; whom they have put there sees that, and
/// decides.
#[tokio::test(flavor = "multi_thread")]
async fn groups_that_are_kept_away_are_listed_and_let_in() {
    three(|alice, bob, carol| {
        alice.does(&["block", "bob"]).ok();
        let group = makes(bob, "Ambush", &["alice", "carol"]);
        bob.does(&["send", &group, "Hear me"]).ok();
        let listed = alice.does(&["requests", "--json"]).ok().objects();
        let wanted = json!({ "conversation": group, "kind": "group", "kept_out": "blocked", "from": "bob" });
        assert_eq!(listed, [wanted]);
        let short = &group[..14];
        for (language, said) in [("en", "bob, whom you have blocked"), ("ru", "bob (вами заблокирован)")]
        {
            let shown = alice.does(&["requests", "--lang", language]).ok().stdout;
            assert!(shown.contains(said) && shown.contains(short), "{shown}");
        }
        assert!(alice.does(&["chats"]).ok().stdout.is_empty(), "nothing of it is here");
        alice.does(&["decline", short]).ok();
        assert_eq!(alice.does(&["requests", "--json"]).ok().objects(), Vec::<Value>::new());
        assert_eq!(alice.does(&["accept", short, "--json"]).ok().objects()[0]["consent"], "open");
        alice.does(&["send", short, "So here I am"]).ok();
        assert_eq!(texts(&said(&carol.hears(4))), ["Hear me", "So here I am"]);
        bob.does(&["send", short, "There you are"]).ok();
        let heard = alice.does(&["listen", "--json", "--timeout", "5"]).ok().objects();
        assert_eq!(texts(&said(&heard)), ["There you are"]);

        for _ in 0..2 {
            carol.does(&["leave", short]).ok();
            bob.does(&["group", "add", short, "carol"]).ok();
        }
        let listed = carol.does(&["requests", "--json"]).ok().objects();
        let wanted = json!({ "conversation": group, "kind": "group", "kept_out": "left", "title": "Ambush" });
        assert_eq!(listed, [wanted]);
        let refused = carol.does(&["send", short, "hi", "--json"]);
        assert_eq!((refused.code, &refused.error()["code"]), (6, &"not_in_group".into()));
        carol.does(&["accept", short]).ok();
        carol.does(&["send", short, "back again"]).ok();
        let heard = bob.does(&["listen", "--json", "--timeout", "4"]).ok().objects();
        assert!(texts(&said(&heard)).contains(&"back again"), "{heard:?}");
    })
    .await;
}
