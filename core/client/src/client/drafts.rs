//! What the user has begun to write.

use privmsg_store::drafts;

use super::Client;
use crate::error::ClientError;
use crate::sending::{Recipient, chat_kind};

impl Client {
    /// What was begun for somebody and not sent, on this device.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn draft(&self, recipient: &Recipient) -> Result<Option<String>, ClientError> {
        let kind = chat_kind(self.user_id(), recipient);
        self.read(move |at| drafts::of(at, &kind)).await
    }

    /// Keeps what is begun for somebody in the place of what was; nothing, if it is empty. It is shown in
    /// [`crate::ChatEntry::draft`], and is there after whatever happens to this process.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn keep_draft(&self, recipient: &Recipient, text: &str) -> Result<(), ClientError> {
        let (kind, text) = (chat_kind(self.user_id(), recipient), text.to_owned());
        Ok(self.context.store.write(move |tx| drafts::set(tx, &kind, &text)).await?)
    }
}
