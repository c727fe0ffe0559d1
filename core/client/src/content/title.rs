//! What a group of people is called.

use privmsg_e2ee::{Content, ContentError, Kind, Role, Title};
use privmsg_store::chats::ChatId;
use privmsg_store::group_chats::Heading;
use privmsg_store::position::Place;
use privmsg_store::{Tx, group_chats, messages, position};

use super::{ContentKind, Effect, Said, compose, say, store_message};
use crate::error::ClientError;
use crate::group::mls::Step;
use crate::group::rosters;
use crate::view::message::{MessageKind, MessageView};

pub(super) struct TitleKind;

impl ContentKind for TitleKind {
    fn number(&self) -> u32 {
        Title::NUMBER
    }

    fn name(&self) -> &'static str {
        MessageKind::Title.as_str()
    }

    /// Whoever only tells again what others have said has said nothing.
    fn by_person(&self, content: &Content) -> bool {
        content.body::<Title>().is_ok_and(|title| !title.again)
    }

    fn is_told_to_those_there(&self) -> bool {
        false
    }

    fn apply(&self, tx: &Tx<'_>, said: &Said<'_>) -> Result<Effect, ClientError> {
        let Title { title, again } = said.content.body()?;
        let Some(view) = rosters::view(tx, said.chat)? else { return Ok(Effect::default()) };
        let people = view.participants();
        let role = people.iter().find(|place| place.user_id() == said.sender).map(|place| place.role());
        // One's own devices tell each other what they know.
        if again && (role >= Some(Role::Admin) || said.sender == said.own) {
            group_chats::tell_title(tx, said.chat, &title)?;
            return Ok(Effect::default());
        }
        if again || role < Some(Role::Admin) {
            tracing::warn!("passed over a title by somebody who may not give any");
            return Ok(Effect::default());
        }
        // What waits for its number is the newest until it has one.
        let place = if said.place == Place::Queued { Place::Here } else { said.place };
        let position = position::of(tx, said.chat, place)?;
        group_chats::set_title(tx, said.chat, &title, position)?;
        Ok(Effect::message(store_message(tx, said)?))
    }

    fn show(&self, content: &Content, view: &mut MessageView) -> Result<(), ContentError> {
        view.text = content.body::<Title>()?.title;
        view.kind = MessageKind::Title;
        Ok(())
    }
}

/// The server has given a message its place: if it is a title, it is the newest from there on.
pub(crate) fn sent(tx: &Tx<'_>, row: i64) -> Result<(), ClientError> {
    let Some(message) = messages::load(tx, row)?.filter(|message| message.kind.0 == i64::from(Title::NUMBER)) else {
        return Ok(());
    };
    let title = Content::decode(&message.content).and_then(|content| content.body::<Title>());
    let Ok(Title { title, .. }) = title else { return Ok(()) };
    Ok(group_chats::set_title(tx, message.chat, &title, message.position)?)
}

/// Tells those who have just come what the group is called, if anybody knows.
pub(crate) fn tell_again(step: &Step<'_, '_>, chat: ChatId) -> Result<(), ClientError> {
    let Some(Heading { title, gone }) = group_chats::heading(step.tx, chat)? else { return Ok(()) };
    if title.is_empty() || gone.is_some() || group_chats::is_title_old(step.tx, chat)? {
        return Ok(());
    }
    let content = compose(&Title { title, again: true }, step.now_ms)?;
    say(step.tx, (&step.identity.user_id, &step.identity.device_id), chat, &content, step.now_ms)?;
    Ok(())
}
