//! `generate-key`: a new user.

use privmsg_protocol::ErrorCode;

use super::arguments::GenerateKey;
use super::{CommandError, database, print};
use crate::accounts;
use crate::config::Config;
use crate::i18n::Language;
use crate::storage::{Storage as _, StorageError};

pub(super) async fn run(config: &Config, command: GenerateKey, language: Language) -> Result<(), CommandError> {
    let storage = database::open(config, command.by.admin_key.as_ref()).await?;
    let created = accounts::create(&storage, command.user_id).await;
    storage.close().await;
    let created = created.map_err(|error| match error {
        StorageError::Refused(refusal) if refusal.code == ErrorCode::UserExists => CommandError::UserExists,
        other => other.into(),
    })?;
    if command.by.json {
        let json = serde_json::to_string(&created).expect("a created user is plain data");
        return print(&json);
    }
    let advice = language.pick(
        "Keep both: the access key is shown only now.",
        "Сохраните оба значения: ключ доступа показывается только сейчас.",
    );
    print(&format!("user_id:    {}\naccess_key: {}\n\n{advice}", created.user_id, created.access_key.expose()))
}
