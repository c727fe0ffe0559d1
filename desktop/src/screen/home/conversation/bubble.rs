//! One line of a conversation: what somebody has said, what happened.

use iced::widget::{button, column, container, mouse_area, row, space, text};
use iced::{Center, Element, Fill};
use privmsg_client::{ChatKind, MessageKind, MessageState, MessageView, foreign};
use privmsg_protocol::{ErrorCode, UserId};

use super::history::Line;
use super::{Message, actions};
use crate::failure;
use crate::lang::Lang;
use crate::notice;
use crate::theme::{self, gap, type_size};
use crate::time;
use crate::units;
use crate::widget::hint;

/// As wide as a line of text is read well.
const WIDEST: f32 = 520.0;

/// A message; where it is chosen, with what can be done with it.
pub(super) fn line<'a>(
    lang: Lang,
    line: &'a Line,
    message: &'a MessageView,
    own: &UserId,
    is_chosen: bool,
) -> Element<'a, Message> {
    if let Some((said, is_alarm)) = notice::said(lang, message, own) {
        return happened(said.join(" "), is_alarm);
    }
    let is_own = message.sender_id == *own;
    let mut content = column![].spacing(gap::TINY);
    if !is_own && matches!(message.chat.kind, ChatKind::Group { .. }) {
        content = content.push(hint(message.sender_id.to_string()));
    }
    if message.unlisted {
        let said = lang.with("unlisted", &[("user", message.sender_id.as_str().into())]);
        content = content.push(text(said).size(type_size::SMALL).style(text::danger));
    }
    if let Some(about) = &message.reply_to {
        let said = hint(lang.with("answer-to", &[("user", about.author.as_str().into())]));
        let to = Message::Answered(about.message_id, about.author.clone());
        content = content.push(button(said).padding(0).style(button::text).on_press(to));
    }
    content = content.push(said(lang, line, message));
    content = content.push(line.is_cut.then(|| {
        let all = text(lang.text("show-all")).size(type_size::SMALL);
        button(all).padding(0).style(button::text).on_press(Message::Unfolded(message.id))
    }));
    content = content.extend(message.attachments.iter().map(|file| {
        let filling = [("name", foreign::line(&file.name).into()), ("size", units::size(lang, file.size).into())];
        text(lang.with("file", &filling)).size(type_size::BODY).into()
    }));
    if !message.reactions.is_empty() {
        let all = message.reactions.iter().map(|reaction| {
            let emoji = foreign::line(&reaction.emoji);
            if reaction.users.len() > 1 { format!("{emoji} {}", reaction.users.len()) } else { emoji }
        });
        content = content.push(text(all.collect::<Vec<_>>().join("  ")).size(type_size::BODY));
    }
    content = content.push(foot(lang, message, is_own));
    let bubble = container(content).padding([gap::SMALL, 12.0]).max_width(WIDEST);
    let bubble = bubble.style(theme::bubble(is_own, is_chosen));
    let bubble = mouse_area(bubble).on_press(Message::Chosen(message.id)).on_right_press(Message::Chosen(message.id));
    let line = if is_own { row![space::horizontal(), bubble] } else { row![bubble, space::horizontal()] };
    column![line].push(is_chosen.then(|| actions::view(lang, message, is_own))).spacing(gap::TINY).into()
}

/// What happened, in the middle.
pub(super) fn happened<'a>(said: String, is_alarm: bool) -> Element<'a, Message> {
    let line = text(said).size(type_size::SMALL).align_x(Center);
    let style = if is_alarm { theme::alarm } else { theme::notice };
    container(container(line).padding([gap::TINY, 12.0]).max_width(WIDEST).style(style)).center_x(Fill).into()
}

fn said<'a>(lang: Lang, line: &'a Line, message: &MessageView) -> Element<'a, Message> {
    match message.kind {
        _ if message.deleted => hint(lang.text("deleted-message")),
        MessageKind::Unsupported if line.said.is_empty() => hint(lang.text("unsupported")),
        _ if line.said.is_empty() => space().into(),
        _ => text(line.said.as_str()).size(type_size::BODY).wrapping(text::Wrapping::WordOrGlyph).into(),
    }
}

/// When, and how far it has come.
fn foot<'a>(lang: Lang, message: &MessageView, is_own: bool) -> Element<'a, Message> {
    let mut parts = vec![time::clock(message.sent_at)];
    if message.edited_at.is_some() && !message.deleted {
        parts.push(lang.text("edited"));
    }
    parts.extend(is_own.then(|| state(lang, message)));
    hint(parts.join(" · "))
}

fn state(lang: Lang, message: &MessageView) -> String {
    match &message.state {
        MessageState::Queued => lang.text("state-queued"),
        MessageState::Held => lang.text("state-held"),
        MessageState::Failed(code) => {
            let why = failure::refusal(lang, &ErrorCode::from(code.as_str()));
            lang.with("state-failed", &[("why", why.into())])
        }
        _ if message.read_at().is_some() => lang.text("state-read"),
        _ if message.delivered_at().is_some() => lang.text("state-delivered"),
        MessageState::Sent | MessageState::Received => lang.text("state-sent"),
    }
}
