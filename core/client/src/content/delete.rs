//! Deleting for everybody: what the author takes back.

use privmsg_e2ee::{Delete, Kind};
use privmsg_store::{Tx, messages, relations};

use super::{ContentKind, Effect, Said, is_about_own, relate, target};
use crate::error::ClientError;

pub(super) struct DeleteKind;

impl ContentKind for DeleteKind {
    fn number(&self) -> u32 {
        Delete::NUMBER
    }

    fn name(&self) -> &'static str {
        "delete"
    }

    /// What the message said goes from this device, and what was said about it. That there was one stays, and so does
    /// the relation, for a message that is still on its way.
    fn apply(&self, tx: &Tx<'_>, said: &Said<'_>) -> Result<Effect, ClientError> {
        said.content.body::<Delete>()?;
        if !is_about_own(said) || !relate(tx, said, "")? {
            return Ok(Effect::default());
        }
        let target = target(said)?;
        for message in messages::find_of(tx, said.chat, &target.author, &target.message_id)? {
            messages::delete(tx, message.id, said.now_ms)?;
        }
        relations::clear(tx, said.chat, &target, i64::from(Delete::NUMBER))?;
        Ok(Effect::default())
    }
}
