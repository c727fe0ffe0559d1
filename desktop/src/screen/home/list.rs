//! The list of chats.

use iced::widget::{button, column, container, keyed_column, row, scrollable, space, text};
use iced::{Center, Element, Fill};
use privmsg_client::{ChatEntry, ChatId, ChatKind, Consent, Marks, MessageView, foreign, units};
use privmsg_protocol::UserId;

use super::{Message, name, recipient};
use crate::lang::Lang;
use crate::notice;
use crate::theme::{self, gap, type_size};
use crate::time;
use crate::widget::{avatar, hint, small_button};

const PICTURE: f32 = 38.0;

/// Characters of the last message that a row shows.
const EXCERPT: usize = 60;

pub(super) fn view<'a>(
    lang: Lang,
    chats: &'a [ChatEntry],
    open: Option<ChatId>,
    own: &'a UserId,
    now_ms: i64,
    shows_archive: bool,
) -> Element<'a, Message> {
    if chats.is_empty() {
        return hint(lang.text("no-chats"));
    }
    // By chat: what is pressed stays the same one where another comes above it.
    let rows = chats.iter().filter(|chat| chat.summary.marks.archived == shows_archive).map(|chat| {
        let id = chat.summary.chat.id;
        (id, entry(lang, chat, open == Some(id), own, now_ms, Message::Chosen(id)))
    });
    let rows = keyed_column(rows).spacing(2);
    let archived = chats.iter().filter(|chat| chat.summary.marks.archived).count();
    let archive = (archived > 0 || shows_archive).then(|| {
        let said = if shows_archive {
            lang.text("out-of-archive")
        } else {
            lang.with("archive", &[("count", archived.into())])
        };
        small_button(said, Message::ArchiveTurned).width(Fill)
    });
    let all = if shows_archive { column![].push(archive).push(rows) } else { column![rows].push(archive) };
    scrollable(all.spacing(gap::SMALL)).height(Fill).width(Fill).into()
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
    let Marks { pinned, muted, .. } = chat.summary.marks;
    let signs: String =
        [(muted, "🔕"), (pinned, "📌")].into_iter().filter(|(is, _)| *is).map(|(_, sign)| sign).collect();
    let signs = (!signs.is_empty()).then(|| text(signs).font(theme::EMOJI).size(type_size::SMALL));
    let unread = badge(if chat.is_kept_away { 0 } else { chat.summary.unread }, muted);
    let second =
        row![container(said).width(Fill).clip(true)].push(signs).push(unread).spacing(gap::TINY).align_y(Center);
    let lines = column![first, second].spacing(2).width(Fill);
    button(row![picture, lines].spacing(gap::SMALL).align_y(Center))
        .on_press(then)
        .padding(gap::SMALL)
        .width(Fill)
        .style(theme::chat_row(is_open))
        .into()
}

fn badge<'a, M: 'a>(unread: u64, is_muted: bool) -> Element<'a, M> {
    let style = if is_muted { theme::notice } else { theme::badge };
    match unread {
        0 => space().into(),
        count => container(text(count.to_string()).size(type_size::SMALL)).padding([1, 7]).style(style).into(),
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

/// Why what a message says is perhaps somebody else's, if so: the name of a short text.
pub(super) const fn doubtful(message: &MessageView) -> Option<&'static str> {
    match message {
        MessageView { other_key: true, .. } => Some("other-key-short"),
        MessageView { unlisted: true, .. } => Some("unlisted-short"),
        _ => None,
    }
}

/// The beginning of what somebody has said, and in a group who.
pub(super) fn said(lang: Lang, message: &MessageView, own: &UserId) -> String {
    let said = if let Some(why) = doubtful(message) {
        // Whatever it says: it may be somebody else's.
        lang.text(why)
    } else if message.deleted {
        lang.text("deleted-message")
    } else if let Some(voice) = message.voice().filter(|_| message.text.is_empty()) {
        lang.with("voice-message", &[("length", units::length(voice.duration_ms).into())])
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
