//! `privmsg chat`: a conversation, line by line.

mod keyboard;
mod look;
mod unsent;

use std::collections::HashMap;
use std::time::Duration;

use privmsg_client::{
    Change, ChatId, Client, Consent, Draft, HistoryItem, ListDiff, MessageState, MessageView, Said, Seat,
};
use privmsg_protocol::ErrorCode;
use tokio::time::{Instant, sleep_until};

use crate::chat_name::{ChatName, Named, short};
use crate::failure::Failure;
use crate::foreign;

use super::Session;
use super::connection::{Connection, Told};
use super::message::{Around, live};
use super::waiting::{Waiting, sentence};
use keyboard::{Input, Keyboard};
use look::{Changed, Look};
use unsent::{Fate, Unsent};

/// Messages that are shown at the beginning.
const BEFORE: usize = 10;

/// Messages that are looked at when so many have come at once that it is not told which.
const LOOK: u32 = 100;

/// How long somebody is taken to be writing who has said so and nothing since.
const WRITING: Duration = Duration::from_secs(10);

/// How long the end may take before it is said what is waited for.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Why a conversation ends.
enum End {
    /// Nothing more will be typed.
    Input,
    /// A signal, or the client has gone.
    Cut,
}

pub(super) async fn run(session: &Session<'_>, with: &ChatName) -> Result<(), Failure> {
    let lang = session.lang();
    let client = session.signals.unless_interrupted(session.open_signed_in()).await?;
    let mut seat = Seat::take(&client)?;
    let with = session.signals.unless_interrupted(with.find(&client, lang)).await?;
    let mut timeline = client.watch_conversation(&with.recipient, LOOK).await?;
    let mut connection = Connection::of(session, &client);
    if session.output.is_watched() {
        session.output.note(&lang.chatting(&foreign::line(&with.label)));
    }
    let keyboard = Keyboard::new();
    let mut changes = client.changes();
    let mut chat = Chat {
        session,
        client: &client,
        with,
        keyboard,
        shown: HashMap::new(),
        waiting: Vec::new(),
        unsent: Unsent::default(),
        chat: None,
        reason: None,
        failed: None,
        writes_until: None,
    };
    chat.begin(timeline.items()).await?;
    let result = loop {
        tokio::select! {
            biased;
            _ = session.signals.wait() => break Ok(End::Cut),
            diffs = timeline.next() => match diffs {
                Ok(Some(diffs)) => if let Err(failure) = chat.follow(diffs).await {
                    break Err(failure);
                },
                Ok(None) => break Ok(End::Cut),
                Err(error) => break Err(error.into()),
            },
            error = seat.watch() => break Err(error.into()),
            told = connection.next() => chat.told(told),
            () = until(chat.writes_until) => chat.writes(false),
            () = until(chat.unsent.due()) => if let Err(failure) = chat.say_what_is_queued().await {
                break Err(failure);
            },
            _ = changes.wait_for(|change| matches!(change, Change::Holds)) => if let Err(failure) = chat.say_why().await {
                break Err(failure);
            },
            input = chat.keyboard.next() => match chat.typed(input).await {
                Ok(true) => {}
                Ok(false) => break Ok(End::Input),
                Err(failure) => break Err(failure),
            },
        }
    };
    let (waiting, unsent) = (std::mem::take(&mut chat.waiting), std::mem::take(&mut chat.unsent));
    let failed = chat.failed.take();
    // The terminal is as it was before.
    drop(chat);
    let result = match result {
        Ok(End::Input) => {
            let rest = until_acknowledged(session, &client, &mut seat, waiting).await;
            rest.and_then(|()| failed.map_or(Ok(()), |failure| Err(Failure::Said(failure))))
        }
        Ok(End::Cut) if unsent.is_empty() => Ok(()),
        Ok(End::Cut) => {
            session.output.note(&lang.rest_stays_queued());
            Ok(())
        }
        Err(failure) => Err(failure),
    };
    seat.leave().await;
    result
}

/// Waits until the server has everything, once nothing more is to come.
async fn until_acknowledged(
    session: &Session<'_>,
    client: &Client,
    seat: &mut Seat,
    waiting: Vec<Said>,
) -> Result<(), Failure> {
    let at_once = async {
        for said in &waiting {
            client.wait_acknowledged(said).await?;
        }
        Ok::<_, Failure>(())
    };
    tokio::select! {
        biased;
        _ = session.signals.wait() => {}
        result = tokio::time::timeout(AT_ONCE, at_once) => match result {
            Ok(done) => done?,
            Err(_) => session.output.note(&session.lang().waiting_for_server()),
        },
    }
    for said in waiting {
        Waiting::new(session, client, said, None).with_seat(seat).await?;
    }
    Ok(())
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
    with: Named,
    keyboard: Keyboard,
    /// Rows that are on the screen.
    shown: HashMap<i64, Look>,
    /// What was said and has not been acknowledged, as last known.
    waiting: Vec<Said>,
    /// What is not with the server yet, of before, too.
    unsent: Unsent,
    /// The conversation's row, once there is one.
    chat: Option<ChatId>,
    /// Why it is not sent, as last said.
    reason: Option<String>,
    /// Why the last line failed that did; it was said then.
    failed: Option<Box<Failure>>,
    /// The other side is writing.
    writes_until: Option<Instant>,
}

impl Chat<'_> {
    /// Returns whether more may come.
    async fn typed(&mut self, input: Input) -> Result<bool, Failure> {
        match input {
            Input::Line(line) => self.say(&line).await?,
            Input::Typing(is_typing) => self.typing(is_typing).await?,
            Input::End => return Ok(false),
        }
        Ok(true)
    }

    /// Tells the other one, in a chat of two.
    async fn typing(&self, is_typing: bool) -> Result<(), Failure> {
        match self.with.user() {
            Some(user) => Ok(self.client.typing(user, is_typing).await?),
            None => Ok(()),
        }
    }

    fn told(&mut self, told: Told) {
        match told {
            Told::Note(said) => self.note(&said),
            Told::Typing(user, is_typing) if Some(&user) == self.with.user() => self.writes(is_typing),
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
        let said = if writes { self.session.lang().is_typing(&self.with.id) } else { String::new() };
        self.keyboard.remark(&said);
    }

    async fn say(&mut self, line: &str) -> Result<(), Failure> {
        if line.trim().is_empty() {
            return Ok(());
        }
        self.typing(false).await?;
        let sent = match self.client.send(&self.with.recipient, Draft::text(line)).await {
            Ok(sent) => sent,
            Err(error) => {
                // The next line may be better.
                let (output, failure) = (self.session.output, Failure::from(error));
                self.keyboard.above(|| output.failure(&failure, "privmsg chat"));
                self.failed = Some(Box::new(failure));
                return Ok(());
            }
        };
        self.waiting.push(sent.said());
        if let Some(message) = self.client.message(sent.id).await? {
            if self.keyboard.draws() {
                self.show(&message).await?;
            } else {
                // It is on the screen already, where it was typed.
                self.chat = Some(message.chat.id);
                self.unsent.see(self.session.lang(), &message, false);
                self.shown.insert(sent.id, Look::of(self.session.lang(), &message));
            }
        }
        if let Some(user) = self.with.user()
            && self.client.is_held(user).await?
        {
            let held = Failure::IdentityChanged { user: user.clone(), queued: Some(sent.message_id) };
            self.note(&held.describe(self.session.lang()).message);
        }
        Ok(())
    }

    /// Shows the last of what was said before.
    async fn begin(&mut self, items: &[HistoryItem]) -> Result<(), Failure> {
        let messages: Vec<_> = items.iter().filter_map(HistoryItem::message).collect();
        let (before, last) = messages.split_at(messages.len().saturating_sub(BEFORE));
        for message in before {
            self.shown.insert(message.id, Look::of(self.session.lang(), message));
        }
        for message in &messages {
            self.unsent.see(self.session.lang(), message, true);
        }
        for message in last {
            self.show(message).await?;
        }
        let lang = self.session.lang();
        match self.client.chat_with(&self.with.recipient).await? {
            Some(chat) if self.client.consent(chat).await? == Consent::Asked => {
                self.note(&lang.is_a_request(short(&self.with.id)))
            }
            Some(chat) if self.client.consent(chat).await? == Consent::Declined => {
                self.note(&lang.is_declined(short(&self.with.id)));
            }
            _ => {}
        }
        self.say_why().await
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
        self.chat = Some(message.chat.id);
        let before = self.shown.insert(message.id, Look::of(self.session.lang(), message));
        match self.unsent.see(lang, message, false) {
            Some(Fate::Sent(said)) => self.note(&said),
            Some(Fate::Failed(said)) => {
                let before = self.waiting.len();
                self.waiting.retain(|said| said.message_id != message.message_id);
                if let MessageState::Failed(code) = &message.state
                    && self.waiting.len() < before
                {
                    let (code, message) = (ErrorCode::from(code.as_str()), message.message_id);
                    self.failed = Some(Box::new(Failure::NotSent { code, message }));
                }
                self.note(&said);
            }
            None => {}
        }
        if self.unsent.is_empty() {
            self.reason = None;
        }
        let mut shows = before.is_none();
        for change in before.into_iter().flat_map(|look| look.changes(lang, message)) {
            match change {
                Changed::Text => shows = true,
                Changed::Line(line) => self.keyboard.above(|| output.text(&format!("* {line}")))?,
            }
        }
        if !shows {
            return Ok(());
        }
        let held = self.client.is_held(&message.sender_id).await?;
        let around = Around::of(self.client, lang, message, held).await?.in_its_chat();
        let with_state = matches!(message.state, MessageState::Failed(_)) || self.unsent.is_known(message.id);
        let text = live(output, message, &around, with_state);
        self.keyboard.above(|| output.text(&text))?;
        if Some(&message.sender_id) == self.with.user() {
            self.writes(false);
        }
        self.client.mark_shown_as_it_is(message.id).await?;
        if !message.outgoing {
            self.client.mark_seen(message.id).await?;
            self.client.mark_read(message.chat.id, Some(message.cursor)).await?;
        }
        Ok(())
    }

    /// Says which lines have been queued for longer than a moment.
    async fn say_what_is_queued(&mut self) -> Result<(), Failure> {
        for (row, said) in self.unsent.overdue(self.session.lang()) {
            match self.client.message(row).await? {
                Some(message) if message.state == MessageState::Queued => self.note(&said),
                // What has become of it is shown when the view tells it.
                Some(_) => {}
                None => self.unsent.forget(row),
            }
        }
        self.say_why().await
    }

    /// Says why nothing is sent, each reason once.
    async fn say_why(&mut self) -> Result<(), Failure> {
        let lang = self.session.lang();
        let Some(chat) = self.chat.filter(|_| !self.unsent.is_empty()) else { return Ok(()) };
        for hold in self.client.holds_of(chat).await? {
            let Some(reason) = sentence(lang, &hold.reason, self.with.user()) else { continue };
            if self.reason.as_ref() != Some(&reason) {
                self.note(&lang.waiting(&foreign::line(&reason)));
                self.reason = Some(reason);
            }
        }
        Ok(())
    }
}
