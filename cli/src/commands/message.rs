//! Messages, as objects for scripts and as text for people.

use privmsg_client::{ChatKind, Client, Consent, GroupNews, MessageKind, MessageState, MessageView};
use privmsg_protocol::{ErrorCode, UserId};
use serde::Serialize;

use crate::chat_name::{chat_id, name_of};
use crate::failure::Failure;
use crate::foreign;
use crate::lang::Lang;
use crate::output::{Output, Style};

use super::time;
use super::units::size;

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
            MessageState::Held => ("held", None),
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
                .map(|file| AttachmentObject { name: &file.name, size: file.size, mime: &file.mime })
                .collect(),
            mentions: message.mentions.iter().map(UserId::as_str).collect(),
            group_news: message.group_news.as_deref(),
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
pub(super) fn excerpt(message: &MessageView) -> String {
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

/// What is known around a message when it is shown.
pub(super) struct Around<'a> {
    own: &'a UserId,
    /// Its sender's key has changed, and that is to be accepted.
    blocked: bool,
    /// How the message begins that it answers, if that is here.
    answered: Option<String>,
    /// What the group is called that it was said in.
    group: Option<String>,
    /// Of a chat that somebody else has begun, and that nobody has answered.
    request: bool,
}

impl<'a> Around<'a> {
    pub(super) async fn of(
        client: &'a Client,
        lang: Lang,
        message: &MessageView,
        blocked: bool,
    ) -> Result<Self, Failure> {
        let mut answered = None;
        if let Some(about) = &message.reply_to {
            let is_meant = |found: &MessageView| {
                found.chat.id == message.chat.id && found.sender_id == about.author && !found.kind.is_notice()
            };
            let found = client.find(about.message_id).await?.into_iter().find(is_meant);
            answered = found.map(|found| if found.deleted { lang.deleted() } else { excerpt(&found) });
        }
        let group = match &message.chat.kind {
            ChatKind::Group { conversation } => {
                let title = client.group_title(message.chat.id).await?;
                Some(title.map_or_else(|| name_of(conversation), |title| foreign::line(&title)))
            }
            ChatKind::Direct { .. } | ChatKind::SelfNotes => None,
        };
        let request = client.consent(message.chat.id).await? == Consent::Asked;
        let answered = answered.filter(|text| !text.is_empty());
        Ok(Self { own: client.user_id(), blocked, group, request, answered })
    }
}

/// What a message says, line by line, harmless for a terminal.
fn body(output: &Output, message: &MessageView, around: &Around<'_>) -> Vec<String> {
    let lang = output.lang();
    let alarm = |text: String| foreign::lines(&text).map(|line| output.styled(Style::Alarm, &line)).collect::<Vec<_>>();
    let sender = message.sender_id.as_str();
    match message.kind {
        MessageKind::IdentityChanged => {
            let mut lines = alarm(lang.key_changed(sender));
            if around.blocked {
                lines.extend(alarm(lang.key_changed_blocked(sender)));
            }
            lines
        }
        MessageKind::WentBack => alarm(lang.went_back()),
        MessageKind::DeviceAdded => {
            let at = time::local(message.sent_at);
            alarm(match message.chat.kind {
                ChatKind::SelfNotes => lang.device_added(&message.text, &at),
                ChatKind::Direct { .. } | ChatKind::Group { .. } => {
                    lang.contact_device_added(sender, &message.text, &at)
                }
            })
        }
        MessageKind::ListConflict => alarm(lang.list_conflict_of(sender)),
        MessageKind::ForeignList => alarm(lang.foreign_list_of(sender)),
        MessageKind::DeviceRemoved => alarm(lang.device_left(&message.text)),
        MessageKind::KnownOtherwise => {
            let mut lines = alarm(lang.known_otherwise(sender, &message.text));
            if around.blocked {
                lines.extend(alarm(lang.key_changed_blocked(sender)));
            }
            lines
        }
        MessageKind::ToConfirm => alarm(lang.contacts_to_confirm()),
        MessageKind::SignedOutHere => alarm(lang.signed_out_by(&message.text)),
        MessageKind::GroupChanged => {
            let news = message.group_news.as_deref().cloned().unwrap_or_default();
            let said = lang.group_news(&news, &message.sender_id, around.own);
            said.iter().map(|line| output.styled(Style::Faint, &foreign::line(line))).collect()
        }
        MessageKind::Title => {
            vec![output.styled(Style::Faint, &lang.title_given(&foreign::line(&message.text)))]
        }
        _ if message.deleted => vec![output.styled(Style::Faint, &lang.deleted())],
        MessageKind::Unsupported if message.text.is_empty() => {
            vec![output.styled(Style::Faint, &lang.unsupported())]
        }
        MessageKind::Text | MessageKind::File | MessageKind::Unsupported => {
            let mut lines = Vec::new();
            if message.unlisted {
                lines.extend(alarm(lang.written_on_unlisted(sender)));
            }
            if let Some(about) = &message.reply_to {
                let author = about.author.as_str();
                let line = match &around.answered {
                    Some(text) => lang.answers_to(author, text),
                    None => lang.answers(author),
                };
                lines.push(output.styled(Style::Faint, &line));
            }
            if !message.text.is_empty() {
                lines.extend(foreign::lines(&message.text));
            }
            if message.mentions.contains(around.own) && message.sender_id != *around.own {
                lines.push(output.styled(Style::Bold, &lang.mentions_you()));
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
fn from(message: &MessageView, around: &Around<'_>) -> String {
    let sender = message.sender_id.as_str();
    match (&message.chat.kind, &around.group) {
        (ChatKind::Direct { peer }, _) if message.sender_id == *around.own => format!("{sender} -> {peer}"),
        (_, Some(group)) => format!("{sender} -> {group}"),
        _ => sender.to_owned(),
    }
}

/// As `listen` prints it: who and what at first sight. Further lines are indented, so that no message can look like
/// another one. With what became of it, if it is one's own and `with_state`.
pub(super) fn live(output: &Output, message: &MessageView, around: &Around<'_>, with_state: bool) -> String {
    let lang = output.lang();
    let time = output.styled(Style::Faint, &time::local(message.sent_at));
    let from = output.styled(Style::Bold, &from(message, around));
    let mut text = format!("{time}  {from}");
    if around.request {
        text.push_str(&format!(" ({})", output.styled(Style::Bold, &lang.request())));
    }
    if let Some((style, state)) = with_state.then(|| state(lang, message, around.own)).flatten() {
        text.push_str(&format!(" ({})", output.styled(style, &state)));
    }
    for (position, line) in body(output, message, around).into_iter().enumerate() {
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
pub(super) fn past(output: &Output, message: &MessageView, around: &Around<'_>) -> String {
    let lang = output.lang();
    let time = output.styled(Style::Faint, &time::local(message.sent_at));
    let sender = output.styled(Style::Bold, message.sender_id.as_str());
    let id = output.styled(Style::Faint, &message.message_id.to_string());
    let mut text = format!("{time}  {id}  {sender}");
    if let Some((style, state)) = state(lang, message, around.own) {
        text.push_str("  ");
        text.push_str(&output.styled(style, &state));
    }
    for line in body(output, message, around) {
        text.push_str("\n    ");
        text.push_str(&line);
    }
    text
}

/// How far a message of one's own has come.
fn state(lang: Lang, message: &MessageView, own: &UserId) -> Option<(Style, String)> {
    if message.kind.is_notice() {
        return None;
    }
    match &message.state {
        MessageState::Queued => Some((Style::Bold, lang.state_queued())),
        MessageState::Held => Some((Style::Alarm, lang.state_held())),
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
