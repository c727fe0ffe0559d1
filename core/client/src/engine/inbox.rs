//! Incoming messages: a page of the mailbox is one transaction.
//!
//! Each message ends in one of three ways, and only then is its mailbox row acknowledged: stored, parked (it needs a
//! commit that has not arrived; retried after the next one), or refused (forged, broken, or not readable by this
//! device). A message that was processed before a crash and comes again is recognised by its number in the group and
//! by MLS itself.

use std::collections::HashMap;

use privmsg_e2ee::{
    Body, Content, Conversation, Expected, JoinError, Member, MembershipChange, ProcessError, Processed, Provider,
    ReceiptKind,
};
use privmsg_protocol::frames::{DeliveredMessage, MessageType};
use privmsg_protocol::rest::PublicGroupState;
use privmsg_protocol::{Epoch, GroupId, MessageId};
use privmsg_store::chats::ChatId;
use privmsg_store::groups::{self, GroupState};
use privmsg_store::messages::{self, Direction, MessageKind, NewMessage};
use privmsg_store::{Connection, MlsStorage, gaps, mls_storage, outbox, parked, receipts};

use super::membership;
use crate::error::ClientError;
use crate::events::Event;
use crate::identity::Identity;

/// Public states that welcomes in a page need, fetched before the transaction. `None`: the server has it no more.
pub(super) type States = HashMap<(GroupId, Epoch), Option<PublicGroupState>>;

/// What a page came to.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// To be acknowledged to the server.
    pub(super) acks: Vec<MessageId>,
    /// To be told to front-ends.
    pub(super) events: Vec<Event>,
    /// Groups that this device should be in, and has no (usable) welcome to.
    pub(super) uninvited: Vec<GroupId>,
    /// Groups that this device has joined by a welcome.
    pub(super) joined: Vec<GroupId>,
    /// Groups that are in a later epoch than this device.
    pub(super) behind: Vec<(GroupId, Option<Epoch>)>,
}

/// Whether a delivered message is a welcome: the wire format of its MLSMessage (RFC 9420, section 6) says so.
pub(super) fn is_welcome(message: &DeliveredMessage) -> bool {
    const WELCOME: [u8; 2] = [0, 3];
    message.message_type == MessageType::KeyExchange
        && message.encrypted_content.decode().is_some_and(|bytes| bytes.get(2..4) == Some(&WELCOME))
}

/// Processes a page, in the transaction that `connection` is in.
pub(super) fn process(
    connection: &Connection,
    identity: &Identity,
    page: &[DeliveredMessage],
    states: &States,
    now_ms: i64,
) -> Result<Outcome, ClientError> {
    let storage = mls_storage(connection);
    let provider = Provider::new(&storage);
    let mut inbox = Inbox::new(connection, &provider, identity, states, now_ms);
    for message in page {
        inbox.one(message)?;
        inbox.outcome.acks.push(message.message_id);
    }
    Ok(inbox.outcome)
}

/// Tries again what is parked for a group, which has reached another epoch.
pub(super) fn retry(
    connection: &Connection,
    identity: &Identity,
    group_id: GroupId,
    now_ms: i64,
) -> Result<Outcome, ClientError> {
    let storage = mls_storage(connection);
    let provider = Provider::new(&storage);
    let states = States::new();
    let mut inbox = Inbox::new(connection, &provider, identity, &states, now_ms);
    if let Some(group) = groups::load(connection, &group_id)? {
        inbox.retry_parked(group_id, group.chat)?;
    }
    Ok(inbox.outcome)
}

struct Inbox<'a, 's> {
    connection: &'a Connection,
    provider: &'a Provider<'s, MlsStorage<'s>>,
    identity: &'a Identity,
    states: &'a States,
    now_ms: i64,
    /// Loading a conversation costs more than a message; each is loaded once per page.
    conversations: HashMap<GroupId, Conversation>,
    outcome: Outcome,
}

/// What to do with a message that MLS has dealt with.
enum Fate {
    /// It has been seen, whatever it was; its number is no gap.
    Seen,
    /// It is lost to this device: its number stays a gap.
    Lost,
    /// It is waiting for a commit.
    Parked,
}

impl<'a, 's> Inbox<'a, 's> {
    fn new(
        connection: &'a Connection,
        provider: &'a Provider<'s, MlsStorage<'s>>,
        identity: &'a Identity,
        states: &'a States,
        now_ms: i64,
    ) -> Self {
        let (conversations, outcome) = (HashMap::new(), Outcome::default());
        Self { connection, provider, identity, states, now_ms, conversations, outcome }
    }
}

impl Inbox<'_, '_> {
    fn one(&mut self, message: &DeliveredMessage) -> Result<(), ClientError> {
        let Some(group_id) = message.group_id else {
            tracing::debug!("passed over a message outside of a conversation");
            return Ok(());
        };
        match message.message_type {
            MessageType::DeviceSync => self.notice(group_id),
            MessageType::KeyExchange if is_welcome(message) => self.welcome(message, group_id),
            _ => self.group_message(message, group_id),
        }
    }

    /// The server says that a group's devices have changed.
    fn notice(&mut self, group_id: GroupId) -> Result<(), ClientError> {
        if groups::load(self.connection, &group_id)?.is_none() {
            self.outcome.uninvited.push(group_id);
        }
        Ok(groups::set_reconcile(self.connection, &group_id, true)?)
    }

    fn group_message(&mut self, message: &DeliveredMessage, group_id: GroupId) -> Result<(), ClientError> {
        let Some(group) = groups::load(self.connection, &group_id)? else {
            tracing::debug!(%group_id, "passed over a message of a conversation that was not joined");
            return Ok(());
        };
        if message.seq.is_some_and(|seq| gaps::is_seen(self.connection, &group_id, seq).unwrap_or(false)) {
            return Ok(());
        }
        match self.decrypt(message, group_id, group.chat)? {
            Fate::Seen => {
                if let Some(seq) = message.seq {
                    gaps::note(self.connection, &group_id, seq)?;
                }
                Ok(())
            }
            Fate::Lost => Ok(()),
            Fate::Parked => {
                // The envelope's epoch is the one that the server has checked.
                if group.request.is_none() {
                    self.outcome.behind.push((group_id, message.epoch));
                }
                let frame = serde_json::to_string(message).map_err(|e| ClientError::Crypto(e.to_string()))?;
                Ok(parked::insert(self.connection, &group_id, &message.message_id, &frame)?)
            }
        }
    }

    /// Processes inside a savepoint: what MLS refuses must leave no trace.
    fn decrypt(&mut self, message: &DeliveredMessage, group_id: GroupId, chat: ChatId) -> Result<Fate, ClientError> {
        let Some(bytes) = message.encrypted_content.decode() else { return Ok(Fate::Seen) };
        let Some(mut conversation) = self.take(group_id)? else { return Ok(Fate::Lost) };
        savepoint(self.connection, "SAVEPOINT message")?;
        let expected = match message.message_type {
            MessageType::KeyExchange => Expected::Commit,
            _ => Expected::Application,
        };
        let fate = match conversation.process(self.provider, expected, &bytes) {
            Ok(Processed::Application { sender, plaintext }) => {
                self.application(message, chat, &sender, &plaintext)?;
                Ok(Fate::Seen)
            }
            Ok(Processed::Commit(change)) => {
                self.commit(group_id, chat, &change)?;
                savepoint(self.connection, "RELEASE message")?;
                if !change.removes_self() {
                    self.conversations.insert(group_id, conversation);
                    self.retry_parked(group_id, chat)?;
                }
                return Ok(Fate::Seen);
            }
            Err(error) => Err(fate_of(&error)?),
        };
        match fate {
            Ok(fate) => {
                savepoint(self.connection, "RELEASE message")?;
                self.conversations.insert(group_id, conversation);
                Ok(fate)
            }
            Err(fate) => {
                savepoint(self.connection, "ROLLBACK TO message")?;
                savepoint(self.connection, "RELEASE message")?;
                Ok(fate)
            }
        }
    }

    fn take(&mut self, group_id: GroupId) -> Result<Option<Conversation>, ClientError> {
        match self.conversations.remove(&group_id) {
            Some(conversation) => Ok(Some(conversation)),
            None => Ok(Conversation::load(self.provider, group_id)?),
        }
    }

    fn application(
        &mut self,
        message: &DeliveredMessage,
        chat: ChatId,
        sender: &Member,
        plaintext: &[u8],
    ) -> Result<(), ClientError> {
        let (message_id, sent_at, kind) = match Content::decode(plaintext) {
            Ok(content) => {
                if content.message_id != message.message_id {
                    tracing::warn!("refused a message whose envelope names another one");
                    return Ok(());
                }
                let kind = match content.body {
                    Body::Text(_) => MessageKind::Text,
                    Body::Files { .. } => MessageKind::File,
                    Body::Unknown(_) => MessageKind::Unsupported,
                    Body::Receipt(receipt) => {
                        // Receipts of one's own other devices say nothing about the other side.
                        if sender.user_id != self.identity.user_id {
                            let read = receipt.kind == ReceiptKind::Read;
                            let own = &self.identity.user_id;
                            messages::set_receipt(self.connection, chat, own, &receipt.message_ids, read, self.now_ms)?;
                            self.outcome.events.push(Event::Receipts { chat });
                        }
                        return Ok(());
                    }
                };
                (content.message_id, i64::try_from(content.sent_at_ms).unwrap_or(i64::MAX), kind)
            }
            Err(_) => (message.message_id, message.timestamp.saturating_mul(1000), MessageKind::Unsupported),
        };
        let new = NewMessage {
            chat,
            message_id,
            sender_id: &sender.user_id,
            sent_at,
            received_at: self.now_ms,
            kind,
            content: plaintext,
        };
        if let Some(id) = messages::insert(self.connection, &new, Direction::Incoming)? {
            self.outcome.events.push(Event::Received { id, chat });
            if sender.user_id != self.identity.user_id {
                receipts::owe(self.connection, chat, &message_id)?;
            }
        }
        Ok(())
    }

    fn commit(&mut self, group_id: GroupId, chat: ChatId, change: &MembershipChange) -> Result<(), ClientError> {
        if change.removes_self() {
            groups::set_state(self.connection, &group_id, GroupState::Broken)?;
        }
        // Whatever of our own was on its way for the old epoch has lost: the commit by MLS, the messages by the server.
        groups::set_request(self.connection, &group_id, None)?;
        outbox::clear_encrypted_before(self.connection, &group_id, change.epoch)?;
        self.observe(chat, &change.added)
    }

    fn observe(&mut self, chat: ChatId, members: &[Member]) -> Result<(), ClientError> {
        let events = membership::observe(self.connection, self.identity, chat, members, self.now_ms)?;
        self.outcome.events.extend(events);
        Ok(())
    }

    fn retry_parked(&mut self, group_id: GroupId, chat: ChatId) -> Result<(), ClientError> {
        for parked in parked::of_group(self.connection, &group_id)? {
            let Ok(message) = serde_json::from_str::<DeliveredMessage>(&parked.frame) else {
                parked::remove(self.connection, parked.id)?;
                continue;
            };
            match self.decrypt(&message, group_id, chat)? {
                Fate::Parked => {}
                Fate::Lost => parked::remove(self.connection, parked.id)?,
                Fate::Seen => {
                    parked::remove(self.connection, parked.id)?;
                    if let Some(seq) = message.seq {
                        gaps::note(self.connection, &group_id, seq)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Joins by welcome. Where that does not work, the device joins by external commit afterwards.
    fn welcome(&mut self, message: &DeliveredMessage, group_id: GroupId) -> Result<(), ClientError> {
        if message.seq.is_some_and(|seq| gaps::is_seen(self.connection, &group_id, seq).unwrap_or(false)) {
            // It was used before, and its key package with it.
            return Ok(());
        }
        let state = message.epoch.and_then(|epoch| self.states.get(&(group_id, epoch)));
        let tree = state.and_then(Option::as_ref).and_then(|state| state.ratchet_tree.decode());
        let (Some(welcome), Some(tree)) = (message.encrypted_content.decode(), tree) else {
            self.outcome.uninvited.push(group_id);
            return Ok(());
        };
        savepoint(self.connection, "SAVEPOINT welcome")?;
        match Conversation::join(self.provider, &welcome, &tree) {
            Ok(conversation) if conversation.group_id() == group_id => {
                if self.joined(conversation, message)? {
                    return savepoint(self.connection, "RELEASE welcome");
                }
            }
            Ok(_) | Err(JoinError::AlreadyMember) => {}
            Err(JoinError::Storage(error)) => return Err(error.into()),
            Err(error) => {
                tracing::warn!(%error, "a welcome could not be used");
                self.outcome.uninvited.push(group_id);
            }
        }
        savepoint(self.connection, "ROLLBACK TO welcome")?;
        savepoint(self.connection, "RELEASE welcome")
    }

    /// `false` if the chat has a group that is in use.
    fn joined(&mut self, conversation: Conversation, message: &DeliveredMessage) -> Result<bool, ClientError> {
        let group_id = conversation.group_id();
        let chat = membership::adopt(self.connection, self.provider, self.identity, &conversation, self.now_ms)?;
        let Some(chat) = chat else { return Ok(false) };
        if let Some(seq) = message.seq {
            gaps::restart(self.connection, &group_id, seq)?;
        }
        self.observe(chat, &conversation.members())?;
        self.conversations.insert(group_id, conversation);
        self.outcome.joined.push(group_id);
        Ok(true)
    }
}

fn fate_of(error: &ProcessError) -> Result<Fate, ClientError> {
    Ok(match error {
        ProcessError::Future { .. } => Fate::Parked,
        ProcessError::Stale { .. } | ProcessError::Removed => Fate::Lost,
        ProcessError::Duplicate => Fate::Seen,
        ProcessError::Rejected(reason) => {
            tracing::warn!(%reason, "refused a message");
            Fate::Seen
        }
        ProcessError::Malformed => Fate::Seen,
        ProcessError::Storage(error) => return Err(ClientError::Crypto(error.to_string())),
    })
}

fn savepoint(connection: &Connection, statement: &'static str) -> Result<(), ClientError> {
    connection
        .prepare_cached(statement)
        .and_then(|mut statement| statement.execute([]))
        .map(drop)
        .map_err(|e| ClientError::Store(e.into()))
}
