//! What a command that stays says of its connection.

use privmsg_client::{Client, Disconnection, Event, HeldBy, MessageState, Reason, Said};
use privmsg_protocol::{ErrorCode, UserId};
use tokio::sync::broadcast;

use super::Session;
use super::waiting::sentence;
use crate::chat_name::chat_id;
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

/// Tells that the connection is gone or back, once each time, and what has to be known of the profile.
pub(super) struct Connection {
    lang: Lang,
    watched: bool,
    json: bool,
    /// What is wrong with the account, which was said before.
    alarms: Vec<Reason>,
    events: broadcast::Receiver<Event>,
    /// The server cannot be reached, which was said.
    lost: bool,
    /// There is no room for what comes, which was said. The connection comes and goes meanwhile.
    full: bool,
}

impl Connection {
    pub(super) fn of(session: &Session<'_>, client: &Client) -> Self {
        let (watched, json) = (session.output.is_watched(), session.output.is_json());
        let alarms = session.alarms.get().cloned().unwrap_or_default();
        Self { lang: session.lang(), watched, json, alarms, events: client.events(), lost: false, full: false }
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
            Event::NotChanged { code, .. } => notice(self.json, code.as_str(), &lang.not_changed(&lang.refusal(&code))),
            Event::Typing { user, is_typing, .. } => return Some(Told::Typing(user, is_typing)),
            Event::SetBack => notice(self.json, "profile_set_back", &lang.set_back()),
            Event::Disconnected { reason: Disconnection::Disk } if !self.full => {
                self.full = true;
                notice(self.json, "disk_full", &lang.messages_wait_for_disk())
            }
            Event::Disconnected { reason: Disconnection::Disk } => return None,
            Event::Disconnected { reason } if !self.lost => {
                self.lost = true;
                let said = lang.connection_lost(&foreign::line(&lang.disconnection(&reason)));
                notice(self.json, "disconnected", &said)
            }
            Event::Connected if self.lost => {
                self.lost = false;
                notice(self.json, "connected", &lang.connection_back())
            }
            // There was room for it.
            Event::Received { .. } => {
                self.full = false;
                return None;
            }
            Event::Waiting => notice(self.json, "device_not_listed", &lang.waits_to_be_let_in()),
            Event::OwnDevicesAlarm { reason } if self.alarms.contains(&reason) => return None,
            Event::OwnDevicesAlarm { reason } => {
                let said = sentence(lang, &reason, None)?;
                notice(self.json, alarm(&reason), &said)
            }
            Event::ClockIsOff { ahead_ms } if self.watched => lang.clock_is_off(ahead_ms),
            _ => return None,
        };
        Some(Told::Note(said))
    }
}

/// Says what is wrong with the account.
pub(super) fn say_alarm(session: &Session<'_>, reason: &Reason) {
    if let Some(said) = sentence(session.lang(), reason, None) {
        session.output.notice(alarm(reason), &said);
    }
}

/// The name of what is wrong with one's own account, for scripts.
pub(super) const fn alarm(reason: &Reason) -> &'static str {
    match reason {
        Reason::AnotherOwnIdentity => "another_own_identity",
        Reason::ReplacementBegun => "replacement_begun",
        Reason::SealedIdentitySpoilt => "sealed_identity_spoilt",
        _ => "device_list_conflict",
    }
}

/// Who would have a message that is held, and was not there when it was written: to be named to the user.
pub(super) async fn named_newcomers(client: &Client, said: Said) -> Result<Vec<UserId>, Failure> {
    let mut held = client.held_in(said.chat).await?;
    held.retain(|held| held.message_id == said.message_id);
    client.note_named(&held).await?;
    Ok(held.pop().map(|held| held.newcomers).unwrap_or_default())
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
    let to = chat_id(&message.chat.kind, own);
    let said = if message.state == MessageState::Held(HeldBy::OthersCame) {
        let said = Said { chat: message.chat.id, message_id: message.message_id };
        let newcomers = named_newcomers(client, said).await?;
        lang.held_message(&id, &to, &lang.held_for(&newcomers, &to, &id))
    } else {
        lang.not_sent_to(&id, &to, &lang.refusal(code))
    };
    session.output.notice(code.as_str(), &foreign::line(&said));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(connection: &mut Connection, event: Event) -> Option<String> {
        connection.told(event).map(|told| match told {
            Told::Note(said) => said,
            other => panic!("{other:?}"),
        })
    }

    fn connection(lang: Lang, json: bool) -> Connection {
        let (_, events) = broadcast::channel(1);
        Connection {
            lang,
            watched: false,
            json,
            alarms: vec![Reason::ReplacementBegun],
            events,
            lost: false,
            full: false,
        }
    }

    #[test]
    fn a_server_that_is_gone_is_told_once_and_that_it_is_back_also_where_nobody_watches() {
        let gone = || Event::Disconnected { reason: Disconnection::Restarting };
        let mut connection = connection(Lang::En, false);
        assert!(said(&mut connection, Event::Connected).is_none());
        assert!(said(&mut connection, gone()).is_some_and(|said| said.starts_with("no connection")));
        assert_eq!(said(&mut connection, gone()), None);
        assert_eq!(said(&mut connection, Event::Connected), Some("connected again".to_owned()));
        assert!(said(&mut connection, gone()).is_some());
    }

    #[test]
    fn what_was_wrong_with_the_account_at_the_start_is_not_said_twice() {
        let mut connection = connection(Lang::En, true);
        assert_eq!(said(&mut connection, Event::OwnDevicesAlarm { reason: Reason::ReplacementBegun }), None);
        let other = said(&mut connection, Event::OwnDevicesAlarm { reason: Reason::DeviceListConflict });
        assert!(other.is_some_and(|said| said.contains("device_list_conflict")));
    }

    #[test]
    fn a_full_disk_is_told_once_and_is_no_lack_of_a_connection() {
        for (lang, expected) in [(Lang::En, "wait on the server"), (Lang::Ru, "ждут на сервере")] {
            let full = || Event::Disconnected { reason: Disconnection::Disk };
            let mut connection = connection(lang, true);
            let notice: serde_json::Value = serde_json::from_str(&said(&mut connection, full()).unwrap()).unwrap();
            assert_eq!(notice["notice"]["code"], "disk_full");
            assert!(notice["notice"]["message"].as_str().unwrap().contains(expected), "{notice}");
            for _ in 0..3 {
                assert_eq!(said(&mut connection, Event::Connected), None);
                assert_eq!(said(&mut connection, full()), None);
            }
        }
    }
}
