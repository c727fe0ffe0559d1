//! Files of messages: fetched, saved, and how far they are.

use std::collections::HashMap;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use iced::widget::{column, container, row, text};
use iced::{Center, Element, Task};
use privmsg_client::{Client, ClientError, DownloadState, MessageView, foreign};
use privmsg_protocol::MessageId;

use super::super::bubble::piece;
use super::Message;
use crate::failure;
use crate::follow::{Moved, Part};
use crate::lang::Lang;
use crate::theme::{gap, type_size};
use crate::units;
use crate::widget::{hint, small_button};

/// What has become of the files of a message that somebody wanted to have.
#[derive(Debug, Clone)]
pub enum Saved {
    /// They are in this folder.
    In(PathBuf),
    /// Nobody waited for them any more.
    Stopped,
}

#[derive(Debug)]
enum Step {
    Fetching,
    Saved(PathBuf),
    NotSaved(Arc<ClientError>),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// By the row of the message.
    wanted: HashMap<i64, Step>,
    /// By it, and which of its files it is.
    coming: HashMap<(i64, u32), Part>,
    /// By the id of the message, and the same.
    going: HashMap<(MessageId, u32), Part>,
}

impl Files {
    /// A file has moved on.
    pub(super) fn moves(&mut self, moved: Moved) {
        match moved {
            Moved::Up(message, file, part) => note(&mut self.going, (message, file), part),
            Moved::Down(id, file, part) => note(&mut self.coming, (id, file), part),
        }
    }

    /// Somebody wants to have the files of a message in a folder.
    pub(super) fn saves(&mut self, client: Client, id: i64, folder: &Path) -> Task<Message> {
        if matches!(self.wanted.get(&id), Some(Step::Fetching)) {
            return Task::none();
        }
        self.wanted.insert(id, Step::Fetching);
        let folder = folder.to_owned();
        let saved = async move { save(&client, id, folder).await.map_err(Arc::new) };
        Task::perform(saved, move |saved| Message::Saved(id, saved))
    }

    /// What came of that.
    pub(super) fn are_saved(&mut self, id: i64, saved: Result<Saved, Arc<ClientError>>) {
        self.coming.retain(|(of, _), _| *of != id);
        match saved {
            Ok(Saved::In(folder)) => self.wanted.insert(id, Step::Saved(folder)),
            Ok(Saved::Stopped) => self.wanted.remove(&id),
            Err(error) => self.wanted.insert(id, Step::NotSaved(error)),
        };
    }

    /// Whether somebody has asked for the files of a message.
    pub(super) fn are_asked_for(&self, id: i64) -> bool {
        self.wanted.contains_key(&id)
    }

    /// Opens the folder where the files of a message were saved.
    pub(super) fn shows_folder(&self, id: i64) {
        if let Some(Step::Saved(folder)) = self.wanted.get(&id)
            && let Err(error) = open::that_detached(folder)
        {
            tracing::warn!(%error, "the folder cannot be shown");
        }
    }

    /// The files of a message, and what can be done with them.
    pub(super) fn view<'a>(&'a self, lang: Lang, message: &'a MessageView) -> Option<Element<'a, Message>> {
        if message.attachments.is_empty() || message.deleted {
            return None;
        }
        let files = (0..).zip(&message.attachments).map(|(at, file)| {
            let part = self.coming.get(&(message.id, at)).or_else(|| self.going.get(&(message.message_id, at)));
            let size = match part {
                Some(part) => lang.with(
                    "part-of-size",
                    &[("done", units::size(lang, part.done).into()), ("size", units::size(lang, part.total).into())],
                ),
                None => units::size(lang, file.size),
            };
            let filling = [("name", foreign::line(&file.name).into()), ("size", size.into())];
            let said = text(lang.with("file", &filling)).size(type_size::BODY);
            piece(said.wrapping(text::Wrapping::WordOrGlyph))
        });
        let small = |name: &str, then| small_button(lang.text(name), then);
        let id = message.id;
        let save = || small("save-files", Message::Save(id));
        let below: Element<'_, Message> = match self.wanted.get(&id) {
            _ if message.uploading => hint(lang.text("files-going")),
            None => save().into(),
            Some(Step::Fetching) => row![hint(lang.text("files-coming")), small("stop", Message::StopFetching(id))]
                .spacing(gap::SMALL)
                .align_y(Center)
                .into(),
            Some(Step::Saved(folder)) => {
                let folder = foreign::line(&folder.to_string_lossy());
                let said = hint(lang.with("files-saved", &[("folder", folder.into())]));
                column![said, small("show-folder", Message::ShowFolder(id))].spacing(gap::TINY).into()
            }
            Some(Step::NotSaved(error)) => {
                let why = text(failure::client(lang, error)).size(type_size::SMALL).style(text::danger);
                column![why, save()].spacing(gap::TINY).into()
            }
        };
        Some(container(column(files).push(below).spacing(gap::TINY)).into())
    }
}

/// What has come to its end is not on its way any more.
fn note<K: Eq + Hash>(parts: &mut HashMap<K, Part>, which: K, part: Part) {
    if part.done < part.total {
        parts.insert(which, part);
    } else {
        parts.remove(&which);
    }
}

/// Fetches what is not here, and saves all of it. What has the name of something that is there gets another one.
async fn save(client: &Client, id: i64, folder: PathBuf) -> Result<Saved, ClientError> {
    client.want_files(id).await?;
    client.wait_files(id).await?;
    if client.downloads(id).await?.contains(&DownloadState::Stopped) {
        return Ok(Saved::Stopped);
    }
    if let Err(source) = tokio::fs::create_dir_all(&folder).await {
        return Err(ClientError::File { path: folder.display().to_string(), source });
    }
    for file in client.save_files(id, &folder, |_, _| {}).await? {
        file.result?;
    }
    Ok(Saved::In(folder))
}
