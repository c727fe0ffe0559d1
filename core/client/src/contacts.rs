//! Contacts as front-ends show them: the safety number and whether it was compared.

use privmsg_e2ee::{AccountPublicKey, SafetyNumber, safety_number};
use privmsg_protocol::UserId;
use privmsg_store::{Snapshot, account, contacts};

use crate::error::ClientError;
use crate::identity::public_identity;

/// What is known of a contact's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactInfo {
    /// Who.
    pub user_id: UserId,
    /// Number to compare with theirs; the same on both sides.
    pub safety_number: SafetyNumber,
    /// The user has compared it.
    pub verified: bool,
    /// The key has changed since it was verified; nothing is sent until the change is accepted. This is the number
    /// of the new key.
    pub changed: Option<SafetyNumber>,
}

impl ContactInfo {
    /// The number that there is to compare now: that of the new key, if there is one.
    #[must_use]
    pub fn to_compare(&self) -> &SafetyNumber {
        self.changed.as_ref().unwrap_or(&self.safety_number)
    }
}

pub(crate) fn info(at: &Snapshot<'_>, user: &UserId) -> Result<ContactInfo, ClientError> {
    let own = account::load(at)?.ok_or(ClientError::NotSignedIn)?;
    let own_key = public_identity(&own)?;
    let contact = contacts::load(at, user)?.ok_or_else(|| ClientError::UnknownContact(user.clone()))?;
    let number = |identity: [u8; 32]| {
        let theirs = AccountPublicKey::from_bytes(identity).map_err(|_| ClientError::Damaged("identity keys"))?;
        Ok::<_, ClientError>(safety_number((&own.user_id, &own_key), (user, &theirs)))
    };
    Ok(ContactInfo {
        user_id: user.clone(),
        safety_number: number(contact.identity)?,
        verified: contact.verified,
        changed: contact.changed_identity.map(number).transpose()?,
    })
}
