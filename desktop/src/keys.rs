//! What is pressed, wherever in the window that is.

use iced::event::Status;
use iced::keyboard::{self, Key, key::Named};
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

/// What works wherever one types, in either alphabet.
pub(crate) fn shortcut(event: Event, _: Status, _: window::Id) -> Option<Message> {
    let Event::Keyboard(keyboard::Event::KeyPressed { key, physical_key, modifiers, .. }) = event else { return None };
    let is_plain = modifiers.command() && !modifiers.shift() && !modifiers.alt();
    match key.to_latin(physical_key) {
        Some('l') if is_plain => Some(Message::Lock),
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

#[cfg(test)]
mod tests {
    use iced::keyboard::key::{Code, Physical};
    use iced::keyboard::{Location, Modifiers};

    use super::*;

    fn pressed(key: &str, code: Code, modifiers: Modifiers) -> Event {
        let key = Key::Character(key.into());
        Event::Keyboard(keyboard::Event::KeyPressed {
            modified_key: key.clone(),
            key,
            physical_key: Physical::Code(code),
            location: Location::Standard,
            modifiers,
            text: None,
            repeat: false,
        })
    }

    fn locks(key: &str, code: Code, modifiers: Modifiers) -> bool {
        let id = window::Id::unique();
        matches!(shortcut(pressed(key, code, modifiers), Status::Captured, id), Some(Message::Lock))
    }

    #[test]
    fn the_window_is_locked_in_either_alphabet() {
        assert!(locks("l", Code::KeyL, Modifiers::COMMAND));
        assert!(locks("д", Code::KeyL, Modifiers::COMMAND));
        assert!(locks("l", Code::KeyP, Modifiers::COMMAND), "on another layout");
        assert!(!locks("l", Code::KeyL, Modifiers::empty()));
        assert!(!locks("l", Code::KeyL, Modifiers::COMMAND | Modifiers::SHIFT));
        assert!(!locks("k", Code::KeyK, Modifiers::COMMAND));
    }

    #[test]
    fn who_presses_something_is_there_and_who_moves_the_mouse_may_be_a_table() {
        let id = window::Id::unique;
        let lives = |event| sign_of_life(event, Status::Ignored, id()).is_some();
        assert!(lives(pressed("k", Code::KeyK, Modifiers::empty())));
        assert!(lives(Event::Mouse(mouse::Event::ButtonPressed(mouse::Button::Left))));
        assert!(!lives(Event::Mouse(mouse::Event::CursorMoved { position: iced::Point::ORIGIN })));
    }
}
