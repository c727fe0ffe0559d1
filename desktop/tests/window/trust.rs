//! What the window says of who is who, and of who is to be heard.

use privmsg_desktop::app::Message;
use privmsg_desktop::lang::Lang;

use crate::place::{signed_in, signed_in_high};
use crate::window::open;

/// Whoever is not to be heard is not, and nothing is written to them; until that is taken back.
#[test]
fn somebody_is_blocked_and_heard_again() {
    let (place, mut window) = signed_in(Lang::English);
    place.now(place.bob.says(&place.alice.user_id, "Buy this"));
    window.shows_text("Buy this");
    window.clicks_text("bob");
    window.clicks("block");
    window.shows_text(&Lang::English.with("blocked-them", &[("user", "bob".into())]));
    window.shows("blocked-nothing-goes");
    window.clicks("unblock");
    window.hides_text(&Lang::English.text("blocked-nothing-goes"));
    // As soon as the server knows it, too.
    window.shows_text_after("Sorry", || {
        place.now(place.bob.says(&place.alice.user_id, "Sorry"));
    });
}

/// A person may call a group like another person: it shows that it is one, and who has brought whom there.
#[test]
fn a_group_shows_what_it_is_before_it_is_let_in() {
    let (place, mut window) = signed_in(Lang::Russian);
    place.now(place.bob.client().create_group("carol", std::slice::from_ref(&place.alice.user_id)));
    window.clicks_text("carol");
    window.shows_text(&Lang::Russian.with("request-group", &[("user", "bob".into())]));
    assert!(window.texts().iter().any(|text| text.starts_with("Группа ")), "{:?}", window.texts());
    window.shows_text(&format!("{} · {}", Lang::Russian.text("is-group"), Lang::Russian.text("is-request")));
    window.clicks("accept");
    window.shows("is-group");
}

/// Who does not want to be in a group is in it no more.
#[test]
fn a_group_that_is_declined_is_left() {
    let (place, mut window) = signed_in(Lang::English);
    place.now(place.bob.client().create_group("Spam", std::slice::from_ref(&place.alice.user_id)));
    window.clicks_text("Spam");
    let room = place.bob_joins_a_group();
    window.until_now(|| place.people_by_bob(&room).len() == 2);
    window.clicks("decline");
    window.until_now(|| place.people_by_bob(&room).len() == 1);
    window.shows("gone-left");
}

/// What comes while nobody looks has not been read, and an alarm among it is shown until it was in sight.
#[test]
fn nothing_is_seen_while_nobody_looks() {
    let (place, mut window) = signed_in(Lang::English);
    window.clicks_into("new-chat");
    window.enters("bob");
    window.says("Hello");
    place.now(place.bob.hears(&place.alice.user_id, "Hello"));
    window.hears(Message::Focus(false));
    let mut bob = place.now(place.bob.starts_anew(&place.server));
    place.now(bob.goes_online());
    for number in 1..=40 {
        place.now(bob.says(&place.alice.user_id, &format!("message {number}")));
    }
    window.shows_text("40");
    let alarm = Lang::English.with("key-changed", &[("user", "bob".into())]);
    window.shows_text(&alarm);
    window.hears(Message::Focus(true));
    window.shows_text(&Lang::English.with("new-messages", &[("count", 40.into())]));
    window.shows_text("message 1");
    window.hides_text("message 39");
    window.hides_text("40");
    assert!(window.texts().iter().any(|text| text.parse::<u64>().is_ok_and(|left| left > 10)), "all of it is read");
}

/// Another key for a known name is said in the chat, and nothing goes there where the first one was verified.
#[test]
fn another_key_is_said() {
    let (place, mut window) = signed_in(Lang::English);
    window.clicks_into("new-chat");
    window.enters("bob");
    window.says("Hello");
    place.now(place.bob.hears(&place.alice.user_id, "Hello"));
    let mut bob = place.now(place.bob.starts_anew(&place.server));
    place.now(bob.goes_online());
    place.now(bob.says(&place.alice.user_id, "It is me, really"));
    window.shows_text(&Lang::English.with("key-changed", &[("user", "bob".into())]));
}

/// What a signed-out device has received stays readable, also after a restart; it says why, and leads back.
#[test]
fn a_device_that_is_signed_out_still_shows_what_it_has() {
    let (place, mut window) = signed_in(Lang::English);
    let profile = place.profile();
    place.now(place.bob.says(&place.alice.user_id, "Remember this"));
    window.shows_text("Remember this");
    place.server.deactivates("alice").unwrap();
    window.shows("signed-out-deactivated");
    window.closes();
    let mut window = open(&profile, Lang::English);
    window.shows("signed-out-deactivated");
    window.shows("not-connected");
    window.clicks_text("bob");
    window.shows("over");
    window.clicks("sign-in-again");
    window.shows("sign-in-title");
}

/// The mark of what is new stands where it is new, also where it stood somewhere before.
#[test]
fn what_comes_while_nobody_looks_is_new_again() {
    let (place, mut window) = signed_in(Lang::English);
    place.now(place.bob.says(&place.alice.user_id, "first"));
    window.shows_text("first");
    window.clicks_text("bob");
    let new = |count: u64| Lang::English.with("new-messages", &[("count", count.into())]);
    window.shows_text(&new(1));
    window.hides_text("1");
    window.hears(Message::Focus(false));
    for number in 1..=40 {
        place.now(place.bob.says(&place.alice.user_id, &format!("message {number}")));
    }
    // The list has heard of all of them, and so has the chat.
    window.shows_text("40");
    window.shows_text(&new(40));
    window.hears(Message::Focus(true));
    window.shows_text(&new(40));
    window.shows_text("message 1");
    window.hides_text("message 39");
    window.hides_text("40");
    assert!(window.texts().iter().any(|text| text.parse::<u64>().is_ok_and(|left| left > 10)), "all of it is read");
}

/// Whoever does not look is told who has written and what, or that somebody has, or nothing; of strangers, only that there are any.
#[test]
fn who_does_not_look_is_told() {
    let (place, mut window) = signed_in_high(Lang::English);
    let alice = &place.alice.user_id;
    window.hears(Message::Focus(false));
    place.now(place.bob.says(alice, "Buy this"));
    let told = window.tells();
    assert_eq!((told.title.as_str(), told.text), ("bob", Lang::English.text("is-request")));
    window.hears(Message::Focus(true));
    window.clicks_text("bob");
    window.clicks("accept");
    place.now(place.bob.says(alice, "While you look"));
    window.shows_text("While you look");
    window.tells_nothing();
    window.hears(Message::Focus(false));
    place.now(place.bob.says(alice, "<b>Lunch?</b>"));
    let told = window.tells();
    assert_eq!((told.title.as_str(), told.text.as_str()), ("bob", "<b>Lunch?</b>"));
    window.hears(Message::Focus(true));
    window.clicks("settings");
    window.switches("hides-content");
    window.hears(Message::Focus(false));
    place.now(place.bob.says(alice, "A secret"));
    let told = window.tells();
    assert_eq!((told.title.as_str(), told.text), ("PrivMsg", Lang::English.text("told-hidden")));
    window.hears(Message::Focus(true));
    window.switches("notifies");
    window.hears(Message::Focus(false));
    place.now(place.bob.says(alice, "Unheard"));
    window.shows_text("Unheard");
    window.tells_nothing();
}
