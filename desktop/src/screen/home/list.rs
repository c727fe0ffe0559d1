//! The list of chats.

use iced::widget::{button, column, container, keyed_column, row, scrollable, space, text};
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
    // By chat: what is pressed stays the same one where another comes above it.
    let rows = chats.iter().map(|chat| {
        let id = chat.summary.chat.id;
        (id, entry(lang, chat, open == Some(id), own, now_ms, Message::Chosen(id)))
    });
    scrollable(keyed_column(rows).spacing(2)).height(Fill).width(Fill).into()
}

/// A row of the list; a click on it means `then`.
pub(super) fn entry<'a, M: Clone + 'a>(
    lang: Lang,
    chat: &'a ChatEntry,
    is_open: bool,
    own: &UserId,
    now_ms: i64,
    then: M,
) -> Element<'a, M> {
    let name = name(lang, &recipient(&chat.summary.chat.kind, own), chat.heading.as_ref(), own);
    let is_group = matches!(chat.summary.chat.kind, ChatKind::Group { .. });
    let picture = avatar(&name, PICTURE, is_group);
    let mark = mark(lang, chat).map(hint);
    let time = chat.last.as_ref().map(|last| hint(time::short(last.sent_at, now_ms)));
    let name = text(name).size(type_size::BODY).wrapping(text::Wrapping::None);
    let first = row![container(name).width(Fill).clip(true)].push(mark).push(time).spacing(gap::SMALL).align_y(Center);
    let said = match (&chat.draft, chat.last.as_deref()) {
        (Some(draft), _) if !is_open => {
            let draft = foreign::first_line(draft, EXCERPT);
            text(lang.with("draft", &[("text", draft.into())])).style(text::primary)
        }
        (_, Some(last)) => excerpt(lang, last, own),
        (_, None) => text(""),
    };
    let said = said.size(type_size::SMALL).wrapping(text::Wrapping::None);
    let second =
        row![container(said).width(Fill).clip(true), badge(if chat.is_kept_away { 0 } else { chat.summary.unread })]
            .align_y(Center);
    let lines = column![first, second].spacing(2).width(Fill);
    button(row![picture, lines].spacing(gap::SMALL).align_y(Center))
        .on_press(then)
        .padding(gap::SMALL)
        .width(Fill)
        .style(theme::chat_row(is_open))
        .into()
}

fn badge<'a, M: 'a>(unread: u64) -> Element<'a, M> {
    match unread {
        0 => space().into(),
        count => container(text(count.to_string()).size(type_size::SMALL)).padding([1, 7]).style(theme::badge).into(),
    }
}

/// What else than a person's or the notes' a chat is: names of groups are given by others, and say what they like.
fn mark(lang: Lang, chat: &ChatEntry) -> Option<String> {
    let group = matches!(chat.summary.chat.kind, ChatKind::Group { .. }).then(|| lang.text("is-group"));
    let request = (chat.summary.consent == Consent::Asked).then(|| lang.text("is-request"));
    let marks: Vec<_> = group.into_iter().chain(request).collect();
    (!marks.is_empty()).then(|| marks.join(" · "))
}

/// The beginning of what was said last, in one line. What happened does not look like what somebody wrote.
fn excerpt<'a>(lang: Lang, message: &MessageView, own: &UserId) -> text::Text<'a> {
    let Some(happened) = notice::said(lang, message, own) else {
        return text(said(lang, message, own)).style(theme::faint);
    };
    let style = if notice::is_alarm(message) { text::danger } else { theme::fainter };
    text(happened.into_iter().next().unwrap_or_default()).style(style).font(theme::ITALIC)
}

/// The beginning of what somebody has said, and in a group who.
pub(super) fn said(lang: Lang, message: &MessageView, own: &UserId) -> String {
    let said = if message.unlisted {
        // Whatever it says: it may be somebody else's.
        lang.text("unlisted-short")
    } else if message.deleted {
        lang.text("deleted-message")
    } else if message.text.is_empty() {
        message.attachments.first().map(|file| foreign::first_line(&file.name, EXCERPT)).unwrap_or_default()
    } else {
        foreign::first_line(&message.text, EXCERPT)
    };
    if message.sender_id == *own {
        lang.with("said-by-you", &[("text", said.into())])
    } else if matches!(message.chat.kind, ChatKind::Group { .. }) {
        format!("{}: {said}", message.sender_id)
    } else {
        said
    }
}
