//! Messages, as objects for scripts and as text for people.

mod amended;
mod shown;

use privmsg_client::{BlockNews, Consent, GroupNews, HeldBy, MessageState, MessageView, OTHERS_CAME, units};
use privmsg_protocol::UserId;
use serde::Serialize;

use crate::chat_name::chat_id;
use crate::foreign;
use crate::lang::Lang;

pub(super) use amended::{AmendedObject, amended};
pub(super) use shown::{Around, found, live, past};

/// A message as `--json` prints it. The fields are documented and stay.
#[derive(Debug, Serialize)]
pub(super) struct MessageObject<'a> {
    message_id: String,
    conversation: String,
    sender_id: &'a str,
    /// Milliseconds since 1970, by the sender's clock.
    sent_at: i64,
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
    attachments: Vec<AttachmentObject<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mentions: Vec<&'a str>,
    /// What has changed in a group, by the sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    group_news: Option<&'a GroupNews>,
    /// Whom the user has blocked, or not any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    block_news: Option<&'a BlockNews>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<ReplyObject<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reactions: Vec<ReactionObject<'a>>,
    /// Milliseconds since 1970, by the author's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    edited_at: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    /// From a device that its author has signed out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unlisted: bool,
    /// Under another identity key than the one that its author is known by.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    other_key: bool,
    /// Of a chat that awaits an answer of the user's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    request: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    fate: Option<FateObject<'a>>,
}

/// How far a message of one's own has come. Times are milliseconds since 1970.
#[derive(Debug, Serialize)]
struct FateObject<'a> {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivered_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_at: Option<i64>,
}

impl<'a> FateObject<'a> {
    fn of(message: &'a MessageView, own: &UserId) -> Option<Self> {
        if message.sender_id != *own || message.kind.is_notice() {
            return None;
        }
        let (state, failure) = match &message.state {
            MessageState::Queued => ("queued", None),
            MessageState::Held(HeldBy::Block) => ("held", None),
            MessageState::Held(HeldBy::OthersCame) => ("held", Some(OTHERS_CAME)),
            MessageState::Sent => ("sent", None),
            MessageState::Failed(code) => ("failed", Some(code.as_str())),
            MessageState::Received => ("received", None),
        };
        Some(Self { state, failure, delivered_at: message.delivered_at(), read_at: message.read_at() })
    }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    voice: Option<VoiceObject>,
}

#[derive(Debug, Serialize)]
struct VoiceObject {
    duration_ms: u32,
}

impl<'a> MessageObject<'a> {
    pub(super) fn of(message: &'a MessageView, own: &'a UserId) -> Self {
        let attachments = message.attachments.iter();
        Self {
            message_id: message.message_id.to_string(),
            conversation: chat_id(&message.chat.kind, own),
            sender_id: message.sender_id.as_str(),
            sent_at: message.sent_at,
            kind: message.kind.as_str(),
            text: &message.text,
            attachments: attachments
                .map(|file| AttachmentObject {
                    name: &file.name,
                    size: file.size,
                    mime: &file.mime,
                    voice: file.voice.as_ref().map(|voice| VoiceObject { duration_ms: voice.duration_ms }),
                })
                .collect(),
            mentions: message.mentions.iter().map(UserId::as_str).collect(),
            group_news: message.group_news.as_deref(),
            block_news: message.block_news.as_deref(),
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
            unlisted: message.unlisted,
            other_key: message.other_key,
            request: false,
            fate: FateObject::of(message, own),
        }
    }

    /// The same, of a chat to which the user stands so.
    pub(super) fn in_chat(self, consent: Consent) -> Self {
        Self { request: consent == Consent::Asked, ..self }
    }
}

/// Letters of a message by which it is recognised.
const EXCERPT: usize = 40;

/// The beginning of what a message says, harmless for a terminal.
pub(super) fn excerpt(lang: Lang, message: &MessageView) -> String {
    if let Some(voice) = message.voice().filter(|_| message.text.is_empty()) {
        return lang.voice_line(&units::length(voice.duration_ms));
    }
    let said = match message.attachments.first() {
        Some(file) if message.text.is_empty() => &file.name,
        _ => &message.text,
    };
    let line = foreign::lines(said).next().unwrap_or_default();
    match line.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
