//! What those have to know who answer for a group: that nobody could take an owner's place, and whose commits are not taken.

use privmsg_e2ee::Role;
use privmsg_protocol::{DeviceId, UserId};
use privmsg_store::chats::ChatId;
use privmsg_store::{Snapshot, Tx, group_chats, groups};

use super::Client;
use crate::error::ClientError;
use crate::group::rosters;

/// A device that changes nothing in a group for a while, because others could not use what it had committed. That is the server's
/// word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuspendedDevice {
    /// Whose.
    pub user_id: UserId,
    /// Which.
    pub device_id: DeviceId,
    /// Until when, in milliseconds since 1970.
    pub until_ms: i64,
}

impl Client {
    /// Whether the user is to be told that they are the only owner of a group that others are in: without them nobody could give roles
    /// there. Once for each group.
    ///
    /// # Errors
    /// [`ClientError`] of the database.
    pub async fn is_to_name_another_owner(&self, chat: ChatId) -> Result<bool, ClientError> {
        let own = self.user_id().clone();
        let urge = move |tx: &Tx<'_>| {
            let is_in = group_chats::load(tx, chat)?.is_some_and(|known| known.gone.is_none());
            let people = rosters::view(tx, chat)?.map(|view| view.participants()).unwrap_or_default();
            let mut owners = people.iter().filter(|place| place.role() == Role::Owner);
            let is_alone = owners.next().is_some_and(|place| *place.user_id() == own) && owners.next().is_none();
            Ok(is_in && is_alone && people.len() > 1 && group_chats::urge(tx, chat)?)
        };
        self.context.store.write(urge).await
    }

    /// Devices of a group that change nothing there for a while: all, for who answers for the group, else the user's own.
    ///
    /// # Errors
    /// [`ClientError`] of the request.
    pub async fn suspended_devices(&self, chat: ChatId) -> Result<Vec<SuspendedDevice>, ClientError> {
        let own = self.user_id().clone();
        let look = move |at: &Snapshot<'_>| {
            let group = groups::of_chat(at, chat)?.map(|group| group.group_id);
            let people = rosters::view(at, chat)?.map(|view| view.participants()).unwrap_or_default();
            let answers = people.iter().any(|place| *place.user_id() == own && place.role() > Role::Member);
            Ok::<_, ClientError>(group.map(|group| (group, answers)))
        };
        let Some((group, answers)) = self.context.store.read(look).await? else { return Ok(Vec::new()) };
        let devices = self.context.api.group(&group).await?.devices.into_iter();
        let now_s = self.context.clock.now_ms() / 1000;
        let suspended = devices.filter(|device| answers || device.user_id == *self.user_id()).filter_map(|device| {
            let until = device.no_commits_until.filter(|until| *until > now_s)?;
            let until_ms = until.saturating_mul(1000);
            Some(SuspendedDevice { user_id: device.user_id, device_id: device.device_id, until_ms })
        });
        Ok(suspended.collect())
    }
}
