//! What a user wants to send.

use std::path::{Path, PathBuf};

use privmsg_e2ee::attachment::AttachmentKey;
use privmsg_e2ee::{Attachment, Body, Content};
use privmsg_protocol::limits::MAX_FILE_ID_LEN;
use privmsg_protocol::{FileId, MessageId, UserId};
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::messages::{Direction, MessageKind, NewMessage};
use privmsg_store::{Connection, StoreError, messages, outbox};

use crate::error::ClientError;

/// To whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// A user. One's own name means notes to oneself.
    User(UserId),
}

/// A message before it is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// Text, or the caption of the files.
    pub text: String,
    /// Files, by absolute path. They must stay unchanged until they are uploaded.
    pub files: Vec<PathBuf>,
}

impl Draft {
    /// A text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), files: Vec::new() }
    }

    /// Files, with a caption or without.
    #[must_use]
    pub fn files(caption: impl Into<String>, files: Vec<PathBuf>) -> Self {
        Self { text: caption.into(), files }
    }
}

/// A queued message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Its row in this database.
    pub id: i64,
    /// Its name everywhere.
    pub message_id: MessageId,
}

/// Which chat a recipient means for `own_user`.
pub(crate) fn chat_kind(own_user: &UserId, recipient: &Recipient) -> ChatKind {
    match recipient {
        Recipient::User(user) if user == own_user => ChatKind::SelfNotes,
        Recipient::User(user) => ChatKind::Direct { peer: user.clone() },
    }
}

/// Stores and queues a message, in the transaction that `connection` is in.
pub(crate) fn queue(
    connection: &Connection,
    own_user: &UserId,
    recipient: &Recipient,
    draft: &Draft,
    message_id: MessageId,
    now_ms: i64,
) -> Result<Sent, ClientError> {
    let chat = chats::ensure(connection, &chat_kind(own_user, recipient), now_ms)?;
    let (kind, content) = if draft.files.is_empty() {
        (MessageKind::Text, encode(message_id, now_ms, Body::Text(draft.text.clone()))?)
    } else {
        // Too long or too many must show now, not after an hour of uploading.
        encode(message_id, now_ms, files_before_upload(draft)?)?;
        (MessageKind::File, Vec::new())
    };
    let message = NewMessage {
        chat,
        message_id,
        sender_id: own_user,
        sent_at: now_ms,
        received_at: now_ms,
        kind,
        content: &content,
    };
    let id = messages::insert(connection, &message, Direction::Outgoing)?.ok_or(StoreError::Invalid("message id"))?;
    let outbox_id = outbox::insert(connection, chat, &message_id, &content, Some(id))?;
    if !draft.files.is_empty() {
        outbox::set_caption(connection, outbox_id, &draft.text)?;
    }
    for (position, path) in (0..).zip(&draft.files) {
        outbox::insert_upload(connection, outbox_id, position, path)?;
    }
    Ok(Sent { id, message_id })
}

/// What a message with files will be like once they are uploaded: as long, with nothing in it that counts.
fn files_before_upload(draft: &Draft) -> Result<Body, ClientError> {
    let file_id = FileId::new(&"x".repeat(MAX_FILE_ID_LEN)).map_err(|e| ClientError::Crypto(e.to_string()))?;
    let attachment = |path: &PathBuf| Attachment {
        file_id: file_id.clone(),
        key: AttachmentKey::from_bytes([0; 32]),
        name: file_name(path),
        mime: media_type(path),
        size: u64::MAX,
        digest: [0; 32],
    };
    Ok(Body::Files { caption: draft.text.clone(), attachments: draft.files.iter().map(attachment).collect() })
}

/// A file's name as the recipient sees it.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A file's media type, guessed from its name.
pub(crate) fn media_type(path: &Path) -> String {
    mime_guess::from_path(path).first_or_octet_stream().to_string()
}

/// Queues something that is no message to people, such as receipts.
pub(crate) fn queue_silent(
    connection: &Connection,
    chat: ChatId,
    body: Body,
    message_id: MessageId,
    now_ms: i64,
) -> Result<(), ClientError> {
    let content = encode(message_id, now_ms, body)?;
    outbox::insert(connection, chat, &message_id, &content, None)?;
    Ok(())
}

pub(crate) fn encode(message_id: MessageId, now_ms: i64, body: Body) -> Result<Vec<u8>, ClientError> {
    let content = Content { message_id, sent_at_ms: now_ms.try_into().unwrap_or(0), body };
    Ok(content.encode()?.to_vec())
}

/// A new message id: time-ordered, with 74 random bits.
pub(crate) fn new_message_id(now_ms: i64) -> Result<MessageId, ClientError> {
    let mut random = [0; 10];
    getrandom::fill(&mut random).map_err(|_| ClientError::Crypto("the system gives no random bytes".into()))?;
    Ok(MessageId::v7(now_ms.try_into().unwrap_or(0), &random))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn try_queue(draft: &Draft) -> Result<Sent, ClientError> {
        let dir = tempfile::tempdir().unwrap();
        let key = privmsg_store::key::DatabaseKey::from_bytes([1; 32]);
        let store = privmsg_store::Store::open(dir.path(), &key).unwrap();
        let draft = draft.clone();
        let alice = UserId::new("alice").unwrap();
        let to = Recipient::User(UserId::new("bob").unwrap());
        let id = MessageId::from_bytes([1; 16]);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(store.transact(move |c| queue(c, &alice, &to, &draft, id, 1)))
    }

    #[test]
    fn what_cannot_be_sent_is_refused_before_it_is_queued() {
        let file = PathBuf::from("/tmp/a.txt");
        assert!(try_queue(&Draft::text("hello")).is_ok());
        assert!(try_queue(&Draft::files("", vec![file.clone()])).is_ok());
        for bad in [
            Draft::text(""),
            Draft::text("x".repeat(64 * 1024)),
            Draft::files("x".repeat(64 * 1024), vec![file.clone()]),
            Draft::files("", vec![file; 1000]),
        ] {
            assert!(matches!(try_queue(&bad), Err(ClientError::Content(_))));
        }
    }
}
