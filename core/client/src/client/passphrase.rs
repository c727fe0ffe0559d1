//! The passphrase of the open profile.

use privmsg_protocol::Secret;
use privmsg_store::key::{KeyError, KeyPlace};

use super::Client;
use crate::error::{ClientError, During as _};
use crate::profile::{Profile, has_keyring};

impl Client {
    /// Where the key of the database is kept.
    ///
    /// # Errors
    /// [`ClientError::Key`].
    pub async fn key_place(&self) -> Result<KeyPlace, ClientError> {
        self.of_profile(|profile| profile.key_place()?.ok_or(KeyError::NoProfile)).await
    }

    /// Whether this is the passphrase of the open profile: under it lies the key by which its database was opened. What has been put in
    /// its place since is not asked.
    ///
    /// # Errors
    /// [`ClientError::Key`], with [`KeyError::WrongPassphrase`] if it is not.
    pub async fn check_passphrase(&self, passphrase: Secret) -> Result<(), ClientError> {
        let store = self.context.store.clone();
        self.of_profile(move |profile| profile.is_opened_by(&store, passphrase.expose())).await
    }

    /// Keeps the key under another passphrase from now on; without one, in the keyring of the system, or in a file where there is none.
    ///
    /// # Errors
    /// As for [`Profile::keep_key`].
    pub async fn set_passphrase(&self, current: Secret, new: Option<Secret>) -> Result<(), ClientError> {
        let moves = move |profile: &Profile| {
            let place = match &new {
                Some(_) => KeyPlace::Passphrase,
                None if has_keyring() => KeyPlace::Keyring,
                None => KeyPlace::File,
            };
            profile.keep_key(Some(current.expose()), place, new.as_ref().map(Secret::expose))
        };
        self.of_profile(moves).await
    }

    /// Asks the profile on a thread that may wait: for a key derivation, a disk, or a keyring.
    async fn of_profile<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Profile) -> Result<T, KeyError> + Send + 'static,
    ) -> Result<T, ClientError> {
        let profile = self.context.profile.clone();
        let done = tokio::task::spawn_blocking(move || work(&profile)).await;
        Ok(done.during("asking for the key")??)
    }
}
