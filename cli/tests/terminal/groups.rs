//! A group of people, from the terminal.

use privmsg_testkit::Server;
use serde_json::{Value, json};

use crate::people::{Person, aside, texts};

/// Three people who have signed in.
async fn three(story: impl FnOnce(&Person, &Person, &Person) + Send + 'static) {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut people = Vec::new();
    for name in ["alice", "bob", "carol"] {
        people.push((Person::new(folder.path(), name, name), server.admin().creates(name).await.unwrap()));
    }
    let url = server.url();
    aside(move || {
        for (person, account) in &people {
            person.signs_in(&url, account, &[]);
        }
        story(&people[0].0, &people[1].0, &people[2].0);
    })
    .await;
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

        bob.does(&["group", "remove", short, "carol"]).ok();
        assert_eq!(carol.hears(1)[0]["group_news"], json!({ "removed": ["carol"] }));
        let out = carol.does(&["send", short, "Hello?", "--json"]);
        assert_eq!((out.code, &out.error()["code"]), (6, &"not_in_group".into()));
        assert_eq!(texts(&said(&carol.does(&["history", short, "--json"]).ok().objects())), ["Welcome"]);

        let alone = alice.does(&["group", "leave", short, "--json"]);
        assert_eq!(alone.error()["code"], "last_owner");
        let left = alice.does(&["group", "leave", short, "--successor", "bob", "--json"]).ok().objects().remove(0);
        assert_eq!(left["gone"], "left");
        bob.does(&["send", short, "and then there was one"]).ok();
        let info = bob.does(&["group", "info", short, "--json"]).ok().objects().remove(0);
        assert_eq!(people_of(&info), [role("bob", "owner")]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_no_group_says_so() {
    three(|alice, _, _| {
        for arguments in [&["send", "group:xxxxxxxx", "hi"][..], &["group", "info", "xxxxxxxx"]] {
            let refused = alice.does(&[arguments, &["--json"]].concat());
            assert_eq!((refused.code, &refused.error()["code"]), (2, &"no_such_group".into()));
        }
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
