//! One connection, from signing in to its end: it reads and writes the socket, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use privmsg_protocol::ErrorCode;
use privmsg_protocol::frames::{Ack, ClientFrame, DeliveredMessage, ErrorFrame, ServerFrame, Typing};
use privmsg_store::account::Account;
use privmsg_store::chats::{self, ChatKind};
use privmsg_store::consent::{self, Consent};
use privmsg_store::{Snapshot, StoreError, Tx, epoch_ends, former};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::scheduler::{self, Flush};
use super::{Link, inbox, tasks, token};
use crate::context::Context;
use crate::error::ClientError;
use crate::events::Event;
use crate::group::former::AWAITED_MS;
use crate::identity::Identity;
use crate::net::socket::Socket;

/// How long the server may be silent before it is asked whether it is there.
const PING_AFTER: Duration = Duration::from_secs(25);

/// How long it may be silent in all. A half-open connection is noticed after this.
const DEAD_AFTER: Duration = Duration::from_secs(60);

/// How long a server's last word is looked for once it does not read any more.
const FAREWELL: Duration = Duration::from_millis(200);

/// A connection that is signed in.
pub(super) struct Session {
    link: Arc<Link>,
    socket: Socket,
    outgoing: mpsc::Receiver<Vec<ClientFrame>>,
    /// When something last came from the server.
    heard: Instant,
    pinged: bool,
}

impl Session {
    pub(super) async fn open(
        context: Arc<Context>,
        identity: Arc<Identity>,
        account: &Account,
    ) -> Result<Self, ClientError> {
        token::renew(&context, account).await?;
        let socket = match Socket::open(&context.api).await {
            Err(error) if error.needs_sign_in() => {
                token::sign_in_again(&context, account).await?;
                Socket::open(&context.api).await?
            }
            other => other?,
        };
        let now = context.clock.now_ms();
        context.store.write(move |tx| epoch_ends::are_awaited_again(tx, now)).await?;
        let (link, outgoing) = Link::new(context, identity);
        Ok(Self { link: Arc::new(link), socket, outgoing, heard: Instant::now(), pinged: false })
    }

    /// Runs until the connection breaks (`Err`), or nothing is half-said after it was asked to leave. Returns whether
    /// everything was in step, too.
    pub(super) async fn run(mut self, leave: &CancellationToken) -> (Result<(), ClientError>, bool) {
        let (scheduler, flush) = scheduler::start(Arc::clone(&self.link));
        let ended = self.run_until_it_ends(scheduler, flush, leave).await;
        (ended, self.link.is_in_step())
    }

    async fn run_until_it_ends(
        &mut self,
        mut scheduler: AbortOnDropHandle<Result<(), ClientError>>,
        mut flush: Flush,
        leave: &CancellationToken,
    ) -> Result<(), ClientError> {
        loop {
            let next_look = self.heard + if self.pinged { DEAD_AFTER } else { PING_AFTER };
            // Waiting may be cut off by another branch; what follows from it may not, and stands in the branches.
            tokio::select! {
                frames = self.socket.receive() => self.handle(frames?).await?,
                Some(frames) = self.outgoing.recv() => self.send(&frames).await?,
                ended = &mut scheduler => return ended.map_err(|e| ClientError::Internal {
                    during: "running the engine's tasks",
                    source: e.into(),
                })?,
                () = leave.cancelled(), if !flush.is_asked() => flush.ask(),
                () = flush.done() => return Ok(()),
                () = sleep_until(next_look) => self.look_for_the_server().await?,
            }
        }
    }

    /// Sends frames. A server that is leaving says when to come back, and that counts more than that it does not read.
    async fn send(&mut self, frames: &[ClientFrame]) -> Result<(), ClientError> {
        let Err(error) = self.socket.send(frames).await else { return Ok(()) };
        let farewell = async {
            loop {
                if let Err(farewell) = self.socket.receive().await {
                    return farewell;
                }
            }
        };
        match tokio::time::timeout(FAREWELL, farewell).await {
            Ok(farewell @ ClientError::GoingAway { .. }) => Err(farewell),
            _ => Err(error),
        }
    }

    async fn look_for_the_server(&mut self) -> Result<(), ClientError> {
        if self.heard.elapsed() >= DEAD_AFTER {
            return Err(ClientError::Network("the server is silent".into()));
        }
        self.pinged = true;
        self.send(&[ClientFrame::Ping]).await
    }

    async fn handle(&mut self, frames: Vec<ServerFrame>) -> Result<(), ClientError> {
        self.heard = Instant::now();
        self.pinged = false;
        let mut page = Vec::new();
        for frame in frames {
            match frame {
                ServerFrame::Message(message) => page.push(message),
                ServerFrame::Ack(ack) => tasks::outbox::sends_confirmed(&self.link, ack).await?,
                ServerFrame::CaughtUp => {
                    self.receive(std::mem::take(&mut page)).await?;
                    let now = self.link.context.clock.now_ms();
                    self.link.context.store.write(move |tx| crossings_are_over(tx, now)).await?;
                    self.link.catch_up();
                }
                ServerFrame::Error(error) => self.refused(error).await?,
                ServerFrame::Typing(typing) => self.typing(typing).await?,
                ServerFrame::Presence(presence) => {
                    self.tell(Event::Presence { user: presence.user_id, status: presence.status });
                }
                // Calls come later.
                ServerFrame::Authenticated(_) | ServerFrame::CallSignal(_) | ServerFrame::Pong => {}
            }
        }
        self.receive(page).await
    }

    /// Somebody writes to this user. Whoever has no chat with them, or has not been answered, writes where nobody looks.
    async fn typing(&self, Typing { user_id: user, is_typing }: Typing) -> Result<(), ClientError> {
        let kind = ChatKind::Direct { peer: user.clone() };
        let look = move |at: &Snapshot<'_>| {
            Ok::<_, StoreError>(chats::find(at, &kind)?.filter(|_| matches!(consent::of(at, &kind), Ok(Consent::Open))))
        };
        if let Some(chat) = self.link.context.store.read(look).await? {
            self.tell(Event::Typing { user, chat, is_typing });
        }
        Ok(())
    }

    fn tell(&self, event: Event) {
        self.link.context.emit(event);
    }

    /// Stores a page and acknowledges it.
    async fn receive(&mut self, page: Vec<DeliveredMessage>) -> Result<(), ClientError> {
        if page.is_empty() {
            return Ok(());
        }
        self.link.stir();
        let ids: Vec<_> = page.iter().map(|message| message.message_id).collect();
        let outcome = self.link.context.step(&self.link.identity, move |step| inbox::process(step, &page)).await?;
        self.link.note_read(ids, outcome.kept);
        if !outcome.acks.is_empty() {
            self.send(&[ClientFrame::Ack(Ack { message_ids: outcome.acks, accepted: Vec::new() })]).await?;
        }
        self.link.context.emit_all(outcome.events);
        Ok(())
    }

    /// The server has refused something: a message, or the session.
    async fn refused(&self, error: ErrorFrame) -> Result<(), ClientError> {
        if let Some(id) = error.message_id
            && let Some(flight) = self.link.flight(&id)
        {
            tasks::outbox::refused(&self.link, id, flight, error).await?;
            self.link.land(&id);
            return Ok(());
        }
        match error.code {
            ErrorCode::Unauthorized
            | ErrorCode::TokenExpired
            | ErrorCode::NotAuthenticated
            | ErrorCode::AccountRevoked
            | ErrorCode::ShuttingDown => Err(ClientError::Server {
                code: error.code,
                detail: error.message.into(),
                retry_after: error.retry_after_ms.map(Duration::from_millis),
                epoch: None,
                group_id: None,
                incarnation: None,
            }),
            code => {
                tracing::debug!(%code, "the server refused a frame");
                Ok(())
            }
        }
    }
}

/// What had crossed a commit or a join has come with the mailbox.
fn crossings_are_over(tx: &Tx<'_>, now_ms: i64) -> Result<(), StoreError> {
    epoch_ends::are_over(tx)?;
    former::are_over(tx, now_ms - AWAITED_MS)
}
