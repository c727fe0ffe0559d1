//! Leaving a group of people: the user's own signed word, which the server orders among all others, and which some other
//! member's commit carries. From then on the server keeps everything of the group from this user's devices.

use std::sync::Arc;

use privmsg_e2ee::{Participant, Role, Roster};
use privmsg_protocol::rest::LeaveGroup;
use privmsg_protocol::{ErrorCode, GroupId, Opaque, UserId};
use privmsg_store::group_changes;
use privmsg_store::group_chats::Gone;
use privmsg_store::groups::{self, StoredGroup};

use super::change::{Author, ChangeError, GroupChange};
use super::mls::Step;
use super::news::GroupNews;
use super::rosters;
use super::standing::take_leave;
use crate::engine::Link;
use crate::error::{ClientError, Retry};

/// A wish to leave.
#[derive(Debug)]
pub(crate) struct Leave {
    pub(crate) wanted: i64,
    pub(crate) successor: Option<UserId>,
    /// The newest roster that the server has.
    pub(crate) newest: Roster,
}

/// What the server is told.
enum Word {
    /// The next roster, and what is another in it; none where nobody else is in the group, or where the user cannot sign one.
    Said(Option<Box<(Roster, GroupNews)>>),
    /// It cannot be, and that is noted.
    Impossible,
}

/// Leaves a group.
pub(crate) async fn leave(link: &Arc<Link>, group: &StoredGroup, leave: Leave) -> Result<(), ClientError> {
    let (id, wanted) = (group.group_id, leave.wanted);
    let word = link.context.step(&link.identity, move |step| word(step, id, &leave)).await?;
    let Word::Said(next) = word else { return Ok(()) };
    let request = LeaveGroup { roster: next.as_ref().map(|next| Opaque::encode(&next.0.encode())) };
    match link.context.api.leave_group(&id, &request).await {
        Ok(()) => {}
        // An answer to the same that was lost.
        Err(error) if error.is(&ErrorCode::UnknownGroup) => {}
        // Or it knows a newer generation of this account than this device does, under which somebody could sign.
        Err(error) if error.is(&ErrorCode::InvalidRoster) || error.is(&ErrorCode::InvalidRequest) => {
            let why = ChangeError::Refused.to_string();
            return Ok(link.context.store.write(move |tx| group_changes::fail(tx, wanted, &why)).await?);
        }
        Err(error) => return Err(error),
    }
    let told = link.context.step(&link.identity, move |step| {
        let Some(group) = groups::load(step.tx, &id)? else { return Ok(Vec::new()) };
        let own = &step.identity.user_id;
        group_changes::done(step.tx, wanted)?;
        let news = match next {
            Some(next) => {
                let (roster, mut news) = *next;
                // No commit brings it here any more: who owns the group from now on is known by the user's own word.
                rosters::learn(step, group.chat, &roster)?;
                news.here = true;
                news
            }
            None => GroupNews { left: vec![own.clone()], here: true, ..GroupNews::default() },
        };
        let mut events = news.tell(step, group.chat, own)?;
        events.extend(take_leave(step, &group, Gone::Left)?);
        Ok::<_, ClientError>(events)
    });
    link.context.emit_all(told.await?);
    Ok(())
}

/// The user does not stand in the newest roster, and the group has not come to it: the server was set back. What they have said
/// themselves when they left is said once more; what others have decided, others bring.
pub(crate) async fn is_out(
    link: &Arc<Link>,
    group: &StoredGroup,
    roster: Roster,
    is_waiting: bool,
) -> Result<(), ClientError> {
    let id = group.group_id;
    let is_own = rosters::person(roster.author()) == link.identity.as_person();
    let why = if is_own { Gone::Left } else { Gone::Removed };
    if why == Gone::Left && !is_waiting {
        let request = LeaveGroup { roster: Some(Opaque::encode(&roster.encode())) };
        match link.context.api.leave_group(&id, &request).await {
            Ok(()) => {}
            // It has other rosters by now, or knows nothing of the group: that is for those who are in it.
            Err(error) if error.code().is_some_and(|code| code.retry() != Retry::Later) => {}
            Err(error) => return Err(error),
        }
    }
    let out = link.context.step(&link.identity, move |step| match groups::load(step.tx, &id)? {
        Some(group) => take_leave(step, &group, why),
        None => Ok(Vec::new()),
    });
    link.context.emit_all(out.await?);
    Ok(())
}

fn word(step: &Step<'_, '_>, id: GroupId, leave: &Leave) -> Result<Word, ClientError> {
    let own = &step.identity.user_id;
    if leave.newest.participants().iter().all(|place| place.user_id() == own) {
        return Ok(Word::Said(None));
    }
    let key = rosters::signing_key(step.tx)?;
    let conversation = step.take(id)?;
    let generation_of = |user: &UserId| conversation.as_ref().and_then(|found| found.generation_of(user));
    let chat = groups::load(step.tx, &id)?.map(|group| group.chat);
    let has_owned =
        chat.map_or(Ok(true), |chat| rosters::has_owned(step.tx, chat, &rosters::person(key.certificate())))?;
    let author = Author { key: &key, generation_of: &generation_of, has_owned };
    match said(leave, &author) {
        Ok(next) => Ok(Word::Said(next.map(|roster| {
            let news = GroupNews::between(&leave.newest, &roster);
            Box::new((roster, news))
        }))),
        Err(why) => {
            group_changes::fail(step.tx, leave.wanted, &why.to_string())?;
            Ok(Word::Impossible)
        }
    }
}

/// How a user leaves a group that others are in: by their signature, or, where the newest roster names them under an identity or binds
/// them to a generation under which they cannot sign, by their session alone. That they stand there is for the others to mend.
fn said(leave: &Leave, author: &Author<'_>) -> Result<Option<Roster>, ChangeError> {
    let certificate = author.key.certificate();
    if leave.newest.signer(certificate).is_none() {
        return Ok(None);
    }
    let own = certificate.user_id();
    // Who is named counts where nobody else would be an owner.
    let is_other_owner = |place: &Participant| place.user_id() != own && place.role() == Role::Owner;
    let has_owner = leave.newest.participants().iter().any(is_other_owner);
    let successor = leave.successor.clone().filter(|_| !has_owner);
    GroupChange::Leave { successor }.step(&leave.newest, author).map(Some)
}

#[cfg(test)]
#[path = "leaving_tests.rs"]
mod tests;
