//! End-to-end encryption of PrivMsg: who somebody is, what is said, and how it is kept from everyone else.
//!
//! # The model
//!
//! - An **account** has an Ed25519 identity key ([`AccountKey`]), sealed under the recovery words ([`RecoveryKey`]): no
//!   device keeps it. Its public half is what contacts pin at first use and compare as a [`SafetyNumber`].
//! - The identity vouches for a **signing key** ([`AccountSigningKey`]), which the user's devices have. Where one of them
//!   was stolen, the words begin another *generation*, and contacts see no change of identity.
//! - A **device** has an MLS signature key of its own ([`DeviceKeys`]). The signing key vouches for it with a
//!   [`DeviceCertificate`], which is the MLS credential in every leaf and key package of the device. Nobody accepts a
//!   device without one, so the server cannot add a listener.
//! - A **conversation** ([`Conversation`]) is an MLS group (RFC 9420) whose leaves are all devices of all its
//!   participants. The ciphersuite is `MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519` (0x004E) everywhere: it stays
//!   closed to a quantum computer that reads today's traffic tomorrow.
//! - The **server** orders commits and relays ciphertext. It is trusted with delivery, not with content: whatever
//!   comes from it goes through `validate`, `join` and `process` functions, which refuse what is forged.
//! - What is said inside is [`Content`]. Files are encrypted one by one under keys of their own ([`attachment`]), and
//!   the keys travel in the content.
//!
//! The crate is sans-I/O: no network, no SQL, no async. Time, randomness and storage come from the caller. Foreign
//! bytes never panic; secrets are wiped when dropped and have no `Debug` that shows them. The cryptography is composed
//! from OpenMLS, RustCrypto and ed25519-dalek.
//!
//! # Two people talk
//!
//! ```
//! use openmls_rust_crypto::MemoryStorage;
//! use privmsg_e2ee::{
//!     AccountKey, ClaimedKeyPackage, Conversation, ConversationInfo, DeviceKeys, Expected, OsRng, Person, Processed,
//!     Provider, StatementError, generate_key_package,
//! };
//! use privmsg_protocol::{DeviceId, Incarnation, UserId};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
//! let (alice, bob) = (UserId::new("alice")?, UserId::new("bob")?);
//! let (alices, bobs) = (DeviceId::new("alices-phone")?, DeviceId::new("bobs-laptop")?);
//! let (alice_keys, bob_keys) = (DeviceKeys::generate(&mut OsRng), DeviceKeys::generate(&mut OsRng));
//! let certify = |user, device, keys: &DeviceKeys| {
//!     let signing_key = AccountKey::generate(&mut OsRng).begin_generation(user, now, &mut OsRng)?;
//!     Ok::<_, StatementError>(signing_key.certify(device, &keys.public(), now))
//! };
//! let alice_cert = certify(&alice, &alices, &alice_keys)?;
//! let bob_cert = certify(&bob, &bobs, &bob_keys)?;
//! let (alice_disk, bob_disk) = (MemoryStorage::default(), MemoryStorage::default());
//!
//! // Bob leaves a key package on the server. Alice claims it and creates the chat.
//! let uploaded = generate_key_package(&Provider::new(&bob_disk), &bob_keys, &bob_cert, false, now, now)?;
//! let claimed = ClaimedKeyPackage::validate(&uploaded.bytes, &bob, &bobs, now)?;
//! let people = [(&alice, &alice_cert), (&bob, &bob_cert)]
//!     .map(|(user, cert)| Person { user_id: user.clone(), identity: *cert.identity_key() });
//! let [alice, bob] = people;
//! let info = ConversationInfo::direct(alice, bob, Incarnation::FIRST)?;
//! let provider = Provider::new(&alice_disk);
//! let (mut chat, bundle) = Conversation::create(&provider, &alice_keys, &alice_cert, info, None, &[claimed], now)?;
//! chat.merge_pending(&provider)?; // the server has accepted `bundle`
//! let message = chat.encrypt(&provider, &alice_keys, b"hello")?;
//!
//! let provider = Provider::new(&bob_disk);
//! let mut chat = Conversation::join(&provider, &bundle.welcomes()[0].1, &bundle.ratchet_tree, None)?;
//! let processed = chat.process(&provider, Expected::Application, &message)?;
//! let Processed::Application { sender, plaintext, .. } = processed else { panic!() };
//! assert_eq!((sender.device_id, plaintext.as_slice()), (alices, &b"hello"[..]));
//! # Ok(())
//! # }
//! ```

pub mod attachment;
pub mod content;
pub mod conversation;
pub mod identity;
pub mod key_package;
pub mod link_code;
mod link_pins;
mod member;
mod provider;
pub mod recovery;
pub mod safety_number;

pub use content::{
    About, AboutRule, Again, Attachment, Content, ContentError, DecidedAbout, Decision, Decisions, Delete, Edit, Files,
    IfUnknown, Kind, MAX_BLURHASH_LEN, MAX_DECISIONS, MAX_MENTIONS, MAX_TEXT_LEN, MAX_TITLE_LEN, MAX_WAVEFORM_LEN,
    PictureNote, Reaction, Receipt, ReceiptKind, SigningKey, SigningKeyWanted, Text, Title, ToldList, VoiceNote,
};
pub use conversation::{
    CommitBundle, CommitError, Conversation, CreateError, EncryptError, Expected, ExternalJoinError, JoinError,
    LeafDate, LoadError, MAX_PAST_EPOCHS, MembershipChange, OUT_OF_ORDER, ProcessError, Processed, RejectReason,
    SharedWelcome,
};
pub use identity::{AccountKey, AccountSigningKey, DeviceKeys};
pub use key_package::{
    ClaimedKeyPackage, GenerateError, GeneratedKeyPackage, KeyPackageError, forget as forget_key_package,
    generate as generate_key_package,
};
pub use link_code::{LinkCode, LinkCodeError};
pub use link_pins::{LinkPins, Reached, Titled};
pub use member::Member;
pub use privmsg_mls_public::{
    AccountPublicKey, CertificateError, ConversationInfo, ConversationKind, DeviceCertificate, DevicePublicKey,
    IdentityAction, IdentityRequest, InfoError, Malformed, Participant, Person, PublicKeyError, Role, Roster, SignIn,
    SigningKeyCertificate, StatementError, UpdateNeeded,
};
pub use provider::{Provider, Storage, StorageError};
pub use rand_core::OsRng;
pub use recovery::{RecoveryError, RecoveryKey};
pub use safety_number::{SafetyNumber, safety_number};
