//! The account and its devices.

use privmsg_protocol::rest::Device;
use privmsg_protocol::{DeviceId, Secret};
use privmsg_store::account;

use super::Client;
use crate::error::ClientError;
use crate::identity::Whoami;
use crate::net::Endpoint;
use crate::sign_in::by_device;

impl Client {
    /// What this profile is.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn whoami(&self) -> Result<Whoami, ClientError> {
        Ok(Whoami::from(&self.context.account().await?))
    }

    /// Where the server is, and how it is reached; `None` if what is stored of that is damaged.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn endpoint(&self) -> Result<Option<Endpoint>, ClientError> {
        Ok(Endpoint::of(&self.context.account().await?).ok())
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

    /// Forgets the recovery key and an access key that was made here, once they have been shown.
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

    /// The access key, if it was made at the sign-in and never shown.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn access_key(&self) -> Result<Option<Secret>, ClientError> {
        Ok(self.context.account().await?.access_key)
    }

    /// Signs this device out, on the server and here. History stays readable until the profile is deleted.
    ///
    /// # Errors
    /// [`ClientError`] of the request; a device that the server does not know is signed out already.
    pub async fn logout(&self) -> Result<(), ClientError> {
        // Another process may have renewed the token since.
        let account = self.context.account().await?;
        let api = &self.context.api;
        api.set_token(account.token.clone());
        let left = match api.logout().await {
            Err(error) if error.needs_sign_in() => match by_device::sign_in(api, &self.context.store, &account).await {
                Ok(_) => api.logout().await,
                Err(error) => Err(error),
            },
            other => other,
        };
        match left {
            Err(error @ ClientError::KeyInUseElsewhere) => return Err(error),
            Err(error) if !error.signs_out() => return Err(error),
            _ => {}
        }
        api.set_token(None);
        Ok(self.context.store.write(account::set_signed_out).await?)
    }
}
