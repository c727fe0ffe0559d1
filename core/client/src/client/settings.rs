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
    /// Others see that one is writing to them.
    Typing,
}

impl Setting {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ReadReceipts, Self::Presence, Self::Typing];

    /// Its name, in the database and for scripts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadReceipts => "read_receipts",
            Self::Presence => "presence",
            Self::Typing => "typing",
        }
    }

    /// What holds as long as the user has said nothing. Whoever wants to be seen reading has to say so.
    const fn default(self) -> bool {
        match self {
            Self::ReadReceipts => false,
            Self::Presence | Self::Typing => true,
        }
    }

    pub(crate) fn is_on(self, at: &Snapshot<'_>) -> Result<bool, StoreError> {
        Ok(settings::get(at, self.as_str())?.map_or(self.default(), |value| value != 0))
    }
}

/// How much of what was downloaded is kept, beside what is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheLimit {
    /// Megabytes: millions of bytes.
    pub megabytes: u32,
}

impl CacheLimit {
    /// Its name, in the database and for scripts.
    pub const NAME: &'static str = "cache_mb";

    pub(crate) fn load(at: &Snapshot<'_>) -> Result<Self, StoreError> {
        let megabytes = settings::get(at, Self::NAME)?.and_then(|value| value.try_into().ok());
        Ok(megabytes.map_or(Self::default(), |megabytes| Self { megabytes }))
    }

    pub(crate) fn bytes(self) -> u64 {
        u64::from(self.megabytes) * 1_000_000
    }
}

impl Default for CacheLimit {
    fn default() -> Self {
        Self { megabytes: 500 }
    }
}

impl Client {
    /// How much of what was downloaded is kept.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn cache_limit(&self) -> Result<CacheLimit, ClientError> {
        self.read(CacheLimit::load).await
    }

    /// Keeps no more than that from now on.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn set_cache_limit(&self, limit: CacheLimit) -> Result<(), ClientError> {
        let store = &self.context.store;
        Ok(store.write(move |tx| settings::set(tx, CacheLimit::NAME, i64::from(limit.megabytes))).await?)
    }

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
