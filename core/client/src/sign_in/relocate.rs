//! The same account at another address of its server.
//!
//! A trial server gets a certificate, a domain changes, somebody goes over to the onion service: the device stays what
//! it is. The new address counts only once the server there has shown that it knows this device by its session, so that a
//! slip does not leave a profile that talks to nobody. If that server says that the session has run out, the device signs
//! in there by its key.

use std::fmt;

use privmsg_e2ee::DeviceKeys;
use privmsg_store::account::{self, Account, AccountState};
use privmsg_store::{Store, StoreError};

use super::LoginError;
use super::by_device;
use super::lock::LoginLock;
use crate::error::ClientError;
use crate::net::http::Api;
use crate::net::{Endpoint, Fingerprint, ProxySetting, ServerAddress};
use crate::profile::{Profile, ProfileError};

/// What is to change of a signed-in profile's way to its server. What is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Relocation {
    /// The new address.
    pub address: Option<ServerAddress>,
    /// The new choice of a proxy.
    pub proxy: Option<ProxySetting>,
    /// The new key to be accepted, or none in particular.
    pub fingerprint: Option<Option<Fingerprint>>,
}

/// Why a profile still goes the old way.
#[derive(Debug, thiserror::Error)]
pub enum RelocationError {
    /// The profile cannot be opened, or another sign-in is going on with it.
    #[error(transparent)]
    Login(#[from] LoginError),
    /// Nothing would change.
    #[error("nothing would change")]
    Unchanged(Box<Endpoint>),
    /// The server there does not know this device: it is another server, or has signed the device out.
    #[error("the server at {0} does not know this device")]
    OtherServer(ServerAddress),
    /// Any other failure.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl From<ProfileError> for RelocationError {
    fn from(error: ProfileError) -> Self {
        Self::Login(error.into())
    }
}

impl From<StoreError> for RelocationError {
    fn from(error: StoreError) -> Self {
        Self::Client(error.into())
    }
}

impl Relocation {
    /// Whether anything is to change.
    #[must_use]
    pub const fn is_asked_for(&self) -> bool {
        self.address.is_some() || self.proxy.is_some() || self.fingerprint.is_some()
    }

    /// Goes there, and keeps the new way if the server there is the same.
    ///
    /// # Errors
    /// [`RelocationError`]; the profile is as it was.
    pub async fn carry_out(self, profile: &Profile, passphrase: Option<&str>) -> Result<Endpoint, RelocationError> {
        let _lock = LoginLock::take(profile)?;
        let store = profile.open_store(passphrase)?;
        let account = store.read(account::load).await?.ok_or(ClientError::NotSignedIn)?;
        if account.state != AccountState::Ready {
            return Err(ClientError::NotSignedIn.into());
        }
        let before = Endpoint::of(&account);
        let endpoint = self.applied_to(before.clone())?;
        if before.as_ref() == Ok(&endpoint) {
            return Err(RelocationError::Unchanged(Box::new(endpoint)));
        }
        let there = There { api: Api::new(endpoint.clone()), account, address: endpoint.address.clone() };
        let renewed = there.knows_us(&store).await?;
        keep(&store, endpoint.clone(), renewed).await?;
        Ok(endpoint)
    }

    /// What is stored may be damaged in the very part that is to change.
    fn applied_to(self, before: Result<Endpoint, crate::net::NetworkError>) -> Result<Endpoint, ClientError> {
        let mut endpoint = match (before, &self.address) {
            (Ok(before), _) => before,
            (Err(_), Some(address)) => Endpoint::at(address.clone()),
            (Err(error), None) => return Err(error.into()),
        };
        if let Some(address) = self.address {
            endpoint.address = address;
        }
        if let Some(proxy) = self.proxy {
            endpoint.proxy = proxy;
        }
        if let Some(fingerprint) = self.fingerprint {
            endpoint.fingerprint = fingerprint;
        }
        Ok(endpoint)
    }
}

/// The server at the new address.
struct There {
    api: Api,
    account: Account,
    address: ServerAddress,
}

impl fmt::Debug for There {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "There({})", self.address)
    }
}

/// A new session, where the old one had run out.
type Renewed = Option<(privmsg_protocol::Secret, i64)>;

impl There {
    /// Whether it has this device's session, or lets the same device in again.
    async fn knows_us(&self, store: &Store) -> Result<Renewed, RelocationError> {
        self.api.set_token(self.account.token.clone());
        match self.api.devices().await {
            Ok(devices) => {
                let known = devices.devices.into_iter().find(|device| device.current);
                let same = known.is_some_and(|device| {
                    Some(&device.device_id) == self.account.device_id.as_ref()
                        && device.device_public_key.is_none_or(|key| key == self.device_public_key())
                });
                if same { Ok(None) } else { Err(self.other_server()) }
            }
            Err(error) if error.needs_sign_in() => self.sign_in_again(store).await.map(Some),
            Err(error) => Err(error.into()),
        }
    }

    async fn sign_in_again(&self, store: &Store) -> Result<(privmsg_protocol::Secret, i64), RelocationError> {
        match by_device::sign_in(&self.api, store, &self.account).await {
            Ok(answer) => Ok((answer.token, answer.expires_at)),
            Err(ClientError::DeviceForgotten(_)) => Err(self.other_server()),
            Err(error) => Err(error.into()),
        }
    }

    fn device_public_key(&self) -> String {
        DeviceKeys::from_bytes(&self.account.device_key).public().to_string()
    }

    fn other_server(&self) -> RelocationError {
        RelocationError::OtherServer(self.address.clone())
    }
}

/// In one step, on what the row is by now: another process may have renewed the session meanwhile.
async fn keep(store: &Store, endpoint: Endpoint, renewed: Renewed) -> Result<(), ClientError> {
    store
        .write(move |tx| {
            let mut account = account::load(tx)?.ok_or(ClientError::NotSignedIn)?;
            endpoint.keep_in(&mut account);
            if let Some((token, expires_at)) = renewed {
                account.token = Some(token);
                account.token_expires_at = expires_at;
            }
            Ok(account::save(tx, &account)?)
        })
        .await
}
