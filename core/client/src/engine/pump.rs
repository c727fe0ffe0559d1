//! The outbox, emptied.

use std::sync::Arc;
use std::time::Duration;

use privmsg_e2ee::{Body, Conversation, ConversationKind, EncryptError, OUT_OF_ORDER, Provider, Receipt, ReceiptKind};
use privmsg_protocol::frames::{ClientFrame, MessageType, SendMessage};
use privmsg_protocol::{ErrorCode, GroupId, MessageId, Opaque};
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::groups::GroupState;
use privmsg_store::outbox::Encrypted;
use privmsg_store::{Connection, contacts, groups, mls_storage, outbox, receipts};

use tokio::time::Instant;

use super::membership;
use super::session::{InFlight, Session};
use crate::client::Context;
use crate::error::ClientError;
use crate::events::Event;
use crate::identity::Identity;
use crate::sending::{new_message_id, queue_silent};

/// Messages sent and not acknowledged yet. No more than receivers keep keys for: if the first one is refused and the
/// others are taken, it must still be readable.
const WINDOW: usize = OUT_OF_ORDER as usize;

/// How long to wait before looking again whether somebody is there. Their coming shows as a commit anyway.
const NOBODY_PAUSE: Duration = Duration::from_secs(2);

/// Messages named in one receipt.
const RECEIPT_IDS: usize = 500;

impl Session {
    /// Sends what is ready, up to the window. Chats that wait for something are passed over.
    pub(super) async fn pump(&mut self) -> Result<(), ClientError> {
        queue_receipts(&self.context).await?;
        for chat in self.context.store.read(outbox::chats).await? {
            if self.in_flight.len() >= WINDOW {
                return Ok(());
            }
            if self.paused.contains_key(&chat) || self.is_blocked(chat).await? {
                continue;
            }
            if let Some(group) = self.group_for(chat).await? {
                self.send_queued(chat, group).await?;
            }
        }
        Ok(())
    }

    /// A verified contact's key has changed, and the user has not accepted it yet.
    async fn is_blocked(&self, chat: ChatId) -> Result<bool, ClientError> {
        Ok(self
            .context
            .store
            .read(move |c| match chats::load(c, chat)?.kind {
                ChatKind::Direct { peer } => Ok::<_, privmsg_store::StoreError>(
                    contacts::load(c, &peer)?.is_some_and(|contact| contact.changed_identity.is_some()),
                ),
                ChatKind::SelfNotes | ChatKind::Group => Ok(false),
            })
            .await?)
    }

    /// The group that carries a chat, ready to encrypt. `None` if the chat has to wait.
    async fn group_for(&mut self, chat: ChatId) -> Result<Option<GroupId>, ClientError> {
        let group = match self.context.store.read(move |c| groups::of_chat(c, chat)).await? {
            Some(group) => group,
            None => {
                self.open_chat(chat).await?;
                match self.context.store.read(move |c| groups::of_chat(c, chat)).await? {
                    Some(group) => group,
                    None => return Ok(None),
                }
            }
        };
        let ready = group.state == GroupState::Active
            && group.request.is_none()
            && !group.reconcile
            && !self.behind.contains_key(&group.group_id);
        Ok(ready.then_some(group.group_id))
    }

    async fn send_queued(&mut self, chat: ChatId, group: GroupId) -> Result<(), ClientError> {
        let room = WINDOW.saturating_sub(self.in_flight.len());
        let skip: Vec<MessageId> = self.in_flight.keys().copied().collect();
        let identity = Arc::clone(&self.identity);
        let now_s = self.context.clock.now_s();
        let prepared =
            self.context.store.transact(move |c| encrypt_queued(c, &identity, chat, group, &skip, room, now_s)).await?;
        let frames = match prepared {
            Prepared::Frames(frames) => frames,
            Prepared::NotAMember => {
                self.fall_behind(group, None, Duration::ZERO);
                return Ok(());
            }
            Prepared::NobodyThere => {
                let code = ErrorCode::RecipientHasNoDevices;
                self.paused.insert(chat, Instant::now() + NOBODY_PAUSE);
                self.context.emit(Event::Delayed { chat, code });
                return Ok(());
            }
            Prepared::Stranger => return Ok(()),
        };
        if frames.is_empty() {
            return Ok(());
        }
        for frame in &frames {
            let epoch = frame.epoch.unwrap_or_default();
            self.in_flight.insert(frame.message_id, InFlight { chat, group, epoch });
        }
        let frames: Vec<_> = frames.into_iter().map(ClientFrame::Message).collect();
        self.send(&frames).await
    }
}

/// What came of encrypting.
enum Prepared {
    /// Ready to be sent.
    Frames(Vec<SendMessage>),
    /// This device is no member any more.
    NotAMember,
    /// The other user has no device in the conversation at the moment: the message would reach nobody.
    NobodyThere,
    /// There is a device under an identity that is not its user's. It has to leave first.
    Stranger,
}

/// Encrypts what is not encrypted yet and keeps the ciphertexts, so that a repetition sends the same bytes.
fn encrypt_queued(
    connection: &Connection,
    identity: &Identity,
    chat: ChatId,
    group: GroupId,
    skip: &[MessageId],
    room: usize,
    now_s: i64,
) -> Result<Prepared, ClientError> {
    let storage = mls_storage(connection);
    let provider = Provider::new(&storage);
    let Some(mut conversation) = Conversation::load(&provider, group)? else { return Ok(Prepared::NotAMember) };
    let members = conversation.members();
    for member in &members {
        if !membership::is_trusted(connection, identity, member)? {
            groups::set_reconcile(connection, &group, true)?;
            return Ok(Prepared::Stranger);
        }
    }
    let alone = members.iter().all(|member| member.user_id == identity.user_id);
    if alone && conversation.info().kind() == ConversationKind::Direct {
        return Ok(Prepared::NobodyThere);
    }
    let epoch = conversation.epoch();
    let mut frames = Vec::new();
    for queued in outbox::ready(connection, chat, room + skip.len())? {
        if frames.len() == room {
            break;
        }
        if skip.contains(&queued.message_id) {
            continue;
        }
        let ciphertext = match queued.encrypted {
            Some(encrypted) if encrypted.epoch == epoch && encrypted.group == group => encrypted.ciphertext,
            _ => {
                let ciphertext = match conversation.encrypt(&provider, &identity.device, &queued.content) {
                    Ok(ciphertext) => ciphertext,
                    Err(EncryptError::Removed) => return Ok(Prepared::NotAMember),
                    Err(error) => return Err(ClientError::Crypto(error.to_string())),
                };
                let encrypted = Encrypted { group, epoch, ciphertext };
                outbox::set_encrypted(connection, queued.id, &encrypted)?;
                encrypted.ciphertext
            }
        };
        frames.push(SendMessage {
            message_id: queued.message_id,
            sender_id: identity.user_id.clone(),
            recipient_id: None,
            group_id: Some(group),
            epoch: Some(epoch),
            encrypted_content: Opaque::encode(&ciphertext),
            // What it really is stands inside.
            message_type: MessageType::Text,
            timestamp: now_s,
        });
    }
    Ok(Prepared::Frames(frames))
}

/// Turns receipts that are owed into queued messages.
async fn queue_receipts(context: &Context) -> Result<(), ClientError> {
    if context.store.read(receipts::chats).await?.is_empty() {
        return Ok(());
    }
    let now = context.clock.now_ms();
    context
        .store
        .transact(move |c| {
            for chat in receipts::chats(c)? {
                let message_ids = receipts::take(c, chat, RECEIPT_IDS)?;
                let body = Body::Receipt(Receipt { kind: ReceiptKind::Delivered, message_ids });
                queue_silent(c, chat, body, new_message_id(now)?, now)?;
            }
            Ok::<_, ClientError>(())
        })
        .await
}
