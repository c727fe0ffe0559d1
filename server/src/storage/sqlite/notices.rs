//! Notices that the set of a group's devices has changed.

use privmsg_protocol::frames::{DeliveredMessage, MessageType};
use privmsg_protocol::{GroupId, Opaque, UserId};

use super::row::{parse, parse_group_id};
use super::tx::Tx;
use crate::frame_text;
use crate::secrets::random_message_id;

impl Tx<'_> {
    /// Tells all leaves of the group that are signed in that a device of `user` has gone or come. Full mailboxes take
    /// notices too: without them a member would go on encrypting to a device that has been signed out.
    pub(super) fn notify(&mut self, group: i64, user: i64) -> rusqlite::Result<()> {
        let devices: Vec<i64> = self
            .conn
            .prepare_cached(
                "SELECT l.device FROM grp_leaf l JOIN device d ON d.id = l.device
                 WHERE l.grp = ?1 AND d.removed_at = 0",
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
                 WHERE p.grp = ?1 AND d.removed_at = 0
                     AND NOT EXISTS (SELECT 1 FROM grp_leaf l WHERE l.grp = ?1 AND l.device = d.id)",
            )?
            .query_map([group], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        self.post_device_sync(group, user, &devices)
    }

    fn post_device_sync(&mut self, group: i64, user: i64, devices: &[i64]) -> rusqlite::Result<()> {
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
        let frame = frame_text::render(DeliveredMessage {
            message_id,
            sender_id,
            sender_device_id: None,
            recipient_id: None,
            group_id: Some(group_id),
            epoch: None,
            seq: None,
            encrypted_content: Opaque::default(),
            message_type: MessageType::DeviceSync,
            timestamp: self.now(),
        });
        self.post_notice(message_id, frame, group, devices)
    }
}
