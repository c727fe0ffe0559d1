//! What a user says: each intent is one transaction, and is sent whatever happens to this process afterwards.

use std::time::Duration;

use privmsg_e2ee::{Content, Delete, Edit, Kind, Reaction};
use privmsg_protocol::{DeviceId, ErrorCode, MessageId, UserId};
use privmsg_store::chats::ChatId;
use privmsg_store::messages::{self, Message, MessageState};
use privmsg_store::{Change, Snapshot, StoreError, Tx, account, outbox};

use super::Client;
use super::blocks::refuse_blocked;
use super::groups::{mentioned, refuse_gone};
use crate::content::{compose, say};
use crate::error::ClientError;
use crate::sending::{self, Acknowledged, Draft, DraftFile, Recipient, Said, Sent};
use crate::view::message::{MessageKind, MessageView};

/// How long a message to somebody new waits for the server to say whether there is somebody of that name.
const ANSWER: Duration = Duration::from_secs(3);

/// Which message is meant. Ids are chosen by senders, and whoever gives out one once more must not decide that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Which {
    /// Its id.
    pub message: MessageId,
    /// Who has written it.
    pub from: Option<UserId>,
    /// Where it stands.
    pub chat: Option<ChatId>,
}

impl From<MessageId> for Which {
    fn from(message: MessageId) -> Self {
        Self { message, from: None, chat: None }
    }
}

impl Which {
    /// Whether it may be one of this sender's in this chat.
    #[must_use]
    pub fn may_be(&self, sender: &UserId, chat: ChatId) -> bool {
        self.from.as_ref().is_none_or(|from| from == sender) && self.chat.is_none_or(|wanted| wanted == chat)
    }

    pub(super) fn all(&self, at: &Snapshot<'_>) -> Result<Vec<Message>, StoreError> {
        let mut found = messages::find(at, &self.message)?;
        found.retain(|message| self.may_be(&message.sender_id, message.chat));
        Ok(found)
    }
}

impl Client {
    /// Stores and queues a message; it will be sent whatever happens to this process. Durable when this returns. Of a group's people it
    /// speaks to those by name who stand in it with an `@`.
    ///
    /// # Errors
    /// [`ClientError`] of the database, for a file that is not there, or for a text that is empty or too long;
    /// [`ClientError::Blocked`]; [`ClientError::NoSuchUser`] for a new recipient whom the server does not know, where it can be
    /// asked.
    pub async fn send(&self, recipient: &Recipient, draft: Draft) -> Result<Sent, ClientError> {
        if let Recipient::User(user) = recipient
            && self.is_blocked(user).await?
        {
            return Err(ClientError::Blocked(user.clone()));
        }
        self.refuse_nobody(recipient).await?;
        let mut looked_at = Vec::with_capacity(draft.files.len());
        for file in &draft.files {
            looked_at.push(DraftFile::look(file).await?);
        }
        sending::content_of(&draft, &[], &looked_at, self.context.clock.now_ms())?;
        let mut files = Vec::with_capacity(looked_at.len());
        for file in looked_at {
            files.push(file.seal(&self.context).await?);
        }
        let said = &(recipient.clone(), draft, files);
        self.by_the_newest(|| async move {
            let (recipient, draft, files) = said.clone();
            self.say(move |tx, own, now| {
                let chat = sending::chat_with(tx, own.0, &recipient, now)?;
                refuse_blocked(tx, chat)?;
                refuse_gone(tx, chat)?;
                let mentions = mentioned(tx, chat, &draft.text)?;
                sending::queue(tx, own, chat, (&draft, &mentions, &files), now)
            })
            .await
        })
        .await
    }

    /// Refuses to begin a chat with a mistyped name. Where the server does not answer soon, it shows later.
    async fn refuse_nobody(&self, recipient: &Recipient) -> Result<(), ClientError> {
        let Recipient::User(user) = recipient else { return Ok(()) };
        if user == self.user_id() || self.chat_with(recipient).await?.is_some() {
            return Ok(());
        }
        match tokio::time::timeout(ANSWER, self.published_key(user)).await {
            Ok(Err(error)) if error.is(&ErrorCode::UnknownUser) => Err(ClientError::NoSuchUser(user.clone())),
            _ => Ok(()),
        }
    }

    /// Reacts to a message, or takes that back.
    ///
    /// # Errors
    /// [`ClientError::NoSuchMessage`], [`ClientError::AmbiguousMessage`], [`ClientError::NotChangeable`] if it is deleted,
    /// [`ClientError::Unchanged`], [`ClientError::Content`] if it is no emoji, [`ClientError::Blocked`].
    pub async fn react(&self, which: impl Into<Which>, emoji: String, remove: bool) -> Result<Said, ClientError> {
        let which = which.into();
        self.say(move |tx, own, now| {
            let target = of_one_author(which.all(tx)?)?;
            refuse_deleted(tx, &target)?;
            let view = MessageView::of(tx, target.clone())?;
            let known = view.reactions.iter().find(|reaction| reaction.emoji == emoji);
            if known.is_some_and(|reaction| reaction.users.contains(own.0)) != remove {
                return Err(ClientError::Unchanged);
            }
            say_about(tx, own, &target, &Reaction { emoji, removed: remove }, now)
        })
        .await
    }

    /// Changes the text, or the caption, of a message that one has written. One that has not left this device is another from the beginning,
    /// and nothing is said: `None`.
    ///
    /// # Errors
    /// [`ClientError::NotTheAuthor`], [`ClientError::NotChangeable`], also of one that is held and may have left before, and as for
    /// [`Client::react`].
    pub async fn edit(&self, which: impl Into<Which>, text: String) -> Result<Option<Said>, ClientError> {
        let which = which.into();
        self.say(move |tx, own, now| {
            let target = own_target(tx, own.0, &which)?;
            let view = MessageView::of(tx, target.clone())?;
            let changeable = match view.kind {
                MessageKind::Text => !view.deleted && !text.trim().is_empty(),
                MessageKind::File => !view.deleted && !view.uploading,
                _ => false,
            };
            if !changeable {
                return Err(ClientError::NotChangeable);
            }
            if view.text == text {
                return Err(ClientError::Unchanged);
            }
            let has_left = outbox::has_left(tx, &target.message_id)?;
            match target.state {
                MessageState::Queued | MessageState::Held(_) if !has_left => {
                    write_anew(tx, &target, text)?;
                    Ok(None)
                }
                // It would tell those for whom it is held back what it says.
                MessageState::Held(_) => Err(ClientError::NotChangeable),
                _ => say_about(tx, own, &target, &Edit { text }, now).map(Some),
            }
        })
        .await
    }

    /// Takes back a message that one has written, for everybody. One that has not left this device is not sent at all, and
    /// nothing is said: `None`.
    ///
    /// # Errors
    /// As for [`Client::edit`].
    pub async fn delete(&self, which: impl Into<Which>) -> Result<Option<Said>, ClientError> {
        let which = which.into();
        self.say(move |tx, own, now| {
            let target = own_target(tx, own.0, &which)?;
            refuse_deleted(tx, &target)?;
            let nobody_has_it = match target.state {
                MessageState::Queued | MessageState::Held(_) => !outbox::has_left(tx, &target.message_id)?,
                MessageState::Failed(_) => true,
                MessageState::Sent | MessageState::Received => false,
            };
            if nobody_has_it {
                messages::forget(tx, target.id)?;
                return Ok(None);
            }
            if matches!(target.state, MessageState::Held(_)) {
                // It goes out no more, whatever becomes of the deletion.
                outbox::withdraw(tx, &target.message_id)?;
                messages::set_failed(tx, target.id, outbox::WITHDRAWN)?;
            }
            say_about(tx, own, &target, &Delete {}, now).map(Some)
        })
        .await
    }

    /// Removes a message from this device, whoever wrote it. Others keep it. Where an author has said several things under one id in
    /// a chat, they all go.
    ///
    /// # Errors
    /// [`ClientError::NoSuchMessage`], [`ClientError::AmbiguousMessage`].
    pub async fn delete_for_me(&self, which: impl Into<Which>) -> Result<(), ClientError> {
        let which = which.into();
        self.context
            .store
            .write(move |tx| {
                let found = which.all(tx)?;
                of_one_author(found.clone())?;
                found.iter().try_for_each(|message| messages::forget(tx, message.id))?;
                Ok(())
            })
            .await
    }

    /// Waits until something that was queued is acknowledged by the server, has failed, or is held, whichever process sends it.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn wait_acknowledged(&self, said: &Said) -> Result<Acknowledged, ClientError> {
        let mut changes = self.changes();
        let id = said.message_id;
        loop {
            let look = move |at: &Snapshot<'_>| {
                // Refusals are not kept for ever, messages are.
                let fate = messages::find(at, &id)?.into_iter().find_map(|message| match message.state {
                    MessageState::Failed(code) => Some(Acknowledged::Failed(ErrorCode::from(code.as_str()))),
                    MessageState::Held(by) => Some(Acknowledged::Held(by)),
                    _ => None,
                });
                if fate.is_some() {
                    return Ok(fate);
                }
                let refusal = outbox::refusal(at, &id)?;
                let refused = refusal.map(|code| Acknowledged::Failed(ErrorCode::from(code.as_str())));
                let waits = outbox::row_of(at, &id)?.is_some();
                Ok::<_, StoreError>(refused.or((!waits).then_some(Acknowledged::Sent)))
            };
            if let Some(fate) = self.context.store.read(look).await? {
                return Ok(fate);
            }
            if !changes.wait_for(|change| *change == Change::Task(outbox::TASK)).await {
                return Err(StoreError::Closed.into());
            }
        }
    }

    /// Waits until a change of a message is with the server, of which people see nothing in the queue: no message of its own that could be held.
    ///
    /// # Errors
    /// [`ClientError::NotMade`] if it will not be made, [`ClientError`] of the database.
    pub async fn wait_made(&self, change: &Said) -> Result<(), ClientError> {
        match self.wait_acknowledged(change).await? {
            Acknowledged::Failed(code) => Err(ClientError::NotMade(code)),
            Acknowledged::Sent | Acknowledged::Held(_) => Ok(()),
        }
    }

    async fn say<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tx<'_>, (&UserId, &DeviceId), i64) -> Result<T, ClientError> + Send + 'static,
    ) -> Result<T, ClientError> {
        let now = self.context.clock.now_ms();
        self.context
            .store
            .write(move |tx| {
                let (user, device) = account::sender(tx)?.ok_or(ClientError::NotSignedIn)?;
                work(tx, (&user, &device), now)
            })
            .await
    }
}

/// A message that is deleted, also if the server does not know yet, and a notice of this device are what they are.
fn refuse_deleted(at: &Snapshot<'_>, target: &Message) -> Result<(), ClientError> {
    let deleted = target.kind.is_notice() || MessageView::of(at, target.clone())?.deleted;
    if deleted { Err(ClientError::NotChangeable) } else { Ok(()) }
}

fn say_about(
    tx: &Tx<'_>,
    own: (&UserId, &DeviceId),
    target: &Message,
    kind: &impl Kind,
    now_ms: i64,
) -> Result<Said, ClientError> {
    refuse_blocked(tx, target.chat)?;
    refuse_gone(tx, target.chat)?;
    let content = compose(kind, now_ms)?.about(target.message_id, target.sender_id.clone());
    say(tx, own, target.chat, &content, now_ms)?;
    Ok(Said { chat: target.chat, message_id: content.message_id })
}

/// A message that nobody has is another.
fn write_anew(tx: &Tx<'_>, target: &Message, text: String) -> Result<(), ClientError> {
    let queued = outbox::row_of(tx, &target.message_id)?.ok_or(ClientError::NotChangeable)?;
    let mentions = mentioned(tx, target.chat, &text)?;
    let bytes = sending::with_text(&Content::decode(&target.content)?, text, mentions)?.encode()?;
    messages::set_content(tx, target.id, &bytes)?;
    Ok(outbox::set_content(tx, queued, &bytes)?)
}

/// The one that is meant: devices of one author may have given out the same id, and what is said about it is about the author's.
fn of_one_author(mut found: Vec<Message>) -> Result<Message, ClientError> {
    let first = found.first().ok_or(ClientError::NoSuchMessage)?;
    if found.iter().any(|other| other.chat != first.chat || other.sender_id != first.sender_id) {
        return Err(ClientError::AmbiguousMessage);
    }
    Ok(found.swap_remove(0))
}

/// The message of a chat that is meant.
pub(crate) fn target_in(at: &Snapshot<'_>, chat: ChatId, which: &Which) -> Result<Message, ClientError> {
    let mut found = which.all(at)?;
    found.retain(|message| message.chat == chat && !message.kind.is_notice());
    only(found)
}

fn own_target(at: &Snapshot<'_>, own: &UserId, which: &Which) -> Result<Message, ClientError> {
    let mut found = which.all(at)?;
    let all = found.len();
    found.retain(|message| message.sender_id == *own);
    if found.is_empty() && all > 0 { Err(ClientError::NotTheAuthor) } else { only(found) }
}

/// The one that is meant, if it is clear which.
pub(super) fn only(mut found: Vec<Message>) -> Result<Message, ClientError> {
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(ClientError::NoSuchMessage),
        _ => Err(ClientError::AmbiguousMessage),
    }
}
