//! `privmsg group …`: groups of people.

use privmsg_client::{AskedChange, ChatId, Client, ClientError, GroupPerson, GroupView, Recipient, Role, Seat};
use privmsg_protocol::UserId;
use serde::Serialize;
use tokio::time::sleep;

use crate::args::GroupCommand;
use crate::chat_name::{GroupName, name_of};
use crate::failure::Failure;
use crate::foreign;
use crate::output::Style;

use super::waiting::{LONGEST, Waiting};
use super::{Session, with_session};

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
}

#[derive(Serialize)]
struct PersonObject<'a> {
    user_id: &'a str,
    role: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    other_identity: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

pub(super) async fn run(session: &Session<'_>, command: GroupCommand) -> Result<(), Failure> {
    match command {
        GroupCommand::Create { title, users } => create(session, &title, &users).await,
        GroupCommand::Info { group } => session.signals.unless_interrupted(show(session, &group)).await,
        GroupCommand::Title { group, title } => retitle(session, &group, &title).await,
        GroupCommand::Add { group, users } => {
            let (client, chat) = opened(session, &group).await?;
            let asked = with_session(&client, || client.add_to_group(chat, &users)).await?;
            changed(session, &client, chat, asked).await
        }
        GroupCommand::Remove { group, users } => {
            let (client, chat) = opened(session, &group).await?;
            let asked = client.remove_from_group(chat, &users).await?;
            changed(session, &client, chat, asked).await
        }
        GroupCommand::Role { group, user, role } => {
            let (client, chat) = opened(session, &group).await?;
            let asked = client.set_role(chat, &user, role).await?;
            changed(session, &client, chat, asked).await
        }
        GroupCommand::Leave { group, successor } => {
            let (client, chat) = opened(session, &group).await?;
            let asked = client.leave_group(chat, successor).await?;
            changed(session, &client, chat, asked).await
        }
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
    until_done(session, &client, client.wait_group_made(chat)).await?;
    if !output.is_json() {
        output.text(&session.lang().group_created(&foreign::line(&group.title), &id))?;
    }
    Ok(())
}

async fn retitle(session: &Session<'_>, group: &GroupName, title: &str) -> Result<(), Failure> {
    let (client, chat) = opened(session, group).await?;
    let said = client.set_group_title(chat, title).await?;
    Waiting::new(session, &client, said, None).until_acknowledged().await?;
    report(session, &client.group(chat).await?)
}

async fn show(session: &Session<'_>, group: &GroupName) -> Result<(), Failure> {
    let client = session.open().await?;
    let chat = found(&client, group).await?;
    report(session, &client.group(chat).await?)
}

async fn opened(session: &Session<'_>, group: &GroupName) -> Result<(Client, ChatId), Failure> {
    let client = session.signals.unless_interrupted(session.open_signed_in()).await?;
    let chat = found(&client, group).await?;
    Ok((client, chat))
}

async fn found(client: &Client, group: &GroupName) -> Result<ChatId, Failure> {
    let conversation = client.find_group(&group.0).await?;
    let chat = client.chat_with(&Recipient::Group(conversation)).await?;
    Ok(chat.ok_or_else(|| ClientError::NoSuchGroup(group.0.clone()))?)
}

/// Waits until everything that was asked for has been done, and shows the group as it is then.
async fn changed(session: &Session<'_>, client: &Client, chat: ChatId, asked: Vec<AskedChange>) -> Result<(), Failure> {
    let all = async {
        for change in asked {
            client.wait_group_changed(change).await?;
        }
        Ok(())
    };
    until_done(session, client, all).await?;
    report(session, &client.group(chat).await?)
}

/// Runs the engine, or waits beside the process that runs it.
async fn until_done(
    session: &Session<'_>,
    client: &Client,
    work: impl Future<Output = Result<(), ClientError>>,
) -> Result<(), Failure> {
    let mut seat = Seat::take(client)?;
    if !seat.is_ours() && session.output.is_watched() {
        session.output.note(&session.lang().other_process());
    }
    let result = tokio::select! {
        biased;
        exit = session.signals.wait() => Err(Failure::Interrupted(exit)),
        done = work => done.map_err(Failure::from),
        error = seat.watch() => Err(error.into()),
        () = sleep(LONGEST) => Err(Failure::GroupWaits { seconds: LONGEST.as_secs() }),
    };
    seat.leave().await;
    result
}

fn report(session: &Session<'_>, group: &GroupView) -> Result<(), Failure> {
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
