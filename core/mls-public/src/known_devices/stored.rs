//! How a device keeps what it knows of an account in its own database.
//!
//! ```text
//! struct { SigningKeyCertificate certificate; opaque list<V>; } Listed;
//! struct {
//!     uint8  version;          // 1
//!     uint64 generation;
//!     opaque keys[32]<V>;
//!     Device devices<V>;       // what stands in all lists of the highest number
//!     opaque listed<V><V>;     // some of them, each a Listed
//! } Known;
//! ```
//!
//! The lists are not enough: of many with one number only some are kept, and what the others took away stays away.

use privmsg_protocol::UserId;
use tls_codec::{DeserializeBytes as _, Serialize as _, TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

use super::KnownDevices;
use crate::device_list::{DeviceFields, DeviceList, device_fields};
use crate::keys::{AccountPublicKey, SigningPublicKey};
use crate::signing_certificate::SigningKeyCertificate;
use crate::statement::{StatementError, check_version};
use crate::update_needed::UpdateNeeded;

const VERSION: u8 = 1;

#[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Fields {
    version: u8,
    generation: u64,
    keys: Vec<[u8; 32]>,
    devices: Vec<DeviceFields>,
    listed: Vec<VLBytes>,
}

impl KnownDevices {
    /// The encoding in the module documentation.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let listed = self.lists.iter().map(|list| {
            let bytes = VLBytes::new(list.encode()).tls_serialize_detached();
            let bytes = bytes.expect("a list is far shorter than a TLS vector");
            VLBytes::new([list.certificate().encode(), bytes].concat())
        });
        let fields = Fields {
            version: VERSION,
            generation: self.generation,
            keys: self.keys.iter().map(|key| *key.as_bytes()).collect(),
            devices: device_fields(&self.devices),
            listed: listed.collect(),
        };
        fields.tls_serialize_detached().expect("a few lists are far shorter than a TLS vector")
    }

    /// Reads what [`KnownDevices::encode`] wrote about this account, in this device's own database. Signatures were verified
    /// when it was learnt, and are not again: this is read for each message.
    ///
    /// # Errors
    /// [`StatementError`]; [`StatementError::Other`] if it was about another one.
    pub fn decode(bytes: &[u8], user_id: UserId, identity: AccountPublicKey) -> Result<Self, StatementError> {
        check_version(bytes, VERSION, UpdateNeeded::KNOWN_DEVICES)?;
        let fields = Fields::tls_deserialize_exact_bytes(bytes).map_err(|_| StatementError::Malformed)?;
        let keys = fields.keys.iter().map(|key| SigningPublicKey::from_bytes(*key));
        let devices = fields.devices.iter().map(DeviceFields::read).collect::<Option<_>>();
        let lists = fields.listed.iter().map(|listed| {
            SigningKeyCertificate::check_version(listed.as_slice())?;
            let read = SigningKeyCertificate::read(listed.as_slice());
            let (certificate, rest) = read.ok_or(StatementError::Malformed)?;
            let list = VLBytes::tls_deserialize_exact_bytes(rest).map_err(|_| StatementError::Malformed)?;
            DeviceList::decode_admitted(list.as_slice(), certificate)
        });
        let known = Self {
            user_id,
            identity,
            generation: fields.generation,
            keys: keys.collect::<Result<_, _>>().map_err(|_| StatementError::Malformed)?,
            lists: lists.collect::<Result<_, _>>()?,
            devices: devices.ok_or(StatementError::Malformed)?,
        };
        let other = |list: &DeviceList| {
            *list.user_id() != known.user_id || *list.certificate().identity_key() != known.identity
        };
        if known.lists.iter().any(other) { Err(StatementError::Other) } else { Ok(known) }
    }
}
