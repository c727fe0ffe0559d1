//! `privmsg read`.

use serde::Serialize;

use crate::chat_name::ChatName;
use crate::failure::Failure;

use super::Session;
use super::history::no_chat;

#[derive(Serialize)]
struct ReadObject<'a> {
    conversation: &'a str,
    read: u64,
}

/// Marks a chat as read. Whoever wants to be told is told by the process that runs the engine, or the next one that does.
pub(super) async fn run(session: &Session<'_>, chat: &ChatName) -> Result<(), Failure> {
    let output = session.output;
    let client = session.open().await?;
    let named = chat.find(&client, session.lang()).await?;
    let count = match client.chat_with(&named.recipient).await? {
        Some(chat) => client.mark_read(chat, None).await?,
        None => match named.user() {
            Some(user) if user != client.user_id() => return Err(no_chat(session, &named)),
            _ => 0,
        },
    };
    if output.is_json() {
        return output.object(&ReadObject { conversation: &named.id, read: count });
    }
    output.text(&session.lang().marked_read(count))
}
