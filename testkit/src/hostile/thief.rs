//! Somebody who has a copy of a device's disk, and hears what passes the server.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use privmsg_e2ee::{Content, Conversation, Expected, Processed, Provider, Text};
use privmsg_protocol::GroupId;
use privmsg_store::key::Keystore;
use privmsg_store::{Store, StoreError, mls_storage};

/// What a server has taken for a group.
#[derive(Debug, Clone)]
pub enum Taken {
    /// A commit.
    Commit(Vec<u8>),
    /// Something that was said.
    Message(Vec<u8>),
}

/// A copy of a device. It goes where commits lead, and says nothing: nobody can tell that it is there.
pub struct Thief {
    store: Store,
    _disk: tempfile::TempDir,
}

impl std::fmt::Debug for Thief {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Thief")
    }
}

impl Thief {
    pub(crate) fn with(disk: tempfile::TempDir, profile: &Path) -> Result<Self> {
        let key = Keystore::of(profile).open()?;
        Ok(Self { store: Store::open(profile, &key)?, _disk: disk })
    }

    /// What it can read of what was taken for a group, in that order.
    ///
    /// # Errors
    /// If it was never in that group: that is no theft.
    pub async fn reads(&self, group: GroupId, taken: Vec<Taken>) -> Result<Vec<String>> {
        let read = self.store.write(move |tx| {
            let storage = mls_storage(tx);
            let provider = Provider::new(&storage);
            let Ok(Some(mut conversation)) = Conversation::load(&provider, group) else { return Ok(None) };
            let mut read = Vec::new();
            for one in taken {
                let (expected, bytes) = match one {
                    Taken::Commit(bytes) => (Expected::Commit, bytes),
                    Taken::Message(bytes) => (Expected::Application, bytes),
                };
                if let Ok(Processed::Application { plaintext, .. }) = conversation.process(&provider, expected, &bytes)
                {
                    let text = Content::decode(&plaintext).and_then(|content| content.body::<Text>());
                    // Whatever else it is, it was read.
                    read.push(text.map_or_else(|_| "no text".to_owned(), |text| text.text));
                }
            }
            Ok::<_, StoreError>(Some(read))
        });
        read.await?.context("the copy is of a device that is not in the group")
    }

    /// Makes sure that it reads nothing of what was taken for a group since the server led somebody there.
    ///
    /// # Errors
    /// If it does, or nobody has come there.
    pub async fn learns_nothing(&self, group: GroupId, taken: Vec<Taken>) -> Result<()> {
        ensure!(taken.iter().any(|one| matches!(one, Taken::Commit(_))), "nobody has followed");
        let read = self.reads(group, taken).await?;
        ensure!(read.is_empty(), "the copy reads {read:?}");
        Ok(())
    }
}
