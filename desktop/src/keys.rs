//! What is pressed, wherever in the window that is.

use iced::event::Status;
use iced::keyboard::{self, Key, key::Code, key::Named, key::Physical};
use iced::{Event, mouse, window};

use crate::app::Message;

/// The tabulator goes from field to field, where the one that has it does not want it for itself.
pub(crate) fn tab(event: Event, status: Status, _: window::Id) -> Option<Message> {
    match (event, status) {
        (
            Event::Keyboard(keyboard::Event::KeyPressed { key: Key::Named(Named::Tab), modifiers, .. }),
            Status::Ignored,
        ) => Some(Message::Tab { back: modifiers.shift() }),
        _ => None,
    }
}

/// What works wherever one types: by the place of the key, which is the same for both alphabets.
pub(crate) fn shortcut(event: Event, _: Status, _: window::Id) -> Option<Message> {
    match event {
        Event::Keyboard(keyboard::Event::KeyPressed {
            physical_key: Physical::Code(Code::KeyL), modifiers, ..
        }) if modifiers.command() => Some(Message::Lock),
        _ => None,
    }
}

/// Somebody is there who presses something.
pub(crate) fn sign_of_life(event: Event, _: Status, _: window::Id) -> Option<Message> {
    match event {
        Event::Keyboard(keyboard::Event::KeyPressed { .. })
        | Event::Mouse(mouse::Event::ButtonPressed(_) | mouse::Event::WheelScrolled { .. })
        | Event::Touch(_) => Some(Message::Active),
        _ => None,
    }
}
