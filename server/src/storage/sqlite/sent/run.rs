//! A sealed run of rows of `sent`: which of them an id may be.
//!
//! Each row has a hash, keyed so that nobody can choose ids that collide. Its first bits say in which bucket the row is,
//! the next sixteen are its print. In memory are the buckets and the prints, 2.3 bytes for each row; on the disk are the
//! places of the rows, in the same order. An id that was never sent has the print of another one in its bucket once in
//! some thousand looks, and then a look at the row itself tells.

/// Ids that a run covers. More would make sealing take longer (1 ms now), and fewer make more runs to look at for each
/// message.
pub(super) const ROWS: i64 = 32_768;

/// Rows in a bucket, on average: as many prints as one line of the processor's cache has room for, and some.
const BUCKET: usize = 8;

/// See the module.
pub(super) struct Run {
    /// Id of its first row.
    pub(super) first: i64,
    /// When the youngest of its rows was received.
    pub(super) newest: i64,
    /// Where each bucket begins in `prints`, and the last one ends.
    starts: Box<[u16]>,
    prints: Box<[u16]>,
}

/// A run that has just been made, and what of it is only on the disk.
pub(super) struct Sealed {
    pub(super) run: Run,
    /// Of each print, which row it is of, counted from the first.
    pub(super) places: Vec<u8>,
}

impl Run {
    /// Makes a run of rows, of which are given the hash, and the distance from the first.
    pub(super) fn seal(first: i64, newest: i64, mut rows: Vec<(u64, u16)>) -> Sealed {
        // By bucket, and by print within it.
        rows.sort_unstable();
        let buckets = (rows.len() / BUCKET).next_power_of_two();
        let mut starts = vec![0_u16; buckets + 1];
        for (hash, _) in &rows {
            starts[bucket(*hash, buckets) + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let prints = rows.iter().map(|(hash, _)| print(*hash, buckets)).collect();
        let places = rows.iter().flat_map(|(_, place)| place.to_le_bytes()).collect();
        Sealed { run: Self { first, newest, starts: starts.into(), prints }, places }
    }

    /// Reads what [`Run::to_bytes`] has written of a run with so many rows.
    pub(super) fn from_bytes(first: i64, newest: i64, rows: usize, bytes: &[u8]) -> Option<Self> {
        let mut numbers = bytes.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]]));
        let starts: Box<[u16]> = numbers.by_ref().take((rows / BUCKET).next_power_of_two() + 1).collect();
        let prints: Box<[u16]> = numbers.collect();
        let whole = prints.len() == rows && starts.last().is_some_and(|end| usize::from(*end) == rows);
        (whole && starts.is_sorted()).then_some(Self { first, newest, starts, prints })
    }

    /// Buckets and prints.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.starts.iter().chain(&self.prints).flat_map(|number| number.to_le_bytes()).collect()
    }

    /// Where among the places those are that a row with this hash could be at.
    pub(super) fn candidates(&self, hash: u64) -> impl Iterator<Item = usize> {
        let buckets = self.starts.len() - 1;
        let bucket = bucket(hash, buckets);
        let (begin, end) = (usize::from(self.starts[bucket]), usize::from(self.starts[bucket + 1]));
        let print = print(hash, buckets);
        self.prints[begin..end]
            .iter()
            .enumerate()
            .filter(move |(_, other)| **other == print)
            .map(move |(at, _)| begin + at)
    }
}

/// The first bits of a hash, as many as there are buckets (a power of two) for.
fn bucket(hash: u64, buckets: usize) -> usize {
    let bits = buckets.trailing_zeros();
    usize::try_from(hash.checked_shr(u64::BITS - bits).unwrap_or(0)).expect("no more bits than a bucket's number has")
}

/// The sixteen bits behind.
fn print(hash: u64, buckets: usize) -> u16 {
    u16::try_from((hash << buckets.trailing_zeros()) >> 48).expect("48 bits are shifted out")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers without any order.
    fn hashes(count: u64, seed: u64) -> Vec<u64> {
        let mixed =
            |n: u64| (n ^ seed).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (1..=count).map(mixed).collect()
    }

    fn place(sealed: &Sealed, at: usize) -> u16 {
        u16::from_le_bytes([sealed.places[2 * at], sealed.places[2 * at + 1]])
    }

    #[test]
    fn each_row_is_found_and_hardly_another() {
        for count in [0, 1, 7, 8, 100, 32_768] {
            let rows = hashes(count, 0);
            let numbered = rows.iter().zip(0..).map(|(hash, place)| (*hash, place)).collect();
            let sealed = Run::seal(1, 0, numbered);
            for (hash, number) in rows.iter().zip(0_u16..) {
                assert!(sealed.run.candidates(*hash).any(|at| place(&sealed, at) == number));
            }
            let strangers = hashes(10_000, 0x5555_5555_5555);
            let found: usize = strangers.iter().map(|hash| sealed.run.candidates(*hash).count()).sum();
            assert!(found < 20, "{found} of 10,000 with {count} rows");
        }
    }

    #[test]
    fn a_run_reads_back_as_it_was_and_nothing_else_does() {
        let rows: Vec<_> = hashes(1000, 1).into_iter().zip(0..).collect();
        let run = Run::seal(7, 9, rows.clone()).run;
        let bytes = run.to_bytes();
        let read = Run::from_bytes(7, 9, rows.len(), &bytes).unwrap();
        assert_eq!((read.first, read.newest, &read.starts, &read.prints), (7, 9, &run.starts, &run.prints));
        for wrong in [&bytes[2..], &bytes[..bytes.len() - 2], &[]] {
            assert!(Run::from_bytes(7, 9, rows.len(), wrong).is_none());
        }
        assert!(Run::from_bytes(7, 9, rows.len() + 1, &bytes).is_none());
        let mut damaged = bytes.clone();
        damaged[1] = 0xff;
        assert!(Run::from_bytes(7, 9, rows.len(), &damaged).is_none());
    }
}
