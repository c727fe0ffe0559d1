//! `privmsg chat` on a terminal, and without one.

use std::io::Write as _;

use crate::people::{Two, aside, texts};
use crate::pty::Pty;
use crate::run::Run;

#[tokio::test(flavor = "multi_thread")]
async fn lines_go_and_come_and_what_is_typed_is_not_torn() {
    Two::play(|alice, bob| {
        let mut hers = Pty::of(alice, "chat bob", &[]);
        hers.shows("> ");
        hers.types("Hello, Bub\x7f\x7fob\r");
        hers.shows("alice");
        let mut his = Pty::of(bob, "chat alice", &[]);
        his.shows("Hello, Bob");
        his.shows("> ");
        // Who is writing is told only among people who have both written.
        his.types("Hi\r");
        hers.shows("Hi");
        // Half a line of hers stands there while his comes.
        hers.types("I am wri");
        hers.shows("> I am wri");
        his.types("Are you there?\r");
        hers.shows("Are you there?");
        hers.shows("> I am wri");
        his.shows("(alice is writing) > ");
        hers.types("ting\r");
        his.shows("I am writing");
        hers.types("\x04");
        his.types("\x04");
        assert_eq!((hers.ends().0, his.ends().0), (0, 0));
        let history = bob.does(&["history", "alice", "--json"]).ok().objects();
        assert_eq!(texts(&history), ["Hello, Bob", "Hi", "Are you there?", "I am writing"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pasted_is_one_message() {
    Two::play(|alice, bob| {
        let mut hers = Pty::of(alice, "chat bob", &[]);
        hers.shows("\x1b[?2004h");
        hers.types("see: \x1b[200~one\rtwo\rthree\x1b[201~");
        hers.shows("one⏎two⏎three");
        hers.types("\rand this\r\x04");
        assert_eq!(hers.ends().0, 0);
        assert_eq!(texts(&bob.hears(2)), ["see: one\ntwo\nthree", "and this"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_about_a_message_shows() {
    Two::play(|alice, bob| {
        let mut hers = Pty::of(alice, "chat bob", &[]);
        hers.shows("> ");
        hers.types("Hello\r");
        hers.shows("alice");
        let hello = bob.hears(1).remove(0)["message_id"].as_str().unwrap().to_owned();
        bob.does(&["react", &hello, "👍"]).ok();
        hers.shows("bob reacted with 👍 to: Hello");
        bob.does(&["react", &hello, "👍", "--remove"]).ok();
        hers.shows("bob took back 👍 from: Hello");
        let sent = bob.does(&["send", "alice", "Hi Alise", "--json"]).ok().objects().remove(0);
        hers.shows("Hi Alise");
        let id = sent["message_id"].as_str().unwrap();
        bob.does(&["edit", id, "Hi Alice"]).ok();
        hers.shows("Hi Alice");
        hers.shows("edited");
        bob.does(&["delete", id]).ok();
        hers.shows("bob deleted: Hi Alice");
        // What is removed from this device only is no news.
        alice.does(&["delete", &hello, "--for-me"]).ok();
        hers.types("bye\r");
        let before = hers.shows("bye");
        assert_eq!(before.matches("alice").count(), 1, "who says it, and nothing else: {before:?}");
        hers.types("\x04");
        assert_eq!(hers.ends().0, 0);
    })
    .await;
}

/// Ctrl-C ends it at once and well, and leaves the terminal as it was; what is queued stays queued.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_ends_it_and_the_terminal_is_as_before() {
    Two::play(|alice, _bob| {
        let mut hers = Pty::of(alice, "chat bob; stty -a", &[]);
        hers.shows("> ");
        hers.types("half a li");
        hers.shows("half a li");
        hers.types("\x03");
        hers.shows("\x1b[?2004l");
        hers.shows(" icanon");
        hers.shows(" echo ");
        assert_eq!(hers.ends().0, 0);
        let history = alice.does(&["history", "bob", "--json"]);
        assert_eq!((history.code, history.objects().len()), (2, 0), "half a line is not sent, and there is no chat");
    })
    .await;
}

/// After a stop the terminal is as the shell wants it: the conversation takes it again, with what was typed.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_stop_it_goes_on_where_it_was() {
    Two::play(|alice, bob| {
        let mut hers = Pty::of(alice, "chat bob", &[]);
        hers.shows("> ");
        hers.types("half a li");
        hers.shows("half a li");
        hers.program_gets("CONT");
        hers.shows("\x1b[?2004h");
        hers.shows("> half a li");
        hers.types("ne\r");
        assert_eq!(texts(&bob.hears(1)), ["half a line"]);
        hers.types("\x04");
        assert_eq!(hers.ends().0, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_foreign_text_draws_is_harmless() {
    Two::play(|alice, bob| {
        alice.does(&["send", "bob", "\x1b]0;owned\x07\x1b[2Jhostile"]).ok();
        let mut his = Pty::of(bob, "chat alice", &[("NO_COLOR", "1")]);
        let before = his.shows("hostile");
        assert!(!before.contains("\x1b]0;") && !before.contains("\x1b[2J"), "{before:?}");
        assert!(!before.contains("\x1b[1m"), "no colours if none are wanted: {before:?}");
        his.shows("> ");
        his.types("\x04");
        assert_eq!(his.ends().0, 0);
    })
    .await;
}

/// Through pipes there are neither colours nor a prompt, each line is a message, and the end waits until all are sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_can_talk_too() {
    Two::play(|alice, bob| {
        bob.does(&["send", "alice", "before"]).ok();
        alice.hears(1);
        let mut piped = alice.starts_with_input(&["chat", "bob"]);
        piped.stdin.take().unwrap().write_all("one\r\n\ntwo\n".as_bytes()).unwrap();
        let ended = Run::of(piped.wait_with_output().unwrap()).ok();
        assert!(ended.stdout.contains("bob (request): before"), "{}", ended.stdout);
        assert!(!ended.stdout.contains('\x1b') && !ended.stdout.contains("> "), "{:?}", ended.stdout);
        assert_eq!(texts(&bob.hears(2)), ["one", "two"]);
    })
    .await;
}

/// Who cannot be written to, and what has not gone out: all of it is said, and at the end, too.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_sent_is_said() {
    let two = Two::signed_in().await;
    two.server.admin().creates("never").await.unwrap();
    let alice = two.alice.clone();
    aside(move || {
        let mut hers = Pty::of(&alice, "chat never", &[("NO_COLOR", "1")]);
        hers.shows("> ");
        hers.types("are you there?\r");
        hers.shows("waiting: never is not signed in");
        hers.types("\x03");
        hers.shows("stays queued");
        assert_eq!(hers.ends().0, 0);

        let mut hers = Pty::of(&alice, "chat never", &[("NO_COLOR", "1")]);
        hers.shows("(queued): are you there?");
        hers.types("hello?\r");
        hers.shows("queued, not sent yet: hello?");
        hers.types("\x04");
        hers.shows("waiting for the server");
        hers.types("\x03");
        hers.shows("It stays queued");
        assert_eq!(hers.ends().0, 130);

        let mut piped = alice.starts_with_input(&["chat", "never"]);
        piped.stdin.take().unwrap().write_all(b"and now?\n").unwrap();
        let ended = Run::of(piped.wait_with_output().unwrap());
        assert_eq!(ended.code, 5, "{}", ended.stderr);
        assert!(ended.stderr.contains("waiting: never is not signed in"), "{}", ended.stderr);

        assert_eq!(alice.does(&["send", "nobody", "hi"]).code, 6);
        let mut hers = Pty::of(&alice, "chat nobody", &[("NO_COLOR", "1")]);
        hers.types("hi\r");
        hers.shows("error: there is no user 'nobody' on this server");
        hers.shows("> ");
        hers.types("\x04");
        assert_eq!(hers.ends().0, 6, "as 'send'");

        let pipes = |to: &str, lines: &[u8]| {
            let mut piped = alice.starts_with_input(&["chat", to]);
            piped.stdin.take().unwrap().write_all(lines).unwrap();
            Run::of(piped.wait_with_output().unwrap())
        };
        let ended = pipes("nobody", b"one\ntwo\n");
        assert_eq!((ended.code, ended.stderr.matches("error: ").count()), (6, 2), "{}", ended.stderr);
        alice.does(&["block", "bob"]).ok();
        let ended = pipes("bob", b"hi\n");
        assert_eq!(
            (ended.code, ended.stderr.matches("error: you have blocked bob").count()),
            (1, 1),
            "{}",
            ended.stderr
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_shows_to_what_and_what_is_deleted_gets_no_reaction() {
    Two::play(|alice, bob| {
        let sent = alice.does(&["send", "bob", "first \x1b[2Jline\nsecond", "--json"]).ok().objects().remove(0);
        let id = sent["message_id"].as_str().unwrap();
        bob.hears(1);
        bob.does(&["send", "alice", "an answer", "--reply-to", id]).ok();
        let live = alice.does(&["listen", "--count", "1", "--timeout", "20"]).ok().stdout;
        let past = alice.does(&["history", "bob"]).ok().stdout;
        for shown in [live, past] {
            assert!(shown.contains("in reply to alice: first ␛[2Jline\n"), "{shown:?}");
        }
        bob.does(&["react", id, "👍", "--timeout", "20"]).ok();
        alice.does(&["delete", id]).ok();
        let refused = alice.does(&["react", id, "👍", "--json"]);
        assert_eq!((refused.code, refused.error()["code"].as_str()), (1, Some("not_changeable")));
        bob.does(&["listen", "--timeout", "2"]).ok();
        let refused = bob.does(&["react", id, "👍", "--json"]);
        assert_eq!((refused.code, refused.error()["code"].as_str()), (1, Some("not_changeable")));
        assert!(bob.does(&["history", "alice"]).ok().stdout.contains("in reply to alice: [deleted]"));
    })
    .await;
}
