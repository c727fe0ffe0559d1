//! Texts.

use privmsg_e2ee::{Content, ContentError, Kind, Text};
use privmsg_store::Tx;

use super::receipt::owe_delivered;
use super::{ContentKind, Effect, Said, store_message};
use crate::error::ClientError;
use crate::view::message::{MessageKind, MessageView};

pub(super) struct TextKind;

impl ContentKind for TextKind {
    fn number(&self) -> u32 {
        Text::NUMBER
    }

    fn name(&self) -> &'static str {
        MessageKind::Text.as_str()
    }

    fn by_person(&self, _content: &Content) -> bool {
        true
    }

    fn is_told_to_those_there(&self) -> bool {
        true
    }

    fn apply(&self, tx: &Tx<'_>, said: &Said<'_>) -> Result<Effect, ClientError> {
        said.content.body::<Text>()?;
        let id = store_message(tx, said)?;
        if id.is_some() {
            owe_delivered(tx, said)?;
        }
        Ok(Effect::message(id))
    }

    fn show(&self, content: &Content, view: &mut MessageView) -> Result<(), ContentError> {
        let Text { text, mentions } = content.body()?;
        (view.text, view.mentions) = (text, mentions);
        view.kind = MessageKind::Text;
        view.reply_to.clone_from(&content.about);
        Ok(())
    }
}
