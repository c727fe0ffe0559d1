//! `privmsg requests`, `accept`, `decline` and `leave`.

use std::time::Duration;

use privmsg_client::{
    ChatId, ChatKind, Client, ClientError, Consent, KeptOutGroup, MessageKind, Recipient, Request, SHORTEST_GROUP_NAME,
};
use privmsg_protocol::UserId;
use serde::Serialize;

use crate::args::{Answer, GroupCommand};
use crate::chat_name::{ChatName, GroupName, Named, chat_id, name_of, short};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::foreign;
use crate::output::Style;

use super::connected::Connected;
use super::message::excerpt;
use super::{Session, group, time, with_session};

/// What `--json` says of a request.
#[derive(Serialize)]
struct RequestObject<'a> {
    conversation: &'a str,
    kind: &'static str,
    /// Who asks.
    from: &'a UserId,
    /// Under another key than the one that they are known by.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    from_namesake: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    people: &'a [UserId],
    messages: u64,
    unread: u64,
    last_at: i64,
    /// Nothing of it can be read before it is let in.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unreadable_yet: bool,
}

/// What `--json` says of a group that the user hears nothing of.
#[derive(Serialize)]
struct KeptOutObject<'a> {
    conversation: &'a str,
    kind: &'static str,
    /// Why: `blocked` or `declined` whoever is named by `from`, or `left` twice.
    kept_out: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
}

/// What `--json` says of an answer.
#[derive(Serialize)]
struct AnswerObject<'a> {
    conversation: &'a str,
    consent: &'static str,
    /// It was so already.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unchanged: bool,
}

/// Who waits for an answer: whoever has asked since the profile was used last, too.
pub(super) async fn list(session: &Session<'_>) -> Result<(), Failure> {
    let client = session.signals.unless_interrupted(session.open()).await?;
    if !client.whoami().await?.signed_in || client.is_left_out().await? {
        return session.signals.unless_interrupted(list_known(session, &client)).await;
    }
    drop(client);
    let connected = Connected::open(session, None).await?;
    let listed = session.signals.unless_interrupted(list_known(session, &connected.client)).await;
    connected.end(session, listed).await
}

async fn list_known(session: &Session<'_>, client: &Client) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let requests = client.requests().await?;
    let kept_out = kept_out(session, client).await?;
    if requests.is_empty() && kept_out.is_empty() {
        output.remark(&lang.no_requests());
    }
    for request in &requests {
        let summary = &request.entry.summary;
        let id = chat_id(&summary.chat.kind, client.user_id());
        if output.is_json() {
            output.object(&RequestObject {
                conversation: &id,
                kind: if matches!(summary.chat.kind, ChatKind::Group { .. }) { "group" } else { "direct" },
                from: &request.from,
                from_namesake: request.from_namesake,
                title: request.title.as_deref().filter(|title| !title.is_empty()),
                people: &request.people,
                messages: summary.messages,
                unread: summary.unread,
                last_at: summary.last_at,
                unreadable_yet: request.is_unread,
            })?;
        } else {
            show(session, request, &id, client.user_id())?;
        }
    }
    kept_out.iter().try_for_each(|kept| show_kept_out(session, kept))
}

/// Groups of which the user hears nothing. Only the server knows of them: where it cannot be asked, that is said.
async fn kept_out(session: &Session<'_>, client: &Client) -> Result<Vec<KeptOutGroup>, Failure> {
    if !client.whoami().await?.signed_in {
        return Ok(Vec::new());
    }
    match with_session(client, || client.kept_out()).await {
        Ok(kept) => Ok(kept.into_iter().filter(|kept| !kept.is_turned_down).collect()),
        Err(failure) if failure.describe(session.lang()).exit == Exit::Network => {
            session.output.notice("outdated", &session.lang().kept_out_unknown());
            Ok(Vec::new())
        }
        Err(failure) => Err(failure),
    }
}

fn show_kept_out(session: &Session<'_>, kept: &KeptOutGroup) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let id = name_of(&kept.conversation);
    if output.is_json() {
        return output.object(&KeptOutObject {
            conversation: &id,
            kind: "group",
            kept_out: match &kept.by {
                Some(_) if kept.is_blocked => "blocked",
                Some(_) => "declined",
                None => "left",
            },
            from: kept.by.as_ref(),
            title: kept.title.as_deref(),
        });
    }
    let name = kept.title.as_ref().map_or_else(|| short(&id).to_owned(), |title| lang.quoted(title));
    let head = match &kept.by {
        Some(by) if kept.is_blocked => lang.kept_out_of_blocked(by.as_str(), &name),
        Some(by) => lang.kept_out_of_declined(by.as_str(), &name),
        None => lang.kept_out_left(&name),
    };
    output.text(&output.styled(Style::Bold, &head))?;
    output.text(&format!("    {}", lang.kept_out_meaning()))?;
    output.text(&format!("    {}", output.styled(Style::Faint, &lang.how_to_answer_kept_out(short(&id)))))
}

/// Answers about a group of which the user hears nothing.
async fn answer_kept_out(
    session: &Session<'_>,
    connected: &mut Connected,
    kept: &KeptOutGroup,
    open: bool,
) -> Result<(), Failure> {
    let (output, lang, client) = (session.output, session.lang(), connected.client.clone());
    let id = name_of(&kept.conversation);
    if !open {
        client.turn_down(kept).await?;
        if output.is_json() {
            let consent = Consent::Declined.as_str();
            return output.object(&AnswerObject { conversation: &id, consent, unchanged: false });
        }
        return output.text(&lang.kept_out_for_good(short(&id)));
    }
    with_session(&client, || client.let_in(kept)).await?;
    let chat = tokio::select! {
        biased;
        exit = session.signals.wait() => return Err(Failure::Interrupted(exit)),
        chat = client.wait_in_group(kept.conversation) => Some(chat?),
        error = connected.seat.watch() => return Err(error.into()),
        () = tokio::time::sleep(JOINING) => None,
    };
    if output.is_json() {
        let consent = Consent::Open.as_str();
        return output.object(&AnswerObject { conversation: &id, consent, unchanged: false });
    }
    let title = match chat {
        Some(chat) => client.group_title(chat).await?,
        None => None,
    };
    let name = title.as_ref().map_or_else(|| short(&id).to_owned(), |title| foreign::line(title));
    output.text(&lang.accepted_group(&name))?;
    if chat.is_none() {
        output.remark(&lang.joins_later());
    }
    Ok(())
}

/// How long a group that was let in may take to be there before that is left to the next command.
const JOINING: Duration = Duration::from_secs(20);

/// The group that is meant, if it is one of those.
async fn find_kept_out(client: &Client, id: &str) -> Result<Option<KeptOutGroup>, Failure> {
    let mut kept = with_session(client, || client.kept_out()).await?;
    kept.retain(|kept| id.len() >= SHORTEST_GROUP_NAME && kept.conversation.to_string().starts_with(id));
    match kept.len() {
        0 | 1 => Ok(kept.pop()),
        _ => {
            let groups = kept.iter().map(|kept| kept.conversation).collect();
            Err(ClientError::SeveralGroups { name: id.to_owned(), groups }.into())
        }
    }
}

fn show(session: &Session<'_>, request: &Request, id: &str, own: &UserId) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let from = request.from.as_str();
    let head = match &request.title {
        None => lang.asks_in_chat(from),
        Some(title) if title.is_empty() => lang.asks_in_group(from, &lang.untitled()),
        Some(title) => lang.asks_in_group(from, &foreign::line(title)),
    };
    output.text(&output.styled(Style::Bold, &head))?;
    if request.from_namesake {
        output.text(&format!("    {}", output.styled(Style::Alarm, &lang.asks_under_another_key(from))))?;
    }
    let others = request.people.iter().filter(|user| **user != request.from && *user != own);
    let others: Vec<_> = others.map(UserId::as_str).collect();
    if !others.is_empty() {
        output.text(&format!("    {}", lang.request_people(&others.join(", "))))?;
    }
    if request.is_unread {
        output.text(&format!("    {}", lang.request_unread()))?;
    }
    let summary = &request.entry.summary;
    if summary.messages > 0 {
        let count = lang.request_messages(summary.messages, &time::local(summary.last_at));
        output.text(&format!("    {}", output.styled(Style::Faint, &count)))?;
    }
    let last = request
        .entry
        .last
        .as_deref()
        .filter(|last| matches!(last.kind, MessageKind::Text | MessageKind::File) && !last.is_doubtful());
    if let Some(last) = last.map(|last| excerpt(lang, last)).filter(|last| !last.is_empty()) {
        output.text(&format!("    {last}"))?;
    }
    output.text(&format!("    {}", output.styled(Style::Faint, &lang.how_to_answer(short(id)))))
}

/// Answers what somebody has begun. It is noted on this device first: where the server cannot be reached, the engine tells it later.
pub(super) async fn answer(session: &Session<'_>, name: &ChatName, answer: Answer) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    if *name == ChatName::Own {
        return Err(Failure::Usage(lang.notes_are_no_request()));
    }
    let (client, (named, chat)) = match name {
        ChatName::Group(id) => {
            let mut connected = Connected::open(session, None).await?;
            let kept = match find_kept_out(&connected.client, id).await {
                Err(failure) if failure.describe(lang).exit == Exit::Network => Ok(None),
                kept => kept,
            };
            let kept = match kept {
                Ok(kept) => kept,
                Err(failure) => return connected.end(session, Err(failure)).await,
            };
            if let Some(kept) = kept {
                let open = answer == Answer::Accept;
                let done = answer_kept_out(session, &mut connected, &kept, open).await;
                return connected.end(session, done).await;
            }
            let (client, found) = (connected.client.clone(), found(&connected.client, name, session).await);
            (client, connected.end(session, found).await?)
        }
        _ => {
            let client = session.signals.unless_interrupted(session.open_signed_in()).await?;
            let found = found(&client, name, session).await?;
            (client, found)
        }
    };
    if answer == Answer::Decline && client.consent(chat).await? == Consent::Open {
        return Err(Failure::Usage(lang.no_request(short(&named.id))));
    }
    let open = answer == Answer::Accept;
    // What could not be joined cannot be left.
    let is_unread =
        client.requests().await?.iter().any(|request| request.entry.summary.chat.id == chat && request.is_unread);
    if let (Recipient::Group(group), false, false) = (&named.recipient, open, is_unread) {
        let successor = if let Answer::Leave { successor } = answer { successor } else { None };
        let leave = GroupCommand::Leave { group: GroupName(group.to_string()), successor };
        return group::run(session, leave).await;
    }
    if let Answer::Leave { successor: Some(_) } = answer {
        return Err(Failure::Usage(lang.successor_of_a_group()));
    }
    let before = client.consent(chat).await?;
    let decide = || async { if open { client.accept(chat).await } else { client.decline(chat).await } };
    let told = session.signals.unless_interrupted(with_session(&client, decide)).await;
    if let Err(failure) = told {
        if failure.describe(lang).exit == Exit::Network {
            output.remark(&lang.decided_here());
        }
        return Err(failure);
    }
    let consent = if open { Consent::Open } else { Consent::Declined };
    let unchanged = before == consent;
    if output.is_json() {
        let consent = consent.as_str();
        return output.object(&AnswerObject { conversation: &named.id, consent, unchanged });
    }
    if unchanged {
        let name = foreign::line(&named.label);
        return output.text(&if open { lang.is_open_already(&name) } else { lang.is_declined_already(&name) });
    }
    output.text(&match (&named.recipient, open) {
        (Recipient::User(user), true) => lang.accepted(user.as_str()),
        (Recipient::Group(_), true) => lang.accepted_group(&foreign::line(&named.label)),
        (_, false) => lang.was_declined(&named.id),
    })
}

async fn found(client: &Client, name: &ChatName, session: &Session<'_>) -> Result<(Named, ChatId), Failure> {
    let named = name.find(client, session.lang()).await?;
    if named.user() == Some(client.user_id()) {
        return Err(Failure::Usage(session.lang().notes_are_no_request()));
    }
    match (client.chat_with(&named.recipient).await?, named.user()) {
        (Some(chat), _) => Ok((named, chat)),
        (None, Some(user)) => Err(Failure::Usage(session.lang().no_chat_with(user.as_str()))),
        (None, None) => Err(ClientError::NoSuchGroup(named.id).into()),
    }
}
