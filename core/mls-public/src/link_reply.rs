//! What a present device answers to a new one that it has let in.
//!
//! ```text
//! struct {
//!     uint8  version;          // 1
//!     opaque identity_key[32];
//!     opaque certificate<V>;   // DeviceCertificate of the new device, by the signing key of the list
//!     opaque list<V>;          // DeviceList
//!     opaque pins<V>;          // what is known of contacts' keys, sealed under the secret
//!     opaque mac[32];          // HMAC-SHA-256(secret, "PrivMsg link v1" ‖ 0x00 ‖ user_id<V> ‖ device_id<V>
//!                              //                      ‖ device_key[32] ‖ identity_key[32] ‖ pins<V>)
//! } LinkReply;
//! ```
//!
//! The secret stands in the QR code that the new device shows; only who has seen that can answer, so a server cannot
//! link the device into an account of its own making. Certificate and list need no place in the MAC: the identity key
//! in it vouches for them. The certificate is what the new device shows in its leaves and key packages: it has no
//! signing key before it is in a conversation in which it can be told it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use privmsg_protocol::{DeviceId, UserId};
use sha2::Sha256;
use tls_codec::{DeserializeBytes as _, Serialize as _, TlsSerialize, TlsSize, VLBytes};

use crate::certificate::{CertificateError, DeviceCertificate};
use crate::device_list::DeviceList;
use crate::keys::{AccountPublicKey, DevicePublicKey};
use crate::statement::{StatementError, check_version, labelled, text};
use crate::update_needed::UpdateNeeded;

const LABEL: &[u8] = b"PrivMsg link v1";

const VERSION: u8 = 1;

/// The longest that is told of contacts' keys, sealed: some hundreds of them.
pub const MAX_LINK_PINS: usize = 32 * 1024;

/// A certificate has at most 1,024 bytes, a list 3,541.
const MAX_LEN: usize = 5 * 1024 + MAX_LINK_PINS;

const MAC_LEN: usize = 32;

/// The new device, as it shows itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDevice {
    /// The account that it wants to belong to.
    pub user_id: UserId,
    /// Its name on the server.
    pub device_id: DeviceId,
    /// Its MLS signature key.
    pub device_key: DevicePublicKey,
}

/// Tells a new device which account it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkReply {
    certificate: DeviceCertificate,
    list: DeviceList,
    pins: Vec<u8>,
    mac: [u8; MAC_LEN],
}

#[derive(TlsSerialize, TlsSize)]
struct Authenticated {
    user_id: VLBytes,
    device_id: VLBytes,
    device_key: [u8; 32],
    identity_key: [u8; 32],
    pins: VLBytes,
}

impl LinkReply {
    /// The answer to a device that stands in `list` by now, and is certified by who has signed that. `pins` is what it is to know
    /// of contacts' keys, sealed for it.
    ///
    /// # Errors
    /// [`StatementError::Other`] if it does not, or the certificate is not for it; [`StatementError::Malformed`] if `pins` is
    /// longer than [`MAX_LINK_PINS`].
    pub fn new(
        secret: &[u8; 32],
        device: &NewDevice,
        certificate: DeviceCertificate,
        list: DeviceList,
        pins: Vec<u8>,
    ) -> Result<Self, StatementError> {
        check_named(device, &certificate, &list)?;
        if pins.len() > MAX_LINK_PINS {
            return Err(StatementError::Malformed);
        }
        let mac =
            authenticator(secret, device, list.certificate().identity_key(), &pins).finalize().into_bytes().into();
        Ok(Self { certificate, list, pins, mac })
    }

    /// The new device's own.
    #[must_use]
    pub const fn certificate(&self) -> &DeviceCertificate {
        &self.certificate
    }

    /// The account's devices, the new one among them.
    #[must_use]
    pub const fn list(&self) -> &DeviceList {
        &self.list
    }

    /// What the new device is to know of contacts' keys, sealed under the secret.
    #[must_use]
    pub fn pins(&self) -> &[u8] {
        &self.pins
    }

    /// The encoding in the module documentation.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let vector = |bytes: Vec<u8>| {
            let vector = VLBytes::new(bytes).tls_serialize_detached();
            vector.expect("all of them are far shorter than a TLS vector")
        };
        let (certificate, list) = (vector(self.certificate.encode()), vector(self.list.encode()));
        let pins = vector(self.pins.clone());
        [&[VERSION], &self.certificate.identity_key().as_bytes()[..], &certificate, &list, &pins, &self.mac].concat()
    }

    /// Reads and verifies the answer to this device, which showed this secret.
    ///
    /// # Errors
    /// [`StatementError::Forged`] if whoever made it has not seen the secret, or showed it for another device;
    /// [`StatementError::Other`] if the identity's certificate or list are not about this account and this device.
    pub fn decode(bytes: &[u8], secret: &[u8; 32], device: &NewDevice) -> Result<Self, StatementError> {
        check_version(bytes, VERSION, UpdateNeeded::LINK_REPLY)?;
        if bytes.len() > MAX_LEN {
            return Err(StatementError::Malformed);
        }
        let (identity, rest) = bytes[1..].split_first_chunk().ok_or(StatementError::Malformed)?;
        let identity = AccountPublicKey::from_bytes(*identity).map_err(|_| StatementError::Malformed)?;
        let (rest, mac) = rest.split_last_chunk::<MAC_LEN>().ok_or(StatementError::Malformed)?;
        let (certificate, rest) = VLBytes::tls_deserialize_bytes(rest).map_err(|_| StatementError::Malformed)?;
        let (list, rest) = VLBytes::tls_deserialize_bytes(rest).map_err(|_| StatementError::Malformed)?;
        let pins = VLBytes::tls_deserialize_exact_bytes(rest).map_err(|_| StatementError::Malformed)?;
        let by = authenticator(secret, device, &identity, pins.as_slice());
        by.verify_slice(mac).map_err(|_| StatementError::Forged)?;
        let certificate = DeviceCertificate::decode(certificate.as_slice()).map_err(unusable)?;
        if *certificate.identity_key() != identity {
            return Err(StatementError::Other);
        }
        let list = DeviceList::decode(list.as_slice(), certificate.signing_certificate().clone())?;
        check_named(device, &certificate, &list)?;
        let reply = Self { certificate, list, pins: pins.into(), mac: *mac };
        if reply.encode() == bytes { Ok(reply) } else { Err(StatementError::Malformed) }
    }
}

fn check_named(device: &NewDevice, certificate: &DeviceCertificate, list: &DeviceList) -> Result<(), StatementError> {
    let named = *list.user_id() == device.user_id && list.has(&device.device_id, &device.device_key);
    let certified = certificate.signing_certificate() == list.certificate()
        && *certificate.device_id() == device.device_id
        && *certificate.device_key() == device.device_key;
    if named && certified { Ok(()) } else { Err(StatementError::Other) }
}

fn unusable(error: CertificateError) -> StatementError {
    match error {
        CertificateError::Malformed => StatementError::Malformed,
        CertificateError::UpdateNeeded(newer) => StatementError::UpdateNeeded(newer),
        CertificateError::Forged | CertificateError::KeyMismatch => StatementError::Forged,
    }
}

fn authenticator(secret: &[u8; 32], device: &NewDevice, identity: &AccountPublicKey, pins: &[u8]) -> Hmac<Sha256> {
    let authenticated = Authenticated {
        user_id: text(&device.user_id),
        device_id: text(&device.device_id),
        device_key: *device.device_key.as_bytes(),
        identity_key: *identity.as_bytes(),
        pins: VLBytes::new(pins.to_vec()),
    };
    let bytes = authenticated.tls_serialize_detached().expect("all of it is far shorter than a TLS vector");
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(&labelled(LABEL, &bytes));
    mac
}

#[cfg(test)]
#[path = "link_reply_tests.rs"]
mod tests;
