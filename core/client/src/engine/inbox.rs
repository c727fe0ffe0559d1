//! Incoming messages: a page of the mailbox is one transaction.
//!
//! Each message ends in one of three ways, and only then is its mailbox row acknowledged: stored, parked (it needs a
//! commit or a welcome that is not processed yet; retried after it), or rejected (forged, broken, or not readable by this
//! device). A message that was processed before a crash and comes again is recognised by its number in the group and
//! by MLS itself. Nothing here asks the server: what needs that is noted, and left to a task.

mod invitation;
mod numbers;
mod people;
mod verdict;
mod withheld;

use std::collections::HashSet;

use privmsg_e2ee::{Content, Expected, Member, MembershipChange, ProcessError, Processed};
use privmsg_protocol::frames::{DeliveredMessage, MessageType};
use privmsg_protocol::{GroupId, MessageId};
use privmsg_store::groups::{self, GroupState, StoredGroup};
use privmsg_store::holds::{self, Scope};
use privmsg_store::position::Place;
use privmsg_store::{blocks, epoch_ends, lags, parked, welcomes};

pub(super) use self::invitation::is_welcome;
use self::verdict::Verdict;
use super::tasks::groups::COMMIT_WAIT;
use crate::content;
use crate::error::{ClientError, During as _};
use crate::events::Event;
use crate::group::mls::Step;
use crate::group::news::Moment;
use crate::group::saying_again::{self, first_place, say_to_latecomer};
use crate::group::{external_commit, former, leaf_dates, unusable};

/// What a page came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// To be acknowledged to the server.
    pub(crate) acks: Vec<MessageId>,
    /// To be acknowledged when they are used.
    pub(crate) kept: Vec<MessageId>,
    /// To be told to front-ends.
    pub(crate) events: Vec<Event>,
}

/// Processes a page.
pub(crate) fn process(step: &Step<'_, '_>, page: &[DeliveredMessage]) -> Result<Outcome, ClientError> {
    let mut intake = Intake::new(step);
    for message in page {
        match intake.one(message)? {
            Receipt::Now => intake.outcome.acks.push(message.message_id),
            Receipt::Later => intake.outcome.kept.push(message.message_id),
        }
    }
    Ok(intake.outcome)
}

/// Tries again what is parked for a group, which was joined, or has reached another epoch.
pub(crate) fn retry(step: &Step<'_, '_>, group_id: GroupId) -> Result<Outcome, ClientError> {
    let mut intake = Intake::new(step);
    intake.retry_parked(group_id)?;
    Ok(intake.outcome)
}

/// When a message is acknowledged to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Receipt {
    /// With its page.
    Now,
    /// By who uses it. Until then the server keeps what it needs for it.
    Later,
}

struct Intake<'a, 't> {
    step: &'a Step<'a, 't>,
    outcome: Outcome,
}

impl<'a, 't> Intake<'a, 't> {
    fn new(step: &'a Step<'a, 't>) -> Self {
        Self { step, outcome: Outcome::default() }
    }

    fn one(&mut self, message: &DeliveredMessage) -> Result<Receipt, ClientError> {
        if message.message_type == MessageType::AccountSync {
            blocks::note_news(self.step.tx)?;
            return Ok(Receipt::Now);
        }
        let Some(group_id) = message.group_id else {
            tracing::debug!("passed over a message outside of a conversation");
            return Ok(Receipt::Now);
        };
        if !numbers::has_possible_number(message) {
            tracing::warn!(%group_id, "rejected a message without a number that a group can have come to");
            return Ok(Receipt::Now);
        }
        match message.message_type {
            MessageType::DeviceSync => self.notice(group_id)?,
            MessageType::KeyExchange if is_welcome(message) => return self.welcome(message, group_id),
            _ => self.group_message(message, group_id)?,
        }
        Ok(Receipt::Now)
    }

    /// The server says that a group's devices have changed.
    fn notice(&self, group_id: GroupId) -> Result<(), ClientError> {
        if groups::load(self.step.tx, &group_id)?.is_none() {
            lags::put(self.step.tx, &group_id, None, self.step.now_ms)?;
        }
        Ok(groups::set_reconcile(self.step.tx, &group_id)?)
    }

    fn group_message(&mut self, message: &DeliveredMessage, group_id: GroupId) -> Result<(), ClientError> {
        let Some(group) = groups::load(self.step.tx, &group_id)? else {
            // What is said behind an invitation is for this device, once it has joined.
            if welcomes::is_kept(self.step.tx, &group_id)? {
                self.park(message, group_id)?;
            } else {
                // Lost to this device, which perhaps ought to be there by now.
                lags::put(self.step.tx, &group_id, None, self.step.now_ms)?;
            }
            return Ok(());
        };
        if self.is_seen(message, &group)? {
            return Ok(());
        }
        match self.decrypt(message, &group)? {
            Verdict::Seen => self.note(message, group_id),
            Verdict::NewEpoch => {
                self.note(message, group_id)?;
                self.retry_parked(group_id)
            }
            Verdict::Lost => Ok(()),
            Verdict::Unreadable => self.lose(message, group_id),
            Verdict::Early => {
                // The envelope's epoch is the one that the server has checked.
                if group.request.is_none() {
                    lags::put(self.step.tx, &group_id, message.epoch, self.step.now_ms + COMMIT_WAIT)?;
                }
                self.park(message, group_id)
            }
        }
    }

    fn park(&self, message: &DeliveredMessage, group_id: GroupId) -> Result<(), ClientError> {
        let frame = serde_json::to_string(message).during("parking a message")?;
        let epoch = message.epoch.unwrap_or_default();
        if !parked::insert(self.step.tx, &group_id, (&message.message_id, message.seq), epoch, &frame)? {
            tracing::warn!(%group_id, "no room for a message that came too early");
        }
        Ok(())
    }

    /// Processes inside a savepoint: what MLS refuses must leave no trace.
    fn decrypt(&mut self, message: &DeliveredMessage, group: &StoredGroup) -> Result<Verdict, ClientError> {
        if message.message_type == MessageType::Withheld {
            withheld::take(self.step, message, group)?;
            return Ok(Verdict::Lost);
        }
        let Some(bytes) = message.encrypted_content.decode() else { return Ok(Verdict::Unreadable) };
        let mut conversation = match self.step.take(group.group_id) {
            Ok(Some(conversation)) => conversation,
            Ok(None) => return Ok(Verdict::Lost),
            // A newer version has stored it, and will read this.
            Err(ClientError::UpdateNeeded(_)) => return Ok(Verdict::Early),
            Err(error) => return Err(error),
        };
        let part = self.step.tx.savepoint()?;
        let expected = match message.message_type {
            MessageType::KeyExchange => Expected::Commit,
            _ => Expected::Application,
        };
        let verdict = match conversation.process(self.step.mls, expected, &bytes) {
            Ok(processed) if !is_from(message, processed.sender()) => {
                tracing::warn!("rejected a message whose envelope names another sender");
                part.undo()?;
                return Ok(Verdict::Unreadable);
            }
            Ok(processed) if !numbers::is_of_its_epoch(self.step, message, group, &processed)? => {
                tracing::warn!("rejected a message whose number is of another epoch");
                part.undo()?;
                return Ok(Verdict::Unreadable);
            }
            Ok(Processed::Application { is_former: true, epoch, .. })
                if !verdict::is_said_before(self.step, message, epoch)? =>
            {
                tracing::warn!("rejected a message of a device that was removed");
                part.undo()?;
                return Ok(Verdict::Unreadable);
            }
            Ok(Processed::Application { sender, plaintext, is_former, .. }) => {
                self.begin_anew(message, group)?;
                self.application(message, group, &sender, is_former, &plaintext)?
            }
            Ok(Processed::Commit(change)) => {
                self.begin_anew(message, group)?;
                let is_out = self.commit(message, group, &change)?;
                part.keep()?;
                if is_out || change.removes_self() {
                    return Ok(Verdict::Seen);
                }
                self.step.keep(conversation)?;
                return Ok(Verdict::NewEpoch);
            }
            Err(ProcessError::Stale { .. }) if expected == Expected::Application => {
                part.undo()?;
                return self.said_before_joining(message, group, &bytes);
            }
            Err(error) => {
                part.undo()?;
                // It was not even looked at.
                if matches!(error, ProcessError::Future { .. }) {
                    self.step.keep(conversation)?;
                }
                if expected == Expected::Commit {
                    unusable::note(self.step, group, message, &error)?;
                }
                return verdict::on(error, group, message.epoch);
            }
        };
        part.keep()?;
        self.step.keep(conversation)?;
        Ok(verdict)
    }

    /// Of an epoch that is over: said before this device has joined the group anew, perhaps.
    fn said_before_joining(
        &mut self,
        message: &DeliveredMessage,
        group: &StoredGroup,
        bytes: &[u8],
    ) -> Result<Verdict, ClientError> {
        let part = self.step.tx.savepoint()?;
        match former::read(self.step, message, group, bytes)? {
            Some((sender, plaintext)) if is_from(message, &sender) => {
                let verdict = self.application(message, group, &sender, false, &plaintext)?;
                part.keep()?;
                Ok(verdict)
            }
            _ => {
                part.undo()?;
                Ok(Verdict::Unreadable)
            }
        }
    }

    fn application(
        &mut self,
        message: &DeliveredMessage,
        group: &StoredGroup,
        sender: &Member,
        is_former: bool,
        plaintext: &[u8],
    ) -> Result<Verdict, ClientError> {
        let step = self.step;
        let place = place_of(message, group);
        if !is_former && !people::may_speak(step, group, sender)? {
            tracing::warn!("rejected a message of somebody who does not take part any more");
            return Ok(Verdict::Seen);
        }
        if people::is_unheard(step, group, sender)? {
            self.outcome.events.extend(people::pass_over(step, group, sender, plaintext)?);
            return Ok(Verdict::Seen);
        }
        if people::is_namesake(step, sender)? {
            return people::hear_namesake(step, (group.chat, place), message, sender, plaintext);
        }
        let effect = match Content::decode(plaintext) {
            Ok(content) if content.envelope_id() != message.message_id => {
                tracing::warn!("rejected a message whose envelope names another one");
                return Ok(Verdict::Unreadable);
            }
            Ok(content) if content.again.is_some() && !saying_again::is_taken(step, group, &content)? => {
                return Ok(Verdict::Seen);
            }
            Ok(content) => {
                let place = first_place(step, group, &content, message.seq)?.unwrap_or(place);
                people::hear(step, (group.chat, place), sender, &content, plaintext)?
            }
            Err(error) => {
                tracing::warn!(%error, "a message is kept, but cannot be read");
                let id = people::keep_unreadable(step, (group.chat, place), message, sender, plaintext)?;
                content::Effect { message: id, events: Vec::new() }
            }
        };
        if let Some(id) = effect.message {
            self.outcome.events.push(Event::Received { id, chat: group.chat });
        }
        self.outcome.events.extend(effect.events);
        Ok(Verdict::Seen)
    }

    /// Whether the user takes no part any more.
    fn commit(
        &mut self,
        message: &DeliveredMessage,
        group: &StoredGroup,
        change: &MembershipChange,
    ) -> Result<bool, ClientError> {
        let (tx, id) = (self.step.tx, &group.group_id);
        // When the server has taken it. It is never later than now, whatever is said.
        let at_ms = message.timestamp.saturating_mul(1000).min(self.step.now_ms);
        let moment = Moment { place: place_of(message, group), at_ms };
        // Whoever asks to join can follow a commit only behind their own: that has been taken, and its answer will say from where
        // on this device is there. Where it is out again, nobody asks any more.
        let is_joining = group.state == GroupState::Joining;
        if is_joining && change.removes_self() {
            external_commit::begins_after(self.step, *id, message.seq.unwrap_or_default())?;
        }
        if people::roster_moved(self.step, moment, group, change, &mut self.outcome.events)? {
            return Ok(true);
        }
        if change.removes_self() {
            groups::set_state(tx, id, GroupState::Broken)?;
        }
        groups::set_epoch(tx, id, change.epoch)?;
        if change.added.contains(&change.committer) {
            say_to_latecomer(self.step, group, &change.committer, place_of(message, group))?;
        }
        leaf_dates::note(tx, group.chat, &change.dates, place_of(message, group))?;
        if group.reconcile > 0 {
            // Whom the server did not let this device put out may have renewed their leaf, or be out.
            holds::forget_of(tx, &groups::TASK, Scope::Group(*id))?;
        }
        people::came(self.step, group, change)?;
        if lags::of(tx, id)?
            .is_some_and(|lag| lag.seq.is_none() && lag.epoch.is_some_and(|epoch| change.epoch >= epoch))
        {
            lags::remove(tx, id)?;
        }
        if let Some(seq) = message.seq {
            epoch_ends::note(tx, id, change.epoch, seq, self.step.now_ms)?;
        }
        // Another commit of our own that was on its way has lost, by MLS. A message may have been taken before this commit, and be
        // waiting for its answer: it is encrypted anew when it is sent again, and asked about as it was until then.
        if !is_joining || change.removes_self() {
            groups::set_request(tx, id, None)?;
        }
        groups::set_step(tx, id, None)?;
        Ok(false)
    }

    /// Goes through what waits for an epoch that has come, on to the next one with each commit among it. Each message is
    /// tried once: neither many of them nor many commits make it long.
    fn retry_parked(&mut self, group_id: GroupId) -> Result<(), ClientError> {
        let mut tried = HashSet::new();
        loop {
            let Some(group) = groups::load(self.step.tx, &group_id)? else { return Ok(()) };
            let mut ready = parked::readable_in(self.step.tx, &group_id, group.epoch)?;
            ready.retain(|waiting| tried.insert(waiting.id));
            if ready.is_empty() {
                return Ok(());
            }
            for waiting in ready {
                let Ok(message) = serde_json::from_str::<DeliveredMessage>(&waiting.frame) else {
                    parked::remove(self.step.tx, waiting.id)?;
                    continue;
                };
                let verdict =
                    if self.is_seen(&message, &group)? { Verdict::Lost } else { self.decrypt(&message, &group)? };
                match verdict {
                    Verdict::Early => continue,
                    Verdict::Lost => {}
                    Verdict::Unreadable => self.lose(&message, group_id)?,
                    Verdict::Seen | Verdict::NewEpoch => self.note(&message, group_id)?,
                }
                parked::remove(self.step.tx, waiting.id)?;
            }
        }
    }
}

/// Where what a message says stands in its chat.
fn place_of(message: &DeliveredMessage, group: &StoredGroup) -> Place {
    Place::in_group(group.group_id, message.seq)
}

/// Whether the envelope, which the server has checked, names who MLS says it is from.
fn is_from(message: &DeliveredMessage, member: &Member) -> bool {
    message.sender_id == member.user_id && message.sender_device_id.as_ref() == Some(&member.device_id)
}
