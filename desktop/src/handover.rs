//! Things that messages carry once, for messages are cloned.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Something that is handed to whoever takes it first. Its debug form shows nothing of it.
pub struct Handover<T>(Arc<Mutex<Option<T>>>);

impl<T> Handover<T> {
    /// Holds it until it is taken.
    pub fn of(thing: T) -> Self {
        Self(Arc::new(Mutex::new(Some(thing))))
    }

    /// The thing, the first time.
    #[must_use]
    pub fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<T> Clone for Handover<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Handover<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handover(…)")
    }
}
