//! What of rosters depends on the generations that accounts have begun: who signs, and what others are bound to.

use privmsg_mls_public::{Participant, Roster, SigningKeyCertificate};

use super::device_lists::damaged;
use super::query::Query as _;
use super::tx::Tx;
use crate::storage::rosters::invalid;
use crate::storage::{Refusal, Result};

/// What those are bound to of whose generation nothing is known.
const FIRST_GENERATION: u64 = 1;

impl Tx<'_> {
    /// A key that its account has called back, or that is another identity's, signs nothing here any more.
    pub(super) fn check_author(&self, roster: &Roster) -> Result<()> {
        let author = roster.author();
        let found: Option<(String, Vec<u8>)> = self.conn.first(
            "SELECT public_key, certificate FROM account WHERE user_id = ?1",
            [author.user_id().as_str()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let (identity, certificate) = found.ok_or_else(unknown_author)?;
        if identity != author.identity_key().to_string() {
            return Err(unknown_author().into());
        }
        if certificate.is_empty() {
            return Ok(());
        }
        let newest = SigningKeyCertificate::decode(&certificate).map_err(damaged)?;
        if author.generation() < newest.generation() {
            return Err(invalid("signed under a generation that the author's account has called back").into());
        }
        Ok(())
    }

    /// Nobody is bound to a generation that their account has not begun: they would sign nothing any more in the group. Of steps
    /// that the server has not seen it may not have the certificates either; those are bound to none that is not honest yet.
    pub(super) fn check_floors(&self, before: &Roster, next: &Roster, honest: u64) -> Result<()> {
        let bound = |place: &&Participant| {
            place.user_id() != next.author().user_id()
                && place.floor() > before.participant(place.user_id()).map_or(FIRST_GENERATION, Participant::floor)
        };
        for place in next.participants().iter().filter(bound) {
            let begun = self.generation_of(place)?.max(honest);
            if place.floor() > begun.max(FIRST_GENERATION) {
                return Err(invalid("somebody would be bound to a generation that their account has not begun").into());
            }
        }
        Ok(())
    }

    /// The newest generation that the account of this name has begun, 0 for none, or as another identity.
    pub(super) fn generation_of(&self, place: &Participant) -> Result<u64> {
        let found: Option<(String, Vec<u8>)> = self.conn.first(
            "SELECT public_key, certificate FROM account WHERE user_id = ?1",
            [place.user_id().as_str()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        match found {
            Some((identity, certificate)) if identity == place.identity().to_string() && !certificate.is_empty() => {
                Ok(SigningKeyCertificate::decode(&certificate).map_err(damaged)?.generation())
            }
            _ => Ok(0),
        }
    }
}

fn unknown_author() -> Refusal {
    invalid("signed by somebody who has no account here under that identity")
}
