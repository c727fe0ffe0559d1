//! Creating a group.

use std::collections::HashSet;

use privmsg_protocol::rest::{CreateGroup, Group, GroupKind};
use privmsg_protocol::{Epoch, ErrorCode, GroupId, Incarnation, Seq, UserId};
use rusqlite::params;

use super::engine::SqliteStorage;
use super::groups;
use super::joining::{Place, invalid, size};
use super::participant;
use super::query::Query as _;
use super::rosters::People;
use super::tx::Tx;
use super::writer::Touches;
use crate::storage::{Founding, Named, Refusal, Result, Session};

impl SqliteStorage {
    pub(crate) async fn create_group(&self, session: Session, founding: Founding) -> Result<Group> {
        self.write(Touches::Structure, move |tx| tx.create_group(&session, founding)).await
    }
}

/// The creation itself is the first thing in a group's history.
const FIRST: Seq = Seq(1);

/// What a group is when it begins.
struct Beginning {
    kind: GroupKind,
    named: Named,
    incarnation: Incarnation,
    epoch: Epoch,
    made_of: [u8; 32],
}

impl Tx<'_> {
    fn create_group(&mut self, session: &Session, founding: Founding) -> Result<Group> {
        let Founding { new, named, creator, rosters, max_bytes, made_of, epoch, welcomed, dates, state } = founding;
        if let Some((group, made_by, same)) = self.existing(named.group, &made_of)?
            && made_by == session.device.0
            && same
        {
            return groups::load(self.conn, group);
        }
        self.require_signed_in(session)?;
        self.require_own_key(session, &creator)?;
        let two = if rosters.is_none() { self.participants(session, &new)? } else { Vec::new() };
        let goes_on = self.require_next(session, &named, &new)?;
        self.require_not_suspended(session, &named.chat)?;
        let people = match &rosters {
            Some(rosters) => self.people_of(session, &named, new.incarnation, rosters)?,
            None => People::of(two),
        };
        let joiners = self.joiners(welcomed, &people.users)?;
        self.require_state_room(session, &named, state.len() as u64, max_bytes)?;
        self.require_room(session.user, size(&joiners))?;
        let before = participant::of_chat_before(self.conn, &named.chat)?;
        self.note_incarnation(session, &named, new.incarnation, goes_on)?;
        let at = Beginning { kind: new.kind, named, incarnation: new.incarnation, epoch, made_of };
        let group = self.insert_group(session, &at)?;
        // What belongs to the conversation and not to one group of it goes with the last one.
        self.forget_groups_before(&at.named, group)?;
        self.stand((group, at.kind), session, &people, &before)?;
        let place = Place { group, group_id: named.group, epoch, seq: FIRST };
        self.add_leaf(group, session.device.0)?;
        self.note_leaf_dates(group, &dates, &[])?;
        self.welcome(session, place, joiners)?;
        self.store_state(place, &new.state.group_info, &state)?;
        if let Some(rosters) = rosters {
            self.store_rosters(group, &rosters)?;
        }
        if goes_on {
            self.notify_left_out(group, session.user.0, &people.users)?;
        }
        groups::load(self.conn, group)
    }

    /// The group of this name: row, creator, and whether it was made by the same request.
    fn existing(&self, group_id: GroupId, made_of: &[u8; 32]) -> Result<Option<(i64, i64, bool)>> {
        self.conn.first(
            "SELECT id, creator, made_of = ?2 FROM grp WHERE group_id = ?1",
            params![group_id.as_bytes(), made_of],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
    }

    /// All users of a conversation of one or two, the creator among them.
    fn participants(&mut self, session: &Session, new: &CreateGroup) -> Result<Vec<i64>> {
        let distinct: HashSet<&UserId> = new.participants.iter().collect();
        let count = new.participants.len();
        if distinct.len() != count || !distinct.contains(&session.user_id) {
            return Err(invalid("the participants do not fit this kind of conversation").into());
        }
        let mut users = Vec::with_capacity(count);
        for user_id in &new.participants {
            let user = self.state.cache.account(self.conn, user_id)?;
            users
                .push(user.ok_or(Refusal::new(ErrorCode::UnknownRecipient, "one of the participants does not exist"))?);
        }
        Ok(users)
    }

    /// Refuses if the groups that the user has created take too much with this one, which takes the place of its own former
    /// one.
    fn require_state_room(&self, session: &Session, named: &Named, size: u64, max_bytes: u64) -> Result<()> {
        let taken: i64 = self.conn.one(
            "SELECT coalesce(sum(length(s.state) + length(s.group_info)), 0)
             FROM grp g JOIN grp_state s ON s.grp = g.id WHERE g.founder = ?1 AND g.chat_id <> ?2",
            params![session.user.0, named.chat.as_bytes()],
            |row| row.get(0),
        )?;
        if taken.unsigned_abs().saturating_add(size) > max_bytes {
            let detail = "the groups that you have created take all the room that the server gives one user";
            return Err(Refusal::new(ErrorCode::TooManyGroups, detail).into());
        }
        Ok(())
    }

    fn insert_group(&self, session: &Session, at: &Beginning) -> Result<i64> {
        self.conn.run(
            "INSERT INTO grp (group_id, kind, chat_id, incarnation, creator, epoch, seq, created_at, made_of, founder)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                at.named.group.as_bytes(),
                groups::kind_number(at.kind),
                at.named.chat.as_bytes(),
                at.incarnation.0,
                session.device.0,
                at.epoch.0,
                FIRST.0,
                self.now(),
                at.made_of,
                session.user.0,
            ],
        )?;
        Ok(self.conn.last_insert_rowid())
    }
}
