//! Whom users have declined: in the direct conversation with them, or in a group of two that they had been asked into.
//!
//! It is persons who are declined, not names of conversations: whoever is hears nothing else of the same two by making another
//! group, nor by having one come to be of two that was of more people. The user is kept out of those (keeping_out.rs). Where
//! others are, it is another conversation.

use privmsg_protocol::UserId;
use privmsg_protocol::rest::GroupKind;

use super::groups::kind_number;
use super::keeping_out::KeptOutFor;
use super::participant;
use super::query::Query as _;
use super::tx::Tx;
use crate::storage::Result;

impl Tx<'_> {
    pub(super) fn is_declined(&self, user: i64, peer: i64) -> Result<bool> {
        self.conn.one(
            "SELECT EXISTS (SELECT 1 FROM turned_down WHERE user = ?1 AND peer = ?2)
                 OR EXISTS (SELECT 1 FROM grp_participant me JOIN grp_participant them ON them.grp = me.grp
                     JOIN grp g ON g.id = me.grp
                     WHERE me.user = ?1 AND me.declined <> 0 AND them.user = ?2 AND g.kind = ?3)",
            [user, peer, kind_number(GroupKind::Direct)],
            |row| row.get(0),
        )
    }

    /// The two people of a group of people that has no others.
    pub(super) fn only_two(&self, group: i64) -> Result<Option<[i64; 2]>> {
        let users: Vec<i64> = self.conn.all(
            "SELECT p.user FROM grp_participant p JOIN grp g ON g.id = p.grp WHERE g.id = ?1 AND g.kind = ?2 LIMIT 3",
            [group, kind_number(GroupKind::Group)],
            |row| row.get(0),
        )?;
        Ok(users.try_into().ok())
    }

    /// The people of a group have changed, by somebody's word or nobody's. If it is of two now, of whom one has declined the other,
    /// they are kept out, unless they have made it so themselves, or the group.
    pub(super) fn part_declined(&mut self, group: i64, by: Option<i64>) -> Result<()> {
        let Some([one, other]) = self.only_two(group)? else { return Ok(()) };
        for (user, peer) in [(one, other), (other, one)] {
            let hears: bool = self.conn.one(
                "SELECT kept_out = 0 AND began = 0 FROM grp_participant WHERE grp = ?1 AND user = ?2",
                [group, user],
                |row| row.get(0),
            )?;
            if by != Some(user) && hears && self.is_declined(user, peer)? {
                participant::set_kept_out(self.conn, group, user, Some(KeptOutFor::Blocking(peer)))?;
                self.tell_where_in(group, user)?;
            }
        }
        Ok(())
    }

    /// Whose devices were in the group have to look at it once more.
    fn tell_where_in(&mut self, group: i64, user: i64) -> Result<()> {
        let were_in: bool = self.conn.one(
            "SELECT EXISTS (SELECT 1 FROM grp_leaf l JOIN device d ON d.id = l.device WHERE l.grp = ?1 AND d.user = ?2)",
            [group, user],
            |row| row.get(0),
        )?;
        if !were_in {
            return Ok(());
        }
        let devices = self.state.cache.devices_of(self.conn, user)?;
        self.post_device_sync(group, user, &devices)
    }

    /// The user is about to leave a group. If that is one of two, and they have said nothing there, they turn down whoever has asked
    /// them into it, and whoever is left there; but nobody whom they talk to otherwise.
    pub(super) fn turn_down(&self, group: i64, user: i64) -> Result<()> {
        self.conn.run(
            "INSERT OR IGNORE INTO turned_down (user, peer)
             SELECT ?2, u.id FROM account u
             WHERE u.id IN (SELECT user FROM grp_participant WHERE grp = ?1 AND user <> ?2
                     UNION SELECT brought_by FROM grp_participant WHERE grp = ?1 AND user = ?2)
                 AND (SELECT count(*) FROM grp_participant WHERE grp = ?1) <= 2
                 AND EXISTS (SELECT 1 FROM grp_participant WHERE grp = ?1 AND user = ?2 AND acted = 0 AND began = 0)
                 AND NOT EXISTS (SELECT 1 FROM contact WHERE user = ?2 AND peer = u.id)
                 AND NOT EXISTS (SELECT 1 FROM grp_participant me JOIN grp_participant them ON them.grp = me.grp
                     JOIN grp g ON g.id = me.grp
                     WHERE me.user = ?2 AND me.acted = 1 AND them.user = u.id AND g.kind = ?3)",
            [group, user, kind_number(GroupKind::Direct)],
        )?;
        Ok(())
    }

    /// A person of the user has said something where only these two are.
    pub(super) fn turn_to(&self, user: i64, peer: i64) -> Result<usize> {
        self.conn.run("DELETE FROM turned_down WHERE user = ?1 AND peer = ?2", [user, peer])
    }

    /// The same, in a group, whoever else is there then.
    pub(super) fn turn_to_the_other(&self, group: i64, user: i64) -> Result<()> {
        self.conn.run(
            "DELETE FROM turned_down WHERE user = ?2
                 AND peer IN (SELECT user FROM grp_participant WHERE grp = ?1)
                 AND (SELECT count(*) FROM grp_participant WHERE grp = ?1) = 2",
            [group, user],
        )?;
        Ok(())
    }

    /// Brings a restored database up to whom the user has turned down since, or talks to again.
    pub(super) fn turn_again(&self, user_id: &UserId, peer: &UserId, is_down: bool) -> Result<usize> {
        let (user, peer) = (self.user(user_id)?, self.user(peer)?);
        if is_down {
            return self.conn.run("INSERT OR IGNORE INTO turned_down (user, peer) VALUES (?1, ?2)", [user, peer]);
        }
        self.turn_to(user, peer)
    }
}
