//! Leaving a group of people.
//!
//! In MLS nobody takes out their own leaf, so who leaves hands in the roster without them, signed, and the next commit of
//! somebody else carries it. The server takes such rosters in order, so that none is lost to another step while who has
//! left is away; and from then on it delivers nothing of the group to them.

use privmsg_mls_public::Roster;
use privmsg_protocol::rest::GroupKind;
use privmsg_protocol::{ConversationId, ErrorCode, GroupId};
use rusqlite::OptionalExtension as _;

use super::fault::engine_error;
use super::groups::kind_number;
use super::relay::{signed_out, unknown_group};
use super::rosters::{Moves, stale_roster};
use super::tx::Tx;
use crate::storage::{Refusal, Result, Session};

impl Tx<'_> {
    pub(super) fn leave_group(&mut self, session: &Session, group_id: GroupId, step: Option<Roster>) -> Result<()> {
        let (user, device) = (session.user.0, session.device.0);
        if self.state.cache.owner(self.conn, device).map_err(engine_error)?.is_none() {
            return Err(signed_out().into());
        }
        let (group, chat, people) = match self.state.cache.group(self.conn, group_id).map_err(engine_error)? {
            Some(group) if group.admits(user) => (group.id, group.chat, group.participants.len()),
            _ => return Err(unknown_group().into()),
        };
        if !self.is_of_people(group).map_err(engine_error)? {
            return Err(Refusal::new(ErrorCode::InvalidRequest, "only a group of people can be left").into());
        }
        let seq = self.seq(group).map_err(engine_error)?;
        if let Some(step) = &step {
            let newest = self.newest_roster(&chat)?.ok_or_else(stale_roster)?;
            let moves = self.check_leaving(session, &newest, step)?;
            self.store_roster(step)
                .and_then(|()| self.move_people(group, &moves, &[], seq))
                .and_then(|()| self.note_leaving(&chat, user))
                .map_err(engine_error)?;
        } else {
            if people > 1 && !self.is_another_since(&chat, session)? {
                let detail = "others are in the group: leave it by the roster without you";
                return Err(Refusal::new(ErrorCode::InvalidRequest, detail).into());
            }
            let moves = Moves { go: vec![user], ..Moves::default() };
            self.move_people(group, &moves, &[], seq)
                .and_then(|()| self.note_leaving(&chat, user))
                .map_err(engine_error)?;
        }
        self.take_leaves(group, user, device).map_err(engine_error)
    }

    /// Brings a restored database up to a step of since: as if its commit were still to come. Returns whether it had not been
    /// known.
    pub(super) fn step_again(&mut self, step: &Roster) -> Result<bool> {
        let chat = step.conversation_id();
        let newest = self.newest_roster(&chat)?.filter(|newest| step.number() > newest.number());
        let (Some(newest), Some(group)) = (newest, self.group_of(&chat).map_err(engine_error)?) else {
            return Ok(false);
        };
        if step.replaces(&newest).is_err() {
            return Ok(false);
        }
        let moves = self.moves_again(&newest, step)?;
        let author = self.present_user(step.author().user_id()).map_err(engine_error)?;
        let by: Vec<i64> = author.into_iter().collect();
        let seq = self.seq(group).map_err(engine_error)? + 1;
        self.store_roster(step).and_then(|()| self.move_people(group, &moves, &by, seq)).map_err(engine_error)?;
        if let Some(author) = author.filter(|_| step.participant(step.author().user_id()).is_none()) {
            self.note_leaving(&chat, author).map_err(engine_error)?;
        }
        for user in moves.go {
            self.conn
                .prepare_cached(
                    "DELETE FROM grp_leaf WHERE grp = ?1 AND device IN (SELECT id FROM device WHERE user = ?2)",
                )
                .and_then(|mut delete| delete.execute([group, user]))
                .map_err(engine_error)?;
        }
        Ok(true)
    }

    fn group_of(&self, chat: &ConversationId) -> rusqlite::Result<Option<i64>> {
        self.conn
            .prepare_cached("SELECT id FROM grp WHERE chat_id = ?1")?
            .query_row([chat.as_bytes()], |row| row.get(0))
            .optional()
    }

    /// Whether the newest roster names the user under an identity that they have no more. They sign no roster of it, so they leave
    /// by their session alone; that they stand in the roster is for the others to mend.
    fn is_another_since(&self, chat: &ConversationId, session: &Session) -> Result<bool> {
        let Some(newest) = self.newest_roster(chat)? else { return Ok(false) };
        let present: String = self
            .conn
            .prepare_cached("SELECT public_key FROM user WHERE id = ?1")
            .and_then(|mut query| query.query_row([session.user.0], |row| row.get(0)))
            .map_err(engine_error)?;
        Ok(newest.participant(&session.user_id).is_none_or(|place| place.identity().to_string() != present))
    }

    fn is_of_people(&self, group: i64) -> rusqlite::Result<bool> {
        self.conn
            .prepare_cached("SELECT kind = ?2 FROM grp WHERE id = ?1")?
            .query_row([group, kind_number(GroupKind::Group)], |row| row.get(0))
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
    fn take_leaves(&mut self, group: i64, user: i64, but: i64) -> rusqlite::Result<()> {
        let mut own = self.state.cache.devices_of(self.conn, user)?.to_vec();
        own.retain(|device| *device != but);
        self.conn
            .prepare_cached(
                "DELETE FROM grp_leaf WHERE grp = ?1 AND device IN (SELECT id FROM device WHERE user = ?2)",
            )?
            .execute([group, user])?;
        self.notify(group, user)?;
        self.post_device_sync(group, user, &own)?;
        let is_empty: bool = self
            .conn
            .prepare_cached("SELECT NOT EXISTS (SELECT 1 FROM grp_participant WHERE grp = ?1)")?
            .query_row([group], |row| row.get(0))?;
        // Looking for them reads all groups of the server.
        if is_empty { self.forget_empty_groups().and_then(|()| self.forget_leftovers()) } else { Ok(()) }
    }
}
