//! One line of a conversation: what somebody has said, what happened.

use iced::widget::{button, column, container, mouse_area, row, space, text};
use iced::{Center, Element, Fill};
use privmsg_client::{About, ChatKind, HeldBy, MessageKind, MessageState, MessageView, foreign};
use privmsg_protocol::{ErrorCode, UserId};

use super::Message;
use super::actions::{self, Chosen};
use super::attachments::Attachments;
use super::history::Line;
use crate::failure;
use crate::lang::Lang;
use crate::links;
use crate::notice;
use crate::theme::{self, gap, type_size};
use crate::time;
use crate::widget::{hint, small_button};

/// Characters that are shown of what is answered.
const EXCERPT: usize = 60;

/// As wide as a line of text is read well.
const WIDEST: f32 = 520.0;

/// A message, and what is known of it where it is shown.
pub(super) struct Shown<'a> {
    pub(super) line: &'a Line,
    pub(super) message: &'a MessageView,
    /// The beginning of what it answers, if that is held here.
    pub(super) answered: Option<&'a str>,
    /// Something can be done with it.
    pub(super) chosen: Option<&'a Chosen>,
    /// What has become of what came along.
    pub(super) attachments: &'a Attachments,
    /// Nothing more is said from this device.
    pub(super) is_over: bool,
}

/// A message; where it is chosen, with what can be done with it.
pub(super) fn line<'a>(lang: Lang, shown: Shown<'a>, own: &UserId) -> Element<'a, Message> {
    let Shown { line, message, answered, chosen, attachments, is_over } = shown;
    if let Some(said) = notice::said(lang, message, own) {
        return happened(said.join(" "), notice::is_alarm(message));
    }
    let is_own = message.sender_id == *own;
    let mut content = column![].spacing(gap::TINY);
    if !is_own && matches!(message.chat.kind, ChatKind::Group { .. }) {
        content = content.push(hint(message.sender_id.to_string()));
    }
    for id in [("unlisted", message.unlisted), ("other-key", message.other_key)].iter().filter(|why| why.1) {
        let said = lang.with(id.0, &[("user", message.sender_id.as_str().into())]);
        content = content.push(text(said).size(type_size::SMALL).style(text::danger));
    }
    if let Some(about) = &message.reply_to {
        content = content.push(object(lang, about, answered));
    }
    content = content.push(said(lang, line, message));
    content = content.push(line.is_cut.then(|| {
        let all = text(lang.text("show-all")).size(type_size::SMALL);
        button(all).padding(0).style(button::text).on_press(Message::Unfolded(message.id))
    }));
    if !message.deleted && !message.is_doubtful() {
        let links =
            line.links.iter().map(|link| small_button(links::short(link), Message::Leads(Some(link.clone()))).into());
        content = content.extend(links);
    }
    let attached = attachments.view(lang, message, chosen.is_some());
    content = content.extend(attached.into_iter().map(|one| one.map(Message::Attachments)));
    if !message.reactions.is_empty() {
        let all = message.reactions.iter().map(|reaction| {
            let emoji = foreign::line(&reaction.emoji);
            if reaction.users.len() > 1 { format!("{emoji} {}", reaction.users.len()) } else { emoji }
        });
        content = content.push(
            row(all.map(|one| piece(text(one).size(type_size::SMALL).font(theme::EMOJI)))).spacing(gap::TINY).wrap(),
        );
    }
    content = content.push(foot(lang, message, is_own));
    let bubble = container(content).padding([gap::SMALL, 12.0]).max_width(WIDEST);
    let bubble = bubble.style(theme::bubble(is_own, chosen.is_some()));
    let bubble = mouse_area(bubble).on_press(Message::Chosen(message.id)).on_right_press(Message::Chosen(message.id));
    let line = if is_own { row![space::horizontal(), bubble] } else { row![bubble, space::horizontal()] };
    let actions = chosen.map(|chosen| actions::view(lang, chosen, message, is_own, is_over));
    column![line].push(actions).spacing(gap::TINY).into()
}

/// What it answers, as far as that is here: that somebody has said it, its sender alone says.
fn object<'a>(lang: Lang, about: &About, answered: Option<&str>) -> Element<'a, Message> {
    let user = ("user", about.author.as_str().into());
    let said = match answered {
        Some(said) => {
            let excerpt: String = said.chars().take(EXCERPT).collect();
            lang.with("answer-to-text", &[user, ("text", excerpt.into())])
        }
        None => lang.with("answer-to-unknown", &[user]),
    };
    let to = Message::Answered(about.message_id, about.author.clone());
    button(piece(hint(said))).padding(0).style(button::text).on_press(to).into()
}

/// Something of a message that is none of its text.
pub(super) fn piece<'a, M: 'a>(content: impl Into<Element<'a, M>>) -> Element<'a, M> {
    container(content).padding([2.0, gap::SMALL]).style(theme::piece).into()
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
        MessageState::Held(HeldBy::Block) => lang.text("state-held"),
        MessageState::Held(HeldBy::OthersCame) => lang.text("state-held-others"),
        MessageState::Failed(code) => {
            let why = failure::clause(&failure::refusal(lang, &ErrorCode::from(code.as_str())));
            lang.with("state-failed", &[("why", why.into())])
        }
        _ if message.read_at().is_some() => lang.text("state-read"),
        _ if message.delivered_at().is_some() => lang.text("state-delivered"),
        MessageState::Sent | MessageState::Received => lang.text("state-sent"),
    }
}
