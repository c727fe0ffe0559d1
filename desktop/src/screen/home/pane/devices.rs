//! One's own devices, in the settings.

use std::sync::Arc;

use iced::widget::{button, column, row, text};
use iced::{Element, Fill, Task};
use privmsg_client::{ChatKind, Client, ClientError, LinkCode, OwnDevice, Recipient, foreign};
use privmsg_protocol::{DeviceId, Secret, UserId};

use super::super::{group_by_id, name, recipient};
use super::Done;
use crate::failure;
use crate::lang::Lang;
use crate::session::Session;
use crate::theme::{self, gap, type_size};
use crate::widget::{Typed, alarm, hint, secret_field, section};

const WORDS: &str = "stolen-words";
const CODE: &str = "link-code";

/// See the module.
#[derive(Debug)]
pub(super) struct Devices {
    session: Session,
    /// None as long as the server has not answered.
    known: Option<Vec<OwnDevice>>,
    /// The code of a new device, which is a secret between the two.
    code: Secret,
    is_code_wrong: bool,
    step: Step,
    failure: Option<Arc<ClientError>>,
    /// A stolen one was called back, and these of its decisions with it.
    called_back: Option<Vec<ChatKind>>,
}

/// What is being done.
#[derive(Debug)]
enum Step {
    Looking,
    /// One is to go: does somebody else have it?
    Going(DeviceId),
    /// It was stolen: the words call it back.
    Stolen(DeviceId, Secret),
    /// This one is to be let in, if it is the user's.
    LettingIn(Box<LinkCode>),
    Working,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// The server has answered.
    Told(Result<Vec<OwnDevice>, Arc<ClientError>>),
    /// One is to go.
    Remove(DeviceId),
    /// Nobody else has it.
    RemoveOwn,
    /// Somebody else may have it.
    RemoveStolen,
    /// The words are being typed.
    Words(Secret),
    /// They are typed.
    WordsSubmitted,
    /// The code of a new device is being pasted.
    Code(Secret),
    /// It is to be looked at.
    CodeSubmitted,
    /// The device is the user's.
    LetIn,
    /// Nothing is to be done.
    Cancelled,
    /// It is done.
    Done(Done),
    /// A stolen one was called back.
    CalledBack(Result<CalledBack, Arc<ClientError>>),
}

/// What came of calling a device back.
#[derive(Debug, Clone)]
pub struct CalledBack {
    /// The chats about which it had decided.
    undone: Vec<ChatKind>,
    /// Whether the server has signed it out, too.
    pub(super) is_signed_out: Done,
}

impl Devices {
    pub(super) fn new(session: Session) -> (Self, Task<Message>) {
        let devices = Self {
            session,
            known: None,
            code: Secret::new(String::new()),
            is_code_wrong: false,
            step: Step::Looking,
            failure: None,
            called_back: None,
        };
        let task = devices.look();
        (devices, task)
    }

    fn look(&self) -> Task<Message> {
        let client = self.session.client().clone();
        Task::perform(async move { client.devices().await.map_err(Arc::new) }, Message::Told)
    }

    pub(super) fn update(&mut self, message: Message) -> Task<Message> {
        match message {
            Message::Told(Ok(devices)) => self.known = Some(devices),
            Message::Told(Err(error)) => self.failure = Some(error),
            Message::Remove(device) => (self.step, self.failure) = (Step::Going(device), None),
            Message::RemoveOwn => {
                let Step::Going(device) = &self.step else { return Task::none() };
                let device = device.clone();
                return self.works(|client| async move { client.remove_device(&device).await });
            }
            Message::RemoveStolen => {
                if let Step::Going(device) = &self.step {
                    self.step = Step::Stolen(device.clone(), Secret::new(String::new()));
                }
            }
            Message::Words(now) => {
                if let Step::Stolen(_, words) = &mut self.step {
                    *words = now;
                }
            }
            Message::WordsSubmitted => {
                let Step::Stolen(device, words) = &self.step else { return Task::none() };
                let (device, words) = (device.clone(), words.clone());
                (self.step, self.failure) = (Step::Working, None);
                let client = self.session.client().clone();
                let called_back = async move {
                    let undone = client.remove_stolen(std::slice::from_ref(&device), words.expose()).await;
                    let undone = undone.map_err(Arc::new)?;
                    let is_signed_out = client.sign_out_stolen(&device).await.map_err(Arc::new);
                    Ok(CalledBack { undone, is_signed_out })
                };
                return Task::perform(called_back, Message::CalledBack);
            }
            Message::Code(code) => (self.code, self.is_code_wrong) = (code, false),
            Message::CodeSubmitted => match self.code.expose().trim().parse::<LinkCode>() {
                Ok(code) => (self.step, self.failure) = (Step::LettingIn(Box::new(code)), None),
                Err(_) => self.is_code_wrong = true,
            },
            Message::LetIn => {
                let Step::LettingIn(code) = std::mem::replace(&mut self.step, Step::Working) else {
                    return Task::none();
                };
                self.code = Secret::new(String::new());
                return self.works(|client| async move { client.link_device(&code).await });
            }
            Message::Cancelled => self.step = Step::Looking,
            Message::Done(done) => return self.has_done(done),
            Message::CalledBack(Ok(CalledBack { undone, is_signed_out })) => {
                self.called_back = Some(undone);
                return self.has_done(is_signed_out);
            }
            Message::CalledBack(Err(error)) => return self.has_done(Err(error)),
        }
        Task::none()
    }

    fn has_done(&mut self, done: Done) -> Task<Message> {
        self.step = Step::Looking;
        self.failure = done.err();
        self.look()
    }

    fn works<F>(&mut self, work: impl FnOnce(Client) -> F) -> Task<Message>
    where
        F: Future<Output = Result<(), ClientError>> + Send + 'static,
    {
        self.step = Step::Working;
        self.failure = None;
        super::perform(&self.session, work, Message::Done)
    }

    pub(super) fn view(&self, lang: Lang) -> Element<'_, Message> {
        let mut content = column![].spacing(gap::SMALL);
        content = content.push(self.failure.as_ref().map(|error| alarm(failure::client(lang, error))));
        if let Some(undone) = &self.called_back {
            content = content.push(text(lang.text("called-back")).size(type_size::BODY));
            let own = self.session.client().user_id();
            let chats: Vec<_> = undone.iter().map(|chat| chat_name(lang, chat, own)).collect();
            let undone =
                (!chats.is_empty()).then(|| lang.with("called-back-undone", &[("chats", chats.join(", ").into())]));
            content = content.push(undone.map(alarm));
        }
        content = match &self.known {
            None => content.push(hint(lang.text("opening"))),
            Some(devices) => content.extend(devices.iter().map(|device| self.device(lang, device))),
        };
        content = match &self.step {
            Step::LettingIn(code) => content.push(letting_in(lang, code)),
            Step::Working => content.push(hint(lang.text("working"))),
            Step::Looking | Step::Going(_) | Step::Stolen(..) => {
                let typed: Typed<Message> = |code| Message::Code(Secret::new(code));
                let (name, code) = (lang.text("let-in-code"), self.code.expose());
                content
                    .push(secret_field(CODE, name, code, Some(typed), Message::CodeSubmitted))
                    .push(self.is_code_wrong.then(|| hint(lang.text("slip-code"))))
            }
        };
        section(lang.text("devices"), content)
    }

    fn device<'a>(&'a self, lang: Lang, device: &'a OwnDevice) -> Element<'a, Message> {
        let name = device.device_name.as_deref().map(foreign::line).filter(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| device.device_id.to_string());
        let mut about = vec![device.device_id.to_string()];
        about.extend(device.device_type.as_deref().map(foreign::line));
        about.extend(
            device.last_seen_at.as_deref().map(|at| lang.with("device-last-seen", &[("at", foreign::line(at).into())])),
        );
        let lines = column![text(name).size(type_size::BODY), hint(about.join(" · "))].width(Fill);
        let is_going = match &self.step {
            Step::Going(going) | Step::Stolen(going, _) => *going == device.device_id,
            _ => false,
        };
        let end: Element<'_, Message> = if device.current {
            hint(lang.text("this-device"))
        } else {
            let remove = button(text(lang.text("sign-out-device")).size(type_size::SMALL)).style(theme::quiet);
            remove.on_press_maybe((!is_going).then(|| Message::Remove(device.device_id.clone()))).into()
        };
        let mut content = column![row![lines, end].spacing(gap::SMALL)].spacing(gap::SMALL);
        content = content.push(device.waiting.then(|| alarm(lang.text("device-waits"))));
        content = content.push(device.unknown_to_server.then(|| alarm(lang.text("device-unknown"))));
        content = content.push(device.unseen.then(|| hint(lang.text("device-not-seen"))));
        content.push(is_going.then(|| self.going(lang))).into()
    }

    /// Whether somebody else has what is to go decides about how.
    fn going(&self, lang: Lang) -> Element<'_, Message> {
        let cancel = || button(text(lang.text("cancel"))).style(theme::quiet).on_press(Message::Cancelled);
        if let Step::Stolen(_, words) = &self.step {
            let typed: Typed<Message> = |words| Message::Words(Secret::new(words));
            let field =
                secret_field(WORDS, lang.text("twelve-words"), words.expose(), Some(typed), Message::WordsSubmitted);
            let call_back =
                button(text(lang.text("call-back"))).style(button::danger).on_press(Message::WordsSubmitted);
            let buttons = row![call_back, cancel()].spacing(gap::SMALL);
            return column![hint(lang.text("call-back-why")), field, buttons].spacing(gap::SMALL).into();
        }
        let buttons = row![
            button(text(lang.text("nobody-has-it"))).style(theme::quiet).on_press(Message::RemoveOwn),
            button(text(lang.text("somebody-has-it"))).style(button::danger).on_press(Message::RemoveStolen),
            cancel(),
        ];
        column![text(lang.text("was-it-stolen")).size(type_size::BODY), buttons.spacing(gap::SMALL)]
            .spacing(gap::SMALL)
            .into()
    }
}

/// What a chat is called where nothing is known of its heading.
fn chat_name(lang: Lang, chat: &ChatKind, own: &UserId) -> String {
    match recipient(chat, own) {
        Recipient::Group(group) => group_by_id(lang, &group),
        user @ Recipient::User(_) => name(lang, &user, None, own),
    }
}

fn letting_in<'a>(lang: Lang, code: &LinkCode) -> Element<'a, Message> {
    let filling = [
        ("device", code.device.device_id.as_str().to_owned().into()),
        ("kind", foreign::line(&code.device_type).into()),
    ];
    let buttons = row![
        button(text(lang.text("let-in"))).style(button::danger).on_press(Message::LetIn),
        button(text(lang.text("cancel"))).style(theme::quiet).on_press(Message::Cancelled),
    ];
    column![text(lang.with("let-in-sure", &filling)).size(type_size::BODY), buttons.spacing(gap::SMALL)]
        .spacing(gap::SMALL)
        .into()
}
