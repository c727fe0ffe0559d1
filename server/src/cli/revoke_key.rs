//! `revoke-key`: nobody signs in as this user any more, and a running server closes what is open.

use clap::ArgMatches;
use privmsg_protocol::{ErrorCode, UserId};

use super::arguments::{Administrator, administration, user_id};
use super::{CommandError, database, print};
use crate::config::Config;
use crate::i18n::Language;
use crate::storage::{Storage as _, StorageError};

pub(super) fn command(language: Language) -> clap::Command {
    let about = (
        "Revoke a user's access: open connections are closed within a second",
        "Отозвать доступ пользователя: открытые соединения закроются в течение секунды",
    );
    administration(language, "revoke-key", about).arg(user_id(language, ("Whose access", "Чей доступ")).required(true))
}

pub(super) async fn run(config: &Config, mut matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let name: UserId = matches.remove_one("user-id").expect("clap requires it");
    let by = Administrator::take(&mut matches);
    let storage = database::open(config, by.admin_key.as_ref()).await?;
    let revoked = storage.request_revocation(name.clone()).await;
    storage.close().await;
    revoked.map_err(|error| match error {
        StorageError::Refused(refusal) if refusal.code == ErrorCode::UnknownUser => CommandError::UnknownUser,
        other => other.into(),
    })?;
    if by.json {
        let user_id = name.as_str();
        return print(&serde_json::json!({"user_id": user_id, "active": false}).to_string());
    }
    let done = language.pick("Access revoked:", "Доступ отозван:");
    print(&format!("{done} {}", name))
}
