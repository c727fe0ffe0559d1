//! Working on the state of MLS, inside a transaction.

use std::sync::Arc;

use privmsg_e2ee::{Conversation, Provider};
use privmsg_protocol::GroupId;
use privmsg_store::{MlsStorage, Tx, mls_storage};

use super::loaded::Loaded;
use crate::context::Context;
use crate::error::ClientError;
use crate::identity::Identity;

/// What OpenMLS works with during a transaction.
pub(crate) type Mls<'a, 't> = Provider<'a, MlsStorage<'t>>;

/// Runs `work` with the state of MLS, in the transaction `tx`.
pub(crate) fn with_mls<T>(tx: &Tx<'_>, work: impl FnOnce(&Mls<'_, '_>) -> T) -> T {
    let storage = mls_storage(tx);
    work(&Provider::new(&storage))
}

/// What a step of a group is made with.
pub(crate) struct Step<'a, 't> {
    pub(crate) tx: &'a Tx<'t>,
    pub(crate) mls: &'a Mls<'a, 'a>,
    pub(crate) identity: &'a Identity,
    /// What stays in memory from one step to the next.
    pub(crate) loaded: &'a Loaded,
    /// Milliseconds since 1970.
    pub(crate) now_ms: i64,
}

impl Context {
    /// Runs `work` in one write transaction, with the state of MLS in it.
    pub(crate) async fn step<T, E>(
        &self,
        identity: &Arc<Identity>,
        work: impl FnOnce(&Step<'_, '_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<privmsg_store::StoreError> + Send + 'static,
    {
        let (identity, loaded, now_ms) = (Arc::clone(identity), Arc::clone(&self.loaded), self.clock.now_ms());
        let run = move |tx: &Tx<'_>| {
            with_mls(tx, |mls| work(&Step { tx, mls, identity: &identity, loaded: &loaded, now_ms }))
        };
        self.store.write(run).await
    }
}

/// Deletes the MLS state of a group, if there is any.
pub(crate) fn delete_conversation(step: &Step<'_, '_>, id: GroupId) -> Result<(), ClientError> {
    if let Some(conversation) = Conversation::load(step.mls, id)? {
        conversation.delete(step.mls)?;
    }
    Ok(())
}
