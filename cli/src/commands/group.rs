//! `privmsg group …`: groups of people.

use privmsg_client::{
    AskedChange, ChangeError, ChatId, Client, ClientError, Event, GroupPerson, GroupView, Recipient, Role, Seat,
    SuspendedDevice,
};
use privmsg_protocol::UserId;
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use crate::args::GroupCommand;
use crate::chat_name::{GroupName, name_of, short};
use crate::failure::Failure;
use crate::foreign;
use crate::lang::Lang;
use crate::output::Style;

use super::connected::Connected;
use super::waiting::{LONGEST, Waiting};
use super::{Session, time, with_session};

/// What `--json` says of a group that was made.
#[derive(Serialize)]
struct MadeObject<'a> {
    group: &'a str,
}

/// What `--json` says of a group.
#[derive(Serialize)]
struct GroupObject<'a> {
    group: &'a str,
    title: &'a str,
    people: Vec<PersonObject<'a>>,
    /// `left`, `removed` or `unknown`; nothing while one takes part.
    #[serde(skip_serializing_if = "Option::is_none")]
    gone: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    split: bool,
    #[serde(skip_serializing_if = "is_zero")]
    waiting_changes: usize,
    /// Devices that change nothing here for a while.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suspended: Vec<SuspendedObject<'a>>,
}

#[derive(Serialize)]
struct SuspendedObject<'a> {
    user_id: &'a str,
    device_id: &'a str,
    /// Milliseconds since 1970.
    until: i64,
}

#[derive(Serialize)]
struct PersonObject<'a> {
    user_id: &'a str,
    role: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    other_identity: bool,
}

impl<'a> SuspendedObject<'a> {
    fn of(device: &'a SuspendedDevice) -> Self {
        let SuspendedDevice { user_id, device_id, until_ms } = device;
        Self { user_id: user_id.as_str(), device_id: device_id.as_str(), until: *until_ms }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

pub(super) async fn run(session: &Session<'_>, command: GroupCommand) -> Result<(), Failure> {
    if let GroupCommand::Create { title, users } = command {
        return create(session, &title, &users).await;
    }
    let mut connected = Connected::open(session, None).await?;
    let (group, toward) = (command.group().cloned(), Toward::of(&command));
    let result = match (do_or_show(session, &mut connected, command).await, group) {
        (Err(Failure::Client(ClientError::GroupChange(ChangeError::NotAllowed))), Some(group)) => {
            Err(who_may(session, &connected.client, &group, &toward).await)
        }
        (result, _) => result,
    };
    connected.end(session, result).await
}

async fn do_or_show(session: &Session<'_>, connected: &mut Connected, command: GroupCommand) -> Result<(), Failure> {
    let client = connected.client.clone();
    if !matches!(command, GroupCommand::Info { .. }) && client.waits_to_be_let_in().await? {
        return Err(ClientError::NotListed.into());
    }
    match command {
        GroupCommand::Create { title, users } => create(session, &title, &users).await,
        GroupCommand::Info { group } => {
            let chat = found(session, &client, &group).await?;
            connected.say_how_old(session);
            // What only the server knows is left out where it cannot be asked.
            let suspended = match connected.is_new() {
                true => with_session(&client, || client.suspended_devices(chat)).await.unwrap_or_default(),
                false => Vec::new(),
            };
            show(session, &present(&client, chat).await?, &suspended)?;
            urge(session, &client, chat).await
        }
        GroupCommand::Title { group, title } => {
            let chat = found(session, &client, &group).await?;
            match client.set_group_title(chat, &title).await {
                Err(ClientError::Unchanged) => session.output.remark(&session.lang().unchanged()),
                said => Waiting::new(session, &client, said?, None).connected(connected).await?,
            }
            report(session, &client, chat).await
        }
        GroupCommand::Add { group, users } => {
            let chat = found(session, &client, &group).await?;
            let (mut there, _) = who_is_there(&client, chat, &users).await?;
            // Whoever stands there under another identity is let in anew.
            let people = client.group(chat).await?.people;
            let lost = roles_lost(&people, &users);
            there.retain(|user| !people.iter().any(|person| person.user_id == *user && person.other_identity));
            let asked = with_session(&client, || client.add_to_group(chat, &users)).await;
            if matches!(asked, Err(Failure::Client(ClientError::Network(_)))) && !session.output.is_json() {
                // What else is asked for is kept until there is a connection.
                session.output.remark(&session.lang().nobody_was_added());
            }
            let asked = asked?;
            changed(session, connected, chat, asked).await?;
            say_of(session, &there, Lang::is_in_already);
            let id = name_of(&client.group(chat).await?.conversation);
            for (user, role) in lost.iter().filter(|_| !session.output.is_json()) {
                let (role, name) = (session.lang().role(*role), role_name(*role));
                session.output.remark(&session.lang().role_is_lost(user.as_str(), role, name, short(&id)));
            }
            Ok(())
        }
        GroupCommand::Remove { group, users } => {
            let chat = found(session, &client, &group).await?;
            if users.contains(client.user_id()) {
                let id = name_of(&client.group(chat).await?.conversation);
                return Err(Failure::Usage(session.lang().leave_instead(short(&id))));
            }
            let (there, absent) = who_is_there(&client, chat, &users).await?;
            let asked = client.remove_from_group(chat, &there).await?;
            changed(session, connected, chat, asked).await?;
            if absent.is_empty() { Ok(()) } else { Err(Failure::NotThere { absent, others: !there.is_empty() }) }
        }
        GroupCommand::Role { group, user, role } => {
            let chat = found(session, &client, &group).await?;
            let people = client.group(chat).await?.people;
            let is_so = people.iter().any(|person| person.user_id == user && person.role == role);
            let asked = client.set_role(chat, &user, role).await?;
            changed(session, connected, chat, asked).await?;
            if is_so {
                session.output.remark(&session.lang().has_role_already(user.as_str(), session.lang().role(role)));
            }
            Ok(())
        }
        GroupCommand::Leave { group, successor } => {
            let chat = found(session, &client, &group).await?;
            let asked = client.leave_group(chat, successor).await?;
            changed(session, connected, chat, asked).await
        }
    }
}

/// Owners and admins who are let in anew, under another key: they come as members.
fn roles_lost(people: &[GroupPerson], users: &[UserId]) -> Vec<(UserId, Role)> {
    let lost = people
        .iter()
        .filter(|person| person.other_identity && person.role > Role::Member && users.contains(&person.user_id));
    lost.map(|person| (person.user_id.clone(), person.role)).collect()
}

/// Whom a change is about, as far as that decides who may make it.
enum Toward {
    Roles,
    People(Vec<UserId>),
}

impl Toward {
    fn of(command: &GroupCommand) -> Self {
        match command {
            GroupCommand::Role { .. } => Self::Roles,
            GroupCommand::Remove { users, .. } => Self::People(users.clone()),
            _ => Self::People(Vec::new()),
        }
    }

    /// The least role with which it may be made.
    fn needs(&self, people: &[GroupPerson]) -> Role {
        let has_role = |user: &UserId| people.iter().any(|one| one.user_id == *user && one.role > Role::Member);
        match self {
            Self::Roles => Role::Owner,
            Self::People(users) if users.iter().any(has_role) => Role::Owner,
            Self::People(_) => Role::Admin,
        }
    }
}

/// The user may not do it: who may.
async fn who_may(session: &Session<'_>, client: &Client, group: &GroupName, toward: &Toward) -> Failure {
    let people = async {
        let chat = found(session, client, group).await?;
        Ok::<_, Failure>(client.group(chat).await?.people)
    };
    let mut people = people.await.unwrap_or_default();
    let least = toward.needs(&people);
    people.retain(|person| person.role >= least);
    Failure::NotAllowedInGroup(people.into_iter().map(|person| person.user_id).collect())
}

/// Those who take part in a group, and those who do not.
async fn who_is_there(client: &Client, chat: ChatId, users: &[UserId]) -> Result<(Vec<UserId>, Vec<UserId>), Failure> {
    let people = client.group(chat).await?.people;
    Ok(users.iter().cloned().partition(|user| people.iter().any(|person| person.user_id == *user)))
}

fn say_of(session: &Session<'_>, users: &[UserId], sentence: impl Fn(Lang, &str) -> String) {
    for user in users {
        session.output.remark(&sentence(session.lang(), user.as_str()));
    }
}

async fn create(session: &Session<'_>, title: &str, users: &[UserId]) -> Result<(), Failure> {
    let output = session.output;
    let client = session.signals.unless_interrupted(session.open_signed_in()).await?;
    let chat = with_session(&client, || client.create_group(title, users)).await?;
    let group = client.group(chat).await?;
    let id = name_of(&group.conversation);
    // It is there whatever becomes of the waiting.
    if output.is_json() {
        output.object(&MadeObject { group: &id })?;
    }
    let mut seat = Seat::take(&client)?;
    if !seat.is_ours() && output.is_watched() {
        output.note(&session.lang().other_process());
    }
    let made = until_done(session, &client, &mut seat, client.wait_group_made(chat)).await;
    seat.leave().await;
    made?;
    if !output.is_json() {
        output.text(&session.lang().group_created(&foreign::line(&group.title), short(&id)))?;
    }
    urge(session, &client, chat).await
}

/// Tells the only owner of a group, once, that there should be another one.
async fn urge(session: &Session<'_>, client: &Client, chat: ChatId) -> Result<(), Failure> {
    if !session.output.is_json() && client.is_to_name_another_owner(chat).await? {
        let id = name_of(&client.group(chat).await?.conversation);
        session.output.remark(&session.lang().only_owner(short(&id)));
    }
    Ok(())
}

async fn found(session: &Session<'_>, client: &Client, group: &GroupName) -> Result<ChatId, Failure> {
    let conversation = group.find(client, session.lang()).await?;
    let chat = client.chat_with(&Recipient::Group(conversation)).await?;
    Ok(chat.ok_or_else(|| ClientError::NoSuchGroup(group.0.clone()))?)
}

/// Waits until everything that was asked for has been done, and shows the group as it is then.
async fn changed(
    session: &Session<'_>,
    connected: &mut Connected,
    chat: ChatId,
    asked: Vec<AskedChange>,
) -> Result<(), Failure> {
    let client = connected.client.clone();
    let all = async {
        for change in asked {
            client.wait_group_changed(change).await?;
        }
        Ok(())
    };
    until_done(session, &client, &mut connected.seat, all).await?;
    report(session, &client, chat).await
}

/// Waits while the engine runs, here or in another process.
async fn until_done(
    session: &Session<'_>,
    client: &Client,
    seat: &mut Seat,
    work: impl Future<Output = Result<(), ClientError>>,
) -> Result<(), Failure> {
    let mut events = client.events();
    let (mut work, late) = (std::pin::pin!(work), Instant::now() + LONGEST);
    let mut said = None;
    loop {
        tokio::select! {
            biased;
            exit = session.signals.wait() => return Err(Failure::GroupInterrupted(exit)),
            done = &mut work => return done.map_err(Failure::from),
            error = seat.watch() => return Err(error.into()),
            event = events.recv() => if let Ok(Event::Disconnected { reason }) = event {
                let why = session.lang().no_connection(&reason);
                if said.as_ref() != Some(&why) {
                    session.output.remark(&session.lang().waiting(&foreign::line(&why)));
                    said = Some(why);
                }
            },
            () = sleep_until(late) => return Err(Failure::GroupWaits { seconds: LONGEST.as_secs() }),
        }
    }
}

/// Shows a group as it is now.
async fn report(session: &Session<'_>, client: &Client, chat: ChatId) -> Result<(), Failure> {
    show(session, &present(client, chat).await?, &[])
}

/// A group as it is now. Whoever is out of it does not stand among its people.
async fn present(client: &Client, chat: ChatId) -> Result<GroupView, Failure> {
    let mut group = client.group(chat).await?;
    if group.gone.is_some() {
        group.people.retain(|person| person.user_id != *client.user_id());
    }
    Ok(group)
}

fn show(session: &Session<'_>, group: &GroupView, suspended: &[SuspendedDevice]) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let id = name_of(&group.conversation);
    if output.is_json() {
        let person = |person: &GroupPerson| (person.role, person.other_identity);
        let people = group.people.iter().map(|one| {
            let (role, other_identity) = person(one);
            PersonObject { user_id: one.user_id.as_str(), role: role_name(role), other_identity }
        });
        return output.object(&GroupObject {
            group: &id,
            title: &group.title,
            people: people.collect(),
            gone: group.gone.map(privmsg_client::Gone::as_str),
            split: group.is_split,
            waiting_changes: group.waiting,
            suspended: suspended.iter().map(SuspendedObject::of).collect(),
        });
    }
    let title = if group.title.is_empty() { lang.untitled() } else { foreign::line(&group.title) };
    output.text(&output.styled(Style::Bold, &title))?;
    output.text(&output.styled(Style::Faint, &id))?;
    if let Some(gone) = group.gone {
        output.text(&output.styled(Style::Alarm, &lang.gone(gone)))?;
    }
    let wide = group.people.iter().map(|person| person.user_id.as_str().chars().count()).max().unwrap_or_default();
    for person in &group.people {
        let mut line = format!("  {:<wide$}  {}", person.user_id.as_str(), lang.role(person.role));
        if person.other_identity {
            line.push_str("  ");
            line.push_str(&output.styled(Style::Alarm, &lang.other_identity_in_group()));
        }
        output.text(&line)?;
    }
    if group.is_split {
        output.text(&output.styled(Style::Alarm, &lang.group_split()))?;
    }
    if group.gone.is_none() && !group.people.is_empty() && group.people.iter().all(|person| person.role != Role::Owner)
    {
        output.text(&lang.group_without_owner())?;
    }
    for device in suspended {
        let (user, until) = (device.user_id.as_str(), time::local(device.until_ms));
        let line = lang.device_suspended(user, device.device_id.as_str(), &until);
        output.text(&output.styled(Style::Alarm, &line))?;
    }
    if group.waiting > 0 {
        output.text(&lang.group_changes_wait(group.waiting))?;
    }
    Ok(())
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        Role::Member => "member",
    }
}
