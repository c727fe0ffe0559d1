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
            let kept = alice.does(&["contact", "add", link, "--in-person", "--json"]);
            assert_eq!((kept.code, kept.error()["code"].as_str()), (9, Some("link_names_another_key")));
            assert_eq!(kept.objects()[0]["changed_by"], "in_person");
            assert_eq!(contacts_of(alice), [json!(["bob", "by_link", true])]);
        }
        // It was the first link that lied.
        let compared = alice.does(&["safety-number", "bob"]).ok();
        assert!(compared.stdout.contains("CONTACT LINK NAMES ANOTHER KEY"), "{}", compared.stdout);
        assert!(compared.stdout.contains("--refuse-change"), "{}", compared.stdout);
        alice.does(&["safety-number", "bob", "--accept-change"]).ok();
        assert_eq!(contacts_of(alice), [json!(["bob", "verified", false])]);
        alice.does(&["send", "bob", "hello"]).ok();
        assert_eq!(bob.hears(1)[0]["text"], "hello");
    })
    .await;
}

/// What was seen first gives way to no link, and a false one can be refused, as it was shown and not otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn a_false_link_for_somebody_who_is_known_is_refused() {
    Two::play(|alice, bob| {
        alice.does(&["send", "bob", "Hi"]).ok();
        bob.hears(1);
        let false_link = link_of(alice).replace("user_id=alice", "user_id=bob");
        for lang in ["en", "ru"] {
            let kept = alice.does(&["contact", "add", &false_link, "--lang", lang]);
            assert_eq!((kept.code, is_russian(&kept.stderr)), (9, lang == "ru"), "{}", kept.stderr);
            assert!(kept.stderr.contains("--accept-change") && kept.stderr.contains("--refuse-change"));
        }
        assert_eq!(contacts_of(alice), [json!(["bob", "seen_first", true])]);
        let held = alice.does(&["send", "bob", "a secret"]);
        assert_eq!(held.code, 9, "{}", held.stderr);
        // Nothing was shown that could be refused.
        let unseen = alice.does(&["safety-number", "bob", "--refuse-change", "--json"]);
        assert_eq!((unseen.code, unseen.error()["code"].as_str()), (9, Some("another_safety_number")));
        let refused = alice.does(&["safety-number", "bob", "--refuse-change"]).ok();
        assert!(refused.stderr.contains("refused") && !refused.stdout.contains("ANOTHER KEY"), "{}", refused.stdout);
        assert_eq!(contacts_of(alice), [json!(["bob", "seen_first", false])]);
        alice.does(&["send", "bob", "hello"]).ok();
        assert_eq!(bob.hears(1)[0]["text"], "hello");
        let both = alice.does(&["safety-number", "bob", "--refuse-change", "--accept-change"]);
        assert_eq!(both.code, 2, "{}", both.stderr);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ones_devices_know_of_somebody_is_shown() {
    Two::play(|alice, bob| {
        alice.does(&["contact", "add", &link_of(bob)]).ok();
        let info = alice.does(&["contact", "info", "bob", "--json"]).ok().objects().remove(0);
        assert_eq!((&info["known"], info["devices"].as_array().map(Vec::len)), (&json!("by_link"), Some(1)));
        let own = &info["devices"][0];
        assert_eq!((&own["known"], &own["weight"]), (&json!("by_link"), &json!("counts")));
        assert_eq!(own.get("device_id"), None, "this one");
        for lang in ["en", "ru"] {
            let shown = alice.does(&["contact", "info", "bob", "--lang", lang]).ok().stdout;
            assert_eq!(is_russian(&shown), lang == "ru", "{shown}");
        }
        assert_eq!(alice.does(&["contact", "list"]).ok().stdout, alice.does(&["contacts"]).ok().stdout);
        let nobody = alice.does(&["contact", "info", "carol", "--json"]);
        assert_eq!((nobody.code, nobody.error()["code"].as_str()), (1, Some("unknown_contact")), "{}", nobody.stderr);
        for arguments in [&["contact", "confirm", "bob"][..], &["contact", "confirm", "bob", "--drop"]] {
            assert_eq!(alice.does(arguments).code, 2, "nothing waits");
        }
        let help = alice.does(&["contact", "confirm", "--help", "--lang", "ru"]).ok().stdout;
        assert!(is_russian(&help) && help.contains("--drop"), "{help}");
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
