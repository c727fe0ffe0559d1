//! Leaving a group of people.
//!
//! In MLS nobody takes out their own leaf, so who leaves hands in the roster without them, signed, and the next commit of
//! somebody else carries it. The server takes such rosters in order, so that none is lost to another step while who has
//! left is away; and from then on it delivers nothing of the group to them.

use privmsg_mls_public::Roster;
use privmsg_protocol::rest::GroupKind;
use privmsg_protocol::{ConversationId, ErrorCode, GroupId, UserId};

use super::engine::SqliteStorage;
use super::groups::kind_number;
use super::query::Query as _;
use super::rosters::{Moves, Newcomers, stale_roster};
use super::tx::Tx;
use super::writer::Touches;
use crate::storage::{Refusal, Result, Session};

impl SqliteStorage {
    /// Takes the user out of a group of people: by a roster of theirs, or, if nobody else is in it, without.
    pub(crate) async fn leave_group(&self, session: Session, group_id: GroupId, step: Option<Roster>) -> Result<()> {
        self.write(Touches::Structure, move |tx| tx.leave_group(&session, group_id, step)).await
    }
}

impl Tx<'_> {
    fn leave_group(&mut self, session: &Session, group_id: GroupId, step: Option<Roster>) -> Result<()> {
        let (user, device) = (session.user.0, session.device.0);
        let entry = self.taking_part(session, group_id)?;
        let (group, chat, people) = (entry.id, entry.chat, entry.participants.len());
        if !self.is_of_people(group)? {
            return Err(Refusal::new(ErrorCode::InvalidRequest, "only a group of people can be left").into());
        }
        let seq = self.seq(group)?;
        let moves = if let Some(step) = &step {
            let newest = self.newest_roster(&chat)?.ok_or_else(stale_roster)?;
            let moves = self.check_leaving(session, &newest, step)?;
            self.store_roster(step)?;
            moves
        } else {
            if people > 1 && self.may_sign(&chat, session)? {
                let detail = "others are in the group: leave it by the roster without you";
                return Err(Refusal::new(ErrorCode::InvalidRequest, detail).into());
            }
            Moves { go: vec![user], ..Moves::default() }
        };
        self.turn_down(group, user)?;
        self.move_people(group, &moves, &[], seq)?;
        self.note_leaving(&chat, user)?;
        self.take_leaves(group, user, device)
    }

    /// Brings a restored database up to a step of since: as if its commit were still to come. Returns whether it had not been
    /// known.
    pub(super) fn step_again(&mut self, step: &Roster) -> Result<bool> {
        let chat = step.conversation_id();
        let newest = self.newest_roster(&chat)?.filter(|newest| step.number() > newest.number());
        let (Some(newest), Some(group)) = (newest, self.group_of(&chat)?) else {
            return Ok(false);
        };
        if step.replaces(&newest).is_err() {
            return Ok(false);
        }
        let moves = self.moves(&newest, step, Newcomers::WhereKnown)?;
        let author = self.present_user(step.author().user_id())?;
        let by: Vec<i64> = author.into_iter().collect();
        let seq = self.seq(group)? + 1;
        self.store_roster(step)?;
        self.move_people(group, &moves, &by, seq)?;
        if let Some(author) = author.filter(|_| step.participant(step.author().user_id()).is_none()) {
            self.note_leaving(&chat, author)?;
        }
        for user in moves.go {
            self.drop_leaves(group, user)?;
        }
        Ok(true)
    }

    /// The same of somebody who has left since, whether or not a step says so. Returns whether they were there.
    pub(super) fn leave_again(&mut self, user_id: &UserId, chat: &ConversationId) -> Result<bool> {
        let user = self.user(user_id)?;
        let Some(group) = self.group_of(chat)? else { return Ok(false) };
        let seq = self.seq(group)?;
        let is_there = self.conn.one(
            "SELECT EXISTS (SELECT 1 FROM grp_participant WHERE grp = ?1 AND user = ?2)",
            [group, user],
            |row| row.get(0),
        )?;
        if is_there {
            self.move_people(group, &Moves { go: vec![user], ..Moves::default() }, &[], seq)?;
            self.note_leaving(chat, user)?;
            self.drop_leaves(group, user)?;
            self.forget_empty_groups()?;
        }
        Ok(is_there)
    }

    fn group_of(&self, chat: &ConversationId) -> Result<Option<i64>> {
        self.conn.first("SELECT id FROM grp WHERE chat_id = ?1", [chat.as_bytes()], |row| row.get(0))
    }

    /// Whether the user can sign a roster: not where the newest names them under an identity that they have no more, or binds them to
    /// a generation that they have not begun. They leave by their session alone; that they stand in the roster is for the others
    /// to mend.
    fn may_sign(&self, chat: &ConversationId, session: &Session) -> Result<bool> {
        let Some(newest) = self.newest_roster(chat)? else { return Ok(true) };
        let Some(place) = newest.participant(&session.user_id) else { return Ok(false) };
        let (present, has_begun): (String, bool) = self.conn.one(
            "SELECT public_key, length(certificate) > 0 FROM user WHERE id = ?1",
            [session.user.0],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let is_bound = has_begun && place.floor() > self.generation_of(place)?;
        Ok(place.identity().to_string() == present && !is_bound)
    }

    fn is_of_people(&self, group: i64) -> Result<bool> {
        self.conn
            .one("SELECT kind = ?2 FROM grp WHERE id = ?1", [group, kind_number(GroupKind::Group)], |row| row.get(0))
    }

    /// Whether it is the next roster, by the user, who is not in it, and nobody comes by it.
    fn check_leaving(&self, session: &Session, newest: &Roster, step: &Roster) -> Result<Moves> {
        let invalid = |detail| Refusal::new(ErrorCode::InvalidRequest, detail);
        if *step.author().user_id() != session.user_id || step.participant(&session.user_id).is_some() {
            return Err(invalid("not a roster by which you leave the group").into());
        }
        if !step.previous().contains(newest.hash()) {
            return Err(stale_roster().into());
        }
        let moves = self.check_next(newest, step)?;
        if moves.go != [session.user.0] || !moves.come.is_empty() {
            return Err(invalid("who leaves a group takes nobody along and brings nobody").into());
        }
        Ok(moves)
    }

    /// No device of the user is a leaf any more, and all but this one are told.
    fn take_leaves(&mut self, group: i64, user: i64, but: i64) -> Result<()> {
        let mut own = self.state.cache.devices_of(self.conn, user)?.to_vec();
        own.retain(|device| *device != but);
        self.drop_leaves(group, user)?;
        self.notify(group, user)?;
        self.post_device_sync(group, user, &own)?;
        let is_empty: bool =
            self.conn
                .one("SELECT NOT EXISTS (SELECT 1 FROM grp_participant WHERE grp = ?1)", [group], |row| row.get(0))?;
        // Looking for them reads all groups of the server.
        if is_empty {
            self.forget_empty_groups()?;
            self.forget_leftovers()?;
        }
        Ok(())
    }
}
