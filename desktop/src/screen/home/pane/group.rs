//! A group: who is in it, and what one may change.

use std::sync::Arc;

use iced::widget::{button, column, row, text};
use iced::{Center, Element, Fill, Task, task};
use privmsg_client::{
    Change, ChatId, Client, ClientError, GroupPerson, GroupView, HeldGroup, Recipient, Role, foreign,
};
use privmsg_protocol::{ConversationId, UserId};

use super::{Action, Done, new_group, perform};
use crate::failure;
use crate::follow;
use crate::lang::Lang;
use crate::session::Session;
use crate::theme::{self, gap, type_size};
use crate::widget::{Typed, alarm, field, hint, section};

const TITLE: &str = "new-title";
const PEOPLE: &str = "add-people";

/// See the module.
#[derive(Debug)]
pub(in crate::screen::home) struct Group {
    session: Session,
    info: Option<Box<Info>>,
    title: String,
    people: String,
    slip: Option<String>,
    /// What is done only once it was said twice.
    sure: Option<Asked>,
    failure: Option<Arc<ClientError>>,
    /// It cannot be read.
    trouble: Option<Arc<ClientError>>,
    _followed: task::Handle,
}

/// What is known of it.
#[derive(Debug, Clone)]
pub struct Info {
    view: GroupView,
    held: Option<HeldGroup>,
    is_to_name_another_owner: bool,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Message {
    /// What is known is another thing.
    Told(Result<Option<Box<Info>>, Arc<ClientError>>),
    /// A new title is being typed.
    Title(String),
    /// It is typed.
    TitleSubmitted,
    /// Who is to come is being typed.
    People(String),
    /// It is typed.
    PeopleSubmitted,
    /// Something is to be done, if that is meant.
    Wanted(Asked),
    /// It is meant.
    Sure,
    /// It is not.
    NotSure,
    /// It is done.
    Done(Done),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Somebody is to be something else.
    Role(UserId, Role),
    /// Somebody is to go.
    Remove(UserId),
    /// One leaves; where one is the last owner, to whom it goes.
    Leave(Option<UserId>),
}

impl Info {
    async fn of(client: Client, group: ConversationId) -> Result<Option<Box<Self>>, ClientError> {
        let Some(chat) = client.chat_with(&Recipient::Group(group)).await? else { return Ok(None) };
        let view = match client.group(chat).await {
            Err(ClientError::NoSuchGroup(_)) => return Ok(None),
            view => view?,
        };
        let held = client.held_group(chat).await?;
        let is_to_name_another_owner = client.is_to_name_another_owner(chat).await?;
        Ok(Some(Box::new(Self { view, held, is_to_name_another_owner })))
    }

    fn role(&self, user: &UserId) -> Option<Role> {
        self.view.people.iter().find(|person| person.user_id == *user).map(|person| person.role)
    }

    /// Whether somebody would leave it without an owner.
    fn is_last_owner(&self, user: &UserId) -> bool {
        let owners = self.view.people.iter().filter(|person| person.role == Role::Owner);
        self.role(user) == Some(Role::Owner) && owners.count() == 1 && self.view.people.len() > 1
    }
}

impl Group {
    pub(super) fn new(session: Session, group: ConversationId) -> (Self, Task<Message>) {
        let concerns = |change: &Change| matches!(change, Change::Chat(_) | Change::Holds | Change::Contact(_));
        let told = follow::looks(session.clone(), concerns, move |client| Info::of(client, group));
        let (task, handle) = Task::run(told, Message::Told).abortable();
        let pane = Self {
            session,
            info: None,
            title: String::new(),
            people: String::new(),
            slip: None,
            sure: None,
            failure: None,
            trouble: None,
            _followed: handle.abort_on_drop(),
        };
        (pane, task)
    }

    pub(super) fn update(&mut self, message: Message) -> Action<Message> {
        match message {
            Message::Told(Ok(info)) => (self.info, self.trouble) = (info, None),
            Message::Told(Err(error)) => self.trouble = Some(error),
            Message::Done(Err(error)) => self.failure = Some(error),
            Message::Title(title) => self.title = title,
            Message::People(people) => (self.people, self.slip) = (people, None),
            Message::TitleSubmitted => {
                let title = std::mem::take(&mut self.title);
                return self
                    .does(|client, chat| async move { client.set_group_title(chat, title.trim()).await.map(drop) });
            }
            Message::PeopleSubmitted => match new_group::people(&self.people) {
                Ok(users) if users.is_empty() => {}
                Ok(users) => {
                    self.people.clear();
                    return self.does(|client, chat| async move { client.add_to_group(chat, &users).await.map(drop) });
                }
                Err(slip) => self.slip = Some(slip),
            },
            Message::Wanted(asked) => self.sure = Some(asked),
            Message::NotSure => self.sure = None,
            Message::Sure => {
                let Some(asked) = self.sure.take() else { return Action::none() };
                return self.does(|client, chat| async move {
                    match asked {
                        Asked::Role(user, role) => client.set_role(chat, &user, role).await.map(drop),
                        Asked::Remove(user) => client.remove_from_group(chat, &[user]).await.map(drop),
                        Asked::Leave(successor) => client.leave_group(chat, successor).await.map(drop),
                    }
                });
            }
            Message::Done(Ok(())) => {}
        }
        Action::none()
    }

    fn does<F>(&mut self, work: impl FnOnce(Client, ChatId) -> F) -> Action<Message>
    where
        F: Future<Output = Result<(), ClientError>> + Send + 'static,
    {
        self.failure = None;
        let Some(chat) = self.info.as_ref().map(|info| info.view.chat) else { return Action::none() };
        Action::Run(perform(&self.session, |client| work(client, chat), Message::Done))
    }

    pub(super) fn title(&self, lang: Lang) -> String {
        match self.info.as_ref().map(|info| foreign::line(&info.view.title)) {
            Some(title) if !title.is_empty() => title,
            Some(_) | None => lang.text("untitled"),
        }
    }

    pub(super) fn view(&self, lang: Lang) -> Element<'_, Message> {
        let mut content = column![].spacing(gap::MEDIUM);
        content =
            content.extend(self.trouble.iter().chain(&self.failure).map(|error| alarm(failure::client(lang, error))));
        let Some(info) = &self.info else { return content.push(hint(lang.text("no-group-yet"))).into() };
        content = content.extend(alarms(lang, info).into_iter().map(alarm));
        if info.view.waiting > 0 {
            content = content.push(hint(lang.with("changes-wait", &[("count", info.view.waiting.into())])));
        }
        let own = self.session.client().user_id();
        let role = info.role(own).filter(|_| info.view.gone.is_none());
        let people = info.view.people.iter().map(|person| self.person(lang, person, own, role));
        content = content.push(section(lang.text("people"), column(people).spacing(gap::SMALL)));
        let Some(role) = role else { return content.into() };
        if role > Role::Member {
            let (typed, typed_title): (Typed<Message>, Typed<Message>) = (Message::People, Message::Title);
            content = content
                .push(field(PEOPLE, lang.text("add-people"), &self.people, Some(typed), Message::PeopleSubmitted))
                .push(
                    self.slip
                        .as_ref()
                        .map(|name| hint(lang.with("slip-user-of", &[("user", foreign::line(name).into())]))),
                )
                .push(field(TITLE, lang.text("new-title"), &self.title, Some(typed_title), Message::TitleSubmitted));
        }
        content.push(self.leaving(lang, info, own)).into()
    }

    fn person<'a>(&self, lang: Lang, person: &GroupPerson, own: &UserId, role: Option<Role>) -> Element<'a, Message> {
        let name = text(person.user_id.to_string()).size(type_size::BODY).width(Fill);
        let mut line = row![name, hint(lang.text(role_name(person.role)))].spacing(gap::SMALL).align_y(Center);
        let may = |least: Role| role >= Some(least) && person.user_id != *own;
        if self.sure.as_ref().is_some_and(|asked| asked.concerns(&person.user_id)) {
            return column![line, self.are_you_sure(lang)].spacing(gap::TINY).into();
        }
        let mut offers = Vec::new();
        if may(Role::Owner) {
            let others = [Role::Member, Role::Admin, Role::Owner].into_iter().filter(|role| *role != person.role);
            offers.extend(others.map(|role| (make_name(role), Asked::Role(person.user_id.clone(), role))));
        }
        if may(Role::Owner) || may(Role::Admin) && person.role == Role::Member {
            offers.push(("remove", Asked::Remove(person.user_id.clone())));
        }
        for (name, asked) in offers {
            let name = text(lang.text(name)).size(type_size::SMALL);
            let offer = button(name).padding([gap::TINY, gap::SMALL]).style(theme::quiet);
            line = line.push(offer.on_press(Message::Wanted(asked)));
        }
        let other = person.other_identity.then(|| {
            alarm(lang.with("person-under-another-key", &[("user", person.user_id.as_str().to_owned().into())]))
        });
        column![line].push(other).spacing(gap::TINY).into()
    }

    fn leaving<'a>(&self, lang: Lang, info: &Info, own: &UserId) -> Element<'a, Message> {
        if matches!(self.sure, Some(Asked::Leave(_))) {
            return self.are_you_sure(lang);
        }
        let leave = |name: String, to: Option<UserId>| {
            button(text(name)).style(button::danger).on_press(Message::Wanted(Asked::Leave(to))).into()
        };
        if !info.is_last_owner(own) {
            return leave(lang.text("leave"), None);
        }
        let others = info.view.people.iter().filter(|person| person.user_id != *own);
        let to = others.map(|person| {
            let name = lang.with("leave-to", &[("user", person.user_id.as_str().to_owned().into())]);
            leave(name, Some(person.user_id.clone()))
        });
        section(lang.text("leave-last-owner"), column(to).spacing(gap::TINY))
    }

    fn are_you_sure<'a>(&self, lang: Lang) -> Element<'a, Message> {
        let said = match &self.sure {
            Some(Asked::Role(user, role)) => {
                let role = lang.text(role_name(*role));
                lang.with("sure-role", &[("user", user.as_str().to_owned().into()), ("role", role.into())])
            }
            Some(Asked::Remove(user)) => lang.with("sure-remove", &[("user", user.as_str().to_owned().into())]),
            Some(Asked::Leave(_)) | None => lang.text("sure-leave"),
        };
        let answers = row![
            button(text(lang.text("yes"))).style(button::danger).on_press(Message::Sure),
            button(text(lang.text("cancel"))).style(theme::quiet).on_press(Message::NotSure),
        ];
        column![text(said).size(type_size::BODY), answers.spacing(gap::SMALL)].spacing(gap::TINY).into()
    }
}

impl Asked {
    fn concerns(&self, user: &UserId) -> bool {
        match self {
            Self::Role(whom, _) | Self::Remove(whom) => whom == user,
            Self::Leave(_) => false,
        }
    }
}

/// What keeps the group from being written to, or from being one.
fn alarms(lang: Lang, info: &Info) -> Vec<String> {
    let mut said = Vec::new();
    if info.view.is_split {
        said.push(lang.text("group-split"));
    }
    if info.is_to_name_another_owner {
        said.push(lang.text("name-another-owner"));
    }
    let Some(held) = &info.held else { return said };
    let names = |users: &[UserId]| users.iter().map(UserId::as_str).collect::<Vec<_>>().join(", ");
    for (id, users) in
        [("held-to-decide", &held.to_decide), ("held-refused", &held.refused), ("held-others", &held.others)]
    {
        if !users.is_empty() {
            said.push(lang.with(id, &[("users", names(users).into())]));
        }
    }
    if !held.may_renew && !held.can_renew.is_empty() {
        let users: Vec<_> = held.can_renew.iter().map(|(user, _)| user.clone()).collect();
        said.push(lang.with("held-who-can", &[("users", names(&users).into())]));
    }
    said
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Member => "role-member",
        Role::Admin => "role-admin",
        Role::Owner => "role-owner",
    }
}

const fn make_name(role: Role) -> &'static str {
    match role {
        Role::Member => "make-member",
        Role::Admin => "make-admin",
        Role::Owner => "make-owner",
    }
}
