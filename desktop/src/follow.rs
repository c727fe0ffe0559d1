//! What the client library tells, as streams of messages for the window.

use std::sync::Arc;
use std::time::Duration;

use iced::futures::channel::mpsc;
use iced::futures::{SinkExt as _, Stream, StreamExt as _};
use iced::stream;
use privmsg_client::{
    Change, ChatEntry, ChatStatus, Client, ClientError, Cursor, Event, HeldMessage, HistoryItem, ListDiff, Reason,
    Recipient, Request,
};

use privmsg_protocol::MessageId;
use tokio::sync::broadcast::error::RecvError;

use crate::session::{Connection, Ended, Session};

/// Messages of a stream that may wait for the window.
const WAITING: usize = 32;

/// Before what could not be read is read again.
const PAUSE: Duration = Duration::from_secs(3);

/// Messages that a conversation begins with, and that are added at once.
const PAGE: u32 = 60;

/// What has changed in the list of chats. The first is all of it.
pub(crate) type Chats = Result<Vec<ListDiff<ChatEntry>>, Arc<ClientError>>;

/// The list of chats, as it changes.
pub(crate) fn chats(session: Session) -> impl Stream<Item = Chats> {
    stream::channel(WAITING, async move |mut output: mpsc::Sender<Chats>| {
        loop {
            let told: Result<(), ClientError> = async {
                let mut list = session.client().watch_chats().await?;
                let mut diffs = Some(vec![ListDiff::Reset { items: list.chats().to_vec() }]);
                while let Some(now) = diffs {
                    if output.send(Ok(now)).await.is_err() {
                        break;
                    }
                    diffs = list.next().await?;
                }
                Ok(())
            }
            .await;
            let Err(error) = told else { return };
            if output.send(Err(Arc::new(error))).await.is_err() {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    })
}

/// What a look at the profile shows, again whenever something has changed that it `concerns`, and soon after what failed.
pub(crate) fn looks<T, L, F>(
    session: Session,
    concerns: fn(&Change) -> bool,
    look: L,
) -> impl Stream<Item = Result<T, Arc<ClientError>>>
where
    T: Send + 'static,
    L: Fn(Client) -> F + Send + 'static,
    F: Future<Output = Result<T, ClientError>> + Send,
{
    stream::channel(WAITING, async move |mut output: mpsc::Sender<Result<T, Arc<ClientError>>>| {
        let mut changes = session.client().changes();
        loop {
            let now = look(session.client().clone()).await;
            let has_failed = now.is_err();
            if output.send(now.map_err(Arc::new)).await.is_err() {
                return;
            }
            if has_failed {
                tokio::time::sleep(PAUSE).await;
            } else if !changes.wait_for(concerns).await {
                return;
            }
        }
    })
}

/// What is wrong with the account, as it changes, whichever process finds it out.
pub(crate) fn alarms(session: Session) -> impl Stream<Item = Result<Vec<Reason>, Arc<ClientError>>> {
    let concerns = |change: &Change| matches!(change, Change::Account | Change::Holds | Change::Setting(_));
    looks(session, concerns, |client| async move {
        let mut alarms = client.alarms().await?;
        if client.is_known_to_wait().await? {
            alarms.push(Reason::NotListed);
        }
        Ok(alarms)
    })
}

/// What holds in a chat besides what was said.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Why what is written waits.
    pub waits_for: Vec<Reason>,
    /// The other one is blocked.
    pub is_blocked: bool,
    /// What was written before that, or for others than who is there now, and waits until it is to go.
    pub held: Vec<HeldMessage>,
    /// Somebody has begun it, and nobody has answered.
    pub request: Option<Box<Request>>,
}

impl Standing {
    async fn of(client: &Client, with: &Recipient) -> Result<Self, ClientError> {
        let mut standing = Self::default();
        if let Some(chat) = client.chat_with(with).await? {
            standing.waits_for = client.holds_of(chat).await?.into_iter().map(|hold| hold.reason).collect();
            let asked = client.requests().await?;
            standing.request = asked.into_iter().find(|request| request.entry.summary.chat.id == chat).map(Box::new);
        }
        if let Recipient::User(user) = with {
            if client.is_held(user).await? {
                standing.waits_for.insert(0, Reason::IdentityToAccept);
            }
            standing.is_blocked = client.is_blocked(user).await?;
        }
        standing.held = client.held_messages(with).await?;
        let mut known = Vec::new();
        standing.waits_for.retain(|reason| {
            let is_new = !known.contains(reason);
            known.push(reason.clone());
            is_new
        });
        Ok(standing)
    }
}

/// What holds in a chat, as it changes.
pub(crate) fn standing(session: Session, with: Recipient) -> impl Stream<Item = Result<Standing, Arc<ClientError>>> {
    let concerns = |change: &Change| matches!(change, Change::Holds | Change::Contact(_) | Change::Chat(_));
    looks(session, concerns, move |client| {
        let with = with.clone();
        async move { Standing::of(&client, &with).await }
    })
}

/// How it stands with the server.
pub(crate) fn connection(session: Session) -> impl Stream<Item = Connection> {
    stream::channel(WAITING, async move |mut output: mpsc::Sender<Connection>| {
        let mut connection = session.connection();
        loop {
            let now = connection.borrow_and_update().clone();
            if output.send(now).await.is_err() || connection.changed().await.is_err() {
                return;
            }
        }
    })
}

/// How much of a file has been moved, bytes.
#[derive(Debug, Clone, Copy)]
pub struct Part {
    /// So far.
    pub done: u64,
    /// In all.
    pub total: u64,
}

/// A file that has moved on: of which message, and which of its files, from 0.
#[derive(Debug, Clone, Copy)]
pub enum Moved {
    /// To the server.
    Up(MessageId, u32, Part),
    /// To this device, for the message in this row.
    Down(i64, u32, Part),
}

/// Of what the engine tells, as long as it runs here, what `pick` makes something of.
fn events<T>(session: &Session, pick: fn(Event) -> Option<T>) -> impl Stream<Item = T> + use<T> {
    let events = session.client().events();
    iced::futures::stream::unfold(events, move |mut events| async move {
        loop {
            match events.recv().await.map(pick) {
                Ok(Some(picked)) => return Some((picked, events)),
                Ok(None) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

/// Messages that have come, by their rows.
pub(crate) fn received(session: &Session) -> impl Stream<Item = i64> + use<> {
    events(session, |event| match event {
        Event::Received { id, .. } => Some(id),
        _ => None,
    })
}

/// How far files have come.
pub(crate) fn files(session: &Session) -> impl Stream<Item = Moved> + use<> {
    events(session, |event| match event {
        Event::UploadProgress { message_id, file, done, total, .. } => {
            Some(Moved::Up(message_id, file, Part { done, total }))
        }
        Event::DownloadProgress { id, file, done, total, .. } => Some(Moved::Down(id, file, Part { done, total })),
        _ => None,
    })
}

/// That nothing more will happen.
pub(crate) fn end(session: Session) -> impl Stream<Item = Option<Ended>> {
    iced::futures::stream::once(async move { session.ended().await })
}

/// What is wanted of a conversation that is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// What comes before the first that is shown.
    Older,
    /// What comes behind the last.
    Newer,
    /// The end.
    Newest,
    /// What is around a message.
    Around(Cursor),
}

/// What a conversation tells.
#[derive(Debug, Clone)]
pub struct Told {
    /// Steps from what was shown to what is.
    pub diffs: Vec<ListDiff<HistoryItem>>,
    /// What is counted; none while nobody has said anything.
    pub status: Option<ChatStatus>,
    /// There is nothing before what is shown.
    pub reaches_beginning: bool,
    /// There is nothing behind it.
    pub reaches_end: bool,
}

/// A conversation, as it changes, from the first message on that is new, or at its end, until the sender of what is wanted is dropped.
pub(crate) fn conversation(
    session: Session,
    with: Recipient,
) -> (mpsc::Sender<Wanted>, impl Stream<Item = Result<Told, Arc<ClientError>>>) {
    let (ask, mut asked) = mpsc::channel::<Wanted>(4);
    let told = stream::channel(WAITING, async move |mut output: mpsc::Sender<Result<Told, Arc<ClientError>>>| {
        loop {
            let followed: Result<(), ClientError> = async {
                let mut timeline = session.client().watch_conversation(&with, PAGE).await?;
                if let Some(first) = timeline.status().and_then(|status| status.first_unread) {
                    timeline.around(first).await?;
                }
                let mut diffs = vec![ListDiff::Reset { items: timeline.items().to_vec() }];
                loop {
                    let told = Told {
                        diffs,
                        status: timeline.status().cloned(),
                        reaches_beginning: timeline.reaches_beginning(),
                        reaches_end: timeline.reaches_end(),
                    };
                    if output.send(Ok(told)).await.is_err() {
                        return Ok(());
                    }
                    diffs = tokio::select! {
                        now = timeline.next() => match now? {
                            Some(now) => now,
                            None => return Ok(()),
                        },
                        wanted = asked.next() => match wanted {
                            Some(Wanted::Older) => timeline.older(PAGE).await?,
                            Some(Wanted::Newer) => timeline.newer(PAGE).await?,
                            Some(Wanted::Newest) => timeline.newest().await?,
                            Some(Wanted::Around(cursor)) => timeline.around(cursor).await?,
                            None => return Ok(()),
                        },
                    };
                }
            }
            .await;
            let Err(error) = followed else { return };
            if output.send(Err(Arc::new(error))).await.is_err() {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    (ask, told)
}
