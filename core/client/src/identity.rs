//! Who this device is, ready for use.

use std::fmt;

use privmsg_e2ee::{AccountPublicKey, DeviceCertificate, DeviceKeys, Person};
use privmsg_protocol::{DeviceId, UserId};
use privmsg_store::account::{Account, AccountState};

use crate::error::ClientError;
use crate::net::ProxySetting;

/// The keys of a signed-in device.
pub(crate) struct Identity {
    pub(crate) user_id: UserId,
    pub(crate) device_id: DeviceId,
    pub(crate) device: DeviceKeys,
    pub(crate) certificate: DeviceCertificate,
    pub(crate) account: AccountPublicKey,
}

impl Identity {
    /// Whose it is, and under which key.
    pub(crate) fn person(&self) -> (&UserId, Option<[u8; 32]>) {
        (&self.user_id, Some(*self.account.as_bytes()))
    }

    /// The same as conversations name it.
    pub(crate) fn as_person(&self) -> Person {
        Person { user_id: self.user_id.clone(), identity: self.account }
    }

    pub(crate) fn of(account: &Account) -> Result<Self, ClientError> {
        if account.state != AccountState::Ready {
            return Err(ClientError::NotSignedIn);
        }
        let certificate = account.certificate.as_deref().ok_or(ClientError::NotSignedIn)?;
        Ok(Self {
            user_id: account.user_id.clone(),
            device_id: account.device_id.clone().ok_or(ClientError::NotSignedIn)?,
            device: DeviceKeys::from_bytes(&account.device_key),
            certificate: DeviceCertificate::decode(certificate)
                .map_err(|_| ClientError::Damaged("device certificate"))?,
            account: public_identity(account)?,
        })
    }
}

/// The account's public identity key.
///
/// # Errors
/// [`ClientError::NotSignedIn`] as long as it is not known.
pub(crate) fn public_identity(account: &Account) -> Result<AccountPublicKey, ClientError> {
    let key = account.identity.ok_or(ClientError::NotSignedIn)?;
    AccountPublicKey::from_bytes(key).map_err(|_| ClientError::Damaged("identity key"))
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
    /// Through which proxy it is reached, without the password; `none` for never; nothing for as the environment says.
    pub proxy: Option<String>,
    /// Fingerprint of the only key that is accepted there.
    pub fingerprint: Option<String>,
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
            proxy: ProxySetting::of_stored(account.proxy.as_ref()).map_or_else(
                |error| Some(error.to_string()),
                |setting| match setting {
                    ProxySetting::Environment => None,
                    ProxySetting::Never => Some("none".to_owned()),
                    ProxySetting::Through(proxy) => Some(proxy.to_string()),
                },
            ),
            fingerprint: account.fingerprint.clone(),
            identity_key: public_identity(account).ok().map(|key| key.to_string()),
            signed_in: account.state == AccountState::Ready,
        }
    }
}

/// For tests: an account that is signed in, with keys of no use.
#[cfg(test)]
pub(crate) fn signed_in_account(user_id: UserId) -> Account {
    Account {
        server_url: "http://localhost".into(),
        user_id,
        access_key: None,
        device_name: "here".into(),
        device_type: String::new(),
        device_key: zeroize::Zeroizing::new([1; 32]),
        identity: Some(*privmsg_e2ee::AccountKey::from_bytes(&[2; 32]).public().as_bytes()),
        identity_secret: None,
        sealed_identity: None,
        signing: None,
        link_secret: None,
        recovery_words: None,
        device_id: DeviceId::new("a").ok(),
        certificate: None,
        token: None,
        token_expires_at: 0,
        state: AccountState::Ready,
        proxy: None,
        fingerprint: None,
        server_clock_ms: None,
    }
}

/// For tests: what an identity says of a device.
#[cfg(test)]
pub(crate) fn certify(
    account: &privmsg_e2ee::AccountKey,
    user_id: &UserId,
    device_id: &DeviceId,
    device: &DeviceKeys,
    now_s: u64,
) -> DeviceCertificate {
    let signing_key = account.begin_generation(user_id, 1, &mut privmsg_e2ee::OsRng).expect("1 is a generation");
    signing_key.certify(device_id, &device.public(), now_s)
}

/// For tests: a device of somebody's, with keys that hold together.
#[cfg(test)]
pub(crate) fn device_of(user_id: UserId, now_s: u64) -> Identity {
    let account = privmsg_e2ee::AccountKey::generate(&mut privmsg_e2ee::OsRng);
    let device = DeviceKeys::generate(&mut privmsg_e2ee::OsRng);
    let device_id = DeviceId::new(&format!("{user_id}-device")).expect("a short name");
    let certificate = certify(&account, &user_id, &device_id, &device, now_s);
    Identity { user_id, device_id, device, certificate, account: account.public() }
}
