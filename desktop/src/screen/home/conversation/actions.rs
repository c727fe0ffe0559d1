//! What can be done with a message.

use std::sync::Arc;

use iced::widget::{button, row, text};
use iced::{Element, Fill, Task, clipboard};
use privmsg_client::{ClientError, MessageKind, MessageView, Which};

use super::Message;
use crate::lang::Lang;
use crate::session::Session;
use crate::theme::{gap, type_size};

/// The answers of one sign that are offered.
const REACTIONS: [&str; 6] = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

/// What is to be done with the chosen message.
#[derive(Debug, Clone)]
pub enum Action {
    /// It is answered.
    Answer,
    /// Its text is copied.
    Copy,
    /// It is written anew.
    Edit,
    /// It is taken back, for everybody.
    TakeBack,
    /// It is deleted here alone.
    DeleteHere,
    /// Somebody reacts to it, or not any more.
    React(&'static str),
}

pub(super) fn view<'a>(lang: Lang, message: &MessageView, is_own: bool) -> Element<'a, Message> {
    let has_text = !message.deleted && !message.text.is_empty();
    let mut offered = Vec::new();
    if !message.deleted {
        offered.push(("answer", Action::Answer));
    }
    if has_text {
        offered.push(("copy", Action::Copy));
    }
    if is_own && has_text && matches!(message.kind, MessageKind::Text | MessageKind::File) {
        offered.push(("edit", Action::Edit));
    }
    if is_own && !message.deleted {
        offered.push(("take-back", Action::TakeBack));
    }
    offered.push(("delete-here", Action::DeleteHere));
    let id = message.id;
    let mut all: Vec<Element<'_, Message>> = Vec::new();
    if !message.deleted {
        all.extend(REACTIONS.map(|emoji| one(emoji, Message::Acted(id, Action::React(emoji)))));
    }
    all.extend(offered.into_iter().map(|(name, action)| one(lang.text(name), Message::Acted(id, action))));
    let all = row(all).spacing(gap::TINY).wrap();
    iced::widget::container(all).width(Fill).align_x(if is_own { iced::Right } else { iced::Left }).into()
}

fn one<'a>(name: impl text::IntoFragment<'a>, then: Message) -> Element<'a, Message> {
    button(text(name).size(type_size::SMALL))
        .padding([gap::TINY, gap::SMALL])
        .style(button::secondary)
        .on_press(then)
        .into()
}

/// Does it, where it is not for the field below.
pub(super) fn perform(session: &Session, message: &MessageView, action: &Action) -> Task<Message> {
    let client = session.client().clone();
    let which =
        Which { message: message.message_id, from: Some(message.sender_id.clone()), chat: Some(message.chat.id) };
    let done = |done: Result<(), ClientError>| Message::Done(done.map_err(Arc::new));
    match action {
        Action::Answer | Action::Edit => Task::none(),
        Action::Copy => clipboard::write(message.text.clone()),
        Action::TakeBack => Task::perform(async move { client.delete(which).await.map(drop) }, done),
        Action::DeleteHere => Task::perform(async move { client.delete_for_me(which).await }, done),
        Action::React(emoji) => {
            let mine = |user| user == client.user_id();
            let remove =
                message.reactions.iter().any(|reaction| reaction.emoji == *emoji && reaction.users.iter().any(mine));
            let emoji = (*emoji).to_owned();
            Task::perform(async move { client.react(which, emoji, remove).await.map(drop) }, done)
        }
    }
}
