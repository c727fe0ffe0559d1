//! What was said in one chat is said in another one.

use privmsg_store::Snapshot;

use super::messages::only;
use super::{Client, Which};
use crate::error::ClientError;
use crate::foreign;
use crate::sending::{Draft, FileToSend, HeldFile, Recipient, Sent};
use crate::view::message::{MessageKind, MessageView};

/// Bytes of files that are forwarded with one message: they go through memory, and through no disk in the clear.
pub const MAX_FORWARDED: u64 = 64 << 20;

impl Client {
    /// Says in another chat what a message says, as it was seen: its text, or its files with their caption. They are fetched if they are not
    /// here, which an engine does, and encrypted anew. It is the user's own message then: nothing tells who has said it first, or where,
    /// unless its author has hidden that in a file.
    ///
    /// # Errors
    /// As for [`Client::forwarded`] and [`Client::send`].
    pub async fn forward(&self, seen: &MessageView, to: &Recipient) -> Result<Sent, ClientError> {
        if !seen.attachments.is_empty() {
            self.refuse_unsaid(seen.id).await?;
            self.want_files(seen.id).await?;
            self.wait_files(seen.id).await?;
        }
        self.send(to, self.forwarded(seen).await?).await
    }

    /// What a message says, as it was seen, to be said in another chat. Its author may have changed it meanwhile: that is not what the user
    /// has seen. Of its text nothing goes along that is not shown. Its files have been fetched before.
    ///
    /// # Errors
    /// As for [`Client::forwardable`] and [`Client::read_file`].
    pub async fn forwarded(&self, seen: &MessageView) -> Result<Draft, ClientError> {
        self.refuse_unsaid(seen.id).await?;
        let mut files = Vec::new();
        for (position, attachment) in (0..).zip(&seen.attachments) {
            let most = usize::try_from(MAX_FORWARDED).unwrap_or(usize::MAX);
            let bytes = self.read_file(seen.id, position, most).await?.into();
            let name = foreign::line(&attachment.name);
            let (voice, picture) = (attachment.voice.clone(), attachment.picture.clone());
            files.push(FileToSend::Held(HeldFile { name, bytes, voice, picture }));
        }
        Ok(Draft { text: foreign::text(&seen.text), files, reply_to: None })
    }

    /// A message that can be said elsewhere.
    ///
    /// # Errors
    /// [`ClientError::NoSuchMessage`], [`ClientError::AmbiguousMessage`]; [`ClientError::NotForwardable`] if it says nothing, not any more, or
    /// not yet; [`ClientError::TooMuchToForward`] if its files are larger than [`MAX_FORWARDED`].
    pub async fn forwardable(&self, which: impl Into<Which>) -> Result<MessageView, ClientError> {
        let which = which.into();
        let look = move |at: &Snapshot<'_>| {
            let view = MessageView::of(at, only(which.all(at)?)?)?;
            refuse_unsaid(&view)?;
            Ok::<_, ClientError>(view)
        };
        self.context.store.read(look).await
    }

    /// As it is by now.
    async fn refuse_unsaid(&self, message: i64) -> Result<(), ClientError> {
        refuse_unsaid(&self.message(message).await?.ok_or(ClientError::NoSuchMessage)?)
    }
}

fn refuse_unsaid(view: &MessageView) -> Result<(), ClientError> {
    if !matches!(view.kind, MessageKind::Text | MessageKind::File) || view.deleted || view.uploading {
        return Err(ClientError::NotForwardable);
    }
    let size = view.attachments.iter().try_fold(0_u64, |size, file| size.checked_add(file.size));
    if size.is_none_or(|size| size > MAX_FORWARDED) {
        return Err(ClientError::TooMuchToForward);
    }
    Ok(())
}
