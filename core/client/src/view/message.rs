//! A message, as people see it.

use privmsg_e2ee::{About, Attachment, Content, VoiceNote};
use privmsg_protocol::{MessageId, UserId};
use privmsg_store::chats::{self, Chat};
use privmsg_store::messages::{Cursor, Kind, Message, MessageState};
use privmsg_store::receipts::{self, Receipt};
use privmsg_store::{Snapshot, StoreError, relations, uploads};

use crate::content;
use crate::group::news::{GroupNews, StepsToConfirm};
use crate::own_devices::block_news::BlockNews;

/// Bytes of a voice message that is heard as one: a quarter of an hour, whoever has encoded it. What is larger is a file.
pub const MAX_VOICE_LEN: u64 = 32 << 20;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// Text.
    Text,
    /// Files, with or without a text.
    File,
    /// Of a kind that this version does not know. Its text is what its author's client wants to be shown instead, if
    /// anything.
    Unsupported,
    /// Notice of this device: the sender's identity key is another one than before. Says nothing else.
    IdentityChanged,
    /// Notice of this device: the server has led the conversation back to an earlier state, in which devices may take part
    /// that had been removed since. Says nothing else.
    WentBack,
    /// Notice of this device: another device has been let in, which may be somebody else's. In the notes to oneself it is
    /// one of this user's, in another chat one of the contact's, whose key is held fast. Its text is the device's name on the
    /// server.
    DeviceAdded,
    /// Notice of this device, in the notes to oneself: another device of this user's was signed out. Its text is the device's
    /// name on the server.
    DeviceRemoved,
    /// Notice of this device: the sender's account has signed two device lists with one number. Says nothing else.
    ListConflict,
    /// Notice of this device: the server has a device list of the sender's account by another identity, which is not followed.
    /// Says nothing else.
    ForeignList,
    /// Notice of this device: another device of this user's knows the sender by another identity key. Its text is that
    /// device's name on the server.
    KnownOtherwise,
    /// Notice of this device, in the notes to oneself: contacts wait to be confirmed that a device knew which was removed as
    /// stolen. Says nothing else.
    ToConfirm,
    /// Notice of this device, in the notes to oneself: this device was signed out by another one of this user's. Its text is
    /// that one's name on the server, by whose word this is.
    SignedOutHere,
    /// Notice of this device: another device of this user's has declined or left the chat. Its text is the device's name on the server.
    DeclinedElsewhere,
    /// Notice of this device: another device of this user's has let the chat in. Its text is the device's name on the server.
    AcceptedElsewhere,
    /// Notice of this device: what another device of this user's had decided about the chat counts no more, for it was removed as
    /// stolen. Its text is the device's name on the server.
    DecisionUndone,
    /// Another device of one's own has not been there since the date of the line, as the server says. `text` is its name.
    DeviceUnseen,
    /// Notice of this device: a device of one's own was removed as stolen, and since it came so much has been changed in the group in
    /// this account's name, by whichever device. `text` is the device's name on the server.
    StepsToConfirm,
    /// Notice of this device, in the notes: another one of its user's has blocked somebody or taken that back, or the server says that
    /// the user has, which none of their devices has told of.
    BlocksChanged,
    /// Notice of this device: people in the group, or their roles, are others than before, by whoever is named as the
    /// sender.
    GroupChanged,
    /// A group was given its title, which is the text.
    Title,
}

impl MessageKind {
    /// The name in machine-readable output.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::File => "file",
            Self::Unsupported => "unsupported",
            Self::IdentityChanged => "identity_changed",
            Self::WentBack => "went_back",
            Self::DeviceAdded => "device_added",
            Self::ListConflict => "device_list_conflict",
            Self::ForeignList => "foreign_device_list",
            Self::DeviceRemoved => "device_removed",
            Self::KnownOtherwise => "known_otherwise",
            Self::ToConfirm => "contacts_to_confirm",
            Self::SignedOutHere => "signed_out_here",
            Self::DeclinedElsewhere => "declined_elsewhere",
            Self::AcceptedElsewhere => "accepted_elsewhere",
            Self::DecisionUndone => "decision_undone",
            Self::DeviceUnseen => "device_unseen",
            Self::StepsToConfirm => "steps_to_confirm",
            Self::BlocksChanged => "blocks_changed",
            Self::GroupChanged => "group_changed",
            Self::Title => "title",
        }
    }

    /// Whether it is a notice of this device, which nobody has sent.
    #[must_use]
    pub const fn is_notice(self) -> bool {
        matches!(
            self,
            Self::IdentityChanged
                | Self::WentBack
                | Self::GroupChanged
                | Self::DeviceAdded
                | Self::DeviceRemoved
                | Self::ListConflict
                | Self::ForeignList
                | Self::KnownOtherwise
                | Self::ToConfirm
                | Self::SignedOutHere
                | Self::DeclinedElsewhere
                | Self::AcceptedElsewhere
                | Self::DecisionUndone
                | Self::DeviceUnseen
                | Self::StepsToConfirm
                | Self::BlocksChanged
        )
    }
}

/// An emoji, and who reacted with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReactionView {
    /// The emoji.
    pub emoji: String,
    /// Who, in the order in which they did.
    pub users: Vec<UserId>,
}

/// A message, decoded, with what was said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageView {
    /// Row; grows in the order in which this device got or wrote them.
    pub id: i64,
    /// Where it stands in its chat; to read on from.
    pub cursor: Cursor,
    /// As its sender named it.
    pub message_id: MessageId,
    /// The chat that it is in.
    pub chat: Chat,
    /// Who wrote it.
    pub sender_id: UserId,
    /// Whether it was written on this device.
    pub outgoing: bool,
    /// By the sender's clock, ms.
    pub sent_at: i64,
    /// What it is.
    pub kind: MessageKind,
    /// Text or caption, as its author wants it by now.
    pub text: String,
    /// Files. While they are being uploaded, what is known of them.
    pub attachments: Vec<Attachment>,
    /// Files are still to be uploaded: they cannot be downloaded yet.
    pub uploading: bool,
    /// The message that it answers.
    pub reply_to: Option<About>,
    /// Who reacted.
    pub reactions: Vec<ReactionView>,
    /// When its author last changed the text, by their clock, ms.
    pub edited_at: Option<i64>,
    /// Its author has taken it back: nothing of what it said is left.
    pub deleted: bool,
    /// How far it has come.
    pub state: MessageState,
    /// It comes from a device that its author has signed out: somebody else may have written it.
    pub unlisted: bool,
    /// It was said under another identity key than the one that its author is known by: somebody else may have written it.
    pub other_key: bool,
    /// Whom the text speaks to by name.
    pub mentions: Vec<UserId>,
    /// What has changed in a group.
    pub group_news: Option<Box<GroupNews>>,
    /// Whom the user has blocked, or not any more.
    pub block_news: Option<Box<BlockNews>>,
    /// For whom it has arrived, and who has read it.
    pub receipts: Vec<Receipt>,
}

impl MessageView {
    pub(crate) fn of(at: &Snapshot<'_>, message: Message) -> Result<Self, StoreError> {
        let chat = chats::load(at, message.chat)?;
        Self::in_chat(at, chat, message)
    }

    /// As [`MessageView::of`], for who has read the chat already.
    pub(crate) fn in_chat(at: &Snapshot<'_>, chat: Chat, message: Message) -> Result<Self, StoreError> {
        let kind = match message.kind {
            Kind::IDENTITY_CHANGED => MessageKind::IdentityChanged,
            Kind::WENT_BACK => MessageKind::WentBack,
            Kind::DEVICE_ADDED => MessageKind::DeviceAdded,
            Kind::DEVICE_REMOVED => MessageKind::DeviceRemoved,
            Kind::KNOWN_OTHERWISE => MessageKind::KnownOtherwise,
            Kind::TO_CONFIRM => MessageKind::ToConfirm,
            Kind::SIGNED_OUT_HERE => MessageKind::SignedOutHere,
            Kind::DECLINED_ELSEWHERE => MessageKind::DeclinedElsewhere,
            Kind::ACCEPTED_ELSEWHERE => MessageKind::AcceptedElsewhere,
            Kind::DECISION_UNDONE => MessageKind::DecisionUndone,
            Kind::DEVICE_UNSEEN => MessageKind::DeviceUnseen,
            Kind::STEPS_TO_CONFIRM => MessageKind::StepsToConfirm,
            Kind::BLOCKS_CHANGED => MessageKind::BlocksChanged,
            Kind::GROUP_CHANGED => MessageKind::GroupChanged,
            Kind::LIST_CONFLICT => MessageKind::ListConflict,
            Kind::FOREIGN_LIST => MessageKind::ForeignList,
            _ => MessageKind::Unsupported,
        };
        let mut view = Self {
            id: message.id,
            cursor: message.cursor(),
            message_id: message.message_id,
            chat,
            sender_id: message.sender_id,
            outgoing: message.outgoing,
            sent_at: message.sent_at,
            kind,
            text: String::new(),
            attachments: Vec::new(),
            uploading: false,
            reply_to: None,
            reactions: Vec::new(),
            edited_at: None,
            deleted: message.deleted_at.is_some(),
            state: message.state,
            unlisted: message.kind == Kind::UNLISTED,
            other_key: message.kind == Kind::OTHER_KEY,
            mentions: Vec::new(),
            group_news: None,
            block_news: None,
            receipts: Vec::new(),
        };
        if message.kind == Kind::GROUP_CHANGED {
            view.group_news = Some(Box::new(GroupNews::read(&message.content)));
        }
        if message.kind == Kind::BLOCKS_CHANGED {
            let news = BlockNews::read(&message.content);
            (view.text, view.block_news) = (news.device.clone().unwrap_or_default(), Some(Box::new(news)));
        }
        if message.kind == Kind::STEPS_TO_CONFIRM {
            let steps = StepsToConfirm::read(&message.content);
            (view.text, view.group_news) = (steps.device, Some(Box::new(steps.news)));
        }
        if matches!(
            message.kind,
            Kind::DEVICE_ADDED
                | Kind::DEVICE_REMOVED
                | Kind::KNOWN_OTHERWISE
                | Kind::SIGNED_OUT_HERE
                | Kind::DECLINED_ELSEWHERE
                | Kind::ACCEPTED_ELSEWHERE
                | Kind::DECISION_UNDONE
                | Kind::DEVICE_UNSEEN
        ) {
            view.text = String::from_utf8_lossy(&message.content).into_owned();
        }
        if message.kind.is_notice() {
            return Ok(view);
        }
        if view.deleted {
            view.kind = MessageKind::Text;
        } else if let Ok(content) = Content::decode(&message.content) {
            let about = relations::of(at, view.chat.id, &view.sender_id, &view.message_id)?;
            content::show(&content, &about, &mut view);
            if view.is_doubtful() {
                // It speaks to nobody.
                view.mentions.clear();
            }
        }
        if view.outgoing {
            view.receipts = receipts::of(at, view.id)?;
            view.uploading = view.kind == MessageKind::File
                && view.state == MessageState::Queued
                && uploads::of_message(at, view.id)?.iter().any(|file| file.file_id.is_none());
        }
        Ok(view)
    }

    /// What its sender says of it, if it is a voice message.
    #[must_use]
    pub fn voice(&self) -> Option<&VoiceNote> {
        match &*self.attachments {
            [file] if file.mime == "audio/ogg" && file.size <= MAX_VOICE_LEN => file.voice.as_ref(),
            _ => None,
        }
    }

    /// Whether somebody else than the one whom it names may have written it. It is shown with the reason, and never as their words.
    #[must_use]
    pub const fn is_doubtful(&self) -> bool {
        self.unlisted || self.other_key
    }

    /// When the first other person's device had it, ms.
    #[must_use]
    pub fn delivered_at(&self) -> Option<i64> {
        self.receipts.iter().map(|receipt| receipt.delivered_at).min()
    }

    /// When the first other person read it, ms.
    #[must_use]
    pub fn read_at(&self) -> Option<i64> {
        self.receipts.iter().filter_map(|receipt| receipt.read_at).min()
    }
}
