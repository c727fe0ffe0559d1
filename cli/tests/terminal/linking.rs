//! Letting a further device in, or not.

use std::io::{BufRead as _, BufReader};

use privmsg_testkit::Server;

use crate::machine::Machine;
use crate::people::{aside, signal};
use crate::run::Run;

/// A device that shows its code for a user who is none, or whose devices do not answer, and is cut off, is as if it had never been:
/// the next sign-in may be anybody's.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_nobody_has_let_in_leaves_no_profile_when_it_is_cut_off() {
    let server = Server::start().await.unwrap();
    let alice = server.admin().creates("alice").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine { dir: folder.path().to_owned(), url: server.url() };
    aside(move || {
        for (user, how) in [("nosuch", "-INT"), ("alice", "-TERM")] {
            let waiting = ["login", "--link", "--server", &machine.url, "--user-id", user];
            let mut child = machine.starts("p", &waiting, &[]);
            let mut shown = String::new();
            BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut shown).unwrap();
            assert!(shown.contains("link_code"), "{shown}");
            assert!(machine.profile("p").exists());
            signal(&child, how);
            let cut_off = Run::of(child.wait_with_output().unwrap());
            assert_eq!(cut_off.code, if how == "-INT" { 130 } else { 143 }, "{}", cut_off.stderr);
            let left = machine.does("p", &["whoami"], &[]);
            assert_eq!((left.code, left.error()["code"].as_str()), (3, Some("not_signed_in")), "{}", left.stderr);
        }
        machine.signs_in("p", &alice, &[]).ok();
    })
    .await;
}

/// Nor after the server was restored, when it says of all devices that it does not know them yet.
#[tokio::test(flavor = "multi_thread")]
async fn nor_does_it_leave_one_at_a_server_that_was_restored() {
    let mut server = Server::start().await.unwrap();
    server.admin().creates("alice").await.unwrap();
    let backup = server.is_backed_up().unwrap();
    server.is_set_back_to(&backup).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine { dir: folder.path().to_owned(), url: server.url() };
    aside(move || {
        let mut child = machine.starts("p", &["login", "--link", "--server", &machine.url, "--user-id", "alice"], &[]);
        let mut shown = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut shown).unwrap();
        signal(&child, "-INT");
        assert_eq!(Run::of(child.wait_with_output().unwrap()).code, 130);
        let left = machine.does("p", &["whoami"], &[]);
        assert_eq!((left.code, left.error()["code"].as_str()), (3, Some("not_signed_in")), "{}", left.stderr);
        assert!(left.stderr.contains("nobody is signed in with the profile"), "{}", left.stderr);
    })
    .await;
}

/// Whoever moves to another machine signs the old one out at once: the new one can do all that the old one could.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_let_in_can_let_others_in_though_the_first_is_gone_at_once() {
    let server = Server::start().await.unwrap();
    let alice = server.admin().creates("alice").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine { dir: folder.path().to_owned(), url: server.url() };
    aside(move || {
        machine.signs_in("old", &alice, &[]).ok();
        assert_eq!(machine.whoami("old")["signs"], true);
        machine.lets_in("old", "new", "alice");
        machine.does("old", &["logout"], &[]).ok();
        machine.does("new", &["listen", "--timeout", "2"], &[]).ok();
        assert_eq!(machine.whoami("new")["signs"], true);
        machine.lets_in("new", "third", "alice");
    })
    .await;
}

/// The new device comes in, and is off before it could ask for the key: the old one says so, and does not go before it was asked.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_signs_out_answers_first_who_has_asked_for_the_key() {
    let server = Server::start().await.unwrap();
    let alice = server.admin().creates("alice").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let machine = Machine { dir: folder.path().to_owned(), url: server.url() };
    aside(move || {
        let words = machine.signs_in("old", &alice, &[]).ok().objects()[0]["recovery_key"].as_str().unwrap().to_owned();
        // By the words alone it comes in without the other, which it then lets in without waiting for it.
        let recover = ["login", "--recover", "--server", &machine.url, "--user-id", "alice"];
        machine.does("new", &recover, &[("PRIVMSG_RECOVERY_KEY", &words)]).ok();
        let mut child = machine.starts("old", &["login", "--link"], &[]);
        let mut shown = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut shown).unwrap();
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        let mut linking =
            machine.starts("new", &["devices", "link"], &[("PRIVMSG_LINK_CODE", shown["link_code"].as_str().unwrap())]);
        assert!(child.wait().unwrap().success());
        signal(&linking, "-KILL");
        linking.wait().unwrap();
        machine.does("old", &["listen", "--timeout", "2"], &[]).ok();
        machine.does("new", &["logout"], &[]).ok();
        machine.does("old", &["listen", "--timeout", "2"], &[]).ok();
        assert_eq!(machine.whoami("old")["signs"], true);
        machine.lets_in("old", "third", "alice");
    })
    .await;
}
