//! What stands in the window when somebody talks.

use std::time::{Duration, Instant};

use privmsg_client::{Client, Profile};
use privmsg_desktop::lang::Lang;

use crate::place::signed_in;
use crate::window::open;

/// Who writes first only asks; what is answered is a chat.
#[test]
fn somebody_asks_and_is_accepted() {
    let (place, mut window) = signed_in(Lang::English);
    place.now(place.bob.says(&place.alice.user_id, "May I?"));
    window.shows_text("May I?");
    window.clicks_text("bob");
    window.shows_text("1 new message");
    let asks = Lang::English.with("request-direct", &[("user", "bob".into())]);
    window.shows_text(&asks);
    window.clicks("accept");
    window.hides_text(&asks);
    window.says("You may.");
    place.now(place.bob.hears(&place.alice.user_id, "You may."));
    window.shows_text_with("state-delivered");
}

/// A chat opens where it is new, and what is out of sight has not been read. The end is a click away, and the beginning there.
#[test]
fn a_long_history_is_read_from_what_is_new() {
    const MESSAGES: usize = 150;
    let (place, mut window) = signed_in(Lang::Russian);
    for number in 1..=MESSAGES {
        place.now(place.bob.says(&place.alice.user_id, &format!("message {number}")));
    }
    window.shows_text(&MESSAGES.to_string());
    window.clicks_text("bob");
    window.shows_text("message 1");
    window.shows_text(&Lang::Russian.with("new-messages", &[("count", MESSAGES.into())]));
    window.hides_text(&MESSAGES.to_string());
    let left = window.texts().iter().find_map(|text| text.parse::<usize>().ok()).unwrap();
    assert!((100..MESSAGES).contains(&left), "{left} are left to be read");
    window.clicks("to-the-end");
    window.shows_text("message 149");
    window.hides_text("message 1");
    window.hides_text(&left.to_string());
    window.scrolls_back_to("message 1");
    // What comes meanwhile moves nothing.
    place.now(place.bob.says(&place.alice.user_id, "one more"));
    window.shows_text("one more");
    window.shows_text("message 1");
}

/// What others write draws nothing outside its place, and stops nothing.
#[test]
fn hostile_text_is_only_text() {
    let (place, mut window) = signed_in(Lang::English);
    let long_word = "x".repeat(10_000);
    let marks = format!("a{}", "\u{301}".repeat(5_000));
    for text in [long_word.as_str(), marks.as_str(), "\u{202e}evil\u{1b}[2J\u{0}", "שלום 👩‍👩‍👧‍👦 नमस्ते"]
    {
        place.now(place.bob.says(&place.alice.user_id, text));
    }
    place.now(place.bob.says(&place.alice.user_id, "and on"));
    window.clicks_text("bob");
    window.shows_text("and on");
    let shown = window.texts().concat();
    assert!(!shown.contains(['\u{202e}', '\u{1b}', '\u{0}']), "something is shown that draws elsewhere");
    window.says("still here");
    place.now(place.bob.hears(&place.alice.user_id, "still here"));
    window.is_drawn(&place.folder.path().join("drawn.png"));
}

/// Letters of scripts for which no font is there are looked for in every one: not so many of them that the window stands still.
#[test]
fn letters_without_a_font_stop_nothing() {
    // Unoptimised, and drawn anew for each look of the test.
    const LONGEST: Duration = Duration::from_secs(20);
    let (place, mut window) = signed_in(Lang::English);
    for block in 0..30 {
        let letters = (0..1_000).map(|at| char::from_u32(0x1_3000 + (block * 31 + at) % 1_000).unwrap());
        let text: String = letters.flat_map(|letter| [letter, ' ']).collect();
        place.now(place.bob.says(&place.alice.user_id, &text));
    }
    place.now(place.bob.says(&place.alice.user_id, "and on"));
    window.shows_text("and on");
    let begun = Instant::now();
    window.clicks_text("bob");
    window.clicks("to-the-end");
    window.clicks_into("writing");
    let first = begun.elapsed();
    assert!(first < 2 * LONGEST, "{first:?} for the first look");
    let begun = Instant::now();
    window.enters("still here");
    assert!(begun.elapsed() < LONGEST, "{:?} for ten keys, {first:?} for the first look", begun.elapsed());
}

/// What was begun in one chat is still there after a look at another one.
#[test]
fn a_draft_waits_in_its_chat() {
    let (place, mut window) = signed_in(Lang::English);
    place.now(place.bob.says(&place.alice.user_id, "How was it?"));
    window.clicks_text("bob");
    window.shows_text("How was it?");
    window.clicks_into("writing");
    window.types("It was");
    window.clicks_into("new-chat");
    window.enters("alice");
    window.shows("nothing-said");
    window.clicks_text("bob");
    window.shows_text("How was it?");
    window.clicks_into("writing");
    // It comes a moment later than the chat.
    window.presses_enter_until(|| {
        place.now(place.bob.texts(&place.alice.user_id)).last().is_some_and(|it| it == "It was")
    });
}

/// What was begun is there after a restart, whatever ended the program.
#[test]
fn a_draft_outlives_the_window() {
    let (place, mut window) = signed_in(Lang::English);
    let profile = place.profile();
    place.now(place.bob.says(&place.alice.user_id, "How was it?"));
    window.clicks_text("bob");
    window.shows_text("How was it?");
    window.clicks_into("writing");
    window.types("It was");
    let draft = Lang::English.with("draft", &[("text", "It was".into())]);
    window.until_now(|| place.draft_for_bob().is_some());
    drop(window);
    let mut window = open(&profile, Lang::English);
    window.shows_text(&draft);
    window.clicks_text("bob");
    window.shows_text("How was it?");
    window.hides_text(&draft);
    window.clicks_into("writing");
    window.presses_enter_until(|| {
        place.now(place.bob.texts(&place.alice.user_id)).last().is_some_and(|it| it == "It was")
    });
    window.clicks_into("new-chat");
    window.enters("alice");
    window.hides_text(&draft);
}

/// Who adds somebody by their link, writes to the key in it, and says whether it was compared.
#[test]
fn somebody_is_added_by_their_link() {
    let (place, mut window) = signed_in(Lang::English);
    let link = place.now(place.bob.client().contact_link()).to_string();
    window.clicks_into("new-chat");
    window.enters(&link[..link.len() - 4]);
    window.shows("slip-contact-link");
    window.presses_backspace(link.len());
    window.enters(&link);
    window.shows_text(&Lang::English.with("add-contact", &[("user", "bob".into())]));
    window.clicks("add-in-person");
    window.shows("nothing-said");
    window.says("We have met");
    place.now(place.bob.hears(&place.alice.user_id, "We have met"));
    window.clicks("about-chat");
    window.shows_text(&Lang::English.with("is-verified", &[("user", "bob".into())]));

    let own =
        place.now(async { anyhow::Ok(Client::open(&Profile::at(place.profile()), None).await?.contact_link().await?) });
    window.clicks("back");
    window.clicks_into("new-chat");
    window.enters(&own.to_string());
    window.clicks("add-anywhere");
    window.shows("failure-own-link");
}

/// Where a link leads is said before anybody goes there.
#[test]
fn a_link_says_where_it_leads() {
    let (place, mut window) = signed_in(Lang::English);
    place.now(place.bob.says(&place.alice.user_id, "Look: https://bank.example@evil.example/login."));
    window.clicks_text("bob");
    window.clicks("accept");
    window.clicks_text("evil.example/login");
    window.shows_text(&Lang::English.with("leads-to", &[("host", "evil.example".into())]));
    window.shows_text("https://bank.example@evil.example/login");
    window.clicks("cancel");
    window.hides_text("https://bank.example@evil.example/login");
}

/// The half-written line of a chat is not what Enter in another field sends.
#[test]
fn enter_elsewhere_sends_nothing() {
    let (place, mut window) = signed_in(Lang::English);
    place.now(place.bob.says(&place.alice.user_id, "Well?"));
    window.clicks_text("bob");
    window.shows_text("Well?");
    window.clicks_into("writing");
    window.types("half a line");
    window.clicks_into("new-chat");
    window.enters("no such id!");
    window.shows("slip-user");
    place.now(place.bob.says(&place.alice.user_id, "Are you there?"));
    window.shows_text("Are you there?");
    window.clicks("send");
    place.now(place.bob.hears(&place.alice.user_id, "half a line"));
    assert_eq!(place.now(place.bob.texts(&place.alice.user_id)), ["Well?", "Are you there?", "half a line"]);
}

/// A message is answered, changed and taken back, and everybody sees that it was.
#[test]
fn what_was_said_is_answered_changed_and_taken_back() {
    let (place, mut window) = signed_in(Lang::English);
    place.now(place.bob.says(&place.alice.user_id, "At six?"));
    window.shows_text("At six?");
    window.clicks_text("bob");
    window.shows_text(&Lang::English.with("new-messages", &[("count", 1.into())]));
    window.clicks_in_chat("At six?");
    window.clicks("answer");
    window.shows_text(&format!("{}: At six?", Lang::English.with("answer-to", &[("user", "bob".into())])));
    window.enters("At five");
    let heard = place.now(place.bob.hears(&place.alice.user_id, "At five"));
    assert!(heard.reply_to.is_some(), "it answers nothing");
    window.clicks_in_chat("At five");
    window.clicks("edit");
    window.shows("editing");
    window.presses_backspace("five".len());
    window.enters("seven");
    place.now(place.bob.hears(&place.alice.user_id, "At seven"));
    window.shows_text_with("edited");
    window.clicks_in_chat("At six?");
    window.clicks_text("👍");
    window.hides_text("Reply");
    window.shows_text("👍");
    window.clicks_in_chat("At seven");
    window.clicks("take-back");
    window.shows("sure-delete");
    window.clicks("take-back");
    window.shows("deleted-message");
    window.until_now(|| place.now(place.bob.texts(&place.alice.user_id)) == ["At six?", ""]);
}

/// What one has said is said to another one, or kept in one's notes.
#[test]
fn what_was_said_is_forwarded() {
    let (place, mut window) = signed_in(Lang::English);
    let carol = place.now(place.server.person("carol"));
    place.now(place.bob.says(&place.alice.user_id, "Tell Carol"));
    window.clicks_text("bob");
    window.clicks("accept");
    window.clicks_into("new-chat");
    window.enters("carol");
    window.says("Hello");
    place.now(carol.hears(&place.alice.user_id, "Hello"));
    window.clicks_text("bob");
    window.clicks_in_chat("Tell Carol");
    window.clicks("forward");
    window.presses_enter();
    window.types("no such chat");
    window.shows("no-such-chat");
    window.presses_backspace("no such chat".len());
    window.types("CAR");
    window.presses_enter();
    place.now(carol.hears(&place.alice.user_id, "Tell Carol"));
    window.shows_beginning(&Lang::English.with("said-by-you", &[("text", "Tell Carol".into())]));
    window.clicks_text("bob");
    window.clicks_in_chat("Tell Carol");
    window.clicks("forward");
    window.clicks("notes");
    window.until_now(|| place.notes() == ["Tell Carol"]);
}

/// What cannot be sent comes back to where it was written, with the reason.
#[test]
fn what_cannot_be_sent_is_not_lost() {
    let (place, mut window) = signed_in(Lang::English);
    window.clicks_into("new-chat");
    window.enters("nobody.there");
    window.shows("nothing-said");
    window.says("Is this right?");
    window.shows_text(&Lang::English.with("failure-no-such-user", &[("user", "nobody.there".into())]));
    // It stands where it was, and goes as soon as it can.
    let somebody = place.now(place.server.person("nobody.there"));
    window.presses_enter();
    place.now(somebody.hears(&place.alice.user_id, "Is this right?"));
}
