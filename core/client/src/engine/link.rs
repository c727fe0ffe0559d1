//! What the parts of one connection share.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use privmsg_e2ee::OUT_OF_ORDER;
use privmsg_mls_public::ListNumber;
use privmsg_protocol::frames::ClientFrame;
use privmsg_protocol::{Epoch, GroupId, MessageId};
use privmsg_store::chats::ChatId;
use privmsg_store::position::Position;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::read::Read;
use crate::context::Context;
use crate::error::ClientError;
use crate::identity::Identity;

/// Messages sent and not acknowledged yet. No more than receivers keep keys for: if the first one is refused and the
/// others are taken, it must still be readable.
pub(super) const WINDOW: usize = OUT_OF_ORDER as usize;

/// How long nothing must arrive before what is missing is taken for lost. Messages of an ordered mailbox come one
/// after the other.
const QUIET: Duration = Duration::from_secs(2);

/// Batches of frames that may wait for the socket.
const OUTGOING: usize = 16;

/// A message on its way to the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flight {
    pub(crate) chat: ChatId,
    pub(crate) group: GroupId,
    pub(crate) epoch: Epoch,
    /// How far the chat had come when it was encrypted: its place is behind that.
    pub(crate) behind: Position,
    /// The device list that it tells the group.
    pub(crate) tells: Option<ListNumber>,
}

/// One connection, as tasks see it. What must survive it is in the database.
pub(crate) struct Link {
    pub(crate) context: Arc<Context>,
    pub(crate) identity: Arc<Identity>,
    outgoing: mpsc::Sender<Vec<ClientFrame>>,
    state: Mutex<State>,
    /// Rung when something here changes that a task may wait for.
    pub(super) moved: Notify,
}

#[derive(Default)]
struct State {
    flights: HashMap<MessageId, Flight>,
    /// What lay in the mailbox when this connection began is here.
    caught_up: bool,
    /// This device's groups were compared with the server's.
    compared: bool,
    /// Groups in which the comparison could not say yet whether the server has heard more of this device than the profile
    /// knows: an answer is owed first.
    unsure: HashSet<GroupId>,
    /// Groups whose creation is being sent by whoever has made it.
    creating: HashSet<GroupId>,
    /// Up to where all of them were compared by the first comparison. Kept as soon as none is left unsure.
    cursor: Option<String>,
    /// Both, and nothing was left to join.
    in_step: bool,
    /// What has come through this connection.
    read: Read,
    /// The engine stops: what can be said is said now.
    leaving: bool,
    /// When messages last arrived, if what is missing has not been confirmed since.
    restless_since: Option<Instant>,
}

/// See [`Link::creates`].
pub(crate) struct Creating {
    link: Arc<Link>,
    group: GroupId,
}

impl Drop for Creating {
    fn drop(&mut self) {
        self.link.state().creating.remove(&self.group);
        self.link.moved.notify_one();
    }
}

impl Link {
    pub(super) fn new(context: Arc<Context>, identity: Arc<Identity>) -> (Self, mpsc::Receiver<Vec<ClientFrame>>) {
        let (outgoing, frames) = mpsc::channel(OUTGOING);
        context.passing.go_through(&outgoing);
        let (state, moved) = (Mutex::default(), Notify::new());
        (Self { context, identity, outgoing, state, moved }, frames)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine has been asked to stop.
    pub(super) fn leaves(&self) {
        self.state().leaving = true;
    }

    /// Whether what can be said is to be said now: there is no later.
    pub(crate) fn is_leaving(&self) -> bool {
        self.state().leaving
    }

    /// Hands frames to the socket, waiting while it is behind.
    pub(crate) async fn send(&self, frames: Vec<ClientFrame>) -> Result<(), ClientError> {
        self.outgoing.send(frames).await.map_err(|_| ClientError::Network("the connection is closed".into()))
    }

    pub(crate) fn take_off(&self, id: MessageId, flight: Flight) {
        self.state().flights.insert(id, flight);
    }

    /// Where a message is on its way to.
    pub(super) fn flight(&self, id: &MessageId) -> Option<Flight> {
        self.state().flights.get(id).copied()
    }

    /// The server's answer to a message has been noted. Not before: until then it would be sent once more, and what is noted
    /// about the first time would be taken for the second.
    pub(super) fn land(&self, id: &MessageId) {
        self.state().flights.remove(id);
        self.moved.notify_one();
    }

    /// Which groups are told which device list by these, of those on their way.
    pub(crate) fn tells(&self, ids: &[MessageId]) -> Vec<(GroupId, ListNumber)> {
        let state = self.state();
        let flights = ids.iter().filter_map(|id| state.flights.get(id));
        flights.filter_map(|flight| flight.tells.map(|number| (flight.group, number))).collect()
    }

    /// Whoever makes a group also sends its creation, which may be megabytes: as long as this is held, nobody else does.
    pub(crate) fn creates(self: &Arc<Self>, group: GroupId) -> Creating {
        self.state().creating.insert(group);
        Creating { link: Arc::clone(self), group }
    }

    pub(crate) fn is_creating(&self, group: &GroupId) -> bool {
        self.state().creating.contains(group)
    }

    /// Messages on their way.
    pub(crate) fn in_flight(&self) -> Vec<MessageId> {
        self.state().flights.keys().copied().collect()
    }

    /// How many more may be sent now.
    pub(crate) fn room(&self) -> usize {
        WINDOW.saturating_sub(self.state().flights.len())
    }

    /// These messages have come and are dealt with; `kept` of them are not acknowledged yet.
    pub(super) fn note_read(&self, ids: impl IntoIterator<Item = MessageId>, kept: Vec<MessageId>) {
        self.state().read.note(ids, kept);
    }

    /// Whether everything has come that was in the mailbox when this was asked first about a group, in which this device was in that epoch,
    /// or when it was last asked. `newest`: what is the last now.
    pub(crate) fn has_read_for(&self, group: GroupId, epoch: Option<Epoch>, newest: Option<MessageId>) -> bool {
        self.state().read.has_read_for(group, epoch, newest)
    }

    /// This device is not behind in a group any more, or has joined it.
    pub(crate) fn is_done_for(&self, group: &GroupId) {
        self.state().read.is_done_for(group);
    }

    /// Messages have arrived, or may be missing.
    pub(crate) fn stir(&self) {
        self.state().restless_since = Some(Instant::now());
        self.moved.notify_one();
    }

    /// Whether messages are still arriving one after the other.
    pub(crate) fn is_restless(&self) -> bool {
        self.state().restless_since.is_some_and(|since| since.elapsed() < QUIET)
    }

    /// When what is missing can be taken for lost. `None`: nothing has arrived since it was last found out.
    pub(crate) fn quiet_at(&self) -> Option<Instant> {
        let state = self.state();
        state.restless_since.filter(|_| state.flights.is_empty()).map(|since| since + QUIET)
    }

    /// What was missing at `quiet`, as [`Link::quiet_at`] has said it, was confirmed, unless more has arrived since.
    pub(crate) fn settle(&self, quiet: Instant) {
        let mut state = self.state();
        if state.restless_since.is_some_and(|since| since + QUIET <= quiet) {
            state.restless_since = None;
        }
    }

    pub(super) fn catch_up(&self) {
        self.state().caught_up = true;
        self.moved.notify_one();
    }

    pub(super) fn has_caught_up(&self) -> bool {
        self.state().caught_up
    }

    /// This device's groups have been compared with the server's. `unsure` are to be compared again.
    pub(crate) fn compare(&self, unsure: HashSet<GroupId>) {
        let mut state = self.state();
        state.compared = true;
        state.unsure = unsure;
        drop(state);
        self.moved.notify_one();
    }

    /// What the first comparison was told to go on with the next time.
    pub(crate) fn set_cursor(&self, cursor: &str) {
        self.state().cursor.get_or_insert_with(|| cursor.to_owned());
    }

    /// See [`Link::set_cursor`].
    pub(crate) fn cursor(&self) -> Option<String> {
        self.state().cursor.clone()
    }

    /// Groups that are to be compared again.
    pub(crate) fn unsure(&self) -> HashSet<GroupId> {
        self.state().unsure.clone()
    }

    /// Whether nothing that the profile does not know of can have been said in a group by this device. Before that,
    /// nothing may be: a profile that was set back would use keys a second time.
    pub(crate) fn is_sure_of(&self, group: &GroupId) -> bool {
        let state = self.state();
        state.compared && !state.unsure.contains(group)
    }

    pub(crate) fn has_compared(&self) -> bool {
        self.state().compared
    }

    /// Everything is in step now. Returns whether it was not before.
    pub(super) fn come_into_step(&self) -> bool {
        !std::mem::replace(&mut self.state().in_step, true)
    }

    pub(super) fn is_in_step(&self) -> bool {
        self.state().in_step
    }
}
