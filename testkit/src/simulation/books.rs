//! What was said, by whom, and what has become of it.

use std::collections::{BTreeMap, BTreeSet};

use privmsg_client::{Said, Sent};
use privmsg_protocol::MessageId;

/// Two users, by their places in the world, the lower one first.
pub(super) type Pair = (usize, usize);

/// A device, by its user's place and its own.
pub(super) type Place = (usize, usize);

/// Where something is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Chat {
    /// Between two.
    Pair(Pair),
    /// In a group, by its place in the world.
    Room(usize),
}

/// A message.
#[derive(Debug, Clone)]
pub(super) struct Saying {
    pub(super) chat: Chat,
    pub(super) by: Place,
    pub(super) sent: Sent,
    /// As its author wants it, `None` once it is deleted.
    pub(super) text: Option<String>,
    /// One of the two had blocked the other, or its author was perhaps out of the group, at some time between its writing and its
    /// arrival: it may be kept back.
    pub(super) blocked: bool,
    /// It was edited or deleted since the last comparison.
    pub(super) changed: bool,
    /// Its last edit, where one was said.
    pub(super) edit: Option<Said>,
    /// The server has lost it, and it was said again: it stands in one place with those who had it, in another with the others.
    pub(super) said_again: bool,
    /// The server has lost it, or what was made of it last.
    pub(super) lost: bool,
    /// When so many messages had been said it became what it is.
    made: usize,
}

impl Saying {
    /// What somebody has just said.
    pub(super) fn new(chat: Chat, by: Place, sent: Sent, text: String, blocked: bool) -> Self {
        let (text, changed, edit, said_again, lost, made) = (Some(text), false, None, false, false, 0);
        Self { chat, by, sent, text, blocked, changed, edit, said_again, lost, made }
    }
}

/// All of it, in the order of saying.
#[derive(Debug, Default)]
pub(super) struct Books {
    sayings: Vec<Saying>,
    by_id: BTreeMap<MessageId, usize>,
    /// Edits and deletions.
    changes: usize,
}

impl Books {
    /// Messages, edits and deletions.
    pub(super) fn len(&self) -> usize {
        self.sayings.len() + self.changes
    }

    pub(super) fn messages(&self) -> usize {
        self.sayings.len()
    }

    pub(super) fn enter(&mut self, saying: Saying) {
        let made = self.sayings.len();
        self.by_id.insert(saying.sent.message_id, made);
        self.sayings.push(Saying { made, ..saying });
    }

    /// Its author wants it to be this from now on, which may be kept back if one of the two has blocked the other.
    pub(super) fn change(&mut self, message: MessageId, text: Option<String>, said: Option<Said>, blocked: bool) {
        let made = self.sayings.len();
        if let Some(saying) = self.by_id.get(&message).and_then(|at| self.sayings.get_mut(*at)) {
            saying.edit = said.filter(|_| text.is_some());
            (saying.text, saying.changed, saying.blocked) = (text, true, saying.blocked || blocked);
            saying.made = made;
            self.changes += 1;
        }
    }

    pub(super) fn find(&self, message: MessageId) -> Option<&Saying> {
        self.by_id.get(&message).and_then(|at| self.sayings.get(*at))
    }

    /// The place of a message in the order of saying.
    pub(super) fn number_of(&self, message: MessageId) -> Option<usize> {
        self.by_id.get(&message).copied()
    }

    /// What was said there, but for these.
    pub(super) fn not_among(&self, chat: Chat, here: &BTreeSet<MessageId>) -> Vec<MessageId> {
        let said = self.sayings.iter().filter(|saying| saying.chat == chat).map(|saying| saying.sent.message_id);
        said.filter(|message| !here.contains(message)).collect()
    }

    /// From this place in the order of saying.
    pub(super) fn since(&self, first: usize) -> &[Saying] {
        self.sayings.get(first..).unwrap_or_default()
    }

    /// The server knows no more of anything from this place in the order of saying on.
    pub(super) fn are_lost(&mut self, first: usize) {
        for (number, saying) in self.sayings.iter_mut().enumerate() {
            saying.said_again |= number >= first;
            saying.lost |= saying.made >= first;
        }
    }

    /// What was said there, by this one if anybody is named, and nobody can tell whether it has arrived yet: it may be kept
    /// back, or not.
    pub(super) fn may_be_kept_back(&mut self, chat: Chat, by: Option<usize>, first: usize) {
        let is_meant = |saying: &Saying| saying.chat == chat && by.is_none_or(|user| saying.by.0 == user);
        for (number, saying) in self.sayings.iter_mut().enumerate().filter(|(_, saying)| is_meant(saying)) {
            saying.blocked |= number >= first || saying.changed;
        }
    }

    /// A device is gone, with what it had not said yet: of this one's words nobody can tell any more how much was heard.
    pub(super) fn may_be_unsaid(&mut self, by: Place, first: usize) {
        for (number, saying) in self.sayings.iter_mut().enumerate().filter(|(_, saying)| saying.by == by) {
            saying.blocked |= number >= first || saying.changed;
        }
    }

    /// All has been compared.
    pub(super) fn are_settled(&mut self) {
        self.sayings.iter_mut().for_each(|saying| saying.changed = false);
    }
}
