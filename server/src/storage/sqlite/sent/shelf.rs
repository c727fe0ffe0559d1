//! Which rows of `sent` an id may be: a table of hashes for a million rows.
//!
//! Each row is 25 bits of its hash and the number of the run that it is in, in the slot that other bits of the hash name
//! or one soon behind it: 6 bytes of memory, and one look for each message, wherever in time the message was sent before.
//! Hashes are keyed, so that nobody can choose ids that collide. An id that was never sent looks like one that was once
//! in some millions of times, and then a look at the rows themselves tells.
//!
//! Where there are more shelves than memory is for, the oldest are on the disk, in pages: then it is a look at one of
//! these for each of them.

use super::super::query::Query as _;
use super::super::row::blob;
use crate::storage::Result;
use rusqlite::Connection;

/// Runs on a shelf; as many as six bits can number.
pub(super) const RUNS: usize = 64;

/// Rows on a full shelf.
pub(super) const ROWS: usize = 1024 * 1024;

/// Rows that a new shelf has slots for; there are four times as many each time that they have become too few.
const FIRST_ROWS: usize = 16 * 1024;

const RUN_BITS: u32 = 6;

/// Slots of a full shelf.
const SLOTS: usize = ROWS / 2 * 3;

/// Slots in a page on the disk.
const PAGE: usize = 1024;

/// What tells a slot with something in it.
const TAKEN: u32 = 1 << 31;

/// A slot of which something was taken away, where others may be behind it.
const TAKEN_AWAY: u32 = 1;

/// See the module.
pub(super) struct Shelf {
    slots: Box<[u32]>,
    /// Slots with something in them, whether it is good for anything any more or not.
    taken: usize,
}

impl Shelf {
    /// An empty one for at least so many rows.
    pub(super) fn for_rows(rows: usize) -> Self {
        let mut room = FIRST_ROWS;
        while room < rows {
            room *= 4;
        }
        // Two of three are taken in the end: looks are short still.
        Self { slots: vec![0; room + room / 2].into(), taken: 0 }
    }

    /// Whether more rows should go to a larger one.
    pub(super) fn is_full(&self) -> bool {
        self.taken >= self.slots.len() / 3 * 2
    }

    /// Puts a row of this run on the shelf.
    pub(super) fn put(&mut self, hash: u64, run: usize) {
        let slot = self.looks(hash).find(|slot| self.slots[*slot] == 0);
        if let Some(slot) = slot {
            self.slots[slot] = entry(hash, run);
            self.taken += 1;
        }
    }

    /// Takes the row that was put on it last away again.
    pub(super) fn take_last(&mut self, hash: u64, run: usize) {
        let taken = self.looks(hash).take_while(|slot| self.slots[*slot] != 0);
        let mut alike = taken.filter(|slot| self.slots[*slot] == entry(hash, run));
        match (alike.next(), alike.next()) {
            // Nobody came after it, so nobody looks behind it.
            (Some(slot), None) => {
                self.slots[slot] = 0;
                self.taken -= 1;
            }
            // Which of them it was cannot be told. What is left of them is found from wherever the look begins.
            (Some(slot), Some(_)) => self.slots[slot] = TAKEN_AWAY,
            (None, _) => {}
        }
    }

    /// Runs that may have a row with this hash.
    pub(super) fn candidates(&self, hash: u64) -> impl Iterator<Item = usize> {
        let found = self.looks(hash).map(|slot| self.slots[slot]).take_while(|found| *found != 0);
        found.filter_map(move |found| run_of(found, hash))
    }

    /// Where to look, one after the other.
    fn looks(&self, hash: u64) -> impl Iterator<Item = usize> + use<> {
        let first = first_look(hash, self.slots.len());
        (first..self.slots.len()).chain(0..first)
    }

    /// Whether it is of the one size that there is on the disk.
    pub(super) fn can_be_put_away(&self) -> bool {
        self.slots.len() == SLOTS
    }

    /// Puts it away, under this number.
    pub(super) fn put_away(&self, conn: &Connection, number: i64) -> Result<()> {
        let mut insert = conn.prepare_cached("INSERT OR REPLACE INTO sent_shelf (id, slots) VALUES (?1, ?2)")?;
        for (id, page) in (first_page(number)..).zip(self.slots.chunks(PAGE)) {
            let bytes: Vec<u8> = page.iter().flat_map(|slot| slot.to_le_bytes()).collect();
            insert.execute((id, bytes))?;
        }
        Ok(())
    }
}

/// Runs of a shelf that was put away that may have a row with this hash.
pub(super) fn candidates_on_disk(conn: &Connection, number: i64, hash: u64) -> Result<Vec<usize>> {
    let (mut runs, first) = (Vec::new(), first_look(hash, SLOTS));
    let (mut page, mut at) = (first / PAGE, first % PAGE);
    let mut query = conn.prepare_cached("SELECT slots FROM sent_shelf WHERE id = ?1")?;
    for _ in 0..=SLOTS / PAGE {
        let id = first_page(number) + i64::try_from(page).unwrap_or(0);
        let mut rows = query.query([id])?;
        let Some(row) = rows.next()? else { break };
        for slot in blob(row, 0)?.as_chunks().0.iter().skip(at) {
            match u32::from_le_bytes(*slot) {
                0 => return Ok(runs),
                found => runs.extend(run_of(found, hash)),
            }
        }
        (page, at) = ((page + 1) % (SLOTS / PAGE), 0);
    }
    Ok(runs)
}

/// Whether a shelf has been put away.
pub(super) fn is_on_disk(conn: &Connection, number: i64) -> Result<bool> {
    let found = conn.first("SELECT 1 FROM sent_shelf WHERE id = ?1", [first_page(number)], |_| Ok(()))?;
    Ok(found.is_some())
}

/// Throws a shelf away that was put away.
pub(super) fn throw_away(conn: &Connection, number: i64) -> Result<()> {
    conn.run("DELETE FROM sent_shelf WHERE id >= ?1 AND id < ?2", [first_page(number), first_page(number + 1)])?;
    Ok(())
}

/// Id of the first page of a shelf.
const fn first_page(number: i64) -> i64 {
    number << 16
}

/// Where to look first among so many slots: the upper half of the hash, as a part of the whole.
fn first_look(hash: u64, slots: usize) -> usize {
    usize::try_from(((hash >> 32) * slots as u64) >> 32).expect("it is less than their number")
}

/// The run of the row in a slot, if that may have this hash.
fn run_of(found: u32, hash: u64) -> Option<usize> {
    (found >> RUN_BITS == entry(hash, 0) >> RUN_BITS).then_some((found & ((1 << RUN_BITS) - 1)) as usize)
}

/// What a slot has of a row.
const fn entry(hash: u64, run: usize) -> u32 {
    TAKEN | (((hash & 0x01ff_ffff) as u32) << RUN_BITS) | run as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number without any order.
    fn hash(n: u64) -> u64 {
        let mixed = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9).wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    #[test]
    fn each_row_is_found_in_its_run_and_hardly_anything_else() {
        for rows in [1, 1000, FIRST_ROWS, 4 * FIRST_ROWS] {
            let mut shelf = Shelf::for_rows(rows);
            for n in 0..rows {
                assert!(!shelf.is_full());
                shelf.put(hash(n as u64), n % RUNS);
            }
            for n in 0..rows {
                assert!(shelf.candidates(hash(n as u64)).any(|run| run == n % RUNS));
            }
            let strangers = (0..100_000).map(|n| shelf.candidates(hash(n + 1_000_000)).count()).sum::<usize>();
            assert!(strangers < 5, "{strangers}");
        }
    }

    #[test]
    fn what_is_taken_away_hides_nothing() {
        let mut shelf = Shelf::for_rows(1);
        // All of them want the same slot, or the one behind it.
        let hash = |n: u64| n | (n % 2) << 50;
        for n in 0..100 {
            shelf.put(hash(n), 3);
        }
        for n in (50..100).rev() {
            shelf.take_last(hash(n), 3);
            shelf.take_last(hash(n + 200), 3);
        }
        for n in 0..100 {
            assert_eq!(shelf.candidates(hash(n)).count(), usize::from(n < 50), "{n}");
        }
        assert_eq!(shelf.taken, 50);
    }

    /// The same 25 bits of the hash in the same run, and a look that begins elsewhere.
    #[test]
    fn what_cannot_be_told_apart_is_found_when_one_of_it_is_taken_away() {
        let beginning = |slot: u64| slot << 48 | 5;
        for (first, second) in [(3, 2), (2, 3), (2, 2)] {
            let mut shelf = Shelf::for_rows(1);
            // Between them are others, so that the looks meet.
            for n in 0..40 {
                shelf.put(beginning(2) + 100 + n, 0);
            }
            shelf.put(beginning(first), 0);
            shelf.put(beginning(second), 0);
            shelf.take_last(beginning(second), 0);
            assert_eq!(shelf.candidates(beginning(first)).count(), 1);
        }
    }

    /// A full disk undoes the same messages again and again.
    #[test]
    fn what_is_taken_away_takes_no_room() {
        let mut shelf = Shelf::for_rows(1);
        for n in 0..1_000_000 {
            shelf.put(hash(n), 0);
            shelf.take_last(hash(n), 0);
        }
        assert!(!shelf.is_full());
    }

    #[test]
    fn a_shelf_with_no_room_left_says_so_before_it_is_too_late() {
        let mut shelf = Shelf::for_rows(1);
        let mut rows = 0;
        while !shelf.is_full() {
            shelf.put(hash(rows), 0);
            rows += 1;
        }
        assert!(rows >= FIRST_ROWS as u64);
        // In vain, but nothing breaks.
        (rows..rows + FIRST_ROWS as u64 / 2 + 50).for_each(|n| shelf.put(hash(n), 0));
        assert!(shelf.candidates(hash(0)).next().is_some());
    }
}
