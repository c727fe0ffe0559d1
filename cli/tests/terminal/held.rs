//! What was written for others than who would have it now: held, said, and sent by the user's word.

use privmsg_testkit::Server;

use crate::people::{Person, all_signed_in, aside, texts};
use crate::run::is_russian;

/// Alice and Bob, who has begun a group with her, and Carol.
async fn begun() -> (Server, tempfile::TempDir, [Person; 3], String) {
    let server = Server::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (people, _) = all_signed_in(&server, folder.path(), ["alice", "bob", "carol"]).await;
    let all = people.clone();
    let group = aside(move || {
        let made = all[1].does(&["group", "create", "--title", "Choir", "alice", "--json"]).ok().objects();
        let group = made[0]["group"].as_str().unwrap().to_owned();
        all[0].does(&["listen", "--timeout", "2"]).ok();
        all[0].does(&["accept", &group]).ok();
        group
    })
    .await;
    (server, folder, people, group)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_before_somebody_came_waits_for_a_word() {
    let (mut server, _folder, people, group) = begun().await;
    server.stop().await.unwrap();
    let (alice, to) = (people[0].clone(), group.clone());
    aside(move || {
        let queued = alice.does(&["send", &to, "between us", "--timeout", "1"]);
        assert_eq!(queued.code, 5, "{}", queued.stderr);
    })
    .await;
    server.restart_with(&[]).await.unwrap();
    let [alice, bob, carol] = people;
    aside(move || {
        bob.does(&["group", "add", &group, "carol"]).ok();
        let said = alice.does(&["send", &group, "to all of you"]).ok();
        let wanted = format!("have another key: carol. 'privmsg send {group} --held'");
        assert!(said.stderr.contains(&wanted), "{}", said.stderr);
        for language in ["en", "ru"] {
            let shown = alice.does(&["history", &group, "--lang", language]).ok().stdout;
            assert!(
                shown.contains(if language == "ru" {
                    "задержано: с тех пор"
                } else {
                    "held: somebody has come"
                }),
                "{shown}"
            );
            let help = alice.does(&["send", "--help", "--lang", language]).ok().stdout;
            assert!(is_russian(&help) == (language == "ru") && help.contains("--held"), "{help}");
        }
        let history = alice.does(&["history", &group, "--json"]).ok().objects();
        let held: Vec<_> = history.iter().filter(|line| line["state"] == "held").collect();
        assert_eq!(
            held.iter().map(|line| (&line["text"], &line["failure"])).collect::<Vec<_>>(),
            [(&"between us".into(), &"others_came".into())]
        );
        carol.does(&["accept", &group]).ok();
        assert_eq!(texts(&carol.hears(2))[1..], ["to all of you"]);

        assert_eq!(alice.does(&["send", &group, "both", "--held"]).code, 2);
        let changed = alice.does(&["edit", held[0]["message_id"].as_str().unwrap(), "just us"]).ok().stdout;
        assert!(changed.contains("before it has gone out"), "{changed}");
        let sent = alice.does(&["send", &group, "--held", "--json"]).ok().objects();
        assert_eq!(
            sent.iter().map(|line| (&line["text"], &line["state"])).collect::<Vec<_>>(),
            [(&"just us".into(), &"sent".into())]
        );
        assert_eq!(texts(&carol.hears(1)), ["just us"]);
        let nothing = alice.does(&["send", &group, "--held"]).ok();
        assert!(nothing.stdout.is_empty() && nothing.stderr.contains("Nothing is held"), "{}", nothing.stderr);
    })
    .await;
}

/// What comes to be held while it is let go is asked about first; a change of what was said is refused, and that is said.
#[tokio::test(flavor = "multi_thread")]
async fn a_word_is_about_those_who_were_named_before() {
    let (mut server, _folder, [alice, bob, carol], group) = begun().await;
    let (writer, to) = (alice.clone(), group.clone());
    let first = aside(move || writer.does(&["send", &to, "first", "--json"]).ok().objects().remove(0)).await;
    server.stop().await.unwrap();
    let (writer, to) = (alice.clone(), group.clone());
    aside(move || {
        let change = ["edit", first["message_id"].as_str().unwrap(), "changed", "--timeout", "1"];
        assert_eq!(writer.does(&change).code, 5);
        assert_eq!(writer.does(&["send", &to, "between us", "--timeout", "1"]).code, 5);
    })
    .await;
    server.restart_with(&[]).await.unwrap();
    aside(move || {
        bob.does(&["group", "add", &group, "carol"]).ok();
        let asked = alice.does(&["send", &group, "--held"]);
        let wanted = ["have another key: carol", "A change of a message was not made"];
        assert!(asked.code == 1 && wanted.iter().all(|wanted| asked.stderr.contains(wanted)), "{}", asked.stderr);
        carol.does(&["accept", &group]).ok();
        assert_eq!(texts(&carol.hears(1)), [""], "that she was added, and nothing else");
        let history = alice.does(&["history", &group, "--json"]).ok().objects();
        assert!(history.iter().any(|line| line["text"] == "first"), "{history:?}");
        let sent = alice.does(&["send", &group, "--held", "--json"]).ok().objects();
        assert_eq!(texts(&sent), ["between us"]);
        assert_eq!(texts(&carol.hears(1)), ["between us"]);
    })
    .await;
}
