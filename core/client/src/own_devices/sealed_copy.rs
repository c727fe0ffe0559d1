//! The copy of the sealed identity that each device keeps, as the identity has signed for it.
//!
//! What the server serves may be anything, and nobody who has not the words can tell. So no device keeps what it is served: the one
//! that has opened the identity signs for what is sealed, hands that on to whom it lets in, and tells the others. Each compares
//! with it what the server serves, long before anybody needs it.

use privmsg_e2ee::content::SealedIdentity;
use privmsg_e2ee::{AccountKey, IdentityAction, IdentityRequest, Kind as _, RecoveryKey};
use privmsg_protocol::{UserId, rest};
use privmsg_store::account::{self, Account};
use privmsg_store::{Snapshot, Tx, sealed_identity, settings};
use sha2::{Digest as _, Sha256};

use super::learn;
use crate::error::ClientError;
use crate::events::Event;
use crate::identity::public_identity;

/// Since when the server has something else that it says has followed this copy, ms.
const FOLLOWED: &str = "sealed_identity_followed";

/// How long the word of the device that has made other words may be on its way, ms.
const ON_ITS_WAY_MS: i64 = 24 * 3600 * 1000;

/// A challenge of nobody's: nothing is asked of the server by it, and the same copy is the same bytes.
const NOBODY_S: [u8; 32] = [0; 32];

/// A copy of what is sealed with these words, signed for by the identity.
pub(crate) fn sign(key: &AccountKey, user: &UserId, words: &RecoveryKey, sealed: Vec<u8>) -> SealedIdentity {
    let sign_in_key = words.sign_in_key();
    let body = SealedIdentity::body(&sealed, &sign_in_key);
    let request = IdentityRequest::new(user.clone(), NOBODY_S, IdentityAction::SealIdentity, &body);
    SealedIdentity::new(sealed, &sign_in_key, NOBODY_S, key.ask(&request))
}

/// A copy, as it is stored.
pub(crate) fn encode(copy: &SealedIdentity) -> Result<Vec<u8>, ClientError> {
    Ok(copy.encode_body()?.to_vec())
}

/// What a stored copy has sealed, if the account's identity has signed for it.
fn sealed(account: &Account, stored: &[u8]) -> Option<Vec<u8>> {
    let copy = SealedIdentity::decode_body(stored).ok()?;
    Some(copy.signed_by(&public_identity(account).ok()?, &account.user_id)?.to_vec())
}

/// The newest copy, to be handed on.
pub(crate) fn to_hand_on(account: &Account) -> Option<SealedIdentity> {
    SealedIdentity::decode_body(account.sealed_identity.as_ref()?).ok()
}

/// What the newest copy has sealed.
pub(crate) fn newest(account: &Account) -> Option<Vec<u8>> {
    sealed(account, account.sealed_identity.as_ref()?)
}

/// What all copies have sealed, the newest first.
pub(crate) fn all(at: &Snapshot<'_>, account: &Account) -> Result<Vec<Vec<u8>>, ClientError> {
    let stored = account.sealed_identity.iter().cloned().chain(sealed_identity::earlier(at)?);
    Ok(stored.filter_map(|stored| sealed(account, &stored)).collect())
}

/// Keeps a copy as the newest, if the identity has signed for it and it is not known, nor was once. Returns whether the
/// identity has.
pub(crate) fn keep(tx: &Tx<'_>, copy: &SealedIdentity) -> Result<bool, ClientError> {
    let Some(account) = account::load(tx)? else { return Ok(false) };
    let Some(sealed) = copy.signed_by(&public_identity(&account)?, &account.user_id) else { return Ok(false) };
    if !all(tx, &account)?.iter().any(|known| known == sealed) && !is_replaced(tx, sealed)? {
        if let Some(before) = newest(&account) {
            sealed_identity::note_replaced(tx, &hash(&before))?;
        }
        sealed_identity::keep(tx, &encode(copy)?)?;
    }
    Ok(true)
}

/// Whether this device has seen others take the place of what is sealed so, however long ago.
pub(crate) fn is_replaced(at: &Snapshot<'_>, sealed: &[u8]) -> Result<bool, ClientError> {
    Ok(sealed_identity::is_replaced(at, &hash(sealed))?)
}

fn hash(sealed: &[u8]) -> [u8; 32] {
    Sha256::digest(sealed).into()
}

/// Compares with the newest copy what the server serves, if anything. Something else is an alarm at once; where the server still has
/// this copy, and says that others have followed, the device that has made them may be slow to tell.
pub(crate) fn compare(
    tx: &Tx<'_>,
    served: Option<&rest::SealedIdentity>,
    now_ms: i64,
) -> Result<Vec<Event>, ClientError> {
    let Some(own) = account::load(tx)?.as_ref().and_then(newest) else { return Ok(Vec::new()) };
    let (is_same, is_followed) = match served {
        Some(served) => {
            let is_own = |one: &privmsg_protocol::Opaque| one.decode().is_some_and(|one| one == own);
            (is_own(&served.backup), served.earlier.iter().any(is_own))
        }
        None => (false, false),
    };
    if is_same {
        settings::set(tx, FOLLOWED, 0)?;
        return learn::note_spoilt(tx, false, now_ms);
    }
    if is_followed {
        match settings::get(tx, FOLLOWED)?.filter(|since| *since > 0) {
            Some(since) if now_ms.saturating_sub(since) >= ON_ITS_WAY_MS => {}
            Some(_) => return Ok(Vec::new()),
            None => {
                settings::set(tx, FOLLOWED, now_ms)?;
                return Ok(Vec::new());
            }
        }
    }
    learn::note_spoilt(tx, true, now_ms)
}

#[cfg(test)]
#[path = "sealed_copy_tests.rs"]
mod tests;
