//! `privmsg react`, `edit`, `delete`: what is done to a message that is there already.

use privmsg_client::{Client, ClientError, Said};
use privmsg_protocol::MessageId;
use serde::Serialize;

use crate::failure::Failure;
use crate::which::Which;

use super::Session;
use super::send::standard_input;
use super::waiting::Waiting;

/// What was done, for scripts.
#[derive(Serialize)]
struct DoneObject {
    message_id: String,
    done: &'static str,
    /// It was so already.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unchanged: bool,
}

/// What is to be reported once the server has it.
struct Done {
    message: MessageId,
    what: &'static str,
}

pub(super) async fn react(
    session: &Session<'_>,
    which: &Which,
    emoji: String,
    remove: bool,
    timeout: Option<u64>,
) -> Result<(), Failure> {
    let client = session.signals.unless_interrupted(session.open_signed_in()).await?;
    let said = client.react(which.find(&client, session.lang()).await?, emoji, remove).await;
    let message = which.message;
    finish(session, &client, said, timeout, Done { message, what: "react" }).await
}

pub(super) async fn edit(
    session: &Session<'_>,
    which: &Which,
    text: String,
    timeout: Option<u64>,
) -> Result<(), Failure> {
    let text = if text == "-" { standard_input(session.lang())? } else { text };
    let client = session.signals.unless_interrupted(session.open_signed_in()).await?;
    let (edited, message) = (client.edit(which.find(&client, session.lang()).await?, text).await, which.message);
    let Some(said) = edited.transpose() else {
        return report(session, message, "edit", &session.lang().changed_before_it_left());
    };
    finish(session, &client, said, timeout, Done { message, what: "edit" }).await
}

pub(super) async fn delete(
    session: &Session<'_>,
    which: &Which,
    for_me: bool,
    timeout: Option<u64>,
) -> Result<(), Failure> {
    let (lang, message) = (session.lang(), which.message);
    if for_me {
        // Nobody is told, so nobody need be signed in.
        let client = session.signals.unless_interrupted(session.open()).await?;
        client.delete_for_me(which.find(&client, lang).await?).await?;
        return report(session, message, "delete_for_me", &lang.removed_here());
    }
    let client = session.signals.unless_interrupted(session.open_signed_in()).await?;
    let deleted = client.delete(which.find(&client, lang).await?).await;
    let deleted = match deleted {
        Err(ClientError::NotTheAuthor) => return Err(Failure::NotYoursToDelete { message }),
        deleted => deleted?,
    };
    match deleted {
        Some(said) => finish(session, &client, Ok(said), timeout, Done { message, what: "delete" }).await,
        None => report(session, message, "delete", &lang.never_sent()),
    }
}

async fn finish(
    session: &Session<'_>,
    client: &Client,
    said: Result<Said, ClientError>,
    timeout: Option<u64>,
    done: Done,
) -> Result<(), Failure> {
    let said = match said {
        Err(ClientError::Unchanged) => {
            let object = DoneObject { message_id: done.message.to_string(), done: done.what, unchanged: true };
            let output = session.output;
            return if output.is_json() { output.object(&object) } else { output.text(&session.lang().unchanged()) };
        }
        said => said?,
    };
    Waiting::new(session, client, said, timeout).until_acknowledged().await?;
    report(session, done.message, done.what, &session.lang().done())
}

fn report(session: &Session<'_>, message: MessageId, what: &'static str, text: &str) -> Result<(), Failure> {
    if session.output.is_json() {
        return session.output.object(&DoneObject { message_id: message.to_string(), done: what, unchanged: false });
    }
    session.output.text(text)
}
