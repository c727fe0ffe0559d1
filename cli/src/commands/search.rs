//! `privmsg search`.

use crate::args::Search;
use crate::failure::Failure;

use super::Session;
use super::history::no_chat;
use super::message::{Around, MessageObject, found};

/// Shows the newest messages that fit, the newest first, as `history` shows them and with where each was said.
pub(super) async fn run(session: &Session<'_>, wanted: &Search) -> Result<(), Failure> {
    let output = session.output;
    let lang = session.lang();
    let client = session.open().await?;
    let mut search = wanted.wanted();
    if let Some(name) = &wanted.chat {
        let named = name.find(&client, lang).await?;
        search.chat = client.chat_with(&named.recipient).await?;
        if search.chat.is_none() {
            return Err(no_chat(session, &named));
        }
    }
    let hits = client.search(&search, None, wanted.limit).await?;
    for hit in &hits.hits {
        let message = &*hit.message;
        if output.is_json() {
            let consent = client.consent(message.chat.id).await?;
            output.object(&MessageObject::of(message, client.user_id()).in_chat(consent))?;
        } else {
            output.text(&found(output, message, &Around::of(&client, lang, message, false).await?))?;
        }
    }
    if hits.hits.is_empty() {
        output.remark(&lang.nothing_found());
    } else if hits.next.is_some() {
        output.remark(&lang.more_found());
    }
    Ok(())
}
