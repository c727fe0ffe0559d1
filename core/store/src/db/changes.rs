//! What a transaction has changed, for whoever shows or waits for it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use privmsg_protocol::UserId;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use crate::chats::ChatId;

/// Sets of changes that a slow listener may be behind. One that is slower is told to read everything anew.
const BACKLOG: usize = 256;

/// Changes told one by one. A transaction with more of them says "everything", which is quicker to act on.
const MANY: usize = 4096;

/// A queue of the engine, by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TaskName(pub Cow<'static, str>);

impl TaskName {
    /// The queue with this name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }
}

/// Something that has changed. What it is like now stands in the database.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The account, its keys or its session.
    Account,
    /// A chat: it is new, or what the list of chats shows of it is another.
    Chat(ChatId),
    /// A message of a chat, by its row: it is new, or something about it is.
    Message(ChatId, i64),
    /// What is known of a user.
    Contact(UserId),
    /// A queue has something new, or has done something.
    Task(TaskName),
    /// What waits for what.
    Holds,
    /// A setting, by its name.
    Setting(Cow<'static, str>),
    /// So much that it is not told one by one, or something that this version does not know.
    Everything,
}

/// What one transaction has changed, each thing once, in the order of its first change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChangeSet(Vec<Change>);

impl ChangeSet {
    /// The changes.
    pub fn iter(&self) -> std::slice::Iter<'_, Change> {
        self.0.iter()
    }

    /// Whether something of this may be among them.
    pub fn concerns(&self, wanted: impl Fn(&Change) -> bool) -> bool {
        self.0.iter().any(|change| *change == Change::Everything || wanted(change))
    }

    pub(crate) fn everything() -> Self {
        Self(vec![Change::Everything])
    }

    pub(super) fn note(&mut self, change: Change) {
        if self.0.last() != Some(&change) {
            self.0.push(change);
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.0.truncate(len);
    }

    /// Each change once, and not too many of them.
    pub(super) fn told(mut self) -> Self {
        let mut seen = HashSet::with_capacity(self.0.len());
        self.0.retain(|change| seen.insert(change.clone()));
        if self.0.len() > MANY { Self::everything() } else { self }
    }

    /// As it stands in the log for other processes.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| String::from("[]"))
    }

    /// What another process has noted. What a newer version alone knows is taken for "everything".
    pub(super) fn from_json(json: &str) -> Self {
        serde_json::from_str(json).unwrap_or_else(|_| Self::everything())
    }
}

/// Sends sets of changes to whoever follows.
#[derive(Debug, Clone)]
pub(super) struct Feed(broadcast::Sender<Arc<ChangeSet>>);

impl Feed {
    pub(super) fn new() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }

    pub(super) fn publish(&self, changes: ChangeSet) {
        // Without anybody who follows there is nobody to tell.
        let _ = self.0.send(Arc::new(changes));
    }

    pub(super) fn follow(&self) -> Changes {
        Changes(self.0.subscribe())
    }
}

/// Follows what is committed, by this process and by others.
#[derive(Debug)]
pub struct Changes(broadcast::Receiver<Arc<ChangeSet>>);

impl Changes {
    /// Waits for the next commit that changed something. `None` once the store is closed. Cancel-safe.
    pub async fn next(&mut self) -> Option<Arc<ChangeSet>> {
        match self.0.recv().await {
            Ok(changes) => Some(changes),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Arc::new(ChangeSet::everything())),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// What has been committed meanwhile, without waiting: what one look at the database can answer together.
    pub fn try_next(&mut self) -> Option<Arc<ChangeSet>> {
        match self.0.try_recv() {
            Ok(changes) => Some(changes),
            Err(broadcast::error::TryRecvError::Lagged(_)) => Some(Arc::new(ChangeSet::everything())),
            Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => None,
        }
    }

    /// Passes over what has been committed so far.
    pub fn skip(&mut self) {
        loop {
            match self.0.try_recv() {
                Ok(_) | Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(broadcast::error::TryRecvError::Empty | broadcast::error::TryRecvError::Closed) => return,
            }
        }
    }

    /// Waits until something of this may have changed. Returns `false` once the store is closed. Cancel-safe.
    pub async fn wait_for(&mut self, wanted: impl Fn(&Change) -> bool) -> bool {
        while let Some(changes) = self.next().await {
            if changes.concerns(&wanted) {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_told_once_and_many_become_everything() {
        let mut changes = ChangeSet::default();
        for n in [1, 2, 1, 1] {
            changes.note(Change::Chat(ChatId(n)));
        }
        assert_eq!(changes.clone().told().0, [Change::Chat(ChatId(1)), Change::Chat(ChatId(2))]);
        for n in 0..=MANY {
            changes.note(Change::Message(ChatId(1), i64::try_from(n).unwrap()));
        }
        assert_eq!(changes.told(), ChangeSet::everything());
    }

    /// Processes of two versions may have one profile open.
    #[test]
    fn the_log_is_read_by_other_versions() {
        let mut changes = ChangeSet::default();
        changes.note(Change::Message(ChatId(3), 7));
        changes.note(Change::Contact(UserId::new("bob").unwrap()));
        changes.note(Change::Task(TaskName::new("outbox")));
        changes.note(Change::Holds);
        let json = changes.to_json();
        assert_eq!(json, r#"[{"message":[3,7]},{"contact":"bob"},{"task":"outbox"},"holds"]"#);
        assert_eq!(ChangeSet::from_json(&json), changes);
        assert_eq!(ChangeSet::from_json(r#"[{"poll":3}]"#), ChangeSet::everything());
    }
}
