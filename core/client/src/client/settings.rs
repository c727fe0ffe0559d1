//! What a user can switch.

use privmsg_store::{Snapshot, StoreError, settings};

use super::Client;
use crate::error::ClientError;

/// Something that can be switched on and off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// Others are told when one has read what they wrote.
    ReadReceipts,
    /// Others see that one is there.
    Presence,
}

impl Setting {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::ReadReceipts, Self::Presence];

    /// Its name, in the database and for scripts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadReceipts => "read_receipts",
            Self::Presence => "presence",
        }
    }

    /// What holds as long as the user has said nothing. Whoever wants to be seen reading has to say so.
    const fn default(self) -> bool {
        match self {
            Self::ReadReceipts => false,
            Self::Presence => true,
        }
    }

    pub(crate) fn is_on(self, at: &Snapshot<'_>) -> Result<bool, StoreError> {
        Ok(settings::get(at, self.as_str())?.map_or(self.default(), |value| value != 0))
    }
}

impl Client {
    /// Whether something is switched on.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn setting(&self, setting: Setting) -> Result<bool, ClientError> {
        self.read(move |at| setting.is_on(at)).await
    }

    /// Switches something on or off.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn set(&self, setting: Setting, on: bool) -> Result<(), ClientError> {
        let store = &self.context.store;
        Ok(store.write(move |tx| settings::set(tx, setting.as_str(), i64::from(on))).await?)
    }
}
