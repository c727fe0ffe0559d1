//! The account and its devices.

use privmsg_protocol::rest::Device;
use privmsg_protocol::{DeviceId, Secret};
use privmsg_store::account;

use super::Client;
use crate::error::ClientError;
use crate::identity::Whoami;

impl Client {
    /// What this profile is.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn whoami(&self) -> Result<Whoami, ClientError> {
        Ok(Whoami::from(&self.context.account().await?))
    }

    /// The account's devices, as the server has them.
    ///
    /// # Errors
    /// [`ClientError`] of the request.
    pub async fn devices(&self) -> Result<Vec<Device>, ClientError> {
        Ok(self.context.api.devices().await?.devices)
    }

    /// Signs another device of the account out.
    ///
    /// # Errors
    /// [`ClientError`] of the request.
    pub async fn remove_device(&self, device: &DeviceId) -> Result<(), ClientError> {
        self.context.api.remove_device(device).await
    }

    /// Forgets the recovery key, once it has been shown.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn forget_recovery_key(&self) -> Result<(), ClientError> {
        Ok(self.context.store.write(account::forget_recovery_words).await?)
    }

    /// The recovery key, if it was made and never shown.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn recovery_key(&self) -> Result<Option<Secret>, ClientError> {
        Ok(self.context.account().await?.recovery_words)
    }

    /// Signs this device out, on the server and here. History stays readable until the profile is deleted.
    ///
    /// # Errors
    /// [`ClientError`] of the request; a device that the server does not know is signed out already.
    pub async fn logout(&self) -> Result<(), ClientError> {
        // Another process may have renewed the token since.
        self.context.api.set_token(self.context.account().await?.token);
        match self.context.api.logout().await {
            Err(error) if !error.ends_session() => return Err(error),
            _ => {}
        }
        self.context.api.set_token(None);
        Ok(self.context.store.write(account::set_signed_out).await?)
    }
}
