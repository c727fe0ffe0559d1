//! Who asks whom: how many in a day, and how much is said to those who have not answered.
//!
//! Of a group of people those count who were *brought in* by somebody whom they have not answered, and have said nothing
//! there themselves. As long as they are too many, everybody says little there: one accomplice who answers must not open it for
//! any number of strangers. And they are asked for in dozens, so that a large group can be begun.

use privmsg_protocol::rest::GroupKind;
use privmsg_protocol::{ConversationId, ErrorCode};
use rusqlite::{Row, params};

use super::consent::has_answered;
use super::groups::kind_number;
use super::query::Query as _;
use super::tx::Tx;
use crate::storage::{Refusal, Result};

/// In seconds.
const DAY: i64 = 24 * 3600;

/// When to try again at the latest, in seconds: an answer may come at any time.
const AGAIN: i64 = 15 * 60;

/// So many people who are brought into a group at once are one request.
const IN_ONE_REQUEST: usize = 25;

/// In a group of people, one of so many may be somebody who was brought in and has not said anything.
const OF_SO_MANY: usize = 8;

/// Groups of two that one user may have with somebody who has answered in none of them.
const WITH_ONE: i64 = 3;

/// A season, in seconds.
const FORGOTTEN: i64 = 90 * DAY;

/// What has been sent to somebody who has not answered.
struct Unanswered {
    counted_from: i64,
    messages: i64,
    bytes: i64,
}

/// Whether so many of so many people in a group were brought in that everybody says little there.
pub(super) const fn are_many(brought: usize, people: usize) -> bool {
    brought * OF_SO_MANY > people
}

/// Who may have to answer what is said.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked {
    User(i64),
    /// The people of a conversation, in whichever group it is.
    Chat(ConversationId),
}

impl Tx<'_> {
    fn is_answered_by(&mut self, peer: i64, user: i64) -> Result<bool> {
        if self.state.cache.is_answered(peer, user) {
            return Ok(true);
        }
        let answered = has_answered(self.conn, peer, user)?;
        if answered {
            self.state.cache.note_answered(peer, user);
        }
        Ok(answered)
    }

    /// Counts a message to those who may not have answered, or refuses it if there were too many.
    pub(super) fn count_request(&mut self, user: i64, asked: Asked, size: usize) -> Result<()> {
        let bounds = self.state.bounds;
        if bounds.request_messages == 0 && bounds.request_bytes == 0 && bounds.new_requests == 0 {
            return Ok(());
        }
        if let Asked::User(peer) = asked
            && self.is_answered_by(peer, user)?
        {
            return Ok(());
        }
        let (now, size) = (self.now(), i64::try_from(size).unwrap_or(i64::MAX));
        let mut sent = match (self.said_to(user, asked)?, asked) {
            (Some(sent), _) if now - sent.counted_from < DAY && now >= sent.counted_from => sent,
            // For a group those pay who bring people in.
            (Some(_), _) | (None, Asked::Chat(_)) => Unanswered { counted_from: now, messages: 0, bytes: 0 },
            (None, Asked::User(_)) => {
                self.require_few_requests(user)?;
                Unanswered { counted_from: now, messages: 0, bytes: 0 }
            }
        };
        sent.messages += 1;
        sent.bytes += size;
        let is_over = |value: i64, bound: i64| bound > 0 && value > bound;
        if is_over(sent.messages, bounds.request_messages) || is_over(sent.bytes, bounds.request_bytes) {
            let detail = "so much may be said to somebody who has not answered yet, and no more today";
            let wait = (sent.counted_from + DAY - now).min(AGAIN);
            return Err(Refusal::later(ErrorCode::AwaitsAnswer, detail, wait).into());
        }
        self.note_said_to(user, asked, &sent)
    }

    fn said_to(&self, user: i64, asked: Asked) -> Result<Option<Unanswered>> {
        let read =
            |row: &Row<'_>| Ok(Unanswered { counted_from: row.get(0)?, messages: row.get(1)?, bytes: row.get(2)? });
        match asked {
            Asked::User(peer) => self.conn.first(
                "SELECT counted_from, messages, bytes FROM unanswered WHERE user = ?1 AND peer = ?2",
                [user, peer],
                read,
            ),
            Asked::Chat(chat) => self.conn.first(
                "SELECT counted_from, messages, bytes FROM unanswered_chat WHERE user = ?1 AND chat_id = ?2",
                params![user, chat.as_bytes()],
                read,
            ),
        }
    }

    fn note_said_to(&self, user: i64, asked: Asked, sent: &Unanswered) -> Result<()> {
        let Unanswered { counted_from, messages, bytes } = sent;
        match asked {
            Asked::User(peer) => self.conn.run(
                "INSERT INTO unanswered (user, peer, begun_at, counted_from, messages, bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET counted_from = ?4, messages = ?5, bytes = ?6",
                params![user, peer, self.now(), counted_from, messages, bytes],
            )?,
            Asked::Chat(chat) => self.conn.run(
                "INSERT OR REPLACE INTO unanswered_chat (user, chat_id, counted_from, messages, bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![user, chat.as_bytes(), counted_from, messages, bytes],
            )?,
        };
        Ok(())
    }

    /// Refuses if the user has asked too many today who have not answered.
    fn require_few_requests(&self, user: i64) -> Result<()> {
        let bound = self.state.bounds.new_requests;
        if bound == 0 {
            return Ok(());
        }
        let (count, oldest): (i64, Option<i64>) = self.conn.one(
            "SELECT coalesce(sum(requests), 0), min(at) FROM (
                 SELECT 1 AS requests, begun_at AS at FROM unanswered WHERE user = ?1 AND begun_at > ?2
                 UNION ALL SELECT requests, at FROM brought WHERE user = ?1 AND at > ?2)",
            [user, self.now() - DAY],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        if count < bound {
            return Ok(());
        }
        let detail = "you have written to too many people today who have not answered yet";
        let wait = (oldest.unwrap_or_else(|| self.now()) + DAY - self.now()).min(AGAIN);
        Err(Refusal::later(ErrorCode::TooManyRequests, detail, wait).into())
    }

    /// Counts somebody with whom the user begins a conversation and who has not answered them, or refuses if they were too many.
    pub(super) fn ask_direct(&mut self, user: i64, users: &[i64]) -> Result<()> {
        let strangers = self.strangers(user, users)?;
        strangers.first().map_or(Ok(()), |peer| self.ask_one(user, *peer))
    }

    /// The same of those who come to a group of people, which has so many then.
    pub(super) fn ask_for(&mut self, user: i64, newcomers: &[i64], people: usize) -> Result<()> {
        let strangers = self.strangers(user, newcomers)?;
        match &*strangers {
            [] => Ok(()),
            [peer] if people == 2 => self.ask_alone(user, *peer),
            _ => self.ask_many(user, strangers.len()),
        }
    }

    fn strangers(&mut self, user: i64, users: &[i64]) -> Result<Vec<i64>> {
        let mut strangers = Vec::new();
        for peer in users.iter().copied().filter(|peer| *peer != user) {
            if !self.is_answered_by(peer, user)? {
                strangers.push(peer);
            }
        }
        Ok(strangers)
    }

    /// Each group is a request of its own, and whoever does not answer is not asked for ever. Those count of which they hear
    /// nothing, too, or it would tell that they do not.
    fn ask_alone(&self, user: i64, peer: i64) -> Result<()> {
        let open: i64 = self.conn.one(
            "SELECT count(*) FROM grp_participant p JOIN grp g ON g.id = p.grp
             WHERE p.user = ?1 AND p.brought_by = ?2 AND g.kind = ?3
                 AND (SELECT count(*) FROM grp_participant WHERE grp = p.grp) = 2",
            [peer, user, kind_number(GroupKind::Group)],
            |row| row.get(0),
        )?;
        if open >= WITH_ONE && self.state.bounds.new_requests > 0 {
            let detail = "this user has not answered in the groups that you have with them alone";
            return Err(Refusal::later(ErrorCode::TooManyRequests, detail, AGAIN).into());
        }
        self.ask_many(user, 1)
    }

    fn ask_many(&self, user: i64, strangers: usize) -> Result<()> {
        self.require_few_requests(user)?;
        self.conn.run(
            "INSERT INTO brought (user, at, requests) VALUES (?1, ?2, ?3)",
            params![user, self.now(), strangers.div_ceil(IN_ONE_REQUEST)],
        )?;
        Ok(())
    }

    /// Whether a user has answered each of these, who bring them into a group.
    pub(super) fn has_answered_all(&mut self, user: i64, by: &[i64]) -> Result<bool> {
        for other in by {
            if self.brought_by(user, *other)? != 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Who brings somebody into a group of people, if that one has not answered them.
    pub(super) fn brought_by(&mut self, user: i64, by: i64) -> Result<i64> {
        Ok(if user == by || self.is_answered_by(user, by)? { 0 } else { by })
    }

    fn ask_one(&self, user: i64, asked: i64) -> Result<()> {
        let known: bool = self.conn.one(
            "SELECT EXISTS (SELECT 1 FROM unanswered WHERE user = ?1 AND peer = ?2)",
            [user, asked],
            |row| row.get(0),
        )?;
        if known {
            return Ok(());
        }
        self.require_few_requests(user)?;
        self.conn.run(
            "INSERT INTO unanswered (user, peer, begun_at, counted_from, messages, bytes)
             VALUES (?1, ?2, ?3, ?3, 0, 0)",
            [user, asked, self.now()],
        )?;
        Ok(())
    }

    /// Forgets whom users have asked long ago. Whoever asks them once more asks somebody new.
    pub(super) fn forget_unanswered(&self, now: i64) -> Result<()> {
        self.conn.execute("DELETE FROM brought WHERE at < ?1", [now - DAY])?;
        self.conn.execute("DELETE FROM unanswered_chat WHERE counted_from < ?1", [now - DAY])?;
        self.conn.execute("DELETE FROM unanswered WHERE max(begun_at, counted_from) < ?1", [now - FORGOTTEN])?;
        Ok(())
    }
}
