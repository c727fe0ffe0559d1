//! What the writer remembers of a group.

use std::rc::Rc;

use privmsg_protocol::rest::GroupKind;
use privmsg_protocol::{ConversationId, GroupId};
use rusqlite::{Connection, params};

use super::groups::kind_number;
use super::participant::{self, Participant};
use super::query::Query as _;
use super::relay::not_a_member;
use super::row::parse_chat_id;
use crate::storage::Result;

/// A group as the relay needs it.
pub(super) struct GroupEntry {
    pub(super) id: i64,
    pub(super) chat: ConversationId,
    /// Number of the roster in the GroupContext, 0 for none.
    pub(super) roster: i64,
    pub(super) epoch: i64,
    pub(super) seq: i64,
    /// Whether `seq` is ahead of the table.
    pub(super) numbered: bool,
    /// A conversation between two.
    pub(super) is_direct: bool,
    pub(super) participants: Rc<[i64]>,
    /// Participants of whom no person has said anything yet.
    pub(super) silent: Vec<i64>,
    /// Participants of whom none has since the last one came: of what they say next is noted that they have.
    pub(super) unheard: Vec<i64>,
    /// Of those, who was brought in by somebody whom they have not answered, and by whom.
    pub(super) brought: Vec<(i64, i64)>,
    /// Participants who hear nothing of it.
    kept_out: Vec<i64>,
    /// Those of the active leaves that are theirs.
    deaf: Vec<i64>,
    /// Those who have declined.
    pub(super) declined: Vec<i64>,
    /// Who has asked for the conversation.
    pub(super) began: Option<i64>,
    /// All leaves, signed in or not.
    pub(super) leaves: Rc<[i64]>,
    /// Those of the leaves that have to join anew before they say anything.
    pub(super) former: Rc<[i64]>,
    /// Those that are signed in.
    pub(super) active: Rc<[i64]>,
}

impl GroupEntry {
    /// The leaves that are signed in and in the group, as it is now.
    pub(super) fn present(&self) -> Vec<i64> {
        self.active.iter().copied().filter(|device| self.has(*device)).collect()
    }

    /// The leaves that are signed in, but for those of participants who are kept out.
    pub(super) fn hearing(&self) -> Vec<i64> {
        self.active.iter().copied().filter(|device| !self.deaf.contains(device)).collect()
    }

    /// Whether the user takes part, and is not kept out.
    pub(super) fn admits(&self, user: i64) -> bool {
        self.participants.contains(&user) && !self.kept_out.contains(&user)
    }

    /// Whether a device is in the group, as it is now.
    pub(super) fn has(&self, device: i64) -> bool {
        self.leaves.contains(&device) && !self.former.contains(&device)
    }

    /// Refuses a device that is not in the group, as it is now.
    pub(super) fn require_leaf(&self, device: i64) -> Result<()> {
        if self.has(device) { Ok(()) } else { Err(not_a_member().into()) }
    }

    pub(super) fn load(conn: &Connection, group_id: GroupId) -> Result<Option<Self>> {
        let found = conn.first(
            "SELECT id, epoch, seq, kind = ?2, chat_id, roster FROM grp WHERE group_id = ?1",
            params![group_id.as_bytes(), kind_number(GroupKind::Direct)],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, parse_chat_id(row, 4)?, row.get(5)?)),
        )?;
        let Some((id, epoch, seq, is_direct, chat, roster)) = found else {
            return Ok(None);
        };
        let participants = participant::of_group(conn, id)?;
        let leaves: Vec<(i64, bool, bool, i64)> = conn.all(
            "SELECT l.device, d.removed_at = 0, l.former, d.user FROM grp_leaf l JOIN device d ON d.id = l.device
             WHERE l.grp = ?1",
            [id],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )?;
        let who = |is: fn(&Participant) -> bool| participants.iter().filter(move |one| is(one)).map(|one| one.user);
        let last_came = participants.iter().map(|one| one.came_at).max().unwrap_or(0);
        let kept_out: Vec<i64> = who(|one| one.kept_out.is_some()).collect();
        Ok(Some(Self {
            id,
            chat,
            roster,
            epoch,
            seq,
            numbered: false,
            is_direct,
            participants: who(|_| true).collect(),
            silent: who(|one| !one.acted).collect(),
            unheard: participants
                .iter()
                .filter(|one| !one.acted || one.acted_at < last_came)
                .map(|one| one.user)
                .collect(),
            brought: participants
                .iter()
                .filter(|one| one.brought_by != 0)
                .map(|one| (one.user, one.brought_by))
                .collect(),
            declined: who(|one| one.declined).collect(),
            began: who(|one| one.began).next(),
            leaves: leaves.iter().map(|(device, ..)| *device).collect(),
            former: leaves.iter().filter_map(|(device, _, former, _)| former.then_some(*device)).collect(),
            deaf: leaves.iter().filter(|(.., user)| kept_out.contains(user)).map(|(device, ..)| *device).collect(),
            kept_out,
            active: leaves.iter().filter_map(|(device, active, ..)| active.then_some(*device)).collect(),
        }))
    }
}
