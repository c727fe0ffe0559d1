//! `privmsg history`.

use privmsg_client::{ClientError, Consent, HistoryItem};
use serde::Serialize;

use crate::chat_name::{ChatName, Named, short};
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

/// Nothing was ever said there.
pub(super) fn no_chat(session: &Session<'_>, named: &Named) -> Failure {
    match named.user() {
        Some(user) => Failure::Usage(session.lang().no_chat_with(user.as_str())),
        None => ClientError::NoSuchGroup(named.id.clone()).into(),
    }
}

pub(super) async fn run(session: &Session<'_>, chat: &ChatName, limit: u32) -> Result<(), Failure> {
    let output = session.output;
    let lang = session.lang();
    let client = session.open().await?;
    let named = chat.find(&client, session.lang()).await?;
    let is_own = named.user() == Some(client.user_id());
    if client.chat_with(&named.recipient).await?.is_none() && !is_own {
        return Err(no_chat(session, &named));
    }
    let items = client.history(&named.recipient, limit).await?;
    let blocked = match named.user() {
        Some(user) => client.is_held(user).await?,
        None => false,
    };
    if items.is_empty() && limit > 0 {
        output.remark(&if is_own { lang.no_notes() } else { lang.no_messages(&foreign::line(&named.label)) });
    }
    let consent = match client.chat_with(&named.recipient).await? {
        Some(chat) => client.consent(chat).await?,
        None => Consent::Unknown,
    };
    for (item, before) in items.iter().zip(std::iter::once(None).chain(items.iter().map(Some))) {
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
            // How many numbers are missing says little: people's messages are the fewest of them.
            HistoryItem::Gap { .. } if matches!(before, Some(HistoryItem::Gap { .. })) => {}
            HistoryItem::Gap { .. } => output.text(&output.styled(Style::Faint, &lang.gap()))?,
        }
    }
    match consent {
        Consent::Asked => output.remark(&lang.is_a_request(short(&named.id))),
        Consent::Declined => output.remark(&lang.is_declined(short(&named.id))),
        Consent::Open | Consent::Unknown => {}
    }
    Ok(())
}
