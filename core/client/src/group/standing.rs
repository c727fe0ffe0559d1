//! Where this user stands in a group of people: what another roster changes, and how they come to be out of it.

use privmsg_e2ee::{ConversationInfo, Roster};
use privmsg_protocol::{ErrorCode, GroupId, MessageId};
use privmsg_store::chats::ChatId;
use privmsg_store::group_chats::{self, Gone};
use privmsg_store::groups::{self, GroupState, StoredGroup};
use privmsg_store::position::Place;
use privmsg_store::{Snapshot, StoreError, chats, consent, holds, lags, leaf_dates, outbox, welcomes};

use super::mls::Step;
use super::news::{GroupNews, Moment};
use super::request::forget;
use super::{change, rosters, told};
use crate::content::title;
use crate::engine::Link;
use crate::engine::tasks::outbox::fail_all;
use crate::error::ClientError;
use crate::events::Event;

/// The roster step of a commit of this device's own counts. Whoever came by it is told what the group is called.
pub(crate) fn stepped(step: &Step<'_, '_>, group: &StoredGroup, place: Place) -> Result<Vec<Event>, ClientError> {
    let Some(next) = &group.step else { return Ok(Vec::new()) };
    let next = rosters::stored(next)?;
    groups::set_step(step.tx, &group.group_id, None)?;
    let moment = Moment { place, at_ms: step.now_ms };
    let (events, news) = enter_roster(step, group, &next, moment, true)?;
    if !news.added.is_empty() || !news.other_identity.is_empty() {
        title::tell_again(step, group.chat)?;
    }
    Ok(events)
}

/// Another roster counts in a group since a commit that is merged, of this device's own (`here`) or of somebody else's.
pub(crate) fn enter_roster(
    step: &Step<'_, '_>,
    group: &StoredGroup,
    next: &Roster,
    moment: Moment,
    here: bool,
) -> Result<(Vec<Event>, GroupNews), ClientError> {
    let before = group.roster.as_deref().ok_or(ClientError::Damaged("roster"))?;
    let before = rosters::stored(before)?;
    let info = ConversationInfo::decode(&group.info).ok().and_then(|info| info.with_roster(next));
    let info = info.ok_or(ClientError::Damaged("conversation info"))?;
    groups::set_roster(step.tx, &group.group_id, &info.encode(), &next.encode())?;
    rosters::learn(step, group.chat, next)?;
    told::note(step, group.chat, next)?;
    holds::release_people(step.tx, group.chat)?;
    change::settle(step.tx, group.chat, &step.identity.user_id, next)?;
    let author = next.author().user_id();
    let mut news = GroupNews::between(&before, next);
    news.here = here && author == &step.identity.user_id;
    let people = news.people(&before, next, true);
    let news = news.marked(step.tx, step.identity.person(), &people)?;
    // Whoever comes again does by a key package, which may be older than what they had.
    for user in [&news.added, &news.removed, &news.left, &news.other_identity].into_iter().flatten() {
        leaf_dates::forget(step.tx, group.chat, user)?;
    }
    Ok((news.tell_of(step, group.chat, author, moment)?, news))
}

/// The server knows no such group, or not this user in it.
pub(crate) fn vanished(step: &Step<'_, '_>, id: GroupId) -> Result<Vec<Event>, ClientError> {
    // A restored server, as this device has found out since it was asked: the chat goes on in another one.
    if groups::load(step.tx, &id)?.is_some_and(|group| group.state == GroupState::Lost) {
        return Ok(Vec::new());
    }
    is_gone_from(step, id)
}

/// This user takes no part in a group any more, whose commits they have not seen.
pub(crate) fn is_gone_from(step: &Step<'_, '_>, id: GroupId) -> Result<Vec<Event>, ClientError> {
    tracing::info!(group_id = %id, "the server knows a group no more");
    let group = groups::load(step.tx, &id)?;
    let events = group.map_or(Ok(Vec::new()), |group| is_gone(step, group.chat))?;
    forget(step, id)?;
    Ok(events)
}

/// What a device has heard of a group that it may have to come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    invitation: Option<MessageId>,
    noted: Option<u64>,
    changes: Option<u32>,
}

impl Heard {
    pub(crate) fn of(at: &Snapshot<'_>, id: &GroupId) -> Result<Self, StoreError> {
        Ok(Self {
            invitation: welcomes::of(at, id)?.map(|welcome| welcome.message_id),
            noted: lags::of(at, id)?.map(|lag| lag.noted),
            changes: groups::load(at, id)?.map(|group| group.reconcile),
        })
    }

    /// Before the server is asked.
    pub(crate) async fn by_now(link: &Link, id: GroupId) -> Result<Self, StoreError> {
        link.context.store.read(move |at| Self::of(at, &id)).await
    }
}

/// The server has answered that it knows no such group, or not this user in it. Whoever was brought in while that answer was on its
/// way has heard more than they had `before` it was asked for, and asks again.
pub(crate) async fn has_vanished(link: &Link, id: GroupId, before: Heard) -> Result<(), ClientError> {
    let forget = move |step: &Step<'_, '_>| match Heard::of(step.tx, &id)? == before {
        true => vanished(step, id),
        false => Ok(Vec::new()),
    };
    let events = link.context.step(&link.identity, forget).await?;
    link.context.emit_all(events);
    Ok(())
}

/// By the server's word this user takes no part in a group of people.
pub(crate) fn is_gone(step: &Step<'_, '_>, chat: ChatId) -> Result<Vec<Event>, ClientError> {
    change::end_all_but_leaving(step.tx, chat)?;
    if !group_chats::set_gone(step.tx, chat, Some(Gone::Unknown))? {
        return Ok(Vec::new());
    }
    let news = GroupNews { unknown_to_server: true, ..GroupNews::default() };
    news.tell(step, chat, &step.identity.user_id)
}

/// The user takes no part in a group any more.
pub(crate) fn take_leave(step: &Step<'_, '_>, group: &StoredGroup, why: Gone) -> Result<Vec<Event>, ClientError> {
    group_chats::set_gone(step.tx, group.chat, Some(why))?;
    consent::forget(step.tx, &chats::load(step.tx, group.chat)?.kind, step.now_ms)?;
    let (events, _) = nothing_comes_of_it(step, group.chat)?;
    forget(step, group.group_id)?;
    Ok(events)
}

/// The user is out of a chat that would have to go on: nothing comes of what waits there. [`ClientError::NotInGroup`] as long as something is
/// left.
pub(crate) async fn comes_to_nothing(link: &Link, chat: ChatId) -> Result<(), ClientError> {
    let (events, is_left) = link.context.step(&link.identity, move |step| nothing_comes_of_it(step, chat)).await?;
    link.context.emit_all(events);
    if is_left { Err(ClientError::NotInGroup) } else { Ok(()) }
}

/// What the user has written in a group in which they take no part, and not sent, will not be, nor comes what they wanted to change.
/// Returns what is to be told of that, and whether something is left: files that are still being uploaded, which fail at their turn.
fn nothing_comes_of_it(step: &Step<'_, '_>, chat: ChatId) -> Result<(Vec<Event>, bool), ClientError> {
    let events = fail_all(step.tx, chat, &ErrorCode::NotAMember)?;
    change::end_all(step.tx, chat)?;
    Ok((events, outbox::chats(step.tx)?.contains(&chat)))
}
