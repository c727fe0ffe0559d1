//! The account's signing key on its way to devices that were let in: without it they let in nobody, and change nothing in groups.

use privmsg_e2ee::{Content, Kind as _, SigningKey};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::{Change, Snapshot, StoreError, account, outbox};

use super::Client;
use crate::content::signing_key::{TOLD, WANTED, is_wanted, times_told};
use crate::error::ClientError;

/// How often this device has told others the key so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyTellings(i64);

impl Client {
    /// Whether this device can sign for the account. One that was just let in is told by another how, and cannot before.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn signs(&self) -> Result<bool, ClientError> {
        Ok(self.context.store.read(account::has_signing_key).await?)
    }

    /// Waits until it can.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn wait_signs(&self) -> Result<(), ClientError> {
        let mut changes = self.changes();
        while !self.signs().await? {
            if !changes.wait_for(|change| *change == Change::Account).await {
                return Err(StoreError::Closed.into());
            }
        }
        Ok(())
    }

    /// How often the key has been told by now.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn key_tellings(&self) -> Result<KeyTellings, ClientError> {
        Ok(KeyTellings(self.context.store.read(times_told).await?))
    }

    /// Waits until it has been told once more, and the server has that: the device that has asked finds it there, also if this one is never
    /// seen again.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn wait_key_told(&self, before: KeyTellings) -> Result<(), ClientError> {
        self.wait_settled(move |at| Ok(times_told(at)? > before.0)).await
    }

    /// Waits until nobody waits for the key whom this device has heard.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn wait_no_key_wanted(&self) -> Result<(), ClientError> {
        self.wait_settled(|at| Ok(!account::has_signing_key(at)? || !is_wanted(at)?)).await
    }

    async fn wait_settled(
        &self,
        is_so: impl Fn(&Snapshot<'_>) -> Result<bool, StoreError> + Send + Sync + Copy + 'static,
    ) -> Result<(), ClientError> {
        let mut changes = self.changes();
        let look = move |at: &Snapshot<'_>| Ok::<_, StoreError>(is_so(at)? && is_said(at)?);
        while !self.context.store.read(look).await? {
            let concerns = |change: &Change| {
                matches!(change, Change::Setting(name) if [TOLD, WANTED].contains(&name.as_ref()))
                    || *change == Change::Task(outbox::TASK)
            };
            if !changes.wait_for(concerns).await {
                return Err(StoreError::Closed.into());
            }
        }
        Ok(())
    }
}

/// Whether nothing of it waits in the conversation with oneself.
fn is_said(at: &Snapshot<'_>) -> Result<bool, StoreError> {
    let Some(notes) = chats::find(at, &ChatKind::SelfNotes)? else { return Ok(true) };
    let is_key = |content: &[u8]| Content::decode(content).is_ok_and(|content| content.kind == SigningKey::NUMBER);
    Ok(!outbox::ready(at, notes, usize::MAX >> 1)?.iter().any(|queued| is_key(&queued.content)))
}
