//! What can be said and checked of identities and conversations without any secret: names, public keys, signed
//! statements, and what a group must be to be a certain chat.
//!
//! Clients and server link it, so that both come to the same answer from the same bytes. It holds no private key and
//! decrypts nothing; whoever signs, signs in `privmsg-e2ee`. Foreign bytes never panic, and each value has one encoding.

pub mod certificate;
pub mod conversation_id;
pub mod conversation_info;
mod keys;
#[cfg(test)]
mod test_keys;
mod update_needed;

pub use certificate::{CertificateError, DeviceCertificate};
pub use conversation_id::{direct_chat_id, group_chat_id, group_id, self_chat_id};
pub use conversation_info::{ConversationInfo, ConversationKind, InfoError, Person};
pub use keys::{AccountPublicKey, DevicePublicKey, PublicKeyError};
pub use update_needed::UpdateNeeded;
