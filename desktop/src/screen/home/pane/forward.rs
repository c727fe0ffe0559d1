//! A message is said in another chat: which one?

use std::sync::Arc;

use iced::widget::column;
use iced::widget::operation::focus;
use iced::{Element, Task, task};
use privmsg_client::{ChatEntry, ChatKind, ClientError, Consent, MessageView, Recipient};

use super::super::{list, name, recipient};
use super::Action;
use crate::failure;
use crate::lang::Lang;
use crate::session::Session;
use crate::theme::gap;
use crate::widget::{Typed, alarm, field, hint, small_button};

const TO: &str = "forward-to";

/// Chats that are shown at once.
const SHOWN: usize = 50;

/// See the module.
#[derive(Debug)]
pub(in crate::screen::home) struct Forward {
    session: Session,
    /// As it was seen.
    message: Box<MessageView>,
    chats: Vec<ChatEntry>,
    typed: String,
    state: State,
}

#[derive(Debug)]
enum State {
    Choosing,
    /// Files may have to come first. Whoever goes away has not meant it.
    Working(#[expect(dead_code, reason = "what is dropped is not gone on with")] task::Handle),
    Failed(Arc<ClientError>),
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// The beginning of a name is being typed.
    Typed(String),
    /// It is typed, and does not say which chat is meant.
    Unclear,
    /// This chat is meant.
    Chosen(Recipient),
    /// It is in the outbox there.
    Done(Result<Recipient, Arc<ClientError>>),
}

impl Forward {
    pub(super) fn new(session: Session, message: Box<MessageView>, mut chats: Vec<ChatEntry>) -> (Self, Task<Message>) {
        chats.retain(|chat| {
            let is_gone = chat.heading.as_ref().is_some_and(|heading| heading.gone.is_some());
            !is_gone && !matches!(chat.summary.consent, Consent::Asked | Consent::Declined)
        });
        (Self { session, message, chats, typed: String::new(), state: State::Choosing }, focus(TO))
    }

    pub(super) fn update(&mut self, message: Message) -> Action<Message> {
        match message {
            Message::Typed(typed) => self.typed = typed,
            Message::Unclear => {}
            Message::Chosen(_) if matches!(self.state, State::Working(_)) => {}
            Message::Chosen(to) => {
                let (client, message) = (self.session.client().clone(), self.message.clone());
                let forwarded = async move { client.forward(&message, &to).await.map(|_| to).map_err(Arc::new) };
                let (task, handle) = Task::perform(forwarded, Message::Done).abortable();
                self.state = State::Working(handle.abort_on_drop());
                return Action::Run(task);
            }
            Message::Done(Ok(to)) => return Action::Open(to),
            Message::Done(Err(error)) => {
                self.state = State::Failed(error);
                return Action::Run(focus(TO));
            }
        }
        Action::none()
    }

    pub(super) fn view(&self, lang: Lang, now_ms: i64) -> Element<'_, Message> {
        if matches!(self.state, State::Working(_)) {
            return hint(lang.text("forwarding"));
        }
        let own = self.session.client().user_id();
        let (notes, wanted) = (Recipient::User(own.clone()), self.typed.trim().to_lowercase());
        let is_wanted = |name: String| name.to_lowercase().contains(&wanted);
        let found: Vec<_> = self
            .chats
            .iter()
            .map(|chat| (recipient(&chat.summary.chat.kind, own), chat))
            .filter(|(to, chat)| is_wanted(name(lang, to, chat.heading.as_ref(), own)))
            .collect();
        let has_notes = self.chats.iter().any(|chat| chat.summary.chat.kind == ChatKind::SelfNotes);
        let offers_notes = !has_notes && is_wanted(lang.text("notes"));
        // Names are given by others: only what is the only one is meant without a look.
        let meant = match found.as_slice() {
            _ if wanted.is_empty() => Message::Unclear,
            [] if offers_notes => Message::Chosen(notes.clone()),
            [(to, _)] if !offers_notes => Message::Chosen(to.clone()),
            _ => Message::Unclear,
        };
        let input: Typed<Message> = Message::Typed;
        let mut content = column![
            hint(list::said(lang, &self.message, own)),
            field(TO, lang.text("forward-to"), &self.typed, Some(input), meant),
        ]
        .spacing(gap::MEDIUM);
        if let State::Failed(error) = &self.state {
            content = content.push(alarm(failure::client(lang, error)));
        }
        if found.is_empty() && !offers_notes {
            return content.push(hint(lang.text("no-such-chat"))).into();
        }
        let hidden = found.len().saturating_sub(SHOWN);
        let rows = found
            .into_iter()
            .take(SHOWN)
            .map(|(to, chat)| list::entry(lang, chat, false, own, now_ms, Message::Chosen(to)));
        let more = (hidden > 0).then(|| hint(lang.with("more-chats", &[("count", hidden.into())])));
        content
            .push(offers_notes.then(|| small_button(lang.text("notes"), Message::Chosen(notes))))
            .push(column(rows).spacing(2))
            .push(more)
            .into()
    }
}
