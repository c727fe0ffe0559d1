//! `privmsg chat`: a conversation, line by line.

use std::collections::HashSet;
use std::io::BufRead as _;

use privmsg_client::{
    Acknowledged, Change, ChangeSet, ChatId, Client, Draft, HistoryItem, MessageState, MessageView, Page, Recipient,
    Said, Seat,
};
use privmsg_protocol::UserId;
use tokio::sync::mpsc;

use crate::failure::Failure;
use crate::foreign;

use super::Session;
use super::connection::Connection;
use super::message::live;

/// Messages that are shown at the beginning.
const BEFORE: u32 = 10;

/// Messages that are looked at when it is not known which are new.
const LOOK: u32 = 100;

/// Lines that may be typed, or come through a pipe, before they are sent.
const LINES: usize = 16;

pub(super) async fn run(session: &Session<'_>, user: UserId) -> Result<(), Failure> {
    let lang = session.lang();
    let client = session.signals.unless_interrupted(session.open_signed_in()).await?;
    let mut changes = client.changes();
    let mut seat = Seat::take(&client)?;
    let _connection = Connection::report(session, &client);
    let mut chat = Chat { session, client: &client, user, shown: HashSet::new(), waiting: Vec::new() };
    if session.output.is_watched() {
        session.output.note(&lang.chatting(chat.user.as_str()));
    }
    chat.show_newest(BEFORE).await?;
    let mut lines = typed();
    let result = loop {
        tokio::select! {
            biased;
            _ = session.signals.wait() => break Ok(()),
            changed = changes.next() => match changed {
                Some(changes) => if let Err(failure) = chat.follow(&changes).await {
                    break Err(failure);
                },
                None => break Ok(()),
            },
            error = seat.watch() => break Err(error.into()),
            line = lines.recv() => match line {
                Some(line) => if let Err(failure) = chat.say(&line).await {
                    break Err(failure);
                },
                None => break chat.until_acknowledged().await,
            },
        }
    };
    seat.leave().await;
    result
}

/// Lines from standard input. Reading them cannot be cut off, so it has a thread of its own, which ends with the program.
fn typed() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(LINES);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

struct Chat<'a> {
    session: &'a Session<'a>,
    client: &'a Client,
    user: UserId,
    /// Rows that are on the screen.
    shown: HashSet<i64>,
    /// What was said and has not been acknowledged, as last known.
    waiting: Vec<Said>,
}

impl Chat<'_> {
    async fn say(&mut self, line: &str) -> Result<(), Failure> {
        if line.trim().is_empty() {
            return Ok(());
        }
        let sent = match self.client.send(&Recipient::User(self.user.clone()), Draft::text(line)).await {
            Ok(sent) => sent,
            Err(error) => {
                // The next line may be better.
                let said = Failure::from(error).describe(self.session.lang()).message;
                self.session.output.note(&foreign::line(&said));
                return Ok(());
            }
        };
        // It is on the screen already, where it was typed.
        self.shown.insert(sent.id);
        self.waiting.push(sent.said());
        if self.client.is_held(&self.user).await? {
            let held = Failure::IdentityChanged { user: self.user.clone(), queued: Some(sent.message_id) };
            self.session.output.note(&held.describe(self.session.lang()).message);
        }
        Ok(())
    }

    async fn follow(&mut self, changes: &ChangeSet) -> Result<(), Failure> {
        let Some(id) = self.id().await? else { return Ok(()) };
        if changes.iter().any(|change| *change == Change::Everything) {
            return self.show_newest(LOOK).await;
        }
        for change in changes.iter() {
            if let Change::Message(chat, row) = change
                && *chat == id
                && let Some(message) = self.client.message(*row).await?
            {
                self.show(&message).await?;
            }
        }
        Ok(())
    }

    async fn id(&self) -> Result<Option<ChatId>, Failure> {
        Ok(self.client.chat_with(&Recipient::User(self.user.clone())).await?)
    }

    async fn show_newest(&mut self, limit: u32) -> Result<(), Failure> {
        let Some(id) = self.id().await? else { return Ok(()) };
        for item in self.client.page(id, Page::Newest, limit).await? {
            if let HistoryItem::Message(message) = item {
                self.show(&message).await?;
            }
        }
        Ok(())
    }

    /// Shows a message, unless it is on the screen and has not failed since; it has been read then.
    async fn show(&mut self, message: &MessageView) -> Result<(), Failure> {
        let (output, lang) = (self.session.output, self.session.lang());
        if let MessageState::Failed(code) = &message.state
            && let Some(index) = self.waiting.iter().position(|said| said.message_id == message.message_id)
        {
            self.waiting.remove(index);
            let reason = lang.refusal(&code.as_str().into());
            output.note(&foreign::line(&lang.not_sent(&reason)));
        }
        if !self.shown.insert(message.id) {
            return Ok(());
        }
        let held = self.client.is_held(&message.sender_id).await?;
        output.text(&live(output, message, self.client.user_id(), held))?;
        if !message.outgoing {
            self.client.mark_seen(message.id).await?;
            self.client.mark_read(message.chat.id, Some(message.cursor)).await?;
        }
        Ok(())
    }

    /// Waits until the server has everything, once nothing more is to come.
    async fn until_acknowledged(&mut self) -> Result<(), Failure> {
        for said in std::mem::take(&mut self.waiting) {
            let acknowledged = self.session.signals.unless_interrupted(async {
                Ok(tokio::time::timeout(super::waiting::LONGEST, self.client.wait_acknowledged(&said)).await)
            });
            match acknowledged.await? {
                Ok(fate) => {
                    if let Acknowledged::Failed(code) = fate? {
                        return Err(Failure::NotSent { code, message: said.message_id });
                    }
                }
                Err(_) => {
                    let seconds = super::waiting::LONGEST.as_secs();
                    return Err(Failure::NotAcknowledged { seconds, reason: None, message: said.message_id });
                }
            }
        }
        Ok(())
    }
}
