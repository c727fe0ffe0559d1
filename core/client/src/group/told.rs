//! What the chat of a group of people tells of who takes part: each step of the roster, by whose word.
//!
//! A commit that this device follows brings one step, which is told with it ([`standing`](super::standing)). With a group that is
//! joined a roster comes that may be many steps further: with the next one of the conversation, which any participant may begin; and
//! with the same one, where this device has to join anew. Whoever wants nobody to see whom they let in would take these ways.

use privmsg_e2ee::Roster;
use privmsg_store::chats::ChatId;
use privmsg_store::group_chats;

use super::mls::Step;
use super::news::GroupNews;
use super::rosters;
use crate::error::ClientError;
use crate::events::Event;

/// A group carries its chat with this roster, in which a commit or a join has ended. A lower one is one that has counted before: to
/// that the server has led back, which is told by itself. One that waits for its author's word, who has called its key back, is nobody's:
/// what has truly changed is told when it comes, however high the numbers are that somebody has signed with such a key.
pub(crate) fn note(step: &Step<'_, '_>, chat: ChatId, roster: &Roster) -> Result<(), ClientError> {
    if !group_chats::has_counted(step.tx, chat, roster.hash())? {
        return Ok(());
    }
    if told(step, chat)?.is_none_or(|told| told.number() <= roster.number()) {
        group_chats::set_told(step.tx, chat, &roster.encode())?;
    }
    Ok(())
}

/// The same of a roster that has come with a group: tells what is another in it than in the last one that was told.
pub(crate) fn tell(step: &Step<'_, '_>, chat: ChatId, roster: &Roster) -> Result<Vec<Event>, ClientError> {
    if !group_chats::has_counted(step.tx, chat, roster.hash())? {
        return Ok(Vec::new());
    }
    let before = told(step, chat)?;
    note(step, chat, roster)?;
    let Some(before) = before.filter(|told| told.number() <= roster.number() && told.hash() != roster.hash()) else {
        return Ok(Vec::new());
    };
    let own = &step.identity.user_id;
    // Of their own coming another line tells, behind which they have not gone.
    let without_own = |mut news: GroupNews| {
        for people in [&mut news.added, &mut news.removed, &mut news.left] {
            people.retain(|user| user != own);
        }
        news
    };
    let mut events = Vec::new();
    match rosters::steps_between(step.tx, chat, &before, roster)? {
        Some(steps) => {
            let mut last = &before;
            for next in &steps {
                let news = without_own(GroupNews::between(last, next));
                let people = news.people(last, next, true);
                let news = news.marked(step.tx, step.identity.person(), &people)?;
                events.extend(news.tell(step, chat, next.author().user_id())?);
                last = next;
            }
        }
        None => {
            let news = without_own(GroupNews::between(&before, roster));
            let people = news.people(&before, roster, false);
            let news =
                GroupNews { unseen: !news.is_empty(), ..news }.marked(step.tx, step.identity.person(), &people)?;
            events.extend(news.tell(step, chat, own)?);
        }
    }
    Ok(events)
}

/// A conversation goes on in another group.
pub(crate) fn went_on(step: &Step<'_, '_>, chat: ChatId) -> Result<Vec<Event>, ClientError> {
    let news = GroupNews { went_on: true, ..GroupNews::default() };
    news.tell(step, chat, &step.identity.user_id)
}

fn told(step: &Step<'_, '_>, chat: ChatId) -> Result<Option<Roster>, ClientError> {
    group_chats::told(step.tx, chat)?.map(|bytes| rosters::stored(&bytes)).transpose()
}
