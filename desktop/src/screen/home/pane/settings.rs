//! What the user has chosen, about themselves and this device.

use std::sync::Arc;

use iced::widget::{button, column, row, text, toggler};
use iced::{Center, Element, Fill, Task, clipboard, task};
use privmsg_client::{Change, Client, ClientError, Setting};
use privmsg_protocol::UserId;

use super::devices::{self, Devices};
use super::lock::{self, Lock};
use super::{Action, Done, choice, perform};
use crate::failure;
use crate::follow;
use crate::lang::Lang;
use crate::looks::{Looks, Shade};
use crate::session::Session;
use crate::theme::{self, gap, type_size};
use crate::widget::{alarm, hint, qr_code, section};

/// See the module.
#[derive(Debug)]
pub(in crate::screen::home) struct Settings {
    session: Session,
    looks: Looks,
    info: Option<Info>,
    devices: Devices,
    lock: Lock,
    is_leaving: bool,
    failure: Option<Arc<ClientError>>,
    /// It cannot be read.
    trouble: Option<Arc<ClientError>>,
    _followed: task::Handle,
}

/// What is known.
#[derive(Debug, Clone)]
pub struct Info {
    settings: [bool; Setting::ALL.len()],
    link: String,
    blocked: Vec<UserId>,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// What is known is another thing.
    Told(Result<Info, Arc<ClientError>>),
    /// The window is to speak another language.
    Lang(Lang),
    /// It is to be light, or dark.
    Shade(Shade),
    /// Whether somebody who does not look is told that something has come.
    Notifies(bool),
    /// And not what.
    Hides(bool),
    /// What others are told.
    Set(usize, bool),
    /// The link to oneself is to be copied.
    CopyLink(String),
    /// Somebody is to be heard again.
    Unblock(UserId),
    /// Among the devices.
    Devices(devices::Message),
    /// About the passphrase.
    Lock(lock::Message),
    /// This device is to be signed out, if that is meant.
    SignOut,
    /// It is meant.
    SignOutSure,
    /// It is not.
    SignOutNotSure,
    /// It is done.
    Done(Done),
}

impl Info {
    async fn of(client: Client) -> Result<Self, ClientError> {
        let mut settings = [false; Setting::ALL.len()];
        for (setting, is_on) in Setting::ALL.into_iter().zip(&mut settings) {
            *is_on = client.setting(setting).await?;
        }
        let link = client.contact_link().await?.to_string();
        let blocked = client.blocked().await?.into_iter().map(|blocked| blocked.user_id).collect();
        Ok(Self { settings, link, blocked })
    }
}

impl Settings {
    pub(super) fn new(session: Session, looks: Looks) -> (Self, Task<Message>) {
        let concerns = |change: &Change| matches!(change, Change::Setting(_) | Change::Contact(_) | Change::Account);
        let told = follow::looks(session.clone(), concerns, Info::of);
        let (task, handle) = Task::run(told, Message::Told).abortable();
        let (devices, look) = Devices::new(session.clone());
        let (lock, look_for_key) = Lock::new(session.clone());
        let pane = Self {
            session,
            looks,
            info: None,
            devices,
            lock,
            is_leaving: false,
            failure: None,
            trouble: None,
            _followed: handle.abort_on_drop(),
        };
        (pane, Task::batch([task, look.map(Message::Devices), look_for_key.map(Message::Lock)]))
    }

    pub(super) fn update(&mut self, message: Message) -> Action<Message> {
        match message {
            Message::Told(Ok(info)) => (self.info, self.trouble) = (Some(info), None),
            Message::Told(Err(error)) => self.trouble = Some(error),
            Message::Done(Err(error)) => self.failure = Some(error),
            Message::Lang(lang) => {
                self.looks.lang = Some(lang);
                return Action::Look(self.looks);
            }
            Message::Shade(shade) => {
                self.looks.shade = shade;
                return Action::Look(self.looks);
            }
            Message::Notifies(is_on) => {
                self.looks.notifies = is_on;
                return Action::Look(self.looks);
            }
            Message::Hides(is_on) => {
                self.looks.hides_content = is_on;
                return Action::Look(self.looks);
            }
            Message::Set(at, is_on) => {
                let Some(setting) = Setting::ALL.get(at).copied() else { return Action::none() };
                if let Some(shown) = self.info.as_mut().and_then(|info| info.settings.get_mut(at)) {
                    *shown = is_on;
                }
                return self.does(|client| async move { client.set(setting, is_on).await });
            }
            Message::CopyLink(link) => return Action::Run(clipboard::write(link)),
            Message::Unblock(user) => return self.does(|client| async move { client.unblock(&user).await }),
            Message::Devices(message) => return Action::Run(self.devices.update(message).map(Message::Devices)),
            Message::Lock(lock::Message::Now) => return Action::Lock,
            Message::Lock(lock::Message::After(minutes)) => {
                self.looks.lock_after = minutes;
                return Action::Look(self.looks);
            }
            Message::Lock(message) => return Action::Run(self.lock.update(message).map(Message::Lock)),
            Message::SignOut => self.is_leaving = true,
            Message::SignOutNotSure => self.is_leaving = false,
            Message::SignOutSure => {
                self.is_leaving = false;
                return self.does(|client| async move { client.logout().await });
            }
            Message::Done(Ok(())) => {}
        }
        Action::none()
    }

    fn does<F>(&mut self, work: impl FnOnce(Client) -> F) -> Action<Message>
    where
        F: Future<Output = Result<(), ClientError>> + Send + 'static,
    {
        self.failure = None;
        Action::Run(perform(&self.session, work, Message::Done))
    }

    pub(super) fn view(&self, lang: Lang) -> Element<'_, Message> {
        let mut content = column![].spacing(gap::LARGE);
        content =
            content.extend(self.trouble.iter().chain(&self.failure).map(|error| alarm(failure::client(lang, error))));
        let langs = Lang::ALL.map(|one| choice(one.name(), one == lang, Message::Lang(one)));
        let shades =
            Shade::ALL.map(|one| choice(lang.text(shade_name(one)), one == self.looks.shade, Message::Shade(one)));
        content = content.push(section(lang.text("language"), row(langs).spacing(gap::SMALL)));
        content = content.push(section(lang.text("shade"), row(shades).spacing(gap::SMALL)));
        let told = column![
            switch(lang.text("notifies"), self.looks.notifies, Message::Notifies),
            switch(lang.text("hides-content"), self.looks.hides_content, Message::Hides),
        ];
        content = content.push(section(lang.text("notifications"), told.spacing(gap::SMALL)));
        if let Some(info) = &self.info {
            let names = ["setting-read-receipts", "setting-presence", "setting-typing"];
            let settings = names
                .into_iter()
                .zip(info.settings)
                .enumerate()
                .map(|(at, (name, is_on))| switch(lang.text(name), is_on, move |is_on| Message::Set(at, is_on)));
            content = content.push(section(lang.text("privacy"), column(settings).spacing(gap::SMALL)));
            content = content.push(own_link(lang, &info.link));
            content = content.push((!info.blocked.is_empty()).then(|| blocked(lang, &info.blocked)));
        }
        let lock = self.lock.view(lang, self.looks.lock_after);
        content = content.push(lock.map(|lock| lock.map(Message::Lock)));
        content = content.push(self.devices.view(lang).map(Message::Devices));
        content.push(self.leaving(lang)).push(about(lang)).into()
    }

    fn leaving(&self, lang: Lang) -> Element<'_, Message> {
        if !self.is_leaving {
            return button(text(lang.text("sign-out"))).style(button::danger).on_press(Message::SignOut).into();
        }
        let buttons = row![
            button(text(lang.text("sign-out"))).style(button::danger).on_press(Message::SignOutSure),
            button(text(lang.text("cancel"))).style(theme::quiet).on_press(Message::SignOutNotSure),
        ];
        column![text(lang.text("sign-out-sure")).size(type_size::BODY), buttons.spacing(gap::SMALL)]
            .spacing(gap::SMALL)
            .into()
    }
}

fn switch<'a>(name: String, is_on: bool, then: impl Fn(bool) -> Message + 'a) -> Element<'a, Message> {
    let toggler = toggler(is_on).on_toggle(then);
    row![text(name).size(type_size::BODY).width(Fill), toggler].align_y(Center).into()
}

fn own_link<'a>(lang: Lang, link: &'a str) -> Element<'a, Message> {
    let copy = button(text(lang.text("copy")).size(type_size::SMALL)).style(theme::quiet);
    let content = column![
        hint(lang.text("own-link-why")),
        text(link).size(type_size::SMALL).wrapping(text::Wrapping::Glyph),
        copy.on_press(Message::CopyLink(link.to_owned())),
    ];
    section(lang.text("own-link"), content.push(qr_code(link)).spacing(gap::SMALL))
}

fn blocked<'a>(lang: Lang, users: &'a [UserId]) -> Element<'a, Message> {
    let lines = users.iter().map(|user| {
        let unblock = button(text(lang.text("unblock")).size(type_size::SMALL)).style(theme::quiet);
        let name = text(user.as_str()).size(type_size::BODY).width(Fill);
        row![name, unblock.on_press(Message::Unblock(user.clone()))].align_y(Center).into()
    });
    section(lang.text("blocked"), column(lines).spacing(gap::TINY))
}

fn about<'a>(lang: Lang) -> Element<'a, Message> {
    hint(lang.with("about", &[("version", env!("CARGO_PKG_VERSION").into())]))
}

const fn shade_name(shade: Shade) -> &'static str {
    match shade {
        Shade::System => "shade-system",
        Shade::Light => "shade-light",
        Shade::Dark => "shade-dark",
    }
}
