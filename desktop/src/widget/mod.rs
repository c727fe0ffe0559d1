//! What several screens are made of.

mod anchored;
mod avatar;
mod field;
mod qr;
mod waveform;

pub(crate) use anchored::{Anchor, Anchored, Sight};
pub(crate) use avatar::avatar;
pub(crate) use field::{Typed, field, secret_field};
pub(crate) use qr::qr_code;
pub(crate) use waveform::Waveform;

use iced::widget::{Button, button, column, container, text};
use iced::{Element, Length};

use crate::theme::{self, gap, type_size};

/// A sentence about what went wrong.
pub(crate) fn alarm<'a, Message: 'a>(said: impl text::IntoFragment<'a>) -> Element<'a, Message> {
    container(text(said).size(type_size::BODY)).padding(gap::SMALL).width(Length::Fill).style(theme::alarm).into()
}

/// What is said beside the matter.
pub(crate) fn hint<'a, Message: 'a>(said: impl text::IntoFragment<'a>) -> Element<'a, Message> {
    text(said).size(type_size::SMALL).style(theme::faint).into()
}

/// A button beside the matter.
pub(crate) fn small_button<'a, Message: 'a>(said: impl text::IntoFragment<'a>, then: Message) -> Button<'a, Message> {
    button(text(said).size(type_size::SMALL)).padding([gap::TINY, gap::SMALL]).style(theme::quiet).on_press(then)
}

/// A narrow screen in the middle of the window, for one thing to be done.
pub(crate) fn sheet<'a, Message: 'a>(content: impl Into<Element<'a, Message>>) -> Element<'a, Message> {
    let sheet = container(content).max_width(460).padding(gap::LARGE);
    let scrolled = iced::widget::scrollable(container(sheet).center_x(Length::Fill)).width(Length::Fill);
    container(scrolled).center_y(Length::Fill).into()
}

/// Something under its name.
pub(crate) fn section<'a, Message: 'a>(name: String, content: impl Into<Element<'a, Message>>) -> Element<'a, Message> {
    column![text(name).size(type_size::HEADING), content.into()].spacing(gap::SMALL).into()
}
