//! The recovery key on a terminal: shown, and asked back.

use privmsg_testkit::Server;

use crate::people::{Person, aside};
use crate::pty::Pty;

/// Types the three words that are asked for.
fn types_back(terminal: &mut Pty, words: &[String]) {
    for _ in 0..3 {
        terminal.shows("Word ");
        let number: usize = terminal.shows(" of your recovery key: ").parse().unwrap();
        terminal.types(&format!("{}\n", words[number - 1]));
    }
}

/// The words that stand on the screen.
fn words_on(terminal: &mut Pty) -> Vec<String> {
    terminal.shows("Your recovery key:");
    let shown = terminal.shows("Write these twelve words down");
    let words: Vec<_> = shown.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphabetic())).collect();
    let words: Vec<_> = words.into_iter().filter(|word| word.len() > 2).map(str::to_owned).collect();
    assert_eq!(words.len(), 12, "{shown:?}");
    words
}

fn secrets(access_key: &str) -> [(&'static str, &str); 3] {
    [("PRIVMSG_ACCESS_KEY", access_key), ("PRIVMSG_PASSPHRASE", "a passphrase"), ("NO_COLOR", "1")]
}

/// Until three of them are typed back they stay on the device, and are shown again.
#[tokio::test(flavor = "multi_thread")]
async fn the_recovery_key_is_kept_until_it_is_typed_back() {
    let server = Server::start().await.unwrap();
    let (account, url) = (server.admin().creates("alice").await.unwrap(), server.url());
    let folder = tempfile::tempdir().unwrap();
    let alice = Person::new(folder.path(), "alice", "a");
    aside(move || {
        let secrets = secrets(account.access_key.expose());
        let login = format!("login --server {url} --user-id alice");
        let mut first = Pty::of(&alice, &login, &secrets);
        let words = words_on(&mut first);
        first.shows("Word ");
        for _ in 0..3 {
            first.types("nonsense\n");
        }
        first.shows("stays on this device");
        assert_eq!(first.ends().0, 0);

        let mut again = Pty::of(&alice, "login", &secrets);
        assert_eq!(words_on(&mut again), words);
        types_back(&mut again, &words);
        again.shows("is noted");
        assert_eq!(again.ends().0, 0);

        let (code, said) = Pty::of(&alice, "login", &secrets).ends();
        assert!(code == 1 && !said.contains(&words[0]), "{said}");
    })
    .await;
}

/// Other words, by the present ones: shown, and asked back; the former ones let nobody in.
#[tokio::test(flavor = "multi_thread")]
async fn other_words_take_the_place_of_the_present_ones() {
    let server = Server::start().await.unwrap();
    let (account, url) = (server.admin().creates("alice").await.unwrap(), server.url());
    let folder = tempfile::tempdir().unwrap();
    let alice = Person::new(folder.path(), "alice", "a");
    aside(move || {
        let secrets = secrets(account.access_key.expose());
        let mut first = Pty::of(&alice, &format!("login --server {url} --user-id alice"), &secrets);
        let former = words_on(&mut first);
        types_back(&mut first, &former);
        first.shows("is noted");
        assert_eq!(first.ends().0, 0);

        let mut change = Pty::of(&alice, "recovery new-words", &secrets);
        change.shows("Recovery key");
        change.types(&format!("{}\n", former.join(" ")));
        let words = words_on(&mut change);
        assert_ne!(words, former);
        types_back(&mut change, &words);
        change.shows("is noted");
        assert_eq!(change.ends().0, 0);

        // The same words a second time, on the device that has replaced them.
        let words: &'static str = words.join(" ").leak();
        let former: &'static str = former.join(" ").leak();
        let by = |words| [secrets.to_vec(), vec![("PRIVMSG_RECOVERY_KEY", words)]].concat();
        let commands = ["recovery new-words", "access-key change --recover", "identity replacement --end"];
        for command in commands {
            let (code, said) = Pty::of(&alice, command, &by(former)).ends();
            assert!(code == 4 && said.contains("replaced by newer ones"), "{command}: {said}");
        }

        let recover = format!("login --recover --server {url} --user-id alice");
        let found = Person::new(folder.path(), "alice", "found");
        let (code, said) = Pty::of(&found, &recover, &by(former)).ends();
        assert!(
            code == 4 && said.contains("these are not the words of alice") && !said.contains("access key"),
            "{said}"
        );

        // With the access key they leave the other devices out, which is said before and after.
        let second = Person::new(folder.path(), "alice", "second");
        let mut login = Pty::of(&second, &format!("login --server {url} --user-id alice"), &secrets);
        login.shows("your other devices wait then");
        login.types(&format!("{former}\n"));
        login.shows("replaced by newer ones");
        login.shows("your other devices wait then");
        login.types(&format!("{words}\n"));
        login.shows("Other devices of yours");
        login.shows("waits to be let in");
        assert_eq!(login.ends().0, 0);

        let (code, said) = Pty::of(&found, &recover, &by(words)).ends();
        assert_eq!(code, 0, "{said}");
        let mut logout = Pty::of(&found, "logout", &secrets);
        logout.shows("last device");
        logout.types("n\n");
        let (code, said) = logout.ends();
        assert!(code == 1 && said.contains("stays signed in"), "{code}: {said}");
        let (code, said) = Pty::of(&found, "logout --yes", &secrets).ends();
        assert!(code == 0 && said.contains("the account's last device"), "{said}");
    })
    .await;
}
