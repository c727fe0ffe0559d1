//! Emoji, found by their words.

use privmsg_desktop::lang::Lang;

use crate::place::signed_in;

#[test]
fn an_emoji_is_found_and_written_or_answers() {
    let (place, mut window) = signed_in(Lang::Russian);
    place.now(place.bob.says(&place.alice.user_id, "Кто там?"));
    window.clicks_text("bob");
    window.clicks("accept");
    window.clicks_into("writing");
    window.types("Это ");
    window.clicks_text("😀");
    window.shows_text("😃");
    window.clicks_into("emoji-field");
    window.types("ёжик");
    window.shows_text("🦔");
    window.hides_text("😃");
    // Enter takes the first; the field has the keyboard again.
    window.presses_enter();
    window.presses_enter();
    place.now(place.bob.hears(&place.alice.user_id, "Это 🦔"));

    window.clicks_in_chat("Кто там?");
    window.clicks_text("+");
    window.shows_text("🦔");
    window.clicks_text("🦔");
    window.hides_text("+");
    window.until_now(|| {
        let heard = place.now(place.bob.client().history(&place.alices(), 10));
        let reactions = heard.iter().filter_map(|item| item.message()).flat_map(|message| &message.reactions);
        reactions.map(|reaction| reaction.emoji.as_str()).eq(["🦔"])
    });
}
