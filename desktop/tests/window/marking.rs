//! Chats that stand above the others, are quiet, or out of sight.

use privmsg_desktop::app::Message;
use privmsg_desktop::lang::Lang;
use privmsg_testkit::Person;

use crate::place::{Place, signed_in};

impl Place {
    /// Somebody else, who has something to say.
    fn says_too(&self, name: &str, text: &str) -> Person {
        let person = self.now(self.server.person(name));
        self.now(person.says(&self.alice.user_id, text));
        person
    }
}

/// Which of two chats stands above, by what was said there last.
fn order(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).filter(|text| ["One", "Two"].contains(text)).collect()
}

#[test]
fn what_is_pinned_stands_above_and_what_is_archived_comes_back() {
    let (place, mut window) = signed_in(Lang::English);
    place.now(place.bob.says(&place.alice.user_id, "One"));
    window.shows_text("One");
    let carol = place.says_too("carol", "Two");
    window.shows_text("Two");
    window.until("the newest above", |window| order(&window.texts()) == ["Two", "One"]);

    window.clicks_text("bob");
    window.clicks("accept");
    window.clicks("about-chat");
    window.clicks("pin-chat");
    window.shows("unpin-chat");
    window.until("the pinned one above", |window| order(&window.texts()) == ["One", "Two"]);

    window.clicks("to-archive");
    window.shows_text(&Lang::English.with("archive", &[("count", 1.into())]));
    window.hides_text("One");
    window.clicks_text(&Lang::English.with("archive", &[("count", 1.into())]));
    window.shows_text("One");
    window.hides_text("Two");
    window.clicks("out-of-archive");
    window.shows_text("Two");
    place.now(place.bob.says(&place.alice.user_id, "Three"));
    window.shows_text("Three");
    drop(carol);
}

#[test]
fn what_is_muted_tells_nothing() {
    let (place, mut window) = signed_in(Lang::Russian);
    place.now(place.bob.says(&place.alice.user_id, "Раз"));
    window.clicks_text("bob");
    window.clicks("accept");
    window.clicks("about-chat");
    window.clicks("mute");
    window.shows("unmute");
    window.hears(Message::Focus(false));
    place.now(place.bob.says(&place.alice.user_id, "Два"));
    window.shows_text("Два");
    window.tells_nothing();
    window.clicks("unmute");
    window.shows("mute");
    place.now(place.bob.says(&place.alice.user_id, "Три"));
    assert_eq!(window.tells().text, "Три");
}
