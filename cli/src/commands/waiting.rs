//! Waiting until the server has something, and saying why it takes so long.

use std::collections::HashSet;
use std::time::Duration;

use privmsg_client::{
    Acknowledged, Change, ChatKind, Client, ClientError, Event, HeldBy, Hold, Reason, Said, Seat, Unreachable,
};
use privmsg_protocol::{ErrorCode, UserId};
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep_until};

use crate::chat_name::chat_id;
use crate::failure::{Failure, Lasting};
use crate::foreign;
use crate::lang::Lang;

use super::Session;
use super::connected::Connected;
use super::connection::{named_newcomers, say_failed};
use super::progress::Progress;

/// How long to wait unless told otherwise. While a file is on its way, it counts from the last bytes that moved.
const PATIENCE: u64 = 60;

/// The same, as a time.
pub(super) const LONGEST: Duration = Duration::from_secs(PATIENCE);

/// How long something that lasts has to last, before it is not waited for any more: it may be over at once, as when the
/// other side signs in just now.
const GRACE: Duration = Duration::from_secs(5);

/// Something on its way.
pub(super) struct Waiting<'a> {
    session: &'a Session<'a>,
    client: &'a Client,
    said: Said,
    timeout: Option<u64>,
    /// From when on that counts.
    since: Instant,
    progress: Progress,
    /// Why it is not there yet, as last heard.
    reason: Option<String>,
    /// The same at the end, where that takes more words.
    last: Option<String>,
    /// What keeps it for longer than a minute, since when.
    lasting: Option<(Lasting, Instant)>,
    /// Of whom it was said that they have another key.
    changed: HashSet<UserId>,
}

/// Why something waits that is for somebody, for people. Nothing if it is over in a moment.
pub(super) fn sentence(lang: Lang, reason: &Reason, to: Option<&UserId>) -> Option<String> {
    Some(match reason {
        Reason::Refused(ErrorCode::ConversationExists) => return None,
        Reason::Refused(ErrorCode::AwaitsAnswer) if let Some(user) = to => lang.has_not_answered(user.as_str()),
        Reason::Refused(ErrorCode::RecipientHasNoDevices) => lang.unreachable_person(Unreachable::NobodyThere, to),
        Reason::Refused(ErrorCode::RecipientNotBack) => lang.person_not_back(to),
        Reason::Refused(code) => lang.refusal(code),
        Reason::Unreachable(why) => lang.unreachable_person(*why, to),
        Reason::Network => lang.no_answer_in_time(),
        Reason::Unusable => lang.unusable(),
        Reason::UpdateNeeded => lang.update_needed(),
        Reason::JoinedTooOften => lang.joined_too_often(),
        Reason::IdentityToAccept => lang.identity_to_accept(),
        Reason::IdentityRefused => lang.identity_refused(),
        Reason::GroupUnsettled => lang.group_unsettled(),
        Reason::Disk => lang.disk_unusable(),
        Reason::AnotherOwnIdentity => lang.another_own_identity(),
        Reason::DeviceListConflict => lang.device_list_conflict(),
        Reason::DeviceListMissing => match to {
            Some(user) => lang.asks_for_devices(user.as_str()),
            None => lang.asks_for_their_devices(),
        },
        Reason::NotListed => lang.waits_to_be_let_in(),
        Reason::ReplacementBegun => lang.replacement_of_mine(),
        Reason::SealedIdentitySpoilt => lang.sealed_identity_spoilt(),
    })
}

/// Ends when something has lasted.
async fn lasts(lasting: Option<(Lasting, Instant)>) -> Lasting {
    match lasting {
        Some((why, since)) => {
            sleep_until(since + GRACE).await;
            why
        }
        None => std::future::pending().await,
    }
}

impl<'a> Waiting<'a> {
    pub(super) fn new(session: &'a Session<'a>, client: &'a Client, said: Said, timeout: Option<u64>) -> Self {
        let progress = Progress::new(session.output, session.lang().uploading());
        Self {
            session,
            client,
            said,
            timeout,
            since: Instant::now(),
            progress,
            reason: None,
            last: None,
            lasting: None,
            changed: HashSet::new(),
        }
    }

    /// Runs the engine, or waits beside the process that runs it.
    pub(super) async fn until_acknowledged(mut self) -> Result<(), Failure> {
        let mut seat = Seat::take(self.client).map_err(|error| self.queued(error.into()))?;
        if !seat.is_ours() && self.session.output.is_watched() {
            self.session.output.note(&self.session.lang().other_process());
        }
        let mut events = self.client.events();
        let result = self.wait(&mut seat, &mut events).await;
        self.progress.clear();
        seat.leave().await;
        result
    }

    /// The same with a seat that is taken already.
    pub(super) async fn with_seat(mut self, seat: &mut Seat) -> Result<(), Failure> {
        let mut events = self.client.events();
        let result = self.wait(seat, &mut events).await;
        self.progress.clear();
        result
    }

    /// The same, from when the engine began to run: what has happened since is told, and the timeout counts from then.
    pub(super) async fn connected(mut self, connected: &mut Connected) -> Result<(), Failure> {
        self.since = connected.begun;
        let result = self.wait(&mut connected.seat, &mut connected.events).await;
        self.progress.clear();
        result
    }

    fn queued(&self, cause: Failure) -> Failure {
        Failure::Queued { cause: Box::new(cause), message: self.said.message_id }
    }

    async fn wait(&mut self, seat: &mut Seat, events: &mut broadcast::Receiver<Event>) -> Result<(), Failure> {
        // What keeps it waiting may be found out by another process.
        let mut changes = self.client.changes();
        let mut deadline = self.deadline();
        let (client, said) = (self.client, self.said);
        let peer = self.peer().await?;
        // Whether it has been let in since it last looked is asked before it is said that it waits.
        if client.waits_to_be_let_in().await? {
            return Err(Failure::Waits { why: Lasting::NotListed, to: peer, message: said.message_id });
        }
        let mut acknowledged = std::pin::pin!(client.wait_acknowledged(&said));
        self.look(peer.as_ref()).await?;
        loop {
            tokio::select! {
                biased;
                exit = self.session.signals.wait() => return Err(self.queued(Failure::Interrupted(exit))),
                fate = &mut acknowledged => return match fate? {
                    Acknowledged::Sent => {
                        // What has come first is told first, and may matter more.
                        while let Ok(event) = events.try_recv() {
                            self.tell(&event).await?;
                        }
                        Ok(())
                    }
                    Acknowledged::Failed(ErrorCode::UnknownRecipient) if self.is_known(peer.as_ref()).await => {
                        Err(Failure::RecipientGone { message: said.message_id })
                    }
                    Acknowledged::Held(HeldBy::Block) if let Some(peer) = peer => {
                        Err(self.queued(ClientError::Blocked(peer).into()))
                    }
                    Acknowledged::Held(_) => Err(self.held().await?),
                    Acknowledged::Failed(code) => Err(Failure::NotSent { code, message: said.message_id }),
                },
                error = seat.watch() => return Err(self.queued(error.into())),
                event = events.recv() => match event {
                    Ok(event) if self.tell(&event).await? && self.timeout.is_none() => deadline = self.deadline(),
                    _ => {}
                },
                _ = changes.wait_for(|change| matches!(change, Change::Holds | Change::Contact(_))) => {
                    self.look(peer.as_ref()).await?;
                }
                why = lasts(self.lasting.filter(|_| self.timeout.is_none())) => {
                    return Err(Failure::Waits { why, to: peer, message: said.message_id });
                }
                () = sleep_until(deadline) => return Err(Failure::NotAcknowledged {
                    seconds: self.timeout.unwrap_or(PATIENCE),
                    reason: self.last.take().or(self.reason.take()),
                    message: said.message_id,
                }),
            }
        }
    }

    /// The other user of a direct chat.
    async fn peer(&self) -> Result<Option<UserId>, Failure> {
        let chat = self.client.chat(self.said.chat).await?;
        Ok(chat.and_then(|chat| match chat.summary.chat.kind {
            ChatKind::Direct { peer } => Some(peer),
            ChatKind::SelfNotes | ChatKind::Group { .. } => None,
        }))
    }

    /// It waits for the user's word.
    async fn held(&self) -> Result<Failure, Failure> {
        let chat = self.client.chat(self.said.chat).await?;
        let chat = chat.map(|chat| chat_id(&chat.summary.chat.kind, self.client.user_id())).unwrap_or_default();
        let newcomers = named_newcomers(self.client, self.said).await?;
        Ok(Failure::Held { chat, newcomers, message: self.said.message_id })
    }

    /// Whether a row is the message that is waited for.
    async fn is_said(&self, row: i64) -> Result<bool, Failure> {
        Ok(self.client.message(row).await?.is_some_and(|message| message.message_id == self.said.message_id))
    }

    /// Whether there was a conversation with somebody before.
    async fn is_known(&self, peer: Option<&UserId>) -> bool {
        match peer {
            Some(peer) => self.client.contact(peer).await.is_ok(),
            None => false,
        }
    }

    /// Looks at what keeps it waiting, and ends the waiting if only the user can do something about that.
    async fn look(&mut self, peer: Option<&UserId>) -> Result<(), Failure> {
        if let Some(peer) = peer
            && self.client.is_held(peer).await?
        {
            return Err(Failure::IdentityChanged { user: peer.clone(), queued: Some(self.said.message_id) });
        }
        if let Some(peer) = peer
            && self.client.is_blocked(peer).await?
        {
            return Err(self.queued(ClientError::Blocked(peer.clone()).into()));
        }
        let holds = self.client.holds_of(self.said.chat).await?;
        if holds.iter().any(|hold| matches!(hold.reason, Reason::IdentityToAccept | Reason::IdentityRefused))
            && let Some(held) = self.client.held_group(self.said.chat).await?
        {
            return Err(Failure::GroupHeld { held: Box::new(held), message: self.said.message_id });
        }
        let lasting = holds.iter().find_map(|hold| Lasting::of(&hold.reason));
        if let Some(why) = lasting.filter(|why| why.is_for_the_user()) {
            return Err(Failure::Waits { why, to: peer.cloned(), message: self.said.message_id });
        }
        if lasting != self.lasting.map(|(lasting, _)| lasting) {
            self.lasting = lasting.map(|lasting| (lasting, Instant::now()));
        }
        self.say_what_waits(holds, peer);
        Ok(())
    }

    fn deadline(&self) -> Instant {
        match self.timeout {
            Some(seconds) => self.since + Duration::from_secs(seconds),
            None => Instant::now() + LONGEST,
        }
    }

    /// The same of what has become of other messages.
    async fn tell(&mut self, event: &Event) -> Result<bool, Failure> {
        if let Event::NotChanged { message_id, code } = event {
            if *message_id != self.said.message_id {
                let lang = self.session.lang();
                self.session.output.notice(code.as_str(), &lang.not_changed(&lang.refusal(code)));
            }
            return Ok(false);
        }
        if let Event::Failed { id, code, .. } = event {
            if !self.is_said(*id).await? {
                self.progress.clear();
                say_failed(self.session, self.client, *id, code).await?;
            }
            return Ok(false);
        }
        Ok(self.note(event))
    }

    /// Takes notice of an event; says whether a file of this message has moved.
    fn note(&mut self, event: &Event) -> bool {
        let lang = self.session.lang();
        match event {
            Event::Encrypting { message_id, done, total, .. } if *message_id == self.said.message_id => {
                self.progress.says(lang.encrypting());
                self.progress.show(*done, *total);
                return true;
            }
            Event::UploadProgress { message_id, done, total, .. } if *message_id == self.said.message_id => {
                self.progress.says(lang.uploading());
                self.progress.show(*done, *total);
                return true;
            }
            // Where that holds it up, it is not sent.
            Event::IdentityChanged { user, blocked: false, .. } if self.changed.insert(user.clone()) => {
                self.progress.clear();
                self.session.output.notice("identity_changed", &lang.key_changed(user.as_str()));
            }
            Event::SetBack => self.session.output.notice("profile_set_back", &lang.set_back()),
            Event::Disconnected { reason } => self.delayed(lang.no_connection(reason)),
            _ => {}
        }
        false
    }

    fn say_what_waits(&mut self, holds: Vec<Hold>, peer: Option<&UserId>) {
        for hold in holds {
            if let Some(reason) = sentence(self.session.lang(), &hold.reason, peer) {
                self.delayed(reason);
            }
            // If it is not over in a moment, more is to be said of it.
            if let (Reason::DeviceListMissing, Some(user)) = (&hold.reason, peer) {
                self.last = Some(self.session.lang().device_list_missing(user.as_str()));
            }
        }
    }

    /// Says each new reason once: what is tried again every few seconds need not be repeated.
    fn delayed(&mut self, reason: String) {
        if self.reason.as_ref() != Some(&reason) {
            self.progress.clear();
            self.session.output.remark(&self.session.lang().waiting(&foreign::line(&reason)));
            self.reason = Some(reason);
        }
    }
}
