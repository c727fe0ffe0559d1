//! What is asked for after connecting, and whenever the server says that there is news of the account.

use std::sync::{Arc, Mutex, PoisonError};

use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, blocks};

use super::Due;
use crate::error::ClientError;

/// The news that something was asked for after, on this connection.
#[derive(Debug, Default, Clone)]
pub(super) struct Asked(Arc<Mutex<Option<i64>>>);

impl Asked {
    /// Due as long as there is news that it was not asked for after.
    pub(super) fn due(&self, at: &Snapshot<'_>, scope: Scope) -> Result<Due, ClientError> {
        let asked = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Due::now_if(asked != Some(blocks::news(at)?), scope))
    }

    /// It was asked for after this news. What has come while the server answered may be newer than the answer.
    pub(super) fn after(&self, news: i64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(news);
    }
}
