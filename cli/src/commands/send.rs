//! `privmsg send`.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use privmsg_client::{Client, ClientError, Draft, FileToSend, Sent, Which};

use crate::args::Send;
use crate::chat_name::{ChatName, Named, groups_like};
use crate::failure::Failure;
use crate::foreign;
use crate::lang::Lang;

use super::Session;
use super::connected::Connected;
use super::message::MessageObject;
use super::send_media;
use super::waiting::Waiting;

pub(super) async fn run(session: &Session<'_>, send: Send) -> Result<(), Failure> {
    let lang = session.lang();
    if send.held {
        let mut connected = Connected::open(session, send.timeout).await?;
        let result = say_held(session, &mut connected, &send).await;
        return connected.end(session, result).await;
    }
    let draft = draft(lang, &send).await?;
    let client = session.signals.unless_interrupted(session.open_signed_in()).await?;
    say(session, client, &send.to, draft, send.timeout).await
}

/// Says something, and waits until the server has it.
pub(super) async fn say(
    session: &Session<'_>,
    client: Client,
    to: &ChatName,
    draft: Draft,
    timeout: Option<u64>,
) -> Result<(), Failure> {
    let lang = session.lang();
    if matches!(to, ChatName::Group(_)) {
        // Whoever has just been added to it has not heard of it yet.
        let mut connected = Connected::of(session, client, timeout).await?;
        let result = say_in_group(session, &mut connected, to, draft, timeout).await;
        return connected.end(session, result).await;
    }
    let named = to.find(&client, lang).await?;
    if let Some(user) = named.user()
        && client.is_held(user).await?
    {
        return Err(Failure::IdentityChanged { user: user.clone(), queued: None });
    }
    let sent = match client.send(&named.recipient, draft).await {
        Err(ClientError::NoSuchUser(user)) => {
            let groups = groups_like(&client, user.as_str()).await?;
            return Err(Failure::NobodyCalled { user, groups });
        }
        sent => sent?,
    };
    Waiting::new(session, &client, sent.said(), timeout).until_acknowledged().await?;
    report(session, &client, &sent, &named).await
}

async fn say_in_group(
    session: &Session<'_>,
    connected: &mut Connected,
    to: &ChatName,
    draft: Draft,
    timeout: Option<u64>,
) -> Result<(), Failure> {
    let client = connected.client.clone();
    let named = to.find(&client, session.lang()).await?;
    let sent = client.send(&named.recipient, draft).await?;
    Waiting::new(session, &client, sent.said(), timeout).connected(connected).await?;
    report(session, &client, &sent, &named).await
}

/// Sends what is held, also to those who were named with it; where they were not, they are now.
async fn say_held(session: &Session<'_>, connected: &mut Connected, send: &Send) -> Result<(), Failure> {
    let (client, lang) = (connected.client.clone(), session.lang());
    let named = send.to.find(&client, lang).await?;
    // The user's word is about those who were named before.
    let (named_before, unnamed): (Vec<_>, Vec<_>) = client
        .held_messages(&named.recipient)
        .await?
        .into_iter()
        .partition(|held| held.named || held.newcomers.is_empty());
    // What still goes its way may come to be held meanwhile.
    let mut sent = client.queued_messages(&named.recipient).await?;
    sent.extend(client.send_held(&named.recipient, &named_before).await?);
    if sent.is_empty() && unnamed.is_empty() {
        session.output.remark(&lang.nothing_is_held());
    }
    let mut result = Ok(());
    for sent in sent {
        match Waiting::new(session, &client, sent.said(), send.timeout).connected(connected).await {
            Ok(()) => report(session, &client, &sent, &named).await?,
            Err(failure @ Failure::Interrupted(_)) => return Err(failure),
            Err(failure) => result = Err(failure),
        }
    }
    if let Some(held) = unnamed.last() {
        client.note_named(&unnamed).await?;
        let newcomers: BTreeSet<_> = unnamed.iter().flat_map(|held| held.newcomers.clone()).collect();
        let message = held.message_id;
        return Err(Failure::Held { chat: named.id.clone(), newcomers: newcomers.into_iter().collect(), message });
    }
    result
}

async fn report(session: &Session<'_>, client: &Client, sent: &Sent, named: &Named) -> Result<(), Failure> {
    let output = session.output;
    if !output.is_json() {
        return output.text(&session.lang().sent(&foreign::line(&named.label), &sent.message_id.to_string()));
    }
    match client.message(sent.id).await? {
        Some(message) => output.object(&MessageObject::of(&message, client.user_id())),
        None => Ok(()),
    }
}

/// What the arguments want to say. Files are checked here, because a mistyped name should show at once.
async fn draft(lang: Lang, send: &Send) -> Result<Draft, Failure> {
    let mut files = Vec::new();
    for path in &send.files {
        files.push(FileToSend::At(checked(lang, path)?));
    }
    for path in &send.pictures {
        files.push(send_media::picture(lang, path).await?);
    }
    if let Some(path) = &send.voice {
        files.push(send_media::voice(lang, path).await?);
    }
    let text = match send.text.as_deref() {
        Some("-") => standard_input(lang)?,
        Some(text) => text.to_owned(),
        None => String::new(),
    };
    if text.trim().is_empty() && files.is_empty() {
        return Err(Failure::Usage(lang.nothing_to_send()));
    }
    Ok(Draft { text, files, reply_to: send.reply_to.map(Which::from) })
}

/// The whole of it, without the line end that `echo` adds.
pub(super) fn standard_input(lang: Lang) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| Failure::Input(lang.io(&error)))?;
    let mut text = String::from_utf8(bytes).map_err(|_| Failure::Input(lang.stdin_not_text()))?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

/// The absolute path of a file that can be read now: another process, in another folder, may be the one to upload it.
pub(super) fn checked(lang: Lang, path: &Path) -> Result<PathBuf, Failure> {
    let failed = |error: std::io::Error| Failure::file(path, lang.io(&error));
    // Opening a pipe would wait for somebody to write into it.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Failure::file(path, lang.not_a_file()));
    }
    std::fs::File::open(path).map_err(failed)?;
    let absolute = std::path::absolute(path).map_err(failed)?;
    if absolute.to_str().is_none() {
        return Err(Failure::file(path, lang.path_not_unicode()));
    }
    Ok(absolute)
}
