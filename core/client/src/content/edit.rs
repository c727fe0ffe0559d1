//! Edits: the author's new text, or caption, for a message.

use privmsg_e2ee::{Content, ContentError, Edit, Kind};
use privmsg_store::Tx;
use privmsg_store::relations::Relation;

use super::{ContentKind, Effect, Said, is_about_own, relate};
use crate::error::ClientError;
use crate::view::message::{MessageKind, MessageView};

pub(super) struct EditKind;

impl ContentKind for EditKind {
    fn number(&self) -> u32 {
        Edit::NUMBER
    }

    fn name(&self) -> &'static str {
        "edit"
    }

    fn by_person(&self, _content: &Content) -> bool {
        true
    }

    fn is_told_to_those_there(&self) -> bool {
        true
    }

    fn apply(&self, tx: &Tx<'_>, said: &Said<'_>) -> Result<Effect, ClientError> {
        said.content.body::<Edit>()?;
        if is_about_own(said) {
            relate(tx, said, "")?;
        }
        Ok(Effect::default())
    }

    fn amend(&self, relation: &Relation, content: &Content, view: &mut MessageView) -> Result<(), ContentError> {
        let edit: Edit = content.body()?;
        // A text does not become empty; a caption may.
        let changes = match view.kind {
            MessageKind::Text => !edit.text.is_empty(),
            MessageKind::File => true,
            _ => false,
        };
        if changes {
            view.text = edit.text;
            view.edited_at = Some(relation.sent_at);
        }
        Ok(())
    }
}
