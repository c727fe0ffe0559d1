//! Looking for messages.

use privmsg_desktop::lang::Lang;

use crate::place::signed_in;

/// What was said long ago is found by the beginning of a word, shown where it stands, and not found any more once it is gone.
#[test]
fn a_message_is_found_and_shown_where_it_stands() {
    let (place, mut window) = signed_in(Lang::Russian);
    let alice = &place.alice.user_id;
    window.clicks_into("new-chat");
    window.enters("bob");
    window.says("Привет");
    place.now(place.bob.hears(alice, "Привет"));
    let lamp = place.now(place.bob.says(alice, "Где наша Ёлочная гирлянда?"));
    for number in 1..=150 {
        place.now(place.bob.says(alice, &format!("сообщение {number}")));
    }
    window.shows_text("сообщение 150");
    window.clicks_into("finding");
    window.types("елоч ГИРЛ");
    window.shows_text("Ёлочная");
    window.hides_text("Где наша Ёлочная гирлянда?");
    window.clicks_text("Ёлочная");
    window.shows_text("Где наша Ёлочная гирлянда?");
    window.hides_text("сообщение 150");

    // A chat is found by its name, and what nobody has said is not.
    window.clicks_into("finding");
    window.presses_backspace("елоч ГИРЛ".chars().count());
    window.hides_text("Ёлочная");
    window.types("BO");
    window.shows_text("bob");
    window.shows("found-nothing");
    window.presses_backspace(2);
    place.now(place.bob.client().delete(lamp.message_id));
    window.hides_text("Где наша Ёлочная гирлянда?");
    window.clicks_into("finding");
    window.types("гирлянда");
    window.shows("found-nothing");
}
