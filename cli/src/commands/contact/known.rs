//! `privmsg contact info` and `contact confirm`: what the user's devices know of contacts' keys.

use privmsg_client::{Client, ClientError, ContactInfo, ContactWord, SafetyNumber, Weight};
use privmsg_protocol::UserId;
use serde::Serialize;

use super::super::Session;
use super::super::safety_number::block;
use super::ContactObject;
use crate::failure::Failure;
use crate::output::Style;

#[derive(Serialize)]
struct WordObject<'a> {
    user_id: &'a str,
    /// Nothing: this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    device_id: Option<&'a str>,
    known: &'static str,
    safety_number: &'a str,
    /// `counts`, `to_confirm`, `aside`.
    weight: &'static str,
}

impl<'a> WordObject<'a> {
    fn of(word: &'a ContactWord) -> Self {
        Self {
            user_id: word.user_id.as_str(),
            device_id: word.said_by.as_ref().map(AsRef::as_ref),
            known: word.known.as_str(),
            safety_number: word.safety_number.digits(),
            weight: match word.weight {
                Weight::Counts => "counts",
                Weight::ToConfirm => "to_confirm",
                Weight::Aside => "aside",
            },
        }
    }
}

#[derive(Serialize)]
struct InfoObject<'a> {
    #[serde(flatten)]
    contact: Option<ContactObject<'a>>,
    devices: Vec<WordObject<'a>>,
}

#[derive(Serialize)]
struct WaitingObject<'a> {
    to_confirm: WordObject<'a>,
}

#[derive(Serialize)]
struct ConfirmedObject<'a> {
    user_id: &'a str,
    confirmed: bool,
}

/// Lists what waits to be confirmed.
pub(super) fn say_what_waits(session: &Session<'_>, waiting: &[ContactWord]) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    if output.is_json() {
        return waiting.iter().try_for_each(|word| output.object(&WaitingObject { to_confirm: WordObject::of(word) }));
    }
    if waiting.is_empty() {
        return Ok(());
    }
    output.text(&output.styled(Style::Alarm, &lang.to_confirm_title()))?;
    for word in waiting {
        let device = word.said_by.as_ref().map_or_else(|| lang.by_this_device(), ToString::to_string);
        output.text(&lang.to_confirm_line(word.user_id.as_str(), lang.known(word.known), &device))?;
    }
    output.remark(&lang.to_confirm_hint());
    Ok(())
}

/// What is known of somebody, and by which device.
pub(in crate::commands) async fn info(session: &Session<'_>, user: &UserId) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let client = session.open().await?;
    let words = client.contact_words(user).await?;
    let contact = match client.contact(user).await {
        Err(ClientError::UnknownContact(_)) if !words.is_empty() => None,
        other => Some(other?),
    };
    if output.is_json() {
        let contact = contact.as_ref().map(ContactObject::of);
        return output.object(&InfoObject { contact, devices: words.iter().map(WordObject::of).collect() });
    }
    if let Some(contact) = &contact {
        super::super::safety_number::show(output, contact, &client.devices_of(user).await?)?;
        client.remember_shown(contact).await?;
    }
    output.text(&lang.words_title())?;
    for word in &words {
        output.text(&line(session, word, contact.as_ref()))?;
    }
    let waiting = client.contacts_to_confirm().await?;
    let waiting: Vec<_> = waiting.into_iter().filter(|word| word.user_id == *user).collect();
    say_what_waits(session, &waiting)
}

fn line(session: &Session<'_>, word: &ContactWord, contact: Option<&ContactInfo>) -> String {
    let lang = session.lang();
    let device = word.said_by.as_ref().map_or_else(|| lang.by_this_device(), ToString::to_string);
    let mut known = lang.known(word.known).to_owned();
    let mut add = |text: String| known = format!("{known}, {text}");
    if contact.is_some_and(|contact| contact.safety_number != word.safety_number) {
        add(lang.word_other_key());
    }
    match word.weight {
        Weight::Counts => {}
        Weight::ToConfirm => add(lang.word_to_confirm()),
        Weight::Aside => add(lang.word_aside()),
    }
    lang.word_line(&device, &known)
}

/// A removed device was right about somebody, or what it knew counts for nothing.
pub(in crate::commands) async fn confirm(session: &Session<'_>, user: &UserId, drop: bool) -> Result<(), Failure> {
    let (output, lang) = (session.output, session.lang());
    let client = session.open().await?;
    let name = user.as_str();
    if drop {
        if !client.put_contact_words_aside(user).await? {
            return Err(Failure::Usage(lang.nothing_to_confirm(name)));
        }
        return match output.is_json() {
            true => output.object(&ConfirmedObject { user_id: name, confirmed: false }),
            false => output.text(&lang.contact_dropped(name)),
        };
    }
    let number = the_one_that_waits(session, &client, user).await?;
    if !client.confirm_contact(user, &number).await? {
        return Err(ClientError::KeyChanged(user.clone()).into());
    }
    match output.is_json() {
        true => output.object(&ConfirmedObject { user_id: name, confirmed: true }),
        false => output.text(&lang.contact_confirmed(name)),
    }
}

/// The number that waits to be confirmed, if the user was shown it; shows it otherwise.
async fn the_one_that_waits(session: &Session<'_>, client: &Client, user: &UserId) -> Result<SafetyNumber, Failure> {
    let (output, lang) = (session.output, session.lang());
    let waiting = client.contacts_to_confirm().await?;
    let mut waiting = waiting.into_iter().filter(|word| word.user_id == *user);
    let Some(word) = waiting.next() else { return Err(Failure::Usage(lang.nothing_to_confirm(user.as_str()))) };
    if waiting.next().is_some() {
        return Err(Failure::Usage(lang.several_to_confirm(user.as_str())));
    }
    if client.was_to_confirm_shown(user).await? {
        return Ok(word.safety_number);
    }
    if output.is_json() {
        output.object(&WaitingObject { to_confirm: WordObject::of(&word) })?;
    } else {
        let device = word.said_by.as_ref().map_or_else(|| lang.by_this_device(), ToString::to_string);
        output.text(&lang.to_confirm_number(user.as_str(), &device))?;
        output.text(&block(output, &word.safety_number))?;
    }
    client.remember_to_confirm_shown(user).await?;
    Err(Failure::CompareFirst(user.clone()))
}
