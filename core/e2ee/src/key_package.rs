//! Key packages (RFC 9420, section 10): how a device that is not there can be added to a conversation.
//!
//! A device keeps a stock of them on the server, each claimed once, and a last-resort one that is handed out again and
//! again when the stock is empty. Their private parts stay in the device's storage until a welcome uses them.

use openmls::prelude::hash_ref::KeyPackageRef;
use openmls::prelude::{KeyPackage, KeyPackageIn, KeyPackageNewError, KeyPackageVerifyError, ProtocolVersion};
use openmls_rust_crypto::RustCrypto;
use openmls_traits::OpenMlsProvider as _;
use privmsg_protocol::{DeviceId, UserId};
use tls_codec::{DeserializeBytes as _, Serialize as _};

use crate::identity::DeviceKeys;
use crate::member::Member;
use crate::provider::{Provider, Storage, StorageError};
use privmsg_mls_public::{CertificateError, DeviceCertificate, Lifetime, Malformed, UpdateNeeded, group, leaf};

/// Why a key package from the server is not used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum KeyPackageError {
    /// The bytes are no key package.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A signature in it is wrong, or it breaks a rule of RFC 9420, section 10.1.
    #[error("invalid key package")]
    Invalid(#[source] KeyPackageVerifyError),
    /// Its lifetime has only begun, is over before everybody has followed a commit with it, or is longer than allowed. The device
    /// should upload fresh ones.
    #[error("key package outside its lifetime")]
    Expired,
    /// Another ciphersuite, or a client that lacks what our conversations need.
    #[error("key package of an incompatible client")]
    Incompatible,
    /// It is a valid key package of somebody else: the server mixed them up, or lies.
    #[error("key package of {user_id}/{device_id}, not of the device that was asked for")]
    Foreign {
        /// Whose it is.
        user_id: UserId,
        /// Which device's it is.
        device_id: DeviceId,
    },
    /// Its device certificate does not hold.
    #[error("key package of a device that its owner has not vouched for")]
    Certificate(#[source] CertificateError),
    /// Its device is of a newer version, and can be added after an update.
    #[error(transparent)]
    UpdateNeeded(#[from] UpdateNeeded),
}

impl From<CertificateError> for KeyPackageError {
    fn from(error: CertificateError) -> Self {
        match error {
            CertificateError::UpdateNeeded(newer) => newer.into(),
            error => Self::Certificate(error),
        }
    }
}

/// Why no key package could be made.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The private parts could not be stored.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// OpenMLS refused: a bug of ours.
    #[error("OpenMLS made no key package")]
    Mls(#[source] KeyPackageNewError),
    /// It could not be named: a bug of ours.
    #[error("OpenMLS gave a key package no reference")]
    Reference(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A key package that was made here.
#[derive(Debug, Clone)]
pub struct GeneratedKeyPackage {
    /// The TLS-serialised `KeyPackage`, about 2.8 kB, to be uploaded once the transaction is committed.
    pub bytes: Vec<u8>,
    /// Names its private parts in the storage, for [`forget`].
    pub reference: Vec<u8>,
}

/// Makes a key package for this device and stores its private parts. `now` is in seconds since 1970, and so is `made_at`, by the
/// clock that dates all leaves of the device, whatever others say the time is. A welcome uses them up,
/// unless it is a last-resort one; what no welcome has used is for the caller to [`forget`], when none can come any more.
///
/// # Errors
/// [`GenerateError`].
pub fn generate<S: Storage>(
    provider: &Provider<'_, S>,
    keys: &DeviceKeys,
    certificate: &DeviceCertificate,
    last_resort: bool,
    now: u64,
    made_at: u64,
) -> Result<GeneratedKeyPackage, GenerateError> {
    let mut builder = KeyPackage::builder()
        .key_package_lifetime(Lifetime::of_new(now).in_mls())
        .leaf_node_capabilities(leaf::capabilities())
        .leaf_node_extensions(leaf::extensions(made_at));
    if last_resort {
        builder = builder.mark_as_last_resort();
    }
    let bundle = builder
        .build(leaf::CIPHERSUITE, provider, keys, leaf::credential(certificate, &keys.public()))
        .map_err(|error| match error {
            KeyPackageNewError::StorageError => StorageError::new("storing a key package", error).into(),
            other => GenerateError::Mls(other),
        })?;
    let package = bundle.key_package();
    let reference = package.hash_ref(provider.crypto()).map_err(|error| GenerateError::Reference(error.into()))?;
    Ok(GeneratedKeyPackage {
        bytes: package.tls_serialize_detached().expect("a key package is far shorter than a TLS vector"),
        reference: reference.tls_serialize_detached().expect("a hash is far shorter than a TLS vector"),
    })
}

/// Deletes the private parts of a key package, if there are any left: nobody can be let in with it any more, and whoever
/// takes the device opens no welcome to it.
///
/// # Errors
/// [`StorageError`], also if the bytes are no `reference`.
pub fn forget<S: Storage>(provider: &Provider<'_, S>, reference: &[u8]) -> Result<(), StorageError> {
    const DOING: &str = "forgetting a key package";
    let reference = KeyPackageRef::tls_deserialize_exact_bytes(reference).map_err(|e| StorageError::new(DOING, e))?;
    provider.storage().delete_key_package(&reference).map_err(|error| StorageError::new(DOING, error))
}

/// A validated key package of a known device, ready to be added to a conversation.
#[derive(Debug, Clone)]
pub struct ClaimedKeyPackage {
    key_package: KeyPackage,
    certificate: DeviceCertificate,
    made_at: u64,
}

impl ClaimedKeyPackage {
    /// Checks a key package that the server says belongs to `device_id` of `user_id`: its signatures, ciphersuite,
    /// lifetime at `now` (seconds since 1970; OpenMLS compares with the system's clock besides; see [`Lifetime`]), capabilities
    /// and device certificate.
    ///
    /// The identity key in the certificate is not known here: compare [`ClaimedKeyPackage::member`] with the one that
    /// is pinned for the user.
    ///
    /// # Errors
    /// [`KeyPackageError`].
    pub fn validate(bytes: &[u8], user_id: &UserId, device_id: &DeviceId, now: u64) -> Result<Self, KeyPackageError> {
        let unverified = KeyPackageIn::tls_deserialize_exact_bytes(bytes).map_err(Malformed::because("key package"))?;
        let key_package =
            unverified.validate(&RustCrypto::default(), ProtocolVersion::Mls10).map_err(|error| match error {
                KeyPackageVerifyError::LifetimeError(_) => KeyPackageError::Expired,
                error => KeyPackageError::Invalid(error),
            })?;
        if key_package.ciphersuite() != leaf::CIPHERSUITE || !is_compatible(&key_package) {
            return Err(KeyPackageError::Incompatible);
        }
        if !Lifetime::of(&key_package).may_be_added(now) {
            return Err(KeyPackageError::Expired);
        }
        let node = key_package.leaf_node();
        let made_at = leaf::made_at(node)?;
        let certificate = leaf::certificate_of(node)?;
        if certificate.user_id() != user_id || certificate.device_id() != device_id {
            return Err(KeyPackageError::Foreign {
                user_id: certificate.user_id().clone(),
                device_id: certificate.device_id().clone(),
            });
        }
        Ok(Self { key_package, certificate, made_at })
    }

    /// Whose key package it is, with the identity key that vouches for it.
    #[must_use]
    pub fn member(&self) -> Member {
        Member::new(group::Member::from_certificate(&self.certificate), false)
    }

    /// When the leaf was made that it would be.
    #[must_use]
    pub const fn made_at(&self) -> u64 {
        self.made_at
    }

    pub(crate) const fn certificate(&self) -> &DeviceCertificate {
        &self.certificate
    }

    pub(crate) const fn key_package(&self) -> &KeyPackage {
        &self.key_package
    }
}

fn is_compatible(key_package: &KeyPackage) -> bool {
    let theirs = key_package.leaf_node().capabilities();
    let ours = leaf::required_capabilities();
    theirs.versions().contains(&ProtocolVersion::Mls10)
        && theirs.ciphersuites().contains(&leaf::CIPHERSUITE.into())
        && ours.extension_types().iter().all(|wanted| theirs.extensions().contains(wanted))
        && ours.credential_types().iter().all(|wanted| theirs.credentials().contains(wanted))
}
