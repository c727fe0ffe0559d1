//! What was said and is not with the server yet.

use std::collections::BTreeMap;
use std::time::Duration;

use privmsg_client::{MessageState, MessageView};
use privmsg_protocol::ErrorCode;
use tokio::time::Instant;

use super::super::message::excerpt;
use crate::chat_name::chat_id;
use crate::foreign;
use crate::lang::Lang;

/// How long a line may take to be sent before that is worth a word.
const MOMENT: Duration = Duration::from_secs(3);

/// Messages of this device that are queued, by their rows.
#[derive(Debug, Default)]
pub(super) struct Unsent {
    rows: BTreeMap<i64, Row>,
}

#[derive(Debug)]
struct Row {
    text: String,
    /// When to say that it is queued; nothing once that was said.
    due: Option<Instant>,
}

/// News of a message that was queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It has gone out, after it was said that it waits.
    Sent(String),
    /// It never will, or not before the user says so.
    Failed(String),
}

impl Unsent {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes notice of a message; one that is `known` to be queued need not be called so again.
    pub(super) fn see(&mut self, lang: Lang, message: &MessageView, known: bool) -> Option<Fate> {
        match &message.state {
            MessageState::Queued => {
                let due = (!known).then(|| Instant::now() + MOMENT);
                self.rows.entry(message.id).or_insert_with(|| Row { text: excerpt(lang, message), due });
                None
            }
            MessageState::Held(by) => {
                let row = self.rows.remove(&message.id)?;
                let chat = chat_id(&message.chat.kind, &message.sender_id);
                Some(Fate::Failed(lang.still_held(*by, &chat, &row.text)))
            }
            MessageState::Sent => {
                let row = self.rows.remove(&message.id)?;
                row.due.is_none().then(|| Fate::Sent(lang.sent_now(&row.text)))
            }
            MessageState::Failed(code) => {
                let row = self.rows.remove(&message.id)?;
                let reason = foreign::line(&lang.refusal(&ErrorCode::from(code.as_str())));
                Some(Fate::Failed(lang.not_sent_text(&row.text, &reason)))
            }
            MessageState::Received => None,
        }
    }

    /// Whether it was said of a message that it is queued.
    pub(super) fn is_known(&self, row: i64) -> bool {
        self.rows.get(&row).is_some_and(|row| row.due.is_none())
    }

    /// When there is something to be said.
    pub(super) fn due(&self) -> Option<Instant> {
        self.rows.values().filter_map(|row| row.due).min()
    }

    /// What has been queued for longer than a moment, once: rows, and what to say of them.
    pub(super) fn overdue(&mut self, lang: Lang) -> Vec<(i64, String)> {
        let now = Instant::now();
        let overdue = self.rows.iter_mut().filter(|(_, row)| row.due.is_some_and(|due| due <= now));
        overdue
            .map(|(id, row)| {
                row.due = None;
                (*id, lang.still_queued(&row.text))
            })
            .collect()
    }

    /// It is not there any more.
    pub(super) fn forget(&mut self, row: i64) {
        self.rows.remove(&row);
    }
}
