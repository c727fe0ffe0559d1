//! A signed-in connection.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use privmsg_protocol::frames::{Accepted, Ack, Authenticated, PresenceStatus, ServerFrame};
use privmsg_protocol::limits::MAX_UNACKED_DELIVERIES;
use privmsg_protocol::{ErrorCode, MessageId, PROTOCOL_VERSION};
use tokio::time::{Instant, Sleep};

use super::frames::{Frames, Verdict};
use super::inbound::{Errand, Inbound, error_frame};
use super::socket::{Broken, Incoming, Socket};
use crate::app::AppState;
use crate::hub::{CloseReason, Outbox};
use crate::storage::{Delivery, Outcome, PageLimit, Position, Session, Submission};

/// Frames of one connection that are submitted together.
const BATCH: usize = 128;

/// Messages of one connection that wait to become durable; beyond that its socket is not read.
const MAX_IN_FLIGHT: usize = 1024;

/// A page of the mailbox.
const PAGE: PageLimit = PageLimit { messages: 128, bytes: 256 * 1024 };

/// After so long without a sign of life the other end is asked for one, and after as long again given up. Shorter
/// than the minutes after which home routers forget a connection.
const SILENCE: Duration = Duration::from_secs(75);

/// How long writing may take until the other end is given up: it is there, but does not read, and what waits for it
/// holds memory. What is written at once is at most a few hundred kilobytes, or a single large message.
const STUCK: Duration = Duration::from_secs(2 * SILENCE.as_secs());

/// What has been delivered by this connection and not been acknowledged, oldest first. Clients acknowledge in order,
/// so looking from the front finds it at once.
#[derive(Default)]
pub(super) struct Unacknowledged(VecDeque<(MessageId, Position)>);

impl Unacknowledged {
    pub(super) fn take(&mut self, message_id: MessageId) -> Option<Position> {
        let index = self.0.iter().position(|(id, _)| *id == message_id)?;
        self.0.remove(index).map(|(_, position)| position)
    }

    /// Whether any of these is the next one, or near it: an acknowledgement of what was delivered.
    pub(super) fn has_any(&self, message_ids: &[MessageId]) -> bool {
        message_ids.iter().any(|wanted| self.0.iter().any(|(id, _)| id == wanted))
    }

    fn room(&self) -> usize {
        MAX_UNACKED_DELIVERIES.saturating_sub(self.0.len())
    }
}

/// See the module.
pub(super) struct Connection {
    pub(super) app: AppState,
    pub(super) session: Session,
    pub(super) unacknowledged: Unacknowledged,
    /// What lay in the mailbox when the device connected has been delivered.
    pub(super) caught_up: bool,
    /// What it may send.
    pub(super) frames: Frames,
    outbox: Arc<Outbox>,
    /// The mailbox has been delivered up to here.
    cursor: Position,
    /// Where it ended when the device connected: what comes while it is delivered, without end perhaps, is not waited for.
    end: Position,
    in_flight: usize,
    /// There may be more in the mailbox to read right away.
    reading: bool,
    asked: bool,
}

/// How a connection ends: with a close frame, or without anybody to read one.
type End = Result<CloseReason, Broken>;

impl Connection {
    pub(super) fn new(app: AppState, session: Session) -> Self {
        let frames = Frames::new(app.config.limits.max_frames_per_second);
        Self {
            app,
            session,
            frames,
            unacknowledged: Unacknowledged::default(),
            caught_up: false,
            outbox: Arc::default(),
            cursor: Position::default(),
            end: Position::default(),
            in_flight: 0,
            reading: true,
            asked: false,
        }
    }

    /// Serves the connection to its end. Returns the reason to close it with, if there is anybody to tell.
    pub(super) async fn run(mut self, socket: &mut Socket) -> Option<CloseReason> {
        let outbox = Arc::clone(&self.outbox);
        let stopping = self.app.stopping.clone();
        let has_come = self.app.hub.enter(&self.session, &outbox);
        let reason = tokio::select! {
            biased;
            () = outbox.closing.notified() => outbox.close_reason(),
            () = stopping.cancelled() => Some(self.app.hub.farewell()),
            end = self.serve(socket, has_come) => end.ok(),
        };
        // When the server stops everybody leaves: each telling all others would be work for nobody.
        if self.app.hub.leave(&self.session, &outbox) && !stopping.is_cancelled() {
            Box::pin(self.announce(PresenceStatus::Offline)).await;
        }
        reason
    }

    async fn serve(&mut self, socket: &mut Socket, has_come: bool) -> End {
        // Ends what this device acknowledged on an earlier connection, and refuses it if it has just been signed out.
        if let Err(error) = self.app.storage.connected(self.session.device).await {
            let refusal = error.refusal();
            // On a full disk that cannot be noted, and it is no reason to keep anybody from their messages: reading
            // them needs no room, and nobody can have been signed out meanwhile.
            if refusal.code != ErrorCode::StorageFull {
                // Only a refusal says something about the session. Whoever meets a fault comes back.
                let reason = match refusal.code {
                    ErrorCode::Unauthorized => CloseReason::SessionEnded,
                    ErrorCode::DeviceNotListed => CloseReason::NotListed,
                    _ => self.app.hub.farewell(),
                };
                socket.write_error(refusal.code, &refusal.detail).await?;
                return Ok(reason);
            }
        }
        let end = self.app.storage.mailbox_end(self.session.device).await.map_err(|_| Broken)?;
        self.end = end.map(|(position, _)| position).unwrap_or_default();
        socket
            .write(&ServerFrame::Authenticated(Authenticated {
                user_id: self.session.user_id.clone(),
                device_id: self.session.device_id.clone(),
                protocol_version: PROTOCOL_VERSION,
            }))
            .await?;
        if has_come {
            Box::pin(self.announce(PresenceStatus::Online)).await;
        }
        let mut silence = Box::pin(tokio::time::sleep(SILENCE));
        loop {
            // Boxed, so that its memory is given back while there is nothing to write.
            match Box::pin(tokio::time::timeout(STUCK, self.deliver(socket))).await {
                Ok(delivered) => delivered?,
                Err(_) => return Ok(CloseReason::TimedOut),
            }
            if let Some(reason) = self.step(socket, &mut silence).await? {
                return Ok(reason);
            }
        }
    }

    /// Waits for something to do, and does it.
    async fn step(
        &mut self,
        socket: &mut Socket,
        silence: &mut std::pin::Pin<Box<Sleep>>,
    ) -> Result<Option<CloseReason>, Broken> {
        let incoming = tokio::select! {
            biased;
            incoming = socket.read(), if self.in_flight < MAX_IN_FLIGHT => Some(incoming),
            () = self.outbox.wake.notified() => None,
            () = std::future::ready(()), if self.reading && self.unacknowledged.room() > 0 => None,
            () = silence.as_mut() => return self.silent(socket, silence).await,
        };
        let Some(incoming) = incoming else {
            return Ok(None);
        };
        self.asked = false;
        silence.as_mut().reset(Instant::now() + SILENCE);
        // Answers are written here too.
        match tokio::time::timeout(STUCK, Box::pin(self.receive(socket, incoming))).await {
            Ok(end) => end,
            Err(_) => Ok(Some(CloseReason::TimedOut)),
        }
    }

    /// Nothing has been heard for [`SILENCE`].
    async fn silent(
        &mut self,
        socket: &mut Socket,
        silence: &mut std::pin::Pin<Box<Sleep>>,
    ) -> Result<Option<CloseReason>, Broken> {
        if std::mem::replace(&mut self.asked, true) {
            return Ok(Some(CloseReason::TimedOut));
        }
        silence.as_mut().reset(Instant::now() + SILENCE);
        socket.ping().await?;
        Ok(None)
    }

    /// Takes what has arrived together, and submits it together.
    async fn receive(&mut self, socket: &mut Socket, first: Incoming) -> Result<Option<CloseReason>, Broken> {
        let mut inbound = Inbound::default();
        let mut end = None;
        let mut next = Some(first);
        let mut taken = 0;
        while let Some(incoming) = next {
            match incoming {
                Incoming::Text(text) => self.sort(&text, &mut inbound),
                Incoming::Alive => {
                    inbound.is_flood |= self.frames.take(Instant::now()) == Verdict::Flood;
                }
                Incoming::TooLarge => {
                    let text = "the frame is too large";
                    socket.write_error(ErrorCode::FrameTooLarge, text).await?;
                    end = Some(Ok(CloseReason::TooBig));
                    break;
                }
                Incoming::Gone => {
                    end = Some(Err(Broken));
                    break;
                }
            }
            if inbound.is_flood {
                end = Some(Ok(CloseReason::Flooding));
                break;
            }
            taken += 1;
            next = if taken < BATCH { socket.read_ready() } else { None };
        }
        if self.app.clock.now() >= self.session.expires_at {
            let text = "the session has ended; sign in again";
            socket.write_error(ErrorCode::TokenExpired, text).await?;
            return Ok(Some(CloseReason::SessionEnded));
        }
        self.carry_out(socket, inbound).await?;
        end.transpose()
    }

    async fn carry_out(&mut self, socket: &mut Socket, inbound: Inbound) -> Result<(), Broken> {
        for answer in &inbound.answers {
            if let ServerFrame::Error(error) = answer {
                self.app.metrics.refused(&error.code);
            }
            socket.write(answer).await?;
        }
        self.app.metrics.acknowledged(inbound.acknowledged.len() + inbound.strangers.len());
        if !inbound.messages.is_empty() || !inbound.acknowledged.is_empty() {
            self.in_flight += inbound.messages.len();
            let submission = Submission {
                device: self.session.device,
                messages: inbound.messages,
                acknowledged: inbound.acknowledged,
                replies: Arc::clone(&self.outbox) as _,
            };
            self.app.storage.submit(submission).await.map_err(|_| Broken)?;
        }
        // Too many are passed over: what they are about is delivered once more.
        if !inbound.strangers.is_empty() && self.app.allowances.ack(&self.session).is_ok() {
            let acknowledged = self.app.storage.acknowledge(self.session.device, inbound.strangers).await;
            if let Err(error) = acknowledged {
                // They will be delivered once more, which is what an acknowledgement that got lost leads to.
                tracing::warn!(error = &error as &dyn std::error::Error, "acknowledgements lost");
            }
        }
        for errand in inbound.errands {
            match errand {
                Errand::Presence(status) => self.set_presence(status).await,
                Errand::Typing(typing) => self.pass_typing_on(typing).await,
                Errand::CallSignal(signal) => {
                    if let Some(answer) = self.pass_on(signal).await {
                        socket.write(&answer).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes what waits, reads on in the mailbox if it lags, and flushes once.
    async fn deliver(&mut self, socket: &mut Socket) -> Result<(), Broken> {
        let drained = self.outbox.drain(self.unacknowledged.room(), self.caught_up);
        self.confirm_sends(socket, drained.outcomes).await?;
        for delivery in drained.deliveries {
            self.deliver_one(socket, delivery).await?;
        }
        self.reading = drained.lagging;
        if self.reading && self.unacknowledged.room() > 0 {
            Box::pin(self.read_on(socket)).await?;
        }
        for notice in drained.ephemeral {
            socket.write_shared(notice.frame).await?;
        }
        socket.flush().await
    }

    /// Tells the sender what became of messages.
    async fn confirm_sends(&mut self, socket: &mut Socket, outcomes: Vec<Outcome>) -> Result<(), Broken> {
        if outcomes.is_empty() {
            return Ok(());
        }
        self.in_flight -= outcomes.len();
        let mut ack = Ack { message_ids: Vec::with_capacity(outcomes.len()), accepted: Vec::new() };
        for Outcome { message_id, result } in outcomes {
            match result {
                Ok(place) => {
                    ack.message_ids.push(message_id);
                    ack.accepted.extend(place.map(|(group_id, seq)| Accepted { message_id, group_id, seq }));
                }
                Err(refusal) => {
                    self.app.metrics.refused(&refusal.code);
                    socket.write(&error_frame(Some(message_id), &refusal)).await?;
                }
            }
        }
        if !ack.message_ids.is_empty() {
            socket.write(&ServerFrame::Ack(ack)).await?;
        }
        Ok(())
    }

    async fn deliver_one(&mut self, socket: &mut Socket, delivery: Delivery) -> Result<(), Broken> {
        // Read from the mailbox before it was told: committed just before this connection went live.
        if delivery.position <= self.cursor {
            return Ok(());
        }
        self.cursor = delivery.position;
        self.app.metrics.delivered();
        self.unacknowledged.0.push_back((delivery.message_id, delivery.position));
        socket.write_shared(delivery.frame).await
    }

    /// Delivers one page of the mailbox, and goes live behind the last one.
    async fn read_on(&mut self, socket: &mut Socket) -> Result<(), Broken> {
        let newest = self.outbox.newest();
        let limit = PageLimit { messages: PAGE.messages.min(self.unacknowledged.room()), ..PAGE };
        let page = self.app.storage.mailbox_page(self.session.device, self.cursor, limit).await.map_err(|_| Broken)?;
        for delivery in page.deliveries {
            self.deliver_one(socket, delivery).await?;
        }
        if !page.has_more {
            // What was told before the page was read, and is not in it, has been acknowledged elsewhere or has expired.
            self.cursor = self.cursor.max(newest);
            self.reading = !self.outbox.go_live(self.cursor);
        }
        if (!self.reading || self.cursor >= self.end) && !std::mem::replace(&mut self.caught_up, true) {
            socket.write(&ServerFrame::CaughtUp).await?;
            self.show_present(socket).await?;
        }
        Ok(())
    }
}
