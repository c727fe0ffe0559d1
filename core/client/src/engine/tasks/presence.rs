//! Whether others see that this user is there, as the user wants it.

use std::sync::{Arc, Mutex, PoisonError};

use privmsg_protocol::frames::{ClientFrame, PresenceStatus, SendPresence};
use privmsg_store::holds::Scope;
use privmsg_store::{Snapshot, TaskName};

use super::{Due, Failure, Task, Work};
use crate::client::Setting;
use crate::engine::Link;
use crate::error::ClientError;

/// Tells the server after connecting, and after each change of the setting.
pub(super) struct Presence {
    /// What the server takes it for: whoever connects is there.
    shown: Arc<Mutex<bool>>,
}

impl Default for Presence {
    fn default() -> Self {
        Self { shown: Arc::new(Mutex::new(true)) }
    }
}

impl Task for Presence {
    fn name(&self) -> TaskName {
        TaskName::new("presence")
    }

    fn due(&self, at: &Snapshot<'_>, _link: &Link, _now_ms: i64) -> Result<Due, ClientError> {
        let shown = *self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Due::now_if(Setting::Presence.is_on(at)? != shown, Scope::Profile))
    }

    fn run(&self, scope: Scope, link: Arc<Link>) -> Work<Result<(), Failure>> {
        let shown = Arc::clone(&self.shown);
        Box::pin(async move {
            let failed = |error| Failure::of(scope, error);
            let on = link.context.store.read(|at| Setting::Presence.is_on(at)).await;
            let on = on.map_err(|error| failed(error.into()))?;
            let status = if on { PresenceStatus::Online } else { PresenceStatus::Offline };
            link.send(vec![ClientFrame::Presence(SendPresence { status })]).await.map_err(failed)?;
            *shown.lock().unwrap_or_else(PoisonError::into_inner) = on;
            Ok(())
        })
    }
}
