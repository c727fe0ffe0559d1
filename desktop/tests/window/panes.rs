//! What stands in the place of a conversation: people, groups, settings.

use privmsg_client::Role;
use privmsg_desktop::lang::Lang;

use crate::place::{Place, signed_in, signed_in_high};
use crate::window::{open_as_kept, open_high};

/// Both see the same number, and what was compared shows as compared.
#[test]
fn a_contact_is_compared_and_verified() {
    let (place, mut window) = signed_in_high(Lang::English);
    window.clicks_into("new-chat");
    window.enters("bob");
    window.says("Hello");
    place.now(place.bob.hears(&place.alice.user_id, "Hello"));
    place.now(place.bob.says(&place.alice.user_id, "Hello, Alice"));
    window.clicks("about-chat");
    window.shows("safety-number");
    let theirs = place.now(place.bob.client().contact(&place.alice.user_id)).safety_number.to_string();
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    assert!(window.texts().iter().any(|text| digits(text) == digits(&theirs)), "{:?}", window.texts());
    window.shows_text(&Lang::English.with("is-seen-first", &[]));
    window.clicks("mark-verified");
    window.shows_text(&Lang::English.with("is-verified", &[("user", "bob".into())]));
    window.clicks("back");
    window.shows_text("Hello, Alice");

    // From then on another key is accepted by the user, or nothing goes there.
    let mut bob = place.now(place.bob.starts_anew(&place.server));
    place.now(bob.goes_online());
    place.now(bob.says(&place.alice.user_id, "It is me"));
    window.shows("waits-identity-to-accept");
    window.clicks("about-chat");
    window.shows("number-verified-before");
    let theirs = place.now(bob.client().contact(&place.alice.user_id)).safety_number.to_string();
    assert!(window.texts().iter().any(|text| digits(text) == digits(&theirs)), "{:?}", window.texts());
    window.clicks("accept-change");
    window.hides_text(&Lang::English.text("number-verified-before"));
    window.clicks("back");
    window.says("Welcome back");
    place.now(bob.hears(&place.alice.user_id, "Welcome back"));
}

/// A group from its beginning to the end of one's part in it.
#[test]
fn a_group_is_made_changed_and_left() {
    let (place, mut window) = signed_in_high(Lang::English);
    let carol = place.now(place.server.person("carol"));
    window.clicks("new-group");
    window.clicks_into("group-title");
    window.types("Choir");
    window.clicks_into("group-people");
    window.enters("bob, not:a:name");
    window.shows_text(&Lang::English.with("slip-user-of", &[("user", "not:a:name".into())]));
    window.presses_backspace(", not:a:name".len());
    window.presses_enter();
    window.shows_text(&Lang::English.with("title-given-by-you", &[("title", "Choir".into())]));
    window.says("Welcome");
    let room = place.bob_joins_a_group();
    place.bob_hears_in(&room, "Welcome");

    window.clicks("about-chat");
    window.clicks_into("add-people");
    window.enters("carol");
    window.shows_text("carol");
    window.clicks("make-admin");
    window.clicks("yes");
    window.shows("role-admin");
    window.until_now(|| place.people_by_bob(&room).contains(&("bob".to_owned(), Role::Admin)));
    window.clicks_into("new-title");
    window.enters("Chorus");
    window.shows_text("Chorus");
    window.clicks_text(&Lang::English.with("leave-to", &[("user", "bob".into())]));
    window.clicks("yes");
    window.clicks("back");
    window.shows("gone-left");
    window.until_now(|| place.people_by_bob(&room).contains(&("bob".to_owned(), Role::Owner)));
    drop(carol);
}

/// The language changes at once, and what was chosen holds after a restart.
#[test]
fn the_window_is_as_it_was_set() {
    let (place, mut window) = signed_in(Lang::English);
    let profile = place.profile();
    window.clicks("settings");
    window.shows("language");
    window.clicks_text("Русский");
    window.speaks(Lang::Russian);
    window.shows("language");
    window.clicks("shade-dark");
    window.until_dark();
    window.closes();
    let mut window = open_as_kept(&profile);
    window.speaks(Lang::Russian);
    window.shows("no-chats");
    window.until_dark();
}

/// A further device is let in by its code, seen among one's own, and signed out.
#[test]
fn a_device_is_let_in_and_goes() {
    let (place, mut window) = signed_in_high(Lang::English);
    window.clicks("settings");
    window.shows("this-device");
    window.clicks_into("link-code");
    window.enters("privmsg://join?user_id=alice");
    window.shows("slip-code");
    window.presses_backspace("privmsg://join?user_id=alice".len());
    let mut new = place.begins_a_device();
    let code = place.now(new.pending().unwrap().code()).link();
    window.enters(code.expose());
    window.clicks("let-in");
    place.now(async { anyhow::Ok(new.pending()?.wait_until_linked().await?) });
    window.shows("sign-out-device");
    window.clicks("sign-out-device");
    window.clicks("nobody-has-it");
    window.hides_text(&Lang::English.text("sign-out-device"));
}

/// A device that somebody else may have is called back by the words, and by no other ones.
#[test]
fn a_stolen_device_is_called_back() {
    let place = Place::new();
    let mut window = open_high(&place.profile(), Lang::English);
    let words = place.signs_in(&mut window, Lang::English);
    place.now(place.bob.says(&place.alice.user_id, "Hello"));
    window.clicks_text("bob");
    window.clicks("accept");
    window.clicks("settings");
    window.shows("this-device");
    let mut new = place.begins_a_device();
    let code = place.now(new.pending().unwrap().code()).link();
    window.clicks_into("link-code");
    window.enters(code.expose());
    window.clicks("let-in");
    let stolen = place.comes_online(new);
    // As soon as it takes part.
    window.until_now(|| {
        place.now(place.bob.says(&place.alice.user_id, "For all devices"));
        place.now(stolen.texts(&place.bob)).contains(&"For all devices".to_owned())
    });
    window.clicks("sign-out-device");
    window.clicks("somebody-has-it");
    window.clicks_into("stolen-words");
    window.enters(&["abandon"; 12].join(" "));
    window.shows("recovery-mistyped");
    window.shows("sign-out-device");
    window.clicks("sign-out-device");
    window.clicks("somebody-has-it");
    window.clicks_into("stolen-words");
    window.enters(&words.join(" "));
    window.shows("called-back");
    window.hides_text(&Lang::English.text("sign-out-device"));
    window.clicks("back");
    window.says("Not for the thief");
    place.now(place.bob.hears(&place.alice.user_id, "Not for the thief"));
    assert!(!place.now(stolen.texts(&place.bob)).contains(&"Not for the thief".to_owned()));
}
