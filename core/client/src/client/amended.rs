//! What has become of messages that were shown already.

use privmsg_store::amended::{self, Amended};
use privmsg_store::{Snapshot, messages};

use super::Client;
use crate::error::ClientError;
use crate::view::history;
use crate::view::message::MessageView;

impl Client {
    /// Edits, deletions and reactions that have come since their messages were shown, in order, with the messages as they are now. Of
    /// a message that has still to be shown there are none: it shows them itself.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn amended(&self) -> Result<Vec<(Amended, Option<MessageView>)>, ClientError> {
        let look = |at: &Snapshot<'_>| {
            let mut found = Vec::new();
            for amended in amended::all(at)? {
                let message = messages::load(at, amended.message)?;
                let message = message.map(|message| MessageView::of(at, message)).transpose()?;
                let was_shown =
                    |message: &MessageView| message.outgoing || history::is_seen(at, message.id).unwrap_or(true);
                found.push((amended, message.filter(was_shown)));
            }
            Ok(found)
        };
        self.read(look).await
    }

    /// A message has been shown as it is now.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn mark_shown_as_it_is(&self, message: i64) -> Result<(), ClientError> {
        Ok(self.context.store.write(move |tx| amended::remove_of(tx, message)).await?)
    }

    /// One of them has been shown.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn mark_amended_seen(&self, amended: &Amended) -> Result<(), ClientError> {
        let id = amended.id;
        Ok(self.context.store.write(move |tx| amended::remove(tx, id)).await?)
    }
}
