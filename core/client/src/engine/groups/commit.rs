//! Commits of this device: devices that have gone are removed, leaf keys are renewed.

use std::cmp::Ordering;
use std::sync::Arc;

use privmsg_e2ee::{CommitError, Conversation, Member, Provider};
use privmsg_protocol::rest::Group;
use privmsg_protocol::{ErrorCode, GroupId};
use privmsg_store::groups::{self, StoredGroup};
use privmsg_store::{Connection, contacts, mls_storage};

use super::super::session::{COMMIT_WAIT, Session};
use super::super::{membership, schedule};
use super::is_dead;
use super::request::Request;
use crate::error::ClientError;
use crate::identity::Identity;
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
        if is_dead(&theirs) {
            return self.forget(id).await;
        }
        match self.compare_epoch(id, theirs.epoch).await? {
            Some(Ordering::Equal) => {}
            Some(Ordering::Less) => {
                self.fall_behind(id, Some(theirs.epoch), COMMIT_WAIT);
                return Ok(());
            }
            Some(Ordering::Greater) | None => return self.join(id).await,
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
                let mut gone = Vec::new();
                for member in members.iter().filter(|member| !member.is_self) {
                    if !is_signed_in(member, &theirs) || is_stranger(c, &identity, member)? {
                        gone.push((member.user_id.clone(), member.device_id.clone()));
                    }
                }
                if gone.is_empty() && (!rotate || members.len() == 1) {
                    if rotate {
                        // Nobody to keep a secret from: a group of this device alone needs no new keys.
                        groups::set_rotate_at(c, &id, schedule::next_rotation(now))?;
                    }
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

/// Whether a device is under an identity that is neither its user's pinned one nor one that the user has yet to judge.
fn is_stranger(connection: &Connection, identity: &Identity, member: &Member) -> Result<bool, ClientError> {
    if membership::is_trusted(connection, identity, member)? {
        return Ok(false);
    }
    let contact = contacts::load(connection, &member.user_id)?;
    Ok(contact.is_none_or(|contact| contact.changed_identity != Some(*member.identity.as_bytes())))
}

fn is_signed_in(member: &Member, group: &Group) -> bool {
    group
        .devices
        .iter()
        .any(|device| device.active && device.device_id == member.device_id && device.user_id == member.user_id)
}
