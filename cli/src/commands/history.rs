//! `privmsg history`.

use privmsg_client::{HistoryItem, Recipient};
use privmsg_protocol::UserId;
use serde::Serialize;

use crate::failure::Failure;
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

pub(super) async fn run(session: &Session<'_>, user: UserId, limit: u32) -> Result<(), Failure> {
    let output = session.output;
    let lang = session.lang();
    let client = session.open().await?;
    let recipient = Recipient::User(user);
    let items = client.history(&recipient, limit).await?;
    let Recipient::User(user) = recipient;
    let blocked = client.is_held(&user).await?;
    if items.is_empty() {
        output.remark(&lang.no_messages(user.as_str()));
    }
    for item in &items {
        match item {
            HistoryItem::Message(message) if output.is_json() => {
                output.object(&MessageObject::of(message, client.user_id()))?;
            }
            HistoryItem::Message(message) => {
                let around = Around::of(&client, lang, message, blocked).await?;
                output.text(&past(output, message, &around))?;
            }
            HistoryItem::Gap { missing, .. } if output.is_json() => {
                output.object(&GapObject { conversation: user.as_str(), kind: "gap", missing: *missing })?;
            }
            HistoryItem::Gap { missing, .. } => output.text(&output.styled(Style::Faint, &lang.gap(*missing)))?,
        }
    }
    Ok(())
}
