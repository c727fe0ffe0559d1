//! Messages, as objects for scripts and as text for people.

use privmsg_client::{ChatKind, MessageKind, MessageState, MessageView};
use privmsg_protocol::{ErrorCode, UserId};
use serde::Serialize;

use crate::foreign;
use crate::lang::Lang;
use crate::output::{Output, Style};

use super::time;
use super::units::size;

/// A message as `--json` prints it. The fields are documented and stay.
#[derive(Debug, Serialize)]
pub(super) struct MessageObject<'a> {
    message_id: String,
    conversation: Option<&'a str>,
    sender_id: &'a str,
    /// Milliseconds since 1970, by the sender's clock.
    sent_at: i64,
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
    attachments: Vec<AttachmentObject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<ReplyObject<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reactions: Vec<ReactionObject<'a>>,
    /// Milliseconds since 1970, by the author's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    edited_at: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
}

#[derive(Debug, Serialize)]
struct ReplyObject<'a> {
    message_id: String,
    sender_id: &'a str,
}

#[derive(Debug, Serialize)]
struct ReactionObject<'a> {
    emoji: &'a str,
    users: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct AttachmentObject<'a> {
    name: &'a str,
    size: u64,
    mime: &'a str,
}

impl<'a> MessageObject<'a> {
    pub(super) fn of(message: &'a MessageView, own: &'a UserId) -> Self {
        let attachments = message.attachments.iter();
        Self {
            message_id: message.message_id.to_string(),
            conversation: conversation(&message.chat.kind, own),
            sender_id: message.sender_id.as_str(),
            sent_at: message.sent_at,
            kind: message.kind.as_str(),
            text: &message.text,
            attachments: attachments
                .map(|file| AttachmentObject { name: &file.name, size: file.size, mime: &file.mime })
                .collect(),
            reply_to: message.reply_to.as_ref().map(|about| ReplyObject {
                message_id: about.message_id.to_string(),
                sender_id: about.author.as_str(),
            }),
            reactions: message
                .reactions
                .iter()
                .map(|reaction| ReactionObject {
                    emoji: &reaction.emoji,
                    users: reaction.users.iter().map(UserId::as_str).collect(),
                })
                .collect(),
            edited_at: message.edited_at,
            deleted: message.deleted,
        }
    }
}

/// The other user's name; one's own for notes. Groups have no name yet.
pub(super) fn conversation<'a>(kind: &'a ChatKind, own: &'a UserId) -> Option<&'a str> {
    match kind {
        ChatKind::Direct { peer } => Some(peer.as_str()),
        ChatKind::SelfNotes => Some(own.as_str()),
        ChatKind::Group => None,
    }
}

/// What a message says, line by line, harmless for a terminal.
fn body(output: &Output, message: &MessageView, blocked: bool) -> Vec<String> {
    let lang = output.lang();
    let alarm = |text: String| foreign::lines(&text).map(|line| output.styled(Style::Alarm, &line)).collect::<Vec<_>>();
    let sender = message.sender_id.as_str();
    match message.kind {
        MessageKind::IdentityChanged => {
            let mut lines = alarm(lang.key_changed(sender));
            if blocked {
                lines.extend(alarm(lang.key_changed_blocked(sender)));
            }
            lines
        }
        _ if message.deleted => vec![output.styled(Style::Faint, &lang.deleted())],
        MessageKind::Unsupported if message.text.is_empty() => {
            vec![output.styled(Style::Faint, &lang.unsupported())]
        }
        MessageKind::Text | MessageKind::File | MessageKind::Unsupported => {
            let mut lines = Vec::new();
            if let Some(about) = &message.reply_to {
                lines.push(output.styled(Style::Faint, &lang.answers(about.author.as_str())));
            }
            if !message.text.is_empty() {
                lines.extend(foreign::lines(&message.text));
            }
            if message.edited_at.is_some() {
                lines.push(output.styled(Style::Faint, &lang.edited()));
            }
            for file in &message.attachments {
                lines.push(lang.file_line(&foreign::line(&file.name), &size(lang, file.size)));
            }
            for reaction in &message.reactions {
                let users: Vec<_> = reaction.users.iter().map(UserId::as_str).collect();
                let line = format!("{} {}", foreign::line(&reaction.emoji), users.join(", "));
                lines.push(output.styled(Style::Faint, &line));
            }
            lines
        }
    }
}

/// Who wrote it, and to whom where that is not clear: what one's own other device has sent.
fn from(message: &MessageView, own: &UserId) -> String {
    let sender = message.sender_id.as_str();
    match &message.chat.kind {
        ChatKind::Direct { peer } if message.sender_id == *own => format!("{sender} -> {peer}"),
        _ => sender.to_owned(),
    }
}

/// As `listen` prints it: who and what at first sight. Further lines are indented, so that no message can look like
/// another one.
pub(super) fn live(output: &Output, message: &MessageView, own: &UserId, blocked: bool) -> String {
    let lang = output.lang();
    let time = output.styled(Style::Faint, &time::local(message.sent_at));
    let from = output.styled(Style::Bold, &from(message, own));
    let mut text = format!("{time}  {from}");
    for (position, line) in body(output, message, blocked).into_iter().enumerate() {
        text.push_str(if position == 0 { ": " } else { "\n    " });
        text.push_str(&line);
    }
    if !message.attachments.is_empty() && !message.deleted {
        text.push_str("\n    ");
        text.push_str(&output.styled(Style::Faint, &lang.how_to_download(&message.message_id.to_string())));
    }
    text
}

/// As `history` prints it: with its id and what became of it.
pub(super) fn past(output: &Output, message: &MessageView, own: &UserId, blocked: bool) -> String {
    let lang = output.lang();
    let time = output.styled(Style::Faint, &time::local(message.sent_at));
    let sender = output.styled(Style::Bold, message.sender_id.as_str());
    let id = output.styled(Style::Faint, &message.message_id.to_string());
    let mut text = format!("{time}  {id}  {sender}");
    if let Some((style, state)) = state(lang, message, own) {
        text.push_str("  ");
        text.push_str(&output.styled(style, &state));
    }
    for line in body(output, message, blocked) {
        text.push_str("\n    ");
        text.push_str(&line);
    }
    text
}

/// How far a message of one's own has come.
fn state(lang: Lang, message: &MessageView, own: &UserId) -> Option<(Style, String)> {
    match &message.state {
        MessageState::Queued => Some((Style::Bold, lang.state_queued())),
        MessageState::Failed(code) => {
            let reason = foreign::line(&lang.refusal(&ErrorCode::from(code.as_str())));
            Some((Style::Alarm, lang.state_failed(&reason)))
        }
        _ if message.read_at().is_some() => Some((Style::Faint, lang.state_read())),
        _ if message.delivered_at().is_some() => Some((Style::Faint, lang.state_delivered())),
        MessageState::Sent => Some((Style::Faint, lang.state_sent())),
        MessageState::Received => (message.sender_id == *own).then(|| (Style::Faint, lang.state_sent())),
    }
}
