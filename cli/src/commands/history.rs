//! `privmsg history`.

use privmsg_client::{Consent, HistoryItem};
use serde::Serialize;

use crate::chat_name::{ChatName, short};
use crate::failure::Failure;
use crate::foreign;
use crate::output::Style;

use super::Session;
use super::message::{Around, MessageObject, past};

/// Where messages are missing.
#[derive(Serialize)]
struct GapObject<'a> {
    conversation: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    missing: u64,
}

pub(super) async fn run(session: &Session<'_>, chat: &ChatName, limit: u32) -> Result<(), Failure> {
    let output = session.output;
    let lang = session.lang();
    let client = session.open().await?;
    let named = chat.find(&client, session.lang()).await?;
    let items = client.history(&named.recipient, limit).await?;
    let blocked = match named.user() {
        Some(user) => client.is_held(user).await?,
        None => false,
    };
    if items.is_empty() && limit > 0 {
        output.remark(&lang.no_messages(&foreign::line(&named.label)));
    }
    let consent = match client.chat_with(&named.recipient).await? {
        Some(chat) => client.consent(chat).await?,
        None => Consent::Unknown,
    };
    for item in &items {
        match item {
            HistoryItem::Message(message) if output.is_json() => {
                output.object(&MessageObject::of(message, client.user_id()).in_chat(consent))?;
            }
            HistoryItem::Message(message) => {
                let around = Around::of(&client, lang, message, blocked).await?;
                output.text(&past(output, message, &around))?;
            }
            HistoryItem::Gap { missing, .. } if output.is_json() => {
                output.object(&GapObject { conversation: &named.id, kind: "gap", missing: *missing })?;
            }
            HistoryItem::Gap { missing, .. } => output.text(&output.styled(Style::Faint, &lang.gap(*missing)))?,
        }
    }
    match consent {
        Consent::Asked => output.remark(&lang.is_a_request(short(&named.id))),
        Consent::Declined => output.remark(&lang.is_declined(short(&named.id))),
        Consent::Open | Consent::Unknown => {}
    }
    Ok(())
}
