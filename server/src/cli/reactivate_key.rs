//! `reactivate-key`: a user whose access was revoked may sign in again.

use clap::ArgMatches;

use super::CommandError;
use super::arguments::{administration, whom};
use super::shown::switch_user;
use crate::config::Config;
use crate::i18n::Language;

pub(super) fn command(language: Language) -> clap::Command {
    let about = (
        "Reactivate a user who was deactivated; the access key is the same",
        "Снова включить отключённого пользователя; ключ доступа прежний",
    );
    administration(language, "reactivate-key", about).arg(whom(language))
}

pub(super) async fn run(config: &Config, matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let done = language.pick("Reactivated:", "Включён:");
    let already = language.pick("Was active already:", "Уже был включён:");
    switch_user(config, matches, language, (true, done, already)).await
}
