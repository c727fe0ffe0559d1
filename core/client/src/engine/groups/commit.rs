//! Commits of this device: devices that have gone are removed, leaf keys are renewed.

use std::sync::Arc;

use privmsg_e2ee::{CommitError, Conversation, Member, Provider};
use privmsg_protocol::rest::Group;
use privmsg_protocol::{ErrorCode, GroupId};
use privmsg_store::groups::{self, StoredGroup};
use privmsg_store::mls_storage;

use super::super::schedule;
use super::super::session::{COMMIT_WAIT, Session};
use super::request::Request;
use crate::error::ClientError;
use crate::sending::new_message_id;

impl Session {
    /// Commits what is due in a group: a comparison with the server's devices, a change of this device's leaf key, or
    /// both at once.
    pub(super) async fn commit_what_is_due(&mut self, group: &StoredGroup) -> Result<(), ClientError> {
        let id = group.group_id;
        let theirs = match self.context.api.group(&id).await {
            Ok(theirs) => theirs,
            Err(error) if error.is(&ErrorCode::UnknownGroup) => return self.forget(id).await,
            Err(error) => return self.chat_failed(group.chat, error).await,
        };
        if !self.has_reached(id, Some(theirs.epoch)).await? {
            self.fall_behind(id, Some(theirs.epoch), COMMIT_WAIT);
            return Ok(());
        }
        let rotate = group.rotate_at <= self.context.clock.now_ms();
        if self.prepare_commit(id, theirs, rotate).await? { self.submit(&id).await } else { Ok(()) }
    }

    /// Makes the commit and stores it as a request. `false` if nothing has to change.
    async fn prepare_commit(&self, id: GroupId, theirs: Group, rotate: bool) -> Result<bool, ClientError> {
        let (identity, now) = (Arc::clone(&self.identity), self.context.clock.now_ms());
        self.context
            .store
            .transact(move |c| {
                let storage = mls_storage(c);
                let provider = Provider::new(&storage);
                groups::set_reconcile(c, &id, false)?;
                let Some(mut conversation) = Conversation::load(&provider, id)? else { return Ok(false) };
                let members = conversation.members();
                let gone: Vec<_> = members
                    .iter()
                    .filter(|member| !member.is_self && !is_signed_in(member, &theirs))
                    .map(|member| (member.user_id.clone(), member.device_id.clone()))
                    .collect();
                if gone.is_empty() && (!rotate || members.len() == 1) {
                    // Nobody to keep a secret from: a group of this device alone needs no new keys.
                    groups::set_rotate_at(c, &id, schedule::next_rotation(now))?;
                    return Ok(false);
                }
                let bundle = match conversation.commit(&provider, &identity.device, &[], &gone) {
                    Ok(bundle) => bundle,
                    Err(CommitError::Storage(error)) => return Err(ClientError::from(error)),
                    Err(error) => return Err(ClientError::Crypto(error.to_string())),
                };
                if !gone.is_empty() {
                    // Until it is accepted, the devices still have to go.
                    groups::set_reconcile(c, &id, true)?;
                }
                Request::commit(new_message_id(now)?, &bundle).store(c, &id)?;
                Ok(true)
            })
            .await
    }
}

fn is_signed_in(member: &Member, group: &Group) -> bool {
    group
        .devices
        .iter()
        .any(|device| device.active && device.device_id == member.device_id && device.user_id == member.user_id)
}
