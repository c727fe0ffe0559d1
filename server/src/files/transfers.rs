//! How many transfers go on at the same time: each holds memory and an open file.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::storage::UserKey;

/// Counts transfers, in all and of each user. 0 stands for no limit.
pub(crate) struct Transfers {
    counts: Arc<Mutex<Counts>>,
    most: u32,
    most_of_one: u32,
}

#[derive(Default)]
struct Counts {
    all: u32,
    of_one: HashMap<UserKey, u32>,
}

/// One transfer, for as long as it goes on.
pub(crate) struct Slot {
    user: UserKey,
    counts: Arc<Mutex<Counts>>,
}

impl Transfers {
    pub(crate) fn new(most: u32, most_of_one: u32) -> Self {
        Self { counts: Arc::default(), most, most_of_one }
    }

    /// Room for one more transfer of this user; `None` if there is none. Whoever has some gets more only while more are free
    /// than they have: the last ones are for those who have none.
    pub(crate) fn begin(&self, user: UserKey) -> Option<Slot> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let own = counts.of_one.get(&user).copied().unwrap_or(0);
        let is_taken = self.most != 0 && self.most.saturating_sub(counts.all) <= own;
        if is_taken || (self.most_of_one != 0 && own >= self.most_of_one) {
            return None;
        }
        counts.all += 1;
        counts.of_one.insert(user, own + 1);
        drop(counts);
        Some(Slot { user, counts: Arc::clone(&self.counts) })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.all -= 1;
        if let Some(own) = counts.of_one.get_mut(&self.user) {
            *own -= 1;
            if *own == 0 {
                counts.of_one.remove(&self.user);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfers_are_counted_while_they_go_on() {
        let transfers = Transfers::new(4, 2);
        let (one, two) = (UserKey(1), UserKey(2));
        let first = transfers.begin(one).unwrap();
        let _second = transfers.begin(one).unwrap();
        assert!(transfers.begin(one).is_none(), "two of one user");
        let _third = transfers.begin(two).unwrap();
        assert!(transfers.begin(two).is_none(), "the last one is for somebody else");
        let fourth = transfers.begin(UserKey(3)).unwrap();
        assert!(transfers.begin(UserKey(4)).is_none(), "four in all");
        drop((first, fourth));
        assert!(transfers.begin(two).is_some());
        let unlimited = Transfers::new(0, 0);
        let slots: Vec<_> = (0..100).map(|_| unlimited.begin(one).unwrap()).collect();
        drop(slots);
        assert!(unlimited.counts.lock().unwrap().of_one.is_empty());
    }
}
