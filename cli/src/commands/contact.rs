//! `privmsg contact …` and `contacts`.

pub(super) mod known;

use std::io::{IsTerminal as _, Read as _};

use privmsg_client::{ChangedBy, Client, ClientError, ContactInfo, ContactLink, Known, LinkFrom, SafetyNumber};
use privmsg_protocol::ErrorCode;
use serde::Serialize;

use super::{Session, with_session};
use crate::args::AddContact;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::lang::Lang;
use crate::output::{Output, Style};
use crate::qr;

/// More than any link takes, whatever a mail program has done to it.
const MAX_INPUT: u64 = 64 * 1024;

#[derive(Serialize)]
struct LinkObject<'a> {
    link: &'a str,
}

#[derive(Serialize)]
struct ContactObject<'a> {
    user_id: &'a str,
    known: &'static str,
    safety_number: &'a str,
    /// The number of another key that has not been accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_by_device: Option<&'a str>,
}

/// Who names another key, for scripts.
pub(super) const fn changed_by(by: &ChangedBy) -> &'static str {
    match by {
        ChangedBy::Seen => "seen",
        ChangedBy::Link => "link",
        ChangedBy::InPerson => "in_person",
        ChangedBy::Device(_) => "device",
    }
}

/// Which device of the user's names another key, if one does.
pub(super) fn device_of(by: &ChangedBy) -> Option<&str> {
    match by {
        ChangedBy::Device(device) => Some(device.as_str()),
        ChangedBy::Seen | ChangedBy::Link | ChangedBy::InPerson => None,
    }
}

impl<'a> ContactObject<'a> {
    fn of(contact: &'a ContactInfo) -> Self {
        Self {
            user_id: contact.user_id.as_str(),
            known: contact.known().as_str(),
            safety_number: contact.safety_number.digits(),
            changed: contact.changed.as_ref().map(SafetyNumber::digits),
            changed_by: contact.changed_by.as_ref().map(changed_by),
            changed_by_device: contact.changed_by.as_ref().and_then(device_of),
        }
    }
}

/// Shows one's own link.
pub(super) async fn link(session: &Session<'_>) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let link = session.open_listed().await?.contact_link().await?.to_string();
    if output.is_json() {
        return output.object(&LinkObject { link: &link });
    }
    output.remark(&lang.contact_link_title());
    output.text(&link)?;
    qr::show(output, &link)?;
    output.remark(&lang.contact_link_explanation());
    Ok(())
}

/// Adds somebody by theirs.
pub(super) async fn add(session: &Session<'_>, wanted: AddContact) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let link = match wanted.link {
        Some(link) if link != "-" => link,
        given => piped(lang, given.is_some()).await?,
    };
    let link: ContactLink = link.parse().map_err(|error| Failure::Usage(lang.contact_link_error(error)))?;
    let client = session.open_listed().await?;
    let published = match with_session(&client, || client.published_key(&link.user_id)).await {
        Ok(Some(key)) => Some(key),
        Ok(None) | Err(Failure::Client(ClientError::Server { code: ErrorCode::UnknownUser, .. })) => {
            output.notice("no_key", &lang.server_knows_no_key(link.user_id.as_str()));
            None
        }
        Err(failure) => without_server(output, &client, &link, failure).await?,
    };
    let from = if wanted.in_person { LinkFrom::InPerson } else { LinkFrom::Anywhere };
    let contact = client.add_contact(&link, from, published).await?;
    if output.is_json() {
        output.object(&ContactObject::of(&contact))?;
    }
    let user = contact.user_id.as_str();
    match contact.known() {
        _ if matches!(contact.changed_by, Some(ChangedBy::Link | ChangedBy::InPerson)) => {
            return Err(Failure::LinkNamesAnotherKey(contact.user_id));
        }
        _ if contact.changed.is_some() => return Err(Failure::ServerNamesAnotherKey(contact.user_id)),
        _ if output.is_json() => {}
        Known::Verified => output.text(&lang.added_in_person(user))?,
        Known::ByLink | Known::SeenFirst => output.text(&lang.added_by_link(user))?,
    }
    Ok(())
}

/// A link for our own address needs no word of the server's.
async fn without_server<T>(
    output: &Output,
    client: &Client,
    link: &ContactLink,
    failure: Failure,
) -> Result<Option<T>, Failure> {
    let described = failure.describe(output.lang());
    if described.exit != Exit::Network || !client.is_at_our_address(link).await? {
        return Err(failure);
    }
    output.notice("not_asked", &output.lang().server_not_asked(link.user_id.as_str(), &described.message));
    Ok(None)
}

/// The link from standard input. Where nobody has said that it stands there, it is not waited for on a terminal.
async fn piped(lang: Lang, is_asked_for: bool) -> Result<String, Failure> {
    if !is_asked_for && std::io::stdin().is_terminal() {
        return Err(Failure::Usage(lang.no_contact_link()));
    }
    let read = || {
        let mut bytes = Vec::new();
        std::io::stdin().lock().take(MAX_INPUT).read_to_end(&mut bytes).map(|_| bytes)
    };
    // Aside, so that an interrupt ends the waiting.
    let bytes = tokio::task::spawn_blocking(read).await.map_err(|error| Failure::Input(error.to_string()))?;
    let bytes = bytes.map_err(|error| Failure::Input(lang.io(&error)))?;
    let link = String::from_utf8(bytes).map_err(|_| Failure::Input(lang.stdin_not_text()))?;
    if link.trim().is_empty() { Err(Failure::Usage(lang.no_contact_link())) } else { Ok(link) }
}

/// Lists all.
pub(super) async fn list(session: &Session<'_>) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let client = session.open().await?;
    let (contacts, waiting) = (client.contacts().await?, client.contacts_to_confirm().await?);
    if output.is_json() {
        contacts.iter().try_for_each(|contact| output.object(&ContactObject::of(contact)))?;
        return known::say_what_waits(session, &waiting);
    }
    if contacts.is_empty() {
        output.remark(&lang.no_contacts());
        return known::say_what_waits(session, &waiting);
    }
    let head = lang.head_contact();
    let names = contacts.iter().map(|contact| contact.user_id.as_str()).chain([head.as_str()]);
    let wide = names.map(|name| name.chars().count()).max().unwrap_or_default();
    output.text(&output.styled(Style::Faint, &format!("{head:<wide$}  {}", lang.head_known())))?;
    for contact in &contacts {
        let mut known = lang.known(contact.known()).to_owned();
        if contact.to_confirm {
            known = format!("{known}, {}", lang.contact_unconfirmed());
        }
        let change = contact.changed.as_ref().map(|_| output.styled(Style::Alarm, &lang.contact_changed()));
        let line = format!(
            "{:<wide$}  {known}{}",
            contact.user_id.as_str(),
            change.map(|c| format!("  {c}")).unwrap_or_default()
        );
        output.text(&line)?;
    }
    known::say_what_waits(session, &waiting)
}
