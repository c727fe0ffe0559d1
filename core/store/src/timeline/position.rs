//! Where something stands in a chat.
//!
//! The server numbers what is said in a group, and that order is the same for everybody. A chat may be carried by one
//! group after another; each device counts them, so a position is the group's ordinal and the number in it. It does not
//! depend on when this device heard of anything: the past can be inserted.

use privmsg_protocol::{GroupId, Seq};
use rusqlite::params;
use serde::{Deserialize, Serialize};

use crate::chats::ChatId;
use crate::sql_types::to_sql;
use crate::{Snapshot, StoreError};

/// A place in a chat. Of two messages at the same position, the row that was made first comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position(pub i64);

/// Bits for the number in the group: a million messages a second for twelve days.
const SEQ_BITS: u32 = 40;

impl Position {
    /// Before everything.
    pub const START: Self = Self(0);

    /// Of what the server has not numbered yet: behind everything.
    pub const QUEUED: Self = Self(1 << 62);

    /// Of number `seq` in the group that is the `ordinal`th of its chat.
    #[must_use]
    pub(crate) fn numbered(ordinal: i64, seq: Seq) -> Self {
        let seq = to_sql(seq.0).min((1 << SEQ_BITS) - 1);
        Self(ordinal.clamp(0, (1 << 21) - 1) << SEQ_BITS | seq)
    }

    /// Behind everything that stands here.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The ordinal of the group, and the number in it.
    pub(crate) const fn ordinal_and_seq(self) -> (i64, i64) {
        (self.0 >> SEQ_BITS, self.0 & ((1 << SEQ_BITS) - 1))
    }
}

/// What decides where something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The server has given it a number in a group.
    Numbered {
        /// Group.
        group: GroupId,
        /// Number.
        seq: Seq,
    },
    /// It waits for its number.
    Queued,
    /// It is of this device only, and happens now.
    Here,
    /// It is known already.
    At(Position),
}

impl Place {
    /// Where a message with that number stands; one without is of this device only.
    #[must_use]
    pub fn in_group(group: GroupId, seq: Option<Seq>) -> Self {
        seq.map_or(Self::Here, |seq| Self::Numbered { group, seq })
    }
}

/// The position of a place in a chat.
///
/// # Errors
/// [`StoreError`] of the query.
pub fn of(at: &Snapshot<'_>, chat: ChatId, place: Place) -> Result<Position, StoreError> {
    match place {
        Place::Queued => Ok(Position::QUEUED),
        Place::At(position) => Ok(position),
        Place::Numbered { group, seq } => {
            let ordinal = at
                .sql()
                .prepare_cached("SELECT coalesce((SELECT ordinal FROM mls_group WHERE group_id = ?1), 0)")?
                .query_row([group.as_bytes().as_slice()], |row| row.get(0))?;
            Ok(Position::numbered(ordinal, seq))
        }
        Place::Here => Ok(Position(
            at.sql()
                .prepare_cached(
                    "SELECT coalesce(max(position), 0) FROM message WHERE chat_id = ?1 AND hidden = 0 AND position < ?2",
                )?
                .query_row(params![chat.0, Position::QUEUED.0], |row| row.get(0))?,
        )),
    }
}
