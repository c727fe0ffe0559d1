//! Which conversation a group belongs to, and how far that has come. A conversation is in one group at a time; when that
//! cannot be used any more, it goes on in the next incarnation.

use privmsg_mls_public::group_id;
use privmsg_mls_public::incarnations::{StartError, check_start};
use privmsg_protocol::rest::{CreateGroup, GroupKind};
use privmsg_protocol::{ConversationId, ErrorCode, GroupId, Incarnation};
use rusqlite::params;

use super::query::Query as _;
use super::relay::unknown_group;
use super::taken_back::was_restored_lately;
use super::tx::Tx;
use crate::storage::{Named, Refusal, Result, Session};

/// In seconds.
const DAY: i64 = 24 * 3600;

impl Tx<'_> {
    /// Refuses a group that is not the conversation's next. Returns whether there has been one before.
    pub(super) fn require_next(&self, session: &Session, named: &Named, new: &CreateGroup) -> Result<bool> {
        let (kind, incarnation) = (new.kind, new.incarnation);
        let newest = self.newest(&named.chat)?;
        let current = newest.map(|newest| group_id(&named.chat, newest));
        let takes_part = match current {
            // Of a group of people nobody needs to be there but who asks.
            Some(current) => {
                let people = (kind != GroupKind::Group).then_some(new.participants.len());
                self.is_between(session, current, people)?
            }
            None => false,
        };
        let begun = self.begun_by(session, named)?;
        let now = self.now().unsigned_abs();
        let refusal = match (check_start(newest, incarnation, &begun, now), current) {
            // Who takes part in it shall join it. Others have the name of somebody who is gone.
            (Err(StartError::Taken(_)), Some(current)) if takes_part => Refusal::exists(current),
            (Err(StartError::Taken(newest)), _) => Refusal::stale_incarnation(newest),
            (Err(StartError::Ahead), _) => Refusal::incarnation_ahead(newest),
            (Err(StartError::TooMany), _) => Refusal::new(
                ErrorCode::RateLimited,
                "you have had the conversation go on in other groups too often today",
            ),
            // Whose a conversation of one or two is, its name says. A restored server may have lost that somebody has come: the rosters say so.
            (Ok(()), Some(_))
                if kind == GroupKind::Group && !takes_part && !was_restored_lately(self.conn, self.now())? =>
            {
                unknown_group()
            }
            (Ok(()), before) => return Ok(before.is_some()),
        };
        Err(refusal.into())
    }

    /// Whether the user takes part in a group, and so do as many as there are in the conversation: nobody of them is gone.
    fn is_between(&self, session: &Session, group: GroupId, people: Option<usize>) -> Result<bool> {
        self.conn.one(
            "SELECT count(*) = coalesce(?2, count(*)) AND coalesce(max(p.user = ?3), 0)
         FROM grp g JOIN grp_participant p ON p.grp = g.id WHERE g.group_id = ?1",
            params![group.as_bytes(), people, session.user.0],
            |row| row.get(0),
        )
    }

    /// When this user had the conversation go on in another group, in the last day.
    fn begun_by(&self, session: &Session, named: &Named) -> Result<Vec<u64>> {
        self.conn.all(
            "SELECT at FROM conversation_went_on WHERE chat_id = ?1 AND user = ?2 AND at > ?3",
            params![named.chat.as_bytes(), session.user.0, self.now() - DAY],
            |row| row.get(0).map(i64::unsigned_abs),
        )
    }

    /// The newest incarnation that there has been.
    fn newest(&self, chat: &ConversationId) -> Result<Option<Incarnation>> {
        self.conn.first("SELECT incarnation FROM conversation WHERE chat_id = ?1", [chat.as_bytes()], |row| {
            row.get(0).map(Incarnation)
        })
    }

    /// Notes how far the conversation has come with a new group, and, where it `goes_on`, who has done that.
    pub(super) fn note_incarnation(
        &self,
        session: &Session,
        named: &Named,
        incarnation: Incarnation,
        goes_on: bool,
    ) -> Result<()> {
        let chat = named.chat.as_bytes();
        self.conn.run(
            "INSERT INTO conversation (chat_id, incarnation) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET incarnation = ?2",
            params![chat, incarnation.0],
        )?;
        if !goes_on {
            return Ok(());
        }
        self.conn.execute("DELETE FROM conversation_went_on WHERE at <= ?1", [self.now() - DAY])?;
        self.conn.execute(
            "INSERT INTO conversation_went_on (chat_id, user, at) VALUES (?1, ?2, ?3)",
            params![chat, session.user.0, self.now()],
        )?;
        Ok(())
    }

    /// The conversation is in this group from now on, and those before are gone.
    pub(super) fn forget_groups_before(&self, named: &Named, group: i64) -> Result<()> {
        self.conn.run("DELETE FROM grp WHERE chat_id = ?1 AND id <> ?2", params![named.chat.as_bytes(), group])?;
        Ok(())
    }
}
