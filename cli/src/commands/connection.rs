//! What a command that stays says of its connection.

use privmsg_client::{Client, Event};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use super::Session;
use crate::output::notice;

/// Tells people that the connection is gone or back, once each time, and everybody what they have to know of the profile.
/// Ends when dropped.
pub(super) struct Connection {
    task: JoinHandle<()>,
}

impl Connection {
    pub(super) fn report(session: &Session<'_>, client: &Client) -> Self {
        let (lang, watched, json) = (session.lang(), session.output.is_watched(), session.output.is_json());
        let mut events = client.events();
        let task = tokio::spawn(async move {
            let mut lost = false;
            loop {
                let said = match events.recv().await {
                    Ok(Event::SetBack) => notice(json, "profile_set_back", &lang.set_back()),
                    Ok(Event::Disconnected { reason }) if watched && !lost => {
                        lost = true;
                        lang.connection_lost(&crate::foreign::line(&lang.disconnection(&reason)))
                    }
                    Ok(Event::Connected) if lost => {
                        lost = false;
                        lang.connection_back()
                    }
                    Ok(Event::ClockIsOff { ahead_ms }) if watched => lang.clock_is_off(ahead_ms),
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => continue,
                    Err(broadcast::error::RecvError::Closed) => return,
                };
                crate::output::note(&said);
            }
        });
        Self { task }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}
