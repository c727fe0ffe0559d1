//! `privmsg forward`.

use super::{Session, download, send};
use crate::chat_name::ChatName;
use crate::failure::Failure;
use crate::which::Which;

pub(super) async fn run(
    session: &Session<'_>,
    which: &Which,
    to: ChatName,
    timeout: Option<u64>,
) -> Result<(), Failure> {
    let lang = session.lang();
    let client = session.signals.unless_interrupted(session.open_signed_in()).await?;
    let message = client.forwardable(which.find(&client, lang).await?).await?;
    // A group may be one that this device has not heard of yet.
    if !matches!(to, ChatName::Group(_)) {
        to.find(&client, lang).await?;
    }
    if !message.attachments.is_empty() {
        download::fetch(session, &client, message.id).await?;
    }
    let draft = client.forwarded(&message).await?;
    send::say(session, client, &to, draft, timeout).await
}
