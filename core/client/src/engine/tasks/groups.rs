//! Everything that is to be done for groups: answers that are owed, invitations, joining anew, changes that are due.
//!
//! | state | stored request | what happens next |
//! |---|---|---|
//! | none, but invited | | joined by the welcome, else by external commit |
//! | creating | creation | accepted: active. Somebody was faster: deleted, and theirs is joined |
//! | joining | external commit | accepted: active. Stale: deleted, and joined anew |
//! | active | commit | accepted: merged. Stale: dropped; what is still due is committed after the missed one |
//! | active, the server is ahead | none | waits for what leads there, then joined anew |
//! | active, numbers are missing | none | waits for answers that are owed, then joined anew, if they are still missing |
//! | active | none | ready to send |
//! | broken | none | joined anew |
//! | lost by a restored server | none | the chat goes on in another group, made here or by somebody who was faster |

use std::sync::Arc;

use privmsg_protocol::GroupId;
use privmsg_protocol::rest::{Group, GroupKind};
use privmsg_store::groups::{self, GroupState, StoredGroup};
use privmsg_store::holds::{self, Scope};
use privmsg_store::lags::{self, Lag};
use privmsg_store::{
    Snapshot, StoreError, TaskName, chats, consent, gaps, group_changes, outbox, rejoins, settings, welcomes,
};

use super::{Due, Failure, NEXT_LOOK, Task, Work};
use crate::engine::{Link, inbox};
use crate::error::ClientError;
use crate::events::Event;
use crate::group::commit::commit_what_is_due;
use crate::group::create::go_on;
use crate::group::join::{Why, join, join_by_welcome};
use crate::group::membership::reached;
use crate::group::mls::Step;
use crate::group::request::submit;
use crate::group::rosters;
use crate::group::schedule::LONGEST_TURN;
use crate::group::standing::is_gone_from;
use crate::group::unusable::report;
use crate::group::{asking, change};

/// Groups that are worked on at once: while the server is slow about one, others need not wait.
const AT_ONCE: usize = 4;

/// How long to wait for a commit that the server says exists, before joining anew, ms.
pub(crate) const COMMIT_WAIT: i64 = 5_000;

/// Longer than any wait before joining anew, ms.
const LONGEST_WAIT: i64 = 60_000;

/// How long others may go on talking before this device does not wait any more for what is missing among it, ms.
const LONGEST_UNREST: u64 = 20_000;

/// How long to wait before looking again whether what was in the mailbox has come, ms.
const DRAIN_WAIT: i64 = 500;

pub(super) struct Groups;

impl Task for Groups {
    fn name(&self) -> TaskName {
        groups::TASK
    }

    fn due(&self, at: &Snapshot<'_>, link: &Link, now_ms: i64) -> Result<Due, ClientError> {
        let mut due = Due::default();
        let lags = lags::all(at)?;
        let lag_of = |id: &GroupId| lags.iter().find(|lag| lag.group == *id);
        let groups = groups::all(at)?;
        for group in &groups {
            match next(at, group, lag_of(&group.group_id), link, now_ms)? {
                Next::Wait => {}
                Next::Now => due.now.push(Scope::Group(group.group_id)),
                Next::At(at) => due.later_ms(at),
                Next::JoinAt(at) => due.awaited_ms(at),
                Next::JoinWhenQuiet => {
                    due.is_awaited = true;
                    due.at = due.at.into_iter().chain(link.quiet_at()).min();
                }
            }
        }
        // Before that, a chat that nobody of this user has answered is taken for one that somebody has.
        let knows_answers = asking::has_heard(at)?;
        for lag in lags.iter().filter(|lag| !groups.iter().any(|group| group.group_id == lag.group)) {
            if let Some(chat) = lag.chat
                && asking::is_closed(at, &chats::load(at, chat)?.kind)?
            {
                continue;
            }
            if !knows_answers {
                due.is_awaited = true;
            } else if is_ahead(lag.join_at, now_ms) {
                due.awaited_ms(lag.join_at)
            } else {
                due.now.push(Scope::Group(lag.group))
            }
        }
        for id in welcomes::groups(at)? {
            if !due.now.contains(&Scope::Group(id)) {
                due.now.push(Scope::Group(id));
            }
        }
        Ok(due)
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        Box::pin(async move {
            let Scope::Group(id) = scope else { return Ok(()) };
            work_on(&link, id).await.map_err(|error| Failure::of(scope, error))
        })
    }

    fn at_once(&self) -> usize {
        AT_ONCE
    }

    fn is_needed_to_be_in_step(&self) -> bool {
        true
    }
}

/// Whether a time to join anew is still to come. One further away than any that is set was set by a clock that was wrong.
const fn is_ahead(join_at: i64, now_ms: i64) -> bool {
    join_at > now_ms && join_at - now_ms <= LONGEST_WAIT
}

/// When something is to be done for a group.
enum Next {
    Now,
    At(i64),
    /// It is joined anew, unless what it waits for comes.
    JoinAt(i64),
    /// The same; it may be among the messages that are pouring in.
    JoinWhenQuiet,
    /// Another task has to go before.
    Wait,
}

fn next(
    at: &Snapshot<'_>,
    group: &StoredGroup,
    lag: Option<&Lag>,
    link: &Link,
    now_ms: i64,
) -> Result<Next, StoreError> {
    if group.request.is_some() {
        return Ok(if link.is_creating(&group.group_id) { Next::Wait } else { Next::Now });
    }
    if !link.has_compared() {
        // What a server that was restored says of a group, the comparison has to look at first.
        return Ok(Next::Wait);
    }
    if group.state == GroupState::Lost {
        if asking::is_closed(at, &chats::load(at, group.chat)?.kind)? {
            return Ok(Next::Wait);
        }
        // Whoever has something to say or to change does not wait for somebody else to make the next one.
        let is_wanted = outbox::has_unsaid(at, group.chat)? || group_changes::any(at, group.chat)?;
        let longest = if is_wanted { DRAIN_WAIT } else { LONGEST_TURN };
        let waits = (1..=longest).contains(&group.rotate_at.saturating_sub(now_ms));
        return Ok(if waits { Next::JoinAt(group.rotate_at) } else { Next::Now });
    }
    if let Some(lag) = lag {
        return Ok(match standing(at, Some(group), lag)? {
            Standing::CaughtUp => Next::Now,
            Standing::OwedAnswers => Next::Wait,
            // Whoever asks does not see that this device is there.
            Standing::Behind { .. } if asking::is_closed(at, &chats::load(at, group.chat)?.kind)? => Next::Wait,
            Standing::Behind { .. } if is_ahead(lag.join_at, now_ms) => Next::JoinAt(lag.join_at),
            Standing::Behind { .. }
                if lag.epoch.is_some() && link.is_restless() && now_ms.abs_diff(lag.join_at) < LONGEST_UNREST =>
            {
                Next::JoinWhenQuiet
            }
            Standing::Behind { .. } => Next::Now,
        });
    }
    Ok(match group.state {
        GroupState::Broken if asking::is_closed(at, &chats::load(at, group.chat)?.kind)? => Next::Wait,
        GroupState::Broken => Next::Now,
        GroupState::Active if group.roster.is_some() && group_changes::any(at, group.chat)? => {
            match change::waits_until(at, group.chat, now_ms)? {
                Some(until) if is_nothing_else_due(at, group, now_ms)? => Next::At(until),
                _ => Next::Now,
            }
        }
        // Whoever asks does not see that this device is there.
        GroupState::Active if consent::of_chat(at, group.chat)?.is_held() => Next::Wait,
        GroupState::Active if group.reconcile > 0 => Next::Now,
        GroupState::Active if group.rotate_at <= now_ms => Next::Now,
        GroupState::Active => Next::At(group.rotate_at),
        // Without a request: it was written by another version, or half of it is lost.
        GroupState::Creating | GroupState::Joining | GroupState::Lost => Next::Now,
    })
}

/// Whether all that is to be done for a group is to bring somebody in.
fn is_nothing_else_due(at: &Snapshot<'_>, group: &StoredGroup, now_ms: i64) -> Result<bool, StoreError> {
    Ok(group.reconcile == 0 && group.rotate_at > now_ms && change::brings_only(at, group.chat)?)
}

/// Where this device stands in a group that the server was ahead in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Standing {
    /// Everything has come.
    CaughtUp,
    /// What is missing may be messages of its own, whose answers were lost. They are sent again as they were.
    OwedAnswers,
    /// Nothing but joining anew helps, if nothing is on its way any more.
    Behind {
        /// Numbers are missing that the mailbox would have, had this device not had them before.
        missing: bool,
    },
}

fn standing(at: &Snapshot<'_>, group: Option<&StoredGroup>, lag: &Lag) -> Result<Standing, StoreError> {
    let nothing_missing = Standing::Behind { missing: false };
    let Some(group) = group.filter(|group| group.state == GroupState::Active) else { return Ok(nothing_missing) };
    let open = lag.seq.map_or(Ok(0), |seq| gaps::open_up_to(at, &lag.group, seq))?;
    if lag.epoch.is_some_and(|epoch| group.epoch < epoch) || (lag.epoch.is_none() && lag.seq.is_none()) {
        return Ok(Standing::Behind { missing: open > 0 });
    }
    if open == 0 {
        return Ok(Standing::CaughtUp);
    }
    let owed = outbox::owed_answers(at, &lag.group)?;
    if open <= owed && !super::outbox::is_held(at, group.chat)? {
        return Ok(Standing::OwedAnswers);
    }
    // What is held since may be what is missing. It is not asked about, for it would go out; nor was anything set back.
    Ok(Standing::Behind { missing: open > outbox::unanswered(at, &lag.group)? })
}

/// Does the next thing for a group. What is due after it shows when it is asked again.
async fn work_on(link: &Arc<Link>, id: GroupId) -> Result<(), ClientError> {
    let (group, lag, welcome) = link
        .context
        .store
        .read(move |at| Ok::<_, ClientError>((groups::load(at, &id)?, lags::of(at, &id)?, welcomes::of(at, &id)?)))
        .await?;
    if group.as_ref().is_some_and(|group| group.request.is_some()) {
        return submit(link, id).await;
    }
    if let Some(welcome) = welcome {
        return join_by_welcome(link, welcome).await;
    }
    if let Some(group) = group.as_ref().filter(|group| group.state == GroupState::Lost) {
        return go_on_from(link, group).await;
    }
    if lag.is_some() {
        report(link, id).await?;
        return catch_up(link, id).await;
    }
    match group {
        Some(group) if group.state == GroupState::Active => commit_what_is_due(link, &group).await,
        Some(_) => join(link, id, Why::NotInIt).await,
        None => Ok(()),
    }
}

/// Makes the group in which a chat goes on, once all that the server has for the one before is read: its keys go with it.
async fn go_on_from(link: &Arc<Link>, group: &StoredGroup) -> Result<(), ClientError> {
    let (id, chat) = (group.group_id, group.chat);
    if !link.has_read_for(id, Some(group.epoch), link.context.api.newest_pending().await?) {
        let at = link.context.clock.now_ms() + DRAIN_WAIT;
        return Ok(link.context.store.write(move |tx| groups::set_rotate_at(tx, &id, at)).await?);
    }
    let own = link.identity.user_id.clone();
    let look = move |at: &Snapshot<'_>| {
        let was_put_out = rosters::newest(at, chat)?.is_some_and(|roster| roster.participant(&own).is_none());
        Ok::<_, ClientError>((chats::load(at, chat)?.kind, reached(at, chat)?.filter(|_| !was_put_out)))
    };
    match link.context.store.read(look).await? {
        (kind, Some(reached)) => go_on(link, kind, reached).await,
        (_, None) => {
            let events = link.context.step(&link.identity, move |step| is_gone_from(step, id)).await?;
            link.context.emit_all(events);
            Ok(())
        }
    }
}

/// Joins anew, unless everything has come, or something is still on its way through the socket: on a slow line this request
/// overtakes it, and joining would throw away the keys that it needs.
async fn catch_up(link: &Arc<Link>, id: GroupId) -> Result<(), ClientError> {
    let look = move |at: &Snapshot<'_>| {
        let Some(lag) = lags::of(at, &id)? else { return Ok(None) };
        let group = groups::load(at, &id)?;
        Ok::<_, StoreError>(Some((standing(at, group.as_ref(), &lag)?, group.map(|group| group.epoch))))
    };
    // Were it to be empty once, somebody who talks without a pause, in whatever chat, could keep this device from joining for good.
    if let Some((Standing::Behind { .. }, epoch)) = link.context.store.read(look).await?
        && !link.has_read_for(id, epoch, link.context.api.newest_pending().await?)
    {
        let now = link.context.clock.now_ms();
        return Ok(link.context.store.write(move |tx| lags::postpone(tx, &id, now + DRAIN_WAIT)).await?);
    }
    let (standing, events) = link.context.step(&link.identity, move |step| last_look(step, id)).await?;
    link.is_done_for(&id);
    link.context.emit_all(events);
    match standing {
        None | Some(Standing::OwedAnswers) => Ok(()),
        Some(Standing::CaughtUp) => Ok(link.context.store.write(move |tx| lags::remove(tx, &id)).await?),
        Some(Standing::Behind { missing }) => {
            let why = if missing { Why::Missing } else { Why::NotInIt };
            if missing {
                believe(link, id).await?;
            }
            tracing::info!(group_id = %id, missing, "joins anew");
            join(link, id, why).await
        }
    }
}

/// When it was last said that this profile lacks what its device has had, ms.
const TOLD_SET_BACK: &str = "set_back_told_at";

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// That numbers are missing is the server's word. It is believed a few times a day for each group, and the user is told
/// once a day: a server that always says it could otherwise make this device join without end, and warn until nobody looks.
async fn believe(link: &Link, id: GroupId) -> Result<(), ClientError> {
    let now = link.context.clock.now_ms();
    let tell = move |tx: &privmsg_store::Tx<'_>| {
        if rejoins::are_spent(tx, &id, now)? {
            return Err(ClientError::JoinedTooOften { wait: NEXT_LOOK });
        }
        // What could not be joined lacks everything that was said since, whatever the profile is.
        let was_refused = holds::attempts(tx, &groups::TASK, Scope::Group(id))? > 0;
        let told = settings::get(tx, TOLD_SET_BACK)?;
        let is_news = !was_refused && told.is_none_or(|told| told > now || now - told >= DAY_MS);
        if is_news {
            settings::set(tx, TOLD_SET_BACK, now)?;
        }
        Ok(is_news)
    };
    if link.context.store.write(tell).await? {
        link.context.emit(Event::SetBack);
    }
    Ok(())
}

/// Where this device stands before it joins anew. What the mailbox had is stored by now; what is parked is tried once
/// more, since it may have waited for a version of this program that has come: joining would pass it over.
pub(in crate::engine) fn last_look(
    step: &Step<'_, '_>,
    id: GroupId,
) -> Result<(Option<Standing>, Vec<Event>), ClientError> {
    let outcome = inbox::retry(step, id)?;
    let Some(lag) = lags::of(step.tx, &id)? else { return Ok((None, outcome.events)) };
    Ok((Some(standing(step.tx, groups::load(step.tx, &id)?.as_ref(), &lag)?), outcome.events))
}

/// The other user of a direct conversation was deleted. Whoever has that name now is somebody else.
pub(crate) fn is_dead(group: &Group) -> bool {
    group.kind == GroupKind::Direct && group.participants.len() < 2
}
