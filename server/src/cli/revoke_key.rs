//! `revoke-key`: nobody signs in as this user any more, and a running server closes what is open.

use clap::ArgMatches;

use super::CommandError;
use super::arguments::{administration, whom};
use super::shown::switch_user;
use crate::config::Config;
use crate::i18n::Language;

pub(super) fn command(language: Language) -> clap::Command {
    let about = (
        "Deactivate a user: all devices are signed out and open connections closed at once",
        "Отключить пользователя: сеансы на всех устройствах и открытые соединения сразу завершаются",
    );
    administration(language, "revoke-key", about).arg(whom(language))
}

pub(super) async fn run(config: &Config, matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let done = language.pick("Deactivated:", "Отключён:");
    let already = language.pick("Was deactivated already:", "Уже был отключён:");
    switch_user(config, matches, language, (false, done, already)).await
}
