//! The device list: an account's word about which devices are its own.
//!
//! ```text
//! struct {
//!     opaque device_id<V>;
//!     opaque device_key[32];   // Ed25519
//!     uint64 added_at;         // seconds since 1970
//! } Device;
//! struct {
//!     uint8  version;          // 1
//!     opaque user_id<V>;
//!     uint64 generation;       // that of the certificate
//!     uint64 counter;          // from 1
//!     Device devices<V>;       // at most 32, sorted by device_id, no identifier and no key twice
//!     opaque signature[64];    // by the signing key of that generation, "PrivMsg device list v1"
//! } DeviceList;
//! ```
//!
//! It is the whole list each time: a device that does not stand in the newest one is not the account's, whoever once
//! vouched for it. Which is the newest, [`KnownDevices`](crate::KnownDevices) says.

use std::collections::HashSet;

use privmsg_protocol::{DeviceId, UserId};
use sha2::{Digest as _, Sha256};
use tls_codec::{DeserializeBytes as _, Serialize as _, TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

use crate::keys::DevicePublicKey;
use crate::signing_certificate::SigningKeyCertificate;
use crate::statement::{SIGNATURE_LEN, StatementError, check_version, device_id, is_number, labelled, text, user_id};
use crate::update_needed::UpdateNeeded;

const LABEL: &[u8] = b"PrivMsg device list v1";

const VERSION: u8 = 1;

/// Devices of one account. Each is a leaf in each of its groups.
pub const MAX_DEVICES: usize = 32;

/// The longest list has 3,541 bytes.
const MAX_LEN: usize = 4096;

/// One device in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Device {
    /// Its name on the server.
    pub device_id: DeviceId,
    /// Its MLS signature key.
    pub device_key: DevicePublicKey,
    /// When it was let in, in seconds since 1970, by the clock of the device that did it.
    pub added_at: u64,
}

/// Where a list stands among an account's: the higher is the newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListNumber {
    /// That of the signing key.
    pub generation: u64,
    /// Within the generation.
    pub counter: u64,
}

/// Says which devices are an account's. Each value is genuine under its [certificate](DeviceList::certificate).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceList {
    /// Who signed. Not part of the encoding: it travels beside the list.
    certificate: SigningKeyCertificate,
    counter: u64,
    devices: Vec<Device>,
    signature: [u8; SIGNATURE_LEN],
}

#[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Fields {
    version: u8,
    user_id: VLBytes,
    generation: u64,
    counter: u64,
    devices: Vec<DeviceFields>,
}

#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct DeviceFields {
    device_id: VLBytes,
    device_key: [u8; 32],
    added_at: u64,
}

impl DeviceList {
    /// The list whose signature `sign` makes over the bytes that it is given, with the signing key of `certificate`.
    /// The devices may come in any order.
    ///
    /// # Errors
    /// [`StatementError::Malformed`] for a counter that cannot be, too many devices, or one that stands there twice;
    /// [`StatementError::Forged`] if `sign` has another key.
    pub fn signed_by(
        certificate: SigningKeyCertificate,
        sign: impl FnOnce(&[u8]) -> [u8; SIGNATURE_LEN],
        counter: u64,
        mut devices: Vec<Device>,
    ) -> Result<Self, StatementError> {
        devices.sort();
        let mut list = Self { certificate, counter, devices, signature: [0; SIGNATURE_LEN] };
        list.check_fields()?;
        list.signature = sign(&labelled(LABEL, &list.fields()));
        list.check_signature()?;
        Ok(list)
    }

    /// Whose devices they are.
    #[must_use]
    pub const fn user_id(&self) -> &UserId {
        self.certificate.user_id()
    }

    /// By which it was verified.
    #[must_use]
    pub const fn certificate(&self) -> &SigningKeyCertificate {
        &self.certificate
    }

    /// Where it stands among the account's lists.
    #[must_use]
    pub const fn number(&self) -> ListNumber {
        ListNumber { generation: self.certificate.generation(), counter: self.counter }
    }

    /// The devices, sorted by identifier.
    #[must_use]
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// Whether the device with this identifier and this key stands in it.
    #[must_use]
    pub fn has(&self, device_id: &DeviceId, device_key: &DevicePublicKey) -> bool {
        self.devices.iter().any(|device| device.device_id == *device_id && device.device_key == *device_key)
    }

    /// SHA-256 of the encoding: what it is called where it is replaced.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.encode()).into()
    }

    /// The encoding in the module documentation.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        [&self.fields()[..], &self.signature].concat()
    }

    /// Reads and verifies a list that is shown with this certificate.
    ///
    /// # Errors
    /// [`StatementError`]; [`StatementError::Other`] if the certificate is another user's or for another generation.
    pub fn decode(bytes: &[u8], certificate: SigningKeyCertificate) -> Result<Self, StatementError> {
        let list = Self::decode_admitted(bytes, certificate)?;
        list.check_signature()?;
        Ok(list)
    }

    /// As [`DeviceList::decode`], of one that was verified before it was stored.
    pub(crate) fn decode_admitted(bytes: &[u8], certificate: SigningKeyCertificate) -> Result<Self, StatementError> {
        check_version(bytes, VERSION, UpdateNeeded::DEVICE_LIST)?;
        let (fields, signature) = Self::read(bytes).ok_or(StatementError::Malformed)?;
        let user_id = user_id(&fields.user_id).ok_or(StatementError::Malformed)?;
        let devices = fields.devices.iter().map(DeviceFields::read).collect::<Option<_>>();
        let devices = devices.ok_or(StatementError::Malformed)?;
        if user_id != *certificate.user_id() || fields.generation != certificate.generation() {
            return Err(StatementError::Other);
        }
        let list = Self { certificate, counter: fields.counter, devices, signature };
        list.check_fields()?;
        if list.encode() != bytes {
            return Err(StatementError::Malformed);
        }
        Ok(list)
    }

    fn read(bytes: &[u8]) -> Option<(Fields, [u8; SIGNATURE_LEN])> {
        if bytes.len() > MAX_LEN {
            return None;
        }
        let (signed, signature) = bytes.split_last_chunk()?;
        Some((Fields::tls_deserialize_exact_bytes(signed).ok()?, *signature))
    }

    fn check_fields(&self) -> Result<(), StatementError> {
        let keys: HashSet<_> = self.devices.iter().map(|device| device.device_key).collect();
        let sorted = self.devices.is_sorted_by(|a, b| a.device_id < b.device_id);
        let good =
            is_number(self.counter) && self.devices.len() <= MAX_DEVICES && sorted && keys.len() == self.devices.len();
        if good { Ok(()) } else { Err(StatementError::Malformed) }
    }

    fn check_signature(&self) -> Result<(), StatementError> {
        let genuine = self.certificate.signing_key().verify(&labelled(LABEL, &self.fields()), &self.signature);
        if genuine { Ok(()) } else { Err(StatementError::Forged) }
    }

    fn fields(&self) -> Vec<u8> {
        let fields = Fields {
            version: VERSION,
            user_id: text(self.user_id()),
            generation: self.certificate.generation(),
            counter: self.counter,
            devices: device_fields(&self.devices),
        };
        fields.tls_serialize_detached().expect("a few devices are far shorter than a TLS vector")
    }
}

pub(crate) fn device_fields(devices: &[Device]) -> Vec<DeviceFields> {
    let fields = |device: &Device| DeviceFields {
        device_id: text(&device.device_id),
        device_key: *device.device_key.as_bytes(),
        added_at: device.added_at,
    };
    devices.iter().map(fields).collect()
}

impl DeviceFields {
    pub(crate) fn read(&self) -> Option<Device> {
        Some(Device {
            device_id: device_id(&self.device_id)?,
            device_key: DevicePublicKey::from_bytes(self.device_key).ok()?,
            added_at: self.added_at,
        })
    }
}

#[cfg(test)]
#[path = "device_list_tests.rs"]
mod tests;
