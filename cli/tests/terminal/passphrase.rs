//! The passphrase of a profile, after it was made.

use privmsg_testkit::Server;

use crate::machine::{Machine, code};

#[tokio::test(flavor = "multi_thread")]
async fn a_passphrase_is_set_changed_and_taken_away() {
    let server = Server::start().await.unwrap();
    let alice = server.admin().creates("alice").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine { dir: folder.path().to_owned(), url: server.url() };
    let work = move || {
        let sets = |arguments: &[&str], now: Option<&str>, new: Option<&str>| {
            let now = now.map(|now| ("PRIVMSG_PASSPHRASE", now));
            let new = new.map(|new| ("PRIVMSG_NEW_PASSPHRASE", new));
            let environment: Vec<_> = now.into_iter().chain(new).collect();
            machine.does("p", &[&["passphrase"], arguments].concat(), &environment)
        };
        let refused = |arguments: &[&str], now, new, expected: &str| {
            let run = sets(arguments, now, new);
            assert_eq!((run.code, code(&run).as_str()), (4, expected), "{}", run.stderr);
        };
        let key_file = machine.profile("p/database.key");

        let nobody = sets(&[], None, Some("open sesame"));
        assert_eq!((nobody.code, code(&nobody).as_str()), (3, "not_signed_in"), "{}", nobody.stderr);
        machine.signs_in("p", &alice, &[]).ok();
        refused(&[], None, None, "passphrase_needed");
        refused(&[], None, Some(""), "passphrase_needed");
        assert!(key_file.exists());
        assert_eq!(sets(&["--remove"], None, None).ok().objects()[0]["key_place"], "file");

        assert_eq!(sets(&[], None, Some("open sesame")).ok().objects()[0]["key_place"], "passphrase");
        assert!(!key_file.exists(), "the key still lies in the clear");
        refused(&[], None, Some("another one"), "passphrase_needed");
        refused(&[], Some("guessed"), Some("another one"), "wrong_passphrase");
        refused(&["--remove"], Some("guessed"), None, "wrong_passphrase");
        sets(&[], Some("open sesame"), Some("another one")).ok();
        let chats = |passphrase| machine.does("p", &["chats"], &[("PRIVMSG_PASSPHRASE", passphrase)]);
        assert_eq!(code(&chats("open sesame")), "wrong_passphrase");
        chats("another one").ok();

        assert_eq!(sets(&["--remove"], Some("another one"), None).ok().objects()[0]["key_place"], "file");
        machine.does("p", &["chats"], &[]).ok();
    };
    tokio::task::spawn_blocking(work).await.unwrap();
}
