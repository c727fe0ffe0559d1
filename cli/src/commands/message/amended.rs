//! What has become of a message that was shown already: edits, deletions, reactions.

use privmsg_client::{Amended, Amendment, ChatKind, MessageView};
use privmsg_protocol::UserId;
use serde::Serialize;

use super::excerpt;
use super::shown::{Around, NOTE, further};
use crate::chat_name::chat_id;
use crate::commands::time;
use crate::foreign;
use crate::output::{Output, Style};

/// As `--json` prints it. The fields are documented and stay.
#[derive(Debug, Serialize)]
pub(in crate::commands) struct AmendedObject<'a> {
    /// The message that it is about.
    message_id: String,
    conversation: String,
    /// Who has said it.
    sender_id: &'a str,
    sent_at: i64,
    #[serde(rename = "type")]
    kind: &'static str,
    /// Who has written the message.
    author_id: &'a str,
    /// The new text.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    emoji: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    removed: bool,
}

impl<'a> AmendedObject<'a> {
    pub(in crate::commands) fn of(amended: &'a Amended, message: &'a MessageView, own: &UserId) -> Self {
        let (kind, text, emoji, removed) = match &amended.what {
            Amendment::Edited => ("edited", Some(message.text.as_str()), None, false),
            Amendment::Deleted => ("deleted", None, None, false),
            Amendment::Reaction { emoji, removed } => ("reaction", None, Some(emoji.as_str()), *removed),
        };
        Self {
            message_id: message.message_id.to_string(),
            conversation: chat_id(&message.chat.kind, own),
            sender_id: amended.by.as_str(),
            sent_at: amended.at_ms,
            kind,
            author_id: message.sender_id.as_str(),
            text,
            emoji,
            removed,
        }
    }
}

/// As `listen` prints it.
pub(in crate::commands) fn amended(
    output: &Output,
    amended: &Amended,
    message: &MessageView,
    around: &Around<'_>,
) -> String {
    let (lang, by, at) = (output.lang(), amended.by.as_str(), time::local(message.sent_at));
    let said = match &amended.what {
        Amendment::Edited => lang.has_edited(by, &at),
        Amendment::Deleted => lang.has_deleted(by, &at),
        Amendment::Reaction { emoji, removed } => {
            let (emoji, about) = (foreign::line(emoji), lang.quoted(&excerpt(lang, message)));
            if *removed { lang.reacts_no_more(by, &emoji, &about) } else { lang.reacts(by, &emoji, &about) }
        }
    };
    let mut text =
        format!("{}  {NOTE}{}", output.styled(Style::Faint, &time::local(amended.at_ms)), foreign::line(&said));
    match (&message.chat.kind, around.group()) {
        (_, Some(group)) => text.push_str(&format!("  ({group})")),
        // It is said by another device of one's own, or about one's own message.
        (ChatKind::Direct { peer }, None) if *peer != amended.by => text.push_str(&format!("  ({peer})")),
        _ => {}
    }
    if amended.what == Amendment::Edited {
        for line in foreign::lines(&message.text) {
            text.push('\n');
            text.push_str(&further(line));
        }
    }
    text
}
