//! Working on the state of MLS, inside a transaction.

use std::sync::Arc;

use privmsg_e2ee::{Conversation, Provider};
use privmsg_protocol::GroupId;
use privmsg_store::{MlsStorage, Tx, groups, mls_storage};

use super::rosters;
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
        let (identity, now_ms) = (Arc::clone(identity), self.clock.now_ms());
        self.store.write(move |tx| with_mls(tx, |mls| work(&Step { tx, mls, identity: &identity, now_ms }))).await
    }
}

/// The conversation of a group, with the roster that counts in it if it is one of several people.
pub(crate) fn load_conversation(step: &Step<'_, '_>, id: GroupId) -> Result<Option<Conversation>, ClientError> {
    let Some(conversation) = Conversation::load(step.mls, id)? else { return Ok(None) };
    if conversation.info().roster().is_none() {
        return Ok(Some(conversation));
    }
    let roster = groups::load(step.tx, &id)?.and_then(|group| group.roster);
    let roster = roster.map(|roster| rosters::stored(&roster)).transpose()?;
    conversation.with_roster(roster).map(Some).map_err(|_| ClientError::Damaged("roster"))
}

/// Deletes the MLS state of a group, if there is any.
pub(crate) fn delete_conversation(step: &Step<'_, '_>, id: GroupId) -> Result<(), ClientError> {
    if let Some(conversation) = Conversation::load(step.mls, id)? {
        conversation.delete(step.mls)?;
    }
    Ok(())
}
