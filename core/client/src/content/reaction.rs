//! Reactions: of one person, one of each emoji.

use privmsg_e2ee::{Content, ContentError, Kind, Reaction};
use privmsg_store::Tx;
use privmsg_store::relations::Relation;

use super::{ContentKind, Effect, Said, relate};
use crate::error::ClientError;
use crate::view::message::{MessageView, ReactionView};

pub(super) struct ReactionKind;

impl ContentKind for ReactionKind {
    fn number(&self) -> u32 {
        Reaction::NUMBER
    }

    fn name(&self) -> &'static str {
        "reaction"
    }

    fn by_person(&self, _content: &Content) -> bool {
        true
    }

    fn is_told_to_those_there(&self) -> bool {
        false
    }

    fn apply(&self, tx: &Tx<'_>, said: &Said<'_>) -> Result<Effect, ClientError> {
        let reaction: Reaction = said.content.body()?;
        relate(tx, said, &reaction.emoji)?;
        Ok(Effect::default())
    }

    fn amend(&self, relation: &Relation, content: &Content, view: &mut MessageView) -> Result<(), ContentError> {
        let reaction: Reaction = content.body()?;
        if reaction.removed {
            return Ok(());
        }
        let user = relation.sender_id.clone();
        match view.reactions.iter_mut().find(|known| known.emoji == reaction.emoji) {
            Some(known) => known.users.push(user),
            None => view.reactions.push(ReactionView { emoji: reaction.emoji, users: vec![user] }),
        }
        Ok(())
    }
}
