//! What a command that stays says of its connection.

use privmsg_client::{Client, Event};
use privmsg_protocol::{ErrorCode, UserId};
use tokio::sync::broadcast;

use super::Session;
use super::message::conversation;
use crate::failure::Failure;
use crate::foreign;
use crate::lang::Lang;
use crate::output::notice;

/// What there is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Told {
    /// A line for standard error.
    Note(String),
    /// Somebody writes, or has stopped.
    Typing(UserId, bool),
    /// A message of this profile, by its row, was refused for good.
    Failed(i64, ErrorCode),
}

/// Tells people that the connection is gone or back, once each time, and everybody what they have to know of the profile.
pub(super) struct Connection {
    lang: Lang,
    watched: bool,
    json: bool,
    events: broadcast::Receiver<Event>,
    lost: bool,
}

impl Connection {
    pub(super) fn of(session: &Session<'_>, client: &Client) -> Self {
        let (watched, json) = (session.output.is_watched(), session.output.is_json());
        Self { lang: session.lang(), watched, json, events: client.events(), lost: false }
    }

    /// The next thing to be told. Cancel-safe.
    pub(super) async fn next(&mut self) -> Told {
        loop {
            let event = match self.events.recv().await {
                Ok(event) => event,
                Err(broadcast::error::RecvError::Lagged(_)) => continue,
                // The client lives as long as the command.
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            };
            if let Some(told) = self.told(event) {
                return told;
            }
        }
    }

    fn told(&mut self, event: Event) -> Option<Told> {
        let lang = self.lang;
        let said = match event {
            Event::Failed { id, code, .. } => return Some(Told::Failed(id, code)),
            Event::Typing { user, is_typing, .. } => return Some(Told::Typing(user, is_typing)),
            Event::SetBack => notice(self.json, "profile_set_back", &lang.set_back()),
            Event::Disconnected { reason } if self.watched && !self.lost => {
                self.lost = true;
                lang.connection_lost(&foreign::line(&lang.disconnection(&reason)))
            }
            Event::Connected if self.lost => {
                self.lost = false;
                lang.connection_back()
            }
            Event::ClockIsOff { ahead_ms } if self.watched => lang.clock_is_off(ahead_ms),
            _ => return None,
        };
        Some(Told::Note(said))
    }
}

/// Says that a message was refused, which somebody has queued before and does not wait for.
pub(super) async fn say_failed(
    session: &Session<'_>,
    client: &Client,
    row: i64,
    code: &ErrorCode,
) -> Result<(), Failure> {
    let Some(message) = client.message(row).await? else { return Ok(()) };
    let (lang, own) = (session.lang(), client.user_id());
    let id = message.message_id.to_string();
    let to = conversation(&message.chat.kind, own).unwrap_or_default();
    let said = lang.not_sent_to(&id, to, &lang.refusal(code));
    session.output.notice(code.as_str(), &foreign::line(&said));
    Ok(())
}
