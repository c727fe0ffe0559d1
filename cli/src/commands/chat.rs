//! `privmsg chat`: a conversation, line by line.

mod keyboard;
mod look;

use std::collections::HashMap;
use std::time::Duration;

use privmsg_client::{
    Acknowledged, Client, Draft, HistoryItem, ListDiff, MessageState, MessageView, Recipient, Said, Seat,
};
use privmsg_protocol::UserId;
use tokio::time::{Instant, sleep_until};

use crate::failure::Failure;
use crate::foreign;

use super::Session;
use super::connection::{Connection, Told};
use super::message::live;
use keyboard::{Input, Keyboard};
use look::{Changed, Look};

/// Messages that are shown at the beginning.
const BEFORE: usize = 10;

/// Messages that are looked at when so many have come at once that it is not told which.
const LOOK: u32 = 100;

/// How long somebody is taken to be writing who has said so and nothing since.
const WRITING: Duration = Duration::from_secs(10);

pub(super) async fn run(session: &Session<'_>, user: UserId) -> Result<(), Failure> {
    let lang = session.lang();
    let client = session.signals.unless_interrupted(session.open_signed_in()).await?;
    let mut timeline = client.watch_conversation(&Recipient::User(user.clone()), LOOK).await?;
    let mut seat = Seat::take(&client)?;
    let mut connection = Connection::of(session, &client);
    if session.output.is_watched() {
        session.output.note(&lang.chatting(user.as_str()));
    }
    let keyboard = Keyboard::new(session.output.is_json());
    let mut chat = Chat {
        session,
        client: &client,
        user,
        keyboard,
        shown: HashMap::new(),
        waiting: Vec::new(),
        writes_until: None,
    };
    chat.begin(timeline.items()).await?;
    let result = loop {
        tokio::select! {
            biased;
            _ = session.signals.wait() => break Ok(()),
            diffs = timeline.next() => match diffs {
                Ok(Some(diffs)) => if let Err(failure) = chat.follow(diffs).await {
                    break Err(failure);
                },
                Ok(None) => break Ok(()),
                Err(error) => break Err(error.into()),
            },
            error = seat.watch() => break Err(error.into()),
            told = connection.next() => chat.told(told),
            () = until(chat.writes_until) => chat.writes(false),
            input = chat.keyboard.next() => match chat.typed(input).await {
                Ok(true) => {}
                Ok(false) => break chat.until_acknowledged().await,
                Err(failure) => break Err(failure),
            },
        }
    };
    drop(chat);
    seat.leave().await;
    result
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

struct Chat<'a> {
    session: &'a Session<'a>,
    client: &'a Client,
    user: UserId,
    keyboard: Keyboard,
    /// Rows that are on the screen.
    shown: HashMap<i64, Look>,
    /// What was said and has not been acknowledged, as last known.
    waiting: Vec<Said>,
    /// The other side is writing.
    writes_until: Option<Instant>,
}

impl Chat<'_> {
    /// Returns whether more may come.
    async fn typed(&mut self, input: Input) -> Result<bool, Failure> {
        match input {
            Input::Line(line) => self.say(&line).await?,
            Input::Typing(is_typing) => self.client.typing(&self.user, is_typing).await?,
            Input::End => return Ok(false),
        }
        Ok(true)
    }

    fn told(&mut self, told: Told) {
        match told {
            Told::Note(said) => self.note(&said),
            Told::Typing(user, is_typing) if user == self.user => self.writes(is_typing),
            // Of this chat it shows as a change of the message.
            Told::Typing(..) | Told::Failed(..) => {}
        }
    }

    fn note(&mut self, said: &str) {
        let output = self.session.output;
        self.keyboard.above(|| output.note(said));
    }

    fn writes(&mut self, writes: bool) {
        self.writes_until = writes.then(|| Instant::now() + WRITING);
        let said = if writes { self.session.lang().is_typing(self.user.as_str()) } else { String::new() };
        self.keyboard.remark(&said);
    }

    async fn say(&mut self, line: &str) -> Result<(), Failure> {
        if line.trim().is_empty() {
            return Ok(());
        }
        self.client.typing(&self.user, false).await?;
        let sent = match self.client.send(&Recipient::User(self.user.clone()), Draft::text(line)).await {
            Ok(sent) => sent,
            Err(error) => {
                // The next line may be better.
                let said = Failure::from(error).describe(self.session.lang()).message;
                self.note(&foreign::line(&said));
                return Ok(());
            }
        };
        self.waiting.push(sent.said());
        if let Some(message) = self.client.message(sent.id).await? {
            if self.keyboard.draws() {
                self.show(&message).await?;
            } else {
                // It is on the screen already, where it was typed.
                self.shown.insert(sent.id, Look::of(&message));
            }
        }
        if self.client.is_held(&self.user).await? {
            let held = Failure::IdentityChanged { user: self.user.clone(), queued: Some(sent.message_id) };
            self.note(&held.describe(self.session.lang()).message);
        }
        Ok(())
    }

    /// Shows the last of what was said before.
    async fn begin(&mut self, items: &[HistoryItem]) -> Result<(), Failure> {
        let messages: Vec<_> = items.iter().filter_map(HistoryItem::message).collect();
        let (before, last) = messages.split_at(messages.len().saturating_sub(BEFORE));
        for message in before {
            self.shown.insert(message.id, Look::of(message));
        }
        for message in last {
            self.show(message).await?;
        }
        Ok(())
    }

    /// Shows what is new or has changed. What has been on the screen stays there, also when it is put out of sight.
    async fn follow(&mut self, diffs: Vec<ListDiff<HistoryItem>>) -> Result<(), Failure> {
        for item in diffs.into_iter().flat_map(ListDiff::into_items) {
            if let Some(message) = item.message() {
                self.show(message).await?;
            }
        }
        Ok(())
    }

    /// Shows a message, or what has changed about it, or that it was refused; it has been read then.
    async fn show(&mut self, message: &MessageView) -> Result<(), Failure> {
        let (output, lang) = (self.session.output, self.session.lang());
        if let MessageState::Failed(code) = &message.state
            && let Some(index) = self.waiting.iter().position(|said| said.message_id == message.message_id)
        {
            self.waiting.remove(index);
            let reason = lang.refusal(&code.as_str().into());
            self.note(&foreign::line(&lang.not_sent(&reason)));
        }
        let before = self.shown.insert(message.id, Look::of(message));
        let mut shows = before.is_none();
        for change in before.into_iter().flat_map(|look| look.changes(lang, message)) {
            match change {
                Changed::Text => shows = true,
                Changed::Line(line) => self.keyboard.above(|| output.text(&line))?,
            }
        }
        if !shows {
            return Ok(());
        }
        let held = self.client.is_held(&message.sender_id).await?;
        let text = live(output, message, self.client.user_id(), held);
        self.keyboard.above(|| output.text(&text))?;
        if message.sender_id == self.user {
            self.writes(false);
        }
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
