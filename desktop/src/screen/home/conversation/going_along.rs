//! Files that are to go along with what is written. Pictures among them are made anew, so that they say nothing of where, when
//! and with what they were taken, unless somebody wants them as they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use iced::widget::image::{Handle, Image};
use iced::widget::operation::focus;
use iced::widget::{button, column, row, text};
use iced::{Center, Element, Task};
use privmsg_client::{FileToSend, HeldFile, PictureNote, VoiceNote, foreign};
use privmsg_media::{DecodeError, Decoder, limits};
use rfd::AsyncFileDialog;

use super::bubble::piece;
use super::hearing::{self, Action, Hearing, NotHad};
use super::recording::{self, Recorder};
use super::writing::WRITING;
use crate::lang::Lang;
use crate::theme::{gap, type_size};
use crate::tools::Tools;
use crate::units;
use crate::widget::{alarm, hint};

/// Ends of names of what is made anew.
const MADE_ANEW: [&str; 6] = ["jpg", "jpeg", "jpe", "jfif", "png", "webp"];

/// The same of what may say as much, and cannot be.
const KEPT: [&str; 12] = ["heic", "heif", "avif", "tif", "tiff", "dng", "gif", "mov", "mp4", "m4v", "3gp", "webm"];

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
    /// What was recorded here.
    Voice(HeldFile, VoiceNote),
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
    /// While a voice message is recorded.
    Recording(recording::Message),
    /// With the voices among them, by their places.
    Voice(hearing::Message<usize>),
}

impl Message {
    pub(super) const fn is_recording_begun(&self) -> bool {
        matches!(self, Self::Recording(recording::Message::Begun))
    }

    /// Whether a voice is to be heard.
    pub(super) const fn is_to_be_heard(&self) -> bool {
        matches!(self, Self::Voice(hearing::Message::Toggled(_)))
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct GoingAlong {
    files: Vec<Picked>,
    /// Names of what cannot.
    refused: Vec<String>,
    /// So many times something was chosen that is still looked at.
    looking: usize,
    decoder: Decoder,
    recorder: Recorder,
    voices: Hearing<usize>,
}

impl GoingAlong {
    pub(super) fn new(tools: &Tools) -> Self {
        Self {
            files: Vec::new(),
            refused: Vec::new(),
            looking: 0,
            decoder: tools.decoder.apart(),
            recorder: Recorder::new(Arc::clone(&tools.sound)),
            voices: Hearing::new(Arc::clone(&tools.sound)),
        }
    }

    /// Does what a message asks for.
    pub(super) fn update(&mut self, message: Message) -> Task<Message> {
        match message {
            Message::Attach => return Task::perform(ask(), Message::Dropped),
            Message::Dropped(paths) if paths.is_empty() => {}
            Message::Dropped(paths) => {
                self.looking += 1;
                return Task::perform(look_at(paths, self.decoder.clone()), Message::Looked);
            }
            Message::Looked(looked) => {
                self.looking = self.looking.saturating_sub(1);
                self.files.extend(looked.picked);
                self.refused.extend(looked.refused);
                return focus(WRITING);
            }
            Message::LeftOut(at) => {
                self.voices.stops();
                if at < self.files.len() {
                    self.files.remove(at);
                }
            }
            Message::AsItIs(at) => {
                if let Some(file) = self.files.get_mut(at) {
                    file.changes();
                }
            }
            Message::Recording(message) => {
                if matches!(message, recording::Message::Begun) {
                    // Nobody wants to record what they hear.
                    self.voices.stops();
                }
                let (task, said) = self.recorder.update(message);
                self.files.extend(said.and_then(Picked::voice));
                return task.map(Message::Recording);
            }
            Message::Voice(hearing::Message::Toggled(_)) if self.recorder.is_recording() => {}
            Message::Voice(message) => match self.voices.update(message) {
                Action::Run(task) => return task.map(Message::Voice),
                Action::Wanted(at) => return self.hears(at),
                Action::Ended(_) | Action::Stopped(_) => {}
            },
        }
        Task::none()
    }

    fn hears(&mut self, at: usize) -> Task<Message> {
        let Some(What::Voice(HeldFile { bytes, .. }, _)) = self.files.get(at).map(|file| &file.what) else {
            return Task::none();
        };
        let (bytes, decoder) = (bytes.to_vec(), self.decoder.clone());
        let voice = async move { Ok::<_, NotHad>(Arc::from(decoder.turn().await.listen(bytes).await?)) };
        self.voices.waits_for(at, voice).map(Message::Voice)
    }

    pub(super) const fn is_looking(&self) -> bool {
        self.looking > 0
    }

    /// What is being said is said.
    pub(super) fn ends_recording(&mut self) {
        let said = self.recorder.ends();
        self.files.extend(said.and_then(Picked::voice));
    }

    pub(super) const fn is_recording(&self) -> bool {
        self.recorder.is_recording()
    }

    pub(super) const fn is_playing(&self) -> bool {
        self.voices.is_playing()
    }

    /// Nothing is heard any more.
    pub(super) fn is_silent(&mut self) {
        self.voices.stops();
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// They are on their way; a voice alone.
    pub(super) fn takes(&mut self) -> Vec<Picked> {
        self.refused.clear();
        let mut files = self.leaves();
        // A voice is heard where it is alone in its message.
        let voice = files.iter().position(|file| matches!(file.what, What::Voice(..)));
        match voice.filter(|_| files.len() > 1) {
            Some(at) => {
                let voice = files.remove(at);
                self.files = files;
                vec![voice]
            }
            None => files,
        }
    }

    /// They wait for somebody to come back to the chat.
    pub(super) fn leaves(&mut self) -> Vec<Picked> {
        self.voices.stops();
        self.ends_recording();
        std::mem::take(&mut self.files)
    }

    /// They were not sent, and stand before what was chosen since.
    pub(super) fn come_back(&mut self, files: &[Picked]) {
        self.voices.stops();
        self.files.splice(..0, files.iter().cloned());
    }

    /// What stands in the place of the field, while something is recorded.
    pub(super) fn recording(&self, lang: Lang) -> Option<Element<'_, Message>> {
        self.recorder.view(lang).map(|recording| recording.map(Message::Recording))
    }

    pub(super) fn view(&self, lang: Lang) -> Element<'_, Message> {
        let refused = (!self.refused.is_empty())
            .then(|| alarm(lang.with("attach-refused", &[("names", self.refused.join(", ").into())])));
        let all = self.files.iter().enumerate().map(|(at, file)| file.view(lang, at, &self.voices));
        let all = (!self.files.is_empty()).then(|| row(all).spacing(gap::TINY).wrap());
        let looking = self.is_looking().then(|| hint(lang.text("working")));
        let trouble = self.recorder.trouble(lang).map(|trouble| trouble.map(Message::Recording));
        column![].push(refused).push(trouble).push(all).push(looking).spacing(gap::TINY).into()
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
async fn look_at(paths: Vec<PathBuf>, decoder: Decoder) -> Looked {
    let mut looked = Looked { picked: Vec::new(), refused: Vec::new() };
    for path in paths {
        let name = foreign::line(&path.file_name().unwrap_or(path.as_os_str()).to_string_lossy());
        match size(&path).await.and_then(|size| Some((std::path::absolute(&path).ok()?, size))) {
            Some((path, size)) => {
                let what = what(&path, size, &decoder).await;
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

async fn what(path: &Path, size: u64, decoder: &Decoder) -> What {
    let end = path.extension().unwrap_or_default();
    let is_of = |formats: &[&str]| formats.iter().any(|format| end.eq_ignore_ascii_case(format));
    if is_of(&KEPT) {
        return What::Kept;
    }
    if !is_of(&MADE_ANEW) {
        return What::File;
    }
    match made_anew(path, size, decoder).await {
        Ok((made, preview)) => What::Picture { made, preview, is_kept: false },
        Err(error) => {
            tracing::debug!(%error, "a picture goes as it is");
            What::Kept
        }
    }
}

async fn made_anew(path: &Path, size: u64, decoder: &Decoder) -> Result<(HeldFile, Option<Handle>), DecodeError> {
    let turn = decoder.turn().await;
    let file = if size <= limits::FILE { tokio::fs::read(path).await.ok() } else { None };
    let made = turn.make(file.ok_or(DecodeError::Failed)?, limits::SENT_SIDE).await?;
    let preview = turn.show(made.bytes.clone(), PREVIEW).await.ok();
    let preview = preview.map(|shown| Handle::from_rgba(shown.width, shown.height, shown.rgba));
    let note = PictureNote { width: made.width, height: made.height, blurhash: made.blurhash };
    Ok((HeldFile::picture(path, made.extension, made.bytes, note), preview))
}

impl Picked {
    fn voice(said: HeldFile) -> Option<Self> {
        let (name, size, note) = (said.name.clone(), said.bytes.len() as u64, said.voice.clone()?);
        Some(Self { path: PathBuf::new(), name, size, what: What::Voice(said, note) })
    }

    /// What goes to the recipient.
    pub(super) fn to_send(&self) -> FileToSend {
        match &self.what {
            What::Picture { made, is_kept: false, .. } | What::Voice(made, _) => FileToSend::Held(made.clone()),
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
            What::File | What::Kept | What::Picture { .. } | What::Voice(..) => self.size,
        }
    }

    fn view<'a>(&'a self, lang: Lang, at: usize, voices: &'a Hearing<usize>) -> Element<'a, Message> {
        let filling = [("name", self.name.as_str().into()), ("size", units::size(lang, self.size()).into())];
        let name = text(lang.with("file", &filling)).size(type_size::SMALL).wrapping(text::Wrapping::WordOrGlyph);
        let name = row![name, out_of(at)].spacing(gap::TINY).align_y(Center);
        let small = |name| button(text(lang.text(name)).size(type_size::SMALL)).padding(0).style(button::text);
        match &self.what {
            What::File => piece(name),
            What::Voice(_, voice) => {
                let voice = voices.view(lang, at, voice, true).map(Message::Voice);
                piece(row![voice, out_of(at)].spacing(gap::SMALL).align_y(Center))
            }
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

/// By which one is left out.
fn out_of<'a>(at: usize) -> Element<'a, Message> {
    let out = button(text("×").size(type_size::SMALL)).padding([0.0, gap::TINY]).style(button::text);
    out.on_press(Message::LeftOut(at)).into()
}
