//! One request at a time adds to a resumable upload.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use privmsg_protocol::FileId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A request that has sent nothing for so long may be taken over by the next one: its client has lost the connection
/// and tries anew, which the server may not have noticed.
const SILENCE: Duration = Duration::from_secs(2);

/// How long one that is told to end may take to bring what it has to the disk.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which uploads are being added to.
#[derive(Default)]
pub(crate) struct Appending {
    holders: Arc<Mutex<HashMap<FileId, Arc<Holder>>>>,
}

struct Holder {
    heard_at: Mutex<Instant>,
    /// Somebody else wants to go on.
    give_up: CancellationToken,
    ended: CancellationToken,
}

/// Somebody else is adding to the upload, and sends: try again after so long.
#[derive(Debug)]
pub(crate) struct Busy(pub(crate) Duration);

/// The right to add to an upload.
pub(crate) struct Hold {
    id: FileId,
    holder: Arc<Holder>,
    holders: Arc<Mutex<HashMap<FileId, Arc<Holder>>>>,
}

impl Appending {
    /// Takes hold of an upload, from a request that has fallen silent if need be.
    pub(crate) async fn hold(&self, id: &FileId) -> Result<Hold, Busy> {
        self.hold_from(id, SILENCE, PATIENCE).await
    }

    /// Takes hold of an upload, whoever has it.
    pub(crate) async fn seize(&self, id: &FileId) -> Result<Hold, Busy> {
        self.hold_from(id, Duration::ZERO, PATIENCE).await
    }

    async fn hold_from(&self, id: &FileId, silence: Duration, patience: Duration) -> Result<Hold, Busy> {
        let deadline = Instant::now() + patience;
        loop {
            let other = match self.try_hold(id) {
                Ok(hold) => return Ok(hold),
                Err(other) => other,
            };
            let silent_since = *other.heard_at.lock().unwrap_or_else(PoisonError::into_inner);
            let silent = silent_since.elapsed();
            if silent < silence {
                return Err(Busy(silence - silent));
            }
            other.give_up.cancel();
            if tokio::time::timeout_at(deadline, other.ended.cancelled()).await.is_err() {
                return Err(Busy(SILENCE));
            }
        }
    }

    fn try_hold(&self, id: &FileId) -> Result<Hold, Arc<Holder>> {
        let mut holders = self.holders.lock().unwrap_or_else(PoisonError::into_inner);
        match holders.entry(id.clone()) {
            Entry::Occupied(other) => Err(Arc::clone(other.get())),
            Entry::Vacant(free) => {
                let holder = Arc::new(Holder {
                    heard_at: Mutex::new(Instant::now()),
                    give_up: CancellationToken::new(),
                    ended: CancellationToken::new(),
                });
                free.insert(Arc::clone(&holder));
                Ok(Hold { id: id.clone(), holder, holders: Arc::clone(&self.holders) })
            }
        }
    }
}

impl Hold {
    /// Bytes have come.
    pub(crate) fn heard(&self) {
        *self.holder.heard_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Ends when somebody else takes over.
    pub(crate) async fn taken_over(&self) {
        self.holder.give_up.cancelled().await;
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.holders.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        self.holder.ended.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::random_file_id;

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_silent_request_is_taken_over_and_a_busy_one_is_not() {
        let (appending, id) = (Appending::default(), random_file_id());
        let first = appending.hold(&id).await.unwrap();
        assert!(matches!(appending.hold_from(&id, LONG, LONG).await, Err(Busy(left)) if left <= LONG));
        let ending = tokio::spawn(async move { first.taken_over().await });
        let second = appending.hold_from(&id, Duration::ZERO, LONG).await.unwrap();
        ending.await.unwrap();
        second.heard();
        drop(second);
        assert!(appending.holders.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn one_that_does_not_end_is_not_waited_for_for_ever() {
        let (appending, id) = (Appending::default(), random_file_id());
        let _stuck = appending.hold(&id).await.unwrap();
        assert!(appending.hold_from(&id, Duration::ZERO, Duration::from_millis(10)).await.is_err());
    }
}
