//! A handle for front-ends.

mod account;
mod amended;
mod blocks;
mod contact_words;
mod contacts;
mod device_lists;
mod drafts;
mod files;
mod forwarding;
mod group_care;
mod group_names;
mod groups;
mod held;
mod held_groups;
mod kept_out;
mod key_telling;
mod messages;
mod newest;
mod own_list;
mod passphrase;
mod reading;
mod requests;
mod search;
mod settings;
mod typing;

use std::fmt;
use std::sync::Arc;

use privmsg_protocol::UserId;
use privmsg_store::{Changes, account as stored_account};
use tokio::sync::{broadcast, oneshot};

use crate::clock::{Clock, SystemClock};
use crate::context::Context;
use crate::engine::Engine;
use crate::error::{ClientError, EngineError};
use crate::events::Event;
use crate::profile::{EngineLock, Profile, ProfileError};

pub use account::ChangeBy;
pub use contact_words::ContactWord;
pub use files::SavedFile;
pub use forwarding::MAX_FORWARDED;
pub use group_care::SuspendedDevice;
pub use group_names::SHORTEST_GROUP_NAME;
pub use groups::{AskedChange, GroupPerson, GroupView};
pub use held::HeldMessage;
pub use held_groups::HeldGroup;
pub use kept_out::KeptOutGroup;
pub use key_telling::KeyTellings;
pub use messages::Which;
pub(crate) use messages::target_in;
pub use own_list::OwnDevice;
pub use requests::Request;
pub use settings::{CacheLimit, Setting};
pub(crate) use typing::Passing;

/// An open profile. Clones share it.
#[derive(Clone)]
pub struct Client {
    context: Arc<Context>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.context.user_id)
    }
}

/// Why a profile with an account in it cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The profile cannot be opened.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// Nobody has signed in with it, or the database fails.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Client {
    /// Opens a profile that has been signed in ([`crate::Login`]). Nothing is sent or received until an engine runs.
    /// Several profiles may be open at once, each with a client of its own.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(profile: &Profile, passphrase: Option<&str>) -> Result<Self, OpenError> {
        Self::open_with(profile, passphrase, Arc::new(SystemClock)).await
    }

    /// As [`Client::open`], with a clock of one's own.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open_with(
        profile: &Profile,
        passphrase: Option<&str>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        let store = profile.open_store(passphrase)?;
        let account = store
            .read(stored_account::load)
            .await
            .map_err(ClientError::Store)?
            .ok_or(OpenError::Client(ClientError::NotSignedIn))?;
        let context = Context::new(profile.clone(), store, account, clock);
        Ok(Self { context: Arc::new(context) })
    }

    /// Starts the engine on the current Tokio runtime. It stops when the handle is dropped.
    ///
    /// # Errors
    /// [`EngineError::ProfileInUse`] if another process, or another handle, runs it.
    pub fn start_engine(&self) -> Result<Engine, EngineError> {
        Engine::start(Arc::clone(&self.context))
    }

    /// Starts the engine for who has waited for the right to.
    pub(crate) fn start_engine_with(&self, lock: EngineLock) -> Engine {
        Engine::start_with(Arc::clone(&self.context), lock)
    }

    /// Waits for the right to run the engine.
    pub(crate) fn wait_for_engine(&self) -> Result<oneshot::Receiver<std::io::Result<EngineLock>>, EngineError> {
        self.context.profile.wait_for_engine().map_err(EngineError::Lock)
    }

    /// Follows what the engine of this process does from now on. What has become of it stands in the database, and
    /// [`Client::changes`] tells of it.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.context.events()
    }

    /// Follows what is committed to the database from now on, by this process or another one.
    #[must_use]
    pub fn changes(&self) -> Changes {
        self.context.store.changes()
    }

    #[cfg(test)]
    pub(crate) const fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The account's user.
    #[must_use]
    pub fn user_id(&self) -> &UserId {
        &self.context.user_id
    }
}
