//! Who has groups and commits checked: few at the same time, and each user one after the other.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::storage::UserKey;

/// Users that are remembered before those are dropped who have nothing checked.
const SWEEP_AT: usize = 1_000;

/// A check takes a processor, in the largest groups for a quarter of a second. Whoever has many made takes one place, and the
/// others wait behind one of theirs at most.
pub(crate) struct Checks {
    places: Arc<Semaphore>,
    users: Mutex<HashMap<UserKey, Arc<Semaphore>>>,
}

/// The right to have one check made, for as long as it is kept.
pub(crate) struct Place {
    _place: OwnedSemaphorePermit,
    _of_user: OwnedSemaphorePermit,
}

impl Checks {
    pub(super) fn new() -> Self {
        Self::with(std::thread::available_parallelism().map_or(1, NonZero::get))
    }

    fn with(places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places)), users: Mutex::default() }
    }

    /// Waits for a place.
    pub(crate) async fn enter(&self, user: UserKey) -> Place {
        const OPEN: &str = "nobody closes the semaphore";
        let of_user = self.of(user).acquire_owned().await.expect(OPEN);
        let place = Arc::clone(&self.places).acquire_owned().await.expect(OPEN);
        Place { _place: place, _of_user: of_user }
    }

    fn of(&self, user: UserKey) -> Arc<Semaphore> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if users.len() >= SWEEP_AT {
            // Whoever has a place or waits for one holds another reference.
            users.retain(|_, one| Arc::strong_count(one) > 1);
        }
        Arc::clone(users.entry(user).or_insert_with(|| Arc::new(Semaphore::new(1))))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    /// Whether a place is there at once.
    async fn enters(checks: &Checks, user: i64) -> Option<Place> {
        timeout(Duration::from_millis(20), checks.enter(UserKey(user))).await.ok()
    }

    #[tokio::test]
    async fn one_user_does_not_take_all_places() {
        let checks = Checks::with(2);
        let first = enters(&checks, 1).await.unwrap();
        assert!(enters(&checks, 1).await.is_none(), "one of one user");
        let second = enters(&checks, 2).await.unwrap();
        assert!(enters(&checks, 3).await.is_none(), "two in all");
        drop(second);
        let third = enters(&checks, 3).await.unwrap();
        drop(first);
        assert!(enters(&checks, 1).await.is_some());
        drop(third);
        // Nobody is remembered for ever.
        for user in 0..3_000 {
            drop(enters(&checks, user).await);
        }
        assert!(checks.users.lock().unwrap().len() <= SWEEP_AT);
    }
}
