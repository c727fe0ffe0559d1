//! `revoke-key`: nobody signs in as this user any more, and a running server closes what is open.

use privmsg_protocol::ErrorCode;

use super::arguments::RevokeKey;
use super::{CommandError, database, print};
use crate::config::Config;
use crate::i18n::Language;
use crate::storage::{Storage as _, StorageError};

pub(super) async fn run(config: &Config, command: RevokeKey, language: Language) -> Result<(), CommandError> {
    let storage = database::open(config, command.by.admin_key.as_ref()).await?;
    let revoked = storage.request_revocation(command.user_id.clone()).await;
    storage.close().await;
    revoked.map_err(|error| match error {
        StorageError::Refused(refusal) if refusal.code == ErrorCode::UnknownUser => CommandError::UnknownUser,
        other => other.into(),
    })?;
    if command.by.json {
        let user_id = command.user_id.as_str();
        return print(&serde_json::json!({"user_id": user_id, "active": false}).to_string());
    }
    let done = language.pick("Access revoked:", "Доступ отозван:");
    print(&format!("{done} {}", command.user_id))
}
