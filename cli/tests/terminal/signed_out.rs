//! Why a device is not signed in: the true cause, each time that it is asked anything.

use privmsg_testkit::Server;

use crate::machine::{Machine, code};
use crate::people::aside;
use crate::run::Run;

/// What everything that needs the server says from now on, twice.
#[track_caller]
fn says_each_time(machine: &Machine, profile: &str, wanted: &str, words: &str) {
    let first = machine.does(profile, &["listen", "--timeout", "5"], &[]);
    let commands: [&[&str]; 3] = [&["send", "bob", "hello", "--timeout", "3"], &["devices"], &["listen"]];
    let again: Vec<Run> = commands.iter().map(|command| machine.does(profile, command, &[])).collect();
    for said in [&first].into_iter().chain(&again) {
        assert_eq!((said.code, code(said).as_str()), (3, wanted), "{}", said.stderr);
        assert!(said.stderr.contains(words), "{}", said.stderr);
    }
    let whoami = machine.whoami(profile);
    assert_eq!((&whoami["signed_in"], &whoami["why_not"]), (&false.into(), &wanted.into()));
}

async fn on_a_machine(server: &Server) -> (tempfile::TempDir, Machine) {
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine { dir: folder.path().to_owned(), url: server.url() };
    let mine = machine.clone();
    let (alice, bob) = (server.admin().creates("alice").await.unwrap(), server.admin().creates("bob").await.unwrap());
    aside(move || {
        let words = mine.signs_in("a", &alice, &[]).ok().objects().remove(0)["recovery_key"].clone();
        std::fs::write(mine.profile("words"), words.as_str().unwrap()).unwrap();
        std::fs::write(mine.profile("key"), alice.access_key.expose()).unwrap();
        mine.signs_in("b", &bob, &[]).ok();
        mine.does("a", &["send", "bob", "hi"], &[]).ok();
    })
    .await;
    (folder, machine)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_deactivated_hears_so() {
    let server = Server::start().await.unwrap();
    let (_folder, machine) = on_a_machine(&server).await;
    server.deactivates("alice").unwrap();
    aside(move || says_each_time(&machine, "a", "account_revoked", "ask")).await;
}

/// Also where the server was restored before: then it does not know all devices, but it knows whom it has deleted since.
#[tokio::test(flavor = "multi_thread")]
async fn who_was_deleted_hears_so_after_a_restore_too() {
    let mut server = Server::start().await.unwrap();
    let (_folder, machine) = on_a_machine(&server).await;
    let backup = server.is_backed_up().unwrap();
    server.is_set_back_to(&backup).await.unwrap();
    let back = machine.clone();
    aside(move || back.does("a", &["listen", "--timeout", "2"], &[]).ok()).await;
    server.deletes("alice").unwrap();
    aside(move || {
        says_each_time(&machine, "a", "account_deleted", "does not exist");
        assert_eq!(machine.does("a", &["history", "bob"], &[]).ok().objects().len(), 1);
    })
    .await;
}

/// Nobody lies there: the account was begun anew, and this profile is of the one before.
#[tokio::test(flavor = "multi_thread")]
async fn the_profile_of_before_a_replaced_identity_says_that_the_account_was_begun_anew() {
    let server = Server::start().await.unwrap();
    let (_folder, machine) = on_a_machine(&server).await;
    let read = |name: &str| std::fs::read_to_string(machine.profile(name)).unwrap();
    let (words, key): (&'static str, &'static str) = (read("words").leak(), read("key").leak());
    let url: &'static str = machine.url.clone().leak();
    let login = ["login", "--server", url, "--user-id", "alice", "--device-name", "phone"];
    let begun = machine.clone();
    aside(move || {
        let begins = [&login[..], &["--new-identity"]].concat();
        begun.does("new", &begins, &[("PRIVMSG_ACCESS_KEY", key)]).ok();
        let waits = begun.does("new", &["send", "bob", "soon"], &[]);
        assert_eq!((waits.code, code(&waits).as_str()), (3, "identity_begins"), "{}", waits.stderr);
        assert_eq!(begun.whoami("new")["why_not"], "identity_begins");
    })
    .await;
    let alice = privmsg_protocol::UserId::new("alice").unwrap();
    server.admin().passes_replacement(&alice).await.unwrap();
    aside(move || {
        let new = machine.does("new", &["login"], &[("PRIVMSG_ACCESS_KEY", key)]).ok();
        let new_words = new.objects()[0]["recovery_key"].as_str().unwrap().to_owned();
        assert_eq!(machine.whoami("new")["device_name"], "phone", "as it was called before");
        says_each_time(&machine, "a", "identity_replaced", "begun anew");
        for words in [words, &new_words] {
            let keys = [("PRIVMSG_ACCESS_KEY", key), ("PRIVMSG_RECOVERY_KEY", words)];
            let again = machine.does("a", &["login"], &keys);
            assert_eq!((again.code, code(&again).as_str()), (6, "identity_replaced"), "{}", again.stderr);
            assert!(!again.stderr.contains("lying"), "{}", again.stderr);
        }
        let linked = machine.does("a", &["login", "--link"], &[]);
        assert_eq!((linked.code, code(&linked).as_str()), (6, "identity_replaced"), "shows no code: {}", linked.stderr);
        assert_eq!(machine.does("new", &["devices"], &[]).ok().objects().len(), 1);
        assert_eq!(machine.does("a", &["history", "bob"], &[]).ok().objects().len(), 1);
    })
    .await;
}

/// Made after the backup, the account is gone with the server's disk: that is said, and whom to ask. Once it is made anew, its profile
/// signs in as it stands.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_after_the_backup_comes_back_by_a_new_key() {
    let mut server = Server::start().await.unwrap();
    let backup = server.is_backed_up().unwrap();
    let (_folder, machine) = on_a_machine(&server).await;
    server.is_set_back_to(&backup).await.unwrap();
    let key = std::fs::read_to_string(machine.profile("key")).unwrap().leak();
    let gone = machine.clone();
    aside(move || {
        for (language, words) in [("en", "ask the administrator"), ("ru", "спросите администратора")]
        {
            let said = gone.does("a", &["send", "bob", "lost?", "--timeout", "3", "--lang", language], &[]);
            assert!(said.code == 5 && said.stderr.to_lowercase().contains(words), "{}", said.stderr);
        }
        gone.does("b", &["listen", "--timeout", "2"], &[]);
        let login = gone.does("a", &["login"], &[("PRIVMSG_ACCESS_KEY", key)]);
        assert_eq!(login.code, 4, "the former key is of no use: {}", login.stderr);
        assert_eq!(gone.whoami("a")["signed_in"], true, "and the profile is as it was");
    })
    .await;
    let (alice, bob) = (server.admin().creates("alice").await.unwrap(), server.admin().creates("bob").await.unwrap());
    aside(move || {
        for (profile, account) in [("b", &bob), ("a", &alice)] {
            let environment = [("PRIVMSG_ACCESS_KEY", account.access_key.expose())];
            machine.does(profile, &["login"], &environment).ok();
        }
        machine.does("b", &["listen", "--timeout", "4"], &[]).ok();
        machine.does("b", &["safety-number", "alice", "--accept-change"], &[]);
        machine.does("a", &["listen", "--timeout", "4"], &[]);
        machine.does("a", &["safety-number", "bob", "--accept-change"], &[]);
        machine.does("a", &["send", "bob", "here again"], &[]).ok();
        let again = machine.does("a", &["login"], &[("PRIVMSG_ACCESS_KEY", alice.access_key.expose())]);
        assert_eq!((again.code, code(&again).as_str()), (1, "already_signed_in"), "{}", again.stderr);
    })
    .await;
}
