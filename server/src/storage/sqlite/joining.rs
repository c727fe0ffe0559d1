//! What creating a group and committing to it have in common: joiners, their welcomes, the public state.

use privmsg_mls_public::group::Member;
use privmsg_protocol::frames::{DeliveredMessage, MessageType};
use privmsg_protocol::{Epoch, ErrorCode, GroupId, Opaque, Seq};
use rusqlite::params;

use super::query::Query as _;
use super::relay::too_much_waits;
use super::tx::{Piece, Source, Tx};
use crate::frame_text;
use crate::secrets::random_message_id;
use crate::storage::{Refusal, Result, Session, UserKey, Welcomed};

/// Where in a group's history something happens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) group: i64,
    pub(super) group_id: GroupId,
    pub(super) epoch: Epoch,
    pub(super) seq: Seq,
}

pub(super) fn invalid(detail: &'static str) -> Refusal {
    Refusal::new(ErrorCode::InvalidRequest, detail)
}

/// A device that is let in.
pub(super) struct Joiner {
    device: i64,
    welcome: Opaque,
}

/// Bytes of their welcomes.
pub(super) fn size(joiners: &[Joiner]) -> usize {
    joiners.iter().map(|joiner| joiner.welcome.len()).sum()
}

impl Tx<'_> {
    /// The devices whose leaves come. They are signed in, and belong to those of these users whom their leaves name.
    pub(super) fn joiners(&self, welcomed: Vec<Welcomed>, users: &[i64]) -> Result<Vec<Joiner>> {
        let mut joiners = Vec::with_capacity(welcomed.len());
        for Welcomed { member, welcome } in welcomed {
            let (device, owner) = self.signed_in_device(&member)?;
            if !users.contains(&owner) {
                return Err(unknown_device().into());
            }
            joiners.push(Joiner { device, welcome });
        }
        Ok(joiners)
    }

    fn signed_in_device(&self, member: &Member) -> Result<(i64, i64)> {
        let found = self.conn.first(
            "SELECT d.id, d.user FROM listed_device d JOIN user u ON u.id = d.user
             WHERE d.device_id = ?1 AND u.user_id = ?2 AND d.public_key = ?3",
            params![member.device_id.as_str(), member.user_id.as_str(), member.device_key.to_string()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(found.ok_or_else(unknown_device)?)
    }

    /// Refuses a leaf of the session's own device that is under another key than the device has. Whoever has an account's signing
    /// key could certify any: they would stand in no device list, and each would be remembered.
    pub(super) fn require_own_key(&self, session: &Session, leaf: &Member) -> Result<()> {
        if self.device_key(session.device.0)? == leaf.device_key.to_string() {
            return Ok(());
        }
        let detail = "the leaf is under another key than its device has here";
        Err(Refusal::new(ErrorCode::InvalidHandshake, detail).into())
    }

    /// The key that a device has signed in with.
    pub(super) fn device_key(&self, device: i64) -> Result<String> {
        self.conn.one("SELECT public_key FROM device WHERE id = ?1", [device], |row| row.get(0))
    }

    /// Refuses if too much of what the user has sent waits already.
    pub(super) fn require_room(&mut self, user: UserKey, size: usize) -> Result<()> {
        if self.has_too_much(user.0, size)? { Err(too_much_waits().into()) } else { Ok(()) }
    }

    /// Delivers the welcomes and makes the joiners leaves.
    pub(super) fn welcome(&mut self, session: &Session, place: Place, joiners: Vec<Joiner>) -> Result<()> {
        for Joiner { device, welcome } in joiners {
            if self.is_kept_out(place.group, device)? {
                self.add_leaf(place.group, device)?;
                continue;
            }
            let message_id = random_message_id(self.now_ms);
            let frame = frame_text::render(DeliveredMessage {
                message_id,
                sender_id: session.user_id.clone(),
                sender_device_id: Some(session.device_id.clone()),
                recipient_id: None,
                group_id: Some(place.group_id),
                epoch: Some(place.epoch),
                seq: Some(place.seq),
                first_seq: None,
                encrypted_content: welcome,
                message_type: MessageType::KeyExchange,
                timestamp: self.now(),
            });
            let epoch = i64::try_from(place.epoch.0).unwrap_or(i64::MAX);
            let source = Source::Group(place.group);
            self.with_room(vec![device], source, frame.len())?;
            let devices = [device];
            let piece = Piece::new(message_id, &devices, source, session.user.0);
            self.post_welcome(piece, frame, (place.group, epoch))?;
            self.add_leaf(place.group, device)?;
        }
        Ok(())
    }

    pub(super) fn add_leaf(&self, group: i64, device: i64) -> Result<()> {
        self.conn.run(
            "INSERT INTO grp_leaf (grp, device, since) SELECT id, ?2, epoch FROM grp WHERE id = ?1
             ON CONFLICT DO UPDATE SET former = 0",
            [group, device],
        )?;
        self.forget_lost_leaf(group, device)
    }

    /// The device has another leaf, or has none in the tree any more.
    pub(super) fn forget_lost_leaf(&self, group: i64, device: i64) -> Result<()> {
        self.conn.run("DELETE FROM lost_leaf WHERE grp = ?1 AND device = ?2", [group, device])?;
        Ok(())
    }

    /// No device of the user is a leaf any more.
    pub(super) fn drop_leaves(&self, group: i64, user: i64) -> Result<()> {
        for sql in [
            "DELETE FROM grp_leaf WHERE grp = ?1 AND device IN (SELECT id FROM device WHERE user = ?2)",
            "DELETE FROM lost_leaf WHERE grp = ?1 AND device IN (SELECT id FROM device WHERE user = ?2)",
        ] {
            self.conn.run(sql, [group, user])?;
        }
        Ok(())
    }

    pub(super) fn store_state(&self, place: Place, group_info: &Opaque, state: &[u8]) -> Result<()> {
        self.conn.run(
            "INSERT INTO grp_state (grp, epoch, seq, group_info, state)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![place.group, place.epoch.0, place.seq.0, group_info.as_str(), state],
        )?;
        self.prune_states(place.group)
    }

    /// Deletes groups in which nobody takes part any more.
    pub(super) fn forget_empty_groups(&self) -> Result<()> {
        self.conn
            .execute("DELETE FROM grp WHERE NOT EXISTS (SELECT 1 FROM grp_participant p WHERE p.grp = grp.id)", [])?;
        Ok(())
    }

    /// Deletes devices that are signed out and of no group a leaf any more, and then users of whom nothing is left.
    pub(super) fn forget_leftovers(&self) -> Result<()> {
        let devices = self.conn.execute(
            "DELETE FROM device WHERE removed_at <> 0
                 AND NOT EXISTS (SELECT 1 FROM grp_leaf l WHERE l.device = device.id)
                 AND NOT EXISTS (SELECT 1 FROM lost_leaf l WHERE l.device = device.id)",
            [],
        )?;
        if devices > 0 {
            self.note_sent_by_nobody()?;
        }
        self.conn.execute(
            "DELETE FROM user WHERE deleted_at <> 0
                 AND NOT EXISTS (SELECT 1 FROM device d WHERE d.user = user.id)",
            [],
        )?;
        Ok(())
    }
}

fn unknown_device() -> Refusal {
    Refusal::new(
        ErrorCode::UnknownDevice,
        "a device is not signed in under this key, or belongs to nobody in the group",
    )
}
