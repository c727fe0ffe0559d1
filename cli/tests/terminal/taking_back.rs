//! What takes something back from whoever has it and should not: a device, or an access key.

use privmsg_testkit::Server;

use crate::machine::{Machine, code};
use crate::people::aside;
use crate::waiting::two;

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_device_is_called_back_with_the_words() {
    two(|machine, words| {
        machine.lets_in("alice", "laptop", "alice");
        let known = |profile: &str| machine.does(profile, &["devices"], &[]).ok().objects().len();
        assert_eq!((known("alice"), known("laptop")), (2, 2));
        let stolen = machine.whoami("laptop")["device_id"].as_str().unwrap().to_owned();

        let remove = ["devices", "remove", &stolen, "--stolen"];
        machine.does("alice", &remove, &[("PRIVMSG_RECOVERY_KEY", &words)]).ok();
        let by_thief = machine.does("laptop", &["send", "bob", "it is me"], &[]);
        assert_eq!(by_thief.code, 3, "{}", by_thief.stderr);
        assert_eq!(known("alice"), 1);
        // The one that did it goes on, and those who talk to its user see no other person.
        machine.does("alice", &["send", "bob", "it was stolen"], &[]).ok();
        let heard = machine.does("bob", &["listen", "--timeout", "5"], &[]);
        let heard = heard.objects();
        let texts: Vec<_> = heard.iter().filter(|one| one["type"] == "text").map(|one| one["text"].clone()).collect();
        assert_eq!(texts, ["hello", "it was stolen"]);
        assert!(heard.iter().all(|one| one["type"] != "identity_changed"), "{heard:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_access_key_takes_the_place_of_the_former() {
    let server = Server::start().await.unwrap();
    let alice = server.admin().creates("alice").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine { dir: folder.path().to_owned(), url: server.url() };
    aside(move || {
        let words = machine.signs_in("alice", &alice, &[]).ok().objects().remove(0)["recovery_key"].clone();
        let login = ["login", "--server", &machine.url, "--user-id", "alice"];
        let tried = |key: &str| code(&machine.does("new", &login, &[("PRIVMSG_ACCESS_KEY", key)]));
        let changed = |how: &[&str], secret| {
            let run = machine.does("alice", &[&["access-key", "change"], how].concat(), &[secret]);
            run.ok().objects().remove(0)["access_key"].as_str().unwrap().to_owned()
        };
        let first = alice.access_key.expose();
        let second = changed(&[], ("PRIVMSG_ACCESS_KEY", first));
        assert_eq!(tried(first), "invalid_credentials");
        // The right one opens nothing alone, and is not refused.
        assert_eq!(tried(&second), "recovery_key_needed");
        let third = changed(&["--recover"], ("PRIVMSG_RECOVERY_KEY", words.as_str().unwrap()));
        assert_eq!(tried(&second), "invalid_credentials");
        assert_eq!(tried(&third), "recovery_key_needed");
        assert_eq!(machine.whoami("alice")["signed_in"], true);
    })
    .await;
}
