//! What is being written, and what it is about.

use std::sync::Arc;

use iced::keyboard::{Key, key::Named};
use iced::widget::text_editor::{Action, Binding, Content, Edit, KeyPress, Motion, Status};
use iced::widget::{button, column, row, text, text_editor};
use iced::{Center, Element, Fill, Task};
use privmsg_client::{Draft, MessageView, Which, foreign};
use privmsg_protocol::UserId;

use super::Message;
use super::actions::which;
use super::going_along::{self, GoingAlong, Picked};
use super::picker::{self, Goes};
use super::recording;
use crate::lang::Lang;
use crate::theme::{self, gap, type_size};
use crate::tools::Tools;
use crate::widget::hint;

pub(super) const WRITING: &str = "writing";

/// Characters that are shown of what is answered.
const EXCERPT: usize = 80;

/// What the text is about.
#[derive(Debug, Clone)]
pub(super) enum About {
    /// It answers a message.
    Answer { which: Which, author: UserId, excerpt: String },
    /// It replaces what was written.
    Edit { which: Which, was: String },
}

/// See the module.
#[derive(Debug)]
pub(super) struct Writing {
    content: Content,
    about: Option<About>,
    along: GoingAlong,
    /// What is on its way to the outbox, one thing after the other: to somebody new the first one asks for their key.
    in_flight: Option<Said>,
    /// What was written before is here. Until then nothing is kept in its place.
    is_loaded: bool,
}

/// Something that is to be said.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) text: String,
    pub(super) files: Vec<Picked>,
    pub(super) about: Option<About>,
}

impl Said {
    pub(super) fn draft(&self) -> Draft {
        let reply_to = match &self.about {
            Some(About::Answer { which, .. }) => Some(which.clone()),
            Some(About::Edit { .. }) | None => None,
        };
        let files = self.files.iter().map(Picked::to_send).collect();
        Draft { reply_to, files, ..Draft::text(self.text.trim_end()) }
    }
}

/// A text that is gone on with.
fn begun(text: &str) -> Content {
    let mut content = Content::with_text(text);
    content.perform(Action::Move(Motion::DocumentEnd));
    content
}

/// A text that stands before what was written since.
pub(in crate::screen::home) fn before(text: &str, since: &str) -> String {
    if text.is_empty() {
        since.to_owned()
    } else if since.trim().is_empty() {
        text.to_owned()
    } else {
        format!("{text}\n{since}")
    }
}

/// What was written behind a text that stands before it.
pub(in crate::screen::home) fn since<'a>(text: &str, both: &'a str) -> Option<&'a str> {
    both.strip_prefix(text.trim_end()).map(str::trim_start)
}

impl Writing {
    pub(super) fn new(tools: &Tools, files: Vec<Picked>) -> Self {
        let mut along = GoingAlong::new(tools);
        along.come_back(&files);
        Self { content: Content::new(), about: None, along, in_flight: None, is_loaded: false }
    }

    /// Puts an emoji where one writes.
    pub(super) fn inserts(&mut self, sign: &str) {
        self.content.perform(Action::Edit(Edit::Paste(Arc::new(sign.to_owned()))));
    }

    pub(super) fn is_changed(&mut self, action: Action) {
        self.content.perform(action);
    }

    /// What is written and not in the outbox yet. What is being changed is still there as it was.
    pub(super) fn draft(&self) -> String {
        let written = match &self.about {
            Some(About::Edit { was, .. }) => was.clone(),
            Some(About::Answer { .. }) | None => self.content.text(),
        };
        let draft = match &self.in_flight {
            Some(Said { text, about: None | Some(About::Answer { .. }), .. }) => before(text, &written),
            Some(Said { about: Some(About::Edit { .. }), .. }) | None => written,
        };
        if draft.trim().is_empty() { String::new() } else { draft }
    }

    /// What is here as a draft was sent before this was open: only what was written since is left.
    pub(super) fn was_sent(&mut self, text: &str) {
        if let Some(since) = since(text, &self.content.text()) {
            self.content = begun(since);
        }
    }

    /// What was written before is there again.
    pub(super) fn goes_on_with(&mut self, draft: &str) {
        self.is_loaded = true;
        if !draft.is_empty() {
            self.content = begun(&before(draft, &self.content.text()));
        }
    }

    pub(super) const fn is_loaded(&self) -> bool {
        self.is_loaded
    }

    pub(super) const fn is_sending(&self) -> bool {
        self.in_flight.is_some()
    }

    pub(super) fn answers(&mut self, message: &MessageView) {
        self.is_about_nothing();
        let excerpt = foreign::first_line(&message.text, EXCERPT);
        self.about = Some(About::Answer { which: which(message), author: message.sender_id.clone(), excerpt });
    }

    pub(super) fn edits(&mut self, message: &MessageView) {
        // What was being written comes back when it is over.
        let was = self.draft();
        self.about = Some(About::Edit { which: which(message), was });
        self.content = begun(&message.text);
    }

    /// It is about nothing any more.
    pub(super) fn is_about_nothing(&mut self) {
        if let Some(About::Edit { was, .. }) = self.about.take() {
            self.content = begun(&was);
        }
    }

    /// The chat is left: these were to go along.
    pub(super) fn leaves_files(&mut self) -> Vec<Picked> {
        self.along.leaves()
    }

    /// What happens with the files that go along.
    pub(super) fn goes_along(&mut self, message: going_along::Message) -> Task<going_along::Message> {
        self.along.update(message)
    }

    /// What is being said is said, and waits to be sent.
    pub(super) fn ends_recording(&mut self) {
        self.along.ends_recording();
    }

    pub(super) const fn is_recording(&self) -> bool {
        self.along.is_recording()
    }

    pub(super) const fn is_playing(&self) -> bool {
        self.along.is_playing()
    }

    /// Nothing is heard any more.
    pub(super) fn is_silent(&mut self) {
        self.along.is_silent();
    }

    /// Whether something has stayed behind a voice, for a message of its own. With what is changed nothing goes.
    pub(super) fn has_more(&self) -> bool {
        let is_edit = self.in_flight.as_ref().is_some_and(|said| matches!(said.about, Some(About::Edit { .. })));
        !is_edit && !self.along.is_empty()
    }

    /// Whether what is written can go: what was written before is known, what goes along was looked at, and nothing else is on its
    /// way.
    pub(super) const fn is_ready(&self) -> bool {
        self.is_loaded && !self.along.is_looking() && !self.is_sending()
    }

    /// Takes what is to be said, if it can go.
    pub(super) fn takes(&mut self) -> Option<Said> {
        let text = self.content.text();
        // What is changed stays a text, or the caption of the files that it had.
        let is_edit = matches!(self.about, Some(About::Edit { .. }));
        if !self.is_ready() {
            return None;
        }
        let files = if is_edit { Vec::new() } else { self.along.takes() };
        if text.trim().is_empty() && files.is_empty() {
            return None;
        }
        let about = self.about.take();
        // The text goes with what is behind the voice.
        let has_more = !is_edit && !self.along.is_empty();
        let text = if has_more { String::new() } else { text };
        self.content = match &about {
            Some(About::Edit { was, .. }) => begun(was),
            Some(About::Answer { .. }) | None if has_more => std::mem::take(&mut self.content),
            Some(About::Answer { .. }) | None => Content::new(),
        };
        let said = Said { text, files, about };
        self.in_flight = Some(said.clone());
        Some(said)
    }

    pub(super) fn is_sent(&mut self) {
        self.in_flight = None;
    }

    /// What could not be sent stands before what was written since.
    pub(super) fn comes_back(&mut self, said: &Said) {
        self.in_flight = None;
        let about = match &said.about {
            Some(About::Edit { which, .. }) => Some(About::Edit { which: which.clone(), was: self.draft() }),
            about => about.clone(),
        };
        let text = match &about {
            Some(About::Edit { .. }) => said.text.clone(),
            Some(About::Answer { .. }) | None => before(&said.text, &self.content.text()),
        };
        self.along.come_back(&said.files);
        (self.about, self.content) = (about, begun(&text));
    }

    pub(super) fn view(&self, lang: Lang) -> Element<'_, Message> {
        let attach = button(text(lang.text("attach")))
            .style(theme::quiet)
            .on_press(Message::Along(going_along::Message::Attach));
        let record = button(text("🎙️").font(theme::EMOJI)).style(theme::quiet);
        let record = record.on_press(Message::Along(going_along::Message::Recording(recording::Message::Begun)));
        let emoji = button(text("😀").font(theme::EMOJI)).style(theme::quiet);
        let emoji = emoji.on_press(Message::Picker(picker::Message::Opened(Goes::IntoText)));
        let send = button(text(lang.text("send"))).on_press(Message::Submitted);
        // Of the same shape in either case: another one would lose the keyboard.
        let above = column![self.about(lang)].push(self.along.view(lang).map(Message::Along)).spacing(gap::TINY);
        if let Some(recording) = self.along.recording(lang) {
            let recording = row![recording.map(Message::Along), send].spacing(gap::SMALL).align_y(Center);
            return column![above, recording].spacing(gap::TINY).padding(gap::SMALL).into();
        }
        let writing = row![
            text_editor(&self.content)
                .id(WRITING)
                .placeholder(lang.text("write-here"))
                .size(type_size::BODY)
                .padding(gap::SMALL)
                .max_height(160)
                .on_action(Message::Written)
                .key_binding(binding),
            emoji,
            attach,
            record,
            send,
        ]
        .spacing(gap::SMALL)
        .align_y(Center);
        column![above, writing].spacing(gap::TINY).padding(gap::SMALL).into()
    }

    fn about(&self, lang: Lang) -> Element<'_, Message> {
        let said = match &self.about {
            None => return column![].into(),
            Some(About::Answer { author, excerpt, .. }) => {
                let to = lang.with("answer-to", &[("user", author.as_str().into())]);
                format!("{to}: {excerpt}")
            }
            Some(About::Edit { .. }) => lang.text("editing"),
        };
        let cancel = button(text(lang.text("cancel")).size(type_size::SMALL)).padding(0).style(button::text);
        column![
            row![iced::widget::container(hint(said)).width(Fill).clip(true), cancel.on_press(Message::AboutNothing)]
                .spacing(gap::SMALL)
                .align_y(Center)
        ]
        .into()
    }
}

/// Enter sends; with Shift it begins a line. The pages are those of the history.
fn binding(press: KeyPress) -> Option<Binding<Message>> {
    // It is called for each key of the window, whoever has the keyboard.
    if !matches!(press.status, Status::Focused { .. }) {
        return None;
    }
    match press.key {
        Key::Named(Named::Enter) if !press.modifiers.shift() => Some(Binding::Custom(Message::Submitted)),
        Key::Named(Named::PageUp) => Some(Binding::Custom(Message::Turned(-1.0))),
        Key::Named(Named::PageDown) => Some(Binding::Custom(Message::Turned(1.0))),
        Key::Named(Named::Escape) => Some(Binding::Custom(Message::AboutNothing)),
        _ => Binding::from_key_press(press),
    }
}
