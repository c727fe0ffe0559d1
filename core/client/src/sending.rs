//! What a user wants to send.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use privmsg_e2ee::attachment::AttachmentKey;
use privmsg_e2ee::{Attachment, Content, Files, Kind, PictureNote, Text, VoiceNote};
use privmsg_protocol::{ConversationId, DeviceId, ErrorCode, FileId, MessageId, UserId};
use privmsg_store::chats::{self, ChatId, ChatKind};
use privmsg_store::messages::HeldBy;
use privmsg_store::uploads::{NewUpload, Sealed, Upload};
use privmsg_store::{StoreError, Tx, outbox, uploads};

use crate::client::Which;
use crate::content::{compose, say};
use crate::context::Context;
use crate::error::{ClientError, During as _};
use crate::files::seal::{Source, seal};

/// To whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// A user. One's own name means notes to oneself.
    User(UserId),
    /// The people of a group.
    Group(ConversationId),
}

/// A message before it is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// Text, or the caption of the files.
    pub text: String,
    /// Files.
    pub files: Vec<FileToSend>,
    /// The message that it answers.
    pub reply_to: Option<Which>,
}

impl Draft {
    /// A text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Files, with a caption or without.
    #[must_use]
    pub fn files(caption: impl Into<String>, files: Vec<PathBuf>) -> Self {
        let files = files.into_iter().map(FileToSend::At).collect();
        Self { text: caption.into(), files, ..Self::default() }
    }
}

/// A file before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileToSend {
    /// The one at this absolute path. A small one is read at once; a large one (over 16 MB) must be there until the engine has
    /// come to it.
    At(PathBuf),
    /// One that is on no disk, such as a picture that was made anew, or a voice. It is read at once, whatever its size.
    Held(HeldFile),
}

/// A file in memory.
#[derive(Clone, PartialEq, Eq)]
pub struct HeldFile {
    /// As the recipient sees it.
    pub name: String,
    /// All of it.
    pub bytes: Arc<[u8]>,
    /// That it is a voice message.
    pub voice: Option<VoiceNote>,
    /// That it is a picture.
    pub picture: Option<PictureNote>,
}

impl HeldFile {
    /// A voice message. Its name says nothing of it.
    #[must_use]
    pub fn voice(bytes: impl Into<Arc<[u8]>>, note: VoiceNote) -> Self {
        Self { name: "voice.ogg".to_owned(), bytes: bytes.into(), voice: Some(note), picture: None }
    }

    /// A picture that was made anew from the file at `path`, with another end of its name.
    #[must_use]
    pub fn picture(path: &Path, extension: &str, bytes: impl Into<Arc<[u8]>>, note: PictureNote) -> Self {
        let name = format!("{}.{extension}", path.file_stem().unwrap_or_default().to_string_lossy());
        Self { name, bytes: bytes.into(), voice: None, picture: Some(note) }
    }
}

impl fmt::Debug for HeldFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldFile").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}

/// A queued message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Its row in this database.
    pub id: i64,
    /// Its chat.
    pub chat: ChatId,
    /// Its name everywhere.
    pub message_id: MessageId,
}

impl Sent {
    /// As something that is waited for.
    #[must_use]
    pub const fn said(&self) -> Said {
        Said { chat: self.chat, message_id: self.message_id }
    }
}

/// Something that was queued, whether or not people see it as a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// Its chat.
    pub chat: ChatId,
    /// Its name everywhere.
    pub message_id: MessageId,
}

/// What has become of something that was queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acknowledged {
    /// The server has it on disk.
    Sent,
    /// It was refused for good, for this reason.
    Failed(ErrorCode),
    /// It goes out only when the user says so.
    Held(HeldBy),
}

/// Files up to this size are encrypted before their message is queued, so that nobody need keep them: that takes less
/// time than anybody notices. Larger ones are when the engine comes to them, with their message on the screen.
pub(crate) const SEALED_AT_ONCE: u64 = 16 << 20;

/// A file that is to be sent, as it is now.
#[derive(Debug, Clone)]
pub(crate) struct DraftFile {
    source: Source,
    name: String,
    size: u64,
    voice: Option<VoiceNote>,
    picture: Option<PictureNote>,
    sealed: Option<Sealed>,
}

impl DraftFile {
    /// Looks at a file.
    pub(crate) async fn look(file: &FileToSend) -> Result<Self, ClientError> {
        let path = match file {
            FileToSend::At(path) => path,
            FileToSend::Held(held) => {
                let HeldFile { name, bytes, voice, picture } = held.clone();
                let (size, source) = (bytes.len() as u64, Source::Held(bytes));
                return Ok(Self { source, name, size, voice, picture, sealed: None });
            }
        };
        // Another process may come to it, in another folder.
        let path = std::path::absolute(path).map_err(|source| ClientError::file(path, source))?;
        if path.to_str().is_none() {
            return Err(ClientError::PathNotUnicode);
        }
        match tokio::fs::metadata(&path).await {
            Ok(metadata) if metadata.is_file() => {
                let name = file_name(&path);
                let (source, size) = (Source::At(path), metadata.len());
                Ok(Self { source, name, size, voice: None, picture: None, sealed: None })
            }
            Ok(_) => Err(ClientError::file(&path, io::Error::other("is not a file"))),
            Err(source) => Err(ClientError::file(&path, source)),
        }
    }

    /// Encrypts it, if it is small.
    pub(crate) async fn seal(self, context: &Context) -> Result<Self, ClientError> {
        if self.size > SEALED_AT_ONCE && matches!(self.source, Source::At(_)) {
            return Ok(self);
        }
        let name = context.files.make(&context.store, context.clock.now_ms()).await?;
        let sealed = seal(context, self.source.clone(), name, Arc::new(|_, _| {})).await?;
        Ok(Self { size: sealed.size, sealed: Some(sealed), ..self })
    }
}

/// The content of a message with these files, in which they are still missing. Too long or too many must show now, not
/// after an hour of uploading.
pub(crate) fn content_of(
    draft: &Draft,
    mentions: &[UserId],
    files: &[DraftFile],
    now_ms: i64,
) -> Result<Content, ClientError> {
    if files.is_empty() {
        return compose(&Text { text: draft.text.clone(), mentions: mentions.to_vec() }, now_ms);
    }
    let (caption, mentions) = (draft.text.clone(), mentions.to_vec());
    compose(&Files { caption, attachments: pending(files)?, mentions }, now_ms)
}

/// Which chat a recipient means for `own_user`.
pub(crate) fn chat_kind(own_user: &UserId, recipient: &Recipient) -> ChatKind {
    match recipient {
        Recipient::User(user) if user == own_user => ChatKind::SelfNotes,
        Recipient::User(user) => ChatKind::Direct { peer: user.clone() },
        Recipient::Group(conversation) => ChatKind::Group { conversation: *conversation },
    }
}

/// Stores and queues a message in `chat`, in the transaction `tx`.
pub(crate) fn queue(
    tx: &Tx<'_>,
    own: (&UserId, &DeviceId),
    chat: ChatId,
    (draft, mentions, files): (&Draft, &[UserId], &[DraftFile]),
    now_ms: i64,
) -> Result<Sent, ClientError> {
    let content = content_of(draft, mentions, files, now_ms)?;
    let content = match &draft.reply_to {
        Some(which) => {
            let target = crate::client::target_in(tx, chat, which)?;
            content.about(which.message, target.sender_id)
        }
        None => content,
    };
    let id = say(tx, own, chat, &content, now_ms)?.ok_or(StoreError::Invalid("message id"))?;
    if !files.is_empty() {
        let outbox = outbox::row_of(tx, &content.message_id)?.ok_or(StoreError::Invalid("outbox"))?;
        for (position, file) in (0..).zip(files) {
            // Where there is none, nothing is found by an empty one: should its ciphertext get lost, no other file goes in its place.
            let path = match &file.source {
                Source::At(path) => path.to_str().ok_or(ClientError::PathNotUnicode)?,
                Source::Held(_) => "",
            };
            let mime = media_type(&file.name);
            let new = NewUpload { path, name: &file.name, mime: &mime, size: file.size };
            let upload = uploads::insert(tx, outbox, position, &new)?;
            if let Some(sealed) = &file.sealed {
                uploads::set_sealed(tx, upload, sealed)?;
            }
        }
    }
    Ok(Sent { id, chat, message_id: content.message_id })
}

/// Finds or makes the chat with a recipient. A group is there, or it is none.
pub(crate) fn chat_with(tx: &Tx<'_>, own: &UserId, to: &Recipient, now_ms: i64) -> Result<ChatId, ClientError> {
    let kind = chat_kind(own, to);
    match to {
        Recipient::User(_) => Ok(chats::ensure(tx, &kind, now_ms)?),
        Recipient::Group(id) => chats::find(tx, &kind)?.ok_or_else(|| ClientError::NoSuchGroup(id.to_string())),
    }
}

/// What the attachments of a message are like until they are uploaded: what people see of them is right, what opens them
/// is not there yet.
fn pending(files: &[DraftFile]) -> Result<Vec<Attachment>, ClientError> {
    let file_id = FileId::new(&"x".repeat(privmsg_protocol::limits::MAX_FILE_ID_LEN)).during("making a file id")?;
    let attachment = |file: &DraftFile| Attachment {
        file_id: file_id.clone(),
        key: AttachmentKey::from_bytes([0; 32]),
        name: file.name.clone(),
        mime: media_type(&file.name),
        size: file.size,
        digest: [0; 32],
        voice: file.voice.clone(),
        picture: file.picture.clone(),
    };
    Ok(files.iter().map(attachment).collect())
}

/// The content of a message whose files are all uploaded, in the place of the one that was queued. `None` while one is
/// missing.
pub(crate) fn with_files(queued: &Content, files: Vec<Upload>) -> Result<Option<Content>, ClientError> {
    let Files { caption, attachments: pending, mentions } = queued.body()?;
    let attachments: Option<Vec<_>> =
        files.into_iter().zip(pending).map(|(file, pending)| attachment(file, pending)).collect();
    let Some(attachments) = attachments else { return Ok(None) };
    with_body(queued, &Files { caption, attachments, mentions }).map(Some)
}

/// A queued text, or files, with another text.
pub(crate) fn with_text(queued: &Content, text: String, mentions: Vec<UserId>) -> Result<Content, ClientError> {
    if queued.kind == Files::NUMBER {
        let files: Files = queued.body()?;
        return with_body(queued, &Files { caption: text, mentions, ..files });
    }
    with_body(queued, &Text { text, mentions })
}

fn with_body(queued: &Content, body: &impl Kind) -> Result<Content, ClientError> {
    let content = Content::new(queued.message_id, queued.sent_at_ms, body)?;
    Ok(match queued.about.clone() {
        Some(about) => content.about(about.message_id, about.author),
        None => content,
    })
}

/// As it is `pending`, but for what is known only now.
fn attachment(file: Upload, pending: Attachment) -> Option<Attachment> {
    let (file_id, sealed) = (file.file_id?, file.sealed?);
    Some(Attachment {
        file_id,
        key: AttachmentKey::from_bytes(*sealed.key),
        name: file.name,
        mime: file.mime,
        size: sealed.size,
        digest: sealed.digest,
        ..pending
    })
}

/// A file's name as the recipient sees it.
fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// A file's media type, guessed from its name.
fn media_type(name: &str) -> String {
    mime_guess::from_path(name).first_or_octet_stream().to_string()
}

#[cfg(test)]
mod tests {
    use privmsg_store::Store;
    use privmsg_store::key::DatabaseKey;

    use super::*;

    fn try_queue(draft: &Draft) -> Result<Sent, ClientError> {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        let draft = draft.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(store.write(move |tx| {
            let (alice, device) = (UserId::new("alice").unwrap(), DeviceId::new("device").unwrap());
            let chat = chat_with(tx, &alice, &Recipient::User(UserId::new("bob").unwrap()), 1)?;
            let files: Vec<_> = draft
                .files
                .iter()
                .map(|_| DraftFile {
                    source: Source::Held([0; 7].into()),
                    name: "a.txt".into(),
                    size: 7,
                    voice: None,
                    picture: None,
                    sealed: None,
                })
                .collect();
            queue(tx, (&alice, &device), chat, (&draft, &[], &files), 1)
        }))
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
