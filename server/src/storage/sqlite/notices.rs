//! Notices: that the set of a group's devices has changed, or something about one's own account.
//!
//! Somebody may be in many large groups, and all of them hear when a device of theirs goes. That many notices are written in
//! several transactions, between which others have their turn; what is still to be written is in the table `untold`.

use std::collections::BTreeSet;

use privmsg_protocol::frames::{DeliveredMessage, MessageType};
use privmsg_protocol::{GroupId, MessageId, Opaque, UserId};

use super::query::Query as _;
use super::row::{parse, parse_group_id};
use super::tx::Tx;
use crate::frame_text;
use crate::secrets::random_message_id;
use crate::storage::{DeviceKey, Result};

/// Stands for a group in notices about the account. No group has it.
const ACCOUNT: i64 = 0;

/// Notices about groups after which one transaction writes no more of them: some 40 ms, and as much as the largest group
/// needs.
const AT_ONCE: usize = 1_000;

/// Whether groups are still to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Untold {
    None,
    Some,
    /// It could not be done. It is tried again when something else has been.
    Failed,
}

impl Tx<'_> {
    /// Tells all leaves of the group that are signed in that a device of `user` has gone or come. Full mailboxes take
    /// notices too: without them a member would go on encrypting to a device that has been signed out.
    pub(super) fn notify(&mut self, group: i64, user: i64) -> Result<()> {
        self.tell(group, user)?;
        Ok(())
    }

    /// Tells all these groups, and those that are left over when it is enough for one transaction soon after.
    pub(super) fn notify_all(&mut self, groups: &BTreeSet<i64>, user: i64) -> Result<()> {
        let mut told = 0;
        for group in groups {
            if told < AT_ONCE {
                told += self.tell(*group, user)?;
                continue;
            }
            self.state.untold = Untold::Some;
            self.conn.run("INSERT OR IGNORE INTO untold (grp, user) VALUES (?1, ?2)", [*group, user])?;
        }
        Ok(())
    }

    /// Tells some of the groups that were left over.
    pub(super) fn tell_more(&mut self) -> Result<()> {
        if self.state.untold != Untold::Some {
            return Ok(());
        }
        let mut told = 0;
        while told < AT_ONCE {
            let next: Option<(i64, i64)> = self.conn.first(
                "DELETE FROM untold WHERE rowid = (SELECT min(rowid) FROM untold) RETURNING grp, user",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            let Some((group, user)) = next else {
                self.state.untold = Untold::None;
                break;
            };
            let still: bool =
                self.conn.one("SELECT EXISTS (SELECT 1 FROM user WHERE id = ?1)", [user], |row| row.get(0))?;
            if still {
                told += self.tell(group, user)?;
            }
        }
        Ok(())
    }

    /// Returns how many were told.
    fn tell(&mut self, group: i64, user: i64) -> Result<usize> {
        let devices: Vec<i64> = self.conn.all(
            "SELECT l.device FROM grp_leaf l JOIN device d ON d.id = l.device
                 LEFT JOIN grp_participant p ON p.grp = l.grp AND p.user = d.user
             WHERE l.grp = ?1 AND d.removed_at = 0 AND coalesce(p.kept_out, 0) = 0",
            [group],
            |row| row.get(0),
        )?;
        self.post_device_sync(group, user, &devices)?;
        Ok(devices.len())
    }

    /// Tells the signed-in devices of these people of the group that are no leaves that there is a group, in which `user` has gone
    /// on, has brought them, or is one of theirs and has answered.
    pub(super) fn notify_left_out(&mut self, group: i64, user: i64, people: &[i64]) -> Result<()> {
        let mut devices = Vec::new();
        for person in people {
            let left_out: Vec<i64> = self.conn.all(
                "SELECT d.id FROM grp_participant p JOIN listed_device d ON d.user = p.user
                 WHERE p.grp = ?1 AND p.user = ?2 AND p.kept_out = 0
                     AND NOT EXISTS (SELECT 1 FROM grp_leaf l WHERE l.grp = ?1 AND l.device = d.id)",
                [group, *person],
                |row| row.get(0),
            )?;
            devices.extend(left_out);
        }
        self.post_device_sync(group, user, &devices)
    }

    /// Tells these devices that something about the group's people or devices has changed with `user`.
    pub(super) fn post_device_sync(&mut self, group: i64, user: i64, devices: &[i64]) -> Result<()> {
        if devices.is_empty() {
            return Ok(());
        }
        let group_id: GroupId =
            self.conn.one("SELECT group_id FROM grp WHERE id = ?1", [group], |row| parse_group_id(row, 0))?;
        let sender_id: UserId = self.conn.one("SELECT user_id FROM user WHERE id = ?1", [user], |row| parse(row, 0))?;
        let message_id = random_message_id(self.now_ms);
        let notice = self.notice(message_id, sender_id, MessageType::DeviceSync);
        let frame = frame_text::render(DeliveredMessage { group_id: Some(group_id), ..notice });
        self.post_notice(message_id, frame, group, devices)
    }

    /// Tells the devices of `user` but one that something about the account has changed.
    pub(super) fn notify_account(&mut self, user: i64, but: Option<DeviceKey>) -> Result<()> {
        let but = but.map_or(0, |device| device.0);
        let devices: Vec<i64> =
            self.conn
                .all("SELECT id FROM listed_device WHERE user = ?1 AND id <> ?2", [user, but], |row| row.get(0))?;
        self.post_account_sync(user, &devices)
    }

    /// Tells these devices of `user` that something about the account has changed.
    pub(super) fn post_account_sync(&mut self, user: i64, devices: &[i64]) -> Result<()> {
        if devices.is_empty() {
            return Ok(());
        }
        let user_id: UserId = self.conn.one("SELECT user_id FROM user WHERE id = ?1", [user], |row| parse(row, 0))?;
        let message_id = random_message_id(self.now_ms);
        let notice = self.notice(message_id, user_id.clone(), MessageType::AccountSync);
        let frame = frame_text::render(DeliveredMessage { recipient_id: Some(user_id), ..notice });
        self.post_notice(message_id, frame, ACCOUNT, devices)
    }

    pub(super) fn notice(
        &self,
        message_id: MessageId,
        sender_id: UserId,
        message_type: MessageType,
    ) -> DeliveredMessage {
        DeliveredMessage {
            message_id,
            sender_id,
            sender_device_id: None,
            recipient_id: None,
            group_id: None,
            epoch: None,
            seq: None,
            first_seq: None,
            encrypted_content: Opaque::default(),
            message_type,
            timestamp: self.now(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::super::migrations::migrate;
    use super::super::tx::State;
    use super::*;
    use crate::storage::Bounds;

    /// One user, in so many groups with so many others, each of whom has one device, and two that have gone.
    fn database(groups: i64, others: i64) -> Connection {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        conn.execute_batch(&format!(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {others})
             INSERT INTO user (id, user_id, access_key_hash, created_at) SELECT n, 'user' || n, x'', 0 FROM n;
             INSERT INTO device (id, device_id, user, created_at) SELECT id, 'device' || id, id, 0 FROM user;
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {groups})
             INSERT INTO grp (id, group_id, kind, chat_id, incarnation, creator, founder, made_of, epoch, seq, created_at)
                 SELECT n, CAST(printf('%016d', n) AS BLOB), 2, CAST(printf('%032d', n) AS BLOB), 1, 1, 1, x'', 1, 1, 0 FROM n;
             INSERT INTO grp_participant (grp, user) SELECT grp.id, user.id FROM grp, user;
             INSERT INTO grp_leaf (grp, device) SELECT grp.id, device.id FROM grp, device;"
        ))
        .unwrap();
        conn
    }

    /// One transaction.
    fn transaction(conn: &mut Connection, state: &mut State, work: impl FnOnce(&mut Tx<'_>)) -> usize {
        let transaction = conn.transaction().unwrap();
        work(&mut Tx { conn: &transaction, state, now_ms: 1_000_000 });
        state.flush(&transaction).unwrap();
        transaction.commit().unwrap();
        std::mem::take(&mut state.deliveries).len()
    }

    fn waiting(conn: &Connection) -> i64 {
        conn.query_row("SELECT count(*) FROM notice", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn many_groups_are_told_in_several_transactions_and_each_once() {
        let (groups, others) = (30, 150);
        let mut conn = database(groups, others);
        let mut state = State::starting_at(1, Bounds::default());
        let all: BTreeSet<i64> = (1..=groups).collect();
        let told = transaction(&mut conn, &mut state, |tx| tx.notify_all(&all, 1).unwrap());
        assert!((AT_ONCE..AT_ONCE + 150).contains(&told), "{told}");
        // The same again meanwhile adds nothing to what is left over.
        let again = transaction(&mut conn, &mut state, |tx| tx.notify_all(&all, 1).unwrap());
        assert_eq!(again, told);
        let mut rest = 0;
        while state.untold == Untold::Some {
            let more = transaction(&mut conn, &mut state, |tx| tx.tell_more().unwrap());
            assert!(more < AT_ONCE + 150, "{more}");
            rest += more;
        }
        assert_eq!(told + rest, 30 * 150);
        assert_eq!(waiting(&conn), 30 * 150);
    }

    #[test]
    fn what_was_left_over_when_the_process_ended_is_told_by_the_next() {
        let mut conn = database(30, 150);
        let mut state = State::starting_at(1, Bounds::default());
        let all: BTreeSet<i64> = (1..=30).collect();
        let told = transaction(&mut conn, &mut state, |tx| tx.notify_all(&all, 1).unwrap());
        // Of a group that has ended and a user who is gone there is nothing to be told.
        conn.execute_batch("DELETE FROM grp_leaf WHERE grp = 30; INSERT INTO untold (grp, user) VALUES (1, 999)")
            .unwrap();
        let mut state = State::starting_at(100, Bounds::default());
        let mut rest = 0;
        while state.untold == Untold::Some {
            rest += transaction(&mut conn, &mut state, |tx| tx.tell_more().unwrap());
        }
        assert_eq!(told + rest, 29 * 150);
    }

    /// A restore posts, too. It did so before everything that waits: the second notice did not find the first.
    #[test]
    fn what_is_told_while_no_server_runs_comes_behind_what_waits() {
        let mut conn = database(1, 2);
        conn.execute("UPDATE total SET next_position = 100", []).unwrap();
        for _ in 0..2 {
            let mut state = State::of(&conn).unwrap();
            for _ in 0..2 {
                transaction(&mut conn, &mut state, |tx| tx.notify_all(&BTreeSet::from([1]), 1).unwrap());
            }
            state.write_total(&conn).unwrap();
        }
        let places = conn.query_row("SELECT min(pos), (SELECT next_position FROM total) FROM notice", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        });
        assert_eq!(places.unwrap(), (103, 104));
        assert_eq!(waiting(&conn), 2);
    }
}
