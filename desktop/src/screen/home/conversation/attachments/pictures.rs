//! Pictures of messages: fetched and decoded once they are in sight, and kept while they may come into it again.

use std::collections::{HashMap, VecDeque};

use iced::widget::image::{self, Handle};
use iced::widget::{button, column, container, row, text};
use iced::{Center, Element, Fill, Task, task};
use privmsg_client::{Client, MessageView, foreign};
use privmsg_media::{Decoder, Shown, blurred};

use super::super::hearing::NotHad;
use super::{Message, Which};
use crate::failure;
use crate::lang::Lang;
use crate::theme::{self, gap};
use crate::widget::{hint, small_button};

/// Bytes of the files of one message that are fetched unasked.
const UNASKED: u64 = 16 << 20;

/// Pixels of a side in a message, among several in one, and on its own.
const IN_MESSAGE: u32 = 480;
const AMONG: u32 = 240;
const ALONE: u32 = 2_048;

/// The width of one that is alone in its message, and of one of several, logical pixels.
const WIDE: f32 = 320.0;
const NARROW: f32 = 150.0;

/// Bytes of pixels that are kept: of as many as fill a screen several times.
const KEPT: usize = 32 << 20;

#[derive(Debug)]
enum Picture {
    Coming(#[expect(dead_code, reason = "stops it when the chat is left")] task::Handle),
    Here(Handle),
    Not(NotHad),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Pictures {
    client: Client,
    decoder: Decoder,
    known: HashMap<Which, Picture>,
    /// What stands in the place of those that are not.
    blurred: HashMap<Which, Handle>,
    /// Those that are here, in the order in which they came, and their bytes.
    here: VecDeque<(Which, usize)>,
}

/// Whether a message has nothing but pictures, and so few bytes that they are fetched unasked. What its sender says of them is
/// only a reason to try.
fn is_of_pictures(message: &MessageView) -> bool {
    let is_picture = |mime: &str| matches!(mime, "image/jpeg" | "image/png" | "image/gif" | "image/webp");
    let sizes = message.attachments.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.size));
    !message.attachments.is_empty()
        && !message.uploading
        && !message.deleted
        && !message.is_doubtful()
        && message.attachments.iter().all(|file| is_picture(&file.mime))
        && sizes.is_some_and(|sum| sum <= UNASKED)
}

impl Pictures {
    pub(super) fn new(client: Client, decoder: Decoder) -> Self {
        Self { client, decoder, known: HashMap::new(), blurred: HashMap::new(), here: VecDeque::new() }
    }

    /// These are in sight.
    pub(super) fn see<'a>(&mut self, messages: impl Iterator<Item = &'a MessageView>) -> Task<Message> {
        let mut tasks = Vec::new();
        for message in messages.filter(|message| is_of_pictures(message)) {
            let side = if message.attachments.len() == 1 { IN_MESSAGE } else { AMONG };
            for (at, file) in (0..).zip(&message.attachments) {
                let which = (message.id, at);
                if self.known.contains_key(&which) {
                    continue;
                }
                let blurred = file.picture.as_ref().and_then(|it| blurred(&it.blurhash, it.width, it.height));
                if let Some(shown) = blurred {
                    self.blurred.insert(which, handle(shown));
                }
                let picture = decoded(self.client.clone(), self.decoder.clone(), which, side);
                let (task, handle) = Task::perform(picture, move |shown| Message::Pictured(which, shown)).abortable();
                self.known.insert(which, Picture::Coming(handle.abort_on_drop()));
                tasks.push(task);
            }
        }
        Task::batch(tasks)
    }

    /// One has come, or not. Those that came long ago come again when they are in sight.
    pub(super) fn comes(&mut self, which: Which, shown: Result<Shown, NotHad>) {
        let picture = match shown {
            Ok(shown) => {
                self.blurred.remove(&which);
                self.here.push_back((which, shown.rgba.len()));
                Picture::Here(handle(shown))
            }
            // What was so at the moment is tried again when it is in sight the next time.
            Err(NotHad::Client(error)) => {
                tracing::debug!(%error, "a picture has not come");
                self.known.remove(&which);
                return;
            }
            Err(why) => Picture::Not(why),
        };
        self.known.insert(which, picture);
        while self.here.iter().map(|(_, bytes)| bytes).sum::<usize>() > KEPT {
            if let Some((oldest, _)) = self.here.pop_front() {
                self.known.remove(&oldest);
            }
        }
    }

    /// The files of a message were asked for: what was not to be had may be now.
    pub(super) fn may_come(&mut self, id: i64) {
        self.known.retain(|(of, _), picture| *of != id || matches!(picture, Picture::Here(_)));
    }

    /// The pictures of a message, if it has any that are here, or why one is not shown.
    pub(super) fn view<'a>(&self, lang: Lang, message: &MessageView) -> Option<Element<'a, Message>> {
        if !is_of_pictures(message) {
            return None;
        }
        let width = if message.attachments.len() == 1 { WIDE } else { NARROW };
        let mut shown: Vec<Element<'a, Message>> = Vec::new();
        for (at, file) in (0..).zip(&message.attachments) {
            let which = (message.id, at);
            match self.known.get(&which) {
                Some(Picture::Here(handle)) => {
                    let picture = image::Image::new(handle.clone()).width(width);
                    let one = button(picture)
                        .padding(0)
                        .style(button::text)
                        .on_press(Message::View(which, file.name.clone()));
                    shown.push(one.into());
                }
                Some(Picture::Not(why)) => shown.push(said(lang, why)),
                Some(Picture::Coming(_)) | None => {
                    let blurred = self.blurred.get(&which).cloned();
                    shown.extend(blurred.map(|blurred| image::Image::new(blurred).width(width).into()));
                }
            }
        }
        (!shown.is_empty()).then(|| row(shown).spacing(gap::TINY).wrap().into())
    }

    /// Whether all of a message's files are to be seen: then nobody needs their names as well.
    pub(super) fn are_here(&self, message: &MessageView) -> bool {
        let is_here = |at| matches!(self.known.get(&(message.id, at)), Some(Picture::Here(_)));
        is_of_pictures(message) && (0..).zip(&message.attachments).all(|(at, _)| is_here(at))
    }

    /// Shows one alone.
    pub(super) fn shows(&self, which: Which, name: &str) -> (Alone, Task<Message>) {
        let picture = decoded(self.client.clone(), self.decoder.clone(), which, ALONE);
        let alone = Alone { which, name: foreign::line(name), picture: None };
        (alone, Task::perform(picture, move |shown| Message::Viewed(which, shown)))
    }
}

/// One that stands in the place of the chat.
#[derive(Debug)]
pub(super) struct Alone {
    which: Which,
    name: String,
    picture: Option<Result<Handle, NotHad>>,
}

impl Alone {
    /// It has come, or not.
    pub(super) fn comes(&mut self, which: Which, shown: Result<Shown, NotHad>) {
        if self.which == which {
            self.picture = Some(shown.map(handle));
        }
    }

    pub(super) fn view(&self, lang: Lang) -> Element<'_, Message> {
        let name = container(text(self.name.as_str()).wrapping(text::Wrapping::None)).width(Fill).clip(true);
        let save = small_button(lang.text("save-files"), Message::Save(self.which.0));
        let back = small_button(lang.text("back"), Message::ViewedEnough);
        let bar = container(row![name, save, back].spacing(gap::SMALL).align_y(Center)).padding(gap::SMALL);
        let picture: Element<'_, Message> = match &self.picture {
            None => hint(lang.text("opening")),
            Some(Ok(handle)) => image::viewer(handle.clone()).width(Fill).height(Fill).into(),
            Some(Err(why)) => said(lang, why),
        };
        column![bar.width(Fill).style(theme::bar), container(picture).center(Fill)].into()
    }
}

fn said<'a>(lang: Lang, why: &NotHad) -> Element<'a, Message> {
    let why = match why {
        NotHad::Client(error) => failure::client(lang, error),
        NotHad::Decode(error) => failure::picture(lang, error),
    };
    hint(why)
}

fn handle(shown: Shown) -> Handle {
    Handle::from_rgba(shown.width, shown.height, shown.rgba)
}

async fn decoded(client: Client, decoder: Decoder, (id, at): Which, side: u32) -> Result<Shown, NotHad> {
    client.want_files(id).await?;
    client.wait_files(id).await?;
    let most = usize::try_from(UNASKED).unwrap_or(usize::MAX);
    let turn = decoder.turn().await;
    let file = client.read_file(id, at, most).await?;
    Ok(turn.show(file, side).await?)
}
