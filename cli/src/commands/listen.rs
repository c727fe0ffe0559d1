//! `privmsg listen`.

use std::collections::HashSet;
use std::time::Duration;

use privmsg_client::{Amendment, ChatId, Client, Consent, MessageKind, MessageView, Seat};
use privmsg_protocol::UserId;
use tokio::time::{Instant, sleep_until};

use crate::args::Listen;
use crate::chat_name::{chat_id, short};
use crate::failure::Failure;

use super::Session;
use super::connection::{Connection, Told, say_failed};
use super::message::{AmendedObject, Around, MessageObject, amended, live};

/// Messages read from the database at a time.
const PAGE: u32 = 100;

/// What was said, and is not said twice.
#[derive(Default)]
struct Said {
    /// Requests, that they are.
    requests: HashSet<ChatId>,
    /// Whose key has changed, and when: it is a line in each chat with them.
    keys: HashSet<(UserId, i64)>,
}

/// What may end the waiting for a message.
enum Woken {
    Received,
    Told(Told),
    Ended(Failure),
    Late,
    Signal,
}

pub(super) async fn run(session: &Session<'_>, listen: Listen) -> Result<(), Failure> {
    let output = session.output;
    let lang = session.lang();
    let client = session.signals.unless_interrupted(session.open_signed_in()).await?;
    let mut changes = client.changes();
    let mut seat = Seat::take(&client)?;
    if output.is_watched() {
        output.note(&lang.listening(client.user_id().as_str()));
    }
    let mut connection = Connection::of(session, &client);
    let deadline = listen.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut received = 0;
    let mut said = Said::default();
    let result = loop {
        let before = received;
        if let Err(failure) = print_amended(session, &client).await {
            break Err(failure);
        }
        let done = print_unseen(session, &client, listen.count, &mut received, &mut said).await;
        match done {
            Ok(true) => break Ok(()),
            Ok(false) => {}
            Err(failure) => break Err(failure),
        }
        if received > before {
            continue;
        }
        let woken = tokio::select! {
            biased;
            _ = session.signals.wait() => Woken::Signal,
            _ = Client::wait_message(&mut changes) => Woken::Received,
            error = seat.watch() => Woken::Ended(error.into()),
            told = connection.next() => Woken::Told(told),
            () = at(deadline) => Woken::Late,
        };
        match (woken, listen.count, listen.timeout) {
            (Woken::Received | Woken::Told(Told::Typing(..)), ..) => {}
            (Woken::Told(Told::Note(said)), ..) => output.note(&said),
            (Woken::Told(Told::Failed(row, code)), ..) => {
                if let Err(failure) = say_failed(session, &client, row, &code).await {
                    break Err(failure);
                }
            }
            (Woken::Signal, ..) => break Ok(()),
            (Woken::Ended(failure), ..) => break Err(failure),
            (Woken::Late, Some(wanted), Some(seconds)) => {
                break Err(Failure::TooFewReceived { received, wanted, seconds });
            }
            (Woken::Late, ..) => break Ok(()),
        }
    };
    seat.leave().await;
    result
}

/// Prints what has arrived, each message flushed before it is marked as seen: what a crash prints twice is better than
/// what it does not print. Returns whether there is nothing more to wait for.
async fn print_unseen(
    session: &Session<'_>,
    client: &Client,
    count: Option<u64>,
    received: &mut u64,
    said: &mut Said,
) -> Result<bool, Failure> {
    for message in client.unseen(PAGE).await? {
        if session.signals.heard() || count.is_some_and(|count| *received >= count) {
            return Ok(true);
        }
        // What the user has declined was perhaps on its way already, and whoever is blocked may have made a group.
        let consent = client.consent(message.chat.id).await?;
        if client.is_kept_away(message.chat.id).await? && message.sender_id != *client.user_id() {
            client.mark_seen(message.id).await?;
            continue;
        }
        // What the user has changed in a group here is no news to them; what on another device is said as their messages are.
        if message.kind == MessageKind::GroupChanged && message.group_news.as_deref().is_some_and(|news| news.here) {
            client.mark_seen(message.id).await?;
            continue;
        }
        if !session.output.is_json() && is_said_otherwise(client, &message, said).await? {
            client.mark_seen(message.id).await?;
            continue;
        }
        print(session, client, &message, consent).await?;
        client.mark_seen(message.id).await?;
        *received += 1;
        if consent == Consent::Asked && said.requests.insert(message.chat.id) {
            session.output.remark(&session.lang().is_a_request(short(&chat_id(&message.chat.kind, client.user_id()))));
        }
    }
    Ok(count.is_some_and(|count| *received >= count))
}

/// Whether people hear of it besides.
async fn is_said_otherwise(client: &Client, message: &MessageView, said: &mut Said) -> Result<bool, Failure> {
    Ok(match message.kind {
        // The command ends with it.
        MessageKind::SignedOutHere => client.signed_out().await?.is_some(),
        MessageKind::IdentityChanged => !said.keys.insert((message.sender_id.clone(), message.sent_at)),
        // The devices are those of the other key, of which there is a line.
        MessageKind::ForeignList => {
            client.contact(&message.sender_id).await.is_ok_and(|contact| contact.changed.is_some())
        }
        _ => false,
    })
}

/// Prints what has become of messages that were printed before.
async fn print_amended(session: &Session<'_>, client: &Client) -> Result<(), Failure> {
    let (output, own) = (session.output, client.user_id());
    for (what, message) in client.amended().await? {
        if session.signals.heard() {
            return Ok(());
        }
        // What is deleted by now is not to be read as it was changed to.
        let message = message.filter(|message| !message.deleted || what.what == Amendment::Deleted);
        if let Some(message) = message
            && !(client.is_kept_away(message.chat.id).await? && what.by != *own)
        {
            if output.is_json() {
                output.object(&AmendedObject::of(&what, &message, own))?;
            } else {
                let around = Around::of(client, session.lang(), &message, false).await?;
                output.text(&amended(output, &what, &message, &around))?;
            }
        }
        client.mark_amended_seen(&what).await?;
    }
    Ok(())
}

async fn print(session: &Session<'_>, client: &Client, message: &MessageView, consent: Consent) -> Result<(), Failure> {
    let output = session.output;
    let own = client.user_id();
    if output.is_json() {
        return output.object(&MessageObject::of(message, own).in_chat(consent));
    }
    let blocked = message.kind == MessageKind::IdentityChanged && client.is_held(&message.sender_id).await?;
    let around = Around::of(client, session.lang(), message, blocked).await?;
    output.text(&live(output, message, &around, false))
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
