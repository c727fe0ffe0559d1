//! Writing to people who cannot be reached: each is told in words of its own, and not waited for longer than it helps.

use std::time::{Duration, Instant};

use crate::people::{Person, Two, aside};
use crate::run::is_russian;

/// The code of the error, and the time that it took. Its sentence is in the language that is asked for.
fn says(person: &Person, to: &str) -> (i32, String, Duration) {
    let start = Instant::now();
    let english = person.does(&["send", to, "Hi", "--json"]);
    let took = start.elapsed();
    let russian = person.does(&["send", to, "Hi", "--json", "--lang", "ru"]);
    let (error, translated) = (english.error(), russian.error());
    assert_eq!(error["code"], translated["code"]);
    assert!(!is_russian(error["message"].as_str().unwrap()) && is_russian(translated["message"].as_str().unwrap()));
    (english.code, error["code"].as_str().unwrap().to_owned(), took)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_of_not_being_reached_has_a_code_and_a_sentence() {
    let two = Two::signed_in().await;
    let admin = two.server.admin();
    admin.creates("never").await.unwrap();
    let other = admin.creates("other").await.unwrap();
    other.signs_in_with_something_else(two.server.address()).await.unwrap();
    let alice = two.alice.clone();
    aside(move || {
        let (code, name, _) = says(&alice, "nobody");
        assert_eq!((code, name.as_str()), (6, "unknown_recipient"));
        for (who, why) in [("never", "recipient_has_no_devices"), ("other", "no_key_packages")] {
            let (code, name, took) = says(&alice, who);
            assert_eq!((code, name.as_str()), (5, why));
            assert!(took < Duration::from_secs(30), "nobody wants to wait for that: {took:?}");
        }
    })
    .await;

    let (alice, bob) = (two.alice.clone(), two.bob.clone());
    aside(move || {
        alice.does(&["send", "bob", "Hi"]).ok();
        bob.hears(1);
        bob.does(&["logout"]).ok();
        let (code, name, _) = says(&alice, "bob");
        assert_eq!((code, name.as_str()), (5, "recipient_has_no_devices"), "signed out is like not signed in yet");
    })
    .await;
    admin.revokes(&"bob".parse().unwrap()).await.unwrap();
    let alice = two.alice.clone();
    aside(move || {
        let (code, name, _) = says(&alice, "bob");
        assert_eq!((code, name.as_str()), (6, "recipient_gone"));
    })
    .await;
}

/// A contact of that name is somebody else now: nothing is sent before the user has accepted that.
#[tokio::test(flavor = "multi_thread")]
async fn a_verified_contact_who_was_made_anew_has_to_be_accepted() {
    let two = Two::signed_in().await;
    let (alice, bob) = (two.alice.clone(), two.bob.clone());
    aside(move || {
        alice.does(&["send", "bob", "Hi"]).ok();
        bob.hears(1);
        alice.does(&["safety-number", "bob"]).ok();
        alice.does(&["safety-number", "bob", "--mark-verified"]).ok();
    })
    .await;
    let admin = two.server.admin();
    admin.revokes(&"bob".parse().unwrap()).await.unwrap();
    let account = admin.creates("bob").await.unwrap();
    let (alice, url) = (two.alice.clone(), two.server.url());
    let bob = Person { profile: "b2", ..two.bob.clone() };
    aside(move || {
        bob.signs_in(&url, &account, &[]);
        let (code, name, _) = says(&alice, "bob");
        assert_eq!((code, name.as_str()), (9, "identity_changed"));
        assert!(alice.does(&["send", "bob", "Ho"]).stderr.contains("This message was not kept"));
        // What is there to be accepted is shown first, and is not what was verified.
        for confirmation in ["--mark-verified", "--accept-change"] {
            assert_eq!(alice.does(&["safety-number", "bob", confirmation]).code, 9, "{confirmation}");
        }
        alice.does(&["safety-number", "bob", "--accept-change"]).ok();
        alice.does(&["listen", "--timeout", "5"]).ok();
        assert_eq!(bob.hears(1)[0]["text"], "Hi");
    })
    .await;
}
