//! A link that is about to be followed: first it is said where it leads.

use iced::widget::{button, column, container, row, text};
use iced::{Center, Element, Fill};
use url::Url;

use super::Message;
use crate::lang::Lang;
use crate::theme::{self, gap, type_size};
use crate::widget::small_button;

/// Opens it in the program for that.
pub(super) fn follows(link: Option<Url>) {
    if let Some(Err(error)) = link.map(|link| open::that_detached(link.as_str())) {
        tracing::warn!(%error, "a link cannot be opened");
    }
}

/// Where it leads, and whether to go there.
pub(super) fn view<'a>(lang: Lang, link: &Url) -> Element<'a, Message> {
    let host = text(lang.with("leads-to", &[("host", link.host_str().unwrap_or_default().into())]));
    let whole = text(link.to_string()).size(type_size::SMALL).wrapping(text::Wrapping::Glyph);
    let answers = row![
        button(text(lang.text("follow")).size(type_size::SMALL)).on_press(Message::Followed),
        small_button(lang.text("cancel"), Message::Leads(None)),
    ];
    let said = column![host, whole, answers.spacing(gap::SMALL).align_y(Center)].spacing(gap::TINY);
    container(said).padding(gap::SMALL).width(Fill).style(theme::notice).into()
}
