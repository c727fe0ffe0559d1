//! `revoke-key`: nobody signs in as this user any more, and a running server closes what is open.

use clap::ArgMatches;
use serde_json::json;

use super::CommandError;
use super::arguments::{administration, whom};
use super::shown::act_on_user;
use crate::config::Config;
use crate::i18n::Language;
use crate::storage::Act;

pub(super) fn command(language: Language) -> clap::Command {
    let about = (
        "Deactivate a user: all devices are signed out and open connections closed at once",
        "Отключить пользователя: сеансы на всех устройствах и открытые соединения сразу завершаются",
    );
    administration(language, "revoke-key", about).arg(whom(language))
}

pub(super) async fn run(config: &Config, matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let done = language.pick("Deactivated:", "Отключён:");
    act_on_user(config, matches, language, done, json!({"active": false}), |user_id| Act::DeactivateUser { user_id })
        .await
}
