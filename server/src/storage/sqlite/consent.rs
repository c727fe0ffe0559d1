//! Consent: who has answered whom, and what strangers may do until then.
//!
//! A conversation that one user begins with another is a *request* until a person of the other one answers: writes there,
//! or accepts it. What a client does by itself says nothing. Before that the one who asks does not see when the other is there
//! ([`super::contacts`]), may ask few people in a day, and write little to each. All of that is counted by what was *sent*, and by
//! the clock: nothing of it tells whether the other one is there, has declined, or blocks.
//!
//! Whoever declines is spared what the other one writes, as if they had blocked them in this one conversation, until they
//! write there themselves or accept.

use privmsg_protocol::rest::{GroupKind, Requests};
use privmsg_protocol::{ConversationId, ErrorCode, GroupId, UserId};
use rusqlite::{Connection, params};

use super::contacts::may_see;
use super::engine::SqliteStorage;
use super::groups::kind_number;
use super::participant::{self, Participant};
use super::query::Query as _;
use super::relay::unknown_group;
use super::rosters::People;
use super::row::{parse, parse_group_id};
use super::tx::Tx;
use super::writer::Touches;
use crate::storage::{Declined, Refusal, Result, Session, UserKey};

/// Of so many groups the devices of somebody who answers are told at once: it is one transaction.
const TOLD_AT_ONCE: usize = 32;

impl SqliteStorage {
    /// A person of the session's user lets a conversation in without writing.
    pub(crate) async fn accept(&self, session: Session, group_id: GroupId) -> Result<()> {
        self.write(Touches::Structure, move |tx| tx.accept(&session, group_id)).await
    }

    /// The session's user is spared a conversation between two, until they write there or accept it.
    pub(crate) async fn decline(&self, session: Session, group_id: GroupId) -> Result<Declined> {
        self.write(Touches::Structure, move |tx| tx.decline(&session, group_id)).await
    }

    /// Conversations that the user has not answered, and those that they have declined.
    pub(crate) async fn asked(&self, user: UserKey) -> Result<Requests> {
        self.read(move |conn| requests(conn, user)).await
    }
}

/// Whether `peer` has written to `user`, alone or in a group in which the user was then, or has accepted what they ask. Who has answered and declines
/// later has answered all the same, or the other one would be told.
pub(super) fn has_answered(conn: &Connection, peer: i64, user: i64) -> Result<bool> {
    conn.one(
        "SELECT EXISTS (SELECT 1 FROM contact WHERE user = ?1 AND peer = ?2) OR EXISTS (
             SELECT 1 FROM grp_participant them JOIN grp_participant me ON me.grp = them.grp
             WHERE them.user = ?1 AND me.user = ?2
                 AND (them.had_answered = 1 OR (them.acted = 1 AND them.acted_at >= me.came_at)))",
        [peer, user],
        |row| row.get(0),
    )
}

/// What others ask of a user, and what the user has declined.
pub(super) fn requests(conn: &Connection, user: UserKey) -> Result<Requests> {
    let groups = |condition: &str| -> Result<Vec<GroupId>> {
        let sql = format!(
            "SELECT g.group_id, g.id FROM grp_participant p JOIN grp g ON g.id = p.grp
             WHERE p.user = ?1 AND g.kind <> ?2 AND {condition} ORDER BY g.id"
        );
        conn.all(&sql, [user.0, kind_number(GroupKind::SelfNotes)], |row| parse_group_id(row, 0))
    };
    let unanswered = groups(
        "p.acted = 0 AND p.declined = 0 AND p.began = 0 AND p.kept_out = 0 AND NOT EXISTS (
             SELECT 1 FROM grp_participant o WHERE o.grp = p.grp AND o.began = 1 AND (
                 EXISTS (SELECT 1 FROM contact c WHERE c.user = p.user AND c.peer = o.user)
                 OR EXISTS (SELECT 1 FROM grp_participant me JOIN grp_participant them ON them.grp = me.grp
                     WHERE me.user = p.user AND me.acted = 1 AND me.acted_at >= them.came_at AND them.user = o.user)))",
    )?;
    let kept_out = super::keeping_out::kept_out(conn, user)?;
    Ok(Requests { unanswered, declined: groups("p.declined <> 0")?, kept_out })
}

/// When `user` was last there, as far as `peer` sees it: what they saw before the conversation was declined.
pub(super) fn seen_before(conn: &Connection, user: i64, peer: i64) -> Result<i64> {
    conn.one(
        "SELECT coalesce(max(me.seen_before), 0) FROM grp_participant me JOIN grp_participant them ON them.grp = me.grp
         WHERE me.user = ?1 AND them.user = ?2",
        [user, peer],
        |row| row.get(0),
    )
}

impl Tx<'_> {
    /// Notes how the participants of a new group stand to the conversation: as before, or it has just been asked for, if
    /// the user may ask that many. To have made the group is nothing that a person has said.
    ///
    /// Who comes as it goes on is asked for like by a commit, and kept out because of whoever has signed that they come, or
    /// posts it.
    pub(super) fn stand(
        &mut self,
        (group, kind): (i64, GroupKind),
        session: &Session,
        people: &People,
        before: &[Participant],
    ) -> Result<()> {
        let user = session.user.0;
        let known = |participant: &i64| before.iter().any(|standing| standing.user == *participant);
        let come: Vec<i64> = people.users.iter().copied().filter(|participant| !known(participant)).collect();
        match kind {
            GroupKind::Group => self.ask_for(user, &come, people.users.len())?,
            GroupKind::Direct | GroupKind::SelfNotes => self.ask_direct(user, &come)?,
        }
        // Who stands in none of the groups before has just come.
        let came_at = i64::from(!before.is_empty());
        for participant in &people.users {
            let stands = match before.iter().find(|standing| standing.user == *participant) {
                Some(known) if *participant == user => Participant { kept_out: None, ..*known },
                Some(known) => *known,
                None => {
                    let began = before.is_empty() && *participant == user;
                    Participant { began, ..Participant::new(*participant, came_at) }
                }
            };
            participant::insert(self.conn, group, &stands)?;
        }
        for newcomer in come.into_iter().filter(|newcomer| *newcomer != user) {
            let signed = people.brought_by(newcomer);
            let by: Vec<i64> = signed.into_iter().chain([user]).collect();
            self.brought_in(group, newcomer, &by)?;
            if signed.is_none() && !before.is_empty() {
                self.keep_out_who_has_left(group, newcomer)?;
            }
        }
        self.part_declined(group, Some(user))
    }

    /// Notes how somebody who has just come to a group stands to those who have put them in, whose word it is first. Whoever comes
    /// with them is there.
    pub(super) fn brought_in(&mut self, group: i64, user: i64, by: &[i64]) -> Result<()> {
        let kept_out = self.kept_out_by(group, user, by)?;
        let brought_by = by.first().map_or(Ok(0), |author| self.brought_by(user, *author))?;
        participant::set_brought_in(self.conn, group, user, kept_out, brought_by)
    }

    /// A person of this user has answered the others who are in the group, which is at `seq`: they may see from now on when the
    /// user is there, and so that devices come which were not told that there is the group ([`Tx::notify_left_out`]).
    pub(super) fn note_act(&mut self, group: i64, user: i64, seq: i64) -> Result<()> {
        let was_silent: Option<i64> = self.conn.first(
            "SELECT grp FROM grp_participant WHERE grp = ?1 AND user = ?2 AND acted = 0",
            [group, user],
            |row| row.get(0),
        )?;
        self.conn.run(
            "UPDATE grp_participant SET acted = 1, acted_at = ?3, declined = 0, seen_before = 0,
                 had_answered = 0 WHERE grp = ?1 AND user = ?2",
            [group, user, seq],
        )?;
        // Whom they answer may have brought them into groups.
        let brought: Vec<i64> = self.conn.all(
            "UPDATE grp_participant SET brought_by = 0 WHERE user = ?2 AND brought_by <> 0
                 AND (grp = ?1 OR brought_by IN (SELECT user FROM grp_participant WHERE grp = ?1))
             RETURNING grp",
            [group, user],
            |row| row.get(0),
        )?;
        self.conn.run(
            "DELETE FROM unanswered WHERE peer = ?2 AND user IN (SELECT user FROM grp_participant WHERE grp = ?1)",
            [group, user],
        )?;
        if let Some(group) = was_silent {
            self.notify_left_out(group, user, &[user])?;
        }
        // Who answers somebody in a group has not let in what they ask elsewhere, as clients see it: who answers them alone has.
        let elsewhere: Vec<i64> = brought.into_iter().filter(|other| *other != group).collect();
        if !elsewhere.is_empty() && self.is_direct(group)? {
            self.tell_of_groups(user, elsewhere.into_iter())?;
        }
        self.turn_to_the_other(group, user)
    }

    /// The same by a message to somebody outside of any group.
    pub(super) fn note_contact(&mut self, user: i64, peer: i64) -> Result<()> {
        if self.state.cache.new_contact(user, peer) {
            self.conn.run("INSERT OR IGNORE INTO contact (user, peer) VALUES (?1, ?2)", [user, peer])?;
            self.conn.run("DELETE FROM unanswered WHERE user = ?2 AND peer = ?1", [user, peer])?;
            self.turn_to(user, peer)?;
            let brought: Vec<i64> = self.conn.all(
                "UPDATE grp_participant SET brought_by = 0 WHERE user = ?1 AND brought_by = ?2 RETURNING grp",
                [user, peer],
                |row| row.get(0),
            )?;
            if !brought.is_empty() {
                self.state.cache.has_answered(user, peer);
            }
            self.tell_of_groups(user, brought.into_iter())?;
        }
        Ok(())
    }

    /// Tells the user's devices of groups into which somebody has brought them whom they have answered now. The others they find when
    /// they connect.
    fn tell_of_groups(&mut self, user: i64, groups: impl Iterator<Item = i64>) -> Result<()> {
        groups.take(TOLD_AT_ONCE).try_for_each(|group| self.notify_left_out(group, user, &[user]))
    }

    fn is_direct(&self, group: i64) -> Result<bool> {
        self.conn
            .one("SELECT kind = ?2 FROM grp WHERE id = ?1", [group, kind_number(GroupKind::Direct)], |row| row.get(0))
    }

    /// A person lets a conversation in without writing.
    fn accept(&mut self, session: &Session, group_id: GroupId) -> Result<()> {
        let (group, _) = self.own_group(session, group_id)?;
        let seq = self.seq(group)?;
        self.note_act(group, session.user.0, seq)?;
        self.open_to(group, session.user.0)?;
        self.let_in_by_others(group, session.user.0)?;
        self.notify_account(session.user.0, Some(session.device))
    }

    /// The user is spared what comes next in a conversation between two, and is seen by the other no more. What waits for the
    /// user's other devices stays: they are to show what was there when it was turned down.
    fn decline(&mut self, session: &Session, group_id: GroupId) -> Result<Declined> {
        let user = session.user.0;
        let (group, is_direct) = self.own_group(session, group_id)?;
        let peer: Option<(i64, UserId)> = self.conn.first(
            "SELECT p.user, u.user_id FROM grp_participant p JOIN user u ON u.id = p.user
             WHERE p.grp = ?1 AND p.user <> ?2",
            [group, user],
            |row| Ok((row.get(0)?, parse(row, 1)?)),
        )?;
        let Some((peer, peer_id)) = peer.filter(|_| is_direct) else {
            let detail = "only a conversation between two is declined; leave others";
            return Err(Refusal::new(ErrorCode::InvalidRequest, detail).into());
        };
        let was_seen = may_see(self.conn, peer, user)?;
        let had_answered = has_answered(self.conn, user, peer)?;
        self.conn.run(
            "UPDATE grp_participant SET acted = 0, declined = 1, had_answered = ?4,
                 seen_before = iif(?3, (SELECT last_seen_at FROM user WHERE id = ?2), 0)
             WHERE grp = ?1 AND user = ?2 AND declined = 0",
            params![group, user, was_seen, had_answered],
        )?;
        self.notify_account(user, Some(session.device))?;
        Ok(Declined { peer: peer_id, was_seen, is_seen: may_see(self.conn, peer, user)? })
    }

    /// Brings a restored database up to what the user has said to a conversation since.
    pub(super) fn decline_again(&self, user_id: &UserId, chat: &ConversationId, is_declined: bool) -> Result<usize> {
        let user = self.user(user_id)?;
        self.conn.run(
            "UPDATE grp_participant SET declined = ?3, had_answered = iif(?3, acted, 0), seen_before = 0, acted = NOT ?3,
                 acted_at = (SELECT seq FROM grp WHERE id = grp)
             WHERE user = ?1 AND grp IN (SELECT id FROM grp WHERE chat_id = ?2) AND declined <> ?3",
            params![user, chat.as_bytes(), is_declined],
        )
    }

    fn own_group(&self, session: &Session, group_id: GroupId) -> Result<(i64, bool)> {
        let found = self.conn.first(
            "SELECT g.id, g.kind = ?3 FROM grp g JOIN grp_participant p ON p.grp = g.id
             WHERE g.group_id = ?1 AND p.user = ?2",
            params![group_id.as_bytes(), session.user.0, kind_number(GroupKind::Direct)],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(found.ok_or_else(unknown_group)?)
    }
}
