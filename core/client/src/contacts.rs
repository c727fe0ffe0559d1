//! Contacts as front-ends show them: the safety number, and how their key is known.

use privmsg_e2ee::{AccountPublicKey, SafetyNumber, safety_number};
use privmsg_protocol::UserId;
use privmsg_store::account::Account;
use privmsg_store::contacts::{self, ChangedBy, Contact};
use privmsg_store::{Snapshot, account};

use crate::error::ClientError;
use crate::identity::public_identity;

/// What is known of a contact's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactInfo {
    /// Who.
    pub user_id: UserId,
    /// Number to compare with theirs; the same on both sides.
    pub safety_number: SafetyNumber,
    /// A contact link names the key.
    pub by_link: bool,
    /// The user has compared the number, or has the link from the contact in person.
    pub verified: bool,
    /// There is another key than the pinned one; nothing is sent until the user has accepted or refused it. This is the number
    /// of that key.
    pub changed: Option<SafetyNumber>,
    /// Who names that key.
    pub changed_by: Option<ChangedBy>,
    /// A device that was removed as stolen has vouched for the key, and the user has not said what is right.
    pub to_confirm: bool,
    /// The numbers of keys that the user has refused.
    pub refused: Vec<SafetyNumber>,
}

/// How a contact's key is known: what stands behind it besides the server's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it is the one that was seen first.
    SeenFirst,
    /// Whoever has sent a contact link.
    ByLink,
    /// The user's own comparison.
    Verified,
}

impl Known {
    /// Name for scripts.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SeenFirst => "seen_first",
            Self::ByLink => "by_link",
            Self::Verified => "verified",
        }
    }
}

impl ContactInfo {
    /// How the key is known: the earlier one, while a change waits.
    #[must_use]
    pub const fn known(&self) -> Known {
        match self {
            Self { verified: true, .. } => Known::Verified,
            Self { by_link: true, .. } => Known::ByLink,
            Self { .. } => Known::SeenFirst,
        }
    }

    /// The number that there is to compare now: that of the new key, if there is one.
    #[must_use]
    pub fn to_compare(&self) -> &SafetyNumber {
        self.changed.as_ref().unwrap_or(&self.safety_number)
    }
}

pub(crate) fn info(at: &Snapshot<'_>, user: &UserId) -> Result<ContactInfo, ClientError> {
    let own = account::load(at)?.ok_or(ClientError::NotSignedIn)?;
    let contact = contacts::load(at, user)?.ok_or_else(|| ClientError::UnknownContact(user.clone()))?;
    described(at, &own, user, &contact)
}

/// All contacts, by name.
pub(crate) fn all(at: &Snapshot<'_>) -> Result<Vec<ContactInfo>, ClientError> {
    let own = account::load(at)?.ok_or(ClientError::NotSignedIn)?;
    contacts::list(at)?.iter().map(|(user, contact)| described(at, &own, user, contact)).collect()
}

/// The key with a number, among those that the user has refused for a contact.
pub(crate) fn refused_key(
    at: &Snapshot<'_>,
    user: &UserId,
    wanted: &SafetyNumber,
) -> Result<Option<[u8; 32]>, ClientError> {
    let own = account::load(at)?.ok_or(ClientError::NotSignedIn)?;
    for key in contacts::refused(at, user)? {
        if number(&own, user, key)? == *wanted {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

fn number(own: &Account, user: &UserId, identity: [u8; 32]) -> Result<SafetyNumber, ClientError> {
    let theirs = AccountPublicKey::from_bytes(identity).map_err(|_| ClientError::Damaged("identity keys"))?;
    Ok(safety_number((&own.user_id, &public_identity(own)?), (user, &theirs)))
}

fn described(at: &Snapshot<'_>, own: &Account, user: &UserId, contact: &Contact) -> Result<ContactInfo, ClientError> {
    let number = |identity: [u8; 32]| number(own, user, identity);
    let refused = contacts::refused(at, user)?;
    Ok(ContactInfo {
        user_id: user.clone(),
        safety_number: number(contact.identity)?,
        by_link: contact.by_link,
        verified: contact.verified,
        changed: contact.changed_identity.map(number).transpose()?,
        changed_by: contact.changed_by.clone(),
        to_confirm: contact.to_confirm,
        refused: refused.into_iter().map(number).collect::<Result<_, _>>()?,
    })
}
