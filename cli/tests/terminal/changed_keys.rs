//! Somebody in a group has begun anew: who is held up by that learns whom it is about and what to do.

use privmsg_testkit::{Account, Server};
use serde_json::Value;

use crate::people::{Person, all_signed_in, aside, texts};
use crate::run::{Run, privmsg};

/// Three who know one another, of whom bob has begun anew in another profile.
struct Story {
    server: Server,
    _folder: tempfile::TempDir,
    people: [Person; 3],
    again: Person,
    group: String,
}

fn log_in(again: &Person, account: &Account, url: &str, more: &[&str]) -> Run {
    let arguments = [&["login", "--server", url, "--user-id", "bob", "--json"], more].concat();
    let key = [("PRIVMSG_ACCESS_KEY", account.access_key.expose())];
    privmsg(&again.dir, &again.with_profile(&arguments), &key)
}

impl Story {
    /// `before` happens while everybody is who they were.
    async fn begun(before: impl FnOnce([Person; 3]) + Send + 'static) -> Self {
        let server = Server::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (people, accounts) = all_signed_in(&server, folder.path(), ["alice", "bob", "carol"]).await;
        let again = Person::new(folder.path(), "bob", "again");
        let (all, account) = (people.clone(), accounts[1].clone());
        let group = aside(move || {
            let made = all[0].does(&["group", "create", "--title", "Choir", "bob", "carol", "--json"]).ok();
            let group = made.objects()[0]["group"].as_str().unwrap().to_owned();
            before(all);
            group
        })
        .await;
        let (url, new, key) = (server.url(), again.clone(), account.clone());
        aside(move || log_in(&new, &key, &url, &["--new-identity"]).ok()).await;
        server.admin().passes_replacement(&account.user_id).await.unwrap();
        let (url, new) = (server.url(), again.clone());
        aside(move || log_in(&new, &account, &url, &[]).ok()).await;
        Self { server, _folder: folder, people, again, group }
    }

    async fn goes_on(self, story: impl FnOnce([Person; 3], Person, String) + Send + 'static) {
        let Self { server, _folder, people, again, group } = self;
        aside(move || story(people, again, group)).await;
        drop(server);
    }
}

fn verifies(alice: &Person, user: &str) {
    alice.does(&["safety-number", user]).ok();
    alice.does(&["safety-number", user, "--mark-verified"]).ok();
}

fn kinds(messages: &[Value]) -> Vec<(&str, &str)> {
    messages.iter().map(|one| (one["type"].as_str().unwrap(), one["conversation"].as_str().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_a_group_under_a_former_key_is_named_and_let_in_anew_by_one_command() {
    let story = Story::begun(|[alice, bob, carol]| {
        bob.hears(2);
        carol.hears(2);
        alice.does(&["send", "bob", "hello"]).ok();
        bob.does(&["listen", "--timeout", "1"]).ok();
        verifies(&alice, "bob");
    });
    let play = |[alice, _, carol]: [Person; 3], again: Person, group: String| {
        again.does(&["send", "alice", "it is me"]).ok();
        let heard = alice.does(&["listen", "--timeout", "2"]).ok().stdout;
        assert_eq!(heard.matches("THE KEY OF bob HAS CHANGED").count(), 1, "in two chats, once: {heard}");
        let held = alice.does(&["send", &group, "first", "--json"]);
        assert_eq!((held.code, &held.error()["code"]), (9, &"identity_changed".into()), "{}", held.stderr);
        let said = held.error()["message"].as_str().unwrap().to_owned();
        assert!(["Choir", "privmsg safety-number bob"].iter().all(|wanted| said.contains(wanted)), "{said}");
        let refused = alice.does(&["group", "add", &group, "bob", "--json"]);
        assert_eq!((refused.code, &refused.error()["code"]), (9, &"identity_changed".into()), "{}", refused.stderr);

        alice.does(&["safety-number", "bob"]).ok();
        let accepted = alice.does(&["safety-number", "bob", "--accept-change"]).ok();
        let command = format!("privmsg group add {group} bob");
        assert!(accepted.stderr.contains(&command), "{}", accepted.stderr);
        for lang in ["en", "ru"] {
            let held = alice.does(&["send", &group, "second", "--lang", lang]);
            assert!(held.code == 9 && held.stderr.contains(&command), "{}: {}", held.code, held.stderr);
        }
        let people = alice.does(&["group", "add", &group, "bob", "--json"]).ok().objects().remove(0)["people"].clone();
        assert_eq!((people[1]["user_id"].as_str(), people[1]["role"].as_str()), (Some("bob"), Some("member")));
        alice.does(&["send", &group, "third"]).ok();
        let heard = again.hears(5);
        assert_eq!(texts(&heard)[1..], ["first", "second", "second", "third"], "{heard:?}");
        let chats = again.does(&["chats", "--json"]).ok().objects();
        assert!(chats.iter().any(|chat| chat["title"] == "Choir"), "{chats:?}");

        // Who knows nobody of them by another key goes on, and is told.
        let heard = carol.hears(5);
        assert_eq!(heard[0]["group_news"]["other_identity"], serde_json::json!(["bob"]));
        carol.does(&["send", &group, "welcome back"]).ok();
        assert_eq!(texts(&again.hears(1)), ["welcome back"]);
    };
    story.await.goes_on(play).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_may_let_nobody_in_is_told_who_may_and_what_waited_goes_out_by_itself() {
    let story = Story::begun(|[_, bob, carol]| {
        bob.hears(2);
        carol.hears(2);
        carol.does(&["send", "bob", "hello"]).ok();
        bob.does(&["listen", "--timeout", "1"]).ok();
    });
    let play = |[alice, _, carol]: [Person; 3], again: Person, group: String| {
        // Nothing had vouched for his key: the new one counts, and both chats say so; and whoever sends is told, whatever they read.
        again.does(&["send", "carol", "it is me"]).ok();
        let held = carol.does(&["send", "bob", "is it you?", "--json"]);
        let told = held.stderr.lines().filter(|line| line.contains("identity_changed")).count();
        assert!(told == 1 && held.stderr.contains("THE KEY OF bob HAS CHANGED"), "{}", held.stderr);
        // What she wrote is for the one whom she knew.
        assert_eq!((held.code, held.error()["code"].as_str()), (1, Some("others_came")), "{}", held.stderr);
        assert!(held.stderr.contains("privmsg send bob --held"), "{}", held.stderr);
        carol.does(&["send", "bob", "--held"]).ok();
        assert_eq!(texts(&again.hears(1)), ["is it you?"]);
        let heard = carol.hears(3);
        let wanted = [("identity_changed", "bob"), ("identity_changed", &group), ("text", "bob")];
        assert_eq!(kinds(&heard), wanted, "{heard:?}");
        let held = carol.does(&["send", &group, "waits", "--json"]);
        assert_eq!((held.code, &held.error()["code"]), (9, &"identity_changed".into()), "{}", held.stderr);
        let said = held.error()["message"].as_str().unwrap().to_owned();
        assert!(said.contains("ask alice (owner)"), "{said}");

        alice.does(&["group", "add", &group, "bob"]).ok();
        carol.does(&["listen", "--timeout", "2"]).ok();
        assert_eq!(texts(&again.hears(2))[1..], ["waits"]);
    };
    story.await.goes_on(play).await;
}

/// Whoever refuses the key under which somebody stands in a group is told who that is and what helps, and can take it back:
/// what was refused is listed, and accepted as it was shown.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_in_a_group_is_named_with_what_helps_and_can_be_accepted_after_all() {
    let story = Story::begun(|[_, bob, carol]| {
        bob.hears(2);
        carol.hears(2);
        carol.does(&["send", "bob", "hello"]).ok();
        bob.does(&["listen", "--timeout", "1"]).ok();
        verifies(&carol, "bob");
    });
    let play = |[alice, _, carol]: [Person; 3], again: Person, group: String| {
        alice.does(&["group", "add", &group, "bob"]).ok();
        carol.does(&["listen", "--timeout", "2"]).ok();
        let held = carol.does(&["send", &group, "waits", "--json"]);
        assert_eq!((held.code, &held.error()["code"]), (9, &"identity_changed".into()), "{}", held.stderr);
        carol.does(&["safety-number", "bob"]).ok();
        let refused = carol.does(&["safety-number", "bob", "--refuse-change"]).ok();
        let ways = [
            "Choir".to_owned(),
            "refused".to_owned(),
            format!("alice (owner) to run: privmsg group remove {group} bob"),
            format!("privmsg leave {group}"),
            "privmsg safety-number bob".to_owned(),
        ];
        assert!(ways.iter().all(|way| refused.stderr.contains(way)), "{}", refused.stderr);
        let held = carol.does(&["send", &group, "waits too", "--json"]);
        assert_eq!((held.code, &held.error()["code"]), (9, &"identity_refused".into()), "{}", held.stderr);
        for lang in ["en", "ru"] {
            let held = carol.does(&["send", &group, "waits", "--lang", lang]);
            assert!(held.code == 9 && held.stderr.contains(&ways[3]), "{}: {}", held.code, held.stderr);
            assert_eq!(crate::run::is_russian(&held.stderr), lang == "ru", "{}", held.stderr);
        }
        // Nobody lets him in under it either.
        let added = carol.does(&["group", "create", "--title", "Two", "bob", "--json"]);
        assert_eq!((added.code, &added.error()["code"]), (9, &"identity_changed".into()), "{}", added.stderr);

        let listed = carol.does(&["safety-number", "bob", "--json"]).ok().objects().remove(0);
        let [number] = listed["refused"].as_array().unwrap().as_slice() else { panic!("{listed}") };
        for lang in ["en", "ru"] {
            let shown = carol.does(&["safety-number", "bob", "--lang", lang]).ok().stdout;
            assert_eq!(crate::run::is_russian(&shown), lang == "ru", "{shown}");
            assert!(shown.contains(&number.as_str().unwrap()[..5]) && shown.contains("--accept-change"), "{shown}");
        }
        let another = carol.does(&["safety-number", "bob", "--accept-change=99999999"]).ok();
        assert!(another.stderr.contains("has not changed"), "{}", another.stderr);
        let beginning = format!("--accept-change={}", &number.as_str().unwrap()[..5]);
        let accepted = carol.does(&["safety-number", "bob", &beginning, "--json"]).ok().objects().remove(0);
        assert_eq!((&accepted["safety_number"], accepted.get("refused")), (number, None), "{accepted}");
        carol.does(&["send", &group, "at last"]).ok();
        let heard = again.hears(6);
        assert_eq!(texts(&heard)[1..], ["waits", "waits too", "waits", "waits", "at last"], "{heard:?}");
    };
    story.await.goes_on(play).await;
}
