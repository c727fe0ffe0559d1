//! The identity, sealed with other recovery words, told to one's own other devices.

use privmsg_e2ee::content::SealedIdentity;
use privmsg_e2ee::{Content, Kind as _};
use privmsg_store::{Tx, sealed_identity};

use super::signing_key::of_own_device;
use super::{ContentKind, Effect, Said};
use crate::error::ClientError;
use crate::identity::public_identity;

pub(super) struct SealedIdentityKind;

impl ContentKind for SealedIdentityKind {
    fn number(&self) -> u32 {
        SealedIdentity::NUMBER
    }

    fn name(&self) -> &'static str {
        "sealed_identity"
    }

    fn by_person(&self, _content: &Content) -> bool {
        false
    }

    /// Only what the identity itself has signed for takes the place of the copy here: not every device that is in the list
    /// has the words.
    fn apply(&self, tx: &Tx<'_>, said: &Said<'_>) -> Result<Effect, ClientError> {
        let told: SealedIdentity = said.content.body()?;
        let Some(account) = of_own_device(tx, said)? else { return Ok(Effect::default()) };
        match told.signed_by(&public_identity(&account)?, &account.user_id) {
            Some(sealed) => sealed_identity::keep(tx, sealed)?,
            None => tracing::warn!("rejected a sealed identity that the identity has not signed for"),
        }
        Ok(Effect::default())
    }
}

#[cfg(test)]
#[path = "sealed_identity_tests.rs"]
mod tests;
