//! The list of chats.

use iced::widget::{button, column, container, row, scrollable, space, text};
use iced::{Center, Element, Fill};
use privmsg_client::{ChatEntry, ChatId, ChatKind, Consent, MessageView, foreign};
use privmsg_protocol::UserId;

use super::{Message, name, recipient};
use crate::lang::Lang;
use crate::notice;
use crate::theme::{self, gap, type_size};
use crate::time;
use crate::widget::{avatar, hint};

const PICTURE: f32 = 38.0;

/// Characters of the last message that a row shows.
const EXCERPT: usize = 60;

pub(super) fn view<'a>(
    lang: Lang,
    chats: &'a [ChatEntry],
    open: Option<ChatId>,
    own: &'a UserId,
    now_ms: i64,
) -> Element<'a, Message> {
    if chats.is_empty() {
        return hint(lang.text("no-chats"));
    }
    let rows = chats.iter().map(|chat| entry(lang, chat, open == Some(chat.summary.chat.id), own, now_ms));
    scrollable(column(rows).spacing(2)).height(Fill).width(Fill).into()
}

fn entry<'a>(lang: Lang, chat: &'a ChatEntry, is_open: bool, own: &UserId, now_ms: i64) -> Element<'a, Message> {
    let name = name(lang, &recipient(&chat.summary.chat.kind, own), chat.heading.as_ref(), own);
    let picture = avatar(&name, PICTURE);
    let mark = mark(lang, chat).map(hint);
    let time = chat.last.as_ref().map(|last| hint(time::short(last.sent_at, now_ms)));
    let first = row![text(name).size(type_size::BODY).width(Fill).wrapping(text::Wrapping::None),]
        .push(mark)
        .push(time)
        .spacing(gap::SMALL)
        .align_y(Center);
    let said = chat.last.as_deref().map(|last| excerpt(lang, last, own)).unwrap_or_default();
    let said = text(said).size(type_size::SMALL).style(theme::faint).wrapping(text::Wrapping::None);
    let second =
        row![container(said).width(Fill).clip(true), badge(if chat.is_kept_away { 0 } else { chat.summary.unread })]
            .align_y(Center);
    let lines = column![first, second].spacing(2).width(Fill);
    button(row![picture, lines].spacing(gap::SMALL).align_y(Center))
        .on_press(Message::Chosen(chat.summary.chat.id))
        .padding(gap::SMALL)
        .width(Fill)
        .style(theme::chat_row(is_open))
        .into()
}

fn badge<'a>(unread: u64) -> Element<'a, Message> {
    match unread {
        0 => space().into(),
        count => container(text(count.to_string()).size(type_size::SMALL)).padding([1, 7]).style(theme::badge).into(),
    }
}

/// What else than a person's or the notes' a chat is: names of groups are given by others, and say what they like.
fn mark(lang: Lang, chat: &ChatEntry) -> Option<String> {
    match (&chat.summary.chat.kind, chat.summary.consent) {
        (_, Consent::Asked) => Some(lang.text("is-request")),
        (ChatKind::Group { .. }, _) => Some(lang.text("is-group")),
        (ChatKind::Direct { .. } | ChatKind::SelfNotes, _) => None,
    }
}

/// The beginning of what was said last, in one line.
fn excerpt(lang: Lang, message: &MessageView, own: &UserId) -> String {
    let said = match notice::said(lang, message, own) {
        // Whatever it says: it may be somebody else's.
        None if message.unlisted => lang.text("unlisted-short"),
        Some((said, _)) => said.into_iter().next().unwrap_or_default(),
        None if message.deleted => lang.text("deleted-message"),
        None if !message.text.is_empty() => foreign::first_line(&message.text, EXCERPT),
        None => message.attachments.first().map(|file| foreign::line(&file.name)).unwrap_or_default(),
    };
    let is_theirs = matches!(message.chat.kind, ChatKind::Group { .. }) && notice::said(lang, message, own).is_none();
    if is_theirs && message.sender_id != *own { format!("{}: {said}", message.sender_id) } else { said }
}
