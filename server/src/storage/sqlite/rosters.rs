//! Rosters: which the server has of a conversation, which may come next, and who takes part by them.
//!
//! What the rosters themselves say is checked where everybody checks it. Added here is what only the server knows: that
//! their authors have not begun newer generations since, and that who is added is who has the account.

use std::borrow::Cow;

use privmsg_mls_public::{Participant, Roster, StepError};
use privmsg_protocol::rest::{RosterName, RosterSteps};
use privmsg_protocol::{ConversationId, ErrorCode, GroupId, Incarnation, Opaque, UserId};
use rusqlite::{Connection, params};

use super::device_lists::damaged;
use super::engine::SqliteStorage;
use super::participant;
use super::query::Query as _;
use super::relay::unknown_group;
use super::taken_back::was_restored_lately;
use super::tx::Tx;
use crate::storage::rosters::invalid;
use crate::storage::{Named, Refusal, Result, Rosters, Session, StorageError, UserKey};

impl SqliteStorage {
    /// The rosters of a group after this number, as far as they are kept.
    pub(crate) async fn roster_steps(&self, user: UserKey, group_id: GroupId, after: u64) -> Result<RosterSteps> {
        self.read(move |conn| steps(conn, user, group_id, after)).await
    }
}

/// The number of a founding roster.
const FOUNDING: i64 = 1;

/// Bytes of former rosters that are kept of one group: 140 of one with 250 people, thousands of a small one.
const OF_GROUP: i64 = 4 << 20;

/// The same of all groups that one user has created. Beyond that they are kept of none of them that changes.
const OF_FOUNDER: i64 = 32 << 20;

/// Bytes of rosters in one answer.
const ANSWER: usize = 1 << 20;

/// The newest roster of a conversation that the server has.
pub(super) fn newest_name(conn: &Connection, chat: &ConversationId) -> Result<Option<RosterName>> {
    conn.first(
        "SELECT number, hash FROM roster WHERE chat_id = ?1 ORDER BY number DESC LIMIT 1",
        [chat.as_bytes()],
        |row| {
            let hash: Vec<u8> = row.get(1)?;
            Ok(RosterName { number: row.get(0)?, hash: Opaque::encode(&hash) })
        },
    )
}

/// Rosters above this number, which wait for a commit.
pub(super) fn waiting(conn: &Connection, chat: &ConversationId, number: i64) -> Result<Vec<Opaque>> {
    conn.all(
        "SELECT body FROM roster WHERE chat_id = ?1 AND number > ?2 ORDER BY number",
        params![chat.as_bytes(), number],
        |row| Ok(Opaque::encode(&row.get::<_, Vec<u8>>(0)?)),
    )
}

/// The rosters of a group after this number, from the lowest on, as many as one answer has.
pub(super) fn steps(conn: &Connection, user: UserKey, group_id: GroupId, after: u64) -> Result<RosterSteps> {
    let group = super::groups::require(conn, user, group_id)?;
    let after = i64::try_from(after).unwrap_or(i64::MAX).max(FOUNDING);
    let mut query = conn.prepare_cached(
        "SELECT body FROM roster WHERE chat_id = (SELECT chat_id FROM grp WHERE id = ?1) AND number > ?2
         ORDER BY number",
    )?;
    let mut rows = query.query([group, after])?;
    let mut steps = RosterSteps::default();
    let mut size = 0;
    while let Some(row) = rows.next()? {
        let body: Vec<u8> = row.get(0)?;
        size += body.len();
        if size > ANSWER && !steps.rosters.is_empty() {
            steps.has_more = true;
            break;
        }
        steps.rosters.push(Opaque::encode(&body));
    }
    Ok(steps)
}

/// What a conversation began with; empty if it is no group of people.
pub(super) fn founding(conn: &Connection, group: i64) -> Result<Vec<u8>> {
    let found = conn.first(
        "SELECT body FROM roster WHERE chat_id = (SELECT chat_id FROM grp WHERE id = ?1) AND number = ?2",
        [group, FOUNDING],
        |row| row.get(0),
    )?;
    Ok(found.unwrap_or_default())
}

/// What a roster changes of who takes part.
#[derive(Default)]
pub(super) struct Moves {
    /// Who takes part from now on.
    pub(super) come: Vec<i64>,
    /// Who does not any more.
    pub(super) go: Vec<i64>,
}

/// What becomes of a roster with somebody new who has no account here, or another identity than the account.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Newcomers {
    /// It is refused.
    MustBeKnown,
    /// They do not come.
    WhereKnown,
}

/// Who takes part in a group that begins or goes on.
pub(super) struct People {
    pub(super) users: Vec<i64>,
    /// Who has come by a step that the server had not seen, and who has signed it, in the order of the steps.
    brought: Vec<(i64, i64)>,
}

impl People {
    /// Who takes part by no roster.
    pub(super) const fn of(users: Vec<i64>) -> Self {
        Self { users, brought: Vec::new() }
    }

    /// Who has signed that the user comes, as far as a step says so.
    pub(super) fn brought_by(&self, user: i64) -> Option<i64> {
        self.brought.iter().rfind(|(brought, _)| *brought == user).map(|(_, by)| *by)
    }
}

/// A roster that may be stored.
pub(super) struct Step {
    pub(super) roster: Roster,
    /// Whether the server has it: it waited for its commit.
    pub(super) waited: bool,
    pub(super) moves: Moves,
}

impl Tx<'_> {
    pub(super) fn newest_roster(&self, chat: &ConversationId) -> Result<Option<Roster>> {
        let body: Option<Vec<u8>> = self.conn.first(
            "SELECT body FROM roster WHERE chat_id = ?1 ORDER BY number DESC LIMIT 1",
            [chat.as_bytes()],
            |row| row.get(0),
        )?;
        body.map(|body| Roster::decode_admitted(&body).map_err(damaged)).transpose()
    }

    /// Checks the rosters of a group that begins or goes on, and says who takes part.
    pub(super) fn people_of(
        &self,
        session: &Session,
        named: &Named,
        incarnation: Incarnation,
        rosters: &Rosters,
    ) -> Result<People> {
        let held = self.newest_roster(&named.chat)?;
        let begins = held.is_none() && incarnation == Incarnation::FIRST;
        if begins && (!rosters.later.is_empty() || *rosters.founding.author().user_id() != session.user_id) {
            return Err(invalid("a group begins with the founding roster, and whoever has signed that").into());
        }
        let base = held.as_ref().unwrap_or(&rosters.founding);
        let current = rosters.current();
        // What the server has not seen it may have lost, and the certificates with it, if it was set back. Else there are none.
        let now = self.now();
        let restored_lately = was_restored_lately(self.conn, now)?;
        let place = |roster: &Roster| roster.participant(&session.user_id).is_some();
        if !place(current) || !(place(base) || restored_lately) {
            return Err(unknown_group().into());
        }
        if begins {
            self.check_author(&rosters.founding)?;
        }
        let honest = if restored_lately { now.unsigned_abs() } else { 0 };
        let brought = match self.brought_on_the_way(base, rosters, honest) {
            // Who cannot show that they have come since is a stranger.
            Err(StorageError::Refused(_)) if !place(base) => return Err(unknown_group().into()),
            brought => brought?,
        };
        // Where the server knows who took part, who has another identity since stays, until an admin says otherwise. Who has come
        // since then has the account, or a restored server has lost it.
        let took_part = |place: &Participant| held.as_ref().is_some_and(|held| stands(held, place));
        let mut users = self.participants_of_chat(&named.chat, current)?;
        let is_brought = brought.iter().any(|(user, _)| *user == session.user.0);
        if held.is_some() && !is_brought && !users.contains(&session.user.0) {
            // Who has left stands in a roster perhaps, and is in by the word of somebody who may, or not at all.
            return Err(unknown_group().into());
        }
        for place in current.participants() {
            match self.account_of(place)? {
                Account::Is(user) => users.push(user),
                _ if !begins && (restored_lately || took_part(place)) => {}
                Account::Unknown => return Err(unknown_person().into()),
                Account::IsAnother => return Err(another_identity(place).into()),
            }
        }
        if !users.contains(&session.user.0) {
            return Err(unknown_group().into());
        }
        users.sort_unstable();
        users.dedup();
        Ok(People { users, brought })
    }

    /// Checks the steps from the newest roster that the server has to the current one. Returns who has come by them, and who has
    /// signed it, in the order of the steps.
    fn brought_on_the_way(&self, base: &Roster, rosters: &Rosters, honest: u64) -> Result<Vec<(i64, i64)>> {
        let mut brought = Vec::new();
        let mut before = base;
        for next in rosters.later.iter().filter(|roster| roster.number() > base.number()) {
            next.replaces(before).map_err(refusal)?;
            self.check_author(next)?;
            self.check_floors(before, next, honest)?;
            let author = self.present_user(next.author().user_id())?;
            for new in next.participants().iter().filter(|new| !stands(before, new)) {
                let user = self.present_user(new.user_id())?;
                brought.extend(user.zip(author));
            }
            before = next;
        }
        if before.hash() != rosters.current().hash() {
            return Err(stale_roster().into());
        }
        Ok(brought)
    }

    /// Who takes part in the conversation's present group, and stands in this roster.
    fn participants_of_chat(&self, chat: &ConversationId, roster: &Roster) -> Result<Vec<i64>> {
        let mut query = self.conn.prepare_cached(
            "SELECT u.id, u.user_id FROM grp g JOIN grp_participant p ON p.grp = g.id JOIN user u ON u.id = p.user
             WHERE g.chat_id = ?1",
        )?;
        let found =
            query.query_map([chat.as_bytes()], |row| Ok((row.get(0)?, super::row::parse::<UserId>(row, 1)?)))?;
        let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(found.into_iter().filter(|(_, name)| roster.participant(name).is_some()).map(|(user, _)| user).collect())
    }

    /// Checks the roster that a commit moves the group to, and says what that changes. That it may come after the one in
    /// the GroupContext was checked with the commit.
    pub(super) fn check_step(&self, chat: &ConversationId, context: i64, step: Roster) -> Result<Step> {
        let newest = self.newest_roster(chat)?.ok_or_else(stale_roster)?;
        if self.waits(chat, context, &step)? {
            return Ok(Step { roster: step, waited: true, moves: Moves::default() });
        }
        let some_wait = i64::try_from(newest.number()).unwrap_or(i64::MAX) > context;
        // Whoever has left is not brought back by somebody who does not know of it.
        if some_wait && !step.previous().contains(newest.hash()) {
            return Err(stale_roster().into());
        }
        let moves = self.check_next(&newest, &step)?;
        Ok(Step { roster: step, waited: false, moves })
    }

    fn waits(&self, chat: &ConversationId, context: i64, step: &Roster) -> Result<bool> {
        self.conn.one(
            "SELECT EXISTS (SELECT 1 FROM roster WHERE chat_id = ?1 AND number > ?2 AND hash = ?3)",
            params![chat.as_bytes(), context, step.hash()],
            |row| row.get(0),
        )
    }

    /// Checks a roster that comes after the newest, and says what it changes.
    pub(super) fn check_next(&self, newest: &Roster, next: &Roster) -> Result<Moves> {
        next.replaces(newest).map_err(refusal)?;
        self.check_author(next)?;
        self.check_floors(newest, next, 0)?;
        self.moves(newest, next, Newcomers::MustBeKnown)
    }

    /// What a roster changes. Of a step that the server has taken once, who has no account any more, or is another since, does
    /// not come.
    pub(super) fn moves(&self, newest: &Roster, next: &Roster, newcomers: Newcomers) -> Result<Moves> {
        let mut moves = Moves::default();
        for old in newest.participants().iter().filter(|old| !stands(next, old)) {
            moves.go.extend(self.present_user(old.user_id())?);
        }
        for new in next.participants().iter().filter(|new| !stands(newest, new)) {
            match self.account_of(new)? {
                Account::Is(user) => moves.come.push(user),
                _ if newcomers == Newcomers::WhereKnown => {}
                Account::IsAnother => return Err(another_identity(new).into()),
                Account::Unknown => return Err(unknown_person().into()),
            }
        }
        Ok(moves)
    }

    /// Whether the account of this name is who stands in a roster.
    fn account_of(&self, place: &Participant) -> Result<Account> {
        let found: Option<(i64, String)> = self.conn.first(
            "SELECT id, public_key FROM active_account WHERE user_id = ?1",
            [place.user_id().as_str()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        Ok(match found {
            Some((user, identity)) if identity == place.identity().to_string() => Account::Is(user),
            Some(_) => Account::IsAnother,
            None => Account::Unknown,
        })
    }

    /// Stores the rosters of a group that begins or goes on.
    pub(super) fn store_rosters(&self, group: i64, rosters: &Rosters) -> Result<()> {
        for roster in [&rosters.founding].into_iter().chain(&rosters.later) {
            self.store_roster(roster)?;
        }
        self.name_roster(group, rosters.current())
    }

    pub(super) fn store_roster(&self, roster: &Roster) -> Result<()> {
        let chat = roster.conversation_id();
        self.conn.run(
            "INSERT OR IGNORE INTO roster (chat_id, number, hash, body) VALUES (?1, ?2, ?3, ?4)",
            params![chat.as_bytes(), roster.number(), roster.hash(), roster.encode()],
        )?;
        Ok(())
    }

    /// The GroupContext names this roster. Those before it are kept for whoever comes back after a long time, and has to
    /// see how one has led to the other.
    pub(super) fn name_roster(&self, group: i64, roster: &Roster) -> Result<()> {
        self.conn.run("UPDATE grp SET roster = ?2 WHERE id = ?1", params![group, roster.number()])?;
        let kept = if self.steps_of_founder(group)? > OF_FOUNDER { 0 } else { OF_GROUP };
        self.conn.run(
            "DELETE FROM roster WHERE id IN (
                 SELECT id FROM (
                     SELECT id, sum(length(body)) OVER (ORDER BY number DESC) AS size FROM roster
                     WHERE chat_id = ?1 AND number < ?2 AND number > ?3)
                 WHERE size > ?4)",
            params![roster.conversation_id().as_bytes(), roster.number(), FOUNDING, kept],
        )?;
        Ok(())
    }

    /// Bytes of rosters in the groups that the same user has created.
    fn steps_of_founder(&self, group: i64) -> Result<i64> {
        self.conn.one(
            "SELECT coalesce(sum(length(r.body)), 0) FROM grp g JOIN roster r ON r.chat_id = g.chat_id
             WHERE g.founder = (SELECT founder FROM grp WHERE id = ?1)",
            [group],
            |row| row.get(0),
        )
    }

    /// How far the group is.
    pub(super) fn seq(&self, group: i64) -> Result<i64> {
        self.conn.one("SELECT seq FROM grp WHERE id = ?1", [group], |row| row.get(0))
    }

    /// Changes who takes part in a group, by what has this number in it. `by` are those who bring the ones who come, whose
    /// word it is first.
    pub(super) fn move_people(&mut self, group: i64, moves: &Moves, by: &[i64], seq: i64) -> Result<()> {
        for user in &moves.go {
            self.conn.run("DELETE FROM grp_participant WHERE grp = ?1 AND user = ?2", [group, *user])?;
        }
        let mut come = Vec::with_capacity(moves.come.len());
        for user in &moves.come {
            if participant::insert(self.conn, group, &participant::Participant::new(*user, seq))? {
                come.push(*user);
            }
        }
        come.into_iter().try_for_each(|user| self.brought_in(group, user, by))?;
        self.part_declined(group, by.first().copied())
    }
}

/// Who has the name of somebody in a roster.
enum Account {
    Is(i64),
    IsAnother,
    Unknown,
}

fn stands(roster: &Roster, place: &Participant) -> bool {
    roster.participant(place.user_id()).is_some_and(|own| own.is_same_as(place))
}

pub(super) fn refusal(error: StepError) -> Refusal {
    match error {
        StepError::NotNext => stale_roster(),
        error => invalid(error.to_string()),
    }
}

pub(super) fn stale_roster() -> Refusal {
    Refusal::new(ErrorCode::StaleRoster, "the roster does not come after the newest one; read the group again")
}

fn another_identity(place: &Participant) -> Refusal {
    invalid(Cow::Owned(format!("{} has another identity than in the roster", place.user_id())))
}

fn unknown_person() -> Refusal {
    Refusal::new(ErrorCode::UnknownRecipient, "one of the participants does not exist")
}
