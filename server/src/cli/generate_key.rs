//! `generate-key`: a new user.

use clap::ArgMatches;
use privmsg_protocol::{ErrorCode, UserId};

use super::arguments::{Administrator, administration, user_id};
use super::{CommandError, database, print};
use crate::accounts;
use crate::config::Config;
use crate::i18n::Language;
use crate::storage::{Storage as _, StorageError};

pub(super) fn command(language: Language) -> clap::Command {
    let about = (
        "Make a user, and show the access key, this once",
        "Создать пользователя и показать ключ доступа (только один раз)",
    );
    let name = ("Chosen name; random without it", "Выбранное имя; без него — случайное");
    administration(language, "generate-key", about).arg(user_id(language, name))
}

pub(super) async fn run(config: &Config, mut matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let name: Option<UserId> = matches.remove_one("user-id");
    let by = Administrator::take(&mut matches);
    let storage = database::open(config, by.admin_key.as_ref()).await?;
    let created = accounts::create(&storage, name).await;
    storage.close().await;
    let created = created.map_err(|error| match error {
        StorageError::Refused(refusal) if refusal.code == ErrorCode::UserExists => CommandError::UserExists,
        other => other.into(),
    })?;
    if by.json {
        let json = serde_json::to_string(&created).expect("a created user is plain data");
        return print(&json);
    }
    let advice = language.pick(
        "Keep both: the access key is shown only now.",
        "Сохраните оба значения: ключ доступа показывается только сейчас.",
    );
    print(&format!("user_id:    {}\naccess_key: {}\n\n{advice}", created.user_id, created.access_key.expose()))
}
