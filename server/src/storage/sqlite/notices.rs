//! Notices: that the set of a group's devices has changed, or something about one's own account.

use privmsg_protocol::frames::{DeliveredMessage, MessageType};
use privmsg_protocol::{GroupId, MessageId, Opaque, UserId};

use super::row::{parse, parse_group_id};
use super::tx::Tx;
use crate::frame_text;
use crate::secrets::random_message_id;
use crate::storage::DeviceKey;

/// Stands for a group in notices about the account. No group has it.
const ACCOUNT: i64 = 0;

impl Tx<'_> {
    /// Tells all leaves of the group that are signed in that a device of `user` has gone or come. Full mailboxes take
    /// notices too: without them a member would go on encrypting to a device that has been signed out.
    pub(super) fn notify(&mut self, group: i64, user: i64) -> rusqlite::Result<()> {
        let devices: Vec<i64> = self
            .conn
            .prepare_cached(
                "SELECT l.device FROM grp_leaf l JOIN device d ON d.id = l.device
                     LEFT JOIN grp_participant p ON p.grp = l.grp AND p.user = d.user
                 WHERE l.grp = ?1 AND d.removed_at = 0 AND coalesce(p.kept_out, 0) = 0",
            )?
            .query_map([group], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        self.post_device_sync(group, user, &devices)
    }

    /// Tells the signed-in devices of the group's people that are no leaves that there is a group, in which `user` has gone on.
    pub(super) fn notify_left_out(&mut self, group: i64, user: i64) -> rusqlite::Result<()> {
        let devices: Vec<i64> = self
            .conn
            .prepare_cached(
                "SELECT d.id FROM grp_participant p JOIN device d ON d.user = p.user
                 WHERE p.grp = ?1 AND p.kept_out = 0 AND d.removed_at = 0 AND d.waiting = 0
                     AND NOT EXISTS (SELECT 1 FROM grp_leaf l WHERE l.grp = ?1 AND l.device = d.id)",
            )?
            .query_map([group], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        self.post_device_sync(group, user, &devices)
    }

    /// Tells these devices that something about the group's people or devices has changed with `user`.
    pub(super) fn post_device_sync(&mut self, group: i64, user: i64, devices: &[i64]) -> rusqlite::Result<()> {
        if devices.is_empty() {
            return Ok(());
        }
        let group_id: GroupId = self
            .conn
            .prepare_cached("SELECT group_id FROM grp WHERE id = ?1")?
            .query_row([group], |row| parse_group_id(row, 0))?;
        let sender_id: UserId = self
            .conn
            .prepare_cached("SELECT user_id FROM user WHERE id = ?1")?
            .query_row([user], |row| parse(row, 0))?;
        let message_id = random_message_id(self.now_ms);
        let notice = self.notice(message_id, sender_id, MessageType::DeviceSync);
        let frame = frame_text::render(DeliveredMessage { group_id: Some(group_id), ..notice });
        self.post_notice(message_id, frame, group, devices)
    }

    /// Tells the devices of `user` but one that something about the account has changed.
    pub(super) fn notify_account(&mut self, user: i64, but: Option<DeviceKey>) -> rusqlite::Result<()> {
        let but = but.map_or(0, |device| device.0);
        let devices: Vec<i64> = self
            .conn
            .prepare_cached("SELECT id FROM device WHERE user = ?1 AND removed_at = 0 AND waiting = 0 AND id <> ?2")?
            .query_map([user, but], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        self.post_account_sync(user, &devices)
    }

    /// Tells these devices of `user` that something about the account has changed.
    pub(super) fn post_account_sync(&mut self, user: i64, devices: &[i64]) -> rusqlite::Result<()> {
        if devices.is_empty() {
            return Ok(());
        }
        let user_id: UserId = self
            .conn
            .prepare_cached("SELECT user_id FROM user WHERE id = ?1")?
            .query_row([user], |row| parse(row, 0))?;
        let message_id = random_message_id(self.now_ms);
        let notice = self.notice(message_id, user_id.clone(), MessageType::AccountSync);
        let frame = frame_text::render(DeliveredMessage { recipient_id: Some(user_id), ..notice });
        self.post_notice(message_id, frame, ACCOUNT, devices)
    }

    pub(super) fn notice(
        &self,
        message_id: MessageId,
        sender_id: UserId,
        message_type: MessageType,
    ) -> DeliveredMessage {
        DeliveredMessage {
            message_id,
            sender_id,
            sender_device_id: None,
            recipient_id: None,
            group_id: None,
            epoch: None,
            seq: None,
            first_seq: None,
            encrypted_content: Opaque::default(),
            message_type,
            timestamp: self.now(),
        }
    }
}
