//! The identity, sealed with other recovery words, told to one's own other devices.

use privmsg_e2ee::content::SealedIdentity;
use privmsg_e2ee::{Content, Kind as _};
use privmsg_store::{Tx, blocks};

use super::signing_key::of_own_device;
use super::{ContentKind, Effect, Said};
use crate::error::ClientError;
use crate::own_devices::sealed_copy;

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

    fn is_told_to_those_there(&self) -> bool {
        false
    }

    /// Only what the identity itself has signed for takes the place of the copy here: not every device that is in the list
    /// has the words.
    fn apply(&self, tx: &Tx<'_>, said: &Said<'_>) -> Result<Effect, ClientError> {
        let told: SealedIdentity = said.content.body()?;
        if of_own_device(tx, said)?.is_none() {
            return Ok(Effect::default());
        }
        match sealed_copy::keep(tx, &told)? {
            // What the server serves is compared with it.
            true => blocks::note_news(tx)?,
            false => tracing::warn!("rejected a sealed identity that the identity has not signed for"),
        }
        Ok(Effect::default())
    }
}

#[cfg(test)]
#[path = "sealed_identity_tests.rs"]
mod tests;
