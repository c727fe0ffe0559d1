use super::super::batch::Batch;
use super::super::cache::Cache;
use super::super::migrations::migrate;
use super::super::tx::State;
use super::*;
use crate::storage::Bounds;

struct Writer {
    conn: Connection,
    state: State,
    now: i64,
}

impl Writer {
    fn new() -> Self {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        let (cache, sent) = (Cache::default(), Sent::with_shelves(1));
        let batch = Batch::default();
        let deliveries = Vec::new();
        let state = State { cache, sent, batch, deliveries, ..State::starting_at(1, Bounds::default()) };
        Self { conn, state, now: 1000 }
    }

    /// As after a restart.
    fn forgets(&mut self) {
        self.state.sent = Sent::with_shelves(1);
    }

    fn tx(&mut self) -> Tx<'_> {
        Tx { conn: &self.conn, state: &mut self.state, now_ms: self.now * 1000 }
    }

    fn sends(&mut self, numbers: std::ops::Range<u64>) {
        self.conn.execute_batch("BEGIN").unwrap();
        for number in numbers {
            self.tx().note_seen(1, id(number), 7, i64::try_from(number).unwrap()).unwrap();
        }
        self.state.flush(&self.conn).unwrap();
        self.conn.execute_batch("COMMIT").unwrap();
        self.state.sent.committed();
        seal(&mut self.conn, &mut self.state.sent).unwrap();
    }

    fn knows(&mut self, number: u64) -> bool {
        let found = self.tx().seen(1, id(number)).unwrap();
        assert!(found.is_none_or(|found| found == (7, i64::try_from(number).unwrap())));
        found.is_some()
    }

    fn count(&self, table: &str) -> u64 {
        self.conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    }
}

/// Without any order.
fn id(number: u64) -> MessageId {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&mixed.to_be_bytes());
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    MessageId::from_bytes(bytes)
}

const RUN: u64 = ROWS as u64;

#[test]
fn everything_is_known_from_memory_from_runs_and_after_a_restart() {
    let mut writer = Writer::new();
    writer.sends(0..RUN - 1);
    assert_eq!(writer.count("sent_run"), 0);
    // More at once than makes a run.
    writer.sends(RUN - 1..2 * RUN + 100);
    writer.sends(2 * RUN + 100..4 * RUN);
    writer.sends(4 * RUN..4 * RUN + 100);
    assert_eq!(writer.count("sent_run"), 2);
    for _ in 0..2 {
        for number in (0..4 * RUN + 100).step_by(37).chain(4 * RUN..4 * RUN + 100) {
            assert!(writer.knows(number), "{number}");
            assert!(!writer.knows(number + 1_000_000), "{number}");
        }
        assert_eq!(writer.tx().seen(2, id(5)).unwrap(), None, "another device's ids are its own");
        writer.forgets();
    }
}

/// More than two shelves hold, of which one is in memory, and the one that is being filled.
#[test]
fn many_are_known_as_well_as_few() {
    let mut writer = Writer::new();
    let shelf = (ROWS * 63) as u64;
    let all = 2 * shelf + 3 * RUN;
    for begin in (0..all).step_by(ROWS) {
        writer.now = 1000 + i64::try_from(begin / shelf).unwrap();
        writer.sends(begin..begin + RUN);
    }
    let in_memory = |writer: &Writer| -> Vec<bool> {
        let shelves = &writer.state.sent.known.as_ref().unwrap().shelves;
        shelves.iter().map(|runs| runs.shelf.is_some()).collect()
    };
    for _ in 0..2 {
        for number in (0..all).step_by(9973).chain([all - 1]) {
            assert!(writer.knows(number) && !writer.knows(number + all), "{number}");
        }
        assert_eq!(in_memory(&writer), [false, true, true]);
        assert!(writer.state.sent.known.as_ref().unwrap().shelves[1].shelf.as_ref().is_some_and(|s| !s.is_full()));
        writer.forgets();
    }
    // The oldest shelf goes as a whole, some of its runs before.
    let mut steps = 0;
    while writer.tx().expire_sent(1001).unwrap() {
        steps += 1;
        if steps == 100 {
            writer.forgets();
            let left = (0..shelf).step_by(997).filter(|number| writer.knows(*number)).count() as u64;
            assert!(left > 0 && left < shelf / 997, "{left}");
            assert_eq!(in_memory(&writer), [false, true, true]);
        }
    }
    assert_eq!((writer.count("sent_shelf"), writer.count("sent_run"), writer.count("sent")), (0, 66, shelf + 3 * RUN));
    for _ in 0..2 {
        assert!((0..all).step_by(9973).all(|number| writer.knows(number) == (number >= shelf)));
        assert_eq!(in_memory(&writer), [true, true]);
        writer.forgets();
    }
}

/// On a disk that was full for long, runs could not be made, and then one was of very many rows: more than a shelf on the
/// disk has room for.
#[test]
fn a_shelf_of_unusual_size_is_as_good() {
    let mut writer = Writer::new();
    let (large, all) = (RUN * 66, RUN * 66 + 2 * (ROWS * 63) as u64);
    writer.sends(0..large);
    for begin in (large..all).step_by(ROWS) {
        writer.sends(begin..begin + RUN);
    }
    for _ in 0..2 {
        assert!((0..all).step_by(997).all(|number| writer.knows(number)));
        let known = writer.state.sent.known.as_ref().unwrap();
        let in_memory: Vec<_> = known.shelves.iter().map(|runs| runs.shelf.is_some()).collect();
        assert_eq!(in_memory, [true, false, true, true]);
        writer.forgets();
    }
}

#[test]
fn what_is_undone_was_not_sent() {
    let mut writer = Writer::new();
    for loaded in [false, true] {
        writer.sends(0..u64::from(loaded));
        let mark = writer.state.sent.mark();
        writer.conn.execute_batch("BEGIN").unwrap();
        writer.tx().note_seen(1, id(8), 7, 8).unwrap();
        assert!(writer.knows(8));
        writer.conn.execute_batch("ROLLBACK").unwrap();
        writer.state.sent.back_to(mark);
        assert!(!writer.knows(8) && writer.knows(0) == loaded);
    }
    writer.sends(8..10);
    assert!(writer.knows(8) && writer.knows(9));
    writer.forgets();
    assert!(writer.knows(8) && writer.knows(9) && writer.knows(0));
}

#[test]
fn what_is_old_is_forgotten_and_nothing_else() {
    let mut writer = Writer::new();
    writer.sends(0..RUN);
    writer.now = 2000;
    writer.sends(RUN..2 * RUN + 10);
    writer.now = 3000;
    writer.sends(2 * RUN + 10..2 * RUN + 20);
    assert!(!writer.tx().expire_sent(1000).unwrap(), "nothing is older");
    for (cutoff, runs, rows) in [(1500, 1, RUN + 20), (2001, 0, 10), (3001, 0, 0)] {
        while writer.tx().expire_sent(cutoff).unwrap() {}
        writer.state.sent.committed();
        let whole = writer.count("sent_run WHERE hashes <> x''");
        assert_eq!((whole, writer.count("sent")), (runs, rows));
        for _ in 0..2 {
            for number in [0, RUN - 1, RUN, 2 * RUN, 2 * RUN + 9, 2 * RUN + 10, 2 * RUN + 19] {
                assert_eq!(writer.knows(number), number >= 2 * RUN + 20 - rows, "{number} at {cutoff}");
            }
            writer.forgets();
        }
    }
    // An id that is forgotten is new, and what follows is where nothing was.
    writer.sends(0..10);
    assert!(writer.knows(0) && writer.knows(9));
}

#[test]
fn a_cleanup_that_is_undone_forgets_nothing() {
    let mut writer = Writer::new();
    writer.sends(0..RUN + 10);
    let mark = writer.state.sent.mark();
    writer.conn.execute_batch("BEGIN").unwrap();
    while writer.tx().expire_sent(5000).unwrap() {}
    assert!(!writer.knows(0) && !writer.knows(RUN + 9));
    writer.conn.execute_batch("ROLLBACK").unwrap();
    writer.state.sent.back_to(mark);
    assert!(writer.knows(0) && writer.knows(RUN + 9));
}

#[test]
fn what_deleted_devices_have_sent_goes() {
    let mut writer = Writer::new();
    let device = "INSERT INTO user (id, user_id, access_key_hash, created_at) VALUES (1, 'alice', x'', 0);
        INSERT INTO device (id, device_id, user, created_at) VALUES (1, 'a', 1, 0)";
    writer.conn.execute_batch(device).unwrap();
    writer.tx().note_seen(2, id(0), 7, 0).unwrap();
    writer.sends(1..RUN + 10);
    writer.tx().note_seen(2, id(1), 7, 1).unwrap();
    writer.state.flush(&writer.conn).unwrap();
    assert_eq!(writer.tx().forget_sent_by_nobody(0).unwrap(), None, "it is not looked for in vain");
    assert_eq!(writer.count("sent"), RUN + 11);
    writer.tx().note_sent_by_nobody().unwrap();
    let mut from = Some(0);
    while let Some(row) = from {
        from = writer.tx().forget_sent_by_nobody(row).unwrap();
    }
    assert_eq!(writer.count("sent"), RUN + 9);
    assert!((1..RUN + 10).all(|number| writer.knows(number)));
    writer.forgets();
    assert!((1..RUN + 10).step_by(100).all(|number| writer.knows(number)));
}
