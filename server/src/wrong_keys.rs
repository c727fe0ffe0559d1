//! Wrong keys: each one beyond the first few makes the next wait twice as long, by user and by address.
//!
//! A right key is never refused and never waits, also while somebody tries wrong ones: otherwise anybody could lock
//! anybody out. That is sound because keys are 256 random bits: whoever may try a billion of them in a second learns as
//! little as who may try one. What the waiting is for is the noise, and the work that noise makes.
//!
//! Users that exist and users that do not are counted alike, or the counting would tell them apart. A right key takes
//! back only what the same address has done wrong, so that nobody sees from elsewhere that somebody has signed in.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use privmsg_protocol::UserId;

use crate::config::Limits;

/// The first wait; each further one is twice as long.
const FIRST_WAIT_MS: i64 = 1000;

/// After each such time without a wrong key, beyond the wait, one is forgotten.
const FORGET_MS: i64 = 60_000;

/// Users and addresses that are remembered. Beyond that those with the shortest waits are forgotten first: an attacker
/// with many addresses costs a bounded amount of memory.
const MOST: usize = 50_000;

/// Addresses whose part in a user's wrong keys is known, so that a right key from there can take it back.
const SOURCES: usize = 4;

/// See the module.
pub(crate) struct WrongKeys {
    /// 0 for no limit, as for the longest wait.
    free: u32,
    longest_ms: i64,
    users: Mutex<HashMap<UserId, OfUser>>,
    addresses: Mutex<HashMap<IpAddr, Count>>,
}

#[derive(Default)]
struct OfUser {
    count: Count,
    by: Vec<(IpAddr, u32)>,
}

#[derive(Default, Clone, Copy)]
struct Count {
    wrong: u32,
    /// Nothing is heard before.
    until_ms: i64,
    /// From here on time forgives.
    since_ms: i64,
}

impl Count {
    /// Counts one more. `Err`: it comes too early, and was not heard.
    fn note(&mut self, free: u32, longest_ms: i64, now_ms: i64) -> Result<(), u64> {
        let forgiven = (now_ms - self.since_ms).max(0) / FORGET_MS;
        self.wrong = self.wrong.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX));
        // A clock that is set back must not make a wait longer than the longest.
        let early = now_ms < self.until_ms.min(now_ms.saturating_add(longest_ms));
        self.wrong = self.wrong.saturating_add(1);
        self.since_ms = now_ms;
        if self.wrong < free {
            self.until_ms = 0;
            return Ok(());
        }
        let doubled = (self.wrong - free).min(30);
        let wait = FIRST_WAIT_MS.saturating_mul(1 << doubled).min(longest_ms);
        self.until_ms = now_ms.saturating_add(wait);
        self.since_ms = self.until_ms;
        // Beyond the longest wait there is nothing more to be doubled, nor to be forgotten.
        if wait == longest_ms {
            self.wrong = self.wrong.min(free + 30);
        }
        if early { Err(wait.unsigned_abs()) } else { Ok(()) }
    }
}

impl WrongKeys {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            free: limits.max_wrong_keys,
            longest_ms: i64::from(limits.max_wrong_key_delay_seconds) * 1000,
            users: Mutex::default(),
            addresses: Mutex::default(),
        }
    }

    /// Counts a wrong key against its address, and against the user that it was tried for.
    ///
    /// # Errors
    /// Milliseconds until the next one is heard, if this one came too early.
    pub(crate) fn note(&self, user: Option<&UserId>, from: IpAddr, now_ms: i64) -> Result<(), u64> {
        if self.free == 0 || self.longest_ms == 0 {
            return Ok(());
        }
        let by_address = {
            let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
            make_room(&mut addresses, &from, |count| count.until_ms.max(count.since_ms));
            addresses.entry(from).or_default().note(self.free, self.longest_ms, now_ms)
        };
        let by_user = user.map_or(Ok(()), |user| self.note_user(user, from, now_ms));
        match (by_address, by_user) {
            (Err(one), Err(other)) => Err(one.max(other)),
            (one, other) => one.and(other),
        }
    }

    fn note_user(&self, user: &UserId, from: IpAddr, now_ms: i64) -> Result<(), u64> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        make_room(&mut users, user, |of| of.count.until_ms.max(of.count.since_ms));
        let of = users.entry(user.clone()).or_default();
        if let Some((_, wrong)) = of.by.iter_mut().find(|(source, _)| *source == from) {
            *wrong = wrong.saturating_add(1);
        } else if of.by.len() < SOURCES {
            of.by.push((from, 1));
        }
        of.count.note(self.free, self.longest_ms, now_ms)
    }

    /// A right key of this user has come from this address.
    pub(crate) fn forget(&self, user: &UserId, from: IpAddr) {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(of) = users.get_mut(user) else { return };
        let Some(index) = of.by.iter().position(|(source, _)| *source == from) else { return };
        let (_, wrong) = of.by.swap_remove(index);
        of.count.wrong = of.count.wrong.saturating_sub(wrong);
        if of.by.is_empty() && of.count.wrong == 0 {
            users.remove(user);
        } else if of.count.wrong < self.free {
            of.count.until_ms = 0;
        }
    }
}

/// Forgets the half that would be forgotten first, if one more would be too many.
fn make_room<K: Hash + Eq + Clone, V>(table: &mut HashMap<K, V>, key: &K, until: impl Fn(&V) -> i64) {
    if table.len() < MOST || table.contains_key(key) {
        return;
    }
    let mut times: Vec<i64> = table.values().map(&until).collect();
    let middle = times.len() / 2;
    let (_, median, _) = times.select_nth_unstable(middle);
    let median = *median;
    table.retain(|_, value| until(value) > median);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(free: u32, longest: u32) -> WrongKeys {
        WrongKeys::new(&Limits { max_wrong_keys: free, max_wrong_key_delay_seconds: longest, ..Limits::default() })
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn user(name: &str) -> UserId {
        name.parse().unwrap()
    }

    #[test]
    fn waits_double_up_to_the_longest_and_are_heard_after_it() {
        let keys = keys(3, 5);
        let alice = user("alice");
        let note = |now_ms| keys.note(Some(&alice), address(1), now_ms);
        assert_eq!([note(0), note(0), note(0)], [Ok(()); 3]);
        assert_eq!([note(0), note(0), note(0), note(0)], [Err(2000), Err(4000), Err(5000), Err(5000)]);
        assert_eq!(note(5000), Ok(()), "whoever waits hears that the key is wrong");
        assert_eq!(note(5001), Err(5000));
    }

    #[test]
    fn users_and_addresses_are_counted_apart() {
        let keys = keys(2, 60);
        for last in 1..=2 {
            assert_eq!(keys.note(Some(&user("alice")), address(last), 0), Ok(()));
        }
        assert!(keys.note(Some(&user("alice")), address(3), 0).is_err(), "by user");
        assert_eq!(keys.note(Some(&user("bob")), address(4), 0), Ok(()));
        assert_eq!(keys.note(None, address(4), 0), Ok(()));
        assert!(keys.note(Some(&user("carol")), address(4), 0).is_err(), "by address");
    }

    #[test]
    fn time_forgives_and_a_right_key_takes_back_its_own() {
        let keys = keys(2, 60);
        let alice = user("alice");
        for _ in 0..2 {
            assert_eq!(keys.note(Some(&alice), address(1), 0), Ok(()));
        }
        assert_eq!(keys.note(Some(&alice), address(1), 1000 + 3 * FORGET_MS), Ok(()));
        assert_eq!(keys.note(Some(&alice), address(1), 1000 + 3 * FORGET_MS), Ok(()), "as if nothing had been");

        let bob = user("bob");
        for last in [5, 6] {
            assert_eq!(keys.note(Some(&bob), address(last), 0), Ok(()));
        }
        keys.forget(&bob, address(5));
        assert_eq!(keys.note(Some(&bob), address(7), 0), Ok(()), "one of two is taken back");
        assert!(keys.note(Some(&bob), address(8), 0).is_err(), "that of others is not");
        keys.forget(&user("nobody"), address(1));
    }

    #[test]
    fn zero_switches_it_off_and_memory_is_bounded() {
        for off in [keys(0, 900), keys(10, 0)] {
            assert!((0..1000).all(|_| off.note(Some(&user("alice")), address(1), 0).is_ok()));
        }
        let keys = keys(1, 900);
        for n in 0..u32::try_from(MOST).unwrap() + 10 {
            let _ = keys.note(Some(&user(&format!("user{n}"))), IpAddr::from(n.to_be_bytes()), i64::from(n));
        }
        assert!(keys.users.lock().unwrap().len() <= MOST);
        assert!(keys.addresses.lock().unwrap().len() <= MOST);
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let keys = keys(1, 900);
        let day = 86_400_000;
        for _ in 0..20 {
            let _ = keys.note(None, address(1), 10 * day);
        }
        assert!(keys.note(None, address(1), 0).unwrap_err() <= 900_000);
    }
}
