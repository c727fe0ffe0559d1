//! A conversation in memory is only ever the one in the database.

use std::sync::Arc;

use privmsg_e2ee::{ConversationInfo, Person};
use privmsg_protocol::{Incarnation, UserId};
use privmsg_store::key::DatabaseKey;
use privmsg_store::{Store, Tx};

use super::*;
use crate::group::mls::with_mls;
use crate::identity::{Identity, device_of};

struct Device {
    dir: tempfile::TempDir,
    store: Store,
    identity: Arc<Identity>,
    loaded: Arc<Loaded>,
}

impl Device {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        let identity = Arc::new(device_of(UserId::new("alice").unwrap(), 1));
        Self { dir, store, identity, loaded: Arc::default() }
    }

    /// The same profile in another process, which has nothing in memory.
    fn other_process(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(self.dir.path(), &DatabaseKey::from_bytes([1; 32])).unwrap();
        Self { dir, store, identity: Arc::clone(&self.identity), loaded: Arc::default() }
    }

    async fn step<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Step<'_, '_>) -> Result<T, ClientError> + Send + 'static,
    ) -> Result<T, ClientError> {
        let (identity, loaded) = (Arc::clone(&self.identity), Arc::clone(&self.loaded));
        let run = move |tx: &Tx<'_>| {
            with_mls(tx, |mls| work(&Step { tx, mls, identity: &identity, loaded: &loaded, now_ms: 5 }))
        };
        self.store.write(run).await
    }

    async fn begins(&self, incarnation: u32) -> GroupId {
        let made = self.step(move |step| {
            let own = Person { user_id: step.identity.user_id.clone(), identity: step.identity.account };
            let info = ConversationInfo::notes(own, Incarnation(incarnation));
            let (keys, certificate) = (&step.identity.device, &step.identity.certificate);
            let (mut made, _) = Conversation::create(step.mls, keys, certificate, info, None, &[], 1).unwrap();
            made.merge_pending(step.mls).unwrap();
            let id = made.group_id();
            step.keep(made)?;
            Ok(id)
        });
        made.await.unwrap()
    }

    async fn encrypts(&self, id: GroupId) {
        self.step(move |step| encrypt(step, id)).await.unwrap();
    }
}

fn encrypt(step: &Step<'_, '_>, id: GroupId) -> Result<(), ClientError> {
    let mut conversation = step.take(id)?.unwrap();
    conversation.encrypt(step.mls, &step.identity.device, b"hello").unwrap();
    step.keep(conversation)
}

/// The stamp in the database.
async fn stamp_of(device: &Device, id: GroupId) -> Option<Stamp> {
    device.step(move |step| Ok(mls_stamp(step.tx, &Conversation::storage_key(id))?)).await.unwrap()
}

#[tokio::test]
async fn what_is_kept_is_used_and_moves_on_with_the_database() {
    let device = Device::new();
    let id = device.begins(1).await;
    assert_eq!(device.loaded.len(), 1);
    let before = stamp_of(&device, id).await;
    device.encrypts(id).await;
    assert_ne!(stamp_of(&device, id).await, before, "each write has a stamp of its own");
    let stamp = stamp_of(&device, id).await.unwrap();
    assert!(device.loaded.take(id, stamp).is_some(), "what is kept is the newest");
}

/// A transaction that fails after it has kept what it worked with: its ratchet step was never stored, and the one that is sent
/// instead is made from what is.
#[tokio::test]
async fn what_was_rolled_back_is_not_used() {
    let device = Device::new();
    let id = device.begins(1).await;
    let before = stamp_of(&device, id).await.unwrap();
    let failed = device.step(move |step| encrypt(step, id).and(Err::<(), _>(ClientError::NotSignedIn)));
    failed.await.unwrap_err();
    assert_eq!(stamp_of(&device, id).await, Some(before), "the database is as it was");
    assert!(device.loaded.take(id, before).is_none(), "what is kept is ahead of it");
    device.encrypts(id).await;
}

/// The same of a part of a transaction.
#[tokio::test]
async fn what_was_undone_is_not_used() {
    let device = Device::new();
    let id = device.begins(1).await;
    let before = stamp_of(&device, id).await.unwrap();
    let undone = device.step(move |step| {
        let part = step.tx.savepoint()?;
        encrypt(step, id)?;
        Ok(part.undo()?)
    });
    undone.await.unwrap();
    assert!(device.loaded.take(id, before).is_none());
}

/// Another process has encrypted meanwhile: going on from what is kept would use its keys once more.
#[tokio::test]
async fn what_another_process_has_moved_on_is_read_anew() {
    let device = Device::new();
    let id = device.begins(1).await;
    device.encrypts(id).await;
    let old = stamp_of(&device, id).await.unwrap();
    device.other_process().encrypts(id).await;
    let moved = stamp_of(&device, id).await.unwrap();
    assert_ne!(moved, old);
    assert!(device.loaded.take(id, moved).is_none(), "it was of the stamp before");
    device.encrypts(id).await;
}

#[tokio::test]
async fn a_conversation_that_was_deleted_is_not_there_any_more() {
    let device = Device::new();
    let id = device.begins(1).await;
    let deleted = device.step(move |step| Ok(Conversation::load(step.mls, id)?.unwrap().delete(step.mls)?));
    deleted.await.unwrap();
    assert!(device.step(move |step| Ok(step.take(id)?.is_none())).await.unwrap());
}

#[tokio::test]
async fn so_many_are_kept_and_no_more() {
    let device = Device::new();
    let first = device.begins(1).await;
    let last = u32::try_from(MOST).unwrap() + 1;
    for incarnation in 2..=last {
        device.begins(incarnation).await;
    }
    assert_eq!(device.loaded.len(), MOST);
    let stamp = stamp_of(&device, first).await.unwrap();
    assert!(device.loaded.take(first, stamp).is_none(), "the one that was used first has gone");
}

#[tokio::test]
async fn they_have_so_many_leaves_together_and_no_more() {
    let device = Device::new();
    let ids = [device.begins(1).await, device.begins(2).await, device.begins(3).await];
    let mut taken = Vec::new();
    for id in ids {
        let stamp = stamp_of(&device, id).await.unwrap();
        taken.push((id, stamp, device.loaded.take(id, stamp).unwrap()));
    }
    for (id, stamp, conversation) in taken {
        device.loaded.put(Kept { id, stamp, leaves: MOST_LEAVES / 2, conversation });
    }
    assert_eq!(device.loaded.len(), 2);
    let stamp = stamp_of(&device, ids[2]).await.unwrap();
    let conversation = device.loaded.take(ids[2], stamp).unwrap();
    device.loaded.put(Kept { id: ids[2], stamp, leaves: MOST_LEAVES * 2, conversation });
    assert_eq!(device.loaded.len(), 1, "a huge one is kept alone");
}
