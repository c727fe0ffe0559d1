//! What came with messages: files, and pictures among them.

mod files;
mod pictures;

use std::sync::Arc;

use iced::{Element, Task};
use privmsg_client::{Client, ClientError, MessageView};
use privmsg_media::Shown;

use self::files::{Files, Saved};
use self::pictures::{Alone, NotShown, Pictures};
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
    Pictured(Which, Result<Shown, NotShown>),
    /// It is to be seen alone: this is its name.
    View(Which, String),
    /// As large as that, it has come.
    Viewed(Which, Result<Shown, NotShown>),
    /// It was seen.
    ViewedEnough,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Attachments {
    client: Client,
    tools: Tools,
    files: Files,
    pictures: Pictures,
    /// The picture that stands in the place of the chat.
    alone: Option<Alone>,
}

impl Attachments {
    pub(super) fn new(client: Client, tools: Tools) -> Self {
        let pictures = Pictures::new(client.clone(), tools.pictures.clone());
        Self { client, tools, files: Files::default(), pictures, alone: None }
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
        }
        Task::none()
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
        let is_named = chosen || !self.pictures.are_here(message) || self.files.are_asked_for(message.id);
        let files = is_named.then(|| self.files.view(lang, message)).flatten();
        self.pictures.view(lang, message).into_iter().chain(files).collect()
    }
}
