//! What somebody says to what others begin with them.

use anyhow::Result;
use privmsg_client::{ChatId, Consent, Recipient};

use super::{Named, Person};
use crate::wait::{PATIENCE, until};

impl Person {
    /// The chat with somebody, once there is one.
    ///
    /// # Errors
    /// If it takes too long.
    pub async fn chat(&self, with: &impl Named) -> Result<ChatId> {
        let with = Recipient::User(with.name().clone());
        until("a chat", PATIENCE, || async { Ok(self.client.chat_with(&with).await?) }).await
    }

    /// Lets the chat with somebody in.
    ///
    /// # Errors
    /// If that does not work.
    pub async fn lets_in(&self, whom: &impl Named) -> Result<()> {
        Ok(self.client.accept(self.chat(whom).await?).await?)
    }

    /// Does not want the chat with somebody.
    ///
    /// # Errors
    /// If that does not work.
    pub async fn declines(&self, whom: &impl Named) -> Result<()> {
        Ok(self.client.decline(self.chat(whom).await?).await?)
    }

    /// Waits until this device knows how its user stands to the chat with somebody.
    ///
    /// # Errors
    /// If it does not come to know.
    pub async fn stands_to(&self, whom: &impl Named, consent: Consent) -> Result<()> {
        let chat = self.chat(whom).await?;
        let what = format!("{} stands to {} as {}", self.name(), whom.name(), consent.as_str());
        until(&what, PATIENCE, || async { Ok((self.client.consent(chat).await? == consent).then_some(())) }).await
    }
}
