//! The way in, and the first words.

use privmsg_desktop::lang::Lang;

use crate::place::Place;
use crate::window::open;

/// The first conversation, in either language: a key from the administrator, the words, a chat.
#[test]
fn somebody_signs_in_keeps_the_words_and_is_answered() {
    for lang in Lang::ALL {
        let place = Place::new();
        let profile = place.profile();
        let mut window = open(&profile, lang);
        place.signs_in(&mut window, lang);

        window.shows("connected");
        window.shows("no-chats");
        window.clicks_into("new-chat");
        window.enters("bob");
        window.shows("nothing-said");
        window.says("Hello, Bob. Привет!");
        window.shows_text("Hello, Bob. Привет!");
        place.now(place.bob.hears(&place.alice.user_id, "Hello, Bob. Привет!"));
        place.now(place.bob.says(&place.alice.user_id, "Good to see you"));
        window.shows_text("Good to see you");

        // All of it is there after a restart, and nothing is asked again.
        window.closes();
        let mut window = open(&profile, lang);
        window.clicks_text("bob");
        window.shows_text("Hello, Bob. Привет!");
    }
}

/// What is wrong is said, and what was typed is still there.
#[test]
fn a_wrong_key_is_said_to_be_wrong() {
    let place = Place::new();
    let mut window = open(&place.profile(), Lang::English);
    place.enters_the_key(&mut window, "not-the-access-key");
    window.shows("refused-credentials");
    window.clicks_into("key");
    window.presses_backspace("not-the-access-key".len());
    place.enters_the_last(&mut window, place.alice.access_key.expose());
    window.shows("words-title");
}

/// A further device comes in by the words, and shows what is said from then on.
#[test]
fn a_further_device_comes_in_by_the_words() {
    let place = Place::new();
    let mut first = open(&place.folder.path().join("first"), Lang::English);
    let words = place.signs_in(&mut first, Lang::English);

    let mut second = open(&place.folder.path().join("second"), Lang::Russian);
    place.enters_the_key(&mut second, place.alice.access_key.expose());
    second.shows("waiting-title");
    second.clicks_into("words");
    second.enters("not these words at all");
    second.shows("recovery-mistyped");
    second.clicks_into("words");
    second.presses_backspace("not these words at all".len());
    second.enters(&words.join(" "));
    second.shows("connected");
    place.now(place.bob.says(&place.alice.user_id, "To all of your devices"));
    second.clicks_text("bob");
    second.shows_text("To all of your devices");
}
