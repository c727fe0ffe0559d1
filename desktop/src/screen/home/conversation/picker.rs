//! Emoji to choose from, for a text or for a message.

use iced::widget::operation::focus;
use iced::widget::{button, column, container, row, scrollable, text, text_input};
use iced::{Center, Element, Fill, Task};

use super::actions::Action;
use super::writing::WRITING;
use super::{Conversation, Message as Outer};
use crate::emoji::{self, Emoji};
use crate::lang::Lang;
use crate::theme::{self, gap, type_size};

const FIELD: &str = "emoji-field";

/// As many are shown of what is found.
const FOUND: usize = 120;

/// Of an emoji, and of all that are offered at once, logical pixels.
const SIZE: f32 = 22.0;
const HEIGHT: f32 = 190.0;

/// Where the chosen one goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goes {
    /// Into what is being written.
    IntoText,
    /// To the message in this row.
    To(i64),
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// One is wanted.
    Opened(Goes),
    /// By these words.
    LookedFor(String),
    /// Of this kind.
    Turned(usize),
    /// This one.
    Picked(&'static str),
    /// The first that is shown.
    Submitted,
    /// None.
    Closed,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Picker {
    goes: Goes,
    looked_for: String,
    group: usize,
}

impl Conversation {
    /// Does what a message of the picker asks for.
    pub(super) fn picks(&mut self, message: Message) -> Task<Outer> {
        let Some(picker) = &mut self.picker else {
            if let Message::Opened(goes) = message {
                self.picker = Some(Picker { goes, looked_for: String::new(), group: 0 });
                return focus(FIELD);
            }
            return Task::none();
        };
        match message {
            // What has opened it closes it, too.
            Message::Opened(goes) if picker.goes == goes => self.picker = None,
            Message::Opened(goes) => picker.goes = goes,
            Message::LookedFor(words) => picker.looked_for = words,
            Message::Turned(group) => (picker.group, picker.looked_for) = (group, String::new()),
            Message::Submitted => {
                if let Some(first) = picker.shown().first() {
                    return self.picks(Message::Picked(first.sign));
                }
            }
            Message::Picked(sign) => match picker.goes {
                Goes::IntoText => {
                    self.writing.inserts(sign);
                    let strokes = self.is_changed();
                    return Task::batch([focus(WRITING), strokes]);
                }
                Goes::To(id) => {
                    self.picker = None;
                    return self.acts(id, &Action::React(sign));
                }
            },
            Message::Closed => {
                self.picker = None;
                return focus(WRITING);
            }
        }
        Task::none()
    }
}

impl Picker {
    /// Whether the chosen one goes to a message that is another one than this.
    pub(super) fn is_for_another(&self, id: i64) -> bool {
        matches!(self.goes, Goes::To(of) if of != id)
    }

    fn shown(&self) -> Vec<&'static Emoji> {
        if self.looked_for.trim().is_empty() {
            return emoji::groups().get(self.group).map(|group| group.emoji.iter().collect()).unwrap_or_default();
        }
        emoji::find(&self.looked_for).take(FOUND).collect()
    }

    pub(super) fn view(&self, lang: Lang) -> Element<'_, Outer> {
        let field = text_input(&lang.text("find-emoji"), &self.looked_for)
            .id(FIELD)
            .size(type_size::BODY)
            .padding(gap::TINY)
            .on_input(Message::LookedFor)
            .on_submit(Message::Submitted);
        let close = button(text("×")).style(theme::quiet).padding([gap::TINY, gap::SMALL]).on_press(Message::Closed);
        // Each kind is named by its first.
        let kinds = emoji::groups().iter().enumerate().filter_map(|(at, group)| {
            let is_shown = at == self.group && self.looked_for.trim().is_empty();
            Some(sign(group.emoji.first()?.sign, Message::Turned(at), is_shown))
        });
        let head = row![row(kinds), field, close].spacing(gap::SMALL).align_y(Center);
        let shown = self.shown();
        let all: Element<'_, Message> = if shown.is_empty() {
            crate::widget::hint(lang.text("no-such-emoji"))
        } else {
            let all = shown.into_iter().map(|emoji| sign(emoji.sign, Message::Picked(emoji.sign), false));
            scrollable(row(all).wrap()).width(Fill).into()
        };
        let all = container(all).height(HEIGHT).width(Fill);
        let picker = column![head, all].spacing(gap::SMALL);
        let picker = Element::from(container(picker).padding(gap::SMALL).style(theme::bar));
        picker.map(Outer::Picker)
    }
}

fn sign<'a>(sign: &'static str, then: Message, is_shown: bool) -> Element<'a, Message> {
    button(text(sign).font(theme::EMOJI).size(SIZE))
        .padding(gap::TINY)
        .style(theme::chat_row(is_shown))
        .on_press(then)
        .into()
}
