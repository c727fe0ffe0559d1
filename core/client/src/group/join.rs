//! Joining: by invitation, or without one, by external commit: a new device, one that was away too long, one whose state
//! is broken. Nobody else has to be there.

use std::sync::Arc;
use std::time::Duration;

use privmsg_e2ee::{Conversation, JoinError};
use privmsg_protocol::frames::{Ack, ClientFrame};
use privmsg_protocol::{ErrorCode, GroupId, Incarnation, Seq};
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::groups::{self, GroupState};
use privmsg_store::holds::{self, Scope};
use privmsg_store::position::Place;
use privmsg_store::welcomes::{self, Welcome};
use privmsg_store::{Snapshot, StoreError, epoch_ends, gaps, lags, parked, reached, rejoins};
use tokio::time::sleep;

use super::claim::{Claim, published};
use super::create::go_on;
use super::membership::{self, Judgement};
use super::mls::Step;
use super::request::submit;
use super::standing::{Heard, has_vanished};
use super::{asking, leaf_dates, plan};
use super::{external_commit, roster_steps};
use crate::engine::{Link, inbox};
use crate::error::{ClientError, Retry, causes};
use crate::events::Event;
use crate::net::backoff::random_fraction;

/// Attempts in a row, when other commits are always faster. After that the group waits for the next round.
const ATTEMPTS: usize = 8;

/// After so many refusals of one group the conversation goes on in another.
const ENOUGH: u32 = 2;

/// Longest pause between two attempts.
const JITTER: Duration = Duration::from_millis(300);

/// Why a group is joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// This device is not in it, or too far behind.
    NotInIt,
    /// By the server's word numbers are missing here. Counted.
    Missing,
}

/// Joins a group, replacing whatever this device has of it. Where this device cannot be in it for what it is, the
/// conversation goes on in another one.
pub(crate) async fn join(link: &Arc<Link>, id: GroupId, why: Why) -> Result<(), ClientError> {
    let heard = Heard::by_now(link, id).await?;
    let Some(claim) = Claim::ask(link, &id).await? else {
        return has_vanished(link, id, heard).await;
    };
    if waits_for_answer(link, id, claim.clone()).await? {
        return Ok(());
    }
    let here = Here::of(link, id, &claim).await?;
    if !here.pause.is_zero() {
        return Err(ClientError::JoinedTooOften { wait: here.pause });
    }
    if let Some(known) = here.reached.filter(|known| *known > claim.incarnation) {
        // The server has lost what it knew. Where this device has only been told of it, others are there to go on.
        if !here.is_known {
            // In the place of the one that there is: what the server has told of its groups is told anew.
            link.context.store.write(|tx| groups::set_cursor(tx, "")).await?;
            return Err(ClientError::Unjoinable);
        }
        return go_on(link, claim.kind, known).await;
    }
    for attempt in 0..ATTEMPTS {
        let state = match link.context.api.group_state(&id, None).await {
            Ok(state) => state,
            Err(error) if error.is(&ErrorCode::UnknownGroup) => {
                return has_vanished(link, id, heard).await;
            }
            Err(error) => return Err(error),
        };
        let mut shown = claim.clone().with_state(&state)?;
        roster_steps::catch_up(link, id, &shown).await?;
        if here.is_asked_about {
            shown.shown.added_by = roster_steps::added_by(link, id, &shown).await?;
        }
        if attempt == 0 && !here.is_known && waits_for_answer(link, id, shown.clone()).await? {
            return Ok(());
        }
        let counted = (attempt == 0).then_some(why);
        let ask = move |step: &Step<'_, '_>| external_commit::ask(step, id, &state.state, &shown, counted);
        let (outcome, events) = link.context.step(&link.identity, ask).await?;
        link.context.emit_all(events);
        match outcome {
            Outcome::Joining => {}
            Outcome::Invited => return Ok(()),
            Outcome::Held => return Err(ClientError::IdentityToAccept),
            // It goes on when this user writes there.
            Outcome::FormerSelf if !here.is_known => {
                return Ok(link.context.store.write(move |tx| lags::remove(tx, &id)).await?);
            }
            Outcome::FormerSelf if is_current_self(link).await? => {
                return go_on(link, claim.kind, claim.incarnation).await;
            }
            // It does not get better, and nobody may end a chat by what they make of its group.
            Outcome::Refused if here.is_known && here.refusals >= ENOUGH => {
                return go_on(link, claim.kind, claim.incarnation).await;
            }
            Outcome::FormerSelf | Outcome::Refused => return Err(ClientError::Unjoinable),
        }
        match submit(link, id).await {
            // Nor does a server that does not let this device in: whatever it is that others have made of the group.
            Err(error) if is_refused(&error) && here.is_known && here.refusals >= ENOUGH => {
                return go_on(link, claim.kind, claim.incarnation).await;
            }
            submitted => submitted?,
        }
        let group = link.context.store.read(move |at| groups::load(at, &id)).await?;
        if group.is_none_or(|group| group.state != GroupState::Broken) {
            return Ok(());
        }
        sleep(JITTER.mul_f64(random_fraction())).await;
    }
    Err(ClientError::Network("others' changes were always faster".into()))
}

/// Whether the server says of a commit by which this device would join that it does not hold. The next one would not either.
fn is_refused(error: &ClientError) -> bool {
    matches!(error.code(), Some(ErrorCode::InvalidHandshake | ErrorCode::HandshakeTooLarge))
}

async fn waits_for_answer(link: &Link, id: GroupId, claim: Claim) -> Result<bool, ClientError> {
    let waits = link.context.step(&link.identity, move |step| asking::awaits_answer(step, id, &claim)).await?;
    if waits {
        tracing::info!(group_id = %id, "is not joined before the user has answered");
    }
    Ok(waits)
}

/// Whether this device has the identity that its user has published. If not, it is the one that is out of date, or the server
/// was set back: it ends no group of others for it.
async fn is_current_self(link: &Link) -> Result<bool, ClientError> {
    Ok(published(link, &link.identity.user_id).await? == Some(*link.identity.account.as_bytes()))
}

/// What there is here of the chat that a claim is about.
struct Here {
    /// It is not somebody else's invention: this user has it already, or it is their own.
    is_known: bool,
    reached: Option<Incarnation>,
    /// An invitation has come, which could not be used, or nobody of this user has answered.
    is_asked_about: bool,
    /// How often its group could not be joined, in a row.
    refusals: u32,
    /// Until it may be joined anew.
    pause: Duration,
}

impl Here {
    async fn of(link: &Link, id: GroupId, claim: &Claim) -> Result<Self, StoreError> {
        let (kind, conversation, now) = (claim.kind.clone(), claim.conversation, link.context.clock.now_ms());
        let look = move |at: &Snapshot<'_>| {
            let chat = chats::find(at, &kind)?;
            let told = reached::of(at, &conversation)?.map(|told| told.incarnation);
            let reached = chat.map_or(Ok(None), |chat| chats::incarnation(at, chat))?.max(told);
            let refusals = holds::refusals(at, &groups::TASK, Scope::Group(id))?;
            let pause = Duration::from_millis(rejoins::pause_ms(at, &id, now)?.unsigned_abs());
            let is_asked_about = asking::is_asked_about(at, &id)?;
            let is_known = chat.is_some() || kind == ChatKind::SelfNotes;
            Ok(Self { is_known, reached, is_asked_about, refusals, pause })
        };
        link.context.store.read(look).await
    }
}

/// What came of the attempt to join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is on its way.
    Joining,
    /// An invitation has come: what was said behind it can be read only by that.
    Invited,
    /// Not before the user has accepted the other one's identity.
    Held,
    /// It is between other people: this user had another identity then.
    FormerSelf,
    /// It is forged, breaks our rules, or is not what the chat is.
    Refused,
}

/// What becomes of a conversation that was joined and is not adopted.
pub(super) fn declined(
    step: &Step<'_, '_>,
    id: GroupId,
    claim: &Claim,
    judgement: Judgement,
) -> Result<(Outcome, Vec<Event>), ClientError> {
    match judgement {
        Judgement::Held(person) => Ok((Outcome::Held, membership::ask_about(step, &claim.kind, &person)?)),
        Judgement::Refused(why) => {
            tracing::warn!(group_id = %id, why, "refused a group");
            Ok((Outcome::Refused, Vec::new()))
        }
        Judgement::Adopted(events) => Ok((Outcome::Joining, events)),
    }
}

/// Joins by an invitation, with the public state that the server has for it. Where that does not work, the device joins
/// by external commit afterwards.
pub(crate) async fn join_by_welcome(link: &Arc<Link>, welcome: Welcome) -> Result<(), ClientError> {
    let (id, message_id) = (welcome.group, welcome.message_id);
    let claim = match Claim::ask(link, &id).await {
        // It can be refused without looking into it.
        Err(ClientError::Unjoinable) => None,
        claim => claim?,
    };
    let found = match claim {
        None => None,
        Some(claim) => match link.context.api.group_state(&id, Some(welcome.epoch)).await {
            Ok(found) if found.epoch == welcome.epoch => {
                let mut claim = claim.with_state(&found)?;
                roster_steps::catch_up(link, id, &claim).await?;
                claim.shown.added_by = roster_steps::added_by(link, id, &claim).await?;
                Some((claim, found.state.ratchet_tree.decode()))
            }
            Ok(_) => Some((claim, None)),
            Err(ClientError::Server { code, .. }) if code.retry() != Retry::Later => Some((claim, None)),
            Err(error) => return Err(error),
        },
    };
    let used = link.context.step(&link.identity, move |step| {
        if welcomes::of(step.tx, &id)?.is_none_or(|kept| kept.message_id != message_id) {
            // Another one has come since, of which these answers say nothing: it is used next.
            return Ok((Outcome::Refused, Vec::new()));
        }
        if let Some((claim, Some(tree))) = found {
            return use_welcome(step, &welcome, &tree, &claim);
        }
        welcomes::remove(step.tx, &id)?;
        if found.is_some() {
            lags::put_invited(step.tx, &id, welcome.seq, step.now_ms)?;
        } else {
            // What waits behind it is for nobody any more.
            parked::clear(step.tx, &id)?;
        }
        Ok((Outcome::Refused, Vec::new()))
    });
    let (outcome, events) = used.await?;
    link.context.emit_all(events);
    if outcome == Outcome::Held {
        // The invitation stays, and the server keeps what belongs to it.
        return Err(ClientError::IdentityToAccept);
    }
    // Now the server need not keep anything for it any more. Where this gets lost, the invitation comes again, and is known.
    let ack = Ack { message_ids: vec![message_id], accepted: Vec::new() };
    link.send(vec![ClientFrame::Ack(ack)]).await
}

/// Joins with the tree that the server has for an invitation. One that cannot be used leads to an external commit.
pub(crate) fn use_welcome(
    step: &Step<'_, '_>,
    welcome: &Welcome,
    tree: &[u8],
    claim: &Claim,
) -> Result<(Outcome, Vec<Event>), ClientError> {
    let id = welcome.group;
    let part = step.tx.savepoint()?;
    let error = match Conversation::join(step.mls, &welcome.welcome, tree, claim.shown.roster.clone()) {
        Ok(conversation) => match membership::adopt(step, &conversation, id, claim)? {
            Judgement::Adopted(mut events) => {
                part.keep()?;
                asking::brought_in(step.tx, step.identity.person(), &claim.kind, &claim.shown)?;
                welcomes::remove(step.tx, &id)?;
                groups::set_epoch(step.tx, &id, conversation.epoch())?;
                note_leaves(step, &id, &conversation, welcome.seq)?;
                events.extend(membership::has_come_in(step, id)?);
                plan::settle(step.tx, &id)?;
                if lags::of(step.tx, &id)?.is_some() {
                    // The server has said meanwhile that something is to be done in it: somebody has left, or devices have changed.
                    groups::set_reconcile(step.tx, &id)?;
                }
                lags::remove(step.tx, &id)?;
                if let Some(seq) = welcome.seq {
                    gaps::restart(step.tx, &id, seq)?;
                    epoch_ends::forget(step.tx, &id)?;
                    epoch_ends::note(step.tx, &id, conversation.epoch(), seq, step.now_ms)?;
                }
                // What was said while this device was asking is waiting.
                events.extend(inbox::retry(step, id)?.events);
                return Ok((Outcome::Joining, events));
            }
            other => {
                part.undo()?;
                let (outcome, events) = declined(step, id, claim, other)?;
                if outcome == Outcome::Refused {
                    welcomes::remove(step.tx, &id)?;
                    parked::clear(step.tx, &id)?;
                }
                return Ok((outcome, events));
            }
        },
        Err(error) => error,
    };
    part.undo()?;
    welcomes::remove(step.tx, &id)?;
    match error {
        JoinError::AlreadyMember => {}
        JoinError::Storage(error) => return Err(error.into()),
        error => {
            tracing::warn!(error = %causes(&error), "a welcome could not be used");
            lags::put_invited(step.tx, &id, welcome.seq, step.now_ms)?;
        }
    }
    Ok((Outcome::Refused, Vec::new()))
}

/// Notes when the leaves were made among which this device has come in. By a key package that is older than what others have seen
/// of it, it renews its leaf at once, for nothing is said to it before; and puts out those of the user's other devices of
/// which that is true, which may be away: others cannot.
fn note_leaves(
    step: &Step<'_, '_>,
    id: &GroupId,
    conversation: &Conversation,
    seq: Option<Seq>,
) -> Result<(), ClientError> {
    let Some(group) = groups::load(step.tx, id)? else { return Ok(()) };
    leaf_dates::note(step.tx, group.chat, &conversation.dates(), Place::in_group(*id, seq))?;
    let stale = leaf_dates::stale(step.tx, &group, conversation)?;
    let own = conversation.members().into_iter().filter(|member| member.user_id == step.identity.user_id);
    for member in own.filter(|member| stale.contains(&member.device_key)) {
        if member.is_self {
            groups::set_rotate_at(step.tx, id, step.now_ms)?;
        } else {
            groups::set_reconcile(step.tx, id)?;
        }
    }
    Ok(())
}
