//! Commits: exactly one for each epoch of a group, stored with everything that follows from it.

use privmsg_protocol::frames::{DeliveredMessage, MessageType};
use privmsg_protocol::limits::MAX_GROUP_LEAVES;
use privmsg_protocol::rest::{CommitAccepted, SubmitCommit};
use privmsg_protocol::{DeviceId, Epoch, GroupId, Opaque, Seq};
use rusqlite::OptionalExtension;

use super::fault::engine_error;
use super::relay::{commit_hash, conflict, not_a_member, signed_out, unknown_group};
use super::roster::{Place, invalid, number};
use super::tx::Tx;
use crate::frame_text;
use crate::storage::{Refusal, Result, Session};

/// The group before the commit, and who leaves and joins by it.
struct Change {
    /// Signed-in leaves that receive the commit.
    informed: Vec<i64>,
    removed: Vec<i64>,
    joiners: Vec<i64>,
}

impl Tx<'_> {
    pub(super) fn submit_commit(
        &mut self,
        session: &Session,
        group_id: GroupId,
        commit: SubmitCommit,
    ) -> Result<CommitAccepted> {
        let device = session.device.0;
        let destination = commit_hash(group_id, commit.epoch);
        match self.seen(device, commit.message_id).map_err(engine_error)? {
            Some((known, seq)) if known == destination => {
                return Ok(CommitAccepted { epoch: commit.epoch.next(), seq: Seq(seq.unsigned_abs()) });
            }
            Some(_) => return Err(conflict().into()),
            None => {}
        }
        let (group, seq, change) = self.check_commit(session, group_id, &commit)?;
        let place = Place { group, group_id, epoch: commit.epoch.next(), seq };
        self.store_commit(session, place, commit, &change, destination).map_err(engine_error)?;
        Ok(CommitAccepted { epoch: place.epoch, seq })
    }

    /// Everything that can be refused, before anything is written.
    fn check_commit(
        &mut self,
        session: &Session,
        group_id: GroupId,
        commit: &SubmitCommit,
    ) -> Result<(i64, Seq, Change)> {
        let device = session.device.0;
        if self.state.cache.owner(self.conn, device).map_err(engine_error)?.is_none() {
            return Err(signed_out().into());
        }
        let group = match self.state.cache.group(self.conn, group_id).map_err(engine_error)? {
            Some(group) if group.participants.contains(&session.user.0) => group,
            _ => return Err(unknown_group().into()),
        };
        if !commit.external && !group.leaves.contains(&device) {
            return Err(not_a_member().into());
        }
        let current = Epoch(group.epoch.unsigned_abs());
        if current != commit.epoch {
            return Err(Refusal::stale(current).into());
        }
        number(commit.epoch.next().0)?;
        let (id, seq) = (group.id, Seq(group.seq.unsigned_abs()).next());
        let (leaves, active) = (group.leaves.clone(), group.active.clone());
        let participants = group.participants.clone();

        let removed = self.removed_leaves(&commit.removed, &leaves)?;
        if removed.contains(&device) && !commit.external {
            return Err(invalid("a member cannot remove itself by its own commit").into());
        }
        let joiners = self.joiners(session, &commit.welcomes, &participants)?;
        let stays = |leaf: &i64| leaves.contains(leaf) && !removed.contains(leaf);
        if joiners.iter().any(stays) {
            return Err(invalid("a device that is welcomed is a leaf already").into());
        }
        let remaining = leaves.iter().filter(|leaf| !removed.contains(leaf)).count();
        if remaining + joiners.len() + usize::from(commit.external) > MAX_GROUP_LEAVES {
            return Err(invalid("the group would have too many leaves").into());
        }
        let informed: Vec<i64> = active.iter().copied().filter(|leaf| *leaf != device).collect();
        // A full mailbox of a device that this commit removes must not keep it from being removed.
        let staying: Vec<i64> = informed.iter().copied().filter(|leaf| !removed.contains(leaf)).collect();
        self.require_room(&staying)?;
        self.require_room(&joiners)?;
        let change = Change { informed, removed, joiners };
        Ok((id, seq, change))
    }

    /// Those of the devices that are leaves. Others may be named: after a backup was restored the tree has leaves of which
    /// the server knows nothing.
    fn removed_leaves(&self, removed: &[DeviceId], leaves: &[i64]) -> Result<Vec<i64>> {
        let mut devices = Vec::with_capacity(removed.len());
        for device_id in removed {
            let found: Option<i64> = self
                .conn
                .prepare_cached("SELECT id FROM device WHERE device_id = ?1")
                .and_then(|mut query| query.query_row([device_id.as_str()], |row| row.get(0)).optional())
                .map_err(engine_error)?;
            devices.extend(found.filter(|device| leaves.contains(device)));
        }
        Ok(devices)
    }

    fn store_commit(
        &mut self,
        session: &Session,
        place: Place,
        commit: SubmitCommit,
        change: &Change,
        destination: i64,
    ) -> rusqlite::Result<()> {
        let seq = i64::try_from(place.seq.0).unwrap_or(i64::MAX);
        self.note_seen(session.device.0, commit.message_id, destination, seq)?;
        self.conn
            .prepare_cached("UPDATE grp SET epoch = epoch + 1, seq = ?2 WHERE id = ?1")?
            .execute([place.group, seq])?;
        self.note_act(place.group, session.user.0)?;
        let frame = commit_frame(session, place, &commit, self.now());
        self.post(commit.message_id, frame, &change.informed)?;
        for device in &change.removed {
            self.conn
                .prepare_cached("DELETE FROM grp_leaf WHERE grp = ?1 AND device = ?2")?
                .execute([place.group, *device])?;
        }
        if commit.external {
            self.add_leaf(place.group, session.device.0)?;
        }
        self.welcome(session, place, commit.welcomes, &change.joiners)?;
        self.store_state(place, &commit.state)
    }
}

fn commit_frame(session: &Session, place: Place, commit: &SubmitCommit, now: i64) -> String {
    frame_text::render(DeliveredMessage {
        message_id: commit.message_id,
        sender_id: session.user_id.clone(),
        sender_device_id: Some(session.device_id.clone()),
        recipient_id: None,
        group_id: Some(place.group_id),
        epoch: Some(commit.epoch),
        seq: Some(place.seq),
        encrypted_content: Opaque::from_base64(commit.commit.as_str()),
        message_type: MessageType::KeyExchange,
        timestamp: now,
    })
}
