//! What stands beside the chat: what is to be looked at, and the list.

use iced::widget::{button, column, container, row, scrollable, text, text_input};
use iced::{Element, Fill};
use privmsg_client::EngineError;

use super::conversation::Conversation;
use super::finding::Beside;
use super::{Home, Message, list, name, recipient};
use crate::failure;
use crate::lang::Lang;
use crate::session::Line;
use crate::theme::{self, gap, type_size};
use crate::waiting_for;
use crate::widget::{alarm, hint, small_button};

const NEW_CHAT: &str = "new-chat";
const SIDEBAR: f32 = 300.0;

/// The height that alarms take at most: what is below them stays in reach.
const ALARMS: f32 = 260.0;

impl Home {
    /// Draws it.
    pub(super) fn side(&self, lang: Lang, now_ms: i64) -> Element<'_, Message> {
        let open = self.open.as_ref().and_then(Conversation::chat);
        // What is wrong with the account comes before what the server says of itself, and leaves room for it.
        let alarms = self.alarms(lang);
        let alarms = (!alarms.is_empty())
            .then(|| container(scrollable(column(alarms).spacing(gap::SMALL)).width(Fill)).max_height(ALARMS));
        let mut side = column![].push(alarms).push(self.line(lang)).spacing(gap::SMALL).padding(gap::SMALL);
        side = side.push(self.finding.field(lang).map(Message::Finding));
        side = side.push(
            text_input(&lang.text("new-chat"), &self.new_chat)
                .id(NEW_CHAT)
                .padding(gap::SMALL)
                .size(type_size::BODY)
                .on_input(Message::NewChat)
                .on_submit(Message::NewChatSubmitted),
        );
        side = side.push(self.slip.map(|slip| hint(lang.text(slip))));
        let new_group = small_button(lang.text("new-group"), Message::NewGroup);
        let buttons = row![new_group, small_button(lang.text("settings"), Message::Settings)];
        side = side.push(buttons.spacing(gap::SMALL));
        let own = self.session.client().user_id();
        side = side.push(if self.finding.is_active() {
            self.finding.view(lang, &Beside { chats: &self.chats, open, own, now_ms }).map(Message::Finding)
        } else {
            list::view(lang, &self.chats, open, own, now_ms, self.shows_archive)
        });
        container(side).width(SIDEBAR).height(Fill).style(theme::sidebar).into()
    }

    /// All that is to be looked at, whatever chat is open.
    fn alarms(&self, lang: Lang) -> Vec<Element<'_, Message>> {
        let mut said: Vec<Element<'_, Message>> = Vec::new();
        if let Some(ended) = &self.ended {
            said.push(alarm(failure::engine(lang, ended)));
            let (name, then) = match &**ended {
                EngineError::SignedOut(_) | EngineError::NotSignedIn => ("sign-in-again", Message::SignInAgain),
                _ => ("try-again", Message::TryAgain),
            };
            said.push(button(text(lang.text(name))).on_press(then).into());
        }
        said.extend(self.alarms.iter().filter_map(|reason| waiting_for::said(lang, reason)).map(alarm));
        let troubles = [&self.alarms_trouble, &self.chats_trouble, &self.failure];
        said.extend(troubles.into_iter().flatten().map(|error| alarm(failure::client(lang, error))));
        said.extend(self.failed.iter().map(|failed| {
            let heading = self
                .chats
                .iter()
                .find(|chat| recipient(&chat.summary.chat.kind, self.session.client().user_id()) == failed.with);
            let heading = heading.and_then(|chat| chat.heading.as_ref());
            let whose = name(lang, &failed.with, heading, self.session.client().user_id());
            let why = failure::client(lang, &failed.error);
            alarm(lang.with("failed-in", &[("chat", whose.into()), ("why", why.into())]))
        }));
        if self.failure.is_some() || !self.failed.is_empty() {
            said.push(small_button(lang.text("seen"), Message::FailedSeen).into());
        }
        said.extend(self.warnings(lang).into_iter().map(alarm));
        said
    }

    /// Why nothing can be said any more.
    pub(super) fn over(&self) -> Option<&'static str> {
        self.ended.as_ref().map(|ended| match **ended {
            EngineError::SignedOut(_) | EngineError::NotSignedIn => "over",
            _ => "over-for-now",
        })
    }

    /// What the user is to know of the machine and the server.
    fn warnings(&self, lang: Lang) -> Vec<String> {
        const DAY_MS: u64 = 24 * 3600 * 1000;
        let mut said = Vec::new();
        if let Some(ahead_ms) = self.connection.clock_ahead_ms {
            let days = (ahead_ms.unsigned_abs() + DAY_MS / 2) / DAY_MS;
            let name = if ahead_ms > 0 { "clock-is-behind" } else { "clock-is-ahead" };
            said.push(lang.with(name, &[("days", days.into())]));
        }
        if self.connection.is_set_back {
            said.push(lang.text("set-back"));
        }
        said
    }

    fn line(&self, lang: Lang) -> Element<'_, Message> {
        let said = match &self.connection.line {
            Line::Connecting => lang.text("connecting"),
            Line::Up => lang.text("connected"),
            Line::Down(reason) => {
                lang.with("disconnected", &[("why", failure::clause(&failure::disconnection(lang, reason)).into())])
            }
            Line::Elsewhere => lang.text("connected-elsewhere"),
            Line::Waiting => lang.text("waits-to-be-let-in"),
            Line::Ended => lang.text("not-connected"),
        };
        column![text(self.session.client().user_id().as_str().to_owned()).size(type_size::HEADING), hint(said)].into()
    }
}
