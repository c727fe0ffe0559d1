//! `withdraw-invitation`: a link that was given out does nothing any more.

use clap::ArgMatches;
use serde_json::json;

use super::CommandError;
use super::arguments::{administration, whom};
use super::shown::act_on_user;
use crate::config::Config;
use crate::i18n::Language;
use crate::storage::Act;

pub(super) fn command(language: Language) -> clap::Command {
    let about = ("Withdraw a user's invitation", "Отозвать приглашение пользователя");
    administration(language, "withdraw-invitation", about).arg(whom(language))
}

pub(super) async fn run(config: &Config, matches: ArgMatches, language: Language) -> Result<(), CommandError> {
    let done = language.pick("No invitation is valid any more:", "Приглашение больше не действует:");
    act_on_user(config, matches, language, done, json!({"invitation": null}), |user_id| Act::WithdrawInvitation {
        user_id,
    })
    .await
}
