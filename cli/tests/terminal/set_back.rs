//! A profile that is put back from an older copy.

use crate::people::{Person, Two, texts};
use crate::run::is_russian;

fn copy(person: &Person, from: &str, to: &str) {
    let (from, to) = (person.dir.join(from), person.dir.join(to));
    std::fs::create_dir(&to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Alice's profile is put back to how it was before she said something.
fn is_set_back(alice: &Person, bob: &Person) {
    alice.does(&["send", "bob", "before"]).ok();
    bob.hears(1);
    copy(alice, "a", "older");
    alice.does(&["send", "bob", "forgotten"]).ok();
    bob.hears(1);
    std::fs::remove_dir_all(alice.dir.join("a")).unwrap();
    std::fs::rename(alice.dir.join("older"), alice.dir.join("a")).unwrap();
}

/// `send` says so, once, and what it sends arrives; what was forgotten is marked in the history.
#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_was_put_back_is_told_and_sends_what_can_be_read() {
    for language in ["en", "ru"] {
        Two::play(move |alice, bob| {
            is_set_back(alice, bob);
            let sent = alice.does(&["send", "bob", "after", "--lang", language]).ok();
            assert_eq!(sent.stderr.lines().count(), 1, "{}", sent.stderr);
            assert_eq!(is_russian(&sent.stderr), language == "ru", "{}", sent.stderr);
            let whose = if language == "ru" { "сервер утверждает" } else { "the server says" };
            assert!(sent.stderr.contains(whose), "{}", sent.stderr);
            assert_eq!(texts(&bob.hears(1)), ["after"]);
            let again = alice.does(&["send", "bob", "again"]).ok();
            assert_eq!(again.stderr, "", "it is mended");
            assert_eq!(texts(&bob.hears(1)), ["again"]);
            let history = alice.does(&["history", "bob", "--json"]).ok().objects();
            assert!(history.iter().any(|line| line["type"] == "gap"), "{history:?}");
        })
        .await;
    }
}

/// It is said once a day, however often the server says it.
#[tokio::test(flavor = "multi_thread")]
async fn who_listens_is_told_that_the_profile_was_put_back_once() {
    Two::play(|alice, bob| {
        is_set_back(alice, bob);
        let listened = alice.does(&["listen", "--timeout", "5", "--json"]).ok();
        let notice: serde_json::Value = serde_json::from_str(listened.stderr.trim()).unwrap();
        assert_eq!(notice["notice"]["code"], "profile_set_back");
        is_set_back(alice, bob);
        let listened = alice.does(&["listen", "--timeout", "5", "--json"]).ok();
        assert_eq!(listened.stderr, "");
    })
    .await;
}
