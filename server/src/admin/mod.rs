//! Administration, for the API, the console and the command line alike: what can be done and asked is told here once.
//!
//! The command line works in a process of its own. While the server runs, it writes down an [`Errand`], the server
//! carries it out ([`requests`]) and writes down what came of it; without a server it does the same by itself. An errand
//! and its outcome hold no key, only hashes of keys: keys are made by whoever shows them.

mod figures;
pub(crate) mod invitation;
pub(crate) mod requests;

use std::net::IpAddr;

use privmsg_protocol::rest::CreatedUser;
use privmsg_protocol::{ErrorCode, UserId};
use serde::{Deserialize, Serialize};

pub(crate) use figures::{audit, megabytes, stats, user, users};

use crate::app::App;
use crate::hub::CloseReason;
use crate::secrets::{KeyHash, random_key, random_user_id};
use crate::storage::{Act, Actor, AuditNote, Consequences, StorageError};

/// Something to be done or to be told.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Errand {
    Act(Act),
    Ask(Question),
}

/// Something to be told; the answers are those of the API.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Question {
    Users,
    User { user_id: UserId },
    Stats,
    Audit { before: Option<i64>, limit: u32 },
}

/// A new user with an access key. Without a name one is made up.
pub(crate) fn new_user(user_id: Option<UserId>) -> (CreatedUser, Act) {
    let created = CreatedUser { user_id: user_id.unwrap_or_else(random_user_id), access_key: random_key() };
    let key = KeyHash::of(created.access_key.expose());
    let act = Act::CreateUser { user_id: created.user_id.clone(), key };
    (created, act)
}

/// A new access key of a user.
pub(crate) fn new_key(user_id: UserId, sign_out_devices: bool) -> (CreatedUser, Act) {
    let created = CreatedUser { user_id, access_key: random_key() };
    let key = KeyHash::of(created.access_key.expose());
    let act = Act::ResetKey { user_id: created.user_id.clone(), key, sign_out_devices };
    (created, act)
}

/// Makes a user on this server.
pub(crate) async fn create_user(app: &App, user_id: Option<UserId>, by: Actor) -> Result<CreatedUser, StorageError> {
    loop {
        let (created, act) = new_user(user_id.clone());
        match carry_out(app, act, by).await {
            // A made-up name that is taken: chance, so another one.
            Err(StorageError::Refused(refusal)) if user_id.is_none() && refusal.code == ErrorCode::UserExists => {}
            other => return other.map(|()| created),
        }
    }
}

/// Carries an act out, with all that follows from it: when this answers, sockets are closed and files are gone.
pub(crate) async fn carry_out(app: &App, act: Act, by: Actor) -> Result<(), StorageError> {
    let consequences = app.storage.administer(act, by, None).await?;
    settle(app, consequences).await;
    Ok(())
}

async fn settle(app: &App, consequences: Consequences) {
    app.hub.close(&consequences.signed_out, CloseReason::SessionEnded);
    for file in consequences.files {
        if let Err(error) = app.files.remove(&file).await {
            // The next cleanup finds a file without a row, and tries again.
            tracing::warn!(error = &error as &dyn std::error::Error, "a file was not deleted");
        }
    }
}

/// The name under which wrong admin keys are in the audit log.
pub(crate) const KEY_REFUSED: &str = "admin_key_refused";

/// Notes that an admin key was refused. One entry a minute stands for all of that minute: whoever guesses must not fill
/// the disk.
pub(crate) async fn note_refused_key(app: &App, by: Actor, from: IpAddr) {
    let Some(attempts) = app.keys.note_refused() else { return };
    let mut detail = format!("attempts={attempts}");
    if app.config.log.addresses {
        detail.push_str(&format!(" address={from}"));
    }
    note(app, AuditNote { actor: by, action: KEY_REFUSED, user_id: None, detail }).await;
}

/// Adds an entry to the audit log, for what is not an [`Act`].
pub(crate) async fn note(app: &App, note: AuditNote) {
    if let Err(error) = app.storage.note(note).await {
        tracing::error!(error = &error as &dyn std::error::Error, "the audit log was not written");
    }
}
