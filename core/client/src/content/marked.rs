//! What is kept to be read, with a mark and without any effect: its author is perhaps not who the name says.

use privmsg_e2ee::{Files, Kind, Text};
use privmsg_store::{Tx, messages};

use super::{Said, store_as};
use crate::error::ClientError;

/// Keeps what a device has said that does not stand in its account's device list. What is no message by itself is nothing.
pub(crate) fn store_unlisted(tx: &Tx<'_>, said: &Said<'_>) -> Result<(), ClientError> {
    store(tx, said, messages::Kind::UNLISTED)
}

/// Keeps what somebody has said who has another identity key than the one that the sender is known by.
pub(crate) fn store_of_namesake(tx: &Tx<'_>, said: &Said<'_>) -> Result<(), ClientError> {
    store(tx, said, messages::Kind::OTHER_KEY)
}

fn store(tx: &Tx<'_>, said: &Said<'_>, kind: messages::Kind) -> Result<(), ClientError> {
    let is_message = match said.content.kind {
        Text::NUMBER => said.content.body::<Text>().is_ok(),
        Files::NUMBER => said.content.body::<Files>().is_ok(),
        _ => false,
    };
    if !is_message {
        tracing::warn!(sender = %said.sender, kind = kind.0, "passed over what somebody has said who is perhaps another");
        return Ok(());
    }
    store_as(tx, said, kind).map(drop)
}
