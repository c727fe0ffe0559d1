//! Who is put into a group of people by somebody whom they have blocked, or again after they have left it twice, hears nothing of
//! it; nor of one that is, or has come to be, of two, them and whoever they have declined.
//!
//! For the others, and whoever has put them in, they take part like anybody else who is away: devices of theirs are leaves, and
//! nothing is refused because of them. To them the server delivers neither welcomes nor commits nor messages, and the group
//! is none that they could ask for, until they take the block back or accept it. Then their devices join anew.

use privmsg_protocol::ConversationId;
use privmsg_protocol::rest::{GroupKind, KeptOut};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use super::groups::kind_number;
use super::participant;
use super::query::Query as _;
use super::row::{parse, parse_chat_id, parse_group_id};
use super::tx::Tx;
use crate::storage::{Result, UserKey};

/// Who has left a group so often is not brought back by others. Once it may have been a mistake, which others can mend.
const FOR_GOOD: i64 = 2;

/// Why a user is kept out of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeptOutFor {
    /// Of whoever has put them in, whom they have blocked or declined.
    Blocking(i64),
    /// Of having left it more than once.
    Leaving,
}

impl KeptOutFor {
    /// From the columns `kept_out` and `kept_out_by`.
    pub(super) const fn read(is_kept_out: bool, by: i64) -> Option<Self> {
        match (is_kept_out, by) {
            (false, _) => None,
            (true, 0) => Some(Self::Leaving),
            (true, user) => Some(Self::Blocking(user)),
        }
    }

    /// The same columns.
    pub(super) const fn columns(why: Option<Self>) -> (bool, i64) {
        match why {
            None => (false, 0),
            Some(Self::Leaving) => (true, 0),
            Some(Self::Blocking(user)) => (true, user),
        }
    }
}

/// Groups that the user has been put into and hears nothing of.
pub(super) fn kept_out(conn: &Connection, user: UserKey) -> Result<Vec<KeptOut>> {
    conn.all(
        "SELECT g.group_id, g.chat_id, u.user_id FROM grp_participant p JOIN grp g ON g.id = p.grp
             LEFT JOIN user u ON u.id = p.kept_out_by
         WHERE p.user = ?1 AND p.kept_out <> 0 ORDER BY g.id",
        [user.0],
        |row| {
            let by = if row.get_ref(2)? == ValueRef::Null { None } else { Some(parse(row, 2)?) };
            Ok(KeptOut { group_id: parse_group_id(row, 0)?, chat_id: parse_chat_id(row, 1)?, by })
        },
    )
}

impl Tx<'_> {
    /// What keeps the user out of a group into which these put them.
    pub(super) fn kept_out_by(&self, group: i64, user: i64, by: &[i64]) -> Result<Option<KeptOutFor>> {
        let of_people = kind_number(GroupKind::Group);
        let has_left = self.conn.one(
            "SELECT EXISTS (SELECT 1 FROM grp g JOIN leaving l ON l.chat_id = g.chat_id
                 WHERE g.id = ?1 AND g.kind = ?4 AND l.user = ?2 AND l.times >= ?3)",
            [group, user, FOR_GOOD, of_people],
            |row| row.get(0),
        )?;
        if has_left {
            return Ok(Some(KeptOutFor::Leaving));
        }
        for other in by {
            let is_blocked = self.conn.one(
                "SELECT EXISTS (SELECT 1 FROM grp WHERE id = ?1 AND kind = ?4)
                         AND EXISTS (SELECT 1 FROM block WHERE user = ?2 AND peer = ?3)",
                [group, user, *other, of_people],
                |row| row.get(0),
            )?;
            if is_blocked {
                return Ok(Some(KeptOutFor::Blocking(*other)));
            }
        }
        Ok(None)
    }

    /// Who stands in the roster of a group that goes on, took no part in the one before, and was brought by nobody since: if they have
    /// left, they could not sign it, and nobody has to hear of it for that to be so.
    pub(super) fn keep_out_who_has_left(&self, group: i64, user: i64) -> Result<()> {
        self.conn.run(
            "UPDATE grp_participant SET kept_out = 1, kept_out_by = 0 WHERE grp = ?1 AND user = ?2 AND EXISTS (
                 SELECT 1 FROM grp g JOIN leaving l ON l.chat_id = g.chat_id WHERE g.id = ?1 AND l.user = ?2)",
            [group, user],
        )?;
        Ok(())
    }

    pub(super) fn is_kept_out(&self, group: i64, device: i64) -> Result<bool> {
        self.conn.one(
            "SELECT EXISTS (SELECT 1 FROM grp_participant p JOIN device d ON d.user = p.user
                 WHERE p.grp = ?1 AND d.id = ?2 AND p.kept_out <> 0)",
            [group, device],
            |row| row.get(0),
        )
    }

    pub(super) fn note_leaving(&self, chat: &ConversationId, user: i64) -> Result<()> {
        self.conn.run(
            "INSERT INTO leaving (chat_id, user, times) VALUES (?1, ?2, 1) ON CONFLICT DO UPDATE SET times = times + 1",
            params![chat.as_bytes(), user],
        )?;
        Ok(())
    }

    /// The user accepts a group. How often they have left it counts no more: to be brought back once may be meant well again.
    pub(super) fn open_to(&mut self, group: i64, user: i64) -> Result<()> {
        self.conn.run(
            "DELETE FROM leaving WHERE user = ?2 AND chat_id = (SELECT chat_id FROM grp WHERE id = ?1)",
            [group, user],
        )?;
        let let_in = self.conn.run(
            "UPDATE grp_participant SET kept_out = 0, kept_out_by = 0 WHERE grp = ?1 AND user = ?2 AND kept_out <> 0",
            [group, user],
        )?;
        if let_in > 0 { self.have_joined_anew(group, user) } else { Ok(()) }
    }

    /// The user takes a block back, or lets the conversation with that one in: into which groups that one had put them, but for
    /// those that what they have declined still keeps out.
    pub(super) fn let_in_by(&mut self, user: i64, peer: i64) -> Result<()> {
        let groups: Vec<i64> = self.conn.all(
            "SELECT grp FROM grp_participant WHERE user = ?1 AND kept_out_by = ?2",
            [user, peer],
            |row| row.get(0),
        )?;
        let is_declined = self.is_declined(user, peer)?;
        for group in groups {
            if !is_declined || self.only_two(group)?.is_none() {
                participant::set_kept_out(self.conn, group, user, None)?;
                self.have_joined_anew(group, user)?;
            }
        }
        Ok(())
    }

    /// The user lets a conversation in: so are groups of two that the other one has made meanwhile, unless they are blocked.
    pub(super) fn let_in_by_others(&mut self, group: i64, user: i64) -> Result<()> {
        let others: Vec<i64> = self.conn.all(
            "SELECT p.user FROM grp_participant p JOIN grp g ON g.id = p.grp
             WHERE p.grp = ?1 AND p.user <> ?2 AND g.kind = ?3
                 AND NOT EXISTS (SELECT 1 FROM block b WHERE b.user = ?2 AND b.peer = p.user)",
            [group, user, kind_number(GroupKind::Direct)],
            |row| row.get(0),
        )?;
        others.into_iter().try_for_each(|other| self.let_in_by(user, other))
    }

    /// The user's devices have nothing of the group: none is a leaf as far as the server is concerned, and all are told.
    fn have_joined_anew(&mut self, group: i64, user: i64) -> Result<()> {
        self.state.flush(self.conn)?;
        self.state.cache.forget_groups();
        self.drop_leaves(group, user)?;
        let devices = self.state.cache.devices_of(self.conn, user)?;
        self.post_device_sync(group, user, &devices)
    }
}
