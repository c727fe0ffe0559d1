//! A profile that is open, and its engine for as long as the window is there.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use privmsg_client::{Client, Disconnection, EngineError, Event, Seat, SignedOut};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::task::JoinHandle;

/// Why nothing more will happen in this session.
pub(crate) type Ended = Arc<EngineError>;

/// Whether there is a connection.
#[derive(Debug, Clone)]
pub enum Line {
    /// Not yet.
    Connecting,
    /// There is one.
    Up,
    /// Not now; it is tried again.
    Down(Disconnection),
    /// Another program has it, which shares the profile.
    Elsewhere,
    /// This device waits until another one lets it in.
    Waiting,
    /// There will be none.
    Ended,
}

/// How it stands with the server.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Whether there is one.
    pub line: Line,
    /// How far the server's clock is ahead of this machine's, if that is much, ms.
    pub clock_ahead_ms: Option<i64>,
    /// The server says that this profile was set back.
    pub is_set_back: bool,
}

impl Connection {
    const fn new(line: Line) -> Self {
        Self { line, clock_ahead_ms: None, is_set_back: false }
    }

    fn hears(&mut self, event: Event) -> bool {
        match event {
            Event::Connected | Event::Synced => self.line = Line::Up,
            Event::Disconnected { reason } => (self.line, self.clock_ahead_ms) = (Line::Down(reason), None),
            Event::Waiting | Event::LeftOut => self.line = Line::Waiting,
            Event::ClockIsOff { ahead_ms } => self.clock_ahead_ms = Some(ahead_ms),
            Event::SetBack => self.is_set_back = true,
            _ => return false,
        }
        true
    }
}

/// An open profile. Clones share it.
#[derive(Debug, Clone)]
pub struct Session {
    client: Client,
    keeper: Arc<Keeper>,
}

#[derive(Debug)]
struct Keeper {
    leave: watch::Sender<bool>,
    ended: watch::Receiver<Option<Ended>>,
    connection: watch::Receiver<Connection>,
    task: tokio::sync::Mutex<Option<JoinHandle<()>>>,
}

/// By which of them it is: for subscriptions, which go on as long as theirs is the same.
impl Hash for Session {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.keeper).hash(state);
    }
}

impl Session {
    /// Runs the profile's engine, or waits beside the process that does, on the current Tokio runtime.
    ///
    /// # Errors
    /// [`EngineError`] if it cannot be found out who runs it.
    pub fn begin(client: Client) -> Result<Self, EngineError> {
        // Before the engine begins: what it says first is not said again.
        let events = client.events();
        let seat = Seat::take(&client)?;
        let (leave, leaving) = watch::channel(false);
        let (tell, ended) = watch::channel(None);
        let line = if seat.is_ours() { Line::Connecting } else { Line::Elsewhere };
        let (tell_connection, connection) = watch::channel(Connection::new(line));
        let task = tokio::spawn(keep(seat, leaving, tell, events, tell_connection));
        let task = tokio::sync::Mutex::new(Some(task));
        Ok(Self { client, keeper: Arc::new(Keeper { leave, ended, connection, task }) })
    }

    /// Only shows what there is, in a profile that was signed out.
    pub(crate) fn of_signed_out(client: Client, signed_out: SignedOut) -> Self {
        let (leave, _) = watch::channel(false);
        let (_, ended) = watch::channel(Some(Arc::new(EngineError::SignedOut(signed_out))));
        let (_, connection) = watch::channel(Connection::new(Line::Ended));
        let task = tokio::sync::Mutex::new(None);
        Self { client, keeper: Arc::new(Keeper { leave, ended, connection, task }) }
    }

    /// The profile.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// How it stands with the server, now and as it changes.
    pub(crate) fn connection(&self) -> watch::Receiver<Connection> {
        self.keeper.connection.clone()
    }

    /// Waits until nothing more will happen, and says why: the device was signed out, mostly. Cancel-safe.
    pub async fn ended(&self) -> Option<Ended> {
        let mut ended = self.keeper.ended.clone();
        ended.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone())
    }

    /// Stops the engine, if it runs here.
    pub async fn leave(&self) {
        self.keeper.leave.send_replace(true);
        if let Some(task) = self.keeper.task.lock().await.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the engine has not stopped as it should");
        }
    }
}

async fn keep(
    mut seat: Seat,
    mut leaving: watch::Receiver<bool>,
    tell: watch::Sender<Option<Ended>>,
    mut events: broadcast::Receiver<Event>,
    connection: watch::Sender<Connection>,
) {
    let ended = loop {
        tokio::select! {
            ended = seat.watch() => break Some(ended),
            _ = leaving.wait_for(|leave| *leave) => break None,
            event = events.recv() => match event {
                Ok(event) => drop(connection.send_if_modified(|connection| connection.hears(event))),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => break None,
            },
        }
    };
    seat.leave().await;
    if let Some(error) = ended {
        tracing::warn!(%error, "the engine has ended");
        connection.send_modify(|connection| connection.line = Line::Ended);
        tell.send_replace(Some(Arc::new(error)));
        // Whoever asks later is to find it.
        let _ = leaving.wait_for(|leave| *leave).await;
    }
}
