//! Contact links.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::people::{Person, Two};
use crate::run::{Run, is_russian, privmsg};

/// What stands behind `#` in some link.
const KEY: &str = "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1wAAAAAAAAABQ";

fn link_of(person: &Person) -> String {
    let object = person.does(&["contact", "link", "--json"]).ok().objects().remove(0);
    object["link"].as_str().unwrap().to_owned()
}

fn contacts_of(person: &Person) -> Vec<Value> {
    let listed = person.does(&["contacts", "--json"]).ok().objects();
    listed
        .iter()
        .map(|contact| json!([contact["user_id"], contact["known"], contact.get("changed").is_some()]))
        .collect()
}

fn pipes(person: &Person, arguments: &[&str], text: &str) -> Run {
    let mut child = person.starts_with_input(arguments);
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    Run::of(child.wait_with_output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_makes_somebody_known_before_anything_is_said() {
    Two::play(|alice, bob| {
        let shown = bob.does(&["contact", "link"]).ok();
        let link = link_of(bob);
        assert_eq!(shown.stdout, format!("{link}\n"), "a pipe gets the link and nothing else");
        assert!(shown.stderr.contains("--in-person"), "{}", shown.stderr);
        assert!(link.starts_with("privmsg://contact?server=http%3A%2F%2F") && link.contains("&user_id=bob#"), "{link}");

        let (first, second) = link.split_at(60);
        let added = pipes(alice, &["contact", "add", "--json"], &format!("> \"{first}\r\n> {second}\"\n")).ok();
        assert_eq!(added.objects()[0]["known"], "by_link");
        assert_eq!(added.stderr, "");
        assert_eq!(contacts_of(alice), [json!(["bob", "by_link", false])]);
        let number = alice.does(&["safety-number", "bob", "--json"]).ok().objects().remove(0);
        assert_eq!((&number["known"], &number["verified"]), (&json!("by_link"), &json!(false)));

        alice.does(&["send", "bob", "Hello, Bob"]).ok();
        assert_eq!(bob.hears(1)[0]["text"], "Hello, Bob");
        assert_eq!(contacts_of(bob), [json!(["alice", "seen_first", false])]);
        assert_eq!(contacts_of(alice), [json!(["bob", "by_link", false])]);

        let verified = pipes(alice, &["contact", "add", "-", "--in-person"], &link).ok();
        assert!(verified.stdout.contains("verified"), "{}", verified.stdout);
        let listed = alice.does(&["contacts", "--lang", "ru"]).ok();
        assert!(is_russian(&listed.stdout) && listed.stdout.contains("bob"), "{}", listed.stdout);
        assert_eq!(contacts_of(alice), [json!(["bob", "verified", false])]);
        let own = alice.does(&["contact", "add", &link_of(alice), "--json"]);
        assert_eq!((own.code, own.error()["code"].as_str()), (2, Some("own_link")));
    })
    .await;
}

/// Nobody's key is replaced, whichever came first, and the server's word decides only where an address does not.
#[tokio::test(flavor = "multi_thread")]
async fn what_contradicts_a_link_is_an_alarm() {
    Two::play(|alice, bob| {
        let (alices, bobs) = (link_of(alice), link_of(bob));
        let elsewhere = |link: &str| {
            let (_, rest) = link.split_once("&user_id").unwrap();
            format!("privmsg://contact?server=https%3A%2F%2Felsewhere.example&user_id{rest}")
        };
        // Her key under his name: of two servers' "bob", or a lie of this one's, nothing can be said.
        let false_link = alices.replace("user_id=alice", "user_id=bob");
        let refused = alice.does(&["contact", "add", &elsewhere(&false_link), "--json"]);
        assert_eq!((refused.code, refused.error()["code"].as_str()), (1, Some("another_server")), "{}", refused.stderr);
        assert!(contacts_of(alice).is_empty());

        let doubted = alice.does(&["contact", "add", &false_link, "--json"]);
        assert_eq!((doubted.code, doubted.error()["code"].as_str()), (9, Some("server_names_another_key")));
        assert_eq!(contacts_of(alice), [json!(["bob", "by_link", true])]);
        let held = alice.does(&["send", "bob", "a secret", "--json"]);
        assert_eq!((held.code, held.error()["code"].as_str()), (9, Some("identity_changed")));

        for link in [&bobs, &elsewhere(&bobs)] {
            let refused = alice.does(&["contact", "add", link, "--in-person", "--json"]);
            assert_eq!((refused.code, refused.error()["code"].as_str()), (9, Some("another_key")));
            assert_eq!(contacts_of(alice), [json!(["bob", "by_link", true])]);
        }
        // It was the link that lied.
        let compared = alice.does(&["safety-number", "bob"]).ok();
        assert!(compared.stdout.contains("contact link"), "{}", compared.stdout);
        alice.does(&["safety-number", "bob", "--accept-change"]).ok();
        assert_eq!(contacts_of(alice), [json!(["bob", "seen_first", false])]);
        alice.does(&["contact", "add", &elsewhere(&bobs)]).ok();
        assert_eq!(contacts_of(alice), [json!(["bob", "by_link", false])]);
        alice.does(&["send", "bob", "hello"]).ok();
        assert_eq!(bob.hears(1)[0]["text"], "hello");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_added_without_the_server() {
    let mut two = Two::signed_in().await;
    let (alice, bob) = (two.alice.clone(), two.bob.clone());
    let link = crate::people::aside(move || link_of(&bob)).await;
    two.server.stop().await.unwrap();
    crate::people::aside(move || {
        let added = alice.does(&["contact", "add", &link, "--json"]).ok();
        let notice: Value = serde_json::from_str(added.stderr.lines().last().unwrap()).unwrap();
        assert_eq!(notice["notice"]["code"], "not_asked");
        assert_eq!(contacts_of(&alice), [json!(["bob", "by_link", false])]);
    })
    .await;
}

#[test]
fn what_is_no_link_is_said_without_repeating_it() {
    let dir = tempfile::tempdir().unwrap();
    let whole = format!("privmsg://contact?server=https%3A%2F%2Fchat.example.org&user_id=bob#{KEY}");
    let garbage = "garbage".repeat(1_000);
    for (link, said) in [
        (garbage.as_str(), "begins with"),
        (
            "privmsg://join?server=https%3A%2F%2Fa.b&user_id=alice#AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE",
            "begins with",
        ),
        ("privmsg://contact?server=https%3A%2F%2Fchat.example.org", "quotes"),
        (&whole[..whole.len() - 1], "quotes"),
        (&whole.replace("https", "ftp"), "no server"),
        (&whole.replace("user_id=bob", "user_id=b%2Fb"), "no user"),
    ] {
        let run = privmsg(dir.path(), &["contact", "add", link], &[]);
        assert_eq!(run.code, 2, "{}", run.stderr);
        assert!(run.stderr.contains(said), "{link}: {}", run.stderr);
        assert!(!run.stderr.contains(link) && run.stderr.len() < 400, "{}", run.stderr);
        let russian = privmsg(dir.path(), &["contact", "add", link, "--lang", "ru"], &[]);
        assert!(russian.code == 2 && is_russian(&russian.stderr), "{}", russian.stderr);
    }
    // Standard input is empty.
    for arguments in [&["contact", "add"][..], &["contact", "add", "-"]] {
        let run = privmsg(dir.path(), arguments, &[]);
        assert!(run.code == 2 && run.stderr.contains("no contact link"), "{}", run.stderr);
    }
    // It is no secret, as an invitation is.
    let run = privmsg(dir.path(), &["contact", "add", &whole, "--nonsense"], &[]);
    assert!(run.code == 2 && !run.stderr.contains("PRIVMSG_INVITATION"), "{}", run.stderr);
    let run = privmsg(dir.path(), &["contact", "add", &whole], &[]);
    assert_eq!(run.code, 3, "{}", run.stderr);
}

/// A phone reads it from the screen; where it does not fit, no torn one is shown.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_shows_the_link_as_a_picture_where_it_fits() {
    Two::play(|alice, _bob| {
        let link = link_of(alice);
        for (columns, fits) in [(80, true), (40, false)] {
            let shown = crate::pty::Pty::of_width(alice, "contact link", columns).ends();
            assert_eq!(shown.0, 0);
            assert!(shown.1.contains(&link), "{}", shown.1);
            assert_eq!(shown.1.contains('█'), fits, "{}", shown.1);
            assert_eq!(shown.1.contains("QR code is not drawn"), !fits, "{}", shown.1);
        }
    })
    .await;
}
