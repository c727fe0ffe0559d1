//! `reactivate-key`: a user whose access was revoked may sign in again.

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
        "Reactivate a user who was deactivated; the access key is the same",
        "Снова включить отключённого пользователя; ключ доступа прежний",
    );
    administration(language, "reactivate-key", about).arg(whom(language))
}

pub(super) async fn run(config: &Config, matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let done = language.pick("Reactivated:", "Включён:");
    act_on_user(config, matches, language, done, json!({"active": true}), |user_id| Act::ReactivateUser { user_id })
        .await
}
