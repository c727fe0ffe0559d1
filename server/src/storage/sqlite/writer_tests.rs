//! What the writer remembers and gathers, against a model, in any order of messages, acknowledgements, refusals,
//! transactions that fail and restarts.

use std::collections::{BTreeMap, BTreeSet};

use privmsg_protocol::{ErrorCode, MessageId};
use rusqlite::Connection;

use super::arrivals::Arrivals;
use super::cache::Cache;
use super::filing;
use super::migrations::migrate;
use super::sent::{self, Sent};
use super::tx::{Piece, Source, State, Tx};
use super::writer::{Touches, in_savepoint};
use crate::storage::{Bounds, Refusal, StorageError};

const DEVICES: u64 = 5;

/// Numbers without any order, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 32) % end
    }
}

/// What the tables should say.
#[derive(Clone, Default)]
struct Model {
    /// For whom each message waits; none that waits for nobody.
    waiting: BTreeMap<i64, BTreeSet<i64>>,
    /// Device and number of the id of what was sent, and its number in the history.
    sent: BTreeMap<(i64, u64), i64>,
}

struct Writer {
    conn: Connection,
    state: State,
    model: Model,
    numbers: Numbers,
    /// Bodies by the count that is kept of them.
    bodies: i64,
}

fn remembering_nothing(next_position: i64) -> State {
    State { sent: Sent::with_shelves(0), ..State::starting_at(next_position, Bounds::default()) }
}

fn id(number: u64) -> MessageId {
    let mut bytes = [7; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    MessageId::from_bytes(bytes)
}

/// Something that happens in a transaction.
fn act(tx: &mut Tx<'_>, model: &mut Model, numbers: &mut Numbers, most: u64) {
    match numbers.below(8) {
        0..3 => {
            for _ in 0..=numbers.below(most) {
                let (device, number) = (i64::try_from(1 + numbers.below(DEVICES)).unwrap(), numbers.below(40_000));
                let known = tx.seen(device, id(number)).unwrap();
                assert_eq!(known.map(|(_, seq)| seq), model.sent.get(&(device, number)).copied(), "{device} {number}");
                if known.is_none() {
                    let position = tx.state.next_position;
                    tx.note_seen(device, id(number), 7, position).unwrap();
                    model.sent.insert((device, number), position);
                    let to: Vec<i64> = (1..=5).filter(|_| numbers.below(2) == 0).collect();
                    // Whose device it is is as good a sender as any.
                    let frame = "f".repeat(usize::try_from(number % 50).unwrap());
                    tx.post(Piece::new(id(number), &to, Source::User(device), device), frame).unwrap();
                    if !to.is_empty() {
                        model.waiting.insert(position, to.into_iter().collect());
                    }
                }
            }
        }
        3..7 => {
            let waiting: Vec<i64> = model.waiting.keys().copied().collect();
            for _ in 0..=numbers.below(2 * most) {
                let from = numbers.below(waiting.len() as u64 + 1);
                let device = i64::try_from(1 + numbers.below(DEVICES)).unwrap();
                // Several in a row, and what is not there.
                for position in waiting.iter().skip(usize::try_from(from).unwrap()).take(20) {
                    take(tx, model, device, *position);
                    take(tx, model, device, position + 1);
                }
            }
        }
        _ => {
            let device = i64::try_from(1 + numbers.below(DEVICES)).unwrap();
            tx.empty_mailbox(device).unwrap();
            for position in model.waiting.keys().copied().collect::<Vec<_>>() {
                forget(model, device, position);
            }
        }
    }
}

fn take(tx: &mut Tx<'_>, model: &mut Model, device: i64, position: i64) {
    tx.take(device, position).unwrap();
    forget(model, device, position);
}

fn forget(model: &mut Model, device: i64, position: i64) {
    if let Some(devices) = model.waiting.get_mut(&position) {
        devices.remove(&device);
        if devices.is_empty() {
            model.waiting.remove(&position);
        }
    }
}

impl Writer {
    fn new(seed: u64) -> Self {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        let (state, numbers) = (remembering_nothing(1), Numbers(seed));
        Self { conn, state, model: Model::default(), numbers, bodies: 0 }
    }

    fn transaction(&mut self, most: u64) {
        let (before, mark) = (self.model.clone(), self.state.sent.mark());
        self.conn.execute_batch("BEGIN").unwrap();
        let mut tx = Tx { conn: &self.conn, state: &mut self.state, now_ms: 1_000_000 };
        for _ in 0..=self.numbers.below(4) {
            match self.numbers.below(4) {
                // Plain messages and acknowledgements.
                0..2 => act(&mut tx, &mut self.model, &mut self.numbers, most),
                refused => {
                    let mut model = self.model.clone();
                    let numbers = &mut self.numbers;
                    let (result, failure) = in_savepoint(&mut tx, Touches::Structure, |tx| {
                        act(tx, &mut model, numbers, most);
                        act(tx, &mut model, numbers, most);
                        let refusal = Refusal::new(ErrorCode::InvalidRequest, "");
                        if refused == 2 { Err(StorageError::from(refusal)) } else { Ok(()) }
                    });
                    assert!(failure.is_none());
                    if result.is_ok() {
                        self.model = model;
                    }
                }
            }
        }
        self.state.deliveries.clear();
        self.state.accepted = 0;
        if self.numbers.below(4) == 0 {
            // As where a transaction fails, before it is written or after.
            if self.numbers.below(2) == 0 {
                self.state.flush(&self.conn).unwrap();
            }
            self.conn.execute_batch("ROLLBACK").unwrap();
            self.state.back_to(mark);
            self.model = before;
        } else {
            self.state.flush(&self.conn).unwrap();
            self.conn.execute_batch("COMMIT").unwrap();
            self.state.sent.committed();
            self.bodies += self.state.bodies;
        }
        self.state.bodies = 0;
        filing::file(&mut self.conn, &mut self.state.cache).unwrap();
        sent::seal(&mut self.conn, &mut self.state.sent).unwrap();
    }

    fn rows(&self, sql: &str) -> Vec<(i64, i64)> {
        let mut query = self.conn.prepare(sql).unwrap();
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    }

    fn check(&mut self) {
        let waiting: Vec<(i64, i64)> = self
            .model
            .waiting
            .iter()
            .flat_map(|(position, devices)| devices.iter().map(move |device| (*position, *device)))
            .collect();
        let all = "SELECT pos, device FROM mailbox UNION ALL SELECT pos, device FROM arrival ORDER BY 1, 2";
        assert_eq!(self.rows(all), waiting);
        let bodies: Vec<i64> = self.rows("SELECT id, 0 FROM body ORDER BY id").into_iter().map(|(id, _)| id).collect();
        assert!(bodies.iter().eq(self.model.waiting.keys()));
        assert_eq!(self.bodies, i64::try_from(bodies.len()).unwrap());
        let shared = "SELECT pos, count(*) FROM mailbox WHERE flags & 1 <> 0 GROUP BY pos ORDER BY pos";
        assert_eq!(self.rows("SELECT body, pending FROM fanout ORDER BY body"), self.rows(shared));
        assert_eq!(self.rows("SELECT count(*), 0 FROM sent")[0].0, i64::try_from(self.model.sent.len()).unwrap());
        for device in 1..=5 {
            let of_device = waiting.iter().filter(|(_, to)| *to == device).count();
            let pending = *self.state.cache.pending(&self.conn, device).unwrap();
            assert_eq!(pending.messages, i64::try_from(of_device).unwrap());
            let lens = "SELECT coalesce(sum(m.len), 0), 0 FROM (SELECT device, len FROM mailbox
                UNION ALL SELECT device, len FROM arrival) m WHERE m.device = ";
            assert_eq!(pending.bytes, self.rows(&format!("{lens}{device}"))[0].0);
            let of_sender = format!("SELECT coalesce(sum(length(frame)), 0), 0 FROM body WHERE sender = {device}");
            let expected = self.rows(&of_sender)[0].0;
            assert_eq!(*self.state.cache.sent_bytes(&self.conn, device).unwrap(), expected);
            assert_eq!(*Cache::default().sent_bytes(&self.conn, device).unwrap(), expected);
        }
        let read = Arrivals::load(&self.conn).unwrap().rows();
        assert_eq!(self.state.cache.arrivals(&self.conn).unwrap().rows(), read);
    }
}

#[test]
fn what_is_remembered_is_what_is_in_the_tables() {
    for (seed, most) in [(1, 3), (2, 30), (3, 600)] {
        let (mut writer, mut filed) = (Writer::new(seed), 0);
        for _ in 0..200 {
            writer.transaction(most);
            writer.check();
            filed += usize::from(writer.rows("SELECT count(*), 0 FROM mailbox")[0].0 > 0);
            if writer.numbers.below(16) == 0 {
                writer.state = remembering_nothing(writer.state.next_position);
            }
        }
        assert!(!writer.model.sent.is_empty() && (most < 600 || filed > 0), "{filed}");
    }
}
