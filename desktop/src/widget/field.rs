//! A field with its name above it.

use iced::Element;
use iced::widget::{column, text, text_input};

use crate::theme::{gap, type_size};

/// What a field that is typed into says.
pub(crate) type Typed<Message> = fn(String) -> Message;

/// A field for a line of text. While `on_input` is none it cannot be changed.
pub(crate) fn field<'a, Message: Clone + 'a>(
    id: &'static str,
    name: String,
    value: &str,
    on_input: Option<Typed<Message>>,
    on_submit: Message,
) -> Element<'a, Message> {
    labelled(name, plain(id, value, on_input, on_submit))
}

/// The same for what nobody else should read.
pub(crate) fn secret_field<'a, Message: Clone + 'a>(
    id: &'static str,
    name: String,
    value: &str,
    on_input: Option<Typed<Message>>,
    on_submit: Message,
) -> Element<'a, Message> {
    labelled(name, plain(id, value, on_input, on_submit).secure(true))
}

fn plain<'a, Message: Clone + 'a>(
    id: &'static str,
    value: &str,
    on_input: Option<Typed<Message>>,
    on_submit: Message,
) -> text_input::TextInput<'a, Message> {
    let input = text_input("", value).id(id).padding(10).size(type_size::BODY).on_submit(on_submit);
    match on_input {
        Some(on_input) => input.on_input(on_input),
        None => input,
    }
}

fn labelled<'a, Message: Clone + 'a>(name: String, input: text_input::TextInput<'a, Message>) -> Element<'a, Message> {
    column![text(name).size(type_size::SMALL), input].spacing(gap::TINY).into()
}
