//! When the devices in a group have made their leaves: of each the latest time that one said, also of those that have gone since.
//!
//! Clients encrypt nothing for a leaf that is older than what they have seen of its device. So none comes in: they would all
//! wait for it. What they forget is forgotten here, too: all with the group, and whoever comes or goes by a step with that.
//! A device of an account with a list never comes back once it was signed out, and its leaves are forgotten with it: those of
//! the account's other devices come in, however many there have been.

use privmsg_mls_public::DevicePublicKey;
use privmsg_mls_public::group::LeafDate;
use privmsg_mls_public::numbers::is_stale;
use privmsg_protocol::{ErrorCode, UserId};
use rusqlite::params;

use super::query::Query as _;
use super::tx::Tx;
use crate::storage::{Refusal, Result};

/// Devices of a user without a device list that are remembered in a group, more than an honest one ever has there. Nobody is
/// forgotten for another one, or somebody would make room for an older leaf. Whoever has a list has no more devices than that.
const MOST: i64 = 256;

impl Tx<'_> {
    /// Refuses leaves that are older than the last one of their device in the group. Of these users nothing counts that was before.
    pub(super) fn check_leaf_dates(&self, group: i64, dates: &[LeafDate], anew: &[UserId]) -> Result<()> {
        for date in dates {
            // A key is one device's, whosever the certificate says it is.
            let known: Vec<(String, u64)> = self.conn.all(
                "SELECT u.user_id, l.made_at FROM leaf_date l JOIN user u ON u.id = l.user
                 WHERE l.grp = ?1 AND l.device_key = ?2",
                params![group, date.device_key.as_bytes()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            let counts = |user: &str| !anew.iter().any(|anew| anew.as_str() == user);
            let known: Vec<_> = known.into_iter().filter(|(user, _)| counts(user)).collect();
            if known.iter().any(|(_, made_at)| is_stale(date.made_at, *made_at)) {
                let detail = "a leaf is older than the last one that its device had in the group";
                return Err(Refusal::new(ErrorCode::InvalidHandshake, detail).into());
            }
            let user = date.user_id.as_str();
            if counts(user) && !known.iter().any(|(known, _)| known == user) && self.remembered(group, user)? >= MOST {
                let detail = "the user has had too many devices in the group";
                return Err(Refusal::new(ErrorCode::InvalidHandshake, detail).into());
            }
        }
        Ok(())
    }

    fn remembered(&self, group: i64, user: &str) -> Result<i64> {
        self.conn.one(
            "SELECT count(*) FROM leaf_date WHERE grp = ?1
             AND user = (SELECT id FROM account WHERE user_id = ?2 AND device_list = x'')",
            params![group, user],
            |row| row.get(0),
        )
    }

    /// A device that was signed out for good.
    pub(super) fn forget_leaf_dates_of(&self, user: i64, device_key: &DevicePublicKey) -> Result<()> {
        self.conn
            .run("DELETE FROM leaf_date WHERE user = ?1 AND device_key = ?2", params![user, device_key.as_bytes()])?;
        Ok(())
    }

    /// Notes the leaves that a group begins with, or that a commit brings. Of these users, what was before is forgotten.
    pub(super) fn note_leaf_dates(&self, group: i64, dates: &[LeafDate], anew: &[UserId]) -> Result<()> {
        for user in anew {
            self.conn.run(
                "DELETE FROM leaf_date WHERE grp = ?1 AND user = (SELECT id FROM account WHERE user_id = ?2)",
                params![group, user.as_str()],
            )?;
        }
        for LeafDate { user_id, device_key, made_at } in dates {
            self.conn.run(
                "INSERT INTO leaf_date (grp, device_key, user, made_at)
                 SELECT ?1, ?2, id, ?4 FROM account WHERE user_id = ?3
                 ON CONFLICT DO UPDATE SET made_at = max(made_at, excluded.made_at)",
                params![group, device_key.as_bytes(), user_id.as_str(), made_at],
            )?;
        }
        Ok(())
    }
}
