//! Finding messages by their words.
//!
//! Words are made here ([`words`]), of what is looked for and of what messages say alike, so that the two agree whatever
//! somebody writes. The database ([`privmsg_store::search`]) only keeps which words are in which message ([`index`]); whether a
//! message is a hit is decided by what it says when it is shown.

mod excerpt;
pub(crate) mod index;
pub(crate) mod words;

use std::ops::Range;

use privmsg_protocol::UserId;
use privmsg_store::chats::ChatId;

use crate::view::message::{MessageKind, MessageView};
use words::Terms;

/// What is looked for: a message is found if all of it fits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// Words, all of which must be in the message's text or in the names of its files, each at least as the beginning of a word.
    /// Whether letters are large or small, and marks on them, make no difference; whatever is no letter and no digit only parts
    /// words, but for emoji. Without any words nothing is found, unless files are looked for.
    pub text: String,
    /// Only in this chat. Without one, what nobody has accepted yet and chats with people who are blocked are passed over.
    pub chat: Option<ChatId>,
    /// Only by this sender.
    pub sender: Option<UserId>,
    /// Only what was sent then or later, by the sender's clock, ms.
    pub from_ms: Option<i64>,
    /// Only what was sent before that, by the sender's clock, ms.
    pub until_ms: Option<i64>,
    /// Only messages of this kind.
    pub kind: Sought,
}

impl Search {
    /// Where the words are in a message that is shown, if it is of the kind that is looked for and has them all.
    pub(crate) fn fits(&self, terms: &Terms, message: &MessageView) -> Option<Excerpt> {
        let is_of_kind = match self.kind {
            Sought::Anything => !message.kind.is_notice(),
            Sought::Text => message.kind == MessageKind::Text,
            Sought::Files => !message.attachments.is_empty(),
        };
        let fits = is_of_kind && !message.deleted && terms.are_in(&index::words_of(message));
        fits.then(|| excerpt::of(message, terms))
    }
}

/// Of which kind messages are that are looked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sought {
    /// Any.
    #[default]
    Anything,
    /// Texts.
    Text,
    /// Files, also by their names and captions. Without a word to look for, all that are there.
    Files,
}

/// Where to look on from. It stays good whatever comes or goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchCursor(pub(crate) i64);

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// In the order in which this device got or wrote them, the newest first: nobody else's clock moves anything in it.
    pub hits: Vec<Hit>,
    /// Where to look on from, if there are more.
    pub next: Option<SearchCursor>,
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The message. Its `chat` and `cursor` are where to go to.
    pub message: Box<MessageView>,
    /// Where the words are in it.
    pub excerpt: Excerpt,
}

/// A stretch of a message around the words that were found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// The stretch, as it stands there: foreign text, perhaps of several lines.
    pub text: String,
    /// Where in it the found words are, in bytes, in order. They overlap nowhere and lie between characters.
    pub found: Vec<Range<usize>>,
    /// The file whose name it is, by its place among the message's; else it is of the text, or caption.
    pub file: Option<usize>,
    /// There is more before it.
    pub is_cut_before: bool,
    /// There is more behind it.
    pub is_cut_after: bool,
}
