//! Token buckets: so many at once, refilled over a minute or an hour.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

const MINUTE_MS: i64 = 60_000;

/// Buckets kept before full ones are dropped.
const SWEEP_AT: usize = 10_000;

/// One bucket for each key. A key that has not been seen has a full one.
pub(crate) struct Limiter<K> {
    /// Size of a bucket; 0 for no limit.
    size: u32,
    /// Milliseconds in which an empty bucket fills; and the level that is one token, so that each millisecond adds just
    /// the number of tokens in a bucket.
    fill_ms: i64,
    buckets: Mutex<HashMap<K, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    level: i64,
    at_ms: i64,
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self { size: per_minute, fill_ms: MINUTE_MS, buckets: Mutex::default() }
    }

    pub(crate) fn per_hour(size: u32) -> Self {
        Self { size, fill_ms: 60 * MINUTE_MS, buckets: Mutex::default() }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// Milliseconds until there is one.
    pub(crate) fn take(&self, key: &K, now_ms: i64) -> Result<(), u64> {
        self.take_many(key, 1, now_ms)
    }

    /// Takes so many tokens, all or none. A full bucket is enough for any number.
    ///
    /// # Errors
    /// Milliseconds until there are so many.
    pub(crate) fn take_many(&self, key: &K, count: u32, now_ms: i64) -> Result<(), u64> {
        if self.size == 0 {
            return Ok(());
        }
        let needed = i64::from(count.min(self.size)) * self.fill_ms;
        let (rate, fill_ms) = (i64::from(self.size), self.fill_ms);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > SWEEP_AT && !buckets.contains_key(key) {
            buckets.retain(|_, bucket| bucket.level_at(now_ms, rate, fill_ms) < rate * fill_ms);
        }
        let bucket = match buckets.get_mut(key) {
            Some(bucket) => bucket,
            None => buckets.entry(key.clone()).or_insert(Bucket { level: rate * fill_ms, at_ms: now_ms }),
        };
        // Also when there is no token: a clock that was set back fills the bucket from now on, not when it has caught up.
        *bucket = Bucket { level: bucket.level_at(now_ms, rate, fill_ms), at_ms: now_ms };
        if bucket.level < needed {
            let missing = (needed - bucket.level).unsigned_abs();
            return Err(missing.div_ceil(rate.unsigned_abs()));
        }
        bucket.level -= needed;
        Ok(())
    }

    /// Takes so many tokens, also those that are not there yet. No more is owed than a bucket holds.
    pub(crate) fn charge(&self, key: &K, count: u32, now_ms: i64) {
        let full = i64::from(self.size) * self.fill_ms;
        // What was taken before has made the bucket, unless there is no limit.
        if let Some(bucket) = self.buckets.lock().unwrap_or_else(PoisonError::into_inner).get_mut(key) {
            let level = bucket.level_at(now_ms, i64::from(self.size), self.fill_ms);
            *bucket = Bucket { level: (level - i64::from(count) * self.fill_ms).max(-full), at_ms: now_ms };
        }
    }

    /// Puts one token back: what it was taken for has not happened.
    pub(crate) fn give_back(&self, key: &K) {
        if let Some(bucket) = self.buckets.lock().unwrap_or_else(PoisonError::into_inner).get_mut(key) {
            bucket.level += self.fill_ms;
        }
    }
}

impl Bucket {
    fn level_at(self, now_ms: i64, rate: i64, fill_ms: i64) -> i64 {
        // A clock that was set back fills nothing.
        let elapsed = (now_ms - self.at_ms).clamp(0, fill_ms);
        (self.level + elapsed * rate).min(rate * fill_ms)
    }
}

/// Lets one of many alike through each minute, and counts the others: for what is written down because of somebody who
/// may do it as often as they like.
#[derive(Default)]
pub(crate) struct OncePerMinute {
    last: Mutex<Option<(i64, u64)>>,
}

impl OncePerMinute {
    /// How many there have been since the last one that was let through, if this one is.
    pub(crate) fn note(&self, now_ms: i64) -> Option<u64> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *last {
            // A clock that was set back lets the next one through.
            Some((at_ms, held_back)) if (0..MINUTE_MS).contains(&(now_ms - *at_ms)) => {
                *held_back += 1;
                None
            }
            other => {
                let held_back = other.map_or(0, |(_, held_back)| held_back);
                *other = Some((now_ms, 0));
                Some(held_back + 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let limiter = Limiter::new(2);
        assert_eq!(limiter.take(&"a", 0), Ok(()));
        assert_eq!(limiter.take(&"a", 0), Ok(()));
        assert_eq!(limiter.take(&"a", 0), Err(30_000));
        assert_eq!(limiter.take(&"b", 0), Ok(()), "others have their own");
        assert_eq!(limiter.take(&"a", 29_999), Err(1));
        assert_eq!(limiter.take(&"a", 30_000), Ok(()));
    }

    #[test]
    fn many_are_taken_together_or_not_at_all() {
        let limiter = Limiter::new(4);
        assert_eq!(limiter.take_many(&"a", 3, 0), Ok(()));
        assert_eq!(limiter.take_many(&"a", 2, 0), Err(15_000));
        assert_eq!(limiter.take(&"a", 0), Ok(()), "nothing was taken");
        assert_eq!(limiter.take_many(&"a", 9, 59_999), Err(1));
        assert_eq!(limiter.take_many(&"a", 9, 60_000), Ok(()), "or it could never be taken");
        assert!(limiter.take(&"a", 60_000).is_err());
    }

    #[test]
    fn an_hour_is_longer_and_what_is_given_back_can_be_taken_again() {
        let limiter = Limiter::per_hour(1);
        assert_eq!(limiter.take(&"a", 0), Ok(()));
        assert_eq!(limiter.take(&"a", 60_000), Err(59 * 60_000));
        limiter.give_back(&"a");
        assert_eq!(limiter.take(&"a", 60_000), Ok(()));
        assert!(limiter.take(&"a", 60_000).is_err());
    }

    #[test]
    fn one_of_many_is_let_through_and_counts_the_others() {
        let gate = OncePerMinute::default();
        assert_eq!(gate.note(0), Some(1));
        assert_eq!([gate.note(1), gate.note(59_999)], [None, None]);
        assert_eq!(gate.note(60_000), Some(3));
        assert_eq!(gate.note(60_001), None);
        assert_eq!(gate.note(0), Some(2));
    }

    #[test]
    fn nothing_is_limited_by_zero() {
        let limiter = Limiter::new(0);
        for _ in 0..1000 {
            assert_eq!(limiter.take(&"a", 0), Ok(()));
        }
    }

    #[test]
    fn a_clock_set_back_gives_nothing_away_and_takes_nothing() {
        let limiter = Limiter::new(1);
        assert_eq!(limiter.take(&"a", 100_000), Ok(()));
        assert_eq!(limiter.take(&"a", 0), Err(60_000));
        assert_eq!(limiter.take(&"a", 60_000), Ok(()), "and nobody waits for it to catch up");
    }
}
