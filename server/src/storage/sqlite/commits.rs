//! Commits: exactly one for each epoch of a group, stored with everything that follows from it.

use privmsg_mls_public::DeviceList;
use privmsg_mls_public::group::{Change, Leaf, LeafDate, Member};
use privmsg_protocol::frames::{DeliveredMessage, MessageType};
use privmsg_protocol::rest::CommitAccepted;
use privmsg_protocol::{Epoch, ErrorCode, GroupId, MessageId, Opaque, Seq, UserId};
use rusqlite::params;

use super::engine::SqliteStorage;
use super::joining::{Joiner, Place, size};
use super::query::Query as _;
use super::relay::{commit_hash, conflict};
use super::rosters::Step;
use super::tx::{Piece, Source, Tx};
use super::writer::Touches;
use crate::frame_text;
use crate::storage::{Checked, Commit, Refusal, Result, Session};

impl SqliteStorage {
    /// Takes a commit, if the group is still in the epoch that it was checked in.
    pub(crate) async fn submit_commit(
        &self,
        session: Session,
        group_id: GroupId,
        commit: Commit,
    ) -> Result<CommitAccepted> {
        self.write(Touches::Structure, move |tx| tx.submit_commit(&session, group_id, commit)).await
    }
}

/// A commit that may be stored.
struct Taken {
    place: Place,
    message_id: MessageId,
    frame: String,
    /// Signed-in leaves that receive it.
    informed: Vec<i64>,
    removed: Vec<i64>,
    joiners: Vec<Joiner>,
    /// Whether the committer becomes a leaf.
    joins: bool,
    /// The roster that the group moves to.
    step: Option<Step>,
    /// When the leaves were made that come, and of whom what is known of before does not count.
    dates: Vec<LeafDate>,
    anew: Vec<UserId>,
    group_info: Opaque,
    state: Vec<u8>,
}

impl Tx<'_> {
    fn submit_commit(&mut self, session: &Session, group_id: GroupId, commit: Commit) -> Result<CommitAccepted> {
        let (device, submitted) = (session.device.0, &commit.submitted);
        let destination = commit_hash(group_id, submitted.epoch);
        match self.seen(device, submitted.message_id)? {
            Some((known, seq)) if known == destination => {
                return Ok(CommitAccepted { epoch: submitted.epoch.next(), seq: Seq(seq.unsigned_abs()) });
            }
            Some(_) => return Err(conflict().into()),
            None => {}
        }
        let taken = self.check_commit(session, group_id, commit)?;
        let accepted = CommitAccepted { epoch: taken.place.epoch, seq: taken.place.seq };
        self.store_commit(session, taken, destination)?;
        Ok(accepted)
    }

    /// Everything that can be refused, before anything else is written than who is asked.
    fn check_commit(&mut self, session: &Session, group_id: GroupId, commit: Commit) -> Result<Taken> {
        let device = session.device.0;
        let now = self.now();
        let group = self.taking_part(session, group_id)?;
        let current = Epoch(group.epoch.unsigned_abs());
        let Commit { submitted, checked } = commit;
        // It was checked in the epoch that it names. If the group has moved on since, the check was of another group.
        let checked = match checked {
            Some(checked) if current == submitted.epoch => checked,
            _ => return Err(Refusal::stale(current).into()),
        };
        let Checked { change, welcomed, evidence, anew, state } = checked;
        if !change.external {
            group.require_leaf(device)?;
        }
        let (chat, context) = (group.chat, group.roster);
        let place = Place { group: group.id, group_id, epoch: change.epoch, seq: Seq(group.seq.unsigned_abs()).next() };
        let (leaves, former) = (group.leaves.clone(), group.former.clone());
        let (hearing, users) = (group.hearing(), group.participants.clone());
        let frame = commit_frame(session, place, submitted.message_id, submitted.epoch, submitted.commit, now);

        self.require_own_key(session, &change.committer)?;
        self.require_not_suspended(session, &chat)?;
        let roster = change.roster.clone();
        let step = roster.map(|roster| self.check_step(&chat, context, roster)).transpose()?;
        let mut users = users.to_vec();
        if let Some(Step { moves, .. }) = &step {
            users.retain(|user| !moves.go.contains(user) || moves.come.contains(user));
            users.extend(&moves.come);
        }
        let removed = self.removed_leaves(place.group, &change, &evidence, (&leaves, &former), &users)?;
        self.check_leaf_dates(place.group, &change.dates, &anew)?;
        let joiners = self.joiners(welcomed, &users)?;
        let informed: Vec<i64> = hearing.into_iter().filter(|leaf| *leaf != device).collect();
        self.require_room(session.user, frame.len() + size(&joiners))?;
        if let Some(Step { moves, .. }) = &step {
            self.ask_for(session.user.0, &moves.come, users.len())?;
        }
        Ok(Taken {
            place,
            message_id: submitted.message_id,
            frame,
            informed,
            removed,
            joiners,
            joins: change.external,
            step,
            dates: change.dates,
            anew,
            group_info: submitted.group_info,
            state,
        })
    }

    /// Those of the leaves that go which are leaves here, too, or were lost. After a backup was restored the tree has leaves of
    /// which the server knows nothing, and somebody else may have the name of one by now.
    ///
    /// Nobody puts others' devices out at will: one goes with its user, when it is signed out, when it has not joined anew
    /// since a restore, by a device of the same user, or when its account's own list says so, which the committer may know and the
    /// server not. That it comes back by the same commit is no reason: by a key package of which it has no secret any more it does not.
    fn removed_leaves(
        &mut self,
        group: i64,
        change: &Change,
        evidence: &[DeviceList],
        (leaves, former): (&[i64], &[i64]),
        users: &[i64],
    ) -> Result<Vec<i64>> {
        let mut devices = Vec::with_capacity(change.removed.len());
        for Leaf { member, .. } in &change.removed {
            let Some(device) = self.device(member)? else { continue };
            if !leaves.contains(&device) {
                if self.is_lost_leaf(group, device)? {
                    devices.push(device);
                }
                continue;
            }
            let owner = self.state.cache.owner(self.conn, device)?;
            let stays = owner.is_some_and(|owner| users.contains(&owner)) && !is_put_out(change, member);
            let own = member.user_id == change.committer.user_id;
            let uncalled = stays && !own && !former.contains(&device);
            if uncalled && !self.is_left_out(owner, member, evidence)? {
                let detail = "a device would be put out that is signed in and whose user stays";
                return Err(Refusal::new(ErrorCode::InvalidHandshake, detail).into());
            }
            devices.push(device);
        }
        Ok(devices)
    }

    /// Whether a list of the account's proves that the device is not one of its own any more: a newer one than the server has,
    /// or another one with the same number, of which only counts what stands in both. It decides about this commit and
    /// nothing else: a list is published by the account's own devices, and by nobody who has but kept its signing key.
    fn is_left_out(&self, owner: Option<i64>, member: &Member, evidence: &[DeviceList]) -> Result<bool> {
        let theirs =
            |list: &&DeviceList| *list.user_id() == member.user_id && !list.has(&member.device_id, &member.device_key);
        let mut lists = evidence.iter().filter(theirs).peekable();
        let (Some(owner), true) = (owner, lists.peek().is_some()) else { return Ok(false) };
        let Some(stored) = self.stored_list(owner)? else { return Ok(false) };
        let identity = stored.certificate().identity_key();
        Ok(lists.any(|list| list.certificate().identity_key() == identity && list.number() >= stored.number()))
    }

    /// The device of this leaf. One of another user or under another key is another one: names are given out again.
    fn device(&self, member: &Member) -> Result<Option<i64>> {
        self.conn.first(
            "SELECT d.id FROM device d JOIN user u ON u.id = d.user
             WHERE d.device_id = ?1 AND u.user_id = ?2 AND d.public_key = ?3",
            params![member.device_id.as_str(), member.user_id.as_str(), member.device_key.to_string()],
            |row| row.get(0),
        )
    }

    fn is_lost_leaf(&self, group: i64, device: i64) -> Result<bool> {
        self.conn.one(
            "SELECT EXISTS (SELECT 1 FROM lost_leaf WHERE grp = ?1 AND device = ?2)",
            [group, device],
            |row| row.get(0),
        )
    }

    fn store_commit(&mut self, session: &Session, taken: Taken, destination: i64) -> Result<()> {
        let Taken { place, message_id, frame, informed, removed, joiners, joins, step, .. } = taken;
        let Taken { dates, anew, group_info, state, .. } = taken;
        let seq = i64::try_from(place.seq.0).unwrap_or(i64::MAX);
        self.note_seen(session.device.0, message_id, destination, seq)?;
        self.note_commit(session, place.group, joins)?;
        self.conn.run("UPDATE grp SET epoch = epoch + 1, seq = ?2 WHERE id = ?1", [place.group, seq])?;
        let source = Source::Group(place.group);
        let informed = self.with_room(informed, source, frame.len())?;
        self.post(Piece::new(message_id, &informed, source, session.user.0).commit(), frame)?;
        let mut told = Vec::new();
        if let Some(Step { roster, waited, moves }) = &step {
            if !waited {
                self.store_roster(roster)?;
            }
            self.name_roster(place.group, roster)?;
            let author = self.present_user(roster.author().user_id())?;
            let by: Vec<i64> = author.into_iter().chain([session.user.0]).collect();
            self.move_people(place.group, moves, &by, seq)?;
            for user in &moves.come {
                if self.has_answered_all(*user, &by)? {
                    told.push(*user);
                }
            }
        }
        // Whoever joins anew goes on being a leaf.
        for device in removed.iter().filter(|device| !(joins && **device == session.device.0)) {
            self.conn.run("DELETE FROM grp_leaf WHERE grp = ?1 AND device = ?2", [place.group, *device])?;
            self.forget_lost_leaf(place.group, *device)?;
        }
        if joins {
            self.add_leaf(place.group, session.device.0)?;
        }
        self.note_leaf_dates(place.group, &dates, &anew)?;
        self.welcome(session, place, joiners)?;
        // Those of their devices that had no key package left, or that whoever has brought them did not know. By coming they show
        // that they are there: not to somebody whom their user has not answered.
        self.notify_left_out(place.group, session.user.0, &told)?;
        self.store_state(place, &group_info, &state)
    }
}

fn commit_frame(
    session: &Session,
    place: Place,
    message_id: MessageId,
    epoch: Epoch,
    commit: Opaque,
    now: i64,
) -> String {
    frame_text::render(DeliveredMessage {
        message_id,
        sender_id: session.user_id.clone(),
        sender_device_id: Some(session.device_id.clone()),
        recipient_id: None,
        group_id: Some(place.group_id),
        epoch: Some(epoch),
        seq: Some(place.seq),
        first_seq: None,
        encrypted_content: commit,
        message_type: MessageType::KeyExchange,
        timestamp: now,
    })
}

/// Whether whoever this device belongs to is not in the roster that the commit brings, under that identity.
fn is_put_out(change: &Change, member: &Member) -> bool {
    let Some(roster) = &change.roster else { return false };
    roster.participant(&member.user_id).is_none_or(|place| *place.identity() != member.identity)
}
