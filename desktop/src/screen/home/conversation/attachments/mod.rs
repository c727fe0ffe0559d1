//! What came with messages: files, and pictures and voices among them.

mod files;
mod pictures;

use std::sync::Arc;

use iced::{Element, Task};
use privmsg_client::{Client, ClientError, MAX_VOICE_LEN, MessageView};
use privmsg_media::{Decoder, Shown};

use self::files::{Files, Saved};
use self::pictures::{Alone, Pictures};
use super::hearing::{self, Action, Hearing, NotHad};
use crate::follow::Moved;
use crate::lang::Lang;
use crate::tools::Tools;

/// One of a message's files: the row of the message, and which of them, from 0.
pub(super) type Which = (i64, u32);

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// The files of a message are wanted.
    Save(i64),
    /// What came of that.
    Saved(i64, Result<Saved, Arc<ClientError>>),
    /// They are not waited for any more.
    StopFetching(i64),
    /// They are not, or that could not be noted.
    Stopped(i64, Result<(), Arc<ClientError>>),
    /// Where they are is to be shown.
    ShowFolder(i64),
    /// A file has moved on.
    Moved(Moved),
    /// A picture has come.
    Pictured(Which, Result<Shown, NotHad>),
    /// It is to be seen alone: this is its name.
    View(Which, String),
    /// As large as that, it has come.
    Viewed(Which, Result<Shown, NotHad>),
    /// It was seen.
    ViewedEnough,
    /// With the voices, by the rows of their messages.
    Voice(hearing::Message<i64>),
    /// A voice was heard to its end.
    Heard(i64),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Attachments {
    client: Client,
    tools: Tools,
    files: Files,
    pictures: Pictures,
    voices: Hearing<i64>,
    /// The picture that stands in the place of the chat.
    alone: Option<Alone>,
}

impl Attachments {
    pub(super) fn new(client: Client, tools: Tools) -> Self {
        let pictures = Pictures::new(client.clone(), tools.decoder.clone());
        let voices = Hearing::new(Arc::clone(&tools.sound));
        Self { client, tools, files: Files::default(), pictures, voices, alone: None }
    }

    /// Does what a message asks for.
    pub(super) fn update(&mut self, message: Message) -> Task<Message> {
        match message {
            Message::Save(id) => return self.files.saves(self.client.clone(), id, &self.tools.downloads),
            Message::Saved(id, saved) => {
                self.pictures.may_come(id);
                self.files.are_saved(id, saved);
            }
            Message::StopFetching(id) => {
                let client = self.client.clone();
                let stopped = async move { client.stop_downloads(id).await.map_err(Arc::new) };
                return Task::perform(stopped, move |done| Message::Stopped(id, done));
            }
            // What has stopped is told by whatever waited for it.
            Message::Stopped(_, Ok(())) => {}
            Message::Stopped(id, Err(error)) => self.files.are_saved(id, Err(error)),
            Message::ShowFolder(id) => self.files.shows_folder(id),
            Message::Moved(moved) => self.files.moves(moved),
            Message::Pictured(which, shown) => self.pictures.comes(which, shown),
            Message::View(which, name) => {
                let (alone, task) = self.pictures.shows(which, &name);
                self.alone = Some(alone);
                return task;
            }
            Message::Viewed(which, shown) => {
                if let Some(alone) = &mut self.alone {
                    alone.comes(which, shown);
                }
            }
            Message::ViewedEnough => self.is_enough(),
            Message::Voice(message) => match self.voices.update(message) {
                Action::Run(task) => return task.map(Message::Voice),
                Action::Wanted(id) => return self.hears(id),
                Action::Ended(id) => return Task::done(Message::Heard(id)),
                Action::Stopped(id) => return self.update(Message::StopFetching(id)),
            },
            // For whoever knows what comes after it.
            Message::Heard(_) => {}
        }
        Task::none()
    }

    /// A voice message is to be heard.
    pub(super) fn hears(&mut self, id: i64) -> Task<Message> {
        let voice = voice_of(self.client.clone(), self.tools.decoder.apart(), id);
        self.voices.waits_for(id, voice).map(Message::Voice)
    }

    /// Nothing is heard any more.
    pub(super) fn is_silent(&mut self) {
        self.voices.stops();
    }

    pub(super) const fn is_playing(&self) -> bool {
        self.voices.is_playing()
    }

    /// What is still to come is not heard unasked.
    pub(super) fn waits(&mut self) {
        self.voices.waits();
    }

    /// Which message is heard, or will be.
    pub(super) fn is_heard(&self) -> Option<i64> {
        self.voices.is_heard()
    }

    /// The chat is wanted again.
    pub(super) fn is_enough(&mut self) {
        self.alone = None;
    }

    /// These messages are in sight: their pictures are fetched and decoded.
    pub(super) fn see<'a>(&mut self, messages: impl Iterator<Item = &'a MessageView>) -> Task<Message> {
        self.pictures.see(messages)
    }

    /// What stands in the place of the chat, if anything does.
    pub(super) fn alone(&self, lang: Lang) -> Option<Element<'_, Message>> {
        self.alone.as_ref().map(|alone| alone.view(lang))
    }

    /// What came with a message. Whoever sees its pictures needs their names only where they want to do something with it: it is
    /// `chosen`.
    pub(super) fn view<'a>(&'a self, lang: Lang, message: &'a MessageView, chosen: bool) -> Vec<Element<'a, Message>> {
        if let Some(voice) = message.voice().filter(|_| !message.deleted && !message.is_doubtful()) {
            let is_ready = !message.uploading;
            let voice = self.voices.view(lang, message.id, voice, is_ready).map(Message::Voice);
            let is_named = chosen || self.files.are_asked_for(message.id) || message.uploading;
            let files = is_named.then(|| self.files.view(lang, message)).flatten();
            return [Some(voice), files].into_iter().flatten().collect();
        }
        let is_named = chosen || !self.pictures.are_here(message) || self.files.are_asked_for(message.id);
        let files = is_named.then(|| self.files.view(lang, message)).flatten();
        self.pictures.view(lang, message).into_iter().chain(files).collect()
    }
}

/// What a voice message says.
async fn voice_of(client: Client, decoder: Decoder, id: i64) -> Result<Arc<[i16]>, NotHad> {
    client.want_files(id).await?;
    client.wait_files(id).await?;
    let turn = decoder.turn().await;
    let file = client.read_file(id, 0, usize::try_from(MAX_VOICE_LEN).unwrap_or(usize::MAX)).await?;
    Ok(Arc::from(turn.listen(file).await?))
}
