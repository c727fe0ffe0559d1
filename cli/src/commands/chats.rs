//! `privmsg chats`.

use privmsg_client::{ChatEntry, ChatKind, Consent, Gone, Heading};
use serde::Serialize;

use crate::chat_name::{chat_id, name_of, short};
use crate::failure::Failure;
use crate::foreign;
use crate::output::Style;

use super::{Session, time};

#[derive(Serialize)]
struct ChatObject<'a> {
    conversation: &'a str,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    messages: u64,
    unread: u64,
    last_at: i64,
    /// It awaits an answer of the user's.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    request: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pinned: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    muted: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    archived: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    declined: bool,
    /// The user takes no part in the group any more, and why: `left`, `removed` or `unknown`.
    #[serde(skip_serializing_if = "Option::is_none")]
    gone: Option<&'static str>,
}

pub(super) async fn run(session: &Session<'_>) -> Result<(), Failure> {
    let output = session.output;
    let lang = session.lang();
    let client = session.open().await?;
    let own = client.user_id();
    let chats = client.chats().await?;
    let title = |chat: &ChatEntry| chat.heading.clone().and_then(Heading::title);
    let gone = |chat: &ChatEntry| chat.heading.as_ref().and_then(|heading| heading.gone);
    if output.is_json() {
        for chat in &chats {
            output.object(&ChatObject {
                conversation: &chat_id(&chat.summary.chat.kind, own),
                title: title(chat).as_deref(),
                kind: match chat.summary.chat.kind {
                    ChatKind::Direct { .. } => "direct",
                    ChatKind::SelfNotes => "self",
                    ChatKind::Group { .. } => "group",
                },
                messages: chat.summary.messages,
                unread: chat.summary.unread,
                last_at: chat.summary.last_at,
                request: chat.summary.consent == Consent::Asked,
                pinned: chat.summary.marks.pinned,
                muted: chat.summary.marks.muted,
                archived: chat.summary.marks.archived,
                declined: chat.summary.consent == Consent::Declined,
                gone: gone(chat).map(Gone::as_str),
            })?;
        }
        return Ok(());
    }
    if chats.is_empty() {
        output.remark(&lang.no_chats());
        return Ok(());
    }
    let names: Vec<_> = chats
        .iter()
        .map(|chat| match &chat.summary.chat.kind {
            ChatKind::Direct { peer } => peer.to_string(),
            ChatKind::SelfNotes => format!("{own} {}", lang.notes()),
            ChatKind::Group { conversation } => {
                let id = name_of(conversation);
                let short = short(&id);
                let title = title(chat).map_or_else(|| lang.untitled(), |title| foreign::line(&title));
                format!("{short}  {title}")
            }
        })
        .zip(&chats)
        .map(|(name, chat)| match chat.summary.consent {
            _ if gone(chat).is_some() => format!("{name} ({})", lang.you_are_out()),
            Consent::Asked => format!("{name} ({})", lang.request()),
            Consent::Declined => format!("{name} ({})", lang.declined()),
            Consent::Open | Consent::Unknown => name,
        })
        .collect();
    let header = [lang.head_chat(), lang.head_messages(), lang.head_unread(), lang.head_last()];
    let wide = names.iter().chain([&header[0]]).map(|name| name.chars().count()).max().unwrap_or_default();
    let [_, count, unread, _] = header.each_ref().map(|title| title.chars().count());
    let head = format!("{:<wide$}  {}  {}  {}", header[0], header[1], header[2], header[3]);
    output.text(&output.styled(Style::Faint, &head))?;
    for (chat, name) in chats.iter().zip(&names) {
        let summary = &chat.summary;
        // Nothing was said there yet.
        let is_empty = summary.messages == 0 && summary.last_message.is_none();
        let last = if is_empty { "-".to_owned() } else { time::local(summary.last_at) };
        let new = if summary.unread > 0 { summary.unread.to_string() } else { String::new() };
        let line = format!("{name:<wide$}  {:>count$}  {new:>unread$}  {last}", summary.messages);
        output.text(&line)?;
    }
    Ok(())
}
