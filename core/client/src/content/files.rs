//! Files, with a text beside them or without.

use privmsg_e2ee::{Content, ContentError, Files, Kind};
use privmsg_store::Tx;

use super::receipt::owe_delivered;
use super::{ContentKind, Effect, Said, store_message};
use crate::error::ClientError;
use crate::view::message::{MessageKind, MessageView};

pub(super) struct FilesKind;

impl ContentKind for FilesKind {
    fn number(&self) -> u32 {
        Files::NUMBER
    }

    fn name(&self) -> &'static str {
        MessageKind::File.as_str()
    }

    fn by_person(&self, _content: &Content) -> bool {
        true
    }

    fn is_told_to_those_there(&self) -> bool {
        true
    }

    fn apply(&self, tx: &Tx<'_>, said: &Said<'_>) -> Result<Effect, ClientError> {
        said.content.body::<Files>()?;
        let id = store_message(tx, said)?;
        if id.is_some() {
            owe_delivered(tx, said)?;
        }
        Ok(Effect::message(id))
    }

    fn show(&self, content: &Content, view: &mut MessageView) -> Result<(), ContentError> {
        let files: Files = content.body()?;
        view.text = files.caption;
        view.attachments = files.attachments;
        view.mentions = files.mentions;
        view.kind = MessageKind::File;
        view.reply_to.clone_from(&content.about);
        Ok(())
    }
}
