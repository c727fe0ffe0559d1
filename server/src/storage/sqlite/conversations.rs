//! Which conversation a group belongs to, and how far that has come. A conversation is in one group at a time; when that
//! cannot be used any more, it goes on in the next incarnation.

use privmsg_mls_public::{direct_chat_id, group_chat_id, group_id, self_chat_id};
use privmsg_protocol::rest::{CreateGroup, GroupKind};
use privmsg_protocol::{ConversationId, ErrorCode, GroupId, Incarnation};
use rusqlite::{OptionalExtension, params};

use super::fault::engine_error;
use super::groups;
use super::relay::unknown_group;
use super::roster::invalid;
use super::tx::Tx;
use crate::storage::{Refusal, Result, Session};

/// How often a conversation may go on in another group within [`DAY`].
const CHANGES_A_DAY: i64 = 3;

/// How far the next incarnation may be ahead: a server that was restored knows fewer than there have been, and nobody may use
/// the numbers up.
const FURTHEST: u32 = 1_000;

/// In seconds.
const DAY: i64 = 24 * 3600;

/// What a new group is called, and what conversation it is of.
pub(super) struct Named {
    pub(super) chat: ConversationId,
    pub(super) group: GroupId,
}

impl Named {
    /// The names follow from what the conversation is: nobody chooses them.
    pub(super) fn of(new: &CreateGroup) -> Result<Self> {
        let roster = new.founding_roster.as_ref().map(|roster| roster.decode().ok_or("the roster is not base64"));
        let chat = match (new.kind, &*new.participants, roster.transpose().map_err(invalid)?) {
            (GroupKind::Direct, [a, b], None) if a != b => direct_chat_id(a, b),
            (GroupKind::SelfNotes, [user], None) => self_chat_id(user),
            (GroupKind::Group, [_, ..], Some(roster)) => group_chat_id(&roster),
            _ => return Err(invalid("the participants or the roster do not fit this kind of conversation").into()),
        };
        if new.incarnation < Incarnation::FIRST {
            return Err(invalid("incarnations begin with 1").into());
        }
        Ok(Self { chat, group: group_id(&chat, new.incarnation) })
    }
}

impl Tx<'_> {
    /// Refuses a group that is not the conversation's next.
    pub(super) fn require_next(&self, session: &Session, named: &Named, new: &CreateGroup) -> Result<()> {
        let (kind, incarnation) = (new.kind, new.incarnation);
        let Some(newest) = self.newest(&named.chat).map_err(engine_error)? else { return Ok(()) };
        let current = group_id(&named.chat, newest);
        let takes_part = groups::find(self.conn, session.user, current).is_ok();
        if incarnation <= newest {
            // Who takes part in it shall join it. Others have the name of somebody who is gone.
            let refusal = if takes_part { Refusal::exists(current) } else { Refusal::stale_incarnation(newest) };
            return Err(refusal.into());
        }
        // Whose a conversation of one or two is, its name says.
        if kind == GroupKind::Group && !takes_part {
            return Err(unknown_group().into());
        }
        if incarnation.0 - newest.0 > FURTHEST {
            return Err(invalid("the incarnation is too far ahead").into());
        }
        let changes: i64 = self
            .conn
            .prepare_cached("SELECT count(*) FROM conversation_went_on WHERE chat_id = ?1 AND at > ?2")
            .and_then(|mut query| query.query_row(params![named.chat.as_bytes(), self.now() - DAY], |row| row.get(0)))
            .map_err(engine_error)?;
        if changes >= CHANGES_A_DAY {
            let text = "the conversation has gone on in other groups too often today";
            return Err(Refusal::new(ErrorCode::RateLimited, text).into());
        }
        Ok(())
    }

    /// The newest incarnation that there has been.
    fn newest(&self, chat: &ConversationId) -> rusqlite::Result<Option<Incarnation>> {
        self.conn
            .prepare_cached("SELECT incarnation FROM conversation WHERE chat_id = ?1")?
            .query_row([chat.as_bytes()], |row| row.get(0).map(Incarnation))
            .optional()
    }

    /// The conversation goes on in another group: the ones before are gone.
    pub(super) fn go_on(&self, named: &Named, incarnation: Incarnation) -> rusqlite::Result<()> {
        let chat = named.chat.as_bytes();
        let known = self.newest(&named.chat)?.is_some();
        self.conn
            .prepare_cached(
                "INSERT INTO conversation (chat_id, incarnation) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET incarnation = ?2",
            )?
            .execute(params![chat, incarnation.0])?;
        if !known {
            return Ok(());
        }
        self.conn.execute("DELETE FROM conversation_went_on WHERE at <= ?1", [self.now() - DAY])?;
        self.conn
            .execute("INSERT INTO conversation_went_on (chat_id, at) VALUES (?1, ?2)", params![chat, self.now()])?;
        for table in ["grp_participant", "grp_leaf", "grp_state", "welcome"] {
            let sql = format!("DELETE FROM {table} WHERE grp IN (SELECT id FROM grp WHERE chat_id = ?1)");
            self.conn.execute(&sql, params![chat])?;
        }
        self.conn.execute("DELETE FROM grp WHERE chat_id = ?1", params![chat]).map(drop)
    }
}
