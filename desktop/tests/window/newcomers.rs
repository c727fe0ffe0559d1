//! Somebody comes to a group while something that was written waits.

use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use privmsg_client::Recipient;
use privmsg_desktop::lang::Lang;
use privmsg_testkit::hostile::{Frame, HostileServer};

use crate::place::Place;
use crate::window::open;

/// A server holds up what Alice writes until Bob has brought somebody in: her edit is not made, which she is told, and her message goes
/// out once she says so, to whom is named.
#[test]
fn what_waits_while_somebody_comes_is_asked_about() {
    let lang = Lang::English;
    let mut place = Place::new();
    let hostile = place.now(HostileServer::before(&place.server));
    place.url = hostile.url();
    let is_silenced = Arc::new(AtomicBool::new(false));
    let is_held_back = Arc::clone(&is_silenced);
    hostile.rewrites_frames(move |frame| {
        let is_said = matches!(frame, Frame::FromClient(_)) && frame.payload("message").is_some();
        if is_said && is_held_back.load(SeqCst) { Vec::new() } else { vec![frame] }
    });
    let mut window = open(&place.profile(), lang);
    place.signs_in(&mut window, lang);
    let bob = place.bob.client();
    let chat = place.now(bob.create_group("Choir", from_ref(&place.alice.user_id)));
    place.now(bob.wait_group_made(chat));
    let room = Recipient::Group(place.now(bob.group(chat)).conversation);
    window.clicks_text("Choir");
    window.clicks("accept");
    window.says("Hello");
    place.bob_hears_in(&room, "Hello");

    is_silenced.store(true, SeqCst);
    window.clicks_in_chat("Hello");
    window.clicks("edit");
    window.shows("editing");
    window.enters(" to you");
    window.shows_text_with("edited");
    window.says("Between us");
    let carol = place.now(place.server.person("carol"));
    place.now(bob.add_to_group(chat, from_ref(&carol.account().user_id)));
    window.shows_text(&lang.with("group-added", &[("by", "bob".into()), ("users", "carol".into())]));
    is_silenced.store(false, SeqCst);
    hostile.cuts_all();

    window.shows("failure-not-made-others");
    window.shows_text(&lang.with("held-newcomers", &[("people", "carol".into())]));
    window.shows_text("Hello");
    window.clicks("send-held");
    place.bob_hears_in(&room, "Between us");
    window.hides_text(&lang.text("send-held"));
}
