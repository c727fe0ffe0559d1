//! The outbox, emptied: queued messages are encrypted for their chat's group and sent, and what the server says of them
//! is noted.

mod addressed;
mod confirmed;
mod failing;
mod gate;
mod own_list;

use std::sync::Arc;
use std::time::Duration;

use privmsg_e2ee::{EncryptError, Participant};
use privmsg_mls_public::ListNumber;
use privmsg_protocol::error::Retry;
use privmsg_protocol::frames::{Ack, ClientFrame, ErrorFrame, MessageType, SendMessage};
use privmsg_protocol::{ErrorCode, GroupId, MessageId, Opaque};
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::groups::{self, GroupState, StoredGroup};
use privmsg_store::holds::{Reason, Scope, Unreachable};
use privmsg_store::outbox::Encrypted;
use privmsg_store::position::Position;
use privmsg_store::{Snapshot, StoreError, TaskName, blocks, contacts, holds, lags, outbox};

use self::addressed::Present;
pub(in crate::engine) use self::confirmed::sends_confirmed;
pub(in crate::engine) use self::failing::give_up;
pub(crate) use self::failing::{chat_refused, fail_all};
use self::gate::{Gate, gate};
use self::own_list::OwnList;
use super::groups::COMMIT_WAIT;
use super::{Due, Failure, Task, Work};
use crate::content;
use crate::device_lists;
use crate::engine::Link;
use crate::engine::link::Flight;
use crate::error::{ClientError, During as _};
use crate::events::Event;
use crate::group::create::look_for_the_other;
use crate::group::membership::{self, Identities, look_at_identities};
use crate::group::mls::Step;
use crate::group::policy::Policy;
use crate::group::request::forget;

/// How long to wait before looking again whether somebody is there, twice as long each time up to a minute. Their coming shows as a commit,
/// which lifts the hold; it may come while the hold is being put.
const NOBODY_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_NOBODY_PAUSE: Duration = Duration::from_secs(60);

/// How long to wait before looking again whether a device list has come. One that comes lifts the hold.
const LIST_PAUSE: Duration = Duration::from_secs(5);

/// At every how many attempts it is looked whether the other one has another identity: every ten minutes.
const LOOK_EVERY: u32 = 10;

/// Pause after a refusal that names none.
const DEFAULT_PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Outbox;

impl Task for Outbox {
    fn name(&self) -> TaskName {
        outbox::TASK
    }

    fn due(&self, at: &Snapshot<'_>, link: &Link, _now_ms: i64) -> Result<Due, ClientError> {
        let mut due = Due::default();
        if link.room() == 0 {
            return Ok(due);
        }
        let flying = link.in_flight();
        for chat in outbox::chats(at)? {
            let is_due = match carrier(at, chat)? {
                None => false,
                Some((group, _)) if !link.is_sure_of(&group.group_id) => false,
                Some((_, Load::Everything)) => outbox::has_other_than(at, chat, &flying)?,
                Some((group, Load::Repetitions)) => {
                    let owed = outbox::to_repeat(at, &group.group_id, flying.len() + 1)?;
                    owed.iter().any(|queued| !flying.contains(&queued.message_id))
                }
            };
            if is_due && !is_held(at, chat)? && blocks::in_chat(at, &chats::load(at, chat)?)?.is_none() {
                due.now.push(Scope::Chat(chat));
            }
        }
        Ok(due)
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        Box::pin(async move {
            let Scope::Chat(chat) = scope else { return Ok(()) };
            match send_queued(&link, chat).await {
                Ok(Sending::Done) => Ok(()),
                Ok(Sending::ListMissing) => {
                    let reason = Reason::DeviceListMissing;
                    Err(Failure::Hold { scope, reason, pause: Some(LIST_PAUSE), is_first: false })
                }
                Ok(Sending::NobodyThere) => match nobody_there(&link, chat).await {
                    Ok(None) => Ok(()),
                    Ok(Some(pause)) => {
                        let reason = Reason::Unreachable(Unreachable::NobodyThere);
                        Err(Failure::Hold { scope, reason, pause: Some(pause), is_first: false })
                    }
                    Err(error) => Err(Failure::of(scope, error)),
                },
                Err(error) => Err(Failure::of(scope, error)),
            }
        })
    }

    fn is_quick(&self) -> bool {
        true
    }
}

/// Looks now and then whether the other one of a chat in which nobody is there has another identity. Returns how long to wait, if that
/// did not help.
async fn nobody_there(link: &Arc<Link>, chat: ChatId) -> Result<Option<Duration>, ClientError> {
    let vain = link.context.store.read(move |at| holds::attempts(at, &outbox::TASK, Scope::Chat(chat))).await?;
    if vain.is_multiple_of(LOOK_EVERY) && look_for_the_other(link, chat).await? {
        return Ok(None);
    }
    Ok(Some(NOBODY_PAUSE.saturating_mul(1 << vain.min(8)).min(LONGEST_NOBODY_PAUSE)))
}

/// Nothing is sent to a verified contact whose key has changed, until the user has accepted that.
pub(super) fn is_held(at: &Snapshot<'_>, chat: ChatId) -> Result<bool, StoreError> {
    match chats::load(at, chat)?.kind {
        ChatKind::Direct { peer } => contacts::is_held(at, &peer),
        ChatKind::SelfNotes | ChatKind::Group { .. } => Ok(false),
    }
}

/// What a group can carry now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    Everything,
    /// Only what is encrypted already: whether the answers to it were lost, or more is missing here, is to be seen first.
    Repetitions,
}

/// The group that carries a chat, if it can now.
fn carrier(at: &Snapshot<'_>, chat: ChatId) -> Result<Option<(StoredGroup, Load)>, StoreError> {
    let Some(group) = groups::of_chat(at, chat)? else { return Ok(None) };
    if group.state != GroupState::Active || group.request.is_some() {
        return Ok(None);
    }
    Ok(match lags::of(at, &group.group_id)? {
        None if group.reconcile == 0 => Some((group, Load::Everything)),
        // Also where the epoch that the server was ahead by has come since: what is owed is asked for, and nobody else does.
        Some(lag) if lag.seq.is_some() && lag.epoch.is_none_or(|epoch| group.epoch >= epoch) => {
            Some((group, Load::Repetitions))
        }
        _ => None,
    })
}

enum Sending {
    Done,
    /// The other user has no device in the conversation at the moment: the message would reach nobody.
    NobodyThere,
    /// Which devices the other user has is being asked for.
    ListMissing,
}

async fn send_queued(link: &Link, chat: ChatId) -> Result<Sending, ClientError> {
    let (room, flying) = (link.room(), link.in_flight());
    let prepared = link.context.step(&link.identity, move |step| encrypt_queued(step, chat, &flying, room)).await?;
    let (group, frames, tells) = match prepared {
        Prepared::Frames { group, frames, tells, held } => {
            link.context.emit_all(held);
            (group, frames, tells)
        }
        Prepared::NobodyThere => return Ok(Sending::NobodyThere),
        Prepared::NotNow => return Ok(Sending::Done),
        Prepared::ListMissing => return Ok(Sending::ListMissing),
        Prepared::Strangers(people) => {
            return match look_at_identities(link, chat, people).await? {
                Identities::AsKnown => Ok(Sending::Done),
                Identities::ToAccept => Err(ClientError::IdentityToAccept),
                Identities::Refused => Err(ClientError::IdentityRefused),
            };
        }
    };
    if frames.is_empty() {
        return Ok(Sending::Done);
    }
    for (frame, behind) in &frames {
        let tells = tells.filter(|(message, _)| *message == frame.message_id).map(|(_, number)| number);
        let (epoch, behind) = (frame.epoch.unwrap_or_default(), *behind);
        link.take_off(frame.message_id, Flight { chat, group, epoch, behind, tells });
    }
    link.send(frames.into_iter().map(|(frame, _)| ClientFrame::Message(frame)).collect()).await?;
    Ok(Sending::Done)
}

/// What came of encrypting.
enum Prepared {
    /// Ready to be sent.
    Frames {
        group: GroupId,
        /// Each with how far the chat had come when it was encrypted.
        frames: Vec<(SendMessage, Position)>,
        /// The message, if one is among them, by which the group is told this account's device list.
        tells: Option<(MessageId, ListNumber)>,
        /// What of the rest waits for the user's word.
        held: Vec<Event>,
    },
    /// The message would reach nobody.
    NobodyThere,
    /// The other one has named a device list that is being asked for.
    ListMissing,
    /// Something else has to be put in order first, and that has been noted.
    NotNow,
    /// People take part in a group under another identity than the one that the user knows them by.
    Strangers(Vec<Participant>),
}

/// Encrypts what is not encrypted yet and keeps the ciphertexts, so that a repetition sends the same bytes.
fn encrypt_queued(
    step: &Step<'_, '_>,
    chat: ChatId,
    flying: &[MessageId],
    room: usize,
) -> Result<Prepared, ClientError> {
    let Some((stored, load)) = carrier(step.tx, chat)? else { return Ok(Prepared::NotNow) };
    let group = stored.group_id;
    let join_anew = || lags::put(step.tx, &group, None, step.now_ms).map(|()| Prepared::NotNow);
    let not_repeated = |prepared| match load {
        Load::Everything => Ok(prepared),
        // The commit that is wanted first waits for the answers: they are not waited for any more.
        Load::Repetitions => outbox::clear_encrypted_for(step.tx, &group).and_then(|()| join_anew()),
    };
    let Some(mut conversation) = step.take(group)? else { return Ok(join_anew()?) };
    if let Some(roster) = &stored.roster {
        match gate(step, &stored, roster) {
            Ok(Gate::Open) => {}
            Ok(Gate::Behind) => return Ok(not_repeated(Prepared::NotNow)?),
            Ok(Gate::Strangers(people)) => return Ok(not_repeated(Prepared::Strangers(people))?),
            Err(ClientError::GroupUnsettled) if load == Load::Repetitions => {
                return Ok(not_repeated(Prepared::NotNow)?);
            }
            Err(error) => return Err(error),
        }
    }
    if stored.roster.is_none() && !membership::is_trusted(step.tx, step.identity, conversation.info())? {
        // It is between other people than the user means: the chat goes on in another group.
        forget(step, group)?;
        return Ok(Prepared::NotNow);
    }
    match device_lists::gate::gate(step, &stored, &conversation)? {
        device_lists::gate::Gate::Open => {}
        device_lists::gate::Gate::Missing => return Ok(Prepared::ListMissing),
        device_lists::gate::Gate::Strangers => {
            // What does not stand in its account's device list has to leave first.
            groups::set_reconcile(step.tx, &group)?;
            return Ok(not_repeated(Prepared::NotNow)?);
        }
    }
    let alone = !conversation.has_others(&step.identity.user_id);
    if alone && Policy::of(&chats::load(step.tx, chat)?.kind).needs_others {
        return Ok(not_repeated(Prepared::NobodyThere)?);
    }
    let epoch = conversation.epoch();
    let (mut frames, mut held) = (Vec::new(), Vec::new());
    let mut list = OwnList::of(step, &group)?;
    let present = Present::of(step, &stored, &conversation);
    let most = room + flying.len();
    let queue = match load {
        Load::Everything => outbox::ready(step.tx, chat, most)?,
        Load::Repetitions => outbox::to_repeat(step.tx, &group, most)?,
    };
    for queued in queue {
        if frames.len() == room {
            break;
        }
        if flying.contains(&queued.message_id) {
            continue;
        }
        // What is only repeated is repeated as it was, also when its epoch is over: the server may have taken it before that.
        let is_good = |encrypted: &&Encrypted| {
            encrypted.group == group && (encrypted.epoch == epoch || load == Load::Repetitions)
        };
        let mut sent_before = queued.encrypted.as_ref().filter(is_good);
        let newcomers = match sent_before {
            None if load == Load::Everything => present.newcomers(step, &queued)?,
            _ => Vec::new(),
        };
        if !newcomers.is_empty() {
            // Whether it has been taken before they came, the server says, and otherwise refuses.
            sent_before = queued.encrypted.as_ref().filter(|encrypted| encrypted.group == group);
            if sent_before.is_none() {
                held.extend(present.hold_back(step, &queued, &newcomers)?);
                continue;
            }
        }
        let (epoch, ciphertext, behind) = match sent_before {
            Some(encrypted) => {
                (encrypted.epoch, encrypted.ciphertext.clone(), queued.behind.unwrap_or(Position::START))
            }
            None if load == Load::Repetitions => continue,
            None => {
                let content = list.put_into(queued.message_id, &queued.content)?;
                let ciphertext = match conversation.encrypt(step.mls, &step.identity.device, &content) {
                    Err(EncryptError::Removed) => return Ok(join_anew()?),
                    other => other.during("encrypting a message")?,
                };
                let encrypted = Encrypted { group, epoch, ciphertext };
                let behind = outbox::set_encrypted(step.tx, &queued, &encrypted)?;
                (epoch, encrypted.ciphertext, behind)
            }
        };
        let by_person = content::is_by_person(&queued.content);
        let frame = SendMessage {
            message_id: queued.message_id,
            sender_id: step.identity.user_id.clone(),
            recipient_id: None,
            group_id: Some(group),
            epoch: Some(epoch),
            encrypted_content: Opaque::encode(&ciphertext),
            // What it really is stands inside.
            message_type: MessageType::Text,
            timestamp: step.now_ms / 1000,
            by_person: Some(by_person),
        };
        frames.push((frame, behind));
    }
    step.keep(conversation)?;
    Ok(Prepared::Frames { group, frames, tells: list.told, held })
}

/// The server has refused a message. What helps, a pause, catching up or giving up, is said by the code.
pub(in crate::engine) async fn refused(
    link: &Link,
    id: MessageId,
    flight: Flight,
    error: ErrorFrame,
) -> Result<(), ClientError> {
    let (group, now) = (flight.group, link.context.clock.now_ms());
    tracing::debug!(group_id = %group, code = %error.code, epoch = ?flight.epoch, "a message was refused");
    match error.code {
        // The server has lost what it had accepted, as after a restored backup.
        ErrorCode::StaleEpoch if error.epoch.is_some_and(|epoch| epoch < flight.epoch) => {
            link.context.store.write(move |tx| lags::put(tx, &group, None, now)).await?;
        }
        ErrorCode::StaleEpoch => {
            let epoch = error.epoch;
            let noted = link.context.store.write(move |tx| {
                outbox::clear_encrypted(tx, &id)?;
                let ours = groups::load(tx, &group)?.map(|group| group.epoch);
                // What was repeated may be of an epoch that this device has left behind, too.
                if epoch.is_some() && ours >= epoch { Ok(()) } else { lags::put(tx, &group, epoch, now + COMMIT_WAIT) }
            });
            noted.await?;
        }
        ErrorCode::NotAMember | ErrorCode::UnknownGroup => {
            link.context.store.write(move |tx| lags::put(tx, &group, None, now)).await?;
        }
        // The server has it from this device, whose group was another one then.
        ErrorCode::MessageIdConflict => {
            sends_confirmed(link, Ack { message_ids: vec![id], accepted: Vec::new() }).await?;
        }
        code if code.retry() == Retry::Never => give_up(link, id, code).await?,
        code => {
            let is_for_somebody = matches!(code, ErrorCode::RecipientNotBack | ErrorCode::RecipientHasNoDevices);
            let pause = error.retry_after_ms.map_or(DEFAULT_PAUSE, Duration::from_millis);
            let held = link.context.store.write(move |tx| {
                outbox::clear_encrypted(tx, &id)?;
                // Somebody may have come since it was sent.
                let is_as_then = groups::load(tx, &group)?.is_some_and(|now| now.epoch == flight.epoch);
                let pause = if is_for_somebody && is_as_then { LONGEST_NOBODY_PAUSE } else { pause };
                holds::put(tx, &outbox::TASK, Scope::Chat(flight.chat), &Reason::Refused(code), now, |_| pause)
            });
            held.await?;
        }
    }
    Ok(())
}
