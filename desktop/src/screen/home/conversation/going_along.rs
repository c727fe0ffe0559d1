//! Files that are to go along with what is written. Pictures among them are made anew, so that they say nothing of where, when
//! and with what they were taken, unless somebody wants them as they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use iced::widget::image::{Handle, Image};
use iced::widget::operation::focus;
use iced::widget::{button, column, row, text};
use iced::{Center, Element, Task};
use privmsg_client::{FileToSend, HeldFile, foreign};
use privmsg_media::{PictureError, Pictures, limits};
use rfd::AsyncFileDialog;

use super::bubble::piece;
use super::writing::WRITING;
use crate::lang::Lang;
use crate::theme::{gap, type_size};
use crate::units;
use crate::widget::{alarm, hint};

/// Ends of names of what is made anew.
const MADE_ANEW: [&str; 6] = ["jpg", "jpeg", "jpe", "jfif", "png", "webp"];

/// The same of what may say as much, and cannot be.
const KEPT: [&str; 12] = ["heic", "heif", "avif", "tif", "tiff", "dng", "gif", "mov", "mp4", "m4v", "3gp", "webm"];

/// Pixels of the longer side of a picture that is made anew: more than most screens have.
const SIDE: u32 = 2_560;

/// Pixels of a side of what shows what it is.
const PREVIEW: u32 = 160;

/// The same on the screen, logical pixels.
const HEIGHT: f32 = 80.0;

/// Something that is to go along.
#[derive(Debug, Clone)]
pub(in crate::screen::home) struct Picked {
    path: PathBuf,
    name: String,
    size: u64,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// Nothing is known of it.
    File,
    /// It looks like a picture or a film, and cannot be made anew.
    Kept,
    /// A picture, made anew; and whether somebody wants it as it is.
    Picture { made: HeldFile, preview: Option<Handle>, is_kept: bool },
}

/// What somebody wants to send along, looked at.
#[derive(Debug, Clone)]
pub struct Looked {
    picked: Vec<Picked>,
    /// Names of what is no file, or cannot be read.
    refused: Vec<String>,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// Files are to be chosen.
    Attach,
    /// These are to go along.
    Dropped(Vec<PathBuf>),
    /// They were looked at.
    Looked(Looked),
    /// This one of them is to be left out.
    LeftOut(usize),
    /// This one is to go as it is, or to be made anew.
    AsItIs(usize),
}

/// See the module.
#[derive(Debug)]
pub(super) struct GoingAlong {
    files: Vec<Picked>,
    /// Names of what cannot.
    refused: Vec<String>,
    /// So many times something was chosen that is still looked at.
    looking: usize,
    pictures: Pictures,
}

impl GoingAlong {
    pub(super) fn new(pictures: &Pictures) -> Self {
        Self { files: Vec::new(), refused: Vec::new(), looking: 0, pictures: pictures.apart() }
    }

    /// Does what a message asks for.
    pub(super) fn update(&mut self, message: Message) -> Task<Message> {
        match message {
            Message::Attach => return Task::perform(ask(), Message::Dropped),
            Message::Dropped(paths) if paths.is_empty() => {}
            Message::Dropped(paths) => {
                self.looking += 1;
                return Task::perform(look_at(paths, self.pictures.clone()), Message::Looked);
            }
            Message::Looked(looked) => {
                self.looking = self.looking.saturating_sub(1);
                self.files.extend(looked.picked);
                self.refused.extend(looked.refused);
                return focus(WRITING);
            }
            Message::LeftOut(at) => {
                if at < self.files.len() {
                    self.files.remove(at);
                }
            }
            Message::AsItIs(at) => {
                if let Some(file) = self.files.get_mut(at) {
                    file.changes();
                }
            }
        }
        Task::none()
    }

    pub(super) const fn is_looking(&self) -> bool {
        self.looking > 0
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// They are on their way.
    pub(super) fn takes(&mut self) -> Vec<Picked> {
        self.refused.clear();
        std::mem::take(&mut self.files)
    }

    /// They wait for somebody to come back to the chat.
    pub(super) fn leaves(&mut self) -> Vec<Picked> {
        std::mem::take(&mut self.files)
    }

    /// They were not sent, and stand before what was chosen since.
    pub(super) fn come_back(&mut self, files: &[Picked]) {
        self.files.splice(..0, files.iter().cloned());
    }

    pub(super) fn view(&self, lang: Lang) -> Element<'_, Message> {
        let refused = (!self.refused.is_empty())
            .then(|| alarm(lang.with("attach-refused", &[("names", self.refused.join(", ").into())])));
        let all = self.files.iter().enumerate().map(|(at, file)| file.view(lang, at));
        let all = (!self.files.is_empty()).then(|| row(all).spacing(gap::TINY).wrap());
        let looking = self.is_looking().then(|| hint(lang.text("working")));
        column![].push(refused).push(all).push(looking).spacing(gap::TINY).into()
    }
}

impl Looked {
    /// Whether somebody should see what came of it before it goes.
    pub(super) fn is_doubtful(&self) -> bool {
        !self.refused.is_empty() || self.picked.iter().any(|file| matches!(file.what, What::Kept))
    }
}

/// Asks for files.
async fn ask() -> Vec<PathBuf> {
    let chosen = AsyncFileDialog::new().pick_files().await.unwrap_or_default();
    chosen.into_iter().map(PathBuf::from).collect()
}

/// Looks at what is to go along.
async fn look_at(paths: Vec<PathBuf>, pictures: Pictures) -> Looked {
    let mut looked = Looked { picked: Vec::new(), refused: Vec::new() };
    for path in paths {
        let name = foreign::line(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy());
        match size(&path).await.and_then(|size| Some((std::path::absolute(&path).ok()?, size))) {
            Some((path, size)) => {
                let what = what(&path, size, &pictures).await;
                looked.picked.push(Picked { path, name, size, what });
            }
            None => looked.refused.push(name),
        }
    }
    looked
}

/// Of a file that can be opened: whoever may not read it hears of it now.
async fn size(path: &Path) -> Option<u64> {
    // Opening a pipe would wait for somebody who writes to it.
    let is_file = tokio::fs::metadata(path).await.is_ok_and(|about| about.is_file());
    let file = if is_file { tokio::fs::File::open(path).await.ok()? } else { return None };
    file.metadata().await.ok().map(|about| about.len())
}

async fn what(path: &Path, size: u64, pictures: &Pictures) -> What {
    let end = path.extension().unwrap_or_default();
    let is_of = |formats: &[&str]| formats.iter().any(|format| end.eq_ignore_ascii_case(format));
    if is_of(&KEPT) {
        return What::Kept;
    }
    if !is_of(&MADE_ANEW) {
        return What::File;
    }
    match made_anew(path, size, pictures).await {
        Ok((made, preview)) => What::Picture { made, preview, is_kept: false },
        Err(error) => {
            tracing::debug!(%error, "a picture goes as it is");
            What::Kept
        }
    }
}

async fn made_anew(path: &Path, size: u64, pictures: &Pictures) -> Result<(HeldFile, Option<Handle>), PictureError> {
    let turn = pictures.turn().await;
    let file = if size <= limits::FILE { tokio::fs::read(path).await.ok() } else { None };
    let made = turn.make(file.ok_or(PictureError::Failed)?, SIDE).await?;
    let preview = turn.show(made.bytes.clone(), PREVIEW).await.ok();
    let preview = preview.map(|shown| Handle::from_rgba(shown.width, shown.height, shown.rgba));
    let name = format!("{}.{}", path.file_stem().unwrap_or_default().to_string_lossy(), made.extension);
    Ok((HeldFile { name, bytes: Arc::from(made.bytes) }, preview))
}

impl Picked {
    /// What goes to the recipient.
    pub(super) fn to_send(&self) -> FileToSend {
        match &self.what {
            What::Picture { made, is_kept: false, .. } => FileToSend::Held(made.clone()),
            What::File | What::Kept | What::Picture { .. } => FileToSend::At(self.path.clone()),
        }
    }

    /// Somebody wants it as it is, or not.
    const fn changes(&mut self) {
        if let What::Picture { is_kept, .. } = &mut self.what {
            *is_kept = !*is_kept;
        }
    }

    fn size(&self) -> u64 {
        match &self.what {
            What::Picture { made, is_kept: false, .. } => made.bytes.len() as u64,
            What::File | What::Kept | What::Picture { .. } => self.size,
        }
    }

    fn view(&self, lang: Lang, at: usize) -> Element<'_, Message> {
        let filling = [("name", self.name.as_str().into()), ("size", units::size(lang, self.size()).into())];
        let name = text(lang.with("file", &filling)).size(type_size::SMALL).wrapping(text::Wrapping::WordOrGlyph);
        let out = button(text("×").size(type_size::SMALL)).padding([0.0, gap::TINY]).style(button::text);
        let name = row![name, out.on_press(Message::LeftOut(at))].spacing(gap::TINY).align_y(Center);
        let small = |name| button(text(lang.text(name)).size(type_size::SMALL)).padding(0).style(button::text);
        match &self.what {
            What::File => piece(name),
            What::Kept => piece(column![name, hint(lang.text("picture-says-all"))]),
            What::Picture { preview, is_kept, .. } => {
                let preview = preview.clone().map(|preview| Image::new(preview).height(HEIGHT));
                let change = small(if *is_kept { "make-anew" } else { "keep-as-it-is" }).on_press(Message::AsItIs(at));
                let says = lang.text(if *is_kept { "picture-says-all" } else { "picture-says-nothing" });
                let said = column![name, hint(says), change].spacing(gap::TINY);
                piece(row![].push(preview).push(said).spacing(gap::SMALL).align_y(Center))
            }
        }
    }
}
