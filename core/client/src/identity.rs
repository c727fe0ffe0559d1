//! Who this device is, ready for use.

use std::fmt;

use privmsg_e2ee::{AccountKey, AccountPublicKey, DeviceCertificate, DeviceKeys};
use privmsg_protocol::{DeviceId, UserId};
use privmsg_store::account::{Account, AccountState};

use crate::error::ClientError;

/// The keys of a signed-in device.
pub(crate) struct Identity {
    pub(crate) user_id: UserId,
    pub(crate) device_id: DeviceId,
    pub(crate) device: DeviceKeys,
    pub(crate) certificate: DeviceCertificate,
    pub(crate) account: AccountPublicKey,
}

impl Identity {
    pub(crate) fn of(account: &Account) -> Result<Self, ClientError> {
        if account.state != AccountState::Ready {
            return Err(ClientError::NotSignedIn);
        }
        let key = account.account_key.as_ref().ok_or(ClientError::NotSignedIn)?;
        let certificate = account.certificate.as_deref().ok_or(ClientError::NotSignedIn)?;
        Ok(Self {
            user_id: account.user_id.clone(),
            device_id: account.device_id.clone().ok_or(ClientError::NotSignedIn)?,
            device: DeviceKeys::from_bytes(&account.device_key),
            certificate: DeviceCertificate::decode(certificate)
                .map_err(|_| ClientError::Damaged("device certificate"))?,
            account: AccountKey::from_bytes(key).public(),
        })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({}, {})", self.user_id, self.device_id)
    }
}

/// What a profile is, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whoami {
    /// Account.
    pub user_id: UserId,
    /// This device; none if the sign-in was not finished.
    pub device_id: Option<DeviceId>,
    /// Its name.
    pub device_name: String,
    /// The server.
    pub server_url: String,
    /// The account's public identity key, base64.
    pub identity_key: Option<String>,
    /// Whether the server still knows this device.
    pub signed_in: bool,
}

impl From<&Account> for Whoami {
    fn from(account: &Account) -> Self {
        Self {
            user_id: account.user_id.clone(),
            device_id: account.device_id.clone(),
            device_name: account.device_name.clone(),
            server_url: account.server_url.clone(),
            identity_key: account.account_key.as_ref().map(|key| AccountKey::from_bytes(key).public().to_string()),
            signed_in: account.state == AccountState::Ready,
        }
    }
}
