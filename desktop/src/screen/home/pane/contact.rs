//! A person: by which key they are known, and whether somebody has compared it.

use std::sync::Arc;

use iced::widget::{button, column, row, text};
use iced::{Element, Font, Task, font, task};
use privmsg_client::{Change, ChangedBy, Client, ClientError, ContactInfo, Device, Known, SafetyNumber, foreign};
use privmsg_protocol::UserId;

use super::{Action, Done, perform};
use crate::failure;
use crate::follow;
use crate::lang::Lang;
use crate::session::Session;
use crate::theme::{self, gap, type_size};
use crate::time;
use crate::widget::{alarm, hint, section};

/// Groups of digits in a line, as they are read aloud.
const IN_LINE: usize = 4;

/// See the module.
#[derive(Debug)]
pub(in crate::screen::home) struct Contact {
    session: Session,
    user: UserId,
    info: Option<Info>,
    failure: Option<Arc<ClientError>>,
    /// It cannot be read.
    trouble: Option<Arc<ClientError>>,
    _followed: task::Handle,
}

/// What is known of them.
#[derive(Debug, Clone)]
pub struct Info {
    /// None as long as no key is known.
    contact: Option<ContactInfo>,
    devices: Vec<Device>,
    groups: Vec<String>,
    is_blocked: bool,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// What is known is another thing.
    Told(Result<Info, Arc<ClientError>>),
    /// Something is to be done.
    Asked(Asked),
    /// It is done.
    Done(Done),
}

/// What is to be done. Each names the number that was seen.
#[derive(Debug, Clone)]
pub enum Asked {
    /// It was compared, and is the same.
    Verified(SafetyNumber),
    /// It was not compared after all.
    NotVerified,
    /// The new key is theirs.
    Accept(SafetyNumber),
    /// It is not.
    Refuse(SafetyNumber),
    /// They are not to be heard any more.
    Block,
    /// They are to be heard again.
    Unblock,
}

impl Info {
    async fn of(client: Client, user: UserId) -> Result<Self, ClientError> {
        let known = client.contacts().await?.into_iter().any(|contact| contact.user_id == user);
        let contact = if known { Some(client.contact(&user).await?) } else { None };
        Ok(Self {
            contact,
            devices: client.devices_of(&user).await?,
            groups: client.groups_with(&user).await?.into_iter().map(|(_, title)| foreign::line(&title)).collect(),
            is_blocked: client.is_blocked(&user).await?,
        })
    }
}

impl Contact {
    pub(super) fn new(session: Session, user: UserId) -> (Self, Task<Message>) {
        let whom = user.clone();
        let concerns = |change: &Change| matches!(change, Change::Contact(_) | Change::Holds | Change::Chat(_));
        let told = follow::looks(session.clone(), concerns, move |client| Info::of(client, whom.clone()));
        let (task, handle) = Task::run(told, Message::Told).abortable();
        (Self { session, user, info: None, failure: None, trouble: None, _followed: handle.abort_on_drop() }, task)
    }

    pub(super) fn update(&mut self, message: Message) -> Action<Message> {
        match message {
            Message::Told(Ok(info)) => (self.info, self.trouble) = (Some(info), None),
            Message::Told(Err(error)) => self.trouble = Some(error),
            Message::Done(Err(error)) => self.failure = Some(error),
            Message::Asked(asked) => {
                self.failure = None;
                let user = self.user.clone();
                let work = |client: Client| async move {
                    match asked {
                        Asked::Verified(seen) => client.mark_verified(&user, &seen).await,
                        Asked::NotVerified => client.unmark_verified(&user).await,
                        Asked::Accept(seen) => client.accept_identity_change(&user, &seen).await.map(drop),
                        Asked::Refuse(seen) => client.refuse_identity_change(&user, &seen).await.map(drop),
                        Asked::Block => client.block(&user).await,
                        Asked::Unblock => client.unblock(&user).await,
                    }
                };
                return Action::Run(perform(&self.session, work, Message::Done));
            }
            Message::Done(Ok(())) => {}
        }
        Action::none()
    }

    pub(super) fn title(&self) -> String {
        self.user.to_string()
    }

    pub(super) fn view(&self, lang: Lang) -> Element<'_, Message> {
        let mut content = column![].spacing(gap::MEDIUM);
        content =
            content.extend(self.trouble.iter().chain(&self.failure).map(|error| alarm(failure::client(lang, error))));
        let Some(info) = &self.info else { return content.push(hint(lang.text("opening"))).into() };
        content = match &info.contact {
            None => content.push(hint(lang.text("no-key-yet"))),
            Some(contact) => content.extend(self.number(lang, contact)),
        };
        if !info.devices.is_empty() {
            let devices = info.devices.iter().map(|device| {
                let since = i64::try_from(device.added_at).unwrap_or(i64::MAX).saturating_mul(1000);
                let filling =
                    [("device", device.device_id.as_str().to_owned().into()), ("at", time::date(since).into())];
                text(lang.with("device-since", &filling)).size(type_size::BODY).into()
            });
            content = content.push(section(lang.text("their-devices"), column(devices).spacing(gap::TINY)));
        }
        if !info.groups.is_empty() {
            let groups = text(info.groups.join(", ")).size(type_size::BODY);
            content = content.push(section(lang.text("groups-with"), groups));
        }
        let (name, style, asked): (_, fn(&_, _) -> _, _) = if info.is_blocked {
            ("unblock", theme::quiet, Asked::Unblock)
        } else {
            ("block", button::danger, Asked::Block)
        };
        content.push(button(text(lang.text(name))).style(style).on_press(Message::Asked(asked))).into()
    }

    fn number<'a>(&self, lang: Lang, contact: &'a ContactInfo) -> Vec<Element<'a, Message>> {
        let user = || [("user", self.user.as_str().to_owned().into())];
        if let Some(changed) = &contact.changed {
            let why = match contact.changed_by.as_ref().unwrap_or(&ChangedBy::Seen) {
                ChangedBy::Seen => lang.with("key-changed", &user()),
                ChangedBy::Link | ChangedBy::InPerson => lang.with("link-differs", &user()),
                ChangedBy::Device(device) => {
                    let [name] = user();
                    lang.with("known-otherwise", &[name, ("device", device.as_str().to_owned().into())])
                }
            };
            let before = if contact.known() == Known::Verified { "number-verified-before" } else { "number-before" };
            let answers = row![
                button(text(lang.text("accept-change"))).on_press(Message::Asked(Asked::Accept(changed.clone()))),
                button(text(lang.text("refuse-change")))
                    .style(button::danger)
                    .on_press(Message::Asked(Asked::Refuse(changed.clone()))),
            ];
            return vec![
                alarm(why),
                section(lang.text("number-new"), digits(changed)),
                section(lang.text(before), digits(&contact.safety_number)),
                hint(lang.with("compare-why", &user())),
                answers.spacing(gap::SMALL).into(),
            ];
        }
        let mut content = vec![section(lang.text("safety-number"), digits(&contact.safety_number))];
        let (known, name, asked) = match contact.known() {
            Known::Verified => ("is-verified", "not-verified", Asked::NotVerified),
            Known::ByLink => ("is-by-link", "mark-verified", Asked::Verified(contact.safety_number.clone())),
            Known::SeenFirst => ("is-seen-first", "mark-verified", Asked::Verified(contact.safety_number.clone())),
        };
        content.push(text(lang.with(known, &user())).size(type_size::BODY).into());
        content.push(hint(lang.with("compare-why", &user())));
        content.push(button(text(lang.text(name))).style(theme::quiet).on_press(Message::Asked(asked)).into());
        for refused in &contact.refused {
            let accept = button(text(lang.text("accept-refused"))).style(button::danger);
            let accept = accept.on_press(Message::Asked(Asked::Accept(refused.clone())));
            content.push(section(lang.text("number-refused"), column![digits(refused), accept].spacing(gap::SMALL)));
        }
        content
    }
}

/// A safety number in lines.
fn digits<'a, Message: 'a>(number: &SafetyNumber) -> Element<'a, Message> {
    let number = number.to_string();
    let groups: Vec<_> = number.split(' ').collect();
    let lines: Vec<_> = groups.chunks(IN_LINE).map(|line| line.join("  ")).collect();
    let font = Font { weight: font::Weight::Semibold, ..Font::MONOSPACE };
    text(lines.join("\n")).size(type_size::HEADING).font(font).into()
}
