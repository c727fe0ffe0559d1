//! What can be said and checked of identities and conversations without any secret: names, public keys, signed
//! statements, and what a group must be to be a certain chat.
//!
//! Clients and server link it, so that both come to the same answer from the same bytes. It holds no private key and
//! decrypts nothing; whoever signs, signs in `privmsg-e2ee`. Foreign bytes never panic, and each value has one
//! encoding.
//!
//! | what is said | by whom | what follows from it |
//! |---|---|---|
//! | [`SigningKeyCertificate`]: who signs for an account | identity key | [`KnownDevices`] |
//! | [`DeviceList`]: which devices are the account's | signing key | [`KnownDevices`], [`check_published`] |
//! | [`Roster`]: who takes part in a group | signing key of a participant | [`Roster::replaces`], [`RosterView`] |
//! | [`SignIn`], [`IdentityRequest`] | device key, recovery sign-in key, identity key | the server lets in, or does it |
//! | [`LinkReply`] | whoever saw the new device's code | the new device knows its account |
//! | [`ContactLink`] | nobody | a pin, if a person says so |
//!
//! What decides about a commit ([`Roster::replaces`]) takes nothing but what all receivers have. What is only known
//! ([`KnownDevices`], [`RosterView`]) says what may be sent.

pub mod certificate;
pub mod contact_link;
pub mod conversation_id;
pub mod conversation_info;
pub mod device_list;
pub mod group;
pub mod identity_request;
pub mod incarnations;
mod keys;
mod known_devices;
pub mod leaf;
pub mod lifetime;
pub mod link_reply;
mod malformed;
pub mod numbers;
mod publishing;
pub mod roster;
pub mod sign_in;
pub mod signing_certificate;
mod statement;
#[cfg(test)]
mod test_keys;
mod update_needed;

pub use certificate::{CertificateError, DeviceCertificate};
pub use contact_link::{ContactLink, ContactLinkError};
pub use conversation_id::{direct_chat_id, group_chat_id, group_id, self_chat_id};
pub use conversation_info::{ConversationInfo, ConversationKind, InfoError, Person, RosterMark};
pub use device_list::{Device, DeviceList, ListNumber, MAX_DEVICES};
pub use group::{Change, PublicConversation, Refused};
pub use identity_request::{IdentityAction, IdentityRequest};
pub use keys::{AccountPublicKey, DevicePublicKey, PublicKeyError, RecoveryPublicKey, SigningPublicKey};
pub use known_devices::{KnownDevices, OtherIdentity, Verdict};
pub use lifetime::Lifetime;
pub use link_reply::{LinkReply, MAX_LINK_PINS, NewDevice};
pub use malformed::Malformed;
pub use publishing::{MAX_LISTS_A_DAY, PublishError, check_published};
pub use roster::{Learned, Participant, Role, Roster, RosterHash, RosterView, StepError};
pub use sign_in::{AnsweredChallenge, SignIn};
pub use signing_certificate::SigningKeyCertificate;
pub use statement::StatementError;
pub use update_needed::UpdateNeeded;
