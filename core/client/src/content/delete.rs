//! Deleting for everybody: what the author takes back.

use privmsg_e2ee::{Content, ContentError, Delete, Kind};
use privmsg_store::chats::ChatId;
use privmsg_store::position::Place;
use privmsg_store::relations::{Relation, Target};
use privmsg_store::{Tx, messages, relations};

use super::{ContentKind, Effect, Said, is_about_own, relate, target};
use crate::error::ClientError;
use crate::view::message::{MessageKind, MessageView};

/// As relations name it.
pub(super) const KIND: i64 = Delete::NUMBER as i64;

pub(super) struct DeleteKind;

impl ContentKind for DeleteKind {
    fn number(&self) -> u32 {
        Delete::NUMBER
    }

    fn name(&self) -> &'static str {
        "delete"
    }

    fn by_person(&self, _content: &Content) -> bool {
        true
    }

    fn is_told_to_those_there(&self) -> bool {
        false
    }

    /// What the message said goes from this device, and what was said about it. That there was one stays, and so does
    /// the relation, for a message that is still on its way. As long as the deletion is this device's own and not with the
    /// server, the message only looks like that: if it is refused, others still see it, and so does its author.
    fn apply(&self, tx: &Tx<'_>, said: &Said<'_>) -> Result<Effect, ClientError> {
        said.content.body::<Delete>()?;
        if is_about_own(said) && relate(tx, said, "")? && said.place != Place::Queued {
            carry_out(tx, said.chat, &target(said)?, said.now_ms)?;
        }
        Ok(Effect::default())
    }

    fn amend(&self, _relation: &Relation, _content: &Content, view: &mut MessageView) -> Result<(), ContentError> {
        view.kind = MessageKind::Text;
        view.deleted = true;
        view.text.clear();
        view.attachments.clear();
        view.reactions.clear();
        view.reply_to = None;
        view.edited_at = None;
        Ok(())
    }
}

/// What a message said is gone for everybody.
pub(super) fn carry_out(tx: &Tx<'_>, chat: ChatId, target: &Target, now_ms: i64) -> Result<(), ClientError> {
    for message in messages::find_of(tx, chat, &target.author, &target.message_id)? {
        messages::delete(tx, message.id, now_ms)?;
    }
    Ok(relations::clear(tx, chat, target, KIND)?)
}
